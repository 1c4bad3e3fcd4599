"""Signed-in browsers, kept on the server: a cookie's value opens nothing once its row is ended or too old.

A sign-in may have a stage to pass first (a code, a second factor to set up, a password to choose): until then it opens nothing but
the page of that stage. Each step inwards ends the row and starts another, so that a value planted or seen before opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from bot.storage.tables import Staff, StaffLogin, now

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
UNFINISHED = timedelta(minutes=15)
"""How long a sign-in may stay half done."""

TOUCH = timedelta(minutes=1)
"""How exactly the last use is recorded: not every page view needs a write."""

MAX_FAILED = 5
"""After so many wrong codes or passwords a sign-in is over and begins again at the password."""

FACTOR, ENROL, PASSWORD = "factor", "enrol", "password"
DONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A member of staff in a browser. `login_id` is the hash of the cookie's value; `stage` is empty once all is done.

    `language`: in which they want to read the console; None if they have not chosen one.
    """

    staff_id: int
    area_id: str | None
    username: str
    first_name: str
    job_title: str
    roles: frozenset[str]
    demonstration: bool
    login_id: str
    csrf: str
    stage: str
    way: str
    proved_at: datetime
    seen_at: datetime
    language: str | None


def start(session: Session, staff_id: int, *, stage: str = DONE, way: str = PASSWORD) -> str:
    """Sign a browser in; returns the value for its cookie, which is kept nowhere else."""
    value = secrets.token_urlsafe(32)
    session.add(StaffLogin(id=_hash(value), staff_id=staff_id, csrf=secrets.token_urlsafe(32), stage=stage, way=way))
    return value


def find(session: Session, value: str | None) -> SignedIn | None:
    """Who holds a cookie, if their sign-in is complete, has not ended and is neither idle nor too old."""
    who = _find(session, value)
    return who if who is not None and who.stage == DONE else None


def find_unfinished(session: Session, value: str | None) -> SignedIn | None:
    """Who holds a cookie and has a stage to pass before anything opens; only for a quarter of an hour."""
    who = _find(session, value, UNFINISHED)
    return who if who is not None and who.stage != DONE else None


def renew(session: Session, who: SignedIn, *, stage: str = DONE, proved: bool = True) -> str:
    """Go a step inwards under a new value: the old one opens nothing any more. The twelve hours run on from the first step."""
    old = session.get_one(StaffLogin, who.login_id)
    value = secrets.token_urlsafe(32)
    fresh = StaffLogin(id=_hash(value), staff_id=who.staff_id, csrf=secrets.token_urlsafe(32), stage=stage, way=old.way)
    fresh.created_at, fresh.proved_at = old.created_at, now() if proved else old.proved_at
    old.ended_at = now()
    session.add(fresh)
    session.flush()
    return value


def missed(session: Session, login_id: str) -> bool:
    """Count a wrong code or password; ends the sign-in at the last one allowed and says whether it did."""
    this = update(StaffLogin).where(StaffLogin.id == login_id)
    session.execute(this.values(failed=StaffLogin.failed + 1))
    over = this.where(StaffLogin.failed >= MAX_FAILED, StaffLogin.ended_at.is_(None)).values(ended_at=now())
    return bool(session.execute(over).rowcount)  # type: ignore[attr-defined]


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


def end_all(session: Session, staff_id: int, *, but: str = "") -> int:
    """End every sign-in of a member of staff, except the one whose id is `but`; returns how many."""
    open_ones = update(StaffLogin).where(StaffLogin.staff_id == staff_id, StaffLogin.ended_at.is_(None), StaffLogin.id != but)
    return int(session.execute(open_ones.values(ended_at=now())).rowcount)  # type: ignore[attr-defined]


def end_one(session: Session, staff_id: int, login_id: str) -> bool:
    """End one sign-in of a member of staff by its id; whether there was such a one."""
    one = update(StaffLogin).where(StaffLogin.id == login_id, StaffLogin.staff_id == staff_id, StaffLogin.ended_at.is_(None))
    return bool(session.execute(one.values(ended_at=now())).rowcount)  # type: ignore[attr-defined]


def of_staff(session: Session, staff_id: int) -> list[StaffLogin]:
    """The sign-ins of a member of staff that still open something, latest use first."""
    query = select(StaffLogin).where(StaffLogin.staff_id == staff_id, StaffLogin.stage == DONE, *_valid())
    return list(session.scalars(query.order_by(StaffLogin.seen_at.desc())))


def last_sign_ins(session: Session, staff_ids: Collection[int]) -> dict[int, datetime]:
    """When each of `staff_ids` last signed in, all stages passed."""
    query = select(StaffLogin.staff_id, func.max(StaffLogin.created_at)).where(StaffLogin.stage == DONE)
    query = query.where(StaffLogin.staff_id.in_(staff_ids))
    return dict(session.execute(query.group_by(StaffLogin.staff_id)).tuples().all())


def _valid(whole: timedelta = ABSOLUTE) -> tuple[ColumnElement[bool], ...]:
    moment = now()
    return (StaffLogin.ended_at.is_(None), StaffLogin.seen_at > moment - IDLE, StaffLogin.created_at > moment - whole)


def _find(session: Session, value: str | None, whole: timedelta = ABSOLUTE) -> SignedIn | None:
    if not value:
        return None
    row = session.execute(
        select(StaffLogin, Staff)
        .join(Staff, Staff.id == StaffLogin.staff_id)
        .where(StaffLogin.id == _hash(value), *_valid(whole), Staff.disabled_at.is_(None))
    ).first()
    if row is None:
        return None
    login, staff = row
    return SignedIn(
        staff_id=staff.id,
        area_id=staff.area_id,
        username=staff.username,
        first_name=staff.first_name,
        job_title=staff.job_title,
        roles=frozenset(staff.roles),
        demonstration=staff.demonstration,
        login_id=login.id,
        csrf=login.csrf,
        stage=login.stage,
        way=login.way,
        proved_at=login.proved_at,
        seen_at=login.seen_at,
        language=staff.language,
    )


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
