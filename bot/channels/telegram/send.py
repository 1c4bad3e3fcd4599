"""The Telegram channel object: sends, and says truly what became of it."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from bot.channels import mapping, number, words
from bot.channels.telegram.parse import ADDRESS_KIND, CHANNEL, parse
from bot.channels.telegram.render import SendMessage, render, ticked
from bot.messages import Delivery, Inbound, Outbound

log = logging.getLogger(__name__)

# python-telegram-bot warns at each RetryAfter until one opts in to its new type.
os.environ.setdefault("PTB_TIMEDELTA", "1")

PUBLIC_API = "https://api.telegram.org"
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Transport errors that come before a byte of the request has left."""

MAX_REASON = 120
RETRY_SECONDS = 5.0
BAD_TOKEN_SECONDS = 60.0
UNREACHABLE = ("chat not found", "user is deactivated", "peer_id_invalid")
"""What Telegram calls a bad request although it means that this person cannot be written to."""


def quiet_logs() -> None:
    """Keep what is private out of logs: httpx logs addresses, which hold the bot's token; the library, messages.

    What matters of their doings is logged here, without either.
    """
    for name, level in (("httpx", logging.WARNING), ("httpcore", logging.WARNING), ("telegram", logging.CRITICAL)):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, level))


class TelegramChannel:
    """One bot. `base_url` is the Bot API server without a path, Telegram's own by default. Close it when done."""

    name = CHANNEL
    pulled = False

    def __init__(self, token: str, *, base_url: str | None = None, timeout: float = 10.0, connections: int = 32) -> None:
        quiet_logs()
        self.bot_id = token.partition(":")[0]
        root = (base_url or PUBLIC_API).rstrip("/")
        self._quiet_until = 0.0
        """Until when flood control forbids every request, on this process's monotonic clock."""
        self._request = HTTPXRequest(
            connection_pool_size=connections,
            read_timeout=timeout,
            write_timeout=timeout,
            connect_timeout=timeout,
            pool_timeout=timeout,
        )
        self.bot = Bot(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._request.shutdown()

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """See `bot.channels.telegram.parse`."""
        return parse(raw, bot_id=self.bot_id)

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        """Send one message to a private chat; see `Channel.send` for what is promised."""
        return await self.send_marked(address, kind, outbound, mark="")

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        """Send one message from its part number `done` on; only one that is too long for Telegram has more than one.

        Stops at the first part that is not accepted; `Delivery.accepted` says which were. Telegram knows no marks: `mark` goes nowhere.
        """
        if kind != ADDRESS_KIND or not address.isascii() or not address.isdigit():
            return Delivery(status="failed", reason="not a Telegram address")
        try:
            messages = render(outbound)
        except ValueError as error:
            return Delivery(status="failed", reason=str(error)[:MAX_REASON])
        accepted: list[str] = []
        last: str | None = None
        for arguments in messages[done:]:
            delivery = await self._send_one(int(address), arguments)
            if delivery.status != "sent":
                return replace(delivery, accepted=tuple(accepted), parts=len(messages))
            last = delivery.provider_id
            if len(messages) > 1:
                accepted.append(_opaque(address, last))
        return Delivery(status="sent", provider_id=last, accepted=tuple(accepted), parts=len(messages))

    async def _send_one(self, chat: int, arguments: SendMessage) -> Delivery:
        if (seconds := self._quiet_until - time.monotonic()) > 0:
            return flood_control(seconds)
        try:
            message = await self.bot.send_message(chat, **arguments)
        except TelegramError as error:
            delivery = delivery_of(error)
            self._be_quiet(delivery.pause)
            return delivery
        except (KeyError, TypeError, ValueError) as error:  # an answer that the library could not read
            return Delivery(status="failed", reason=f"unreadable answer ({type(error).__name__}): outcome unknown")
        return Delivery(status="sent", provider_id=str(message.message_id))

    def _be_quiet(self, seconds: float) -> None:
        """Flood control is the whole bot's: no request of this process goes out before it is over."""
        self._quiet_until = max(self._quiet_until, time.monotonic() + seconds)

    async def acknowledge(self, raw: Mapping[str, Any]) -> None:
        """Stop the waiting mark on a pressed button and put a tick at it, once its update is stored. Best effort: never raises."""
        query = mapping(mapping(raw).get("callback_query"))
        query_id = words(query.get("id"))
        if not query_id or time.monotonic() < self._quiet_until:
            return
        try:
            await self.bot.answer_callback_query(query_id)
        except TelegramError as error:  # too old, most often: the mark goes away by itself
            self._be_quiet(delivery_of(error).pause)
            log.info("a button press was not acknowledged: %s", type(error).__name__)
        await self._tick(mapping(query.get("message")), words(query.get("data")))

    async def _tick(self, message: Mapping[str, Any], token: str) -> None:
        """Edit the keyboard in place, so that the chat shows what was chosen; the other choices stay to be pressed."""
        keyboard = ticked(mapping(message.get("reply_markup")).get("inline_keyboard"), token)
        chat, message_id = number(mapping(message.get("chat")).get("id")), number(message.get("message_id"))
        if keyboard is None or chat is None or message_id is None or time.monotonic() < self._quiet_until:
            return
        try:
            await self.bot.edit_message_reply_markup(int(chat), int(message_id), reply_markup=keyboard)
        except TelegramError as error:  # deleted, or edited by a second press in the meantime
            self._be_quiet(delivery_of(error).pause)
            log.info("a keyboard was not edited: %s", type(error).__name__)


def _opaque(address: str, message_id: str | None) -> str:
    """What a part is known by: message ids are unique only within a chat, and a chat's id is the parent's."""
    return "tg:" + hashlib.sha256(f"{address}:{message_id}:{secrets.token_hex(8)}".encode()).hexdigest()


def flood_control(seconds: float) -> Delivery:
    """Nothing may go out from the whole bot for so long."""
    return Delivery(status="wait", reason="flood control (429)", retry_after=seconds, pause=seconds, fault="rate")


def delivery_of(error: TelegramError) -> Delivery:
    """What an error of `sendMessage` means for the message."""
    if isinstance(error.__cause__, TelegramError):  # an error status without Telegram's JSON: a proxy, not the Bot API
        return Delivery(status="retry", reason="an answer that is not Telegram's", retry_after=RETRY_SECONDS, fault="down")
    reason = error.message[:MAX_REASON]
    if isinstance(error, Forbidden):
        return Delivery(status="unreachable", reason=reason)
    if isinstance(error, RetryAfter):
        after = error.retry_after
        seconds = after.total_seconds() if isinstance(after, timedelta) else float(after)
        return flood_control(seconds)
    if isinstance(error, InvalidToken):
        return Delivery(status="retry", reason="the bot token was refused", retry_after=BAD_TOKEN_SECONDS, fault="auth")
    if isinstance(error, BadRequest):
        unreachable = any(phrase in reason.lower() for phrase in UNREACHABLE)
        return Delivery(status="unreachable" if unreachable else "failed", reason=reason)
    if isinstance(error, NetworkError):
        return _delivery_of_network_error(error)
    if isinstance(error, ChatMigrated):
        # A group is no place for a family's words, and a person who writes again has a chat of their own.
        return Delivery(status="unreachable", reason="the chat has become a group")
    return Delivery(status="failed", reason=f"unreadable answer ({type(error).__name__}): outcome unknown")


def _delivery_of_network_error(error: NetworkError) -> Delivery:
    """Not sent → retry; a server that answered with a fault → retry; a request whose answer never came → unknown."""
    cause = error.__cause__
    if isinstance(cause, NOT_SENT):
        return Delivery(status="retry", reason=f"not sent: {type(cause).__name__}", retry_after=RETRY_SECONDS, fault="down")
    if isinstance(error, TimedOut):
        return Delivery(status="failed", reason="timed out: outcome unknown", fault="down")
    if isinstance(cause, httpx.HTTPError):
        return Delivery(status="failed", reason=f"connection lost ({type(cause).__name__}): outcome unknown", fault="down")
    return Delivery(status="retry", reason="the server has a fault", retry_after=RETRY_SECONDS, fault="down")
