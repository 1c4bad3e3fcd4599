"""When a service is next open."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services_directory.records import Extra, Timetable
from services_directory.timetables import (
    DAYS,
    all_over,
    next_session,
    open_at,
    parse_byday,
    parse_bymonthday,
    sessions,
    term_unknown,
)

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


# ---- Exceptions, bank holidays, terms, midnight and the clock

CHRISTMAS, SCOTTISH_SECOND = date(2026, 12, 25), date(2026, 1, 2)
LONDON = ZoneInfo("Europe/London")


def test_a_cancelled_date_is_left_out_and_an_extra_one_stands() -> None:
    rule = timetable(
        byday="TU",
        opens=time(10),
        closes=time(11),
        cancelled=((date(2026, 11, 24), None),),
        extra=(Extra(date(2026, 11, 26), None, None), Extra(date(2026, 12, 25), time(9), time(12))),
        closed_for=("england",),
    )
    found = list(sessions(rule, SATURDAY, date(2026, 12, 31)))
    assert [session.date.isoformat() for session in found] == [
        "2026-11-26",
        "2026-12-01",
        "2026-12-08",
        "2026-12-15",
        "2026-12-22",
        "2026-12-25",
        "2026-12-29",
    ]
    assert found[0].opens == time(10)
    assert (found[5].opens, found[5].closes) == (time(9), time(12))


def test_a_cancellation_with_a_time_means_only_the_session_of_that_time() -> None:
    cancelled = ((date(2026, 11, 24), time(10)),)
    early, late = (timetable(byday="TU", opens=time(hour), cancelled=cancelled) for hour in (10, 14))
    found = next_session([early, late], SATURDAY)
    assert found is not None
    assert (found.date, found.opens) == (date(2026, 11, 24), time(14))


@pytest.mark.parametrize(
    ("nations", "day", "is_open"),
    [
        (("england",), CHRISTMAS, False),
        (("scotland",), SCOTTISH_SECOND, False),
        (("england",), SCOTTISH_SECOND, True),
        (("england", "northern-ireland", "scotland", "wales"), SCOTTISH_SECOND, True),
        (("england", "northern-ireland", "scotland", "wales"), CHRISTMAS, False),
        (("northern-ireland",), date(2026, 7, 13), False),
        (("wales",), date(2026, 7, 13), True),
        (("wales",), date(2026, 12, 28), False),
        ((), CHRISTMAS, True),
        (None, CHRISTMAS, True),
    ],
)
def test_bank_holidays_close_by_nation(nations: tuple[str, ...] | None, day: date, is_open: bool) -> None:
    rule = timetable(byday="MO,TU,WE,TH,FR,SA,SU", closed_for=nations)
    assert (days(rule, day, day) == [day]) is is_open


def test_a_single_date_on_a_bank_holiday_was_meant() -> None:
    assert days(timetable(freq=None, dtstart=CHRISTMAS, closed_for=("england",)), CHRISTMAS, CHRISTMAS) == [CHRISTMAS]


def test_term_time_only_keeps_to_the_terms_of_its_area() -> None:
    rule = timetable(byday="TU", term_areas=("nowhere", "larkmoor"))
    assert days(rule, date(2026, 10, 20), date(2026, 11, 10)) == [date(2026, 10, 20), date(2026, 11, 3), date(2026, 11, 10)]
    assert not term_unknown([rule], date(2026, 10, 20), date(2026, 11, 10))


def test_where_terms_are_not_known_nothing_is_guessed_and_that_is_said() -> None:
    for areas, day in ((("nowhere",), SATURDAY), (("larkmoor",), date(2035, 1, 1)), ((), SATURDAY)):
        rule = timetable(byday="TU", term_areas=areas)
        assert days(rule, day, day + timedelta(days=30)) == []
        assert term_unknown([rule], day, day + timedelta(days=30))


def test_a_session_past_midnight_is_open_on_both_days() -> None:
    rule = timetable(byday="SA", opens=time(22), closes=time(2))
    moments = {
        datetime(2026, 11, 21, 21, 59): False,
        datetime(2026, 11, 21, 22): True,
        datetime(2026, 11, 22, 1, 59): True,
        datetime(2026, 11, 22, 2): False,
        datetime(2026, 11, 22, 22): False,
    }
    assert {moment: open_at([rule], moment) is not None for moment in moments} == moments


def test_the_same_time_twice_is_round_the_clock() -> None:
    rule = timetable(byday="SA", opens=time(9), closes=time(9))
    assert open_at([rule], datetime(2026, 11, 22, 8, 59)) is not None
    assert open_at([rule], datetime(2026, 11, 22, 9)) is None


def test_a_session_without_its_times_is_never_said_to_be_open() -> None:
    assert open_at([timetable(byday="SA"), timetable(byday="SA", opens=time(9))], datetime(2026, 11, 21, 12)) is None


def test_the_change_of_the_clock_is_kept() -> None:
    # On 25 October 2026 the hour from one is struck twice; on 28 March 2027 it is left out.
    night = timetable(byday="SA", opens=time(23), closes=time(1, 30))
    assert open_at([night], datetime(2026, 10, 25, 1, 15, tzinfo=LONDON)) is not None
    assert open_at([night], datetime(2026, 10, 25, 1, 15, fold=1, tzinfo=LONDON)) is not None
    assert open_at([night], datetime(2026, 10, 25, 1, 45, fold=1, tzinfo=LONDON)) is None
    morning = timetable(byday="SU", opens=time(9), closes=time(10))
    assert open_at([morning], datetime(2027, 3, 28, 8, 30, tzinfo=UTC)) is not None
    assert open_at([morning], datetime(2027, 3, 28, 9, 30, tzinfo=UTC)) is None


times_of_day = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


@settings(max_examples=150, deadline=None)
@given(
    interval=st.integers(1, 3),
    weekdays=st.sets(st.sampled_from(DAYS), min_size=1, max_size=4),
    dtstart=st.dates(date(2024, 1, 1), date(2026, 11, 1)),
    opens=times_of_day,
    closes=times_of_day,
    cancelled=st.sets(st.dates(date(2026, 10, 1), date(2027, 4, 5)), max_size=6),
    extra=st.sets(st.dates(date(2026, 10, 1), date(2027, 4, 5)), max_size=3),
    nation=st.sampled_from(["england", "scotland", "wales", "northern-ireland"]),
    moment=st.datetimes(datetime(2026, 10, 20), datetime(2027, 4, 1), timezones=st.just(UTC)),
)
def test_open_now_agrees_with_dateutil_by_brute_force(
    interval: int,
    weekdays: set[str],
    dtstart: date,
    opens: time,
    closes: time,
    cancelled: set[date],
    extra: set[date],
    nation: str,
    moment: datetime,
) -> None:
    byday = ",".join(sorted(weekdays))
    rule = timetable(
        interval=interval,
        byday=byday,
        dtstart=dtstart,
        opens=opens,
        closes=closes,
        closed_for=(nation,),
        cancelled=tuple((day, None) for day in cancelled),
        extra=tuple(Extra(day, None, None) for day in extra),
    )
    # The oracle expands the rule from its very start and counts the wall clock in seconds since 1970.
    text = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={byday}"
    every = rrulestr(text, dtstart=datetime.combine(dtstart, time.min)).between(
        datetime(2026, 10, 1), datetime(2027, 4, 5), inc=True
    )
    off = holidays.country_holidays("GB", subdiv={"england": "ENG", "scotland": "SCT", "wales": "WLS"}.get(nation, "NIR"))
    on = {day.date() for day in every if day.date() not in off} - cancelled | extra
    expected = False
    for day in on:
        length = (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
        ends = datetime.combine(day, opens) + timedelta(minutes=length if length > 0 else length + 24 * 60)
        first = datetime.combine(day, opens, tzinfo=LONDON).timestamp()
        last = ends.replace(tzinfo=LONDON, fold=1).timestamp()
        expected = expected or first <= moment.timestamp() < last
    assert (open_at([rule], moment) is not None) is expected
