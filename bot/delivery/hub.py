"""Wakes whoever waits for something new: a parent's open page, a practitioner's screen, a worker, a sender.

Within one process at once; to other processes topics are passed on where there is a way (`bot/storage/notices.py`, on PostgreSQL).
Behind both, waiters look by themselves every few seconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable


class Hub:
    """`publish` may be called from any thread; `wait` belongs to the event loop."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
        self._lock = threading.Lock()
        self.pass_on: Callable[..., None] = lambda *topics: None
        """Passes topics on to other processes; must not block."""

    def publish(self, *topics: str) -> None:
        """Wake all that wait for any of `topics` (`person:<id>`, `answered:<inbox id>`, `queue`, `inbox`, `outbox`), in every process.

        Call it after the commit: who is woken looks at once.
        """
        self.wake(*topics)
        self.pass_on(*topics)

    def wake(self, *topics: str) -> None:
        """Wake all that wait for any of `topics` in this process."""
        with self._lock:
            self._set(waiter for topic in topics for waiter in self._waiters.get(topic, ()))

    def wake_all(self) -> None:
        """Wake everybody in this process: something may have been missed."""
        with self._lock:
            self._set(waiter for waiters in self._waiters.values() for waiter in waiters)

    @staticmethod
    def _set(waiters: Iterable[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def wait(self, topic: str, timeout: float) -> bool:
        """Wait until `topic` is published, at most `timeout` seconds; says whether it was.

        Look at the database after subscribing with `subscription` instead when nothing may be missed in between.
        """
        with self.subscription(topic) as event:
            return await wait_for(event, timeout)

    def subscription(self, topic: str) -> Subscription:
        """A context manager giving an event that is set on each publish; clear it before looking."""
        return Subscription(self, topic)

    def _add(self, topic: str, waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        with self._lock:
            self._waiters[topic].add(waiter)

    def _remove(self, topic: str, waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
        with self._lock:
            self._waiters[topic].discard(waiter)
            if not self._waiters[topic]:
                del self._waiters[topic]


class Subscription:
    """See `Hub.subscription`."""

    def __init__(self, hub: Hub, topic: str) -> None:
        self._hub, self._topic = hub, topic

    def __enter__(self) -> asyncio.Event:
        self._waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._hub._add(self._topic, self._waiter)
        return self._waiter[1]

    def __exit__(self, *_: object) -> None:
        self._hub._remove(self._topic, self._waiter)


async def wait_for(event: asyncio.Event, timeout: float) -> bool:
    """Wait for `event` at most `timeout` seconds; says whether it was set."""
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        return False
    return True
