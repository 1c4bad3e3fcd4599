"""Workers: claim, think, commit, over and over, for as many people at once as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from bot.conversation.journey import TRIES, Journey, Work
from bot.delivery.hub import Hub, wait_for
from bot.delivery.outbox import PULLED
from bot.logs import about
from bot.signals import metrics
from bot.storage.claims import Fenced
from bot.storage.tables import now

log = logging.getLogger(__name__)


class Workers:
    """Runs on the event loop; database work goes to threads. `wake` by the hub topic "inbox"."""

    def __init__(
        self, journey: Journey, hub: Hub, *, at_once: int, look_every: float, done: Callable[[Work], None] = lambda work: None
    ) -> None:
        self._journey = journey
        self._hub = hub
        self._at_once = at_once
        self._look_every = look_every
        self._done = done
        self._busy: dict[asyncio.Task[None], Work] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; then finish what is in hand."""
        with self._hub.subscription("inbox") as woken:
            while not self._stopping.is_set():
                woken.clear()
                taken = await self._take()
                if taken == 0:
                    await wait_for(woken, self._look_every)
                elif len(self._busy) >= self._at_once:
                    await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
        if self._busy:
            await asyncio.wait(self._busy)

    def stop(self) -> None:
        self._stopping.set()
        self._hub.wake("inbox")

    async def let_go(self) -> None:
        """Drop what is still in hand, so that another process may take it up at once. For the end, when waiting has been long enough."""
        left = dict(self._busy)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for work in left.values():
            try:
                await asyncio.to_thread(self._journey.hand_back, work)
            except SQLAlchemyError as error:
                log.error("letting a message go failed (%s); its lease will end", type(error).__name__)
        if left:
            self._hub.publish("inbox")

    async def _take(self) -> int:
        free = self._at_once - len(self._busy)
        if free <= 0:
            return 0
        try:
            works = await asyncio.to_thread(self._journey.claim, free)
        except Exception as error:  # whatever it is, the next look may go better; without one nobody is answered
            log.error("claim failed (%s)", type(error).__name__)
            return 0
        for work in works:
            task = asyncio.create_task(self._handle(work))
            self._busy[task] = work
            task.add_done_callback(self._busy.pop)
        return len(works)

    async def _handle(self, work: Work) -> None:
        with about(message=work.turn.inbox_id):
            await self._work(work)

    async def _work(self, work: Work) -> None:
        try:
            await self._journey.think(work)
            more = await asyncio.to_thread(self._journey.commit, work)
        except Fenced:
            metrics.TURNS.labels("taken_over").inc()
            log.warning("a turn was taken over by another worker")
            return
        except Exception as error:
            log.error("turn failed (%s)", type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
            metrics.TURNS.labels("again" if work.attempts < TRIES else "failed").inc()
            await self._give_up(work, error)
            return
        self._count(work)
        self._done(work)
        told = (f"person:{work.turn.person.id}", f"answered:{work.turn.inbox_id}", "outbox", "queue")
        self._hub.publish(*told, *(["inbox"] if more else []))

    @staticmethod
    def _count(work: Work) -> None:
        """A turn that is committed. On a channel whose readers fetch their messages, its replies are accepted by that."""
        metrics.TURNS.labels("done").inc()
        log.info("answered with %d messages", len(work.turn.replies))
        if work.channel in PULLED and work.turn.replies:
            metrics.ANSWER_SECONDS.labels(work.channel).observe((now() - work.received_at).total_seconds())

    async def _give_up(self, work: Work, error: BaseException) -> None:
        try:
            await asyncio.to_thread(self._journey.give_up, work, error)
        except (SQLAlchemyError, Fenced) as second:
            log.error("giving a message back failed (%s); its lease will end", type(second).__name__)
        self._hub.publish(f"person:{work.turn.person.id}", "outbox", "inbox")
