"""Work that one process does while all others stand by: it is begun when this process comes on duty, and stopped when it no longer is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.delivery.hub import wait_for
from bot.storage.duties import OnDuty

log = logging.getLogger(__name__)


class Loop(Protocol):
    """Something that runs until it is stopped."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class Standby:
    """Runs what `begin` makes, anew each time that this process comes on duty. Looks every `look_seconds` whether it is."""

    def __init__(self, duty: OnDuty, begin: Callable[[], Awaitable[Loop]], *, look_seconds: float) -> None:
        self._duty = duty
        self._begin = begin
        self._look_seconds = look_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Stand by, and work while on duty, until `stop`; then let another have the duty at once."""
        while not self._stopping.is_set():
            if await self._mine():
                try:
                    await self._work()
                except Exception as error:  # whatever it was, the next look begins anew
                    log.error("work on duty ended (%s)", type(error).__name__)
            await wait_for(self._stopping, self._look_seconds)
        try:
            await asyncio.to_thread(self._duty.leave)
        except Exception as error:
            log.warning("a duty could not be left (%s); it ends by itself", type(error).__name__)

    def stop(self) -> None:
        self._stopping.set()

    async def _work(self) -> None:
        work = await self._begin()
        running = asyncio.create_task(work.run())
        try:
            while not self._stopping.is_set() and not running.done() and await self._mine():
                await wait_for(self._stopping, self._look_seconds)
        finally:
            work.stop()
            await running

    async def _mine(self) -> bool:
        try:
            return await asyncio.to_thread(self._duty.mine)
        except Exception as error:  # without the database nothing can be stored either
            log.error("nobody can tell whose duty it is (%s)", type(error).__name__)
            return False
