"""What somebody waits for and what may not be sent now, because they wrote too long ago: held until they write again.

A practitioner's words and an answer are held; anything else is refused. For a practitioner's words a template asks the parent, once
for all that is held, to write or press a button; nothing of the words is in it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, literal, select, update
from sqlalchemy.orm import Session

from bot.messages import MessageClass
from bot.storage.tables import Outbox, now

HELD_FOR = {MessageClass.REPLY.value: timedelta(days=3), MessageClass.PRACTITIONER.value: timedelta(days=30)}
"""How long each class is held: a late answer to what nobody remembers asking confuses."""


IS_HELD = Outbox.state == literal("held", literal_execute=True)
"""Written out, not bound, so that SQLite too may use the index of held rows alone: the sweep asks every few seconds."""


_HELD = (
    select(Outbox)
    .where(IS_HELD, Outbox.person_id == bindparam("person"), Outbox.channel == bindparam("channel"))
    .order_by(Outbox.id)
)


def may_be_held(row: Outbox) -> bool:
    """Whether somebody waits for this message, in words of its own (a template is never held)."""
    return row.message_class in HELD_FOR and not row.ref.startswith("template:")


def hold(session: Session, row: Outbox) -> None:
    """Keep a message for when the person writes."""
    row.state, row.open, row.reason = "held", 0, "until they write again"
    row.lease_token = row.lease_until = None


def release(session: Session, person_id: int, channel: str) -> int:
    """They have written: queue what was held for them here, oldest first; returns how many. What is too old is refused."""
    held = session.scalars(_HELD, {"person": person_id, "channel": channel}).all()
    released = 0
    for row in held:
        if row.created_at < now() - HELD_FOR[row.message_class]:
            row.state, row.reason = "refused", "held too long"
            continue
        row.state, row.open, row.reason, row.attempts, row.due_at = "queued", 1, None, 0, now()
        released += 1
    return released


def refuse_old(session: Session) -> None:
    """End what has been held for too long."""
    for message_class, longest in HELD_FOR.items():
        old = (IS_HELD, Outbox.message_class == message_class, Outbox.created_at < now() - longest)
        session.execute(update(Outbox).where(*old).values(state="refused", reason="held too long"))
