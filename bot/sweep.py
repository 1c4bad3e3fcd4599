"""The sweep: finds what nobody was woken for and what has had its time. Runs every few seconds in every process.

Each takes up what its own machine has spooled and the words that staff have published, and wakes its own workers and sender. The rest is
done for all by the working process that is on duty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import update

from bot.conversation.safety import waiting_reply
from bot.delivery.held import refuse_old
from bot.delivery.hub import wait_for
from bot.delivery.outbox import PULLED
from bot.delivery.pace import forget_old
from bot.delivery.receipts import forget_strangers
from bot.delivery.waiting import tell_of_held
from bot.handoff.late import tell_late
from bot.insight.collect import collect, last_counted
from bot.insight.days import DAY, day_of
from bot.people.people import remove_forgotten
from bot.retention.night import Keeping, Nights
from bot.series.words import Sending
from bot.series.work import send_due
from bot.storage import tries
from bot.storage.duties import OnDuty
from bot.storage.tables import UNANSWERED_DAYS, RawEvent, UnansweredQuestion, now
from bot.wiring import Parts

log = logging.getLogger(__name__)

UNFETCHED = timedelta(minutes=1)
"""How long the confirmation of somebody who was forgotten waits on a page that fetches it: after a lost connection it comes late."""


def series_sending(parts: Parts) -> Sending:
    """What the messages of series need of a process."""
    return Sending(
        database=parts.database,
        keyring=parts.keyring,
        renderer=parts.renderer,
        team_name=lambda area_id: parts.teams.of(area_id).name,
    )


class Sweep:
    """Takes up spooled events, wakes workers and senders for anything left, wipes what has expired."""

    def __init__(self, parts: Parts, *, housekeeping: bool = True) -> None:
        self._parts = parts
        self._duty = OnDuty(parts.database, "sweep") if housekeeping else None
        self._nights = Nights(Keeping(database=parts.database, keyring=parts.keyring, schedule=parts.schedule, teams=parts.teams))
        self._stopping = asyncio.Event()
        self._counted: date | None = None

    async def run(self) -> None:
        """Sweep until `stop`."""
        while not self._stopping.is_set():
            await self._try(self._look)
            self._parts.hub.wake("inbox", "outbox")
            await wait_for(self._stopping, self._parts.settings.sweep_seconds)
        if self._duty is not None:
            await self._try(self._duty.leave)

    def stop(self) -> None:
        self._stopping.set()

    async def _try(self, act: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(act)
        except Exception as error:  # a sweep that ends would end all later ones
            log.error("sweep failed (%s)", type(error).__name__)

    def _look(self) -> None:
        """This process's part of a sweep. Blocking."""
        self._parts.library.refresh()  # its pages show them, too
        if self._duty is not None and self._duty.mine():
            self.once()
        else:
            self._parts.intake.import_spooled()

    def once(self) -> None:
        """One whole sweep. Blocking."""
        self._parts.intake.import_spooled()
        moment = now()
        with self._parts.database.read() as session:
            due = session.query(RawEvent.id).filter(RawEvent.expires_at < moment, RawEvent.sealed.is_not(None)).limit(1).first()
        with self._parts.database.write() as session:
            if due is not None:
                session.execute(
                    update(RawEvent).where(RawEvent.expires_at < moment, RawEvent.sealed.is_not(None)).values(sealed=None)
                )
            session.execute(
                update(UnansweredQuestion)
                .where(
                    UnansweredQuestion.asked_at < moment - timedelta(days=UNANSWERED_DAYS), UnansweredQuestion.sealed.is_not(None)
                )
                .values(sealed=None)
            )
            remove_forgotten(session, pulled=PULLED, unfetched=UNFETCHED)
            forget_strangers(session)
            forget_old(session, moment)
            tries.forget_old(session, moment)
            refuse_old(session)
        self._tell_late()
        self._tell_of_held()
        self._send_series()
        self._count_days()  # before anything of those days is deleted
        self._nights.slice(now())

    def _count_days(self) -> None:
        """Count for insight the days that are over; nothing is asked of the database once yesterday is counted."""
        parts, moment = self._parts, now()
        if self._counted is not None and self._counted >= day_of(moment) - DAY:
            return
        days = collect(parts.database, parts.teams.is_open, moment)
        if days:
            log.info("counted %d days up to %s", len(days), days[-1])
        with parts.database.read() as session:
            self._counted = last_counted(session)

    def _send_series(self) -> None:
        """What people asked for and is due now."""
        parts = self._parts
        done = send_due(series_sending(parts), now())
        if done.queued:
            parts.hub.publish("outbox", *(f"person:{person_id}" for person_id in done.people))

    def _tell_of_held(self) -> None:
        """Parents for whom a practitioner's words are held hear by a template that there is an answer."""
        parts = self._parts
        with parts.database.write() as session:
            told = tell_of_held(session, parts.keyring, parts.renderer, lambda area_id: parts.teams.of(area_id).name)
        if told:
            parts.hub.publish("outbox")

    def _tell_late(self) -> None:
        """Parents whose promised time has passed hear it once, without writing again."""
        parts, moment = self._parts, now()
        with parts.database.write() as session:
            told = tell_late(
                session, parts.keyring, parts.renderer, parts.teams, moment, lambda team, at: waiting_reply(team, None, late=True)
            )
        if told:
            parts.hub.publish("outbox", *(f"person:{person_id}" for person_id in told))
