"""Wrong tries to sign in, counted by name for all processes alike: after a few, each wrong one makes the next wait longer.

A try is counted before it is looked at, so that a thousand at one moment are no way round. What is counted is a keyed hash of a name that
was typed, whether or not somebody has it. All functions take an open session; the caller commits.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from bot.storage import troubles
from bot.storage.tables import SignInTry, now
from bot.storage.upsert import insert

FREE = 5
"""Wrong tries that cost nothing: people mistype."""

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=15)
"""With it about a hundred passwords a day can be tried for one name. Never longer, so that nobody is locked out for good."""

KEPT = timedelta(days=1)
"""After a day without a wrong try those before count no longer."""

MANY = 30
MANY_WITHIN = timedelta(hours=1)
"""So many wrong tries without a right one, for names that were tried this hour: somebody may be guessing, and staff are told."""

TROUBLE, WHERE = "many_tries", "sign-in"


def take(session: Session, key: str) -> timedelta | None:
    """Count a try for `key` as wrong until `forget` says otherwise; how long to wait if it is too early, and then it is not counted."""
    moment = now()
    failed = case((SignInTry.last_at < moment - KEPT, 1), else_=SignInTry.failed + 1)
    one = insert(session, SignInTry).values(key=key, failed=1, last_at=moment, until=moment)
    counted = one.on_conflict_do_update(
        index_elements=["key"], set_={"failed": failed, "last_at": moment}, where=SignInTry.until <= moment
    )
    number = session.scalar(counted.returning(SignInTry.failed))
    if number is None:
        until = session.scalar(select(SignInTry.until).where(SignInTry.key == key))
        return until - moment if until is not None else timedelta(0)
    session.execute(update(SignInTry).where(SignInTry.key == key).values(until=moment + pause(number)))
    return None


def missed(session: Session, key: str) -> bool:
    """The try that was taken for `key` did not fit; whether the next one has to wait. Begins a trouble where many do not fit."""
    moment = now()
    session.execute(update(SignInTry).where(SignInTry.key == key).values(last_at=moment))
    recent = select(func.sum(SignInTry.failed)).where(SignInTry.last_at > moment - MANY_WITHIN)
    if (session.scalar(recent) or 0) >= MANY:
        troubles.begin(session, TROUBLE, WHERE)
    return (session.scalar(select(SignInTry.until).where(SignInTry.key == key)) or moment) > moment


def forget(session: Session, key: str) -> None:
    """The right password came: those before it were mistyped."""
    session.execute(delete(SignInTry).where(SignInTry.key == key))


def forget_old(session: Session, moment: datetime) -> None:
    """Delete what counts no longer, and end the trouble once nobody has been guessing for a while."""
    session.execute(delete(SignInTry).where(SignInTry.last_at < moment - KEPT))
    troubles.end_unconfirmed(session, [TROUBLE], MANY_WITHIN)


def pause(failed: int) -> timedelta:
    """How long the next try waits after `failed` wrong ones: nothing for the first few, then doubling up to `LONGEST_PAUSE`."""
    if failed < FREE:
        return timedelta(0)
    return min(FIRST_PAUSE * (1 << min(failed - FREE, 10)), LONGEST_PAUSE)
