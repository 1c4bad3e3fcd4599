"""Counting days that are over, once each, into rows that outlive the people counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.insight import measures
from bot.insight.days import DAY, begins, day_of, last_day
from bot.insight.measures import Cell, IsOpen, Span
from bot.insight.work import work
from bot.storage.engine import Database
from bot.storage.tables import Inbox, InsightCount, InsightDay, Person, now

WAITS = timedelta(days=3)
"""How long a day waits for messages of it that are still in work, so that what comes of them is counted too."""

MOST_DAYS = 7
"""Days counted in one go, so that whatever else the caller does need not wait long."""


class MonthOver(ValueError):
    """A day of a month whose numbers may have been read already: counting it anew would show who has gone or come since."""


def collect(database: Database, is_open: IsOpen, moment: datetime, most: int = MOST_DAYS) -> list[date]:
    """Count up to `most` days that are over and not counted yet, oldest first, one transaction each; returns them. Blocking.

    Any number of processes may do so at once: each day is counted by one of them.
    """
    done: list[date] = []
    while len(done) < most:
        with database.read() as session:
            day = next_day(session, moment)
            found = _count(session, day, is_open) if day is not None else {}
        if day is None:
            break
        try:
            with database.write() as session:
                # On PostgreSQL a second process waits here for the first, and breaks.
                session.execute(insert(InsightDay).values(day=f"{day}", counted_at=now()))
                _store(session, day, found)
        except IntegrityError:  # another process has counted it
            continue
        done.append(day)
    return done


def last_counted(session: Session) -> date | None:
    """The newest day that is counted; all days before it are."""
    day = session.scalar(select(func.max(InsightDay.day)))
    return date.fromisoformat(day) if day is not None else None


def next_day(session: Session, moment: datetime) -> date | None:
    """The next day to count; None if there is none, or if its messages are still in work."""
    last = last_counted(session)
    if last is not None:
        day = last + DAY
    else:
        first = session.scalar(select(func.min(Person.created_at)))
        if first is None:
            return None
        day = day_of(first)
    if day >= day_of(moment):
        return None
    in_work = select(Inbox.id).where(Inbox.open == 1, Inbox.received_at >= begins(day), Inbox.received_at < begins(day + DAY))
    if moment < begins(day + DAY) + WAITS and session.scalar(in_work.limit(1)) is not None:
        return None
    return day


def recount(session: Session, day: date, is_open: IsOpen) -> None:
    """Count a day anew, in the place of its old numbers. Whoever was forgotten since is in them no more.

    Raises `MonthOver` for a day of a month that is counted to its end, ValueError for a day not counted yet.
    """
    if is_whole(session, f"{day:%Y-%m}"):
        raise MonthOver(f"{day:%Y-%m} is counted to its end: its numbers stay as they are")
    row = session.get(InsightDay, f"{day}", with_for_update=True)
    if row is None:
        raise ValueError(f"{day} has not been counted yet")
    row.counted_at = now()
    _store(session, day, _count(session, day, is_open))


def is_whole(session: Session, month: str) -> bool:
    """Whether every day of a month is counted: days are counted in order. Nothing of it changes from then on."""
    return session.get(InsightDay, f"{last_day(month)}") is not None


def whole_months(session: Session) -> list[str]:
    """The months that may be shown, newest first."""
    days = session.scalars(select(InsightDay.day).order_by(InsightDay.day.desc()))
    return [day[:7] for day in days if day == f"{last_day(day[:7])}"]


def _count(session: Session, day: date, is_open: IsOpen) -> Mapping[Cell, int]:
    found = measures.count(session, day, is_open)
    found.update(work(session, Span.of(day)))
    return found


def _store(session: Session, day: date, found: Mapping[Cell, int]) -> None:
    session.execute(delete(InsightCount).where(InsightCount.day == f"{day}"))
    rows = [{"day": f"{day}", **cell._asdict(), "number": number} for cell, number in found.items()]
    if rows:
        session.execute(insert(InsightCount), rows)
