"""Staff accounts: passwords are kept as Argon2id hashes only. Functions take an open session and never commit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.console.roles import ROLES
from bot.handoff.hours import is_email
from bot.storage.tables import Area, Staff, StaffAudit, StaffLogin, now

MIN_PASSWORD = 12
MAX_PASSWORD = 200
"""Longer ones are refused unread: hashing megabytes is a way to keep a server busy."""

DEMONSTRATION = "demo"
"""The user name of the demonstration account."""

DEMONSTRATION_ROLES = ("approver", "editor", "manager", "practitioner")
"""It shows all of the console's work; it works on this machine only."""

_hasher = PasswordHasher()


class AccountError(ValueError):
    """An account cannot be made or changed; the message says why in plain words."""


def add_staff(
    session: Session,
    *,
    username: str,
    first_name: str,
    job_title: str,
    password: str,
    area_id: str | None = None,
    email: str | None = None,
    roles: Sequence[str] = ("practitioner",),
) -> Staff:
    """Make an account. Parents see `first_name` and `job_title`; without `area_id` it sees all cases; alarms go to `email`.

    Raises `AccountError`.
    """
    name = tidy(username)
    if not name or len(name) > 80:
        raise AccountError("a user name has 1 to 80 characters")
    if not first_name.strip() or not job_title.strip():
        raise AccountError("parents are told who answers them: give a first name and a job title")
    _check(session, roles=roles, email=email, area_id=area_id)
    if session.scalar(select(Staff.id).where(Staff.username == name)) is not None:
        raise AccountError(f"there is already an account called {name}")
    staff = Staff(
        area_id=area_id,
        username=name,
        first_name=first_name.strip()[:60],
        job_title=job_title.strip()[:80],
        email=email,
        roles=sorted(set(roles)),
        password_hash=_hash_of(password),
    )
    session.add(staff)
    session.flush()
    session.add(StaffAudit(staff_id=staff.id, action="account.added"))
    return staff


def change_staff(
    session: Session,
    *,
    username: str,
    roles: Sequence[str] = (),
    email: str | None = None,
    area_id: str | None = None,
    disabled: bool = False,
) -> Staff:
    """Change what is given of an account; it holds from its next page on. `disabled` closes it. Raises `AccountError`."""
    staff = _find(session, username)
    _check(session, roles=roles or staff.roles, email=email, area_id=area_id)
    staff.roles = sorted(set(roles)) if roles else staff.roles
    staff.email = email if email is not None else staff.email
    staff.area_id = area_id if area_id is not None else staff.area_id
    staff.disabled_at = now() if disabled else staff.disabled_at
    session.add(StaffAudit(staff_id=staff.id, action="account.changed"))
    return staff


def reset_password(session: Session, *, username: str, password: str) -> Staff:
    """Give an account a new password and end all its sign-ins. Raises `AccountError`."""
    return _renew(session, _find(session, username), password)


def ensure_demonstration(session: Session, area_id: str | None = None) -> tuple[str, str]:
    """The demonstration account's user name and a password made now; whoever was signed in with the last one no longer is."""
    staff = session.scalar(select(Staff).where(Staff.username == DEMONSTRATION))
    if staff is None:
        staff = Staff(
            area_id=area_id,
            username=DEMONSTRATION,
            first_name="Sam",
            job_title="Demonstration practitioner",
            password_hash="",
            demonstration=True,
        )
        session.add(staff)
        session.flush()
    if not staff.demonstration:
        raise AccountError(f"{DEMONSTRATION} is somebody's real account")
    staff.roles = list(DEMONSTRATION_ROLES)
    password = new_password()
    return _renew(session, staff, password).username, password


def check_password(stored: str | None, password: str) -> bool:
    """Whether `password` fits the hash, taking as long for nobody (`stored` None) as for somebody. About 0.1 s and 64 MiB."""
    try:
        right = _hasher.verify(stored or _nobodys(), password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(stored) and len(password) <= MAX_PASSWORD


def needs_new_hash(stored: str) -> bool:
    """Whether a hash was made with older, weaker parameters."""
    return _hasher.check_needs_rehash(stored)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def new_password() -> str:
    """A random password of 20 characters without look-alikes, in groups of five."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def tidy(username: str) -> str:
    """A user name as it is stored: without space around it, in small letters."""
    return username.strip().casefold()


def _find(session: Session, username: str) -> Staff:
    staff = session.scalar(select(Staff).where(Staff.username == tidy(username)))
    if staff is None:
        raise AccountError(f"there is no account called {tidy(username)}")
    return staff


def _check(session: Session, *, roles: Sequence[str], email: str | None, area_id: str | None) -> None:
    """Raises `AccountError` for what an account cannot have."""
    if not roles or not set(roles) <= set(ROLES):
        raise AccountError(f"a role is one of {', '.join(ROLES)}")
    if email is not None and not is_email(email):
        raise AccountError(f"{email} is no e-mail address")
    if area_id is not None and session.get(Area, area_id) is None:
        raise AccountError(f"there is no area {area_id}: write it into content/team.yml first")


def _renew(session: Session, staff: Staff, password: str) -> Staff:
    staff.password_hash = _hash_of(password)
    session.execute(
        update(StaffLogin).where(StaffLogin.staff_id == staff.id, StaffLogin.ended_at.is_(None)).values(ended_at=now())
    )
    session.add(StaffAudit(staff_id=staff.id, action="account.password"))
    return staff


def _hash_of(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
