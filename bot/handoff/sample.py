"""The monthly blind sample: messages in which triage saw no worry, drawn by chance, for a practitioner to judge by their words alone.

A draw is made once a month for each area and language, by whoever looks first, and stays as it is. What staff say of its messages
is kept as marks of triage (`bot.handoff.marks`). Blocking: call from a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.handoff import cases, marks
from bot.handoff.desk import Refused, may_see
from bot.handoff.unasked import case_by_staff
from bot.messages import Kind
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import (
    CaseEvent,
    Inbox,
    Person,
    Staff,
    StaffAudit,
    TriageMark,
    TriageSample,
    now,
)

if TYPE_CHECKING:
    from bot.handoff.desk import Services
    from bot.handoff.hours import Teams
    from bot.handoff.sampling import Sampling

FEWEST_WORDS = 3
"""Shorter messages tell a reader nothing."""

SERIOUS = ("urgent", "emergency")
"""Levels that may not be left lying: whoever finds one opens a case."""

READ_AT_ONCE = 200


class NotInSample(LookupError):
    """There is no such message in a sample that the member of staff may see; perhaps its writer has asked to be forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One message of a sample. `text` is as its parent wrote it: take out what may say who they are before it is shown; None if
    it cannot be read any more. `level` is what staff said that it should have had, None as long as nobody has."""

    id: int
    text: str | None
    level: str | None
    by: str
    case_id: int | None

    @property
    def left_lying(self) -> bool:
        """Whether somebody found it serious and no case has come of it."""
        return self.level in SERIOUS and self.case_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Which draw: a month ("2026-03") of an area and a language."""

    month: str
    area_id: str
    language: str


def draw_of_now(teams: Teams, area_id: str, language: str) -> Draw:
    """The draw of the month that it is in the area."""
    return Draw(month=f"{now().astimezone(teams.of(area_id).zone):%Y-%m}", area_id=area_id, language=language)


def make(services: Services, draw: Draw, sampling: Sampling, is_command: Callable[[str], bool]) -> None:
    """Draw, unless that has been done: then nothing changes. Where there is nothing to draw, the next to look draws."""
    with services.database.read() as session:
        if _is_made(session, draw):
            return
        fitting = _by_chance(session, services.keyring, _may_be_drawn(draw, services.teams, sampling), is_command)
        ids = list(islice(fitting, sampling.messages))
    try:
        with services.database.write() as session:
            if not _is_made(session, draw):
                for position, inbox_id in enumerate(ids, 1):
                    row = {"month": draw.month, "area_id": draw.area_id, "language": draw.language}
                    session.add(TriageSample(inbox_id=inbox_id, position=position, **row))
    except IntegrityError:
        # Somebody else drew at the same moment, and theirs stands; or a parent asked to be forgotten, and the next look draws.
        return


def read(session: Session, keyring: Keyring, draw: Draw) -> list[Drawn]:
    """The messages of a draw in its order, after those of earlier months that were found serious and have no case yet.

    Whoever asked to be forgotten is not among them, even where a message of theirs stays with a case.
    """
    lying = and_(TriageSample.month < draw.month, TriageMark.should_be.in_(SERIOUS), Inbox.case_id.is_(None))
    query = (
        select(TriageSample.id, Inbox.sealed, Inbox.case_id, TriageMark.should_be, Staff.first_name)
        .join(Inbox, Inbox.id == TriageSample.inbox_id)
        .join(Person, Person.id == Inbox.person_id)
        # A mark that was made in a case, by somebody who saw all of it, would give away what another reader found.
        .outerjoin(TriageMark, and_(TriageMark.inbox_id == Inbox.id, TriageMark.blind.is_(True)))
        .outerjoin(Staff, Staff.id == TriageMark.staff_id)
        .where(
            TriageSample.area_id == draw.area_id,
            TriageSample.language == draw.language,
            or_(TriageSample.month == draw.month, lying),
            Person.forgotten_at.is_(None),
        )
        .order_by(TriageSample.month, TriageSample.position)
    )
    return [
        Drawn(id=id_, text=_text(keyring, sealed), level=level, by=name or "", case_id=case_id)
        for id_, sealed, case_id, level, name in session.execute(query)
    ]


def mark(services: Services, sample_id: int, staff_id: int, level: str) -> Draw:
    """Say which level a message should have had; a later word takes the place of an earlier one. Returns the draw it is of.

    Raises `NotInSample`, and `Refused` (`mark`) for something that is no level.
    """
    with services.database.write() as session:
        drawn, message = _drawn(session, sample_id, staff_id)
        if level not in marks.LEVELS:
            raise Refused("mark")
        marks.put(
            session,
            message,
            should_be=level,
            language=drawn.language,
            area_id=drawn.area_id,
            staff_id=staff_id,
            blind=True,
        )
        session.add(StaffAudit(staff_id=staff_id, action="sample.mark", subject=f"sample:{sample_id}"))
        return Draw(month=drawn.month, area_id=drawn.area_id, language=drawn.language)


