"""Joins Telegram's webhook to intake, and keeps it set: verify, store, answer 200.

Updates that came by polling and the same ones by webhook are one: both are known by the bot's and the update's id. While a webhook is
set, updates wait at Telegram for a day if nothing here answers; a later start that polls takes the webhook away and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from telegram.error import RetryAfter, TelegramError

from bot.channels.telegram import TelegramChannel
from bot.channels.telegram.parse import CHANNEL
from bot.channels.telegram.webhook import HEADER, mistake, set_webhook, verify_secret, webhook_info
from bot.delivery.pace import paused
from bot.messages import Inbound
from bot.polling import TelegramIntake
from bot.settings import Settings
from bot.storage.tables import PollOffset, now
from bot.webhooks import Arrivals, as_json, read_body
from bot.wiring import Parts

log = logging.getLogger(__name__)
PATH = "/webhooks/telegram"
MAX_BODY = 1024 * 1024
"""Bytes of a request: an update is a few thousand."""

LOOK_SECONDS = 300.0
"""Between looks whether the webhook is still ours."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0


def telegram_channel(settings: Settings) -> TelegramChannel | None:
    """The Telegram channel, if this installation has a token."""
    token = settings.telegram_token
    return TelegramChannel(token.get_secret_value(), base_url=settings.telegram_api) if token is not None else None


def webhook_url(settings: Settings) -> str:
    """Where Telegram is told to deliver."""
    return settings.url.rstrip("/") + PATH


def by_webhook(settings: Settings) -> bool:
    """Whether updates come by webhook. Where Telegram could not deliver, Wren polls, so that no parent waits for a setting."""
    return bool(settings.telegram_secrets()) and mistake(webhook_url(settings), settings.telegram_secrets()) is None


def telegram_routes(parts: Parts, channel: TelegramChannel | None) -> list[BaseRoute]:
    """The webhook, if there are a token and a secret; without a secret no request could be told from a forged one."""
    if channel is None or not parts.settings.telegram_secrets():
        return []
    return [Route(PATH, TelegramWebhook(parts, channel).receive, methods=["POST"])]


class TelegramWebhook:
    """Telegram's requests to one installation."""

    def __init__(self, parts: Parts, channel: TelegramChannel) -> None:
        self._parts = parts
        self._channel = channel
        self._intake = TelegramIntake(parts, channel)
        self._arrivals = Arrivals(parts, CHANNEL, channel)
        self._secrets = parts.settings.telegram_secrets()

    async def receive(self, request: Request) -> Response:
        """One update: 200 once it is stored, 503 if it is not, 403 or 413 for what is not Telegram's."""
        if not verify_secret(self._secrets, request.headers.get(HEADER)):
            return PlainTextResponse("", 403)
        body = await read_body(request, MAX_BODY)
        if body is None:
            return PlainTextResponse("", 413)
        raw = as_json(body)
        raw = raw if isinstance(raw, dict) else {"unreadable": raw}
        return PlainTextResponse("", 200 if await self._take(raw) else 503)

    async def _take(self, raw: Mapping[str, Any]) -> bool:
        """Store one update; says whether it is stored."""
        try:
            inbounds = self._channel.parse(raw)
            if inbounds:
                return all([await self._message(inbound, raw) for inbound in inbounds])
            await run_in_threadpool(self._other, raw)
        except SQLAlchemyError as error:
            log.error("telegram: the store failed (%s)", type(error).__name__)
            return False
        except Exception as error:  # whatever it is: no 200 for what is not stored
            log.error("telegram: an update could not be taken (%s)", type(error).__name__)
            return False
        return True

    async def _message(self, inbound: Inbound, raw: Mapping[str, Any]) -> bool:
        receipt = await self._arrivals.take(inbound, raw)
        if receipt.stored and not receipt.duplicate:
            self._arrivals.later(self._acknowledge(raw))
        return receipt.stored

    async def _acknowledge(self, raw: Mapping[str, Any]) -> None:
        """Not while Telegram has asked the bot for a pause, whichever process it told."""
        try:
            if await run_in_threadpool(self._is_paused):
                return
        except SQLAlchemyError:
            return
        await self._channel.acknowledge(raw)

    def _is_paused(self) -> bool:
        with self._parts.database.read() as session:
            return bool(paused(session, [CHANNEL], now()))

    def _other(self, raw: Mapping[str, Any]) -> None:
        """Blocking; raises SQLAlchemyError."""
        try:
            with self._parts.database.write() as session:
                self._intake.keep(session, raw)
        except IntegrityError:  # the same update in another process at the same moment: it is stored by now
            with self._parts.database.write() as session:
                self._intake.keep(session, raw)


class WebhookKeeper:
    """Sets the webhook at the start and again whenever it is found to be another's, until stopped."""

    def __init__(self, parts: Parts, channel: TelegramChannel, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._parts = parts
        self._channel = channel
        self._url = webhook_url(parts.settings)
        self._secret = parts.settings.telegram_secrets()[0]
        self._look_seconds = look_seconds
        self._stopping = asyncio.Event()
        self._set = False
        self._told = ""

    def stop(self) -> None:
        """End `run` soon. The webhook stays set: what comes meanwhile waits at Telegram."""
        self._stopping.set()

    async def run(self) -> None:
        """Publish the menu, set the webhook and look after it. Never raises for Telegram or the network."""
        await TelegramIntake(self._parts, self._channel).publish_menu()
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            try:
                await self._look()
            except (TelegramError, SQLAlchemyError) as error:
                self._tell(f"the webhook could not be looked after ({type(error).__name__})")
                await self._pause(max(_asked(error), wait * random.uniform(0.5, 1.0)))
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                wait = FIRST_WAIT
                await self._pause(self._look_seconds)

    async def _look(self) -> None:
        """Set it at the first look, whatever is there: a changed secret cannot be seen from outside."""
        if not self._set:
            await self._set_it()
        info = await webhook_info(self._channel.bot)
        if info.url != self._url:
            self._tell("the webhook was another's or gone; setting it again")
            await self._set_it()
        elif info.pending_update_count and info.last_error_message:
            self._tell(f"{info.pending_update_count} updates wait at Telegram: {info.last_error_message[:120]}")
        else:
            self._told = ""

    async def _set_it(self) -> None:
        self._set = False
        await set_webhook(self._channel.bot, self._url, self._secret)
        # Update ids may begin lower after a quiet week: an old offset would skip them if somebody polls again.
        await asyncio.to_thread(self._forget_offset)
        self._set = True
        log.info("Telegram delivers by webhook")

    def _forget_offset(self) -> None:
        with self._parts.database.write() as session:
            session.execute(delete(PollOffset).where(PollOffset.channel == CHANNEL))

    def _tell(self, problem: str) -> None:
        """Log a change of state once, not at every look."""
        if problem != self._told:
            log.warning("Telegram: %s", problem)
        self._told = problem

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _asked(error: Exception) -> float:
    """Seconds that Telegram asks us to wait."""
    if not isinstance(error, RetryAfter):
        return 0.0
    after = error.retry_after
    return after.total_seconds() if isinstance(after, timedelta) else float(after)


__all__ = ["PATH", "TelegramWebhook", "WebhookKeeper", "by_webhook", "telegram_channel", "telegram_routes", "webhook_url"]
