"""One open page's stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from bot.channels.webchat.history import BEGINNING, Entry, History, Position
from bot.delivery.hub import Hub

LOOK_SECONDS = 5.0
"""Seconds between looks when nobody wakes us: another process may have written."""

HEARTBEAT_LOOKS = 3
"""Looks without news after which a comment is sent, so that proxies keep the line and a dead one is noticed."""

LONGEST_SECONDS = 600.0
"""After this the stream ends and the browser comes back by itself, perhaps to another process."""

RETRY_MS = 2_000


class EventStream:
    """Follows one person's conversation from a position on. A message may come twice after a drop; its key says so."""

    def __init__(
        self,
        *,
        history: History,
        hub: Hub,
        closing: asyncio.Event,
        render: Callable[[Entry], str],
        gone: Callable[[], Awaitable[bool]],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._history, self._hub, self._closing = history, hub, closing
        self._render, self._gone, self._look_seconds = render, gone, look_seconds
        self._seen: set[str] = set()

    async def run(self, key: str, person_id: int, position: Position, since: Position = BEGINNING) -> AsyncIterator[str]:
        """Events after `position`, none from before `since`, until the page goes, the server stops, the store fails or the key becomes
        another person's."""
        yield f"retry: {RETRY_MS}\n\n"
        ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
        quiet = 0
        with self._hub.subscription(f"person:{person_id}") as woken:
            while not self._closing.is_set() and asyncio.get_running_loop().time() < ends:
                woken.clear()
                try:
                    entries = await run_in_threadpool(self._history.fresh, key, person_id, position, since)
                except SQLAlchemyError:
                    return
                if entries is None or await self._gone():
                    return
                news = [entry for entry in entries if entry.key not in self._seen]
                for entry in news:
                    self._seen.add(entry.key)
                    position = position.after(entry)
                    yield self._event(entry, position)
                quiet = 0 if news else quiet + 1
                if quiet == HEARTBEAT_LOOKS:
                    quiet = 0
                    yield ": still here\n\n"
                await self._rest(woken)

    def _event(self, entry: Entry, position: Position) -> str:
        data = json.dumps({"key": entry.key, "voice": entry.voice, "html": self._render(entry)})
        return f"id: {position}\nevent: message\ndata: {data}\n\n"

    async def _rest(self, woken: asyncio.Event) -> None:
        """Until something is published, the server stops, or it is time to look anyway."""
        waits = [asyncio.create_task(event.wait()) for event in (woken, self._closing)]
        try:
            await asyncio.wait(waits, timeout=self._look_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
                with suppress(asyncio.CancelledError):
                    await wait
