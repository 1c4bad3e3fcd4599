"""When a service is next open."""

from datetime import date, datetime, time, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services_directory.records import Timetable
from services_directory.timetables import DAYS, all_over, next_session, parse_byday, parse_bymonthday, sessions

SATURDAY = date(2026, 11, 21)


def timetable(**fields: object) -> Timetable:
    values: dict[str, object] = dict.fromkeys(Timetable.__dataclass_fields__) | {"freq": "WEEKLY", "interval": 1}
    return Timetable(**(values | fields))  # type: ignore[arg-type]


def days(rule: Timetable, start: date, end: date) -> list[date]:
    return [session.date for session in sessions(rule, start, end)]


def test_it_finds_the_next_weekly_session() -> None:
    rule = timetable(byday="TU", opens=time(10), closes=time(11, 30))
    found = next_session([rule], SATURDAY)
    assert found is not None
    assert (found.date, found.opens, found.closes) == (date(2026, 11, 24), time(10), time(11, 30))


def test_a_session_of_today_counts_until_it_closes() -> None:
    rule = timetable(byday="SA", opens=time(10), closes=time(11, 30))
    assert next_session([rule], SATURDAY, after=time(11)) is not None
    before, after = (next_session([rule], SATURDAY, after=time(hour)) for hour in (11, 12))
    assert before is not None
    assert after is not None
    assert (before.date, after.date) == (SATURDAY, SATURDAY + timedelta(days=7))


def test_every_other_week_keeps_its_weeks_over_years() -> None:
    rule = timetable(interval=2, dtstart=date(2015, 1, 7), byday="WE")
    found = days(rule, SATURDAY, SATURDAY + timedelta(days=60))
    assert all((day - date(2015, 1, 7)).days % 14 == 0 for day in found)
    assert len(found) == 5


def test_every_other_week_without_a_start_is_not_guessed() -> None:
    assert next_session([timetable(interval=2, byday="WE")], SATURDAY) is None


def test_monthly_rules_know_the_second_monday_and_the_last_friday() -> None:
    rule = timetable(freq="MONTHLY", byday="2MO,-1FR")
    assert days(rule, date(2026, 12, 1), date(2026, 12, 31)) == [date(2026, 12, 14), date(2026, 12, 25)]


def test_a_month_without_the_day_is_left_out() -> None:
    rule = timetable(freq="MONTHLY", bymonthday="31")
    assert days(rule, date(2026, 11, 1), date(2027, 1, 31)) == [date(2026, 12, 31), date(2027, 1, 31)]


def test_a_rule_without_days_takes_the_day_of_its_start() -> None:
    assert days(timetable(dtstart=date(2026, 1, 6)), SATURDAY, date(2026, 11, 30)) == [date(2026, 11, 24)]


def test_a_single_date_is_a_single_session() -> None:
    assert days(timetable(freq=None, dtstart=date(2026, 12, 5)), SATURDAY, date(2026, 12, 31)) == [date(2026, 12, 5)]


def test_it_keeps_to_the_dates_between_which_a_rule_holds() -> None:
    rule = timetable(byday="TU", valid_from=date(2026, 12, 1), valid_to=date(2026, 12, 8))
    assert days(rule, SATURDAY, date(2027, 1, 31)) == [date(2026, 12, 1), date(2026, 12, 8)]


def test_a_venue_has_its_own_sessions_and_those_of_the_whole_service() -> None:
    here, there = timetable(byday="TU", venue_id="here"), timetable(byday="MO", venue_id="there")
    both = timetable(byday="FR")
    found = next_session([there, both, here], SATURDAY, venue_id="here")
    assert found is not None
    assert found.date == date(2026, 11, 24)


def test_a_course_is_over_when_every_rule_has_ended() -> None:
    ended, going = timetable(byday="TU", until=date(2026, 11, 1)), timetable(byday="TU")
    assert all_over([ended], SATURDAY)
    assert not all_over([ended, going], SATURDAY)
    assert not all_over([], SATURDAY)


@pytest.mark.parametrize("text", ["", "XX", "6MO", "0MO", "MO TU;", "monday"])
def test_it_refuses_days_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day"):
        parse_byday(text)


@pytest.mark.parametrize("text", ["0", "32", "x", ""])
def test_it_refuses_days_of_the_month_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bymonthday(text)


def test_a_broken_rule_gives_no_session_rather_than_an_error() -> None:
    assert next_session([timetable(byday="someday")], SATURDAY) is None


@settings(max_examples=150, deadline=None)
@given(
    freq=st.sampled_from(["WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 6),
    weekdays=st.sets(st.sampled_from(DAYS), min_size=1, max_size=3),
    nth=st.sampled_from(["", "1", "2", "-1"]),
    dtstart=st.dates(date(2014, 1, 1), date(2027, 1, 1)),
    offset=st.integers(0, 400),
)
def test_moving_the_start_forward_never_changes_the_days(
    freq: str, interval: int, weekdays: set[str], nth: str, dtstart: date, offset: int
) -> None:
    assume(freq == "MONTHLY" or not nth)
    byday = ",".join(nth + day for day in sorted(weekdays))
    start = SATURDAY + timedelta(days=offset)
    end = start + timedelta(days=100)
    found = days(timetable(freq=freq, interval=interval, byday=byday, dtstart=dtstart), start, end)
    # The oracle counts every occurrence from the very start.
    rule = rrulestr(f"FREQ={freq};INTERVAL={interval};BYDAY={byday}", dtstart=datetime.combine(dtstart, time.min))
    expected = rule.between(datetime.combine(start, time.min), datetime.combine(end, time.min), inc=True)
    assert found == [moment.date() for moment in expected]
