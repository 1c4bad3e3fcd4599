"""Telling an open page that there is something new: server-sent events that carry a place, never words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from bot.delivery.hub import Hub

LOOK_SECONDS = 5.0
"""Seconds between looks when nobody wakes us: another process may have written."""

HEARTBEAT_LOOKS = 3
LONGEST_SECONDS = 600.0
"""After this the stream ends and the browser comes back by itself."""

RETRY_MS = 3_000


async def follow(
    *,
    hub: Hub,
    topic: str,
    look: Callable[[], str | None],
    known: str,
    gone: Callable[[], Awaitable[bool]],
    closing: asyncio.Event,
    look_seconds: float = LOOK_SECONDS,
) -> AsyncIterator[str]:
    """A `news` event whenever `look` (blocking) finds another place than before; ends when it finds None: no longer allowed."""
    yield f"retry: {RETRY_MS}\n\n"
    ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
    quiet = 0
    with hub.subscription(topic) as woken:
        while not closing.is_set() and asyncio.get_running_loop().time() < ends:
            woken.clear()
            try:
                place = await run_in_threadpool(look)
            except SQLAlchemyError:
                return
            if place is None or await gone():
                return
            quiet = 0 if place != known else quiet + 1
            if place != known:
                known = place
                yield f"id: {place}\nevent: news\ndata: {place}\n\n"
            elif quiet % HEARTBEAT_LOOKS == 0:
                yield ": still here\n\n"
            await _rest(woken, closing, look_seconds)


async def _rest(woken: asyncio.Event, closing: asyncio.Event, seconds: float) -> None:
    """Until something is published, the server stops, or it is time to look anyway."""
    waits = [asyncio.create_task(event.wait()) for event in (woken, closing)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
            with suppress(asyncio.CancelledError):
                await wait
