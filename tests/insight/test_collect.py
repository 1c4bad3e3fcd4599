"""Counting days: what was simulated is what is counted, once, whatever happens to the people afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from typer.testing import CliRunner

from bot.insight import collect as collecting
from bot.insight.cli import insight_app
from bot.insight.collect import MonthOver, collect, recount, whole_months
from bot.insight.days import last_day, months_of, quarter_of
from bot.insight.measures import age_band, step_of
from bot.people import forget
from bot.settings import Settings
from bot.storage.engine import Database
from bot.storage.tables import Inbox, InsightCount, InsightDay, Person
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.insight.simulate import Plan, at, is_open, write

AFTER = at(date(2026, 1, 20))
YEAR_DAYS = 400


def counted(database: Database) -> dict[str, Counter[tuple[str, str, str]]]:
    """By month: the numbers, as `Plan.truth` gives them."""
    found: dict[str, Counter[tuple[str, str, str]]] = {}
    with database.read() as session:
        for row in session.scalars(select(InsightCount)):
            found.setdefault(row.day[:7], Counter())[row.area_id, row.measure, row.category] += row.number
    return found


@pytest.fixture
def database(bare_address: str) -> Database:
    result = Database(bare_address)
    yield result
    result.dispose()


def test_a_simulated_year_is_counted_as_it_was_simulated(database: Database) -> None:
    plan = Plan.draw(300)
    write(plan, database)
    collect(database, is_open, AFTER, most=YEAR_DAYS)
    found = counted(database)
    for month, truth in plan.truth().items():
        told = {measure for _, measure, _ in truth}
        assert {key: number for key, number in found[month].items() if key[1] in told} == dict(truth), month
    in_all = Counter(measure for numbers in found.values() for (_, measure, _), n in numbers.items() for _ in range(n))
    assert in_all["case:level"] == in_all["case:hours"] == in_all["case:reply"] == in_all["case:close"] == 300 // 25
    assert (in_all["useful"], in_all["series:joined"]) == (300 // 4, 300 // 6)
    refused = sum(outcome == "refused" for family in plan.families for turns in family.turns.values() for _, outcome in turns)
    assert in_all["unanswered"] == refused > 0
    with database.read() as session:
        assert whole_months(session) == [f"2025-{month:02d}" for month in range(12, 0, -1)]


def test_a_day_is_counted_once_and_what_was_counted_stays_when_its_people_are_gone(database: Database) -> None:
    write(Plan.draw(40), database)
    collect(database, is_open, AFTER, most=YEAR_DAYS)
    before = counted(database)
    with database.write() as session:
        someone = session.scalars(select(Inbox).limit(1)).one()
        forget(session, someone.person_id, except_inbox=0)
        session.execute(delete(Person).where(Person.id != someone.person_id, Person.id % 25 != 0))
    assert collect(database, is_open, AFTER, most=YEAR_DAYS) == []
    assert counted(database) == before


def test_a_day_counted_anew_replaces_its_numbers_and_a_month_that_is_over_does_not_change(database: Database) -> None:
    write(Plan.draw(200), database)
    moment = at(date(2025, 6, 20))
    collect(database, is_open, moment, most=YEAR_DAYS)
    before = counted(database)
    with database.write() as session:
        recount(session, date(2025, 6, 10), is_open)
    assert counted(database) == before
    with database.write() as session:
        late = session.scalars(
            select(Inbox).where(Inbox.received_at < at(date(2025, 6, 19)), Inbox.received_at > at(date(2025, 6, 1)))
        ).first()
        assert late is not None
        day = late.received_at.date()
        late.outcome, late.topic = "answered", "baby/late"
        session.flush()
        recount(session, day, is_open)
    assert sum(number for (_, _, category), number in counted(database)["2025-06"].items() if category == "baby/late") == 1
    with pytest.raises(MonthOver, match="2025-05"), database.write() as session:
        recount(session, date(2025, 5, 10), is_open)
    with pytest.raises(ValueError, match="not been counted"), database.write() as session:
        recount(session, date(2025, 6, 20), is_open)


def test_a_day_waits_for_its_messages_but_not_for_ever(database: Database) -> None:
    write(Plan.draw(30), database)
    with database.write() as session:
        first = session.scalars(select(Inbox).order_by(Inbox.received_at).limit(1)).one()
        session.execute(update(Inbox).where(Inbox.id == first.id).values(open=1))
        day = first.received_at.date()
    assert collect(database, is_open, at(day + timedelta(days=2))) == []
    assert collect(database, is_open, at(day + timedelta(days=5)))[0] == day


def test_two_processes_count_a_day_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write(Plan.draw(30), database)
    real, raced = collecting.measures.count, []

    def slow(session, day, open_):  # type: ignore[no-untyped-def]
        found = real(session, day, open_)
        if not raced:
            raced.append(day)
            assert collect(database, is_open, AFTER, most=1) == [day]  # another process is quicker
        return found

    monkeypatch.setattr(collecting.measures, "count", slow)
    days = collect(database, is_open, AFTER, most=3)
    assert raced[0] not in days and len(days) == 3
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(InsightDay)) == 4


def test_an_empty_installation_counts_nothing(database: Database) -> None:
    assert collect(database, is_open, AFTER) == []


async def test_the_sweep_counts_what_is_over_and_asks_no_more(parts: Parts, at: Callable[[datetime], None]) -> None:
    at(datetime.fromisoformat("2026-11-27T12:00:00+00:00"))
    from tests.conversation.support import Parent

    await Parent(parts, language="en").say("menu")
    sweep = Sweep(parts)
    sweep.once()
    with parts.database.read() as session:
        assert session.scalars(select(InsightDay.day)).all() == []
    at(datetime.fromisoformat("2026-11-28T00:01:00+00:00"))
    sweep.once()
    with parts.database.read() as session:
        assert session.scalars(select(InsightDay.day)).all() == ["2026-11-27"]
        new = select(InsightCount.number).where(InsightCount.measure == "people:arrival", InsightCount.category == "new")
        assert session.scalars(new).all() == [1]


def test_the_command_counts_and_says_what_it_cannot(sqlite_address: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings.model_validate({"var_dir": tmp_path, "database_url": sqlite_address})
    monkeypatch.setattr("bot.insight.cli.settings", lambda: chosen)
    database = Database(sqlite_address)
    write(Plan.draw(5), database)
    database.dispose()
    done = CliRunner().invoke(insight_app, ["collect"])
    assert done.exit_code == 0 and done.stdout.splitlines()[-1] > "2026-01-01"
    refused = CliRunner().invoke(insight_app, ["collect", "--again", "2025-12-31"])
    assert refused.exit_code == 1 and "stay as they are" in refused.stderr
    assert CliRunner().invoke(insight_app, ["collect", "--again", "yesterday"]).exit_code == 1


@pytest.mark.parametrize(
    ("month", "band"),
    [
        ("2026-12", "expecting"),
        ("2026-11", "under-1"),
        ("2025-12", "under-1"),
        ("2025-11", "1"),
        ("2022-12", "3-4"),
        ("2021-11", "5-over"),
    ],
)
def test_a_child_s_band_goes_by_whole_months(month: str, band: str) -> None:
    assert age_band(month, date(2026, 11, 3)) == band


def test_times_are_counted_in_steps() -> None:
    lengths = (timedelta(0), timedelta(minutes=5), timedelta(minutes=5, seconds=1), timedelta(hours=4), timedelta(days=90))
    assert [step_of(length) for length in lengths] == ["5", "5", "15", "240", "more"]


def test_months_and_quarters() -> None:
    assert [last_day(month).day for month in ("2026-02", "2028-02", "2026-12")] == [28, 29, 31]
    assert quarter_of("2026-11") == "2026-Q4" and months_of("2026-Q4") == ("2026-10", "2026-11", "2026-12")
    with pytest.raises(ValueError):
        months_of("2026-Q5")
