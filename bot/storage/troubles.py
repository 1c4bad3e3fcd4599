"""What does not work, from when to when. One row a trouble, however many processes and messages meet it; staff are told of the row.

All functions take an open session; the caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from bot.storage.tables import StaffAudit, Trouble, now
from bot.storage.upsert import insert

KINDS = ("provider_down", "provider_auth", "provider_account", "nothing_arrives", "rasa_away", "disk_full", "many_tries")
GOES_ON = text("ended_at IS NULL")


def begin(session: Session, kind: str, subject: str, reason: str = "") -> None:
    """Say that something does not work, or that it still does not. `subject` is a channel or a machine; no personal data."""
    moment = now()
    values = {"kind": kind, "subject": subject[:60], "reason": reason[:120], "began_at": moment, "confirmed_at": moment}
    session.execute(
        insert(session, Trouble)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["kind", "subject"],
            index_where=GOES_ON,
            set_={"reason": values["reason"], "confirmed_at": moment},
        )
    )


def end(session: Session, kinds: Collection[str], subject: str) -> None:
    """Say that it works again. Repeating changes nothing."""
    ended = update(Trouble).where(Trouble.kind.in_(list(kinds)), Trouble.subject == subject, Trouble.ended_at.is_(None))
    session.execute(ended.values(ended_at=now()))


def end_unconfirmed(session: Session, kinds: Collection[str], quiet: timedelta) -> None:
    """End what nobody has found again for `quiet`: the machine that looked is gone."""
    ended = update(Trouble).where(Trouble.kind.in_(list(kinds)), Trouble.ended_at.is_(None), Trouble.confirmed_at < now() - quiet)
    session.execute(ended.values(ended_at=now()))


def going_on(session: Session) -> Sequence[Trouble]:
    """What does not work now, the oldest first."""
    return session.scalars(select(Trouble).where(Trouble.ended_at.is_(None)).order_by(Trouble.began_at, Trouble.id)).all()


def ended_since(session: Session, moment: datetime, most: int) -> Sequence[Trouble]:
    """What works again since `moment`, the latest first."""
    query = select(Trouble).where(Trouble.ended_at > moment).order_by(Trouble.ended_at.desc(), Trouble.id.desc())
    return session.scalars(query.limit(most)).all()


def acknowledge(session: Session, trouble_id: int, staff_id: int) -> bool:
    """Somebody has seen it: no more alarms. False if there is no such trouble; repeating changes nothing."""
    trouble = session.get(Trouble, trouble_id, with_for_update=True)
    if trouble is None:
        return False
    if trouble.acknowledged_at is None:
        trouble.acknowledged_at, trouble.acknowledged_by = now(), staff_id
        session.add(StaffAudit(staff_id=staff_id, action="trouble.acknowledge", subject=f"trouble:{trouble_id}"))
    return True
