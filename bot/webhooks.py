"""What every webhook does alike: read a body that is not too long, take in a message, and say safety words when the store fails."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from bot.channels import Channel
from bot.conversation.intake import Receipt
from bot.delivery.sender import unpack_outbound
from bot.messages import Inbound, Kind, Outbound
from bot.storage.tables import Outbox, PersonAddress
from bot.wiring import Parts

log = logging.getLogger(__name__)

SHOWN = ("sent", "delivered", "read", "sending")
"""States of a message that its reader may have before them."""

GIVEN_REMEMBERED = 1000
NUMBER_DIGITS = 2

NumberedTokens = Callable[[Outbound], tuple[str, ...]]
"""The tokens of a message's choices in the order of their numbers, if the channel shows it with numbers; else nothing."""


class Arrivals:
    """Takes in the messages of one channel. `channel` is None where nothing can be sent."""

    def __init__(
        self, parts: Parts, name: str, channel: Channel | None, numbered_tokens: NumberedTokens = lambda outbound: ()
    ) -> None:
        self._parts = parts
        self._name = name
        self._channel = channel
        self._numbered_tokens = numbered_tokens
        self._safety_given: OrderedDict[str, None] = OrderedDict()
        """Messages whose safety words went out although they could not be stored: the provider sends those again."""
        self._background: set[asyncio.Task[None]] = set()

    async def take(self, said: Inbound, raw: Any) -> Receipt:
        """Store one message; where the store fails, the fixed words of an emergency go out all the same, once."""
        inbound, receipt = await run_in_threadpool(self._receive, said, raw)
        if not receipt.stored:
            await self._say_safety(inbound, receipt)
        return receipt

    async def take_all(self, events: Sequence[tuple[Inbound, Any]]) -> list[Receipt]:
        """Store several messages with what came of each, all or none. Raises what the store raises: then `take` each by itself."""
        return await run_in_threadpool(self._receive_all, events)

    def _receive(self, said: Inbound, raw: Any) -> tuple[Inbound, Receipt]:
        inbound = self._numbered(said)
        return inbound, self._parts.intake.receive(inbound, raw)

    def _receive_all(self, events: Sequence[tuple[Inbound, Any]]) -> list[Receipt]:
        return self._parts.intake.receive_all([(self._numbered(said), raw) for said, raw in events])

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background: the provider's answer does not wait for it."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def idle(self) -> None:
        """Once nothing is left in the background."""
        while self._background:
            await asyncio.wait(self._background)

    def _numbered(self, inbound: Inbound) -> Inbound:
        """A bare number after a message that was shown with numbers is a press of that choice. Blocking."""
        place = bare_number(inbound.text) if inbound.kind is Kind.TEXT else None
        if place is None:
            return inbound
        try:
            with self._parts.database.read() as session:
                tokens = self._last_numbers(session, inbound)
        except SQLAlchemyError:
            return inbound
        return pressed(inbound, tokens[place - 1]) if 0 < place <= len(tokens) else inbound

    def _last_numbers(self, session: Session, inbound: Inbound) -> tuple[str, ...]:
        """The tokens of the last message with choices that this person was shown, if it had numbers."""
        keyring = self._parts.keyring
        lookups = [keyring.lookup(address.channel, address.kind, address.value) for address in inbound.addresses]
        person = select(PersonAddress.person_id).where(PersonAddress.lookup.in_(lookups)).limit(1).scalar_subquery()
        shown = (Outbox.person_id == person, Outbox.channel == self._name, Outbox.state.in_(SHOWN))
        for sealed in session.scalars(select(Outbox.sealed).where(*shown).order_by(Outbox.id.desc()).limit(5)):
            outbound = unpack_outbound(keyring.open_json(sealed))
            if outbound.buttons or outbound.rows:
                return self._numbered_tokens(outbound)
        return ()

    async def _say_safety(self, inbound: Inbound, receipt: Receipt) -> None:
        if self._channel is None or not receipt.safety or inbound.external_id in self._safety_given:
            return
        self._safety_given[inbound.external_id] = None
        while len(self._safety_given) > GIVEN_REMEMBERED:
            self._safety_given.popitem(last=False)
        address = inbound.addresses[0]
        for outbound in receipt.safety:
            delivery = await self._channel.send(address.value, address.kind, outbound)
            if delivery.status != "sent":
                log.error("%s: safety words did not go out (%s)", self._name, delivery.reason)


def bare_number(text: str) -> int | None:
    """The number that a message is and nothing else, in the digits of any script: 2, ٢, ۲, ২; with a full stop or bracket if need be."""
    digits = text.strip().strip(".)(।۔،").strip()
    if not 0 < len(digits) <= NUMBER_DIGITS or not all(char.isdecimal() for char in digits):
        return None
    return int(digits)


def pressed(inbound: Inbound, token: str) -> Inbound:
    """The same message as a press of the choice behind `token`."""
    return replace(inbound, kind=Kind.BUTTON, token=token)


async def read_body(request: Request, most: int) -> bytes | None:
    """The request's raw bytes, or None if there are more than `most`."""
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said) > most:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def as_json(body: bytes) -> Any:
    """What the body says; bytes that are no JSON come back as `{"unreadable": …}`, so that they can be kept."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"unreadable": body.decode("utf-8", "replace")}
