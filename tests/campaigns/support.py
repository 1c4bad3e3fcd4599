"""The whole web application on real parts, served over HTTP on loopback, with workers that answer."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from bot.app import web_app
from bot.wiring import Parts


@contextmanager
def served(parts: Parts, port: int = 0) -> Iterator[str]:
    """The app on a real server; a thread does the workers' part meanwhile. Gives its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    closing = asyncio.Event()
    server = uvicorn.Server(
        uvicorn.Config(web_app(parts, closing), log_level="error", timeout_graceful_shutdown=5, lifespan="off")
    )
    stopping = threading.Event()

    async def run() -> None:
        serving = asyncio.create_task(server.serve([listener]))
        while not stopping.is_set():
            for work in await asyncio.to_thread(parts.journey.claim, 4):
                await parts.journey.think(work)
                await asyncio.to_thread(parts.journey.commit, work)
                parts.hub.publish(f"person:{work.turn.person.id}")
            await asyncio.sleep(0.02)
        closing.set()
        parts.hub.publish(*(f"person:{number}" for number in range(50)))
        server.should_exit = True
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        thread.join(20)
        listener.close()
