"""Telegram from end to end: our poller, workers and sender against the strict double of the Bot API, with Rasa away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.app import listen, working
from bot.settings import Settings
from bot.storage.tables import Case, Inbox, Outbox, Person, PersonAddress, RawEvent
from bot.wiring import Parts, build
from tests.doubles.telegram_server import TOKEN, TelegramServer

PARENT = 7001


@pytest.fixture
async def telegram(tmp_path: Path) -> AsyncIterator[tuple[TelegramServer, Parts]]:
    double = TelegramServer()
    with double.in_thread() as url:
        settings = Settings(var_dir=tmp_path, telegram_token=SecretStr(TOKEN), telegram_api=url, sweep_seconds=0.2)
        parts = await asyncio.to_thread(build, settings)
        async with working(parts, listen("127.0.0.1", 0)):
            yield double, parts
        parts.dispose()


async def _until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(ready):
            await asyncio.sleep(0.05)


async def test_a_deep_link_a_button_and_a_worry_travel_both_ways(telegram: tuple[TelegramServer, Parts]) -> None:
    double, parts = telegram
    double.open_link(PARENT, "poster-hub-1")
    await _until(lambda: len(double.sent(PARENT)) >= 2)
    assert double.sent(PARENT)[0]["text"].startswith("Hello")
    double.press(PARENT, "Menu")
    await _until(lambda: any("Here is what I can do" in message["text"] for message in double.sent(PARENT)))
    double.say(PARENT, "i have taken all my tablets and i want to die")
    await _until(lambda: any("999" in message["text"] and "Hello" not in message["text"] for message in double.sent(PARENT)[3:]))
    with parts.database.read() as session:
        assert session.scalar(select(Person.campaign)) == "poster-hub-1"
        assert session.scalar(select(Case.level)) == "emergency"
        assert session.scalar(select(func.count()).select_from(RawEvent)) == 3


async def test_with_rasa_away_free_text_gets_an_honest_answer_and_every_message_is_answered_in_order(
    telegram: tuple[TelegramServer, Parts],
) -> None:
    double, parts = telegram
    for number in range(20):
        double.say(PARENT, f"how do i get him to nap {number}")
    await _until(lambda: len(double.sent(PARENT)) >= 20)
    with parts.database.read() as session:
        answered = session.scalars(select(Outbox.inbox_id).where(Outbox.key.like("%:0")).order_by(Outbox.id)).all()
        rows = session.scalars(select(Inbox).order_by(Inbox.id)).all()
    assert answered == [row.id for row in rows]
    assert {row.outcome for row in rows} == {"unavailable"}


async def test_someone_who_blocks_the_bot_is_marked_unreachable_and_comes_back_by_writing(
    telegram: tuple[TelegramServer, Parts],
) -> None:
    double, parts = telegram
    double.say(PARENT, "menu")
    await _until(lambda: len(double.sent(PARENT)) >= 1)
    double.block(PARENT)

    def unreachable() -> bool:
        with parts.database.read() as session:
            return session.scalar(select(PersonAddress.unreachable_at)) is not None

    await _until(unreachable)
    double.unblock(PARENT)
    before = len(double.sent(PARENT))
    double.say(PARENT, "menu")
    await _until(lambda: len(double.sent(PARENT)) > before)
    assert not unreachable()
