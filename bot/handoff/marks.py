"""What staff say of triage: for one message, which level it should have had. Kept and counted in the database; nothing is sent on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot.storage.tables import Inbox, Staff, TriageMark, now
from bot.storage.upsert import insert

LEVELS = ("none", "concern", "urgent", "emergency")
"""From the lowest to the highest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a member of staff said of a message's level."""

    verdict: str
    should_be: str
    staff: str


@dataclass(slots=True, kw_only=True)
class Count:
    """Marks of messages in one language that triage gave one level. `should_be` counts the levels that they should have had."""

    language: str
    level: str
    right: int = 0
    too_high: int = 0
    too_low: int = 0
    should_be: dict[str, int] = field(default_factory=dict)


def verdict(level: str, should_be: str) -> str:
    """`right`, `too_high` or `too_low`. Raises ValueError for something that is no level."""
    given, wanted = LEVELS.index(level), LEVELS.index(should_be)
    return "right" if given == wanted else "too_high" if given > wanted else "too_low"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCount:
    """What came of the blind sample in one language: how many messages were read, how many should have had a higher level."""

    read: int
    too_low: int


def put(
    session: Session,
    message: Inbox,
    *,
    should_be: str,
    language: str,
    area_id: str | None,
    staff_id: int,
    blind: bool = False,
) -> None:
    """Mark a message; a later mark takes the place of an earlier one. Raises ValueError for something that is no level.

    `blind` is for a mark of the sample, where words alone were shown; who corrects it in a case leaves it one of the sample.
    """
    verdict(message.level, should_be)
    said = {"should_be": should_be, "staff_id": staff_id, "at": now(), **({"blind": True} if blind else {})}
    row = insert(session, TriageMark).values(
        inbox_id=message.id, area_id=area_id, language=message.language or language, level=message.level, **said
    )
    session.execute(row.on_conflict_do_update(index_elements=["inbox_id"], set_=said))


def of_messages(session: Session, inbox_ids: Iterable[int]) -> Mapping[int, Mark]:
    """The marks of messages by their ids."""
    query = select(TriageMark, Staff.first_name).outerjoin(Staff, Staff.id == TriageMark.staff_id)
    rows = session.execute(query.where(TriageMark.inbox_id.in_(list(inbox_ids))))
    return {
        mark.inbox_id: Mark(verdict=verdict(mark.level, mark.should_be), should_be=mark.should_be, staff=name or "")
        for mark, name in rows
        if mark.inbox_id is not None
    }


def counts(session: Session, *where: ColumnElement[bool]) -> list[Count]:
    """Marks by language and by the level that triage gave, the highest first."""
    columns = (TriageMark.language, TriageMark.level, TriageMark.should_be)
    found: dict[tuple[str, str], Count] = {}
    for language, level, should_be, number in session.execute(select(*columns, func.count()).where(*where).group_by(*columns)):
        count = found.setdefault((language, level), Count(language=language, level=level))
        kind = verdict(level, should_be)
        setattr(count, kind, getattr(count, kind) + number)
        count.should_be[should_be] = number
    return sorted(found.values(), key=lambda count: (count.language, -LEVELS.index(count.level)))


def sample_counts(session: Session, *where: ColumnElement[bool]) -> dict[str, SampleCount]:
    """Marks of the blind sample, by language. They are among those of `counts` too."""
    columns = (TriageMark.language, TriageMark.level, TriageMark.should_be)
    query = select(*columns, func.count()).where(TriageMark.blind.is_(True), *where).group_by(*columns)
    found: dict[str, SampleCount] = {}
    for language, level, should_be, number in session.execute(query):
        before = found.get(language, SampleCount(read=0, too_low=0))
        missed = number if verdict(level, should_be) == "too_low" else 0
        found[language] = SampleCount(read=before.read + number, too_low=before.too_low + missed)
    return found
