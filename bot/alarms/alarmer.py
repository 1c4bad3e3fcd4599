"""The alarmer: writes the alarms that are due, claims rows, sends them, records what came of it. One per working process.

A row is claimed by a committed lease with a token and marked `sending` before the way is used. A crash between the server's
acceptance and our mark sends that one alarm again when the lease ends: a double is better than silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from bot.alarms import calls
from bot.alarms.ways import Notice, Outcome, Way
from bot.delivery.hub import Hub, wait_for
from bot.handoff.hours import Teams
from bot.storage.claims import Fenced, Lease, finish, let_go, take
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Alarm, Case, now

log = logging.getLogger(__name__)
LEASE_SECONDS = 60.0
"""Longer than any way takes."""

TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0
"""Seconds between tries, doubled each time."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased row and what it says."""

    lease: Lease
    way: str
    attempts: int
    notice: Notice


class Alarmer:
    """Runs until `stop`. `ways` by name; without any it does nothing. `url` is the public address of the console."""

    def __init__(
        self,
        database: Database,
        teams: Teams,
        ways: Mapping[str, Way],
        hub: Hub,
        *,
        url: str,
        look_every: float,
        lease_seconds: float = LEASE_SECONDS,
        at_once: int = 8,
    ) -> None:
        self._database = database
        self._teams = teams
        self._ways = ways
        self._hub = hub
        self._url = url
        self._look_every = look_every
        self._lease_seconds = lease_seconds
        self._at_once = at_once
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while self._ways and not self._stopping.is_set():
            try:
                await self.once()
            except Exception as error:  # whatever it is, the alarmer goes on
                log.error("alarms: a look failed (%s)", type(error).__name__)
            await wait_for(self._stopping, self._look_every)
        for way in self._ways.values():
            await way.close()

    def stop(self) -> None:
        self._stopping.set()

    async def once(self) -> int:
        """Write what is due and send what can be claimed; returns how many alarms were tried."""
        claimed = await asyncio.to_thread(self.claim)
        await asyncio.gather(*(self._send(one) for one in claimed))
        return len(claimed)

    def claim(self) -> list[Claimed]:
        """Write the alarms that are due, then lease what is open. Blocking."""
        moment = now()
        with self._database.read() as session:
            steps = calls.due(session, self._teams, moment)
            waiting = session.scalar(self._free().limit(1)) is not None
        if not steps and not waiting:
            return []
        with self._database.write() as session:
            calls.write(session, steps, list(self._ways), moment)
            query = self._free().order_by(Alarm.id).limit(self._at_once)
            ids = session.scalars(query.with_for_update(skip_locked=True) if not self._database.is_sqlite else query).all()
            leases = take(session, Alarm, ids, self._lease_seconds)
            claimed = [self._opened(session, lease) for lease in leases]
        return [one for one in claimed if one is not None]

    def record(self, claimed: Claimed, outcome: Outcome) -> None:
        """Bring the row to the state that `outcome` says. Raises `Fenced` if another process has taken it over."""
        with self._database.write() as session:
            if outcome.status == "sent":
                finish(session, Alarm, claimed.lease, state="sent", sent_at=now(), reason=outcome.reason or None)
            elif outcome.status == "retry" and claimed.attempts < TRIES:
                pause = min(FIRST_PAUSE * 2.0 ** (claimed.attempts - 1), LONGEST_PAUSE)
                due_at = now() + timedelta(seconds=pause)
                let_go(session, Alarm, claimed.lease, state="queued", due_at=due_at, reason=outcome.reason[:120])
            else:
                finish(session, Alarm, claimed.lease, state="failed", reason=outcome.reason[:120])
                note_incident(session, f"alarm-failed:{claimed.way}", outcome.reason[:200])

    @staticmethod
    def _free() -> Select[int]:
        """Ids of rows that are due and nobody's."""
        moment = now()
        free = or_(Alarm.lease_until.is_(None), Alarm.lease_until < moment)
        return select(Alarm.id).where(Alarm.open == 1, Alarm.due_at <= moment, free)

    def _opened(self, session: Session, lease: Lease) -> Claimed | None:
        """The row with what it says; one that is no longer needed is dropped."""
        row, moment = session.get_one(Alarm, lease.row_id, populate_existing=True), now()
        if row.way not in self._ways:
            finish(session, Alarm, lease, state="failed", reason="this way is not set any more")
            return None
        if not calls.calling(session, moment, [row.case_id]):
            finish(session, Alarm, lease, state="dropped", reason="somebody has taken it up")
            return None
        if row.step < calls.newest_step(session, row.case_id):
            finish(session, Alarm, lease, state="dropped", reason="a later one goes out instead")
            return None
        row.state = "sending"
        case = session.get_one(Case, row.case_id)
        team = self._teams.of(case.area_id)
        notice = Notice(
            key=f"case{case.id}-step{row.step}-{row.way}",
            cause=row.cause,
            level=case.level,
            team=team.name,
            age_minutes=int((moment - case.opened_at).total_seconds() // 60),
            audience=row.audience,
            step=row.step,
            link=f"{self._url}/staff/cases/{case.id}",
            to=calls.recipients(session, team, row.audience, moment),
        )
        return Claimed(lease, row.way, row.attempts, notice)

    async def _send(self, claimed: Claimed) -> None:
        try:
            outcome = await self._ways[claimed.way].send(claimed.notice)
            await asyncio.to_thread(self.record, claimed, outcome)
        except Fenced:
            log.warning("alarms: one was taken over by another process")
        except Exception as error:
            log.error("alarms: sending failed (%s); the lease will end and it is tried again", type(error).__name__)
        self._hub.publish("queue")
