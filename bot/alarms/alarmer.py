"""The alarmer: writes the alarms that are due, claims rows, sends them, records what came of it. One per working process.

A row is claimed by a committed lease with a token and marked `sending` before the way is used. A crash between the server's
acceptance and our mark sends that one alarm again when the lease ends: a double is better than silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from bot.alarms.ways import Notice, Outcome, Way
from bot.delivery.hub import Hub, wait_for
from bot.storage.claims import Fenced, Lease, finish, let_go, take
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import AlarmRow, now

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


class Calling(Protocol):
    """What alarms are about: when one is due, and what it says. `bot.alarms.calls` knows cases, `bot.alarms.troubles` troubles."""

    @property
    def table(self) -> type[AlarmRow]: ...

    def is_due(self, session: Session, moment: datetime) -> bool:
        """Whether there is an alarm that has not been written yet."""
        ...

    def write_due(self, session: Session, ways: Sequence[str], moment: datetime) -> None:
        """Write what is due, a row a step and way; what another process has written stays as it is."""
        ...

    def notice(self, session: Session, row_id: int, moment: datetime) -> Notice | str:
        """What the row says, or in words why it is no longer needed."""
        ...


class Alarmer:
    """Runs until `stop`. `ways` by name; without any it does nothing."""

    def __init__(
        self,
        database: Database,
        calling: Calling,
        ways: Mapping[str, Way],
        hub: Hub,
        *,
        look_every: float,
        lease_seconds: float = LEASE_SECONDS,
        at_once: int = 8,
    ) -> None:
        self._database = database
        self._calling = calling
        self._ways = ways
        self._hub = hub
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
            due = self._calling.is_due(session, moment)
            waiting = session.scalar(self._free().limit(1)) is not None
        if not due and not waiting:
            return []
        with self._database.write() as session:
            self._calling.write_due(session, list(self._ways), moment)
            query = self._free().order_by(self._calling.table.id).limit(self._at_once)
            ids = session.scalars(query.with_for_update(skip_locked=True) if not self._database.is_sqlite else query).all()
            leases = take(session, self._calling.table, ids, self._lease_seconds)
            claimed = [self._opened(session, lease) for lease in leases]
        return [one for one in claimed if one is not None]

    def record(self, claimed: Claimed, outcome: Outcome) -> None:
        """Bring the row to the state that `outcome` says. Raises `Fenced` if another process has taken it over."""
        table = self._calling.table
        with self._database.write() as session:
            if outcome.status == "sent":
                finish(session, table, claimed.lease, state="sent", sent_at=now(), reason=outcome.reason or None)
            elif outcome.status == "retry" and claimed.attempts < TRIES:
                pause = min(FIRST_PAUSE * 2.0 ** (claimed.attempts - 1), LONGEST_PAUSE)
                due_at = now() + timedelta(seconds=pause)
                let_go(session, table, claimed.lease, state="queued", due_at=due_at, reason=outcome.reason[:120])
            else:
                finish(session, table, claimed.lease, state="failed", reason=outcome.reason[:120])
                note_incident(session, f"alarm-failed:{claimed.way}", outcome.reason[:200])

    def _free(self) -> Select[int]:
        """Ids of rows that are due and nobody's."""
        moment, table = now(), self._calling.table
        free = or_(table.lease_until.is_(None), table.lease_until < moment)
        return select(table.id).where(table.open == 1, table.due_at <= moment, free)

    def _opened(self, session: Session, lease: Lease) -> Claimed | None:
        """The row with what it says; one that is no longer needed is dropped."""
        row = session.get_one(self._calling.table, lease.row_id, populate_existing=True)
        if row.way not in self._ways:
            finish(session, self._calling.table, lease, state="failed", reason="this way is not set any more")
            return None
        notice = self._calling.notice(session, row.id, now())
        if isinstance(notice, str):
            finish(session, self._calling.table, lease, state="dropped", reason=notice)
            return None
        row.state = "sending"
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
