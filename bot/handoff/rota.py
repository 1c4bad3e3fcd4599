"""Who is on duty: shifts by area, as somebody wrote them down.

All functions take an open session; the caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bot.storage.tables import RotaShift, Staff

WEEK = timedelta(days=7)
MOST_WEEKS = 26
"""Weeks that one entry may be repeated for."""


class NoShift(ValueError):
    """A shift cannot be added. `code` says why: `nobody` (no such practitioner here), `weeks`, `there` (all of it is on the rota)."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One line of the rota."""

    id: int
    staff_id: int
    first_name: str
    job_title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShift:
    """What somebody wrote down: local times of a local day, and for how many weeks. `ends` at or before `starts` is the next day's."""

    staff_id: int
    day: date
    starts: time
    ends: time
    weeks: int = 1


def on_duty(session: Session, area_id: str, moment: datetime) -> Sequence[Staff]:
    """Who is on the rota of an area at `moment`, by name; accounts that were closed are left out."""
    query = (
        select(Staff)
        .join(RotaShift, RotaShift.staff_id == Staff.id)
        .where(RotaShift.area_id == area_id, RotaShift.starts_at <= moment, RotaShift.ends_at > moment)
        .where(Staff.disabled_at.is_(None))
        .order_by(Staff.first_name, Staff.id)
    )
    return session.scalars(query).unique().all()


def practitioners(session: Session, area_id: str) -> list[Staff]:
    """Who may answer the parents of an area: its own practitioners and those of no area, by name."""
    query = select(Staff).where(or_(Staff.area_id == area_id, Staff.area_id.is_(None)), Staff.disabled_at.is_(None))
    return [staff for staff in session.scalars(query.order_by(Staff.first_name, Staff.id)) if "practitioner" in staff.roles]


def shifts(session: Session, area_id: str, begins: datetime, ends: datetime) -> list[Shift]:
    """The shifts of an area that touch a span, by start."""
    rows = session.execute(
        select(RotaShift, Staff)
        .join(Staff, Staff.id == RotaShift.staff_id)
        .where(RotaShift.area_id == area_id, RotaShift.ends_at > begins, RotaShift.starts_at < ends)
        .order_by(RotaShift.starts_at, Staff.first_name, RotaShift.id)
    )
    return [
        Shift(
            id=shift.id,
            staff_id=staff.id,
            first_name=staff.first_name,
            job_title=staff.job_title,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
        )
        for shift, staff in rows
    ]


def add(session: Session, area_id: str, zone: ZoneInfo, new: NewShift) -> int:
    """Put a practitioner on the rota, each week at the same time by the clock; returns how many lines are new. Raises `NoShift`."""
    if not 1 <= new.weeks <= MOST_WEEKS:
        raise NoShift("weeks")
    if new.staff_id not in {staff.id for staff in practitioners(session, area_id)}:
        raise NoShift("nobody")
    mine = (RotaShift.area_id == area_id, RotaShift.staff_id == new.staff_id)
    there = set(session.scalars(select(RotaShift.starts_at).where(*mine)))
    added = 0
    for number in range(new.weeks):
        first = new.day + number * WEEK
        last = first if new.ends > new.starts else first + timedelta(days=1)
        begins = datetime.combine(first, new.starts, zone).astimezone(UTC)
        if begins not in there:
            ends_at = datetime.combine(last, new.ends, zone)
            session.add(RotaShift(area_id=area_id, staff_id=new.staff_id, starts_at=begins, ends_at=ends_at))
            added += 1
    session.flush()
    if not added:
        raise NoShift("there")
    return added


def remove(session: Session, area_id: str, shift_id: int) -> bool:
    """Take a line off an area's rota; False if it is not there (any more)."""
    shift = session.get(RotaShift, shift_id)
    if shift is None or shift.area_id != area_id:
        return False
    session.delete(shift)
    session.flush()
    return True
