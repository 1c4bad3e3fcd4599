"""From a signed WhatsApp webhook to the send that Meta accepted: messages a second, on one machine, against a plain Rasa bot.

    python -m benchmarks.throughput [--postgres URL] [--workers 1,2,4] [--parents 32] [--seconds 20] [--skip-bare]
    python -m benchmarks.throughput --memory 100000

URL is a PostgreSQL whose user may make databases: each run has a new one there, and drops it; without it, SQLite. Parents write in a
closed loop, each the next message when the last one's answer has been accepted, a new parent every 16 messages; what they write within
20 ms comes as one webhook, up to ten messages, as Meta batches them. Meta is the strict double of the tests, in this process. The plain
bot (`benchmarks.latency`) gets the same messages over its REST channel, one request a message, and stores nothing. The first worker is the
app's own process (`bot serve --work`) with a Rasa; each further one is a `bot work` with a Rasa of its own, and they are started one after
the other. On SQLite a worker in another process is not woken and looks every few seconds by itself, so that more of them gain little.
Nobody's priority is set. Processor time is that of each process with its children, from the system.

With `--memory` one process answers so many messages, rules and a double of Rasa over HTTP, and its resident memory is printed ten times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import make_url

from benchmarks.latency import Figures, bare_bot, crowd, rest, until
from bot.health import READY
from bot.models import train_nlu, train_triage
from bot.settings import Settings
from bot.storage.crypto import new_key
from bot.storage.engine import Database
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.whatsapp import PATH
from bot.wiring import prepare_database
from tests.databases import administer, create_database
from tests.doubles.graph_server import NUMBER_ID, SECRET, TOKEN, VERIFY, GraphServer, Parent, sign, together
from tests.doubles.rasa_server import RasaDouble

BATCH, TOGETHER_SECONDS = 10, 0.02
ANSWER_SECONDS = 60
START_SECONDS = 300
TICKS = os.sysconf("SC_CLK_TCK")
UNLIMITED = "1000000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="a server on which databases may be made")
    parser.add_argument("--workers", default="1,2,4", help="how many processes work, one run for each")
    parser.add_argument("--parents", type=int, default=32, help="parents who write at once")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each run is measured")
    parser.add_argument("--skip-bare", action="store_true", help="measure Wren alone (no ratio)")
    parser.add_argument("--memory", type=int, metavar="MESSAGES", help="print the memory of one process over so many messages")
    asked = parser.parse_args()
    settings = Settings()
    if asked.memory:
        memory(settings, asked.memory, asked.parents, asked.postgres)
        return
    bare = None if asked.skip_bare else measure_bare(settings, asked.parents, asked.seconds)
    for workers in map(int, asked.workers.split(",")):
        figures, spent = measure_ours(settings, workers, asked.parents, asked.seconds, asked.postgres)
        tell(f"Wren, {'PostgreSQL' if asked.postgres else 'SQLite'}, workers: {workers}", figures, spent)
        if bare:
            print(f"  {figures.per_second / bare.per_second:.2f} times the plain bot's messages a second", flush=True)


def measure_bare(settings: Settings, parents: int, seconds: float) -> Figures:
    async def run(base: str) -> Figures:
        async with client_of(base) as client:
            ask = rest(client)
            await crowd(ask, 4, 4.0, first=9_000)
            return await crowd(ask, parents, seconds, first=100)

    with bare_bot(settings) as (base, pid):
        before = processor({"the plain bot": pid})
        figures = asyncio.run(run(base))
        tell("plain Rasa bot", figures, {name: spent - before[name] for name, spent in processor({"the plain bot": pid}).items()})
        return figures


def client_of(base: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    return httpx.AsyncClient(base_url=base, timeout=ANSWER_SECONDS, trust_env=False, limits=limits)


def tell(name: str, figures: Figures, spent: Mapping[str, float]) -> None:
    each = ", ".join(f"{who} {1000 * seconds / max(1, figures.count):.1f}" for who, seconds in spent.items())
    print(
        f"{name}: {figures.per_second:.1f} messages/s, p50 {figures.p50:.0f} ms, p95 {figures.p95:.0f} ms, {figures.count} messages, "
        f"{figures.errors} errors\n  processor ms a message: {each}",
        flush=True,
    )


class Meta(GraphServer):
    """The double, which also tells who waits that the answer to their message was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = {}
        self.answered: dict[str, str] = {}
        """Phone number → the message of theirs that was last answered, by the number in the mark."""

    def _accept(self, body: Any) -> str:
        wamid = super()._accept(body)
        phone, message = str(body.get("to", "")).lstrip("+"), body.get("biz_opaque_callback_data", "").partition(":")[0]
        with self._lock:
            self.sent.clear()  # what was said is not looked at, and a long run must not fill this process
            if self.answered.get(phone) != message:
                self.answered[phone] = message
                loop, future = self.waiting.pop(phone, (None, None))
                if loop is not None and future is not None:
                    loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(None))
        return wamid


