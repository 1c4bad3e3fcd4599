"""A whole list due in the same minute: due → outbox, then the outbox drained at the provider's rate, while parents write.

    python -m benchmarks.broadcast [--people 1000000] [--postgres URL] [--rate 80] [--drain 60]

URL is an empty PostgreSQL database (its tables are made); without it, SQLite in a temporary folder. Everybody gets the series by age on
WhatsApp, with children of 50 months of birth, eight languages and four nations; one in five wrote in the last day and gets the message
itself, the others get the approved template that says that it is here. The provider is a double in this process that takes messages at its
number's rate, answers after 50 ms and notes every message that comes too fast. All the while parents write "menu", which needs no Rasa, at
intake as a webhook would: their replies are timed from there to the provider. The sweep, the workers and the sender share one process, as in
`bot work`. Nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, text

from bot.conversation.worker import Workers
from bot.delivery.pace import RATES, Rates
from bot.delivery.sender import Sender
from bot.messages import Address, Delivery, Inbound, MessageClass, Outbound
from bot.series.plan import instant
from bot.series.store import DEFAULT_ZONE
from bot.series.words import TEMPLATE, complete
from bot.series.work import send_due
from bot.settings import Settings
from bot.storage import tables
from bot.storage.tables import Child, MessageTemplate, Outbox, Person, PersonAddress, SeriesStep, SeriesSubscription, now
from bot.sweep import series_sending
from bot.wiring import Parts, build

CHUNK = 5_000
LANGUAGES = ("en", "cy", "pl", "ur", "ar", "ro", "bn", "uk")
NATIONS = ("england", "wales", "scotland", "northern-ireland")
WRITE_EVERY = 0.5
"""Seconds between two parents who write."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--postgres", metavar="URL", help="an empty database; its tables are made")
    parser.add_argument("--rate", type=float, default=80.0, help="messages a second that the number may send")
    parser.add_argument("--drain", type=float, default=60.0, help="seconds of draining that are measured")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="wren-broadcast-") as folder:
        settings = Settings(
            var_dir=Path(folder), database_url=asked.postgres or f"sqlite:///{folder}/wren.sqlite3", person_per_minute=10**6
        )
        (settings.var_dir / "models").symlink_to(Settings().models_dir.resolve())
        parts = build(settings)
        at = set_clock()
        say(f"making {asked.people:,} people ...")
        fill(parts, asked.people, at)
        asyncio.run(measure(parts, at, asked.people, asked.rate, asked.drain))
        parts.dispose()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def set_clock() -> datetime:
    """Let it be a little past nine in the morning, whatever the time is: nothing goes out in the quiet hours. Gives nine o'clock."""
    nine = instant(datetime.now(UTC).date() + timedelta(days=1), 9, ZoneInfo(DEFAULT_ZONE))
    tables._ahead = nine + timedelta(seconds=1) - datetime.now(UTC)
    return nine


def fill(parts: Parts, people: int, at: datetime) -> None:
    """Everybody, due at `at`, with two steps that have come to each."""
    with parts.database.write() as session:
        for language in LANGUAGES:
            name = parts.library.templates.by_id[TEMPLATE].name(language)
            session.add(
                MessageTemplate(
                    channel="whatsapp", name=name, language=language, status="approved", category="utility", authored="utility"
                )
            )
    for first in range(1, people + 1, CHUNK):
        numbers = range(first, min(first + CHUNK, people + 1))
        with parts.database.write() as session:
            for table, rows in rows_of(parts, numbers, at):
                session.execute(insert(table), rows)
    if not parts.database.is_sqlite:
        with parts.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in ("person", "person_address", "child", "series_subscription", "series_step"):
                if table in ("person", "person_address", "child", "series_subscription"):
                    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {people})"))
            connection.execute(text("VACUUM ANALYZE"))


