"""The review list: parents who have written several times that they are struggling and have no case. Blocking: call from a thread.

A worry opens no case unless its writer says yes to a person. Whoever writes of worries again and again comes on this list, so that a
practitioner decides whether somebody should get in touch. What they wrote is not shown until somebody gives a reason for reading it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.handoff import cases
from bot.handoff.desk import Refused, checked, in_area, may_see
from bot.handoff.unasked import case_by_staff
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import Case, ConcernReview, Inbox, Person, Staff, StaffAudit, now

if TYPE_CHECKING:
    from bot.handoff.desk import Services
    from bot.handoff.sampling import Reviewing

LEVEL = "concern"
DECISIONS = ("nothing", "case")
MOST_ROWS = 200
"""More than anybody works through at once; the longest on the list come first."""


class NotOnList(LookupError):
    """That parent is not on the list (any more), or belongs to another area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worry:
    """One message of level concern: when, what about, and the kinds of worry that triage saw. `text` is None until it is read for a
    reason, and if its key has been dropped; take out what may say who wrote it before it is shown."""

    at: datetime
    topic: str | None
    kinds: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Struggling:
    """A parent on the list. `up_to` is their newest message that counts: what staff decide is about no later one."""

    person_id: int
    pseudonym: str
    language: str
    channel: str
    worries: tuple[Worry, ...]
    up_to: int


def waiting(session: Session, keyring: Keyring, area_id: str | None, reviewing: Reviewing) -> list[Struggling]:
    """The parents on the list of staff of `area_id` (None: all), whose last worry is longest ago first."""
    rows = session.execute(_on_list(in_area(Person.area_id, area_id), reviewing).limit(MOST_ROWS)).all()
    return [_struggling(session, keyring, person_id, reviewing, with_words=False) for person_id, *_ in rows]


def count(session: Session, area_id: str | None, reviewing: Reviewing) -> int:
    """How many parents are on that list."""
    return session.scalar(select(func.count()).select_from(_on_list(in_area(Person.area_id, area_id), reviewing).subquery())) or 0


def read_words(services: Services, person_id: int, staff_id: int, reviewing: Reviewing, reason: str) -> Struggling:
    """The parent with the words of their worries, for a reason. That they were read, by whom and why, is kept.

    Raises `NotOnList`, and `Refused` (`empty`, `too_long`) for no reason.
    """
    words = checked(reason)
    with services.database.write() as session:
        found = _found(session, services.keyring, person_id, staff_id, reviewing, with_words=True)
        sealed = services.keyring.seal_json({"text": words})
        session.add(ConcernReview(person_id=person_id, staff_id=staff_id, act="read", sealed=sealed, up_to=found.up_to))
        session.add(StaffAudit(staff_id=staff_id, action="review.read", subject=f"person:{person_id}"))
    return found


def decide(services: Services, person_id: int, staff_id: int, reviewing: Reviewing, act: str, up_to: int) -> int | None:
    """Take a parent off the list: with `nothing` to do, or with a `case`, whose id is returned.

    A case is opened for their newest worry and nothing is sent: the parent hears of it when somebody claims it or they write.
    `up_to` is the newest message that the decision knew of: whoever has written another worry since stays (`NotOnList` is raised).
    Raises `Refused` (`mark`) for something that is no decision.
    """
    if act not in DECISIONS:
        raise Refused("mark")
    try:
        case_id = _decide(services, person_id, staff_id, reviewing, act, up_to)
    except IntegrityError:
        # The parent's next message opened a case at this very moment; they are on the list no longer.
        raise NotOnList(person_id) from None
    if case_id is not None:
        services.hub.publish(f"person:{person_id}", "queue", "outbox")
    return case_id


def _decide(services: Services, person_id: int, staff_id: int, reviewing: Reviewing, act: str, up_to: int) -> int | None:
    with services.database.write() as session:
        found = _found(session, services.keyring, person_id, staff_id, reviewing, with_words=False)
        if found.up_to != up_to:
            raise NotOnList(person_id)
        session.add(ConcernReview(person_id=person_id, staff_id=staff_id, act=act, up_to=found.up_to))
        session.add(StaffAudit(staff_id=staff_id, action=f"review.{act}", subject=f"person:{person_id}"))
        if act != "case":
            return None
        message = session.get_one(Inbox, found.up_to)
        case = case_by_staff(session, services, message, LEVEL)
        cases.join(session, case, message.id)
        message.case_id = case.id
        return case.id


def _found(
    session: Session, keyring: Keyring, person_id: int, staff_id: int, reviewing: Reviewing, *, with_words: bool
) -> Struggling:
    """A parent on the list, their row locked, whom `staff_id` may see. Raises `NotOnList`."""
    staff, person = session.get_one(Staff, staff_id), session.get(Person, person_id, with_for_update=True)
    if person is None or not may_see(staff.area_id, person.area_id):
        raise NotOnList(person_id)
    if session.execute(_on_list(Person.id == person_id, reviewing)).first() is None:
        raise NotOnList(person_id)
    return _struggling(session, keyring, person_id, reviewing, with_words=with_words)


def _counts(reviewing: Reviewing) -> ColumnElement[bool]:
    """The messages that count: worries without a case in the last days, later than what staff have already decided about."""
    decided = (
        select(func.coalesce(func.max(ConcernReview.up_to), 0))
        .where(ConcernReview.person_id == Inbox.person_id, ConcernReview.act.in_(DECISIONS))
        .scalar_subquery()
    )
    return and_(Inbox.level == LEVEL, Inbox.case_id.is_(None), Inbox.received_at > now() - reviewing.span, Inbox.id > decided)


def _on_list(whose: ColumnElement[bool], reviewing: Reviewing) -> Select[int, datetime]:
    """(person id, time of the last worry) of parents with enough worries and no open case."""
    last = func.max(Inbox.received_at)
    open_case = exists().where(Case.person_id == Person.id, Case.state != "closed")
    return (
        select(Person.id, last)
        .join(Inbox, Inbox.person_id == Person.id)
        .where(whose, Person.forgotten_at.is_(None), ~open_case, _counts(reviewing))
        .group_by(Person.id)
        .having(func.count() >= reviewing.concerns)
        .order_by(last, Person.id)
    )


def _struggling(session: Session, keyring: Keyring, person_id: int, reviewing: Reviewing, *, with_words: bool) -> Struggling:
    person = session.get_one(Person, person_id)
    query = select(Inbox).where(Inbox.person_id == person_id, _counts(reviewing)).order_by(Inbox.id)
    messages: Sequence[Inbox] = session.scalars(query).all()
    worries = tuple(
        Worry(
            at=message.received_at,
            topic=message.topic,
            kinds=_kinds(keyring, message.triage),
            text=_text(keyring, message.sealed) if with_words else None,
        )
        for message in messages
    )
    return Struggling(
        person_id=person_id,
        pseudonym=person.pseudonym,
        language=person.language,
        channel=messages[-1].channel,
        worries=worries,
        up_to=messages[-1].id,
    )


def _kinds(keyring: Keyring, sealed: bytes | None) -> tuple[str, ...]:
    """What sort of worry triage saw, without the words: its kinds, each once."""
    try:
        reasons = keyring.open_json(sealed) if sealed else []
    except KeyMissing:
        return ()
    return tuple(dict.fromkeys(str(reason["kind"]) for reason in reasons if reason.get("kind")))


def _text(keyring: Keyring, sealed: bytes) -> str | None:
    try:
        return str(keyring.open_json(sealed).get("text") or "")
    except KeyMissing:
        return None
