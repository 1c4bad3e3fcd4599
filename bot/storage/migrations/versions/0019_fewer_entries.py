"""outgoing messages have fewer index entries: none by the provider's id, which nothing asks for, and none where there is no message
or case that they belong to"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = ("inbox_id", "case_id")


def upgrade() -> None:
    op.drop_index("ix_outbox_provider", "outbox")
    for column in COLUMNS:
        there = sa.text(f"{column} IS NOT NULL")
        op.drop_index(f"ix_outbox_{column}", "outbox")
        op.create_index(f"ix_outbox_{column}", "outbox", [column], sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"ix_outbox_{column}", "outbox")
        op.create_index(f"ix_outbox_{column}", "outbox", [column])
    op.create_index("ix_outbox_provider", "outbox", ["channel", "provider_id"])
