"""The double of the Bot API, tried with two clients that this project did not write, and at each of its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiogram import Bot as AiogramBot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import BotCommand as AiogramCommand
from aiogram.types import InlineKeyboardButton as AiogramButton
from aiogram.types import InlineKeyboardMarkup as AiogramKeyboard
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter

from tests.doubles.telegram_server import TelegramServer

pytestmark = pytest.mark.timeout(30)

PARENT = 9_100_200_301


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[TelegramServer, str]]:
    double = TelegramServer()
    async with double.serving() as url:
        yield double, url


@pytest_asyncio.fixture
async def bot(server: tuple[TelegramServer, str]) -> AsyncIterator[Bot]:
    double, url = server
    async with Bot(double.token, base_url=f"{url}/bot") as client:
        yield client


async def call(server: tuple[TelegramServer, str], method: str, **parameters: Any) -> httpx.Response:
    double, url = server
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{url}/bot{double.token}/{method}", json=parameters)


@pytest.mark.asyncio
async def test_python_telegram_bot_holds_a_whole_conversation(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    assert (await bot.get_me()).is_bot
    double.open_link(PARENT, "leaflet-7")
    (start,) = await bot.get_updates(timeout=2)
    assert start.message and start.message.text == "/start leaflet-7"
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Show me", callback_data="tok1")]])
    sent = await bot.send_message(PARENT, "Hello there", reply_markup=keyboard)
    assert sent.reply_markup and sent.date.year > 2020
    query_id = double.press(PARENT, "Show me")
    (press,) = await bot.get_updates(offset=start.update_id + 1, timeout=2)
    assert press.callback_query and press.callback_query.data == "tok1"
    assert await bot.answer_callback_query(press.callback_query.id)
    assert query_id in double.answered
    edited = await bot.edit_message_reply_markup(PARENT, sent.message_id, reply_markup=None)
    assert not isinstance(edited, bool) and edited.reply_markup is None
    double.edit(PARENT, start.message.message_id, "changed words")
    double.send_photo(PARENT, "what is this?")
    double.block(PARENT)
    edit, photo, member = await bot.get_updates(offset=press.update_id + 1, timeout=2)
    assert edit.edited_message and edit.edited_message.text == "changed words"
    assert photo.message and photo.message.photo and photo.message.caption == "what is this?"
    assert member.my_chat_member and member.my_chat_member.new_chat_member.status == "kicked"
    assert await bot.set_my_commands([BotCommand("menu", "See it all")], language_code="cy")
    assert (await bot.get_my_commands(language_code="cy"))[0].command == "menu"
    assert await bot.set_webhook("https://wren.example/hook", secret_token="s3cret")
    assert (await bot.get_webhook_info()).url == "https://wren.example/hook"
    assert await bot.delete_webhook()


@pytest.mark.asyncio
async def test_aiogram_holds_a_whole_conversation(server: tuple[TelegramServer, str]) -> None:
    double, url = server
    async with AiogramBot(double.token, session=AiohttpSession(api=TelegramAPIServer.from_base(url))) as bot:
        assert (await bot.get_me()).username == "wren_double_bot"
        double.open_link(PARENT, "leaflet-7")
        (start,) = await bot.get_updates(timeout=2)
        assert start.message and start.message.text == "/start leaflet-7"
        keyboard = AiogramKeyboard(inline_keyboard=[[AiogramButton(text="Show me", callback_data="tok1")]])
        sent = await bot.send_message(PARENT, "Hello there", reply_markup=keyboard)
        double.press(PARENT, "Show me")
        (press,) = await bot.get_updates(offset=start.update_id + 1, timeout=2)
        assert press.callback_query and press.callback_query.data == "tok1"
        assert await bot.answer_callback_query(press.callback_query.id)
        assert await bot.edit_message_reply_markup(chat_id=PARENT, message_id=sent.message_id)
        double.edit(PARENT, start.message.message_id, "changed words")
        double.send_photo(PARENT)
        double.block(PARENT)
        edit, photo, member = await bot.get_updates(offset=press.update_id + 1, timeout=2)
        assert edit.edited_message and photo.message and photo.message.photo and member.my_chat_member
        assert await bot.set_my_commands([AiogramCommand(command="menu", description="See it all")], language_code="cy")
        assert (await bot.get_webhook_info()).pending_update_count == 3
        assert await bot.delete_webhook()
        with pytest.raises(TelegramForbiddenError):
            await bot.send_message(PARENT, "still there?")
        double.unblock(PARENT)
        double.fail_next("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
        with pytest.raises(TelegramRetryAfter) as flood:
            await bot.send_message(PARENT, "again")
        assert flood.value.retry_after == 7
        with pytest.raises(TelegramBadRequest):
            await bot.send_message(PARENT, "x" * 4097)


@pytest.mark.asyncio
async def test_it_keeps_an_update_until_a_higher_offset_confirms_it(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    for words in ("one", "two", "three"):
        double.say(PARENT, words)
    first = await bot.get_updates(limit=2)
    assert [update.message.text for update in first if update.message] == ["one", "two"]
    assert await bot.get_updates(limit=2) == first
    (third,) = await bot.get_updates(offset=first[-1].update_id + 1)
    assert third.message and third.message.text == "three"
    assert await bot.get_updates(offset=third.update_id + 1) == ()
    assert double.pending() == []


@pytest.mark.asyncio
async def test_a_long_poll_waits_and_ends_as_soon_as_something_comes(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.3)
    assert not poll.done()
    double.say(PARENT, "hello")
    (update,) = await asyncio.wait_for(poll, 2)
    assert update.message and update.message.text == "hello"


@pytest.mark.asyncio
async def test_a_second_poller_ends_the_first(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, url = server
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    async with Bot(double.token, base_url=f"{url}/bot") as rival:
        second = asyncio.create_task(rival.get_updates(timeout=20))
        with pytest.raises(Conflict):
            await asyncio.wait_for(first, 2)
        double.say(PARENT, "hello")
        assert len(await asyncio.wait_for(second, 2)) == 1


@pytest.mark.asyncio
async def test_it_refuses_polls_while_a_webhook_is_set(bot: Bot) -> None:
    await bot.set_webhook("https://wren.example/hook")
    with pytest.raises(Conflict):
        await bot.get_updates()


@pytest.mark.asyncio
async def test_it_knows_only_its_own_token_and_methods(server: tuple[TelegramServer, str]) -> None:
    _, url = server
    with pytest.raises(InvalidToken):
        await Bot("4200000001:AAanother-0123456789", base_url=f"{url}/bot").get_me()
    assert (await call(server, "sendCarrierPigeon")).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{url}/bot4200000001:AAanother/getMe")).status_code == 401
        assert (await client.get(f"{url}/botnonsense/getMe")).status_code == 404


@pytest.mark.asyncio
async def test_it_refuses_unknown_chats_and_blocked_ones(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(PARENT, "hello")
    double.say(PARENT, "hello")
    double.block(PARENT)
    with pytest.raises(Forbidden):
        await bot.send_message(PARENT, "hello")
    assert double.sent(PARENT) == []


@pytest.mark.asyncio
async def test_a_fault_on_demand_comes_once(
    server: tuple[TelegramServer, str], bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    double, _ = server
    double.say(PARENT, "hello")
    double.fail_next("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
    with pytest.raises(RetryAfter):
        await bot.send_message(PARENT, "hello")
    assert await bot.send_message(PARENT, "hello")
    assert len(double.sent(PARENT)) == 1


def keyboard(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"chat_id": PARENT, "text": "x", "reply_markup": {"inline_keyboard": list(rows)}}


BUTTON = {"text": "Go", "callback_data": "t"}


@pytest.mark.parametrize(
    ("method", "parameters", "status"),
    [
        ("sendMessage", {"chat_id": PARENT, "text": "x" * 4096}, 200),
        ("sendMessage", {"chat_id": PARENT, "text": "x" * 4097}, 400),
        ("sendMessage", {"chat_id": PARENT, "text": "😀" * 2049}, 400),
        ("sendMessage", {"chat_id": PARENT, "text": " "}, 400),
        ("sendMessage", {"chat_id": PARENT}, 400),
        ("sendMessage", {"chat_id": PARENT, "text": 7}, 400),
        ("sendMessage", {"chat_id": PARENT, "text": "x", "loud": True}, 400),
        ("sendMessage", {"chat_id": PARENT, "text": "x", "parse_mode": "HTML"}, 400),
        (
            "sendMessage",
            {"chat_id": PARENT, "text": "ab", "entities": [{"type": "bold", "offset": 1, "length": 1}]},
            200,
        ),
        (
            "sendMessage",
            {"chat_id": PARENT, "text": "ab", "entities": [{"type": "bold", "offset": 1, "length": 2}]},
            400,
        ),
        ("sendMessage", keyboard([{"text": "Go", "callback_data": "é" * 32}]), 200),
        ("sendMessage", keyboard([{"text": "Go", "callback_data": "é" * 32 + "x"}]), 400),
        ("sendMessage", keyboard([{"text": "Go", "callback_data": ""}]), 400),
        ("sendMessage", keyboard([{"text": "Go"}]), 400),
        ("sendMessage", keyboard([{"text": "", "callback_data": "t"}]), 400),
        ("sendMessage", keyboard([{**BUTTON, "url": "https://wren.example"}]), 400),
        ("sendMessage", keyboard([{"text": "Go", "url": "not a link"}]), 400),
        ("sendMessage", keyboard([BUTTON] * 8), 200),
        ("sendMessage", keyboard([BUTTON] * 9), 400),
        ("sendMessage", keyboard(*[[BUTTON] * 8] * 12, [BUTTON] * 4), 200),
        ("sendMessage", keyboard(*[[BUTTON] * 8] * 12, [BUTTON] * 5), 400),
        ("answerCallbackQuery", {"callback_query_id": "never-asked"}, 400),
        ("getUpdates", {"limit": 100}, 200),
        ("getUpdates", {"limit": 101}, 400),
        ("getUpdates", {"limit": 0}, 400),
        ("getUpdates", {"timeout": -1}, 400),
        ("setMyCommands", {"commands": [{"command": "a" * 32, "description": "d" * 256}] * 100}, 200),
        ("setMyCommands", {"commands": [{"command": "a", "description": "d"}] * 101}, 400),
        ("setMyCommands", {"commands": [{"command": "a" * 33, "description": "d"}]}, 400),
        ("setMyCommands", {"commands": [{"command": "Menu", "description": "d"}]}, 400),
        ("setMyCommands", {"commands": [{"command": "menu", "description": "d" * 257}]}, 400),
        ("setMyCommands", {"commands": [{"command": "menu", "description": ""}]}, 400),
        ("setMyCommands", {"commands": [], "language_code": "eng"}, 400),
        ("setWebhook", {"url": "http://wren.example"}, 400),
        ("setWebhook", {"url": "https://wren.example", "secret_token": "a b"}, 400),
        ("setWebhook", {"url": "https://wren.example", "max_connections": 101}, 400),
        ("editMessageReplyMarkup", {"chat_id": PARENT, "message_id": 999}, 400),
    ],
)
@pytest.mark.asyncio
async def test_it_enforces_each_limit_at_its_edge(
    server: tuple[TelegramServer, str], method: str, parameters: dict[str, Any], status: int
) -> None:
    server[0].say(PARENT, "hello")
    response = await call(server, method, **parameters)
    assert response.status_code == status, response.text
    assert response.json()["ok"] is (status == 200)


@pytest.mark.asyncio
async def test_a_parent_can_press_only_what_was_sent(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    double.say(PARENT, "hello")
    with pytest.raises(AssertionError, match="no button"):
        double.press(PARENT, "Show me")


@pytest.mark.asyncio
async def test_a_query_can_be_answered_once(server: tuple[TelegramServer, str], bot: Bot) -> None:
    double, _ = server
    double.say(PARENT, "hello")
    await bot.send_message(PARENT, "x", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="t")]]))
    query_id = double.press(PARENT, "Go")
    assert await bot.answer_callback_query(query_id)
    with pytest.raises(BadRequest):
        await bot.answer_callback_query(query_id)


def test_it_can_serve_from_a_thread_of_its_own() -> None:
    double = TelegramServer()
    with double.in_thread() as url, httpx.Client(trust_env=False) as client:
        double.say(PARENT, "hello")
        answer = client.get(f"{url}/bot{double.token}/getUpdates").json()
    assert answer["result"][0]["message"]["text"] == "hello"
