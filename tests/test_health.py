"""Live and ready, over HTTP; what many processes share; and a clean end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from bot.app import listen, spool_taken_up, web_app, working
from bot.conversation.worker import Workers
from bot.delivery.hub import Hub
from bot.health import LIVE, READY, Health
from bot.settings import ROOT
from bot.standby import Loop, Standby
from bot.storage.crypto import new_key
from bot.storage.duties import OnDuty
from bot.storage.engine import Database
from bot.storage.tables import Area, Inbox
from bot.wiring import Parts
from tests.conversation.support import Parent


async def asked(parts: Parts, health: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=web_app(parts, health=health))
    async with httpx.AsyncClient(transport=transport, base_url="http://wren.example") as client:
        return await client.get(path)


async def test_ready_is_said_once_all_is_loaded_and_not_any_more_when_it_stops(parts_on_both: Parts) -> None:
    health = Health(parts_on_both)
    assert (await asked(parts_on_both, health, READY)).json()["missing"].keys() == {"models"}
    health.prepared = True
    answer = await asked(parts_on_both, health, READY)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": {}, "rasa": "away"})
    health.closing = True
    stopping = await asked(parts_on_both, health, READY)
    assert (stopping.status_code, list(stopping.json()["missing"])) == (503, ["process"])
    assert (await asked(parts_on_both, health, LIVE)).status_code == 200


async def test_an_older_schema_is_alive_and_not_ready(parts_on_both: Parts) -> None:
    health = Health(parts_on_both)
    health.prepared = True
    with parts_on_both.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = await asked(parts_on_both, health, READY)
    assert answer.status_code == 503
    assert "bot migrate" in answer.json()["missing"]["database"]
    assert (await asked(parts_on_both, health, LIVE)).status_code == 200


async def test_a_worker_tells_on_loopback_how_it_is(parts: Parts) -> None:
    sock, health = listen("127.0.0.1", 0), Health(parts)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    environment = {**os.environ, "WREN_ACTION_PORT": url.rsplit(":", 1)[1]}
    command = [sys.executable, "-m", "bot.cli", "work", "--check"]

    async def check() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        return process.returncode, said.decode()

    async with working(parts, sock, health):
        status, said = await check()
        assert status == 1 and "models" in said
        health.prepared = True
        assert (await check())[0] == 0
    status, said = await check()
    assert status == 1 and "Nothing answers" in said


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_start_on_a_database_that_is_not_prepared_is_refused_with_the_way_out(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, "WREN_VAR_DIR": str(tmp_path), "WREN_RASA_URL": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "bot migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shared_database_without_shared_keys_is_refused(postgres_address: str, tmp_path: Path) -> None:
    environment = {**os.environ, "WREN_VAR_DIR": str(tmp_path), "WREN_DATABASE_URL": postgres_address}
    environment.pop("WREN_SECRET_KEYS", None)
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "WREN_SECRET_KEYS" in done.stderr and "bot new-key" in done.stderr
    assert not (tmp_path / "secret.key").exists(), "a key that nobody else has must not be made"


def test_migrate_prepares_a_database_says_where_it_is_and_may_be_repeated(empty_address: str, tmp_path: Path) -> None:
    environment = {**os.environ, "WREN_VAR_DIR": str(tmp_path), "WREN_DATABASE_URL": empty_address, "WREN_DEMONSTRATION": "false"}
    said = [
        subprocess.run(
            [sys.executable, "-m", "bot.cli", "migrate"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert said[0].startswith("tables: 00") and "directory: d" in said[0]
    database = Database(empty_address)
    with database.read() as session:
        assert "demonstration" in session.scalars(select(Area.id)).all()
    database.dispose()


def test_a_secret_may_be_given_as_a_file(tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "wren_secret_keys").write_text(f"{key}\n", encoding="ascii")
    environment = {**os.environ, "WREN_SECRETS_DIR": str(tmp_path), "WREN_VAR_DIR": str(tmp_path)}
    environment.pop("WREN_SECRET_KEYS", None)
    code = "from bot.settings import settings; print(settings().keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{[key]}\n"


class Counted:
    """Work that notes who does it."""

    def __init__(self, name: str, at_work: list[str]) -> None:
        self._name, self._at_work, self._stopping = name, at_work, asyncio.Event()

    async def run(self) -> None:
        self._at_work.append(self._name)
        await self._stopping.wait()
        self._at_work.remove(self._name)

    def stop(self) -> None:
        self._stopping.set()


async def test_of_two_that_stand_by_one_works_and_the_other_follows_when_it_ends(database: Database) -> None:
    at_work: list[str] = []

    def standing_by(name: str) -> Standby:
        async def begin() -> Loop:
            return Counted(name, at_work)

        return Standby(OnDuty(database, "telegram"), begin, look_seconds=0.05)

    async def until(expected: list[str]) -> None:
        async with asyncio.timeout(30):
            while at_work != expected:
                await asyncio.sleep(0.05)

    first, second = standing_by("first"), standing_by("second")
    running = asyncio.create_task(first.run())
    await until(["first"])
    following = asyncio.create_task(second.run())
    await asyncio.sleep(0.5)
    assert at_work == ["first"]
    first.stop()
    await running
    await until(["second"])
    second.stop()
    await following
    assert at_work == []


async def test_what_is_in_hand_when_time_is_up_is_let_go_untried(
    build_parts: Callable[..., Parts], database_address: str
) -> None:
    parts = build_parts(database_address)
    thinking = asyncio.Event()

    async def think_for_ever(work: Any) -> None:
        thinking.set()
        await asyncio.Event().wait()

    parts.journey.think = think_for_ever  # type: ignore[method-assign]
    await asyncio.to_thread(Parent(parts).send, "menu")
    workers = Workers(parts.journey, Hub(), at_once=2, look_every=0.1)
    task = asyncio.create_task(workers.run())
    await asyncio.wait_for(thinking.wait(), 30)
    workers.stop()
    await asyncio.wait([task], timeout=0.3)
    assert not task.done(), "it finishes what it can"
    await workers.let_go()
    await asyncio.wait_for(task, 10)
    with parts.database.read() as session:
        row = session.scalars(select(Inbox)).one()
    assert (row.open, row.lease_until, row.attempts, row.state) == (1, None, 0, "received")


async def test_a_web_server_without_workers_takes_up_what_it_has_spooled(
    build_parts: Callable[..., Parts], sqlite_address: str
) -> None:
    parts = build_parts(sqlite_address, sweep_seconds=0.1)
    parent = Parent(parts)
    parts.intake._spool.write(parent.inbound("hello"), {"text": "hello"})
    async with spool_taken_up(parts), asyncio.timeout(30):
        while parts.intake._spool.count():
            await asyncio.sleep(0.05)
    with parts.database.read() as session:
        assert session.scalars(select(Inbox.state)).all() == ["received"], "stored, and left to the workers"
