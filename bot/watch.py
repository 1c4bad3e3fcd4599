"""The watch: looks every minute whether what should happen happens, and begins or ends a trouble. Runs in a working process.

It looks for three things: a channel by which nothing arrives although messages are usual at this hour, a Rasa that has been away for a
while, and a disk that is nearly full. Any number of processes may look: a trouble is one row.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.delivery import breaker
from bot.delivery.hub import wait_for
from bot.settings import Settings
from bot.storage import troubles
from bot.storage.tables import Inbox, Outbox, now
from bot.wiring import Parts

log = logging.getLogger(__name__)
LOOK_SECONDS = 60.0
WEEKS = 4
AROUND = timedelta(hours=1)
"""How far before and after this time of day another week is looked at."""

USUAL = timedelta(hours=1)
"""With a longer pause than this in any of those weeks, messages are not usual at this hour."""

LONGER = 2
"""A pause that means something is so many times as long as the longest usual one."""

OF_MACHINES = ("rasa_away", "disk_full")
MACHINE_GONE = timedelta(minutes=10)
NOTHING_WAITS = timedelta(minutes=10)


class Watch:
    """One per working process."""

    def __init__(self, parts: Parts, machine: str | None = None) -> None:
        self._parts = parts
        self._machine = (machine or socket.gethostname())[:60]
        self._away_since: datetime | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look every minute until `stop`."""
        while not self._stopping.is_set():
            try:
                await self.once()
            except Exception as error:  # a watch that ends would see nothing more
                log.error("a look at what should happen failed (%s)", type(error).__name__)
            await wait_for(self._stopping, LOOK_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    async def once(self) -> None:
        """One look."""
        rasa_away = await self._rasa_away()
        await asyncio.to_thread(self._look, rasa_away)

    def _look(self, rasa_away: bool) -> None:
        settings, moment = self._parts.settings, now()
        with self._parts.database.write() as session:
            self._machine_has(session, "rasa_away", rasa_away)
            self._machine_has(session, "disk_full", disk_is_full(settings))
            troubles.end_unconfirmed(session, OF_MACHINES, MACHINE_GONE)
            for channel in channels_of(settings):
                self._listen(session, channel, moment)
                if session.scalar(select(Outbox.id).where(Outbox.open == 1, Outbox.channel == channel).limit(1)) is None:
                    breaker.close_idle(session, channel, NOTHING_WAITS)

    def _listen(self, session: Session, channel: str, moment: datetime) -> None:
        """Begin a trouble where nothing arrives although messages are usual now; end it once something has come."""
        least = timedelta(minutes=self._parts.settings.quiet_minutes)
        last = session.scalar(select(func.max(Inbox.received_at)).where(Inbox.channel == channel))
        if not least or last is None or moment - last < least:
            troubles.end(session, ["nothing_arrives"], channel)
        elif means_something(longest_usual_pause(session, channel, moment), moment - last):
            troubles.begin(session, "nothing_arrives", channel)

    def _machine_has(self, session: Session, kind: str, it_has: bool) -> None:
        if it_has:
            troubles.begin(session, kind, self._machine)
        else:
            troubles.end(session, [kind], self._machine)

    async def _rasa_away(self) -> bool:
        """Whether this machine's Rasa has not answered at any look for as long as the settings say."""
        minutes, rasa = self._parts.settings.rasa_away_minutes, self._parts.rasa
        if not minutes or (rasa is not None and await rasa.ready()):
            self._away_since = None
            return False
        self._away_since = self._away_since or now()
        return now() - self._away_since >= timedelta(minutes=minutes)


def channels_of(settings: Settings) -> Iterator[str]:
    """The channels by which messages can arrive here."""
    yield "webchat"
    if settings.telegram_token:
        yield "telegram"
    if settings.whatsapp_secrets():
        yield "whatsapp"
    if settings.sms_url and settings.sms_secrets():
        yield "sms"


def longest_usual_pause(session: Session, channel: str, moment: datetime) -> timedelta | None:
    """The longest time without a message, from an hour before to an hour after this time of day, on this day of the last weeks.

    None where messages are not usual: in one of the weeks none came for longer than `USUAL`, or none at all.
    """
    pauses = [_longest_pause(session, channel, moment - timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
    longest = max(pauses)
    return longest if longest <= USUAL else None


def means_something(usual: timedelta | None, pause: timedelta) -> bool:
    """Whether nothing has come for so long that something may be broken. `pause` is already as long as the settings ask."""
    return usual is not None and pause >= LONGER * usual


def disk_is_full(settings: Settings) -> bool:
    """Whether less is free than the settings ask, where `var_dir` is."""
    try:
        free = shutil.disk_usage(settings.var_dir).free
    except OSError:
        return False
    return free < settings.disk_free_mb * 1_000_000


def _longest_pause(session: Session, channel: str, around: datetime) -> timedelta:
    first, last = around - AROUND, around + AROUND
    query = select(Inbox.received_at).where(Inbox.channel == channel, Inbox.received_at.between(first, last))
    times: Sequence[datetime] = session.scalars(query.order_by(Inbox.received_at)).all()
    edges = [first, *times, last]
    return max(later - earlier for earlier, later in pairwise(edges))
