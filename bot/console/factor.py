"""The second factor: a key in an authenticator app that gives a new code each half minute (TOTP), and ten recovery codes on paper.

Functions take an open session and never commit. The key is sealed with the installation's keys; a code is taken once, within
half a minute of its time; recovery codes are kept as keyed hashes only.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

import pyotp
import segno
from markupsafe import Markup
from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from bot.console.roles import ROLES
from bot.storage import tries, troubles
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import StaffFactor, StaffRecoveryCode, now

STEP_SECONDS = 30
DRIFT = (0, -1, 1)
"""Codes of the half minute before and after are taken too: clocks differ, and typing takes time."""

RECOVERY_CODES = 10
MAX_FAILED = 10
LOCKED = timedelta(minutes=15)
LONGEST_LOCKED = timedelta(hours=4)
"""After `MAX_FAILED` wrong codes in a row none is looked at for `LOCKED`, after each further one for twice as long as before, up to the
longest: 3 codes in a million are right at any moment. Whoever tries codes knows the password: a new one ends the wait."""

FORGOTTEN = timedelta(days=1)
"""After a day without a wrong code those before count no longer."""

ISSUER = "Wren"
EVERY_ROLE = "all"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class UnknownRole(ValueError):
    """WREN_SECOND_FACTOR_ROLES names what is no role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to put into an app: its letters in groups of four, and the same as a picture to scan."""

    letters: str
    picture: Markup


def demanded_roles(setting: str) -> frozenset[str]:
    """The roles that must have a second factor, from "manager,administrator", "all" or "". Raises `UnknownRole`."""
    named = {name.strip() for name in setting.split(",") if name.strip()}
    if named == {EVERY_ROLE}:
        return frozenset(ROLES)
    if not named <= set(ROLES):
        raise UnknownRole(
            f"WREN_SECOND_FACTOR_ROLES names {', '.join(sorted(named - set(ROLES)))}: use {', '.join(ROLES)} or all"
        )
    return frozenset(named)


def has_factor(session: Session, staff_id: int) -> bool:
    """Whether somebody has a second factor that is confirmed."""
    return session.scalar(select(StaffFactor.staff_id).where(StaffFactor.staff_id == staff_id, _confirmed())) is not None


def with_factor(session: Session, staff_ids: Collection[int]) -> set[int]:
    """Those of `staff_ids` who have one."""
    return set(session.scalars(select(StaffFactor.staff_id).where(StaffFactor.staff_id.in_(staff_ids), _confirmed())))


def begin(session: Session, keyring: Keyring, staff_id: int) -> None:
    """Make a key that waits to be confirmed; one in use stays in use until then."""
    row = session.get(StaffFactor, staff_id)
    if row is None:
        row = StaffFactor(staff_id=staff_id)
        session.add(row)
    row.pending = keyring.seal(pyotp.random_base32())
    session.flush()


def waiting(session: Session, keyring: Keyring, staff_id: int, username: str) -> NewKey | None:
    """The key that waits to be confirmed, to show to its owner."""
    row = session.get(StaffFactor, staff_id)
    if row is None or row.pending is None:
        return None
    key = keyring.open(row.pending)
    address = pyotp.TOTP(key).provisioning_uri(name=username, issuer_name=ISSUER)
    picture = segno.make(address, error="m", micro=False).svg_inline(border=4, omitsize=True, light="#fff", svgclass="qr")
    letters = " ".join(key[place : place + 4] for place in range(0, len(key), 4))
    return NewKey(letters=letters, picture=Markup(picture))  # noqa: S704 - made by segno of rectangles, no words in it


def confirm(session: Session, keyring: Keyring, staff_id: int, code: str) -> list[str] | None:
    """Put the waiting key into use if `code` is one of its; returns new recovery codes, to be shown once. None if it is not."""
    row = session.get(StaffFactor, staff_id, with_for_update=True)
    if row is None or row.pending is None or _locked(row):
        return None
    step = _step(keyring.open(row.pending), code)
    if step is None:
        _missed(session, staff_id)
        return None
    row.sealed, row.pending, row.confirmed_at = row.pending, None, now()
    row.last_step, row.failed = step, 0
    session.flush()
    return renew_recovery(session, keyring, staff_id)


def check(session: Session, keyring: Keyring, staff_id: int, code: str) -> str | None:
    """What `code` is: "code" of the app, "recovery", or None for neither. Taken once; wrong ones are counted.

    Commit also where it is None, or nothing is counted.
    """
    row = session.get(StaffFactor, staff_id, with_for_update=True)
    if row is None or row.sealed is None or _locked(row):
        return None
    try:
        step = _step(keyring.open(row.sealed), code)
    except KeyMissing:  # paper still helps where the key cannot be opened any more
        step = None
    if step is not None and _take(session, staff_id, step):
        return "code"
    if _take_recovery(session, keyring, staff_id, code):
        return "recovery"
    _missed(session, staff_id)
    return None


def locked_for(session: Session, staff_id: int) -> timedelta | None:
    """For how long no code is looked at, because so many were wrong; None if the next one is."""
    row = session.get(StaffFactor, staff_id)
    return _until(row) - now() if row is not None and _locked(row) else None


def look_again(session: Session, staff_id: int) -> None:
    """Forget the wrong codes: whoever gave them knew a password that is none any more."""
    session.execute(update(StaffFactor).where(StaffFactor.staff_id == staff_id).values(failed=0))


def renew_recovery(session: Session, keyring: Keyring, staff_id: int) -> list[str]:
    """Ten new recovery codes instead of all older ones; they are kept nowhere else."""
    session.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))
    codes = ["-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(3)) for _ in range(RECOVERY_CODES)]
    session.add_all(StaffRecoveryCode(staff_id=staff_id, code_hash=_recovery_hash(keyring, staff_id, code)) for code in codes)
    return codes


def recovery_left(session: Session, staff_id: int) -> int:
    """How many recovery codes are unused."""
    unused = select(func.count()).where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def remove(session: Session, staff_id: int) -> bool:
    """Take the second factor and its recovery codes away; whether there was one."""
    had = has_factor(session, staff_id)
    session.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))
    session.execute(delete(StaffFactor).where(StaffFactor.staff_id == staff_id))
    return had


def _confirmed() -> ColumnElement[bool]:
    return StaffFactor.confirmed_at.is_not(None)


def _locked(row: StaffFactor) -> bool:
    return row.failed >= MAX_FAILED and _until(row) > now()


def _until(row: StaffFactor) -> datetime:
    """When a code is looked at again after so many wrong ones."""
    wait = LOCKED * (1 << min(max(row.failed - MAX_FAILED, 0), 10))
    return (row.failed_at or row.created_at) + min(wait, LONGEST_LOCKED)


def _step(key: str, code: str) -> int | None:
    """The number of the half minute whose code `code` is, of those that are near enough. Every one is compared."""
    digits, totp, current = "".join(code.split()), pyotp.TOTP(key), int(now().timestamp()) // STEP_SECONDS
    if len(digits) != 6 or not (digits.isascii() and digits.isdecimal()):
        return None
    right = [current + drift for drift in DRIFT if compare_digest(totp.generate_otp(current + drift), digits)]
    return max(right, default=None)


def _take(session: Session, staff_id: int, step: int) -> bool:
    """Mark the codes up to `step` as used; False if they are already."""
    newer = update(StaffFactor).where(StaffFactor.staff_id == staff_id, StaffFactor.last_step < step)
    return bool(session.execute(newer.values(last_step=step, failed=0)).rowcount)  # type: ignore[attr-defined]


def _take_recovery(session: Session, keyring: Keyring, staff_id: int, code: str) -> bool:
    found = StaffRecoveryCode.code_hash == _recovery_hash(keyring, staff_id, code)
    unused = update(StaffRecoveryCode).where(found, StaffRecoveryCode.used_at.is_(None)).values(used_at=now())
    if not session.execute(unused).rowcount:  # type: ignore[attr-defined]
        return False
    session.execute(update(StaffFactor).where(StaffFactor.staff_id == staff_id).values(failed=0))
    return True


def _missed(session: Session, staff_id: int) -> None:
    """Count a wrong code; after a day without one those before count no longer."""
    old = or_(StaffFactor.failed_at.is_(None), StaffFactor.failed_at <= now() - FORGOTTEN)
    one = update(StaffFactor).where(StaffFactor.staff_id == staff_id)
    session.execute(one.where(old).values(failed=0))
    session.execute(one.values(failed=StaffFactor.failed + 1, failed_at=now()))
    failed = session.scalar(select(StaffFactor.failed).where(StaffFactor.staff_id == staff_id)) or 0
    if failed >= MAX_FAILED:  # not a stranger: they have the password
        troubles.begin(session, tries.TROUBLE, tries.WHERE)


def _recovery_hash(keyring: Keyring, staff_id: int, code: str) -> str:
    letters = "".join(letter for letter in code[:100].casefold() if letter.isalnum())
    return keyring.lookup("recovery code", str(staff_id), letters)
