"""the monthly blind sample, and marks that come from it"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "triage_sample",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("inbox_id", BIG_ID, nullable=True),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_triage_sample_area_id_area")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_triage_sample_inbox_id_inbox"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triage_sample")),
        sa.UniqueConstraint("inbox_id", name="uq_triage_sample_inbox_id"),
        sa.UniqueConstraint("month", "area_id", "language", "position", name="uq_triage_sample_month"),
        sqlite_autoincrement=True,
    )
    # Straight on the table: no mark made so far came from a sample.
    op.add_column("triage_mark", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("triage_mark", "blind")
    op.drop_table("triage_sample")
