"""Where a message's processor time goes, step by step, on WhatsApp's path with warm caches: `python -m benchmarks.message`.

    python -m benchmarks.message [--postgres URL] [--messages 400] [--at-once 10] [--profile FILE]

URL is an empty PostgreSQL database; without it, SQLite in a temporary folder. The steps are the app's own, called one after the other with
`--at-once` messages of as many people each time: a signed webhook → stored, a worker's claim, thinking, the commit, the sender's claim,
sending and marking, and the receipts sent, delivered and read that come back, a webhook each. Meta and Rasa are doubles in a process of
their own. Printed for each step: milliseconds of this process's processor a message, and how many statements and transactions a message
takes, which no other work on the machine changes. `--profile` writes what cProfile saw of this thread.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import json
import multiprocessing
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import event
from starlette.requests import Request

from benchmarks.latency import MESSAGES
from bot.conversation.rasa import RasaClient
from bot.delivery.sender import Parcel, Sender
from bot.models import train_triage
from bot.series.words import complete
from bot.settings import Settings
from bot.storage.crypto import new_key
from bot.sweep import series_sending
from bot.whatsapp import Webhook, whatsapp_channel, whatsapp_rates
from bot.wiring import Parts, build
from tests.doubles.graph_server import NUMBER_ID, SECRET, TOKEN, VERIFY, GraphServer, Parent, envelope, sign, together
from tests.doubles.rasa_server import TOKEN as RASA_TOKEN
from tests.doubles.rasa_server import RasaDouble

WARM = 100
STATES = ("sent", "delivered", "read")
UNLIMITED = 1_000_000
STEPS = ("webhook → stored", "claim", "think", "commit", "sender's claim", "send and mark", "receipts")


@dataclass
class Spent:
    """What each step has used so far."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    statements: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    transactions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    step: str = ""

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        self.step = step
        begun = time.process_time()
        try:
            yield
        finally:
            self.seconds[step] += time.process_time() - begun

    def listen(self, parts: Parts) -> None:
        """Count what goes to the app's database from now on."""
        engine = parts.database.engine

        @event.listens_for(engine, "before_cursor_execute")
        def _statement(*_: Any) -> None:
            self.statements[self.step] += 1

        @event.listens_for(engine, "begin")
        def _transaction(*_: Any) -> None:
            self.transactions[self.step] += 1


def serve(pipe: Connection) -> None:
    """Both doubles, until the other end says or closes."""
    meta, rasa = GraphServer(), RasaDouble().start()
    with meta.in_thread():
        pipe.send((meta.url, rasa.url))
        while True:
            said = pipe.recv()
            if said is None:
                break
            if said == "accepted":
                pipe.send([(one.wamid, one.body) for one in meta.sent])
                meta.sent.clear()
            else:
                pipe.send([meta.says(Parent(phone=phone, user_id=None, name=""), text) for phone, text in said])
    rasa.stop()