@dataclass
class Webhooks:
    """Delivers messages in signed batches, and waits for their answers."""

    meta: Meta
    client: httpx.AsyncClient
    waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def ask(self, parent: int, text: str) -> None:
        """One message of one parent, until its answer was accepted."""
        who = Parent(phone=f"4477{parent:08d}", user_id=None, name="")
        loop = asyncio.get_running_loop()
        answered, stored = loop.create_future(), loop.create_future()
        assert who.phone is not None
        self.meta.waiting[who.phone] = (loop, answered)
        self.waiting.append((self.meta.says(who, text), stored))
        if len(self.waiting) == 1 or len(self.waiting) >= BATCH:
            wait = 0.0 if len(self.waiting) >= BATCH else TOGETHER_SECONDS
            task = asyncio.create_task(self._deliver(wait))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await stored
                await answered
        except TimeoutError as error:
            raise RuntimeError("no answer") from error

    async def _deliver(self, wait: float) -> None:
        await asyncio.sleep(wait)
        batch, self.waiting[:] = self.waiting[:BATCH], self.waiting[BATCH:]
        if not batch:
            return
        body = json.dumps(together(*(payload for payload, _ in batch))).encode()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body, SECRET)}
        try:
            answer = await self.client.post(PATH, content=body, headers=headers)
            error = None if answer.status_code == 200 else RuntimeError(f"status {answer.status_code}")
        except httpx.HTTPError as failed:
            error = RuntimeError(type(failed).__name__)
        for _, stored in batch:
            if not stored.done():
                stored.set_exception(error) if error else stored.set_result(None)


@dataclass(frozen=True)
class Installation:
    """Wren as it is served, and Meta."""

    base: str
    meta: Meta
    pids: Mapping[str, int]


@contextmanager
def installed(settings: Settings, workers: int, url: str | None, rasa_url: str | None = None) -> Iterator[Installation]:
    """Wren with so many working processes on an empty database; each with a Rasa of its own, or all with the one at `rasa_url`."""
    model = train_nlu(settings, say)
    train_triage(settings, say)
    meta = Meta()
    with tempfile.TemporaryDirectory(prefix="wren-bench-") as temporary, meta.in_thread(), empty(url) as own_url:
        here = Settings(var_dir=Path(temporary), port=free_port(), database_url=own_url)
        (here.var_dir / "models").symlink_to(settings.models_dir.resolve())
        database = Database(here.database)
        prepare_database(here, database)
        database.dispose()
        supervisor = Supervisor([], say)
        try:
            for worker in workers_of(here, workers, model, meta, rasa_url):
                supervisor.children += worker
                for child in worker:
                    child.start()
                until_ready(here, worker)
            yield Installation(
                base=f"http://127.0.0.1:{here.port}",
                meta=meta,
                pids={child.name: child.process.pid for child in supervisor.children if child.process is not None},
            )
        finally:
            supervisor.end()


@contextmanager
def empty(url: str | None) -> Iterator[str | None]:
    """A new database on the PostgreSQL at `url`, for as long as the block lasts; None where SQLite is used."""
    if url is None:
        yield None
        return
    server = make_url(url)
    name = create_database(server, "bench")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def until_ready(here: Settings, worker: Sequence[Child]) -> None:
    """Wait for one working process and its Rasa. Raises RuntimeError, with what they last said, if one of them ends."""
    action_port = worker[0].environment["WREN_ACTION_PORT"]
    own_rasa = len(worker) > 1

    def ready() -> bool:
        for child in worker:
            if child.process is not None and child.process.poll() is not None and child.log_path is not None:
                last = child.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                raise RuntimeError("\n".join([f"{child.name} ended with code {child.process.returncode}; it said last:", *last]))
        told = answers(f"http://127.0.0.1:{action_port}{READY}") or {}
        return told.get("status") == "ready" and (told.get("rasa") == "ready" or not own_rasa)

    say(f"{worker[0].name} is starting ...")
    until(ready, START_SECONDS)
    if worker[0].name == "app":
        until(lambda: (answers(f"http://127.0.0.1:{here.port}{READY}") or {}).get("status") == "ready", START_SECONDS)


