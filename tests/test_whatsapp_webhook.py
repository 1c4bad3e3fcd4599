"""What one of Meta's webhooks costs the database: one transaction for neighbours of a kind, and few statements for each."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from starlette.requests import Request

from bot.channels.whatsapp import events
from bot.channels.whatsapp.parse import opaque
from bot.conversation.intake import Arrival
from bot.delivery.sender import Sender
from bot.messages import Delivery, Inbound, Outbound
from bot.storage.tables import Inbox, Outbox
from bot.whatsapp import AT_ONCE, Webhook, runs
from bot.wiring import Parts
from tests.conversation.support import drain
from tests.doubles.graph_server import NUMBER_ID, SECRET, VERIFY, GraphServer, Parent, envelope, sign, together

pytestmark = pytest.mark.timeout(120)
FAMILIES = [Parent(phone=f"4477009003{number:02}", user_id=None, name="") for number in range(5)]


@pytest.fixture
def webhook(build_parts: Callable[..., Parts], database_address: str) -> Webhook:
    parts = build_parts(
        database_address, whatsapp_phone_number_id=NUMBER_ID, whatsapp_app_secret=SECRET, whatsapp_verify_token=VERIFY
    )
    return Webhook(parts, None)


async def deliver(webhook: Webhook, payload: dict[str, Any]) -> int:
    body = json.dumps(payload).encode()
    headers = [(b"x-hub-signature-256", sign(body, SECRET).encode())]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return (await webhook.receive(Request({"type": "http", "method": "POST", "headers": headers}, receive))).status_code


@contextmanager
def counted(parts: Parts) -> Iterator[Counter[str]]:
    """How many transactions and statements there are while the block lasts."""
    seen: Counter[str] = Counter()

    def begun(connection: Connection) -> None:
        seen["writes" if connection.get_execution_options().get("wren_write") else "reads"] += 1

    def asked(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen["statements"] += not statement.startswith("BEGIN")

    event.listen(parts.database.engine, "begin", begun)
    event.listen(parts.database.engine, "before_cursor_execute", asked)
    try:
        yield seen
    finally:
        event.remove(parts.database.engine, "begin", begun)
        event.remove(parts.database.engine, "before_cursor_execute", asked)


def words_of(parts: Parts) -> list[tuple[int, str]]:
    """Who wrote what, in the order in which it is kept."""
    with parts.database.read() as session:
        rows = session.scalars(select(Inbox).order_by(Inbox.id)).all()
        return [(row.person_id, parts.keyring.open_json(row.sealed)["text"]) for row in rows]


async def test_the_messages_of_one_webhook_are_stored_in_one_transaction_and_in_their_order(webhook: Webhook) -> None:
    double = GraphServer()
    said = [double.says(parent, f"{number}, good morning") for number in range(2) for parent in FAMILIES]
    with counted(webhook._parts) as seen:
        assert await deliver(webhook, together(*said)) == 200
    assert (seen["writes"], seen["reads"]) == (1, 1)
    kept = words_of(webhook._parts)
    assert [text[0] for _, text in kept] == ["0"] * 5 + ["1"] * 5
    assert [person for person, _ in kept[:5]] == [person for person, _ in kept[5:]]


async def test_a_message_that_is_twice_in_a_webhook_is_kept_once(webhook: Webhook) -> None:
    double = GraphServer()
    once, other = double.says(FAMILIES[0], "good morning"), double.says(FAMILIES[1], "good evening")
    assert await deliver(webhook, together(once, other, once)) == 200
    assert await deliver(webhook, together(other, once)) == 200
    assert [text for _, text in words_of(webhook._parts)] == ["good morning", "good evening"]


async def test_what_cannot_be_stored_together_is_stored_one_by_one(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that fails is spooled and its provider told to come again; the others are kept."""
    double, intake = GraphServer(), webhook._parts.intake
    real = intake._store_in

    def fails_for_one(session: Any, arrival: Arrival, *rest: Any) -> Any:
        if arrival.inbound.text == "no":
            raise ValueError
        return real(session, arrival, *rest)

    monkeypatch.setattr(intake, "_store_in", fails_for_one)
    said = [double.says(parent, text) for parent, text in zip(FAMILIES, ("good", "no", "fine"), strict=False)]
    assert await deliver(webhook, together(*said)) == 503
    assert [text for _, text in words_of(webhook._parts)] == ["good", "fine"]


def test_a_huge_webhook_is_taken_in_pieces_of_one_kind_and_in_its_order() -> None:
    double = GraphServer()
    receipts = envelope(statuses=[{"id": f"wamid.{number}", "status": "read", "timestamp": "1"} for number in range(45)])
    found = events(
        together(double.says(FAMILIES[0], "a"), receipts, double.says(FAMILIES[0], "b"), double.says(FAMILIES[0], "c"))
    )
    pieces = list(runs(found))
    assert [len(piece) for piece in pieces] == [1, AT_ONCE, AT_ONCE, 45 - 2 * AT_ONCE, 2]
    assert [one for piece in pieces for one in piece] == found


class Taker:
    """A provider that accepts everything."""

    name, pulled = "whatsapp", False

    def parse(self, raw: Any) -> list[Inbound]:
        return []

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        raise AssertionError

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        taken = opaque(f"wamid.{mark}")
        return Delivery(status="sent", provider_id=taken, accepted=(taken,), parts=1)


async def test_the_way_of_a_message_takes_few_statements(webhook: Webhook) -> None:
    """Each is a share of the time that one process has for everybody. Where one more is needed, raise the number and say why."""
    double, parts = GraphServer(), webhook._parts
    sender = Sender(parts.database, parts.keyring, {"whatsapp": Taker()}, parts.hub, lease_seconds=60, look_every=5)
    spent: dict[str, Counter[str]] = {}

    async def play(text: str) -> None:
        batch = together(*(double.says(parent, text) for parent in FAMILIES))
        with counted(parts) as spent["store"]:
            assert await deliver(webhook, batch) == 200
        with counted(parts) as spent["answer"]:
            await drain(parts)
        with counted(parts) as spent["claim"]:
            parcels = await asyncio.to_thread(sender.claim, 8)
        assert len(parcels) == len(FAMILIES)
        with counted(parts) as spent["send"]:
            await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
        statuses = [
            {"id": f"wamid.{p.key}", "status": "read", "timestamp": "1", "biz_opaque_callback_data": f"{p.key}#0/1"}
            for p in parcels
        ]
        with counted(parts) as spent["receipts"]:
            assert await deliver(webhook, envelope(statuses=statuses)) == 200
        while parcels := await asyncio.to_thread(sender.claim, 8):  # a first answer is several messages
            await asyncio.gather(*(sender.send(parcel) for parcel in parcels))

    await play("menu")
    await play("menu")  # now they are known
    people = len(FAMILIES)
    most = {"store": 8, "answer": 9, "claim": 4, "send": 2, "receipts": 7}
    each = {step: seen["statements"] / people for step, seen in spent.items()}
    assert {step: count for step, count in each.items() if count > most[step]} == {}, each
    assert [spent[step]["writes"] for step in ("store", "claim", "receipts")] == [1, 1, 1]
    assert [spent[step]["reads"] for step in ("store", "claim", "send", "receipts")] == [0, 0, 0, 0]
    assert spent["send"]["writes"] < people
    with parts.database.read() as session:
        assert {row.state for row in session.scalars(select(Outbox))} == {"sent", "read"}
