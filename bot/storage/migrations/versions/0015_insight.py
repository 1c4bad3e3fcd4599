"""insight: counts that outlive the people they count, and what was searched for"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_search",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("need", sa.String(length=60), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "area_id", "outcome", "need", "place", "language", name=op.f("pk_service_search")),
    )
    op.create_table(
        "insight_day",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_insight_day")),
    )
    op.create_table(
        "insight_count",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=False),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("category", sa.String(length=160), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "area_id", "measure", "category", name=op.f("pk_insight_count")),
    )
    op.create_index(op.f("ix_inbox_received_at"), "inbox", ["received_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_inbox_received_at"), table_name="inbox")
    op.drop_table("insight_count")
    op.drop_table("insight_day")
    op.drop_table("service_search")
