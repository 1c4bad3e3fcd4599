"""Telegram by webhook from end to end: the strict double delivers, the app stores before it says 200; on both databases, Rasa away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from bot import cli
from bot.app import listen, server, web_app, working
from bot.channels.telegram.webhook import HEADER
from bot.commands import providers
from bot.conversation.intake import Intake
from bot.delivery.pace import paused
from bot.polling import TelegramIntake, telegram_poller
from bot.settings import Settings
from bot.storage.engine import Database
from bot.storage.tables import Case, Inbox, Outbox, Person, PersonAddress, PollOffset, RawEvent, now
from bot.telegram_webhook import MAX_BODY, PATH, WebhookKeeper, telegram_channel, telegram_routes, webhook_url
from bot.wiring import Parts
from tests.doubles.telegram_server import TOKEN, TelegramServer

pytestmark = pytest.mark.timeout(120)
PARENT = 7001
SECRET = "the-new-one_0123456789"
OLD_SECRET = "the-old-one_0123456789"
PUBLIC = "https://wren.example"


@dataclass
class Stack:
    """The app as served and working, and Telegram."""

    double: TelegramServer
    parts: Parts
    address: str

    def count(self, table: type) -> int:
        with self.parts.database.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    async def post(self, body: Any, secret: str | None = SECRET) -> int:
        headers = {} if secret is None else {HEADER: secret}
        given: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(self.address + PATH, headers=headers, **given)).status_code

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(ready):
                await asyncio.sleep(0.05)

    async def delivered(self) -> None:
        """Until Telegram has nothing left and every message has its answer."""
        await self.until(lambda: not self.double.pending())
        await self.until(lambda: not self._open(Inbox) and not self._open(Outbox))

    def _open(self, table: Any) -> bool:
        with self.parts.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(table.open == 1)) != 0


@pytest.fixture
async def stack(build_parts: Callable[..., Parts], database_address: str) -> AsyncIterator[Stack]:
    double = TelegramServer()
    with double.in_thread() as url:
        parts = build_parts(
            database_address,
            sweep_seconds=0.2,
            telegram_token=TOKEN,
            telegram_api=url,
            telegram_webhook_secret=f"{SECRET}, {OLD_SECRET}",
            public_url=PUBLIC,
        )
        closing = asyncio.Event()
        public = server(web_app(parts, closing))
        socket = listen("127.0.0.1", 0)
        double.webhook_at = f"http://127.0.0.1:{socket.getsockname()[1]}"
        serving = asyncio.create_task(public.serve([socket]))
        async with working(parts, listen("127.0.0.1", 0)):
            yield Stack(double, parts, double.webhook_at)
            closing.set()
            public.should_exit = True
            await serving


def an_update(update_id: int, text: str, who: int = PARENT) -> dict[str, Any]:
    person = {"id": who, "is_bot": False, "first_name": "Parent", "language_code": "en"}
    chat = {"id": who, "type": "private", "first_name": "Parent"}
    return {
        "update_id": update_id,
        "message": {"message_id": update_id, "from": person, "chat": chat, "date": 1_790_000_000, "text": text},
    }


async def test_the_start_sets_the_webhook_and_a_deep_link_a_button_an_edit_and_a_block_travel_by_it(stack: Stack) -> None:
    double = stack.double
    await stack.until(lambda: double.webhook["url"] == PUBLIC + PATH)
    assert double.webhook_secret == SECRET
    double.open_link(PARENT, "poster-hub-1")
    await stack.delivered()
    await stack.until(lambda: len(double.sent(PARENT)) >= 2)
    double.press(PARENT, "Menu")
    await stack.until(lambda: any("Here is what I can do" in message["text"] for message in double.sent(PARENT)))
    await stack.until(lambda: any("✓ Menu" in str(message) for message in double.sent(PARENT)))
    said = double.say(PARENT, "menu")
    double.edit(PARENT, said["message_id"], "i have taken all my tablets and i want to die")
    await stack.delivered()
    with stack.parts.database.read() as session:
        assert session.scalar(select(Person.campaign)) == "poster-hub-1"
        assert session.scalar(select(Case.level)) == "emergency"
        assert session.scalars(select(Inbox.kind).order_by(Inbox.id)).all() == ["start", "button", "text", "edit"]
        assert session.scalar(select(func.count()).select_from(PollOffset)) == 0
    double.block(PARENT)
    double.unblock(PARENT)
    double.block(PARENT)
    await stack.delivered()
    with stack.parts.database.read() as session:
        assert session.scalar(select(PersonAddress.unreachable_at)) is not None
    assert {status for _, status in double.deliveries} == {200}
    assert "getUpdates" not in [name for name, _ in double.calls]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1], f"{SECRET}, {OLD_SECRET}", "é"])
async def test_who_does_not_name_a_secret_of_ours_is_turned_away_and_nothing_is_stored(stack: Stack, secret: str | None) -> None:
    given = secret.encode("latin-1") if secret is not None else None
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = [(HEADER.encode(), given)] if given is not None else []
        answer = await client.post(stack.address + PATH, json=an_update(1, "menu"), headers=headers)
    assert answer.status_code == 403
    assert stack.count(RawEvent) == 0


async def test_both_secrets_are_good_while_it_is_being_changed_and_a_body_may_not_be_huge(stack: Stack) -> None:
    assert await stack.post(an_update(1, "menu"), OLD_SECRET) == 200
    assert await stack.post(b" " * (MAX_BODY + 1)) == 413
    assert await stack.post(b" " * (MAX_BODY + 1), "wrong") == 403, "nobody else's body is read at all"
    assert stack.count(RawEvent) == 1


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b'{"update_id": "x"}', b"[" * 100_000, b"\xff\xfe"])
async def test_nonsense_of_telegrams_own_is_kept_once_and_never_comes_again(stack: Stack, body: bytes) -> None:
    assert [await stack.post(body), await stack.post(body)] == [200, 200]
    assert (stack.count(RawEvent), stack.count(Inbox)) == (1, 0)


async def test_the_same_update_ten_times_at_once_and_by_a_poll_is_one_row_and_one_answer(stack: Stack) -> None:
    update = an_update(55, "menu")
    codes = await asyncio.gather(*(stack.post(update) for _ in range(10)))
    assert set(codes) <= {200, 503}
    assert await stack.post(update) == 200
    channel = telegram_channel(stack.parts.settings)
    assert channel is not None
    await TelegramIntake(stack.parts, channel).store([update, an_update(56, "menu", PARENT + 1)], 57)
    await channel.close()
    await stack.until(lambda: stack.count(Outbox) > 0)
    assert (stack.count(RawEvent), stack.count(Inbox), stack.count(Person)) == (2, 2, 2)


async def test_no_200_while_the_store_fails_and_safety_words_go_out_once_all_the_same(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OperationalError("insert", {}, Exception("disk full"))

    await stack.until(lambda: bool(stack.double.webhook["url"]))
    with monkeypatch.context() as broken:
        broken.setattr(Intake, "_store", fails)
        stack.double.say(PARENT, "i have taken all my tablets and i want to die")
        await stack.until(lambda: len(stack.double.deliveries) >= 3)
        assert {status for _, status in stack.double.deliveries} == {503}
        assert sum("999" in message["text"] for message in stack.double.sent(PARENT)) == 1
    await stack.delivered()
    await stack.until(lambda: stack.count(Case) == 1)
    assert stack.count(Inbox) == 1


async def test_a_block_that_cannot_be_stored_comes_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    await stack.post(an_update(1, "menu"))
    stack.double.say(PARENT, "menu")
    real = Database.write
    with monkeypatch.context() as broken:
        broken.setattr(TelegramIntake, "keep", lambda *_: (_ for _ in ()).throw(OperationalError("x", {}, Exception("no"))))
        stack.double.block(PARENT)
        await stack.until(lambda: any(status == 503 for _, status in stack.double.deliveries))
    assert Database.write is real
    await stack.delivered()
    with stack.parts.database.read() as session:
        assert session.scalar(select(PersonAddress.unreachable_at)) is not None


async def test_a_pause_that_telegram_asks_for_is_the_whole_bots_and_nothing_is_lost(stack: Stack) -> None:
    await stack.until(lambda: bool(stack.double.webhook["url"]))
    stack.double.fail_next("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
    stack.double.say(PARENT, "menu")

    def is_paused() -> bool:
        with stack.parts.database.read() as session:
            return paused(session, ["telegram"], now()) == {"telegram"}

    await stack.until(is_paused)

    def told() -> int:
        return sum(method != "setMyCommands" for method, _ in stack.double.calls)  # menus are set while the webhook is

    calls = told()
    stack.double.say(PARENT + 1, "menu")
    message = {"chat": {"id": PARENT, "type": "private"}}
    stack.double.inject({"callback_query": {"id": "1", "from": {"id": PARENT}, "message": message, "data": "x"}})
    await stack.until(lambda: not stack.double.pending())
    await asyncio.sleep(0.5)
    assert told() == calls, "neither a message nor the end of a button's waiting mark"
    await stack.until(lambda: bool(stack.double.sent(PARENT)) and bool(stack.double.sent(PARENT + 1)))


async def test_a_webhook_that_somebody_took_away_is_set_again(stack: Stack) -> None:
    await stack.until(lambda: bool(stack.double.webhook["url"]))
    channel = telegram_channel(stack.parts.settings)
    assert channel is not None
    keeper = WebhookKeeper(stack.parts, channel, look_seconds=0.1)
    task = asyncio.create_task(keeper.run())
    await channel.bot.delete_webhook()
    stack.double.fail_next("setWebhook", 429, "Too Many Requests: retry after 1", retry_after=1)
    await stack.until(lambda: stack.double.webhook["url"] == PUBLIC + PATH)
    keeper.stop()
    await asyncio.wait_for(task, 10)
    await channel.close()


async def test_polling_after_a_webhook_takes_it_away_and_begins_at_what_waits(stack: Stack) -> None:
    await stack.until(lambda: bool(stack.double.webhook["url"]))
    stack.double.webhook_at = "http://127.0.0.1:9"
    stack.double.say(PARENT, "said while nobody listened")
    channel = telegram_channel(stack.parts.settings)
    assert channel is not None
    intake, poller = await asyncio.to_thread(telegram_poller, stack.parts, channel)
    task = asyncio.create_task(intake.run(poller))
    await stack.until(lambda: stack.count(Inbox) == 1)
    poller.stop()
    await task
    await channel.close()


def test_without_a_secret_or_a_token_there_is_no_way_in(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    for given in ({"telegram_token": TOKEN}, {"telegram_webhook_secret": SECRET}):
        parts = build_parts(sqlite_address, **given)
        assert telegram_routes(parts, telegram_channel(parts.settings)) == []


async def test_where_telegram_could_not_deliver_wren_polls_and_says_so(
    build_parts: Callable[..., Parts], sqlite_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    double = TelegramServer()
    with double.in_thread() as url:
        given: dict[str, Any] = {"telegram_token": TOKEN, "telegram_api": url, "telegram_webhook_secret": SECRET}
        parts = build_parts(sqlite_address, sweep_seconds=0.2, public_url="http://wren.example", **given)
        double.say(PARENT, "menu")
        async with working(parts, listen("127.0.0.1", 0)), asyncio.timeout(30):
            while not double.sent(PARENT):
                await asyncio.sleep(0.05)
    assert double.webhook["url"] == ""
    assert "so Wren polls" in caplog.text


async def test_no_log_holds_a_secret_the_token_a_chat_or_a_word(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    await stack.post(an_update(1, "plantedword"))
    await stack.post(b'{"plantedword')
    await stack.post(an_update(2, "plantedword"), "wrongsecret")
    await stack.until(lambda: bool(stack.double.sent(PARENT)) or stack.count(Outbox) > 0)
    for private in (SECRET, TOKEN.partition(":")[2], "plantedword", "wrongsecret", str(PARENT)):
        assert private not in "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))


def test_the_command_sets_shows_and_deletes_the_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    double = TelegramServer()
    with double.in_thread() as url:
        chosen = Settings.model_validate(
            {"telegram_token": TOKEN, "telegram_api": url, "telegram_webhook_secret": SECRET, "public_url": PUBLIC}
        )
        monkeypatch.setattr(providers, "started", lambda: chosen)

        def run(*options: str) -> tuple[int, str]:
            result = CliRunner().invoke(cli.app, ["telegram", "webhook", *options])
            return result.exit_code, result.output

        assert run() == (0, "address: none: Wren polls, or nobody listens\nwaiting: 0\nlast error: none\n")
        assert run("--set")[1].startswith(f"address: {webhook_url(chosen)}\n")
        assert double.webhook_secret == SECRET
        assert run("--delete")[1].startswith("address: none")
        assert run("--set", "--delete")[0] == 2
        double.fail_next("getWebhookInfo", 401, "Unauthorized")
        code, said = run()
        assert (code, "refuses" in said, TOKEN in said) == (1, True, False)
        monkeypatch.setattr(providers, "started", lambda: chosen.model_copy(update={"public_url": "http://wren.example"}))
        assert run("--set")[0] == 2
        monkeypatch.setattr(providers, "started", lambda: chosen.model_copy(update={"telegram_token": None}))
        assert run()[0] == 2
