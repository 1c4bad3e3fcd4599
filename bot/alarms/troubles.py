"""Alarms about troubles: who is called when something in Wren does not work, how often, and what ends it.

A trouble calls until it ends or somebody acknowledges it. Those who are called: managers and administrators with an e-mail address,
and whoever WREN_TROUBLE_EMAIL names. All functions take an open session; the caller commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.alarms.ways import Notice
from bot.settings import Settings
from bot.storage import troubles
from bot.storage.tables import Staff, Trouble, TroubleAlarm
from bot.storage.upsert import insert

PATIENCE: Mapping[str, timedelta] = {"provider_down": timedelta(minutes=2)}
"""How long a trouble must go on before it calls: a provider that misses a minute is back before anybody could do anything."""

CALLED = frozenset({"manager", "administrator"})


class TroubleCalls:
    """Alarms about troubles, for `Alarmer`."""

    table = TroubleAlarm

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._repeat = timedelta(minutes=settings.trouble_repeat_minutes)

    def is_due(self, session: Session, moment: datetime) -> bool:
        return bool(self._due(session, moment))

    def write_due(self, session: Session, ways: Sequence[str], moment: datetime) -> None:
        for trouble, step in self._due(session, moment):
            for way in ways:
                values = {"trouble_id": trouble.id, "step": step, "way": way, "created_at": moment, "due_at": moment}
                session.execute(insert(session, TroubleAlarm).values(**values).on_conflict_do_nothing())

    def notice(self, session: Session, row_id: int, moment: datetime) -> Notice | str:
        row = session.get_one(TroubleAlarm, row_id)
        trouble = session.get_one(Trouble, row.trouble_id, populate_existing=True)
        if trouble.ended_at is not None:
            return "it works again"
        if trouble.acknowledged_at is not None:
            return "somebody has seen it"
        newest = _newest(session, trouble.id)
        if newest is not None and row.step < newest.step:
            return "a later one goes out instead"
        return Notice(
            key=f"trouble{trouble.id}-step{row.step}-{row.way}",
            cause=trouble.kind,
            level="",
            team="",
            age_minutes=int((moment - trouble.began_at).total_seconds() // 60),
            audience="technical",
            step=row.step,
            link=f"{self._settings.url}/staff/troubles",
            to=self._recipients(session),
            subject=trouble.subject,
        )

    def _due(self, session: Session, moment: datetime) -> list[tuple[Trouble, int]]:
        """The troubles that call now, each with the number of its next step."""
        found = []
        for trouble in troubles.going_on(session):
            if trouble.acknowledged_at is not None or moment < trouble.began_at + PATIENCE.get(trouble.kind, timedelta(0)):
                continue
            last = _newest(session, trouble.id)
            if last is None or moment >= last.created_at + self._repeat:
                found.append((trouble, last.step + 1 if last is not None else 1))
        return found

    def _recipients(self, session: Session) -> tuple[str, ...]:
        query = select(Staff).where(Staff.disabled_at.is_(None), Staff.demonstration.is_(False), Staff.email.is_not(None))
        staff = [one.email for one in session.scalars(query.order_by(Staff.id)) if one.email and CALLED & set(one.roles)]
        return tuple(dict.fromkeys([*staff, *self._settings.trouble_addresses()]))


def failed_since(session: Session, trouble_id: int) -> bool:
    """Whether the newest alarm of a trouble could not be sent."""
    last = _newest(session, trouble_id)
    return last is not None and last.state == "failed"


def _newest(session: Session, trouble_id: int) -> TroubleAlarm | None:
    query = select(TroubleAlarm).where(TroubleAlarm.trouble_id == trouble_id)
    return session.scalars(query.order_by(TroubleAlarm.step.desc(), TroubleAlarm.id.desc()).limit(1)).first()
