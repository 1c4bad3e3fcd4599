"""What the writer said for a case beside their messages: what a practitioner must know before they reply."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import CaseEvent

KINDS = ("writer_child", "writer_age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`writer_age` is in years, where the writer said that they are under 18."""

    writer_child: bool = False
    writer_age: int | None = None

    @property
    def anything(self) -> bool:
        """Whether there is anything to show."""
        return self != Told()


def read_told(session: Session, keyring: Keyring, case_id: int) -> Told:
    """What the history of the case says of its writer, the newest word on each thing."""
    events = session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case_id, CaseEvent.kind.in_(KINDS)).order_by(CaseEvent.id)
    ).all()
    known: dict[str, object] = {}
    for event in events:
        try:
            detail = dict(keyring.open_json(event.detail)) if event.detail else {}
        except KeyMissing:
            detail = {}
        known[event.kind] = detail
    age = known.get("writer_age")
    return Told(
        writer_child="writer_child" in known,
        writer_age=int(age["age"]) if isinstance(age, dict) and "age" in age else None,
    )