def rows_of(parts: Parts, numbers: Iterable[int], at: datetime) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    keyring, area, told = parts.keyring, parts.settings.area, at - timedelta(days=200)
    numbers = list(numbers)
    yield (
        Person,
        [
            {"id": n, "area_id": area, "pseudonym": f"P-{n}", "language": LANGUAGES[n % 8], "nation": NATIONS[n // 8 % 4]}
            for n in numbers
        ],
    )
    yield PersonAddress, [
        {
            "id": n, "person_id": n, "channel": "whatsapp", "kind": "phone",
            "lookup": keyring.lookup("whatsapp", "phone", f"4477{n:08d}"), "sealed": keyring.seal(f"4477{n:08d}"),
            "last_seen_at": at - (timedelta(hours=2) if n % 5 == 0 else timedelta(days=10)),
        }
        for n in numbers
    ]  # fmt: skip
    yield Child, [{"id": n, "person_id": n, "born_or_due": month(at, n % 50 + 8), "created_at": told} for n in numbers]
    day = (at - timedelta(days=7)).date().isoformat()
    yield SeriesSubscription, [
        {
            "id": n, "person_id": n, "child_id": n, "series": "by-age", "days": str(at.weekday()), "hour": 9, "pace": "weekly",
            "state": "active", "next_at": at, "agreed_by": "whatsapp", "early": 0, "asked_born": 0,
        }
        for n in numbers
    ]  # fmt: skip
    yield SeriesStep, [
        {
            "subscription_id": n, "person_id": n, "child_id": n, "series": "by-age", "step": f"past-{which}", "version": "0" * 16,
            "message": f"past/{which}", "state": "sent", "day": day, "at": at - timedelta(days=7),
        }
        for n in numbers
        for which in (1, 2)
    ]  # fmt: skip


def month(at: datetime, ago: int) -> str:
    index = at.year * 12 + at.month - 1 - ago
    return f"{index // 12}-{index % 12 + 1:02d}"


@dataclass
class Number:
    """The provider's side of one number: a strict rate, and who was sent what when."""

    rate: float
    name: str = "whatsapp"
    pulled: bool = False
    taken: int = 0
    too_fast: int = 0
    replied: dict[str, float] = field(default_factory=dict)
    _until: float = 0.0

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        return []

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        moment = time.monotonic()
        self._until = max(self._until, moment) + 1 / self.rate
        if self._until - moment > 1.5:  # a second's worth at once, and half a second for clocks
            self.too_fast += 1
        await asyncio.sleep(0.05)
        self.taken += 1
        if outbound.message_class is MessageClass.REPLY:
            self.replied.setdefault(address, time.monotonic())
        return Delivery(status="sent", provider_id=f"p-{self.taken}")


@dataclass
class Writers:
    """Parents who write all the while, each once."""

    parts: Parts
    number: Number
    wrote: dict[str, tuple[float, str]] = field(default_factory=dict)
    phase: str = "queueing"
    stopping: bool = False

    async def run(self) -> None:
        while not self.stopping:
            phone = f"4478{len(self.wrote):08d}"
            self.wrote[phone] = (time.monotonic(), self.phase)
            said = Inbound(
                channel="whatsapp", external_id=f"w-{phone}", text="menu", sent_at=now(),
                addresses=(Address(channel="whatsapp", kind="phone", value=phone),),
            )  # fmt: skip
            await asyncio.to_thread(self.parts.intake.receive, said, {})
            await asyncio.sleep(WRITE_EVERY)

    def seconds(self, phase: str) -> tuple[list[float], int]:
        """How long the replies took, in order, and how many of a phase have none yet."""
        mine = {phone: at for phone, (at, which) in self.wrote.items() if which == phase}
        took = sorted(self.number.replied[phone] - at for phone, at in mine.items() if phone in self.number.replied)
        return took, len(mine) - len(took)


async def measure(parts: Parts, at: datetime, people: int, rate: float, drain: float) -> None:
    number = Number(rate)
    writers = Writers(parts, number)
    own = Rates(
        per_second=rate,
        burst=int(rate),
        pair_seconds=RATES["whatsapp"].pair_seconds,
        pair_burst=RATES["whatsapp"].pair_burst,
    )
    sender = Sender(
        parts.database, parts.keyring, {"whatsapp": number}, parts.hub, lease_seconds=60, look_every=1, rates={"whatsapp": own},
        series=parts.library.series.settings, complete=partial(complete, series_sending(parts)),
    )  # fmt: skip
    workers = Workers(parts.journey, parts.hub, at_once=16, look_every=1)
    loops = [asyncio.create_task(loop.run()) for loop in (sender, workers, writers)]
    await asyncio.sleep(2 * WRITE_EVERY)  # all are at work
    say("queueing ...")
    begun, processor = time.monotonic(), time.process_time()
    queued, told = await asyncio.to_thread(queue_all, parts)
    took, used = time.monotonic() - begun, time.process_time() - processor
    say("draining ...")
    writers.phase, before, begun = "draining", number.taken, time.monotonic()
    await asyncio.sleep(drain)
    sent, drained = number.taken - before, time.monotonic() - begun
    writers.stopping, writers.phase = True, "over"
    await asyncio.sleep(5)
    sender.stop()
    workers.stop()
    await asyncio.gather(*loops)
    check(parts, people)
    database = "SQLite" if parts.database.is_sqlite else "PostgreSQL"
    print(f"{database}: {people:,} people due at once")
    print(f"due to outbox: {people / took:,.0f} people a second ({took:.1f} s; {used:.1f} s of this process's processor)")
    print(f"               {queued:,} messages, {told} people looked at alone")
    print(f"drained: {sent / drained:.0f} messages a second at a rate of {rate:g}; {number.too_fast} came too fast")
    for phase in ("queueing", "draining"):
        times, open_ = writers.seconds(phase)
        if len(times) > 1:
            p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
            print(
                f"replies while {phase}: p50 {statistics.median(times):.2f} s, p95 {p95:.2f} s, of {len(times)}; {open_} without one"
            )


def queue_all(parts: Parts) -> tuple[int, int]:
    """What the sweep does, over and over, until nothing is due."""
    queued = told = 0
    while True:
        done = send_due(series_sending(parts), now())
        queued, told = queued + done.queued, told + len(done.people)
        with parts.database.read() as session:
            if session.scalar(select(SeriesSubscription.id).where(SeriesSubscription.next_at <= now()).limit(1)) is None:
                return queued, told


def check(parts: Parts, people: int) -> None:
    """Each has one step more and at most one message. Raises RuntimeError."""
    with parts.database.read() as session:
        new = SeriesStep.step.not_like("past-%")
        steps = session.scalar(select(func.count()).where(new))
        twice = session.execute(
            select(SeriesStep.person_id).where(new).group_by(SeriesStep.person_id).having(func.count() > 1)
        ).first()
        ours = Outbox.message_class == MessageClass.SERIES.value
        doubled = session.execute(
            select(Outbox.person_id).where(ours).group_by(Outbox.person_id).having(func.count() > 1)
        ).first()
        say(f"{steps:,} of {people:,} got a step; the others had none due")
    if twice is not None or doubled is not None:
        raise RuntimeError("somebody got a step twice")


if __name__ == "__main__":
    os.environ.setdefault("WREN_LOG_LEVEL", "WARNING")
    main()
