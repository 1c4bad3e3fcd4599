"""What the writer said for a case beside their messages: what a practitioner must know before they reply."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import Case, CaseEvent

KINDS = ("writer_child", "writer_age", "contact", "contact_asked", "withheld", "shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`writer_age` is in years, where the writer said that they are under 18. `safe` is when they may be written to: `any`,
    `times` or `no`, "" where they have not said, None where they were not asked; `words` are theirs on it."""

    writer_child: bool = False
    writer_age: int | None = None
    safe: str | None = None
    words: str = ""
    check_word: str = ""
    how: str | None = None
    """How they would like to be contacted: `here`, `call` or `words`, with `how_words` theirs on it."""
    how_words: str = ""
    shared: str = ""
    """The words of a concern that they agreed to pass on."""
    withheld: bool = False
    """Whether they have not agreed."""

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
            if "how" in detail:
                contact.pop("how_words", None)
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
        how=contact.get("how"),
        how_words=contact.get("how_words", ""),
        shared=str(shared.get("words", "")) if isinstance(shared := known.get("shared"), dict) else "",
        withheld=bool(withheld(session, session.get_one(Case, case_id))),
    )


def withheld(session: Session, case: Case) -> set[int]:
    """Messages that the parent has not agreed to pass on; none once the case is more than a concern: then safety goes before."""
    if case.level != "concern":
        return set()
    query = select(CaseEvent.kind, CaseEvent.inbox_id).join(Case, Case.id == CaseEvent.case_id)
    rows = session.execute(query.where(Case.person_id == case.person_id, CaseEvent.kind.in_(("withheld", "shared")))).all()
    shared = {inbox_id for kind, inbox_id in rows if kind == "shared"}
    return {inbox_id for kind, inbox_id in rows if kind == "withheld" and inbox_id is not None} - shared
