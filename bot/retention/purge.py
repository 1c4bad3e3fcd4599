"""What is due of each kind of data, and how it is removed: a few rows at a time.

Rows are looked for in a reading transaction and removed in a writing one under the same conditions, so that whoever has come back in
between keeps what is theirs, and the writer of SQLite is never held for a search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from bot.people.people import wipe_events
from bot.people.tombstones import bury
from bot.retention.counts import count_cases
from bot.retention.holds import held_cases, held_people
from bot.storage.crypto import Keyring
from bot.storage.tables import (
    Alarm,
    ButtonToken,
    Case,
    CaseEvent,
    CaseHold,
    ConcernReview,
    Feedback,
    Inbox,
    Incident,
    Outbox,
    Person,
    RawEvent,
    RetentionNight,
    RetentionRun,
    RotaShift,
    SeriesSubscription,
    Staff,
    StaffAudit,
    StaffLink,
    StaffLogin,
    Tombstone,
    TriageMark,
    TriageSample,
    Trouble,
    UnansweredQuestion,
)

BATCH = 200
"""Rows that are removed in one transaction."""

Conditions = tuple[ColumnElement[bool], ...]
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is looked for: what ended before `cut`, at `moment`, of one area; None for what belongs to no area."""

    cut: datetime
    moment: datetime
    area_id: str | None
    tombstones_end: datetime
    """Until when a tombstone lies that is put now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removing:
    """An open writing transaction, and what removing may need."""

    session: Session
    keyring: Keyring
    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """The rows of one table that are due: found by their `key`, under conditions. `before` does what must be done before they go.

    `held` finds those that are due and are kept by a hold.
    """

    key: Column
    due: Callable[[Due], Conditions]
    before: Callable[[Removing, Sequence[Any]], None] | None = None
    held: Callable[[Due], Conditions] | None = None

    def find(self, session: Session, due: Due) -> Sequence[Any]:
        """The keys of the next rows that are due, a batch at most."""
        return session.scalars(select(self.key).where(*self.due(due)).order_by(self.key).limit(BATCH)).all()

    def remove(self, removing: Removing, keys: Sequence[Any]) -> int:
        """Remove those of the rows that are due still; returns how many."""
        session, still = removing.session, (self.key.in_(keys), *self.due(removing.due))
        if self.before is not None:
            keys = session.scalars(select(self.key).where(*still).with_for_update()).all()
            self.before(removing, keys)
            still = (self.key.in_(keys),)
        done = session.execute(delete(self.key.class_).where(*still).execution_options(synchronize_session=False))
        return int(done.rowcount)  # type: ignore[attr-defined]

    def count(self, session: Session, due: Due) -> int:
        """How many rows are due."""
        return session.scalar(select(func.count()).select_from(self.key.class_).where(*self.due(due))) or 0

    def count_held(self, session: Session, due: Due) -> int:
        """How many rows are due and are kept by a hold."""
        if self.held is None:
            return 0
        return session.scalar(select(func.count()).select_from(self.key.class_).where(*self.held(due))) or 0


def _before_cut(key: Column, at: Column) -> Purge:
    """Rows that end by age alone."""
    return Purge(key=key, due=lambda due: (at < due.cut,))


def _of_person(key: Column, at: Column, person: Column, *also: ColumnElement[bool]) -> Purge:
    """Rows of a person, which stay while a case of theirs is held."""
    return Purge(key=key, due=lambda due: (at < due.cut, person.not_in(held_people(due.moment)), *also))


def in_area(column: Column, area_id: str | None) -> ColumnElement[bool]:
    """Whether a row belongs to the area; to none, for None."""
    return column.is_(None) if area_id is None else column == area_id


# Cases


def _closed(due: Due) -> Conditions:
    """Closed long enough ago; or kept for somebody who asked to be forgotten, until a day that has come."""
    kept = exists().where(CaseHold.case_id == Case.id, CaseHold.lifted_at.is_(None), CaseHold.until <= due.moment)
    asked = exists().where(Person.id == Case.person_id, Person.forgotten_at.is_not(None))
    return (Case.state == "closed", or_(Case.closed_at < due.cut, kept & asked), in_area(Case.area_id, due.area_id))


def _due_cases(due: Due) -> Conditions:
    return (*_closed(due), Case.id.not_in(held_cases(due.moment)))


def _kept_cases(due: Due) -> Conditions:
    return (*_closed(due), Case.id.in_(held_cases(due.moment)))


def _before_cases(removing: Removing, ids: Sequence[Any]) -> None:
    """The messages of a case go with it; what it counts for stays, without a person."""
    session = removing.session
    count_cases(session, ids)
    wipe_events(session, Inbox.case_id.in_(ids))
    session.execute(delete(Inbox).where(Inbox.case_id.in_(ids)))
    session.execute(delete(Outbox).where(Outbox.case_id.in_(ids)))


def _histories(due: Due) -> Conditions:
    cases = select(Case.id).where(Case.state == "closed", Case.closed_at < due.cut, in_area(Case.area_id, due.area_id))
    return (CaseEvent.case_id.in_(cases), CaseEvent.case_id.not_in(held_cases(due.moment)))


# Messages and people


def _messages(table: type[Inbox] | type[Outbox], at: Column) -> Callable[[Due], Conditions]:
    """Done with, old, of no case that is still there, and of nobody whose case is held."""

    def due_of(due: Due) -> Conditions:
        people = select(Person.id).where(in_area(Person.area_id, due.area_id), Person.id.not_in(held_people(due.moment)))
        in_case = exists().where(Case.id == table.case_id)
        return (at < due.cut, table.open == 0, ~in_case, table.person_id.in_(people))

    return due_of


def _before_messages(removing: Removing, ids: Sequence[Any]) -> None:
    """Where events are kept longer than messages, what the provider sent goes with the message all the same."""
    wipe_events(removing.session, Inbox.id.in_(ids))


def _unseen(due: Due) -> Conditions:
    """Not seen for long, with no case, nothing on the way and no series to come. Who asked to be forgotten is the sweep's."""
    return (
        Person.last_seen_at < due.cut,
        Person.forgotten_at.is_(None),
        in_area(Person.area_id, due.area_id),
        ~exists().where(Case.person_id == Person.id),
        ~exists().where(Inbox.person_id == Person.id, Inbox.open == 1),
        ~exists().where(Outbox.person_id == Person.id, Outbox.open == 1),
        ~exists().where(SeriesSubscription.person_id == Person.id, SeriesSubscription.state.in_(("active", "held"))),
    )


