"""Signed-in browsers, kept on the server: a cookie's value opens nothing once its row is ended or too old."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.storage.tables import Staff, StaffLogin, now

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH = timedelta(minutes=1)
"""How exactly the last use is recorded: not every page view needs a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A member of staff in a browser. `login_id` is the hash of the cookie's value."""

    staff_id: int
    area_id: str | None
    first_name: str
    job_title: str
    roles: frozenset[str]
    demonstration: bool
    login_id: str
    csrf: str
    seen_at: datetime


def start(session: Session, staff_id: int) -> str:
    """Sign a browser in; returns the value for its cookie, which is kept nowhere else."""
    value = secrets.token_urlsafe(32)
    session.add(StaffLogin(id=_hash(value), staff_id=staff_id, csrf=secrets.token_urlsafe(32)))
    return value


def find(session: Session, value: str | None) -> SignedIn | None:
    """Who holds a cookie, if their sign-in has not ended and is neither idle nor too old."""
    if not value:
        return None
    moment = now()
    row = session.execute(
        select(StaffLogin, Staff)
        .join(Staff, Staff.id == StaffLogin.staff_id)
        .where(
            StaffLogin.id == _hash(value),
            StaffLogin.ended_at.is_(None),
            StaffLogin.seen_at > moment - IDLE,
            StaffLogin.created_at > moment - ABSOLUTE,
            Staff.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    login, staff = row
    return SignedIn(
        staff_id=staff.id,
        area_id=staff.area_id,
        first_name=staff.first_name,
        job_title=staff.job_title,
        roles=frozenset(staff.roles),
        demonstration=staff.demonstration,
        login_id=login.id,
        csrf=login.csrf,
        seen_at=login.seen_at,
    )


def due_for_touch(who: SignedIn) -> bool:
    return now() - who.seen_at > TOUCH


def touch(session: Session, who: SignedIn) -> None:
    """Record that the browser was used just now."""
    session.execute(update(StaffLogin).where(StaffLogin.id == who.login_id).values(seen_at=now()))


def end(session: Session, value: str | None) -> None:
    """End the sign-in of one cookie, if there is one."""
    if value:
        session.execute(
            update(StaffLogin).where(StaffLogin.id == _hash(value), StaffLogin.ended_at.is_(None)).values(ended_at=now())
        )


def end_all(session: Session, staff_id: int) -> None:
    """End every sign-in of a member of staff."""
    session.execute(
        update(StaffLogin).where(StaffLogin.staff_id == staff_id, StaffLogin.ended_at.is_(None)).values(ended_at=now())
    )


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
