"""Polling Telegram: nothing is confirmed before it is stored, whatever breaks in between."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from bot.channels.telegram import TelegramChannel, TelegramPoller, external_id
from tests.doubles.telegram_server import TOKEN, TelegramServer

pytestmark = pytest.mark.timeout(30)

PARENT = 9_100_200_301


class Inbox:
    """A store in memory with the inbox's unique key; `break_next` makes it fail before, or die after, its commit."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.offset: int | None = None
        self.batches: list[list[dict[str, Any]]] = []
        self.break_next: BaseException | None = None
        self.break_after: BaseException | None = None

    async def store(self, updates: list[dict[str, Any]], next_offset: int) -> None:
        broken, self.break_next = self.break_next, None
        if broken is not None:
            raise broken
        self.batches.append(updates)
        for update in updates:
            self.rows.setdefault(external_id(update, "1") or f"odd {len(self.rows)}", update)
        self.offset = next_offset
        died, self.break_after = self.break_after, None
        if died is not None:
            raise died

    @property
    def texts(self) -> list[str]:
        return [row["message"]["text"] for row in self.rows.values() if isinstance(row.get("message"), dict)]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    async with server.serving():
        yield server


def poller(double: TelegramServer, inbox: Inbox, **options: Any) -> TelegramPoller:
    quick: dict[str, Any] = {"poll_seconds": 5, "first_wait": 0.05, "longest_wait": 0.2}
    return TelegramPoller(TOKEN, double.url, inbox.store, **(quick | options))


@asynccontextmanager
async def running(poll: TelegramPoller) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(poll.run())
    try:
        yield task
    finally:
        poll.stop()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 5)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def confirmed(double: TelegramServer) -> Any:
    return lambda: not double.pending()


@pytest.mark.asyncio
async def test_every_update_is_stored_and_then_confirmed(double: TelegramServer) -> None:
    inbox = Inbox()
    for index in range(7):
        double.say(PARENT, f"word {index}")
    async with running(poller(double, inbox, limit=3)):
        await until(confirmed(double))
        double.say(PARENT, "later")
        await until(lambda: "later" in inbox.texts)
    assert inbox.texts == [*(f"word {index}" for index in range(7)), "later"]
    assert [len(batch) for batch in inbox.batches] == [3, 3, 1, 1]


@pytest.mark.asyncio
async def test_nothing_is_confirmed_while_it_is_not_stored(double: TelegramServer) -> None:
    inbox = Inbox()
    double.say(PARENT, "keep me")
    inbox.break_next = OSError("disk full")
    async with running(poller(double, inbox, first_wait=1.0, longest_wait=1.0)) as task:
        await until(lambda: inbox.break_next is None)
        await asyncio.sleep(0.2)
        assert inbox.rows == {}
        assert len(double.pending()) == 1
        await until(confirmed(double))
        assert not task.done()
    assert inbox.texts == ["keep me"]


@pytest.mark.asyncio
async def test_a_crash_between_store_and_next_poll_brings_the_batch_again_and_it_is_known(
    double: TelegramServer,
) -> None:
    inbox = Inbox()
    double.say(PARENT, "one")
    double.say(PARENT, "two")
    inbox.break_after = asyncio.CancelledError()
    crashed = asyncio.create_task(poller(double, inbox).run())
    await asyncio.wait([crashed], timeout=5)
    assert crashed.cancelled()
    assert inbox.texts == ["one", "two"]
    assert len(double.pending()) == 2
    async with running(poller(double, inbox)):
        await until(confirmed(double))
    assert len(inbox.batches) == 2
    assert inbox.batches[0] == inbox.batches[1]
    assert inbox.texts == ["one", "two"]


@pytest.mark.asyncio
async def test_it_may_go_on_from_a_stored_offset(double: TelegramServer) -> None:
    inbox = Inbox()
    double.say(PARENT, "old")
    double.say(PARENT, "new")
    async with running(poller(double, inbox, offset=double.pending()[1]["update_id"])):
        await until(confirmed(double))
    assert inbox.texts == ["new"]


@pytest.mark.asyncio
async def test_an_unparsable_update_neither_blocks_nor_loses_its_batch(double: TelegramServer) -> None:
    inbox = Inbox()
    double.say(PARENT, "before")
    double.inject({"message": {"date": "yesterday", "from": [], "chat": 7}})
    double.inject({"callback_query": {"id": 1}})
    double.inject({"update_id": "not a number", "message": None})
    double.say(PARENT, "after")
    async with running(poller(double, inbox)):
        await until(confirmed(double))
    (batch,) = inbox.batches
    assert len(batch) == 5
    assert [batch[0]["message"]["text"], batch[-1]["message"]["text"]] == ["before", "after"]
    channel = TelegramChannel(TOKEN)
    assert [len(channel.parse(update)) for update in batch] == [1, 0, 0, 0, 1]


