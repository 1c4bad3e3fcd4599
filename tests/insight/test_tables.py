"""A simulated year as it is published: it adds up to what was simulated, and an attack on all of it finds nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.insight import disclosure
from bot.insight.collect import whole_months
from bot.insight.days import months_of, quarter_of
from bot.insight.disclosure import FEW, UNADDED, Figure, known
from bot.insight.tables import CATEGORIES, TOGETHER, Times, _times, month_tables, quarter_tables, together
from bot.storage.engine import Database
from bot.storage.tables import InsightCount, ServiceSearch
from tests.databases import bare_sqlite
from tests.insight.attack import Tables, found, read_year
from tests.insight.simulate import AREAS, WORKED, Plan

FAMILIES = 600


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.draw(FAMILIES, seed=7)


def of_the_same_people(database: Database) -> Iterator[tuple[str, Tables]]:
    """Every set of tables that divides the same people, of every area, month and quarter."""
    with database.read() as session:
        months = whole_months(session)
        for area in AREAS:
            for month in months:
                tables = month_tables(session, area, month)
                yield from ((f"{area} {month}", {name: tables[name] for name in group}) for group in TOGETHER)
            for quarter in sorted({quarter_of(month) for month in months}):
                for gap in quarter_tables(session, area, quarter).gaps:
                    yield f"{area} {quarter} {gap.need}", {"place": gap.places, "language": gap.languages}


def fits(one: Figure, number: int) -> bool:
    return known(one).low <= number <= known(one).high


def minutes_of(cases: int) -> int:
    """What is shown of the minutes that the made-up staff spent: the time between two looks at a case, and two minutes for the second."""
    return max(round(cases * (WORKED + 2) / 30), 1) * 30


def test_what_is_published_is_what_was_simulated_within_the_rounding(plan: Plan, year: Database) -> None:
    truth = plan.truth()
    shown = 0
    with year.read() as session:
        assert len(whole_months(session)) == 12
        for month in whole_months(session):
            for area in AREAS:
                tables = month_tables(session, area, month)
                for measure in CATEGORIES:
                    for category, one in tables[measure].items():
                        assert fits(one, truth[month][area, measure, category]), (month, area, measure, category)
                        shown += isinstance(one, int)
                for topic, one in tables["topic"].items():
                    assert isinstance(one, int) and fits(one, truth[month][area, "topic", topic])
    assert shown > 100


def test_an_attack_on_everything_that_is_published_finds_no_small_group(year: Database) -> None:
    assert [(where, *group) for where, tables in of_the_same_people(year) for group in found(tables, biggest=1)] == []


def test_the_same_attack_finds_people_where_only_small_cells_are_hidden(year: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosure, "_risky", lambda shown, least: None)
    assert next((group for _, tables in of_the_same_people(year) for group in found(tables)), None) is not None


def test_a_reader_of_a_whole_year_finds_no_small_group_either(year: Database) -> None:
    """Month against month, people against conversations and topics; who returns was new before."""
    with year.read() as session:
        months = {month: month_tables(session, "west", month) for month in sorted(whole_months(session))}
    reader = read_year(months)
    groups = [
        group
        for month, tables in months.items()
        for group in reader.finds({name: tables[name] for names in TOGETHER for name in names}, f"{month} ")
    ]
    assert groups == [] and reader.solved > 50


def test_in_the_first_month_of_all_nobody_is_said_to_return(year: Database) -> None:
    """That none did is known, so hidden beside others it would tell of them."""
    with year.read() as session:
        first, second = (month_tables(session, "west", month)["people:arrival"] for month in ("2025-01", "2025-02"))
    assert "returning" not in first and "returning" in second


def test_every_table_that_shares_its_people_is_reckoned_with_the_others() -> None:
    assert sorted(measure for group in TOGETHER for measure in group) == sorted([*CATEGORIES, "people:arrival"])
    kinds = {measure.partition(":")[0] for measure in CATEGORIES}
    assert [{measure.partition(":")[0] for measure in group} for group in TOGETHER] == [
        {kind} for kind in ("people", "conversation", "case")
    ]
    assert kinds == {"people", "conversation", "case"}


def test_all_areas_are_the_sum_of_what_is_shown_of_each(year: Database) -> None:
    with year.read() as session:
        each = [month_tables(session, area, "2025-06") for area in AREAS]
    for name, table in together(each).items():
        for category, one in table.items():
            parts = [tables[name][category] for tables in each if category in tables[name]]
            numbers = [part for part in parts if isinstance(part, int)]
            assert one == (sum(numbers) if numbers else UNADDED)


def test_a_code_that_is_no_campaign_s_is_never_kept_with_the_counts(year: Database) -> None:
    with year.read() as session:
        kept = set(session.scalars(select(InsightCount.category).where(InsightCount.measure == "people:arrival")))
    assert kept == {"new", "returning", "campaign:hello26", "campaign:dads26"}


def test_dads_have_a_row_however_few_they_are(year: Database) -> None:
    with year.read() as session:
        roles = [month_tables(session, area, month)["people:role"] for area in AREAS for month in whole_months(session)]
    assert all("dad" in table and "grandparent" in table for table in roles)
    assert any(table["dad"] is FEW for table in roles)


def test_what_was_looked_for_with_nothing_to_offer_is_what_was_simulated(plan: Plan, year: Database) -> None:
    shown = 0
    for area in AREAS:
        for quarter in ("2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"):
            with year.read() as session:
                found = quarter_tables(session, area, quarter)
            for gap in found.gaps:
                people = sum(
                    (family.area, outcome, need) == (area, "none", gap.need) and f"{day:%Y-%m}" in months_of(quarter)
                    for family, day, outcome, need, _ in plan.searches
                )
                for table in (gap.places, gap.languages):
                    low, high = (sum(getattr(known(one), side) for one in table.values()) for side in ("low", "high"))
                    assert low <= people <= high
                assert gap.offered == found.offered.get(gap.need, FEW)
                shown += 1
    assert shown >= 4


def test_answers_are_told_by_message_and_version(year: Database) -> None:
    with year.read() as session:
        (useful,) = quarter_tables(session, "north", "2025-Q4").useful
    assert (useful.content_id, useful.version) == ("baby/crying/start-here", "0123456789abcdef") and isinstance(useful.yes, int)


def test_a_kind_of_help_of_which_no_place_can_be_shown_is_not_named(tmp_path: Path) -> None:
    """Twelve people, six of a place and six of none: were it named, both sixes would be certain to be there."""
    (tmp_path / "wren.sqlite3").write_bytes(bare_sqlite())
    database = Database(f"sqlite:///{tmp_path / 'wren.sqlite3'}")
    row = {"month": "2025-10", "area_id": "north", "outcome": "none", "language": "en"}
    with database.write() as session:
        for need, place, people in (("sleep", "ZZ1", 6), ("sleep", "any", 6), ("crying", "ZZ1", 12), ("crying", "any", 1)):
            session.add(ServiceSearch(**row, need=need, place=place, people=people))
    with database.read() as session:
        assert [gap.need for gap in quarter_tables(session, "north", "2025-Q4").gaps] == ["crying"]
    database.dispose()


def test_times_are_told_as_steps_and_of_ten_cases_at_least() -> None:
    counts = {"urgent:5": 4, "urgent:60": 4, "urgent:more": 2, "concern:5": 9}
    found = _times(counts)
    assert found["urgent"] == Times("60", "more") and found["concern"] == found["none"] == Times(None, None)
