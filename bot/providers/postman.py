"""The postman: finds the letters that are due to providers, records each before it goes out, sends it, writes down what came of it.

One per working process. Processes take turns by the directory's write lock and a row that is unique to a letter; one that dies
between row and server has sent nothing, and that letter is not repeated: a provider is asked once too seldom rather than twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.alarms.mail import MailServer
from bot.delivery.hub import wait_for
from bot.library.strings import Strings
from bot.providers import letters
from bot.settings import Settings
from bot.storage.crypto import opening
from services_directory import models, writing
from services_directory.directory import LONDON, whole_service
from services_directory.freshness import reminders
from services_directory.freshness.links import Signer
from services_directory.freshness.policy import Policy, load_policy
from services_directory.freshness.reminders import Begun
from services_directory.models import now

log = logging.getLogger(__name__)
LOOK_EVERY = 60.0
"""Seconds between looks."""


class Postman:
    """Runs until `stop`; without a mail server and a sender's address, and in a demonstration, it does nothing."""

    def __init__(
        self,
        engine: Engine,
        strings: Strings,
        settings: Settings,
        *,
        policy: Policy | None = None,
        clock: Callable[[], datetime] = now,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._engine, self._strings, self._settings = engine, strings, settings
        self._policy, self._clock, self._look_every = policy or load_policy(), clock, look_every
        self._server, self._signer = MailServer(settings), Signer(opening(settings.keys()))
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while self._may_write() and not self._stopping.is_set():
            try:
                await self.once()
            except Exception as error:  # whatever it is, the postman goes on
                log.error("letters: a look failed (%s)", type(error).__name__)
            await wait_for(self._stopping, self._look_every)

    def stop(self) -> None:
        self._stopping.set()

    def _may_write(self) -> bool:
        """Whether there is a mail server, and providers who are not made up."""
        return bool(self._settings.smtp_host and self._settings.smtp_from) and not self._settings.demonstration

    async def once(self) -> int:
        """Send all that is due, one after the other; returns how many letters were tried."""
        if not self._may_write():
            return 0
        tried = 0
        while not self._stopping.is_set() and (taken := await asyncio.to_thread(self._take)) is not None:
            begun, letter = taken
            outcome = await self._server.send(letter, (begun.letter.address,))
            await asyncio.to_thread(self._record, begun.reminder_id, outcome.status, outcome.reason)
            tried += 1
        return tried

    def _take(self) -> tuple[Begun, EmailMessage] | None:
        """The next letter, recorded, with its words; None if none is due."""
        moment = self._clock()
        today = moment.astimezone(LONDON).date()
        with Session(self._engine) as session:  # most looks find nothing, and take no lock
            waiting = reminders.waits_again(session, moment) or bool(reminders.letters(session, today, self._policy))
        if not waiting:
            return None
        with writing(self._engine) as session:
            begun = reminders.again(session, moment)
            if begun is None:
                due = reminders.letters(session, today, self._policy)
                begun = reminders.begin(session, due[0], moment, self._policy) if due else None
            return None if begun is None else (begun, self._words(session, begun))

    def _words(self, session: Session, begun: Begun) -> EmailMessage:
        query = select(models.Service).where(models.Service.id.in_(begun.link_ids)).options(*whole_service())
        found = {service.id: service for service in session.scalars(query).unique()}
        asked = [
            letters.asked(found[one], letters.link_of(self._settings.url, self._signer, begun.link_ids[one]))
            for one in begun.letter.service_ids
            if one in found
        ]
        return letters.message(self._strings, begun, asked, self._settings.smtp_from or "", self._policy.link_days)

    def _record(self, reminder_id: str, status: str, reason: str) -> None:
        with writing(self._engine) as session:
            reminders.record(session, reminder_id, status, reason, self._clock())