def _before_people(removing: Removing, ids: Sequence[Any]) -> None:
    """Whoever had written stop leaves a tombstone, so that this is not forgotten with them."""
    session, until = removing.session, removing.due.tombstones_end
    for person in session.scalars(select(Person).where(Person.id.in_(ids), Person.stopped_at.is_not(None))):
        bury(session, removing.keyring, person, until=until)
    wipe_events(session, Inbox.person_id.in_(ids))


# Staff and the machine


def _old_sign_ins(due: Due) -> Conditions:
    """Each one's latest stays, so that an account that nobody uses is seen."""
    newer = aliased(StaffLogin)
    later = exists().where(newer.staff_id == StaffLogin.staff_id, newer.stage == "", newer.created_at > StaffLogin.created_at)
    return (StaffLogin.seen_at < due.cut, later)


def _old_accounts(due: Due) -> Conditions:
    """Switched off, and named by no case and no review any more."""
    named = exists().where(Case.staff_id == Staff.id) | exists().where(ConcernReview.staff_id == Staff.id)
    return (Staff.disabled_at < due.cut, ~named)


def _old_events(due: Due) -> Conditions:
    """Emptied, and of no message that is still there."""
    return (RawEvent.received_at < due.cut, RawEvent.sealed.is_(None), ~exists().where(Inbox.raw_event_id == RawEvent.id))


def _old_alarms(due: Due) -> Conditions:
    return (Alarm.created_at < due.cut, Alarm.open == 0, Alarm.case_id.not_in(held_cases(due.moment)))


PURGES: dict[str, tuple[Purge, ...]] = {
    "case-history": (Purge(key=CaseEvent.id, due=_histories),),
    "cases": (Purge(key=Case.id, due=_due_cases, before=_before_cases, held=_kept_cases),),
    "messages": (
        Purge(key=Inbox.id, due=_messages(Inbox, Inbox.received_at), before=_before_messages),
        Purge(key=Outbox.id, due=_messages(Outbox, Outbox.created_at)),
    ),
    "profiles": (Purge(key=Person.id, due=_unseen, before=_before_people),),
    "tombstones": (Purge(key=Tombstone.id, due=lambda due: (Tombstone.ends_at < due.moment,)),),
    "alarms": (Purge(key=Alarm.id, due=_old_alarms),),
    "feedback": (_of_person(Feedback.id, Feedback.at, Feedback.person_id),),
    "ended-series": (
        _of_person(
            SeriesSubscription.id,
            SeriesSubscription.ended_at,
            SeriesSubscription.person_id,
            SeriesSubscription.state == "ended",
        ),
    ),
    "review-list": (_of_person(ConcernReview.id, ConcernReview.at, ConcernReview.person_id),),
    "triage-marks": (_before_cut(TriageMark.id, TriageMark.at),),
    "samples": (_before_cut(TriageSample.id, TriageSample.drawn_at),),
    "questions": (_before_cut(UnansweredQuestion.id, UnansweredQuestion.asked_at),),
    "buttons": (_of_person(ButtonToken.token, ButtonToken.expires_at, ButtonToken.person_id),),
    "event-numbers": (Purge(key=RawEvent.id, due=_old_events),),
    "staff-audit": (_before_cut(StaffAudit.id, StaffAudit.at),),
    "sign-ins": (Purge(key=StaffLogin.id, due=_old_sign_ins),),
    "staff-links": (_before_cut(StaffLink.id, StaffLink.ends_at),),
    "staff-accounts": (Purge(key=Staff.id, due=_old_accounts),),
    "rota": (_before_cut(RotaShift.id, RotaShift.ends_at),),
    "incidents": (_before_cut(Incident.id, Incident.last_at),),
    "troubles": (_before_cut(Trouble.id, Trouble.ended_at),),
    "retention-runs": (
        _before_cut(RetentionRun.id, RetentionRun.started_at),
        _before_cut(RetentionNight.day, RetentionNight.started_at),
    ),
}
"""By the names of `schedule.KINDS`."""
