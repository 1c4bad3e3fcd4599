"""The watch: a channel by which nothing arrives, a Rasa that is away, a disk that is nearly full; and all the quiet that means nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.delivery import breaker
from bot.storage.engine import Database
from bot.storage.tables import Inbox, RawEvent, Trouble
from bot.storage.tables import now as present
from bot.watch import Watch, longest_usual_pause, means_something
from bot.wiring import Parts
from tests.conversation.support import understanding
from tests.doubles.rasa_server import RasaDouble
from tests.storage.support import add_person

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE, WEEK = timedelta(minutes=1), timedelta(weeks=1)


class Shore:
    """A channel's past, written straight into the store, and a watch over it."""

    def __init__(self, parts: Parts, at: Callable[[datetime], None]) -> None:
        self.parts, self.at, self.watch = parts, at, Watch(parts, "machine-1")
        with parts.database.write() as session:
            person, address = add_person(session, parts.keyring, channel="webchat")
            self._person, self._address = person.id, address.id
        self._count = 0

    def came(self, *moments: datetime) -> None:
        with self.parts.database.write() as session:
            for moment in moments:
                self._count += 1
                event = RawEvent(channel="webchat", external_id=f"e{self._count}", received_at=moment)
                session.add(event)
                session.flush()
                session.add(
                    Inbox(
                        raw_event_id=event.id, person_id=self._person, address_id=self._address, channel="webchat",
                        kind="text", sealed=b"", level="none", state="done", open=0, received_at=moment,
                    )
                )  # fmt: skip

    def usual_weeks(self, around: datetime, every: timedelta, weeks: int = 4) -> None:
        """A message every so often for six hours about this time, in each of the last weeks."""
        count = int(timedelta(hours=6) / every)
        for week in range(1, weeks + 1):
            begin = around - week * WEEK - timedelta(hours=3)
            self.came(*(begin + number * every for number in range(count + 1)))

    def look(self, moment: datetime) -> list[str]:
        """What goes on after a look at `moment`."""
        self.at(moment)
        asyncio.run(self.watch.once())
        return troubles(self.parts.database)


def troubles(database: Database) -> list[str]:
    with database.read() as session:
        found = session.scalars(select(Trouble).where(Trouble.ended_at.is_(None)).order_by(Trouble.id))
        return [f"{one.kind} {one.subject}" for one in found]


@pytest.fixture
def shore(build_parts: Callable[..., Parts], database_address: str, at: Callable[[datetime], None]) -> Shore:
    at(NOON)
    return Shore(build_parts(database_address, rasa_away_minutes=0, disk_free_mb=0), at)


# Nothing arrives


def test_quiet_at_a_busy_hour_is_told_after_the_minutes_and_ends_with_the_next_message(shore: Shore) -> None:
    shore.usual_weeks(NOON, 4 * MINUTE)
    shore.came(NOON - 5 * MINUTE)
    assert shore.look(NOON) == []
    assert shore.look(NOON + 9 * MINUTE) == []
    assert shore.look(NOON + 11 * MINUTE) == ["nothing_arrives webchat"]
    assert shore.look(NOON + 60 * MINUTE) == ["nothing_arrives webchat"]
    shore.came(NOON + 61 * MINUTE)
    assert shore.look(NOON + 62 * MINUTE) == []


def test_a_quiet_night_is_quiet(shore: Shore) -> None:
    night = NOON + timedelta(hours=15)
    shore.usual_weeks(NOON, 4 * MINUTE)
    shore.came(NOON)
    for hours in range(15):
        assert shore.look(night + timedelta(minutes=20 * hours)) == []


def test_a_channel_that_is_often_quiet_for_long_is_given_longer(shore: Shore) -> None:
    shore.usual_weeks(NOON, 30 * MINUTE)
    shore.came(NOON)
    assert shore.look(NOON + 55 * MINUTE) == []
    assert shore.look(NOON + 61 * MINUTE) == ["nothing_arrives webchat"]


@pytest.mark.parametrize("weeks", [0, 1, 3])
def test_without_four_weeks_to_go_by_nothing_is_told(shore: Shore, weeks: int) -> None:
    shore.usual_weeks(NOON, 4 * MINUTE, weeks)
    shore.came(NOON)
    assert shore.look(NOON + 45 * MINUTE) == []


