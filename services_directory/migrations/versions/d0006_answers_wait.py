"""Answers to questions of an import wait for an approver: the change that each is in, and the double that a change withdraws."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d0006"
down_revision: str | Sequence[str] | None = "d0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("directory_proposed_change", "withdraws"),
    ("directory_term_question", "change_id"),
    ("directory_merge_question", "change_id"),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, sa.String(36), nullable=True))


def downgrade() -> None:
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column)
