"""alarms and rota"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rota_shift",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_rota_shift_area_id_area")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_rota_shift_staff_id_staff"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_shift")),
        sa.UniqueConstraint("area_id", "staff_id", "starts_at", name="uq_rota_shift_area_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rota_shift_area_ends", "rota_shift", ["area_id", "ends_at"])


def downgrade() -> None:
    op.drop_table("rota_shift")
