"""Text messages from end to end: webhooks in, the real journey, the outbox, and a strict gateway out; on both databases, Rasa away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from bot.app import listen, server, web_app, working
from bot.conversation.intake import Intake
from bot.delivery.pace import paused
from bot.sms import MAX_BODY, PATH, sms_channel, sms_routes
from bot.storage.tables import Case, Consent, Inbox, Outbox, Person, PersonAddress, RawEvent, now
from bot.wiring import Parts
from tests.doubles.sms_gateway import SECRET, TOKEN, SmsGateway

pytestmark = pytest.mark.timeout(120)
ADA, BEN = "+447700900301", "+447700900302"


@dataclass
class Stack:
    """The app as served and working, and the gateway."""

    double: SmsGateway
    parts: Parts

    def all(self, query: Any) -> list[Any]:
        with self.parts.database.read() as session:
            return list(session.scalars(query))

    def count(self, table: type) -> int:
        return self.all(select(func.count()).select_from(table))[0]

    async def post(self, payload: Any, **more: Any) -> httpx.Response:
        return await asyncio.to_thread(lambda: self.double.post(payload, **more))

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(ready):
                await asyncio.sleep(0.05)

    async def quiet(self) -> None:
        await self.until(lambda: not self.all(select(Inbox.id).where(Inbox.open == 1)))
        await self.until(lambda: not self.all(select(Outbox.id).where(Outbox.open == 1)))

    async def says(self, number: str, text: str, **more: Any) -> str:
        """What the phone gets in answer."""
        before = len(self.double.to(number))
        assert (await self.post(self.double.says(number, text, **more))).status_code == 200
        await self.quiet()
        return "\n".join(self.double.to(number)[before:])


@pytest.fixture
async def stack(build_parts: Callable[..., Parts], database_address: str) -> AsyncIterator[Stack]:
    double = SmsGateway()
    with double.in_thread() as url:
        parts = build_parts(
            database_address,
            sweep_seconds=0.2,
            lease_seconds=2.0,
            sms_url=url,
            sms_secret=TOKEN,
            sms_from="+447700900000",
            sms_inbound_secret=f"the-next-one,{SECRET}",
            sms_errors={"21610": "stopped"},
        )
        closing = asyncio.Event()
        public = server(web_app(parts, closing))
        socket = listen("127.0.0.1", 0)
        double.webhook_url = f"http://127.0.0.1:{socket.getsockname()[1]}{PATH}"
        serving = asyncio.create_task(public.serve([socket]))
        async with working(parts, listen("127.0.0.1", 0)):
            yield Stack(double, parts)
            closing.set()
            public.should_exit = True
            await serving


@pytest.mark.parametrize("number", ["2", "٢", "۲", "২", "2."])
async def test_a_menu_is_numbered_and_its_number_chooses_in_any_script(stack: Stack, number: str) -> None:
    menu = await stack.says(ADA, "menu")
    lines = [line for line in menu.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert len(lines) >= 2, menu
    assert stack.double.refused == []
    await stack.says(ADA, number)
    kinds = stack.all(select(Inbox.kind).order_by(Inbox.id))
    assert kinds == ["text", "button"]
    assert stack.all(select(Inbox.outcome).order_by(Inbox.id))[1] is not None
    assert len(stack.double.to(ADA)) >= 2


@pytest.mark.parametrize("word", ["STOP", "Stopall", "stopio", "стоп", "توقف", "বন্ধ", "بند", "oprește"])
async def test_stop_in_any_language_ends_what_nobody_asked_for_and_a_next_message_is_answered(stack: Stack, word: str) -> None:
    await stack.says(ADA, "menu")
    answer = await stack.says(ADA, word)
    assert answer
    assert stack.all(select(Person.stopped_at))[0] is not None
    assert await stack.says(ADA, "menu")


async def test_an_emergency_gets_the_numbers_and_a_case_and_a_picture_an_honest_answer(stack: Stack) -> None:
    assert "999" in await stack.says(ADA, "i have taken all my tablets and i want to die")
    assert stack.all(select(Case.level)) == ["emergency"]
    picture = await stack.says(BEN, "", media=["https://gateway.example/1.jpg"])
    assert "999" in picture


async def test_who_is_not_the_gateway_is_turned_away_and_nothing_is_stored(stack: Stack) -> None:
    says = stack.double.says(ADA, "menu")
    for headers in ({"X-Signature": "0" * 64}, {"X-Signature": ""}, {"X-Signature": SECRET}):
        assert (await stack.post(says, **headers)).status_code == 403
    stack.double.webhook_secret = "another"
    assert (await stack.post(says)).status_code == 403
    stack.double.webhook_secret = "the-next-one"
    assert (await stack.post(b" " * (MAX_BODY + 1))).status_code == 413
    assert stack.count(RawEvent) == 0
    assert (await stack.post(says, how="base64")).status_code == 200


async def test_a_gateway_that_posts_forms_with_a_secret_in_a_header(
    build_parts: Callable[..., Parts], sqlite_address: str
) -> None:
    names = {"id": "MessageId", "from": "From", "text": "Body", "time": "", "media": "NumMedia"}
    given: dict[str, Any] = {"sms_url": "http://127.0.0.1:9", "sms_inbound_secret": SECRET, "sms_inbound": names}
    parts = build_parts(sqlite_address, sms_inbound_auth="header", sms_inbound_header="X-Secret", **given)
    double, closing = SmsGateway(), asyncio.Event()
    public, socket = server(web_app(parts, closing)), listen("127.0.0.1", 0)
    double.webhook_url = f"http://127.0.0.1:{socket.getsockname()[1]}{PATH}"
    serving = asyncio.create_task(public.serve([socket]))
    form = {"MessageId": "7", "From": ADA, "Body": "zażółć", "NumMedia": "0"}
    answers = [
        (await asyncio.to_thread(lambda secret=secret: double.post(form, form=True, **{"X-Secret": secret}))).status_code
        for secret in ("wrong", SECRET)
    ]
    closing.set()
    public.should_exit = True
    await serving
    assert answers == [403, 200]
    with parts.database.read() as session:
        sealed = session.scalars(select(Inbox.sealed)).one()
    assert parts.keyring.open_json(sealed)["text"] == "zażółć"


async def test_a_message_ten_times_at_once_is_one_row_and_one_answer(stack: Stack) -> None:
    says = stack.double.says(ADA, "menu")

    def ten() -> set[int]:
        with ThreadPoolExecutor(10) as pool:
            return {answer.status_code for answer in pool.map(lambda _: stack.double.post(says), range(10))}

    assert await asyncio.to_thread(ten) <= {200, 503}
    assert (await stack.post(says)).status_code == 200
    await stack.quiet()
    assert (stack.count(Inbox), stack.count(RawEvent), stack.count(Person)) == (1, 1, 1)
    assert len(stack.all(select(Outbox.id).where(Outbox.key.like("%:0")))) == 1


async def test_no_200_while_the_store_fails_and_safety_words_go_out_once_all_the_same(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OperationalError("insert", {}, Exception("disk full"))

    says = stack.double.says(ADA, "i have taken all my tablets and i want to die")
    with monkeypatch.context() as broken:
        broken.setattr(Intake, "_store", fails)
        for _ in range(3):
            assert (await stack.post(says)).status_code == 503
        assert sum("999" in words for words in stack.double.to(ADA)) == 1
    assert (await stack.post(says)).status_code == 200
    await stack.quiet()
    assert (stack.count(Inbox), stack.count(Case)) == (1, 1)


async def test_receipts_bring_a_message_to_where_it_is_and_only_upwards(stack: Stack) -> None:
    await stack.says(ADA, "menu")
    sent = stack.double.sent[0]
    for status, state in (("DELIVRD", "delivered"), ("sent", "delivered"), ("DELIVRD", "delivered")):
        assert (await stack.post(stack.double.receipt(sent, status))).status_code == 200
        assert stack.all(select(Outbox.state).where(Outbox.key.like("%:0"))) == [state]
    assert (await stack.post({"id": "somebody-elses", "status": "delivered"})).status_code == 200


async def test_a_lost_answer_is_found_again_by_its_receipt_and_nothing_is_sent_twice(stack: Stack) -> None:
    stack.double.lose = 1
    assert (await stack.post(stack.double.says(ADA, "menu"))).status_code == 200
    await stack.until(lambda: bool(stack.double.sent))
    sent = stack.double.sent[0]
    assert (await stack.post(stack.double.receipt(sent, "delivered"))).status_code == 200
    await stack.until(lambda: "delivered" in stack.all(select(Outbox.state)) or bool(stack.all(select(Outbox.id))))
    with stack.parts.database.write() as session:
        for row in session.scalars(select(Outbox).where(Outbox.open == 1)):
            row.due_at = now()
    await stack.quiet()
    assert stack.double.to(ADA).count(sent.text) == 1
    assert "delivered" in stack.all(select(Outbox.state))


async def test_who_told_the_network_to_stop_is_unreachable_and_has_withdrawn(stack: Stack) -> None:
    stack.double.answers = [(400, {"error": "21610"}, {})]
    await stack.says(ADA, "menu")
    assert stack.all(select(Outbox.reason).where(Outbox.state == "failed"))[0] == "stopped (21610)"
    assert stack.all(select(PersonAddress.unreachable_at))[0] is not None
    assert stack.all(select(Consent.given)) == [False]
    assert await stack.says(ADA, "menu"), "who writes again is answered"


async def test_without_credit_nothing_goes_out_and_nothing_is_lost(stack: Stack) -> None:
    stack.double.answers = [(402, {}, {})]
    assert (await stack.post(stack.double.says(ADA, "menu"))).status_code == 200

    def is_paused() -> bool:
        with stack.parts.database.read() as session:
            return paused(session, ["sms"], now()) == {"sms"}

    await stack.until(is_paused)
    assert stack.double.sent == []
    assert set(stack.all(select(Outbox.state))) <= {"queued", "sending"}


def test_without_a_gateway_or_its_secret_there_is_no_way_in(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    assert sms_routes(build_parts(sqlite_address, sms_url="https://gateway.example")) == []
    assert sms_routes(build_parts(sqlite_address, sms_inbound_secret=SECRET)) == []
    assert sms_channel(build_parts(sqlite_address).settings) is None


async def test_no_log_and_no_open_column_holds_a_number_or_a_word(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    await stack.says(ADA, "plantedword")
    await stack.post(b'{"plantedword')
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))
    for private in (ADA[1:], "plantedword", SECRET, TOKEN):
        assert private not in said
    kept = stack.all(select(RawEvent.external_id)) + stack.all(select(Outbox.provider_id)) + stack.all(select(Outbox.reason))
    assert not any(ADA[1:] in str(value) for value in kept)
