"""links to campaigns that people pass on, and how many came by each"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "campaign_link",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("suffix", sa.String(length=8), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=True),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_campaign_link_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_link")),
        sa.UniqueConstraint("campaign", "suffix", name="uq_campaign_link_campaign"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_campaign_link_area_id"), "campaign_link", ["area_id"])
    op.create_table(
        "campaign_arrival",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("suffix", sa.String(length=8), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "suffix", "month", name=op.f("pk_campaign_arrival")),
    )


def downgrade() -> None:
    op.drop_table("campaign_arrival")
    op.drop_index(op.f("ix_campaign_link_area_id"), "campaign_link")
    op.drop_table("campaign_link")
