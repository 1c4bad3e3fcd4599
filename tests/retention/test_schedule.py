"""The file of periods: what it may say, how mistakes are told, and that no table is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.library.check import problems
from bot.library.yamlfile import DataError
from bot.retention.purge import PURGES
from bot.retention.schedule import AT_ONCE, FILE, KINDS, NOBODYS, Period, Schedule, load_schedule
from bot.settings import ROOT
from bot.storage.tables import Base


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Schedule]:
    """Load the shipped file with pieces of it replaced."""

    def load(*changes: tuple[str, str]) -> Schedule:
        text = (ROOT / FILE).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "content").mkdir(exist_ok=True)
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        return load_schedule(tmp_path)

    return load


def test_every_table_is_deleted_by_a_kind_or_named_as_nobodys() -> None:
    deleted = {table for kind in KINDS for table in kind.tables}
    assert deleted | set(AT_ONCE) | set(NOBODYS) == set(Base.metadata.tables)
    assert not set(NOBODYS) & (deleted | set(AT_ONCE))
    assert all(NOBODYS.values()) and all(AT_ONCE.values())


def test_no_table_called_nobodys_leads_to_a_person() -> None:
    for name in NOBODYS:
        leads = {key.column.table.name for key in Base.metadata.tables[name].foreign_keys}
        assert leads <= {"area", *NOBODYS}, name


def test_every_kind_has_a_way_to_be_deleted_and_a_period(schedule: Schedule) -> None:
    assert set(PURGES) == {kind.name for kind in KINDS} == set(schedule.periods)


@pytest.mark.parametrize(
    ("said", "before"),
    [
        ("30 days", datetime(2024, 1, 30, tzinfo=UTC)),
        ("1 month", datetime(2024, 1, 29, tzinfo=UTC)),
        ("12 months", datetime(2023, 2, 28, tzinfo=UTC)),
        ("6 years", datetime(2018, 2, 28, tzinfo=UTC)),
    ],
)
def test_a_period_is_counted_by_the_calendar(said: str, before: datetime) -> None:
    period = Period.parse(said)
    assert period is not None and str(period) == said
    assert period.before(datetime(2024, 2, 29, tzinfo=UTC)) == before


@pytest.mark.parametrize("said", ["", "12", "months", "0 days", "1.5 years", "-3 months", "6 weeks", "6  years", 12, None, True])
def test_anything_else_is_no_period(said: object) -> None:
    assert Period.parse(said) is None


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("  messages: 12 months", "  mesages: 12 months", "kinds.mesages", "there is no kind “mesages”."),
        ("  messages: 12 months", "  # messages", "kinds", "messages is missing."),
        ("messages: 12 months", "messages: a year", "kinds.messages", "“a year” is no period."),
        ("messages: 12 months", "messages: 12", "kinds.messages", "“12” is no period."),
        ("messages: 12 months", "messages: 2 months", "kinds.messages", "2 months is too short"),
        ("  cases: 6 years", "  cases: 6 days", "kinds.cases", "6 days is too short"),
        ("  cases: 6 years", "  cases: 600 years", "kinds.cases", "600 years is taken for a slip of the pen."),
        ("case-history: 6 years", "case-history: 7 years", "kinds.case-history", "the history would outlive its case."),
        ("hour: 3 ", "hour: 12 ", "hour", "“12” does not fit."),
        ("areas: {}", "areas: {larkmoor: {rota: 12 months}}", "areas.larkmoor.rota", "one period for all areas."),
        ("areas: {}", "areas: {larkmoor: {cases: 5 years}}", "areas.larkmoor.cases", "the history would outlive its case."),
        ("areas: {}", "areas: [larkmoor]", "areas", "this is no list of areas."),
        ("areas: {}", "area: {}", "area", "this is not known."),
    ],
)
def test_a_mistake_is_told_with_where_it_is(written: Callable[..., Schedule], old: str, new: str, where: str, what: str) -> None:
    with pytest.raises(DataError) as told:
        written((old, new))
    found = [problem for problem in told.value.problems if problem.field == where]
    assert len(found) == 1 and what in found[0].message and found[0].mend


def test_all_mistakes_are_told_at_once(written: Callable[..., Schedule]) -> None:
    with pytest.raises(DataError) as told:
        written(("hour: 3 ", "hour: x "), ("rota: 24 months", "rota: never"), ("incidents: 13", "incident: 13"))
    assert {problem.field for problem in told.value.problems} == {"hour", "kinds.rota", "kinds.incident", "kinds"}


def test_an_area_may_keep_its_cases_for_a_time_of_its_own(written: Callable[..., Schedule]) -> None:
    schedule = written(("areas: {}", "areas: {larkmoor: {cases: 10 years}}"))
    assert [str(schedule.period("cases", area)) for area in ("larkmoor", "elsewhere", None)] == ["10 years", "6 years", "6 years"]
    assert str(schedule.period("case-history", "larkmoor")) == "6 years"


def test_the_content_check_looks_at_the_file_and_gives_the_line(tmp_path: Path) -> None:
    import shutil

    for name in ("content", "locales", "data", "services_directory"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("domain.yml", "config.yml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    file = tmp_path / FILE
    file.write_text(file.read_text(encoding="utf-8").replace("rota: 24 months", "rota: soon"), encoding="utf-8")
    line = 1 + file.read_text(encoding="utf-8").split("\n").index(
        next(line for line in file.read_text(encoding="utf-8").split("\n") if "rota: soon" in line)
    )
    (found,) = [problem for problem in problems(tmp_path) if problem.file == FILE]
    assert (found.line, found.field) == (line, "kinds.rota")
