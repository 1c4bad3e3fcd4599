"""Joins Telegram's poller to intake: a batch and its offset are one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from telegram.error import TelegramError

from bot.channels.telegram import TelegramChannel, TelegramPoller, publish_commands, reachability
from bot.channels.telegram.parse import external_id
from bot.languages import supported
from bot.series.store import end_if_blocked
from bot.storage.tables import PersonAddress, PollOffset, RawEvent, now
from bot.wiring import Parts

log = logging.getLogger(__name__)
CHANNEL = "telegram"
MENU = ("menu", "help", "language", "stop", "forget")
"""Commands shown in Telegram's menu; their descriptions are `telegram.<name>` in `locales/`."""


class TelegramIntake:
    """Stores each batch of raw updates with the offset, and wakes the workers after it is committed."""

    def __init__(self, parts: Parts, channel: TelegramChannel) -> None:
        self._parts = parts
        self._channel = channel

    async def store(self, updates: list[dict[str, Any]], next_offset: int) -> None:
        """Store a batch. Raising means that nothing was stored and the same batch will come again."""
        await asyncio.to_thread(self._store, updates, next_offset)
        self._parts.intake.wake()

    def _store(self, updates: list[dict[str, Any]], next_offset: int) -> None:
        intake = self._parts.intake
        read = [(raw, intake.read_all([(inbound, raw) for inbound in self._channel.parse(raw)])) for raw in updates]
        with self._parts.database.write() as session:
            for raw, arrivals in read:
                intake.store_all(session, arrivals)
                if not arrivals:
                    self.keep(session, raw)
            offset = session.get(PollOffset, CHANNEL)
            if offset is None:
                session.add(PollOffset(channel=CHANNEL, offset=next_offset))
            else:
                offset.offset = next_offset

    def keep(self, session: Session, raw: Mapping[str, Any]) -> None:
        """Keep an update that holds nothing to answer, and what it says of who can be reached. Repeating changes nothing."""
        unique = external_id(raw, self._channel.bot_id) or f"{self._channel.bot_id}:{_hash(raw)}"
        known = select(RawEvent.id).where(RawEvent.channel == CHANNEL, RawEvent.external_id == unique)
        if session.scalar(known) is not None:
            return
        session.add(RawEvent(channel=CHANNEL, external_id=unique, sealed=self._parts.keyring.seal_json(raw), expires_at=now()))
        session.flush()
        self._note_reachability(session, raw)

    def _note_reachability(self, session: Session, raw: Mapping[str, Any]) -> None:
        said = reachability(raw)
        if said is None:
            return
        address, reachable = said
        lookup = self._parts.keyring.lookup(address.channel, address.kind, address.value)
        row = session.scalar(select(PersonAddress).where(PersonAddress.lookup == lookup))
        if row is not None:
            row.unreachable_at = None if reachable else now()
            end_if_blocked(session, row.person_id)

    async def publish_menu(self) -> None:
        """Publish the menu in every language. Best effort: the words of the menu can be typed as well."""
        strings = self._parts.library.strings
        menus = {
            language.code: [(name, strings.get(f"telegram.{name}", language.code)) for name in MENU] for language in supported()
        }
        try:
            await publish_commands(self._channel.bot, menus)
        except TelegramError as error:
            log.warning("the Telegram menu was not published (%s)", type(error).__name__)

    async def run(self, poller: TelegramPoller) -> None:
        """Publish the menu in every language, then poll until stopped."""
        await self.publish_menu()
        await poller.run()


class Polling:
    """Polls this installation's bot, from where the last process stopped, until stopped."""

    def __init__(self, parts: Parts, channel: TelegramChannel) -> None:
        """Blocking: reads how far the bot has been read."""
        self._intake, self._poller = telegram_poller(parts, channel)

    async def run(self) -> None:
        await self._intake.run(self._poller)

    def stop(self) -> None:
        self._poller.stop()


def _hash(raw: Mapping[str, Any]) -> str:
    """What an update without an id is known by: the same each time that it comes."""
    return "sha256:" + hashlib.sha256(json.dumps(raw, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def telegram_poller(parts: Parts, channel: TelegramChannel) -> tuple[TelegramIntake, TelegramPoller]:
    """The poller of this installation's bot, beginning where the last one stopped."""
    intake = TelegramIntake(parts, channel)
    with parts.database.read() as session:
        saved = session.get(PollOffset, CHANNEL)
    token = parts.settings.telegram_token
    assert token is not None
    poller = TelegramPoller(
        token.get_secret_value(),
        parts.settings.telegram_api,
        intake.store,
        acknowledge=channel.acknowledge,
        offset=saved.offset if saved else None,
    )
    return intake, poller