def workers_of(here: Settings, workers: int, model: Path, meta: Meta, rasa_url: str | None) -> Iterator[list[Child]]:
    """Each working process, with its Rasa if it has one of its own."""
    own = {
        "WREN_SECRET_KEYS": new_key(), "WREN_WHATSAPP_TOKEN": TOKEN, "WREN_WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
        "WREN_WHATSAPP_APP_SECRET": SECRET, "WREN_WHATSAPP_VERIFY_TOKEN": VERIFY, "WREN_WHATSAPP_API": meta.url,
        "WREN_WHATSAPP_PER_SECOND": UNLIMITED, "WREN_PERSON_PER_MINUTE": UNLIMITED, "WREN_LOG_LEVEL": "WARNING",
        "WREN_DATABASE_URL": here.database,
    }  # fmt: skip
    for number in range(workers):
        rasa_port, action_port = free_port(), free_port()
        environment = {**app_environment(here, rasa_port, action_port), **own}
        if rasa_url is not None:
            environment["WREN_RASA_URL"] = rasa_url
        name, command = ("app", ["serve", "--work"]) if number == 0 else (f"worker {number + 1}", ["work"])
        log = here.var_dir / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        worker = [Child(name, [sys.executable, "-m", "bot.cli", *command], environment, log_path=log)]
        if rasa_url is None:
            rasa = rasa_child(here, model, rasa_port, action_port)
            rasa.name, rasa.log_path = f"Rasa {number + 1}", log.with_name(f"rasa {number + 1}.log")
            worker.append(rasa)
        yield worker


def measure_ours(
    settings: Settings, workers: int, parents: int, seconds: float, url: str | None
) -> tuple[Figures, Mapping[str, float]]:
    """What so many working processes do, and each process's seconds of processor."""

    async def run(wren: Installation) -> tuple[Figures, dict[str, float]]:
        async with client_of(wren.base) as client:
            webhooks = Webhooks(wren.meta, client)
            await crowd(webhooks.ask, 4, 4.0, first=9_000)
            before, mine = processor(wren.pids), time.process_time()
            figures = await crowd(webhooks.ask, parents, seconds, first=100 + 10 * workers)
            spent = {name: now - before[name] for name, now in processor(wren.pids).items()}
            return figures, {**spent, "parents and Meta": time.process_time() - mine}

    with installed(settings, workers, url) as wren:
        return asyncio.run(run(wren))


def memory(settings: Settings, messages: int, parents: int, url: str | None) -> None:
    """The resident memory of one working process, ten times over so many messages."""

    async def run(wren: Installation) -> None:
        async with client_of(wren.base) as client:
            webhooks, turns, asked = Webhooks(wren.meta, client), [0] * parents, 0

            async def parent(which: int, until_: int) -> None:
                nonlocal asked
                while asked < until_:
                    asked, turn = asked + 1, turns[which]
                    turns[which] += 1
                    await webhooks.ask(which * 100_000 + turn // 16, TEXTS[turn % len(TEXTS)])

            for tenth in range(1, 11):
                until_ = messages * tenth // 10
                await asyncio.gather(*(parent(which, until_) for which in range(parents)))
                print(f"{until_:>8,} messages: {resident(wren.pids['app']):.1f} MB", flush=True)

    double = RasaDouble().start()
    try:
        with installed(settings, 1, url, double.url) as wren:
            asyncio.run(run(wren))
    finally:
        double.stop()


TEXTS: Sequence[str] = ("menu", "my baby cries every evening", "help", "she wont eat anything but toast", "ok thanks")


def processor(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of processor that each process and its children have used."""
    return {name: sum(_seconds(pid) for pid in [root, *_below(root)]) for name, root in pids.items()}


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _below(pid: int) -> list[int]:
    found = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return found + [deeper for child in found for deeper in _below(child)]


def resident(pid: int) -> float:
    """Megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("WREN_LOG_LEVEL", "WARNING")
    main()
