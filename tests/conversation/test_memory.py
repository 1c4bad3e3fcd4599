"""A process that works for weeks keeps nothing of the messages that it has answered. Full size: `python -m benchmarks.throughput --memory`."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.delivery.sender import Sender
from bot.messages import Delivery, Inbound, Outbound
from bot.wiring import Parts
from tests.conversation.support import Parent, drain

pytestmark = pytest.mark.timeout(600)
WARM, COUNTED = 400, 800
TEXTS = ("menu", "my baby cries every evening", "help", "2", "ok thanks", "my baby is not breathing")


class Forgetful:
    """A provider that takes everything and keeps nothing."""

    name, pulled = "telegram", False

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        return []

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        return Delivery(status="sent", provider_id="p")


async def answer(parts: Parts, sender: Sender, first: int, count: int) -> int:
    """Take in, answer and send so many messages of ten people at a time; returns how many memory blocks are in use then."""
    for number in range(first, first + count, 10):
        for which in range(10):
            parent = Parent(parts, channel="telegram", value=f"parent-{number // 40}-{which}", language="en")
            await asyncio.to_thread(parent.send, TEXTS[(number // 10 + which) % len(TEXTS)])
        await drain(parts)
        while parcels := await asyncio.to_thread(sender.claim, 20):
            await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
    gc.collect()
    return sys.getallocatedblocks()


@pytest.fixture
def unlogged() -> Iterator[None]:
    """Pytest keeps every line that is logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("unlogged")
async def test_what_a_process_holds_does_not_grow_with_what_it_has_answered(parts: Parts) -> None:
    sender = Sender(parts.database, parts.keyring, {"telegram": Forgetful()}, parts.hub, lease_seconds=60, look_every=5)
    warm = await answer(parts, sender, 0, WARM)
    after = await answer(parts, sender, WARM, COUNTED)
    assert after - warm < COUNTED, f"{after - warm} blocks more: at least a block of memory is kept for each message"