@contextmanager
def doubles() -> Iterator[tuple[str, str, Connection]]:
    """Their addresses, and the pipe by which parents write."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    there.close()  # so that its end is noticed here
    try:
        meta, rasa = here.recv()
        yield meta, rasa, here
    finally:
        here.send(None)
        process.join(10)


def request_of(body: bytes) -> Request:
    """A signed delivery, as the server would hand it to the route."""
    headers = [(b"x-hub-signature-256", sign(body, SECRET).encode()), (b"content-length", str(len(body)).encode())]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive)


@dataclass
class Way:
    """One installation's parts, each step of a message's way as a method."""

    parts: Parts
    webhook: Webhook
    sender: Sender
    pipe: Connection
    spent: Spent
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count())

    async def play(self, at_once: int) -> None:
        """So many people's next messages, from the webhook to the last receipt."""
        written = []
        for _ in range(at_once):
            number = next(self.numbers)
            who = number % at_once + at_once * (number // (16 * at_once))  # a new parent every 16 messages
            written.append((f"4477{who:08d}", MESSAGES[number % len(MESSAGES)]))
        self.pipe.send(written)
        body = json.dumps(together(*self.pipe.recv())).encode()
        with self.spent.on("webhook → stored"):
            await self._deliver(body)
            await self.webhook.arrivals.idle()
        with self.spent.on("claim"):
            works = await asyncio.to_thread(self.parts.journey.claim, at_once)
        with self.spent.on("think"):
            await asyncio.gather(*(self.parts.journey.think(work) for work in works))
        with self.spent.on("commit"):
            await asyncio.gather(*(asyncio.to_thread(self.parts.journey.commit, work) for work in works))
        while parcels := await self._claimed():
            with self.spent.on("send and mark"):
                await asyncio.gather(*(self.sender.send(parcel) for parcel in parcels))
        self.pipe.send("accepted")
        accepted = self.pipe.recv()
        for state in STATES:
            bodies = [receipt_of(wamid, body, state) for wamid, body in accepted]
            with self.spent.on("receipts"):
                for body in bodies:
                    await self._deliver(body)

    async def _claimed(self) -> list[Parcel]:
        with self.spent.on("sender's claim"):
            return await asyncio.to_thread(self.sender.claim, 8, frozenset({"whatsapp"}))

    async def _deliver(self, body: bytes) -> None:
        answer = await self.webhook.receive(request_of(body))
        if answer.status_code != 200:
            raise RuntimeError(f"status {answer.status_code}")


def receipt_of(wamid: str, body: dict[str, Any], state: str) -> bytes:
    """The webhook that says so of a message that was accepted."""
    status = {"id": wamid, "status": state, "timestamp": str(int(time.time())), "recipient_id": body["to"].lstrip("+")}
    status["biz_opaque_callback_data"] = body["biz_opaque_callback_data"]
    return json.dumps(envelope(statuses=[status])).encode()


@asynccontextmanager
async def path(folder: Path, url: str | None, spent: Spent) -> AsyncIterator[Way]:
    usual = Settings()
    (folder / "models").symlink_to(usual.models_dir.resolve())
    with doubles() as (meta, rasa, pipe):
        settings = Settings(
            var_dir=folder,
            database_url=url,
            secret_keys=SecretStr(new_key()),
            whatsapp_token=SecretStr(TOKEN),
            whatsapp_phone_number_id=NUMBER_ID,
            whatsapp_app_secret=SecretStr(SECRET),
            whatsapp_verify_token=SecretStr(VERIFY),
            whatsapp_api=meta,
            whatsapp_per_second=UNLIMITED,
            person_per_minute=UNLIMITED,
        )
        parts = build(settings)
        parts.triage.prepare()
        parts.rasa = RasaClient(rasa, RASA_TOKEN, settings.rasa_timeout)
        channel = whatsapp_channel(settings)
        assert channel is not None
        sender = Sender(
            parts.database,
            parts.keyring,
            {"whatsapp": channel},
            parts.hub,
            lease_seconds=60,
            look_every=5,
            rates=whatsapp_rates(settings),
            series=parts.library.series.settings,
            complete=partial(complete, series_sending(parts)),
        )
        spent.listen(parts)
        webhook = Webhook(parts, channel)
        try:
            yield Way(parts, webhook, sender, pipe, spent)
        finally:
            await channel.close()
            await parts.rasa.close()
            parts.dispose()


async def measure(messages: int, at_once: int, url: str | None, profile: str | None) -> Spent:
    spent = Spent()
    with tempfile.TemporaryDirectory(prefix="wren-bench-") as folder:
        async with path(Path(folder), url, spent) as way:
            for _ in range(WARM // at_once):
                await way.play(at_once)
            for kept in (spent.seconds, spent.statements, spent.transactions):
                kept.clear()
            profiler = cProfile.Profile(time.thread_time) if profile else None
            if profiler is not None:
                profiler.enable()
            for _ in range(messages // at_once):
                await way.play(at_once)
            if profiler is not None and profile is not None:
                profiler.disable()
                profiler.dump_stats(profile)
    return spent


def table(spent: Spent, messages: int) -> str:
    """What each step took, as Markdown."""
    lines = ["| step | processor ms a message | statements | transactions |", "| --- | --- | --- | --- |"]
    for name, steps in (*((step, (step,)) for step in STEPS), ("**all**", STEPS)):
        seconds = sum(spent.seconds[step] for step in steps)
        statements, transactions = (sum(kept[step] for step in steps) for kept in (spent.statements, spent.transactions))
        each = f"{1000 * seconds / messages:.2f} | {statements / messages:.1f} | {transactions / messages:.2f}"
        lines.append(f"| {name} | {each} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="an empty database; its tables are made")
    parser.add_argument("--messages", type=int, default=400, help="how many are counted")
    parser.add_argument("--at-once", type=int, default=10, help="people who write at the same time, and messages a webhook")
    parser.add_argument("--profile", metavar="FILE", help="write what cProfile saw")
    asked = parser.parse_args()
    train_triage(Settings(), print)
    asked.messages -= asked.messages % asked.at_once
    spent = asyncio.run(measure(asked.messages, asked.at_once, asked.postgres, asked.profile))
    print(table(spent, asked.messages))


if __name__ == "__main__":
    os.environ.setdefault("WREN_LOG_LEVEL", "WARNING")
    main()
