"""Changes on their way to the directory, and the history of what was done. Not watched: no search reads them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d0003"
down_revision: str | Sequence[str] | None = "d0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "directory_proposed_change",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("area_id", sa.String(36)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("new", sa.Boolean, nullable=False),
        sa.Column("base", sa.JSON, nullable=False),
        sa.Column("answers", sa.JSON, nullable=False),
        sa.Column("author_id", sa.Integer, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("step", sa.String(40)),
        sa.Column("undoes", sa.String(36)),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("decided_at", MOMENT),
        sa.Column("decider_id", sa.Integer),
        sa.Column("decider", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("ix_directory_proposed_change_service_id", "directory_proposed_change", ["service_id"])
    op.create_index("ix_directory_proposed_change_author_id", "directory_proposed_change", ["author_id"])
    op.create_index("ix_directory_proposed_change_state_area", "directory_proposed_change", ["state", "area_id"])
    op.create_table(
        "directory_history",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("change_id", sa.String(36)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("author_id", sa.Integer, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("approver", sa.Text),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_index("ix_directory_history_service_at", "directory_history", ["service_id", "at"])


def downgrade() -> None:
    op.drop_table("directory_history")
    op.drop_table("directory_proposed_change")
