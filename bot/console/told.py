"""What the writer said for a case beside their messages: what a practitioner must know before they reply."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import CaseEvent

KINDS = ("writer_child", "writer_age", "contact", "contact_asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`writer_age` is in years, where the writer said that they are under 18. `safe` is when they may be written to: `any`,
    `times` or `no`, "" where they have not said, None where they were not asked; `words` are theirs on it."""

    writer_child: bool = False
    writer_age: int | None = None
    safe: str | None = None
    words: str = ""
    check_word: str = ""

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
    contact: dict[str, str] = {}
    for event in events:
        try:
            detail = dict(keyring.open_json(event.detail)) if event.detail else {}
        except KeyMissing:
            detail = {}
        known[event.kind] = detail
        if event.kind == "contact_asked":
            contact.setdefault("safe", "")
        elif event.kind == "contact":
            if "safe" in detail:  # what they said of it before is no longer so
                contact.pop("words", None)
            contact |= detail
    age = known.get("writer_age")
    return Told(
        writer_child="writer_child" in known,
        writer_age=int(age["age"]) if isinstance(age, dict) and "age" in age else None,
        safe=contact.get("safe"),
        words=contact.get("words", ""),
        check_word=contact.get("word", ""),
    )
