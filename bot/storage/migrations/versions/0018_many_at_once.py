"""indexes for many due at once: open messages that somebody waits for, those that nobody does, who was here lately, what has waited too long"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ASKED = sa.text("open = 1 AND message_class != 'series' AND message_class != 'bulk'")
UNASKED = sa.text("open = 1 AND (message_class = 'series' OR message_class = 'bulk')")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_index("ix_outbox_asked", "outbox", ["channel", "id"], sqlite_where=ASKED, postgresql_where=ASKED)
    op.create_index("ix_outbox_unasked", "outbox", ["channel", "id"], sqlite_where=UNASKED, postgresql_where=UNASKED)
    op.create_index("ix_person_address_last_seen_at", "person_address", ["last_seen_at"])
    op.create_index("ix_series_step_until", "series_step", ["until"], sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade() -> None:
    op.drop_index("ix_series_step_until", "series_step")
    op.drop_index("ix_person_address_last_seen_at", "person_address")
    op.drop_index("ix_outbox_unasked", "outbox")
    op.drop_index("ix_outbox_asked", "outbox")