def open_case(services: Services, sample_id: int, staff_id: int) -> Draw:
    """Open a case for the writer of a message that was found serious, or raise the one they have. Returns the draw it is of.

    Nothing is sent: the parent has not been told of any of this, and hears of it only when they write or somebody claims the case.
    Repeating it changes nothing. Raises `NotInSample`, and `Refused` (`mark`) for a message that nobody has found serious.
    """
    try:
        draw, person_id = _open_case(services, sample_id, staff_id)
    except IntegrityError:
        # The parent's next worry opened a case at this very moment: the message joins it.
        draw, person_id = _open_case(services, sample_id, staff_id)
    services.hub.publish(f"person:{person_id}", "queue", "outbox")
    return draw


def _open_case(services: Services, sample_id: int, staff_id: int) -> tuple[Draw, int]:
    with services.database.write() as session:
        drawn, message = _drawn(session, sample_id, staff_id)
        draw = Draw(month=drawn.month, area_id=drawn.area_id, language=drawn.language)
        if message.case_id is not None:
            return draw, message.person_id
        found = session.scalar(select(TriageMark).where(TriageMark.inbox_id == message.id, TriageMark.blind.is_(True)))
        if found is None or found.should_be not in SERIOUS:
            raise Refused("mark")
        case = case_by_staff(session, services, message, found.should_be)
        cases.join(session, case, message.id)
        message.case_id = case.id
        session.add(StaffAudit(staff_id=staff_id, action="sample.case", subject=f"case:{case.id}"))
        return draw, message.person_id


def _drawn(session: Session, sample_id: int, staff_id: int) -> tuple[TriageSample, Inbox]:
    """A message of a sample, its row locked, that `staff_id` may see. Raises `NotInSample`."""
    staff, drawn = session.get_one(Staff, staff_id), session.get(TriageSample, sample_id)
    if drawn is None or not may_see(staff.area_id, drawn.area_id):
        raise NotInSample(sample_id)
    message = session.get(Inbox, drawn.inbox_id, with_for_update=True) if drawn.inbox_id is not None else None
    if message is None or session.get_one(Person, message.person_id).forgotten_at is not None:
        raise NotInSample(sample_id)
    return drawn, message


def _is_made(session: Session, draw: Draw) -> bool:
    query = select(TriageSample.id).where(
        TriageSample.month == draw.month, TriageSample.area_id == draw.area_id, TriageSample.language == draw.language
    )
    return session.scalar(query.limit(1)) is not None


def _may_be_drawn(draw: Draw, teams: Teams, sampling: Sampling) -> ColumnElement[bool]:
    """Finished words of the area's parents without a worry, that belong to no case and that nobody has judged or drawn yet."""
    # Parents of no area are everybody's; they are drawn with those of the team that answers for them.
    nobodys = Person.area_id.is_(None) if teams.default.area_id == draw.area_id else false()
    return and_(
        Inbox.level == "none",
        Inbox.kind == Kind.TEXT.value,
        Inbox.language == draw.language,
        Inbox.open == 0,
        Inbox.received_at > now() - sampling.span,
        Inbox.case_id.is_(None),
        ~exists().where(CaseEvent.inbox_id == Inbox.id),
        ~exists().where(TriageMark.inbox_id == Inbox.id),
        ~exists().where(TriageSample.inbox_id == Inbox.id),
        or_(Person.area_id == draw.area_id, nobodys),
        Person.forgotten_at.is_(None),
    )


def _by_chance(
    session: Session, keyring: Keyring, where: ColumnElement[bool], is_command: Callable[[str], bool]
) -> Iterator[int]:
    """The messages of `where` in a random order, by id, without commands and what is too short."""
    query = select(Inbox.id).join(Person, Person.id == Inbox.person_id).where(where).order_by(func.random())
    ids = session.scalars(query).all()
    for start in range(0, len(ids), READ_AT_ONCE):
        some = ids[start : start + READ_AT_ONCE]
        sealed = _sealed(session, some)
        for id_ in some:
            text = _text(keyring, sealed[id_]) or ""
            if len(text.split()) >= FEWEST_WORDS and not is_command(text):
                yield id_


def _sealed(session: Session, ids: Sequence[int]) -> dict[int, bytes]:
    return {row.id: row.sealed for row in session.execute(select(Inbox.id, Inbox.sealed).where(Inbox.id.in_(ids)))}


def _text(keyring: Keyring, sealed: bytes) -> str | None:
    """The words of a message; None where its key has been dropped."""
    try:
        return str(keyring.open_json(sealed).get("text") or "")
    except KeyMissing:
        return None
