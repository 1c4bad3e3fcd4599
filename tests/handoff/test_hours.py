"""When somebody is there: hours by area, what the parent is told, and when a first reply is aimed at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.handoff.hours import Team, load_teams
from bot.library.yamlfile import DataError
from bot.settings import ROOT

LONDON = ZoneInfo("Europe/London")
OFFICE = ["09:00-12:30", "13:30-17:00"]


def team(folder: Path, **hours: list[str]) -> Team:
    days = "\n".join(f"      {day}: {spells}" for day, spells in hours.items())
    (folder / "content").mkdir(exist_ok=True)
    (folder / "content" / "team.yml").write_text(
        f"areas:\n  - id: a\n    name: A\n    hours:\n{days}\n    reply_minutes: {{emergency: 10, urgent: 60, concern: 480}}\n"
    )
    return load_teams(folder)["a"]


@pytest.fixture
def weekdays(tmp_path: Path) -> Team:
    return team(tmp_path, **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-23T09:00", "2026-11-23T12:30"),
        ("2026-11-23T12:29", "2026-11-23T12:30"),
        ("2026-11-23T12:30", None),
        ("2026-11-23T13:29", None),
        ("2026-11-23T16:59", "2026-11-23T17:00"),
        ("2026-11-23T17:00", None),
        ("2026-11-22T11:00", None),
    ],
)
def test_it_knows_until_when_somebody_is_there(weekdays: Team, moment: str, until: str | None) -> None:
    assert weekdays.open_until(local(moment)) == (local(until) if until else None)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-23T10:15", "2026-11-23T10:15"),
        ("2026-11-23T12:45", "2026-11-23T13:30"),
        ("2026-11-23T20:00", "2026-11-24T09:00"),
        ("2026-11-20T17:00", "2026-11-23T09:00"),
        ("2026-11-23T03:00", "2026-11-23T09:00"),
    ],
)
def test_it_tells_the_next_opening(weekdays: Team, moment: str, opens: str) -> None:
    assert weekdays.next_open(local(moment)) == local(opens)


def test_hours_are_local_in_summer_and_in_winter(weekdays: Team) -> None:
    assert weekdays.open_until(datetime(2026, 7, 6, 8, 30, tzinfo=UTC)) == local("2026-07-06T12:30")
    assert weekdays.open_until(datetime(2026, 11, 23, 8, 30, tzinfo=UTC)) is None


def test_the_opening_after_the_clocks_change_is_on_the_new_time(weekdays: Team) -> None:
    friday_night = datetime(2026, 3, 27, 20, 0, tzinfo=UTC)
    opening = weekdays.next_open(friday_night)
    assert opening is not None
    assert opening.astimezone(UTC) == datetime(2026, 3, 30, 8, 0, tzinfo=UTC)


def test_a_team_that_is_never_there_has_no_next_opening(tmp_path: Path) -> None:
    nobody = team(tmp_path, monday=[])
    assert nobody.next_open(local("2026-11-23T10:00")) is None
    assert nobody.reply_due(local("2026-11-23T10:00"), "urgent") is None


@pytest.mark.parametrize(
    ("moment", "level", "due"),
    [
        ("2026-11-23T09:30", "emergency", "2026-11-23T09:40"),
        ("2026-11-23T09:30", "urgent", "2026-11-23T10:30"),
        ("2026-11-21T15:00", "urgent", "2026-11-23T10:00"),
    ],
)
def test_a_reply_is_due_so_long_after_the_next_opening(weekdays: Team, moment: str, level: str, due: str) -> None:
    assert weekdays.reply_due(local(moment), level) == local(due)


@pytest.mark.parametrize(
    ("moment", "level", "due"),
    [("2026-11-23T16:30", "urgent", "2026-11-24T09:30"), ("2026-11-20T16:00", "concern", "2026-11-23T17:00")],
)
def test_a_reply_is_never_due_while_nobody_is_there(weekdays: Team, moment: str, level: str, due: str) -> None:
    assert weekdays.reply_due(local(moment), level) == local(due)


@pytest.mark.parametrize("spell", ["17:00-09:00", "9-17", "09:00", "late"])
def test_hours_that_make_no_sense_are_refused_with_the_file_and_the_area(tmp_path: Path, spell: str) -> None:
    with pytest.raises(DataError, match=r"content/team.yml, a: .* Hours look like"):
        team(tmp_path, monday=[spell])


def test_the_hours_of_this_installation_can_be_read() -> None:
    assert "demonstration" in load_teams(ROOT)
