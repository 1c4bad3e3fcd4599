"""Who is due and whether of the usual kind, with all that hangs on it: one query for a batch (`bot.series.bulk`).

What the usual kind may not have is what `bot.series.work` looks for one by one; whoever has any of it is left to that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, ScalarSelect, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from bot.delivery.outbox import PULLED
from bot.storage.tables import (
    Area,
    Case,
    Child,
    Dialogue,
    Inbox,
    Person,
    PersonAddress,
    SeriesStep,
    SeriesSubscription,
    UtcDateTime,
)

SERIOUS = ("urgent", "emergency")
_ROW, _OTHER = SeriesSubscription, aliased(SeriesSubscription)
_MOMENT = bindparam("moment", type_=UtcDateTime())


def due(moment: datetime, hold_days: int, most: int) -> Select[*tuple[Any, ...]]:
    """Up to `most` subscriptions that are due at `moment`, oldest first, locked with their people until the transaction ends.

    `usual` is true for whom nothing holds. `history` has a line "step, tab, message" for each that has come of this series about this
    child, `last` the day of the last one. `unread` says whether they have not written since a template told them that something is here.
    """
    since, yesterday = moment - timedelta(days=hold_days), (moment - timedelta(days=1)).date().isoformat()
    return _query().params(moment=moment, since=since, yesterday=yesterday, most=most)


@lru_cache(maxsize=1)
def _query() -> Select[*tuple[Any, ...]]:
    """Built once: putting the statement together takes longer than a small batch."""
    columns = (
        _ROW.id, _ROW.series, _ROW.month, _ROW.early, _ROW.days, _ROW.hour, _ROW.pace, _ROW.next_at, _ROW.ask_from,
        Person.nation, Person.role, Person.language, Person.area_id, Area.timezone.label("zone"), Child.born_or_due,
        Child.arrived_at, Child.created_at.label("told_at"),
        PersonAddress.id.label("address_id"), PersonAddress.channel, PersonAddress.last_seen_at, PersonAddress.window_until,
    )  # fmt: skip
    # The rows are picked first, by an index: else PostgreSQL works out everything for all who are due and then takes a few.
    due = (
        select(_ROW.id)
        .where(_ROW.next_at <= _MOMENT, _ROW.state == "active")
        .order_by(_ROW.next_at)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due_now")
    )
    usual = and_(*_nothing_ends_it(), *_nothing_holds_it()).label("usual")
    return (
        select(*columns, *_history(), _unread().label("unread"), usual)
        .join_from(due, _ROW, _ROW.id == due.c.id)
        .join(Person, Person.id == _ROW.person_id)
        .outerjoin(PersonAddress, PersonAddress.id == _address())
        .outerjoin(Area, Area.id == Person.area_id)
        .outerjoin(Child, Child.id == _ROW.child_id)
        .order_by(_ROW.next_at)
        .with_for_update(of=Person, skip_locked=True, key_share=True)
    )


def _address() -> ScalarSelect[int]:
    """Where they last wrote from and can be reached."""
    own = aliased(PersonAddress)
    here = (own.person_id == Person.id, own.unreachable_at.is_(None), own.retired_at.is_(None))
    return select(own.id).where(*here).order_by(own.last_seen_at.desc(), own.id.desc()).limit(1).scalar_subquery()


def _history() -> tuple[ColumnElement[str], ...]:
    of = (
        SeriesStep.person_id == _ROW.person_id,
        SeriesStep.child_id == func.coalesce(_ROW.child_id, 0),
        SeriesStep.series == _ROW.series,
    )
    line = SeriesStep.step + "\t" + SeriesStep.message
    lines = select(func.aggregate_strings(line, "\n")).where(*of).scalar_subquery()
    return lines.label("history"), select(func.max(SeriesStep.day)).where(*of).scalar_subquery().label("last")


def _unread() -> ColumnElement[bool]:
    told = (SeriesStep.person_id == _ROW.person_id, SeriesStep.told.is_(True), SeriesStep.at > PersonAddress.last_seen_at)
    return exists().where(*told)


def _nothing_ends_it() -> tuple[ColumnElement[bool], ...]:
    """What would end it, or make `can_send` refuse."""
    child_writes = exists().where(Dialogue.person_id == Person.id, Dialogue.state["writer_child"].as_boolean())
    return (
        Person.stopped_at.is_(None),
        Person.forgotten_at.is_(None),
        Person.bereaved_at.is_(None),
        Person.contact_unsafe.is_(False),
        or_(Person.quiet_until.is_(None), Person.quiet_until <= _MOMENT),
        PersonAddress.channel.not_in(PULLED),
        ~child_writes,
    )


def _nothing_holds_it() -> tuple[ColumnElement[bool], ...]:
    """No danger and no case, nothing of a series yesterday or today, and no other series due now."""
    other = (_OTHER.person_id == _ROW.person_id, _OTHER.id != _ROW.id, _OTHER.next_at <= _MOMENT)
    return (
        ~exists().where(
            Inbox.person_id == _ROW.person_id,
            Inbox.level.in_(SERIOUS),
            Inbox.received_at > bindparam("since", type_=UtcDateTime()),
        ),
        ~exists().where(Case.person_id == _ROW.person_id, Case.state != "closed"),
        ~exists().where(SeriesStep.person_id == _ROW.person_id, SeriesStep.day >= bindparam("yesterday")),
        ~exists().where(*other),
    )