def test_a_quiet_hour_in_any_of_the_weeks_makes_the_hour_a_quiet_one(shore: Shore) -> None:
    shore.usual_weeks(NOON, 4 * MINUTE, 3)
    shore.came(NOON - 4 * WEEK - 50 * MINUTE, NOON - 4 * WEEK + 50 * MINUTE, NOON)
    assert shore.look(NOON + 45 * MINUTE) == []


def test_it_can_be_switched_off_and_what_goes_on_ends_by_that(shore: Shore) -> None:
    shore.usual_weeks(NOON, 4 * MINUTE)
    shore.came(NOON)
    assert shore.look(NOON + 20 * MINUTE) != []
    shore.parts.settings.quiet_minutes = 0
    assert shore.look(NOON + 21 * MINUTE) == []


def test_the_rule_itself(shore: Shore) -> None:
    shore.usual_weeks(NOON, 10 * MINUTE)
    with shore.parts.database.read() as session:
        assert longest_usual_pause(session, "webchat", NOON) == 10 * MINUTE
        assert longest_usual_pause(session, "webchat", NOON + timedelta(days=1)) is None
        assert longest_usual_pause(session, "telegram", NOON) is None
    assert means_something(10 * MINUTE, 20 * MINUTE) and not means_something(10 * MINUTE, 19 * MINUTE)
    assert not means_something(None, timedelta(days=1))


# Rasa, the disk, and providers for whom nothing waits


def test_a_rasa_that_is_away_for_its_minutes_is_told_by_machine_and_ends_when_it_is_back(
    build_parts: Callable[..., Parts], database_address: str, at: Callable[[datetime], None], rasa: RasaDouble
) -> None:
    at(NOON)
    parts = build_parts(database_address, disk_free_mb=0)
    watch = Watch(parts, "machine-1")

    async def look(minutes: int, url: str | None) -> list[str]:
        at(NOON + minutes * MINUTE)
        if url is None:
            await watch.once()
        else:
            async with understanding(parts, url):
                await watch.once()
        return troubles(parts.database)

    assert asyncio.run(look(0, None)) == []
    assert asyncio.run(look(4, None)) == []
    assert asyncio.run(look(6, None)) == ["rasa_away machine-1"]
    assert asyncio.run(look(7, "http://127.0.0.1:9")) == ["rasa_away machine-1"]
    assert asyncio.run(look(8, rasa.url)) == []
    assert asyncio.run(look(10, None)) == []


def test_a_disk_that_is_nearly_full_is_told_and_ends_with_room(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 900_000_000}
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("bot.watch.shutil.disk_usage", lambda _: usage._replace(free=free["bytes"]))
    shore.parts.settings.disk_free_mb = 1000
    assert shore.look(NOON) == ["disk_full machine-1"]
    free["bytes"] = 2_000_000_000
    assert shore.look(NOON + MINUTE) == []


def test_what_a_machine_that_is_gone_has_found_ends(shore: Shore) -> None:
    with shore.parts.database.write() as session:
        session.add(Trouble(kind="disk_full", subject="machine-2", began_at=NOON, confirmed_at=NOON))
    assert shore.look(NOON + 9 * MINUTE) == ["disk_full machine-2"]
    assert shore.look(NOON + 11 * MINUTE) == []


def test_the_circuit_of_a_provider_for_whom_nothing_waits_is_closed_after_a_while(shore: Shore) -> None:
    shore.parts.settings.telegram_token = "1:x"  # type: ignore[assignment]
    with shore.parts.database.write() as session:
        for _ in range(breaker.FAILURES):
            breaker.failed(session, "telegram", "down", "x")
    assert shore.look(present() + 5 * MINUTE) == ["provider_down telegram"]
    assert shore.look(present() + 11 * MINUTE) == []


async def test_a_look_that_fails_does_not_end_the_watch(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    async def once(self: Watch) -> None:
        looks.append(1)
        if len(looks) == 1:
            raise OSError("the store is away")
        self.stop()

    monkeypatch.setattr(Watch, "once", once)
    monkeypatch.setattr("bot.watch.LOOK_SECONDS", 0.01)
    async with asyncio.timeout(10):
        await Watch(parts).run()
    assert len(looks) == 2
