"""The directory's API where it is meant to be reached: under a path of the web server, and by a command of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, event

from bot.app import prepare_directory, run_app, web_app
from bot.settings import ROOT
from bot.wiring import Parts
from services_directory import Directory, Query, load_demonstration


async def test_the_web_server_has_the_directory_under_its_path(parts: Parts) -> None:
    load_demonstration(parts.directory_engine)
    transport = httpx.ASGITransport(app=web_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://wren.example.org") as client:
        about = (await client.get("/directory/api/")).json()
        assert about["openapi_url"] == "http://wren.example.org/directory/api/openapi.json"
        assert (await client.get("/directory/api", follow_redirects=True)).json() == about
        answer = await client.get("/directory/api/services?per_page=2")
        assert answer.json()["size"] == 2 and answer.json()["total_items"] > 60
        assert "set-cookie" not in answer.headers
        assert (await client.get("/directory/api/services/none")).json()["error"] == "not_found"


async def test_the_published_address_is_the_public_one(parts: Parts) -> None:
    parts.settings = parts.settings.model_copy(update={"public_url": "https://wren.example.net/"})
    transport = httpx.ASGITransport(app=web_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://inside:8080") as client:
        about = (await client.get("/directory/api/")).json()
    assert about["openapi_url"] == "https://wren.example.net/directory/api/openapi.json"


async def test_the_index_is_loaded_before_anybody_asks(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    """The first postcode and the first words cost the database what the second do, and the points of a new outcode."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parts = build_parts(sqlite_address, port=port)
    statements: list[str] = []
    event.listen(parts.directory_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    running = asyncio.create_task(run_app(parts, web=True, work=False))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/health")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
            loading = len(statements)
            costs: list[list[str]] = []
            for _ in range(2):
                statements.clear()
                answer = await client.get("/directory/api/services?postcode=ZZ1+1AA&per_page=1")
                assert answer.status_code == 200
                await asyncio.to_thread(parts.directory.search, Query(text="no service has thiswordxq", place="ZZ1"))
                costs.append([said for said in statements if "outcode_points" not in said])
        assert loading > 5 and costs[0] == costs[1]
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def test_a_directory_that_cannot_be_read_at_the_start_stops_nobody(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    gone = create_engine(f"sqlite:///{parts.settings.var_dir / 'nothing' / 'here.sqlite3'}")
    parts.directory = Directory(gone)
    prepare_directory(parts)
    assert "the directory could not be read at the start (OperationalError)" in caplog.text


@pytest.mark.timeout(120)
def test_bot_directory_serve_serves_it_alone(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'alone.db'}"
    command = [sys.executable, "-m", "bot.cli", "directory"]
    subprocess.run([*command, "load-demo", "--database", address], cwd=ROOT, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [*command, "serve", "--host", "127.0.0.1", "--port", str(port), "--database", address]
    with subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            answer = _when_ready(f"http://127.0.0.1:{port}/", process)
            assert answer.json()["openapi_url"] == f"http://127.0.0.1:{port}/openapi.json"
            lines = httpx.get(f"http://127.0.0.1:{port}/services?format=ndjson", timeout=30).text.splitlines()
            assert len(lines) > 60
        finally:
            process.terminate()
            printed = process.communicate(timeout=30)[0]
    assert "/services" not in printed, "what is asked for, postcodes too, stays out of the logs"


def _when_ready(address: str, process: subprocess.Popen[str]) -> httpx.Response:
    for _ in range(300):
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        try:
            return httpx.get(address, timeout=30)
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")