@pytest.mark.asyncio
async def test_a_batch_without_ids_is_stored_and_does_not_spin(double: TelegramServer) -> None:
    inbox = Inbox()
    double.inject({"update_id": None})
    async with running(poller(double, inbox, first_wait=0.3, longest_wait=0.3)) as task:
        await asyncio.sleep(0.7)
        assert 1 <= len(inbox.batches) <= 5
        double.say(PARENT, "a proper one")
        await until(confirmed(double))
        assert not task.done()
    assert "a proper one" in inbox.texts


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "description"),
    [
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (401, "Unauthorized"),
        (409, "Conflict: terminated by other getUpdates request"),
    ],
)
async def test_it_goes_on_after_a_refusal(
    double: TelegramServer, status: int, description: str, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    double.say(PARENT, "hello")
    for _ in range(3):
        double.fail_next("getUpdates", status, description)
    caplog.set_level(logging.INFO)
    poll = poller(double, inbox)
    async with running(poll):
        await until(confirmed(double))
    assert inbox.texts == ["hello"]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1, "one outage is one line"
    assert str(status) in warnings[0].getMessage()
    assert poll.problem == ""
    assert poll.last_poll_at is not None


@pytest.mark.asyncio
async def test_it_waits_as_long_as_flood_control_says(double: TelegramServer) -> None:
    inbox = Inbox()
    double.say(PARENT, "hello")
    double.fail_next("getUpdates", 429, "Too Many Requests: retry after 1", retry_after=1)
    async with running(poller(double, inbox)):
        await asyncio.sleep(0.7)
        assert inbox.rows == {}
        await until(confirmed(double))
    assert inbox.texts == ["hello"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"[]", b'{"ok": true}', b'{"ok": true, "result": {}}', b'{"ok": true, "result"']
)
async def test_an_unreadable_answer_loses_nothing(double: TelegramServer, body: bytes) -> None:
    inbox = Inbox()
    double.say(PARENT, "hello")
    double.garble_next("getUpdates", body)
    async with running(poller(double, inbox)):
        await until(confirmed(double))
    assert inbox.texts == ["hello"]


@pytest.mark.asyncio
async def test_a_webhook_that_was_left_behind_is_removed_and_what_waited_is_kept(double: TelegramServer) -> None:
    inbox = Inbox()
    double.say(PARENT, "waiting")
    double.webhook = {"url": "https://wren.example/old"}
    async with running(poller(double, inbox)):
        await until(confirmed(double))
    assert double.webhook["url"] == ""
    assert inbox.texts == ["waiting"]


@pytest.mark.asyncio
async def test_two_pollers_lose_nothing_between_them(double: TelegramServer) -> None:
    inbox = Inbox()
    async with running(poller(double, inbox)), running(poller(double, inbox)):
        for index in range(5):
            double.say(PARENT, f"word {index}")
            await asyncio.sleep(0.1)
        await until(lambda: len(inbox.rows) == 5)
    assert sorted(inbox.texts) == [f"word {index}" for index in range(5)]


@pytest.mark.asyncio
async def test_it_finds_a_server_that_comes_up_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    inbox, late = Inbox(), TelegramServer()
    late.url = f"http://127.0.0.1:{port}"
    late.say(PARENT, "patience")
    poll = poller(late, inbox)
    async with running(poll):
        await until(lambda: poll.problem)
        assert TOKEN not in poll.problem
        async with late.serving(port):
            await until(confirmed(late))
            poll.stop()
    assert inbox.texts == ["patience"]


@pytest.mark.asyncio
async def test_stop_ends_a_waiting_poll_at_once(double: TelegramServer) -> None:
    poll = poller(double, Inbox(), poll_seconds=25)
    task = asyncio.create_task(poll.run())
    await asyncio.sleep(0.3)
    poll.stop()
    await asyncio.wait_for(task, 1)


@pytest.mark.asyncio
async def test_stop_lets_a_batch_that_is_being_stored_be_stored(double: TelegramServer) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(updates: list[dict[str, Any]], next_offset: int) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        done.set()

    double.say(PARENT, "hello")
    poll = TelegramPoller(TOKEN, double.url, slow, poll_seconds=5)
    task = asyncio.create_task(poll.run())
    await begun.wait()
    poll.stop()
    await asyncio.wait_for(task, 2)
    assert done.is_set()


@pytest.mark.asyncio
async def test_a_press_is_acknowledged_once_it_is_stored(double: TelegramServer) -> None:
    inbox = Inbox()
    channel = TelegramChannel(TOKEN, base_url=double.url)
    double.say(PARENT, "hello")
    keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "t"}]]}
    await channel.bot.send_message(PARENT, "x", reply_markup=keyboard)  # type: ignore[arg-type]
    query_id = double.press(PARENT, "Go")
    inbox.break_next = OSError("disk full")
    async with running(poller(double, inbox, acknowledge=channel.acknowledge, first_wait=0.6, longest_wait=0.6)):
        await until(lambda: inbox.break_next is None)
        await asyncio.sleep(0.2)
        assert query_id not in double.answered
        await until(lambda: query_id in double.answered)
    assert len(inbox.rows) == 2
    await channel.close()


@pytest.mark.asyncio
async def test_no_log_holds_the_token_or_a_word_of_a_message(double: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    inbox = Inbox()
    poll = poller(double, inbox)
    double.say(PARENT, "plantedword")
    double.garble_next("getUpdates", b'{"ok": plantedword')
    inbox.break_next = OSError("plantedword")
    async with running(poll):
        await until(confirmed(double))
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot."))
    assert "could not be stored" in ours
    assert TOKEN.partition(":")[2] not in caplog.text
    assert "plantedword" not in caplog.text
