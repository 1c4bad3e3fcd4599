"""When somebody is there: hours by area, what the parent is told, and when a first reply is aimed at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.handoff.hours import DAYS, Team, load_teams
from bot.library.yamlfile import DataError
from bot.settings import ROOT

LONDON = ZoneInfo("Europe/London")
OFFICE = ["09:00-12:30", "13:30-17:00"]


def team(folder: Path, more: str = "", **hours: list[str]) -> Team:
    days = "\n".join(f"      {day}: {spells}" for day, spells in hours.items())
    (folder / "content").mkdir(exist_ok=True)
    head = f"default_team: a\nareas:\n  - id: a\n    name: A\n    hours:\n{days}\n"
    minutes = "    reply_minutes: {emergency: 10, urgent: 60, concern: 480}\n"
    (folder / "content" / "team.yml").write_text(head + minutes + more, encoding="utf-8")
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
    with pytest.raises(DataError, match=r"content/team.yml, a.hours.monday: .* Hours look like"):
        team(tmp_path, monday=[spell])


def test_the_hours_of_this_installation_can_be_read() -> None:
    assert "demonstration" in load_teams(ROOT)


# Closures and bank holidays


@pytest.mark.parametrize("closed", ["2026-12-23T10:00", "2026-12-25T10:00", "2026-12-28T10:00", "2027-01-01T10:00"])
def test_nobody_is_there_on_a_closure_a_bank_holiday_or_its_substitute(tmp_path: Path, closed: str) -> None:
    """Boxing Day of 2026 is a Saturday: its substitute is Monday, 28 December."""
    more = '    bank_holidays: wales\n    closures:\n      - {name: "Training", on: 2026-12-23}\n'
    every_day = team(tmp_path, more, **dict.fromkeys(DAYS, OFFICE))
    assert every_day.open_until(local(closed)) is None
    assert every_day.open_until(local("2026-12-22T10:00")) is not None


def test_the_next_opening_is_after_a_long_closure_and_the_reply_target_waits_for_it(tmp_path: Path) -> None:
    """In Scotland 2 January is one too: in 2027 a Saturday, whose substitute is Monday, the 4th."""
    more = '    nation: scotland\n    closures:\n      - {name: "Christmas", from: 2026-12-24, to: 2027-01-03}\n'
    here = team(tmp_path, more, **dict.fromkeys(DAYS[:5], OFFICE))
    assert here.next_open(local("2026-12-23T17:30")) == local("2027-01-05T09:00")
    assert here.reply_due(local("2026-12-23T16:30"), "urgent") == local("2027-01-05T09:30")


def test_a_team_keeps_its_own_nations_bank_holidays_another_ones_or_none(tmp_path: Path) -> None:
    st_andrew = local("2026-11-30T10:00")
    for more, there in (
        ("    nation: scotland\n", False),
        ("    nation: england\n", True),
        ("    nation: england\n    bank_holidays: scotland\n", False),
        ("    nation: scotland\n    bank_holidays: none\n", True),
    ):
        assert (team(tmp_path, more, monday=OFFICE).open_until(st_andrew) is not None) is there, more


# Past midnight, and the clocks


def test_a_spell_past_midnight_is_one_spell(tmp_path: Path) -> None:
    night = team(tmp_path, friday=["22:00-06:00 next day"])
    assert night.open_until(local("2026-11-27T23:00")) == local("2026-11-28T06:00")
    assert night.open_until(local("2026-11-28T05:59")) == local("2026-11-28T06:00")
    assert night.open_until(local("2026-11-28T06:00")) is None
    assert night.next_open(local("2026-11-28T06:00")) == local("2026-12-04T22:00")


def test_spells_that_touch_are_one_for_whoever_asks_until_when(tmp_path: Path) -> None:
    long = team(tmp_path, monday=["09:00-12:00", "12:00-24:00"], tuesday=["00:00-02:00"])
    assert long.open_until(local("2026-11-23T10:00")) == local("2026-11-24T02:00")


def test_a_night_that_runs_into_a_closed_day_ends_at_midnight(tmp_path: Path) -> None:
    more = '    closures:\n      - {name: "Training", on: 2026-11-28}\n'
    night = team(tmp_path, more, friday=["22:00-06:00 next day"], saturday=["22:00-06:00 next day"])
    assert night.open_until(local("2026-11-27T23:00")) == local("2026-11-28T00:00")
    assert night.open_until(local("2026-11-28T23:00")) is None
    assert night.open_until(local("2026-11-29T01:00")) is None


def test_the_minutes_of_a_reply_target_are_real_ones_when_the_clocks_change(tmp_path: Path) -> None:
    """On 28 March 2027 the hour from one to two is left out, on 25 October 2026 it comes twice."""
    night = team(tmp_path, saturday=["22:00-06:00 next day"])
    spring, autumn = night.reply_due(local("2027-03-28T00:30"), "urgent"), night.reply_due(local("2026-10-25T00:30"), "urgent")
    assert spring == local("2027-03-28T02:30")
    assert autumn is not None and autumn.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    late = night.reply_due(local("2027-03-28T05:30"), "urgent")
    assert late == local("2027-04-03T22:30")


def test_a_moment_is_inside_or_outside_by_the_true_clock_in_the_hour_that_comes_twice(tmp_path: Path) -> None:
    night = team(tmp_path, saturday=["22:00-02:00 next day"])
    second_time = datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
    assert night.open_until(second_time) == local("2026-10-25T02:00")
    assert night.open_until(datetime(2026, 10, 25, 2, 0, tzinfo=UTC)) is None


# Every area has a team


def test_an_area_without_a_team_and_no_area_have_the_default_team(tmp_path: Path) -> None:
    team(tmp_path, monday=OFFICE)
    teams = load_teams(tmp_path)
    assert [teams.of(area).area_id for area in ("a", "elsewhere", "", None)] == ["a"] * 4
    assert list(teams) == ["a"] and len(teams) == 1


def test_the_safeguarding_contact_is_read(tmp_path: Path) -> None:
    contact = team(
        tmp_path, '    safeguarding: {name: "Duty team", phone: "0113 496 0000", hours: "always"}\n', monday=OFFICE
    ).safeguarding
    assert contact is not None
    assert (contact.name, contact.phone, contact.hours) == ("Duty team", "0113 496 0000", "always")
    assert team(tmp_path, monday=OFFICE).safeguarding is None


def test_the_plan_of_alarms_is_read_and_has_sensible_values_of_its_own(tmp_path: Path) -> None:
    more = "    alarms: {email: [duty@x.example], supervisor: [head@x.example], repeat_minutes: 5, outside_hours: []}\n"
    plan = team(tmp_path, more, monday=OFFICE).alarms
    assert (plan.email, plan.supervisor, plan.outside_hours) == (("duty@x.example",), ("head@x.example",), ())
    assert (plan.repeat, plan.climb) == (timedelta(minutes=5), timedelta(minutes=30))
    assert team(tmp_path, monday=OFFICE).alarms.outside_hours == ("emergency",)


# Mistakes


@pytest.mark.parametrize(
    ("hours", "more", "says"),
    [
        ({"monday": ["22:00-06:00"]}, "", r"a.hours.monday: “22:00-06:00” ends before it begins. .*next day"),
        ({"monday": ["09:00-17:00 next day"]}, "", "is longer than a day"),
        ({"monday": ["09:00-13:00", "12:00-17:00"]}, "", "a.hours.monday: two spells overlap at 12:00"),
        ({"monday": ["22:00-06:00 next day"], "tuesday": ["05:00-09:00"]}, "", "a.hours.tuesday: two spells overlap at 05:00"),
        ({"sunday": ["22:00-06:00 next day"], "monday": ["05:00-09:00"]}, "", "a.hours.monday: two spells overlap"),
        ({"mon": ["09:00-17:00"]}, "", "a.hours.mon: this is no weekday"),
        ({"monday": ["25:00-26:00"]}, "", "cannot be read"),
        ({}, "    closures: [{name: A, on: Christmas}]\n", "a.closures 1.on: .* is no day"),
        ({}, "    closures: [{name: A, from: 2026-12-24}]\n", "either on: or both from: and to:"),
        ({}, "    closures: [{name: A, from: 2026-12-24, to: 2026-01-03}]\n", "ends before it begins. Is the year right"),
        ({}, "    closures: [{name: A, from: 2026-12-24, to: 2027-12-03}]\n", "longer than three months"),
        ({}, "    closures: [{on: 2026-12-24}]\n", "a.closures 1: it has no name"),
        ({}, "    bank_holidays: cornwall\n", "a.bank_holidays: “cornwall” is no nation. Use none"),
        ({}, "    timezone: Europe/Cardiff\n", "a.timezone: .* is no time zone"),
        ({}, "    safeguarding: {name: A}\n", "a.safeguarding: it needs a name, a phone and hours"),
        ({}, '    safeguarding: {name: A, phone: "12", hours: B}\n', "a.safeguarding.phone: “12” cannot be a number"),
        ({}, "    alarms: {email: [duty]}\n", "a.alarms.email: “duty” is no e-mail address"),
        ({}, "    alarms: {supervisor: x@y.example}\n", "a.alarms.supervisor: .* is no e-mail address. Write a list"),
        ({}, "    alarms: {repeat_minutes: 0}\n", "a.alarms.repeat_minutes: “0” does not fit. Write minutes"),
        ({}, "    alarms: {supervisor_after_minutes: soon}\n", "a.alarms.supervisor_after_minutes: “soon” does not fit"),
        ({}, "    alarms: {outside_hours: [never]}\n", "a.alarms.outside_hours: .* does not fit. Write a list"),
        ({}, "    alarms: {sms: []}\n", "a.alarms.sms: this is not known"),
        ({}, "    alarms: [x]\n", "a.alarms: this is no list of settings"),
        ({}, "    holidays: []\n", "a.holidays: this is not known. Use"),
    ],
)
def test_a_mistake_is_explained_with_its_area_and_field(
    tmp_path: Path, hours: dict[str, list[str]], more: str, says: str
) -> None:
    with pytest.raises(DataError, match=rf"content/team.yml, .*{says}"):
        team(tmp_path, more, **(hours or {"friday": OFFICE}))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        team(tmp_path, "    timezone: Mars\n    closures: [{on: soon}]\n", monday=["late", "early"])
    assert len(refused.value.problems) == 4
