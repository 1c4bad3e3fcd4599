"""Staff minutes: an estimate from what staff looked at and did, of cases and of nobody."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from bot.insight.collect import collect
from bot.insight.days import months_of
from bot.insight.disclosure import FEW, HELD
from bot.insight.measures import Cell, Span
from bot.insight.tables import _work, quarter_tables
from bot.insight.work import work
from bot.storage.engine import Database
from bot.storage.tables import Case, StaffAudit
from tests.insight.simulate import CASES, Plan, at, is_open, write
from tests.insight.test_tables import fits, minutes_of

DAY = date(2025, 12, 10)


@pytest.fixture
def database(bare_address: str) -> Database:
    result = Database(bare_address)
    write(Plan.draw(30), result, with_work=False)
    yield result
    result.dispose()


def acts(database: Database, *rows: tuple[int, str, datetime]) -> None:
    with database.write() as session:
        session.add_all(
            StaffAudit(staff_id=staff, action="case.view", subject=subject, at=moment) for staff, subject, moment in rows
        )


def found(database: Database, day: date = DAY) -> list[Cell]:
    with database.read() as session:
        return list(work(session, Span.of(day)))


def case_of(database: Database) -> tuple[str, Cell, Cell]:
    with database.read() as session:
        case = session.query(Case).one()
        return (
            f"case:{case.id}",
            Cell(case.area_id or "", "work:cases", case.level),
            Cell(case.area_id or "", "work:minutes", case.level),
        )


def test_a_case_counts_until_the_next_thing_if_that_comes_soon(database: Database) -> None:
    case, worked_on, minute = case_of(database)
    acts(database, (1, case, at(DAY)), (1, case, at(DAY, 7)), (1, "questions", at(DAY, 10)), (1, case, at(DAY, 60)))
    cells = found(database)
    assert cells.count(minute) == 7 + 3 + 2 and cells.count(worked_on) == 1 and len(cells) == 13


def test_what_others_do_meanwhile_ends_nothing(database: Database) -> None:
    case, _, minute = case_of(database)
    acts(database, (1, case, at(DAY)), (2, case, at(DAY, 1)), (2, "", at(DAY, 4)), (1, "", at(DAY, 9)))
    assert found(database).count(minute) == 9 + 3


def test_a_case_is_counted_once_a_month_and_never_for_more_than_two_hours_a_day(database: Database) -> None:
    case, worked_on, minute = case_of(database)
    acts(database, *((1, case, at(DAY, 5 * number)) for number in range(60)))
    acts(database, (1, case, at(DAY + timedelta(days=1))), (1, case, at(date(2026, 1, 5))))
    assert found(database).count(minute) == 120
    assert worked_on not in found(database, DAY + timedelta(days=1))
    assert worked_on in found(database, date(2026, 1, 5))


def test_cases_that_are_gone_and_other_subjects_are_not_in_it(database: Database) -> None:
    acts(database, (1, "case:999999", at(DAY)), (1, "case:x", at(DAY, 1)), (1, "person:1", at(DAY, 2)))
    assert found(database) == []


def test_minutes_are_shown_of_ten_cases_or_more_to_the_half_hour() -> None:
    shown = _work({"urgent": 12, "concern": 9}, {"urgent": 100, "concern": 400})
    assert shown[0] == {"emergency": FEW, "urgent": 10, "concern": FEW, "none": FEW}
    assert shown[1] == {"emergency": HELD, "urgent": 90, "concern": HELD, "none": HELD}


def test_minutes_of_a_quarter_are_those_that_were_simulated(bare_sqlite_address: str) -> None:
    database, plan = Database(bare_sqlite_address), Plan.draw(5_000, areas=("north",))
    write(plan, database)
    collect(database, is_open, at(date(2025, 4, 2)), most=120)
    with database.read() as session:
        found = quarter_tables(session, "north", "2025-Q1")
    truth = plan.truth()
    for level in CASES:
        cases = sum(truth[month]["north", "work:cases", level] for month in months_of("2025-Q1"))
        assert fits(found.work_cases[level], cases) and found.work_minutes[level] == minutes_of(cases)
    assert (found.work_cases["none"], found.work_minutes["none"]) == (FEW, HELD)
    database.dispose()
