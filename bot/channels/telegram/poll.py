"""Long polling that confirms nothing before it is stored.

Telegram takes a poll with a higher offset as the receipt for everything below it. So: get a batch of raw JSON, store
all of it and the offset in one transaction, and only then poll with that offset. A crash in between brings the same
updates again, and the inbox's unique key knows them. Nothing is parsed here, so one unreadable update can neither
hold up nor lose its batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from bot.channels import mapping, number
from bot.channels.telegram.parse import READ_UPDATES
from bot.channels.telegram.send import PUBLIC_API, quiet_logs

log = logging.getLogger(__name__)

Store = Callable[[list[dict[str, Any]], int], Awaitable[None]]
"""Stores every raw update and the next offset in one transaction. Raising means that nothing was stored."""

Acknowledge = Callable[[Mapping[str, Any]], Awaitable[None]]

ANSWER_SECONDS = 10.0
"""How much longer than the long poll to wait for the answer."""

IDLE_SECONDS = 6 * 24 * 3600.0
"""After a week without updates Telegram starts its ids anew, perhaps lower: before that, the offset is let go."""


class PollError(Exception):
    """A poll that brought nothing, and how long to wait. Holds no token and no updates: it may be logged."""

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class TelegramPoller:
    """Polls one bot until stopped.

    `store` is awaited for each batch that is not empty; `acknowledge`, if given, after it for each update (see
    `TelegramChannel.acknowledge`). `offset` is where to begin; None, which asks for all that is unconfirmed, is
    always safe. `poll_seconds` is how long one poll waits for something to come, `first_wait` and `longest_wait`
    bound the back-off.
    """

    def __init__(
        self,
        bot_token: str,
        base_url: str | None,
        store: Store,
        *,
        acknowledge: Acknowledge | None = None,
        offset: int | None = None,
        poll_seconds: int = 25,
        limit: int = 100,
        allowed_updates: tuple[str, ...] = READ_UPDATES,
        first_wait: float = 1.0,
        longest_wait: float = 30.0,
    ) -> None:
        quiet_logs()
        self._api = f"{(base_url or PUBLIC_API).rstrip('/')}/bot{bot_token}"
        self._store = store
        self._acknowledge = acknowledge
        self._poll_seconds = poll_seconds
        self._limit = limit
        self._allowed_updates = allowed_updates
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._stopping = asyncio.Event()
        self._acknowledging: set[asyncio.Task[None]] = set()
        self._last_update = time.monotonic()
        self.offset = offset
        self.last_poll_at: datetime | None = None
        """When Telegram last answered a poll, for the health page."""
        self.problem: str = ""
        """Why the last poll brought nothing, or empty; holds no secret and no personal data."""

    def stop(self) -> None:
        """End `run` soon: a poll that waits is dropped, a batch that is being stored is stored first."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until `stop`. Never raises for the network, the server or the store: that is logged, and tried again."""
        wait = self._first_wait
        timeout = httpx.Timeout(self._poll_seconds + ANSWER_SECONDS, connect=ANSWER_SECONDS)
        async with httpx.AsyncClient(timeout=timeout) as client:
            while not self._stopping.is_set():
                try:
                    await self._poll_once(client)
                except PollError as error:
                    self._note(str(error))
                    await self._pause(max(error.retry_after, wait * random.uniform(0.5, 1.0)))
                    wait = min(wait * 2, self._longest_wait)
                else:
                    self._note("")
                    wait = self._first_wait
        if self._acknowledging:
            await asyncio.wait(self._acknowledging, timeout=ANSWER_SECONDS)

    async def _poll_once(self, client: httpx.AsyncClient) -> None:
        updates = await self._unless_stopped(self._get_updates(client))
        if updates is None:
            return
        self.last_poll_at = datetime.now(UTC)
        if not updates:
            if time.monotonic() - self._last_update > IDLE_SECONDS:
                self.offset, self._last_update = None, time.monotonic()
            return
        ids = [update_id for update in updates if (update_id := _update_id(update)) is not None]
        next_offset = max(ids) + 1 if ids else self.offset or 0
        try:
            await self._store(updates, next_offset)
        except Exception as error:  # whatever it was, nothing is confirmed and the batch comes again
            raise PollError(f"the updates could not be stored ({type(error).__name__})") from error
        self._last_update = time.monotonic()
        self._acknowledge_all(updates)
        if not ids:
            raise PollError("a batch of updates without ids")
        self.offset = next_offset

    async def _unless_stopped(self, work: Awaitable[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
        """The work's result, or None if `stop` came first."""
        polling = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((polling, stopping), return_when=asyncio.FIRST_COMPLETED)
            return await polling if polling.done() else None
        finally:
            polling.cancel()
            stopping.cancel()

    async def _get_updates(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        """One long poll: the raw updates. Raises PollError."""
        parameters: dict[str, Any] = {"timeout": self._poll_seconds, "limit": self._limit}
        parameters["allowed_updates"] = json.dumps(self._allowed_updates)
        if self.offset is not None:
            parameters["offset"] = self.offset
        result = await self._call(client, "getUpdates", parameters)
        if not isinstance(result, list):
            raise PollError("an answer without updates")
        return [item if isinstance(item, dict) else {"unreadable": item} for item in result]

    async def _call(self, client: httpx.AsyncClient, method: str, parameters: Mapping[str, Any]) -> Any:
        try:
            response = await client.post(f"{self._api}/{method}", data=dict(parameters))
        except httpx.HTTPError as error:  # its text may hold the address, and so the token
            raise PollError(f"no answer ({type(error).__name__})") from None
        try:
            answer = mapping(response.json())
        except (ValueError, RecursionError):
            raise PollError(f"an unreadable answer (status {response.status_code})") from None
        if answer.get("ok") is True:
            return answer.get("result")
        retry_after = number(mapping(answer.get("parameters")).get("retry_after")) or 0.0
        if response.status_code == httpx.codes.CONFLICT:
            await self._end_conflict(client, answer)
        raise PollError(_problem(response.status_code), retry_after=retry_after)

    async def _end_conflict(self, client: httpx.AsyncClient, answer: Mapping[str, Any]) -> None:
        """A webhook that is still set keeps every poll out: remove it, losing nothing. For a rival, we wait."""
        if "webhook" in str(answer.get("description", "")).lower():
            log.warning("a webhook is set for this Telegram bot; removing it, because this process polls")
            await self._call(client, "deleteWebhook", {})

    def _acknowledge_all(self, updates: list[dict[str, Any]]) -> None:
        """In the background: the next poll does not wait for it."""
        if self._acknowledge is None:
            return
        for update in updates:
            task = asyncio.ensure_future(self._acknowledge(update))
            self._acknowledging.add(task)
            task.add_done_callback(self._acknowledging.discard)

    def _note(self, problem: str) -> None:
        """Log a change of state once, not every poll of an outage."""
        if problem and problem != self.problem:
            log.warning("Telegram polling: %s", problem)
        elif self.problem and not problem:
            log.info("Telegram polling works again")
        self.problem = problem

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _update_id(update: Mapping[str, Any]) -> int | None:
    """The update's id, or None if it has none that counts."""
    value = update.get("update_id")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _problem(status: int) -> str:
    named = {
        401: "the bot token was refused (401)",
        404: "the bot token was refused (404)",
        409: "another process polls this bot, or a webhook was set (409)",
        429: "flood control (429)",
    }
    return named.get(status, f"the server answered {status}")
