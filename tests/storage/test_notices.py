"""Notices between processes, on a real PostgreSQL: heard by others, after a broken line as well, and nothing but names of topics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import make_url, select, text

from bot.app import between_processes
from bot.conversation.worker import Workers
from bot.delivery.hub import Hub, wait_for
from bot.storage.engine import Database
from bot.storage.notices import CHANNEL, MOST_BYTES, Notices, notices
from bot.storage.tables import Inbox
from bot.wiring import Parts
from tests.conversation.support import Parent

LONG = 600.0
"""Seconds between slow looks: a test that is over sooner was woken."""


@pytest.fixture
def database(postgres_address: str) -> Iterator[Database]:
    result = Database(postgres_address)
    yield result
    result.dispose()


@contextmanager
def joined(database: Database) -> Iterator[Hub]:
    """The hub of one process, joined to the others."""
    hub = Hub()
    with Notices(database.engine, hub.wake, hub.wake_all) as told:
        hub.pass_on = told.tell
        yield hub


async def until_listening(database: Database, hub: Hub, other: Hub) -> None:
    """Wait until `other` hears `hub`."""
    async with asyncio.timeout(20):
        with other.subscription("ready?") as heard:
            while not await wait_for(heard, 0.1):
                hub.pass_on("ready?")


async def test_what_one_process_publishes_wakes_who_waits_in_another(database: Database) -> None:
    with joined(database) as here, joined(database) as there:
        await until_listening(database, here, there)
        with there.subscription("person:7") as heard, there.subscription("person:8") as not_meant:
            here.publish("inbox", "person:7")
            assert await wait_for(heard, 20)
            assert not not_meant.is_set()


async def test_a_process_does_not_hear_itself_twice(database: Database) -> None:
    with joined(database) as here, joined(database) as there:
        await until_listening(database, here, there)
        await until_listening(database, there, here)  # whoever begins to listen looks once at everything
        with here.subscription("inbox") as own, there.subscription("inbox") as other:
            here.publish("inbox")
            await asyncio.sleep(0)
            assert own.is_set()
            own.clear()
            assert await wait_for(other, 20)
            await asyncio.sleep(0.2)
            assert not own.is_set()


async def test_after_a_broken_line_everybody_looks_and_then_hears_again(database: Database) -> None:
    with joined(database) as here, joined(database) as there:
        await until_listening(database, here, there)
        with there.subscription("person:7") as heard:
            with database.engine.connect() as connection:
                broken = connection.scalars(
                    text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = :name"),
                    {"name": make_url(database.url).database},
                ).all()
            assert broken == [True, True]
            assert await wait_for(heard, 20), "what was published meanwhile may have been missed"
        await until_listening(database, here, there)


async def test_a_database_that_is_away_holds_nobody_up() -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    hub = Hub()
    with Notices(away.engine, hub.wake, hub.wake_all) as told, hub.subscription("inbox") as own:
        hub.pass_on = told.tell
        hub.publish("inbox")
        assert await wait_for(own, 5)
    away.dispose()


def test_many_topics_go_in_as_few_notices_as_fit_and_none_is_lost() -> None:
    topics = [f"person:{number}" for number in range(3_000)]
    made = list(notices("sender", topics))
    assert 1 < len(made) < 10
    assert all(len(notice.encode()) <= MOST_BYTES and notice.startswith("sender ") for notice in made)
    assert [topic for notice in made for topic in notice.split(" ")[1:]] == topics
    assert list(notices("sender", [])) == []


async def test_a_page_in_one_process_is_told_of_the_answer_by_a_worker_in_another(
    build_parts: Callable[..., Parts], postgres_address: str
) -> None:
    web, working = build_parts(postgres_address), build_parts(postgres_address)
    workers = Workers(working.journey, working.hub, at_once=2, look_every=LONG)
    with between_processes(web), between_processes(working):
        await until_listening(working.database, working.hub, web.hub)
        await until_listening(web.database, web.hub, working.hub)
        task = asyncio.create_task(workers.run())
        parent = Parent(web)
        receipt = await asyncio.to_thread(parent.send, "menu")
        with web.hub.subscription(f"answered:{receipt.inbox_id}") as told:
            if await asyncio.to_thread(state_of, web, receipt.inbox_id) != "done":
                assert await wait_for(told, 30)
        assert await asyncio.to_thread(state_of, web, receipt.inbox_id) == "done", "told before it was stored"
        workers.stop()
        await task


def state_of(parts: Parts, inbox_id: int | None) -> str | None:
    with parts.database.read() as session:
        return session.scalar(select(Inbox.state).where(Inbox.id == inbox_id))


async def test_a_notice_holds_names_of_topics_and_nothing_else(build_parts: Callable[..., Parts], postgres_address: str) -> None:
    parts = build_parts(postgres_address)
    plain = make_url(postgres_address).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as listening, between_processes(parts):
        listening.execute(f"LISTEN {CHANNEL}")
        workers = Workers(parts.journey, parts.hub, at_once=2, look_every=LONG)
        task = asyncio.create_task(workers.run())
        parent = Parent(parts, value="07700 900123")
        for said in ("menu", "i want to kill myself", "zephyr quokka"):
            await asyncio.to_thread(parent.send, said)
        heard = await asyncio.to_thread(lambda: [notice.payload for notice in listening.notifies(timeout=5)])
        workers.stop()
        await task
    assert any("answered:" in notice for notice in heard)
    for notice in heard:
        assert re.fullmatch(r"[0-9a-f]{8}( (inbox|outbox|queue|(person|answered):\d+))+", notice), notice
