"""What became of one message, from webhook to delivery: states and times, without words. Its number is the `message` of every log line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.storage.tables import CaseEvent, Inbox, Outbox, ProviderMessage

PROVIDER_SAYS = {0: "accepted", 1: "sent", 2: "failed", 3: "delivered", 4: "read"}
"""Ranks of `ProviderMessage`, as `bot.delivery.receipts` gives them."""


def trace(session: Session, inbox_id: int) -> list[str] | None:
    """The path of a message in lines for whoever runs Wren; None if there is no such message (any more)."""
    row = session.get(Inbox, inbox_id)
    if row is None:
        return None
    return [*_arrival(row), *_case(session, row), *_answers(session, row)]


def _arrival(row: Inbox) -> Iterator[str]:
    yield f"{_at(row.received_at)}  message {row.id} received by {row.channel} ({row.kind})"
    tries = f"taken up {row.attempts} times" if row.attempts != 1 else "taken up once"
    if not row.open:
        yield f"{_at(row.done_at)}  {row.state}, {tries}{_because(row.reason)}"
    elif row.lease_until is not None:
        yield f"{_at(row.lease_until)}  the worker's lease ends; {tries}"
    else:
        yield f"{_at(None)}  waits for a worker; {tries}"


def _case(session: Session, row: Inbox) -> Iterator[str]:
    events = session.scalars(select(CaseEvent).where(CaseEvent.inbox_id == row.id).order_by(CaseEvent.id))
    for event in events:
        yield f"{_at(event.at)}  case {event.case_id}: {event.kind}"


def _answers(session: Session, row: Inbox) -> Iterator[str]:
    answers = session.scalars(select(Outbox).where(Outbox.inbox_id == row.id).order_by(Outbox.id)).all()
    if not answers:
        yield f"{_at(None)}  no answer was written"
    for answer in answers:
        yield f"{_at(answer.created_at)}  answer {answer.id} written ({answer.message_class}, {answer.language})"
        moment = answer.due_at if answer.open else answer.sent_at
        due = ", due then" if answer.open else ""
        yield f"{_at(moment)}  answer {answer.id} {answer.state} by {answer.channel}, {answer.attempts} tries{due}{_because(answer.reason)}"
        known = select(ProviderMessage).where(ProviderMessage.outbox_id == answer.id).order_by(ProviderMessage.part)
        for part in session.scalars(known):
            says = PROVIDER_SAYS.get(part.rank, "unknown")
            yield f"{_at(part.at)}  answer {answer.id} part {part.part + 1} of {part.parts}: {says}{_because(part.reason)}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment is not None else " " * 19


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""
