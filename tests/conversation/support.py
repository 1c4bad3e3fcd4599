"""A parent to write as, and a worker's hands: the real intake and journey, driven one turn at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from bot.console.told import Told, read_told
from bot.conversation.intake import Receipt
from bot.conversation.rasa import RasaClient
from bot.delivery.sender import unpack_outbound
from bot.handoff import cases
from bot.messages import Address, Inbound, Kind, Outbound
from bot.storage.tables import ButtonToken, Dialogue, Inbox, Outbox, Person
from bot.wiring import Parts
from tests.doubles.rasa_server import TOKEN

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Said:
    """One message to the parent."""

    ref: str
    key: str
    outbound: Outbound
    message_class: str
    case_id: int | None

    @property
    def text(self) -> str:
        return self.outbound.text

    @property
    def language(self) -> str:
        return self.outbound.language

    @property
    def titles(self) -> list[str]:
        return [button.title for button in (*self.outbound.buttons, *self.outbound.rows)]


def refs(replies: Sequence[Said]) -> list[str]:
    return [reply.ref for reply in replies]


@dataclass
class Parent:
    """Somebody who writes on one channel; each has an address of their own."""

    parts: Parts
    channel: str = "terminal"
    locale: str | None = None
    language: str | None = None
    value: str = field(default_factory=lambda: f"parent-{next(_numbers)}")
    person_id: int = 0

    def inbound(self, text: str = "", **values: Any) -> Inbound:
        address = Address(channel=self.channel, kind=self.channel, value=self.value)
        values.setdefault("external_id", f"event-{next(_numbers)}")
        return Inbound(
            channel=self.channel, addresses=(address,), text=text, locale=self.locale, language=self.language, **values
        )

    def send(self, text: str = "", **values: Any) -> Receipt:
        """Intake only: nobody has answered yet."""
        receipt = self.parts.intake.receive(self.inbound(text, **values), {"text": text})
        self.person_id = receipt.person_id or self.person_id
        return receipt

    async def say(self, text: str = "", **values: Any) -> list[Said]:
        """Write, let the workers finish, and read what came of it."""
        before = self._last()
        await asyncio.to_thread(self.send, text, **values)
        await drain(self.parts)
        return self.heard_since(before)

    async def press(self, title: str) -> list[Said]:
        return await self.say(kind=Kind.BUTTON, token=self.token(title))

    async def start(self, payload: str | None = None) -> list[Said]:
        return await self.say(kind=Kind.START, start_payload=payload)

    def token(self, title: str) -> str:
        """The token of the newest button with this title."""
        with self.parts.database.read() as session:
            found = session.scalar(
                select(ButtonToken.token)
                .join(Outbox, Outbox.key == ButtonToken.outbox_key)
                .where(ButtonToken.person_id == self.person_id, ButtonToken.title == title)
                .order_by(Outbox.id.desc())
                .limit(1)
            )
        assert found is not None, f"no button is called {title!r}"
        return found

    def heard(self) -> list[tuple[int, Said]]:
        with self.parts.database.read() as session:
            rows = session.scalars(select(Outbox).where(Outbox.person_id == self.person_id).order_by(Outbox.id)).all()
        return [(row.id, _said(self.parts, row)) for row in rows]

    def heard_since(self, before: int) -> list[Said]:
        return [said for id_, said in self.heard() if id_ > before]

    def everything(self) -> list[Said]:
        return [said for _, said in self.heard()]

    def _last(self) -> int:
        return max((id_ for id_, _ in self.heard()), default=0)

    def inbox(self) -> list[Inbox]:
        with self.parts.database.read() as session:
            return list(session.scalars(select(Inbox).where(Inbox.person_id == self.person_id).order_by(Inbox.id)))

    def person(self) -> Person:
        with self.parts.database.read() as session:
            return session.get_one(Person, self.person_id)

    def state(self) -> dict[str, Any]:
        with self.parts.database.read() as session:
            saved = session.get(Dialogue, self.person_id)
            return dict(saved.state) if saved else {}


def told(parts: Parts, parent: Parent) -> Told:
    """What the open case says of its writer beside their messages."""
    with parts.database.read() as session:
        case = cases.current(session, parent.person_id)
        assert case is not None
        return read_told(session, parts.keyring, case.id)


def _said(parts: Parts, row: Outbox) -> Said:
    outbound = unpack_outbound(json.loads(parts.keyring.open(row.sealed)))
    return Said(row.ref, row.key, outbound, row.message_class, row.case_id)


async def drain(parts: Parts) -> None:
    """Do a worker's part until nothing is left to do."""
    while works := await asyncio.to_thread(parts.journey.claim, 16):
        for work in works:
            await parts.journey.think(work)
            await asyncio.to_thread(parts.journey.commit, work)


@asynccontextmanager
async def understanding(parts: Parts, url: str, timeout: float = 0.5) -> AsyncIterator[None]:
    """Let the parts ask the Rasa at `url`."""
    parts.rasa = RasaClient(url, TOKEN, timeout)
    try:
        yield
    finally:
        await parts.rasa.close()
        parts.rasa = None
