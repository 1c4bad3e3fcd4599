"""What comes when: over years of simulated days, clock changes, edits, stops and restarts, each step comes once, in its hours."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.library import Library
from bot.library.series import Offset, Series, SeriesSettings
from bot.series.plan import (
    PACES,
    Choices,
    Course,
    Due,
    Sent,
    Whom,
    choose,
    due_question_day,
    instant,
    next_slot,
    on_time,
    start_of,
)
from tests.series.support import LONDON, SETTINGS, Life, message, messages_of, moments, series, step, utc

NO_QUIET = SeriesSettings(quiet_from=time(0), quiet_to=time(0))
offsets = st.builds(Offset, st.integers(-6, 40), st.integers(0, 29))
all_choices = st.builds(
    Choices, days=st.frozensets(st.integers(0, 6), min_size=1), hour=st.integers(0, 23), pace=st.sampled_from(sorted(PACES))
)


@st.composite
def some_series(draw: st.DrawFn, names: str = "abcdefghijkl") -> Series:
    """Up to twelve steps anywhere; some essential, some that wait for long."""
    ids = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    return series(
        step(one, (at := draw(offsets)).months, at.days, for_days=draw(st.integers(1, 40)), essential=draw(st.booleans()))
        for one in ids
    )


@st.composite
def gaps(draw: st.DrawFn) -> list[timedelta]:
    """How long the worker is away between its looks: mostly an hour, now and then a night or a fortnight."""
    return draw(st.lists(st.sampled_from([timedelta(hours=7), timedelta(days=2), timedelta(days=15)]), max_size=6))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_over_years_of_days_edits_choices_and_absences_each_step_comes_once_in_its_hours(data: st.DataObject) -> None:
    """The series is edited, the choices change and the worker is away, at any time of four years."""
    choices = data.draw(all_choices.filter(lambda one: not SETTINGS.quiet(time(one.hour))))
    life = Life(data.draw(some_series()), Whom(month="2023-02"), choices)
    begin = utc(2022, 12, 1)
    changes = sorted(data.draw(st.lists(st.integers(1, 1400), max_size=5, unique=True)))
    away = {begin + timedelta(days=data.draw(st.integers(0, 1400))): gap for gap in data.draw(gaps())}
    life.plan(begin)
    at, last_change, back = begin, 0, begin
    while at < begin + timedelta(days=1400):
        at += timedelta(hours=1)
        back = max([back, *(start + gap for start, gap in away.items() if start <= at < start + gap)])
        while changes and at > begin + timedelta(days=changes[0]):
            last_change = changes.pop(0)
            if last_change % 2:
                life.series = data.draw(some_series())
            else:
                life.choices = data.draw(all_choices.filter(lambda one: not SETTINGS.quiet(time(one.hour))))
                life.plan(at)
        if at < back or (life.next_at is not None and at < life.next_at):
            continue
        before = len(life.log)
        life.look(at)
        if len(life.log) > before:
            _, due = life.log[-1]
            wall = at.astimezone(LONDON)
            assert not SETTINGS.quiet(wall.time())
            assert wall.weekday() in life.choices.days
            if due.step is not None:
                assert due.step in life.series.steps
                first = due.step.at.on(start_of(life.series, life.whom))
                assert first <= wall.date() <= first + timedelta(days=due.step.for_days)
            if len(life.log) > 1:
                assert (wall.date() - life.log[-2][0].astimezone(LONDON).date()).days >= PACES[life.choices.pace]
    counts = Counter(due.id for _, due in life.log)
    assert all(count == 1 for count in counts.values())
    assert max(Counter(due.message for _, due in life.log if due.step).values(), default=1) == 1


@settings(max_examples=40, deadline=None)
@given(some_series(), all_choices, st.integers(1, 1000), st.integers(1, 300))
def test_nothing_comes_after_a_stop_and_what_came_before_does_not_come_again_after_a_new_start(
    one: Series, choices: Choices, stop_after: int, pause: int
) -> None:
    life, begin = Life(one, Whom(month="2023-02"), choices), utc(2023, 1, 1)
    life.plan(begin)
    stopped, again = begin + timedelta(days=stop_after), begin + timedelta(days=stop_after + pause)
    for at in moments(begin, 1300):
        if life.stopped and at >= again:
            life.stopped = False
            life.plan(at)
        elif not life.stopped and stopped <= at < again:
            life.stopped = True
        if life.next_at is not None and life.next_at <= at:
            life.look(at)
    assert not [at for at, _ in life.log if stopped <= at < again]
    assert max(Counter(due.id for _, due in life.log).values(), default=1) == 1


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(0, 23), st.sampled_from(["Europe/London", "Europe/Bucharest"]))
def test_every_day_has_one_moment_for_its_hour_whatever_the_clocks_do(day: date, hour: int, zone: str) -> None:
    at = instant(day, hour, ZoneInfo(zone))
    assert at.astimezone(ZoneInfo(zone)).date() == day
    assert at.astimezone(ZoneInfo(zone)).hour in (hour, hour + 1)


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_an_hour_that_the_clocks_leave_out_or_have_twice_is_one_sending(change: date) -> None:
    life = Life(
        series([step("a", 0, 0), step("b", 0, 1)]),
        Whom(month=f"{change:%Y-%m}"),
        Choices(days=frozenset(range(7)), hour=1),
        NO_QUIET,
    )
    life.series = series([replace(one, at=Offset(0, change.day - 15), for_days=1) for one in life.series.steps[:1]])
    begin = datetime.combine(change - timedelta(days=1), time(20), LONDON)
    life.plan(begin)
    for at in moments(begin, 2, timedelta(minutes=5)):
        life.look(at)
    assert [due.id for _, due in life.log] == ["a"]
    assert life.log[0][0].astimezone(LONDON).date() == change


@given(st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)), all_choices)
def test_the_next_day_is_later_wanted_and_outside_the_quiet_hours(after: datetime, choices: Choices) -> None:
    moment = after.replace(tzinfo=LONDON)
    found = next_slot(choices, None, moment, LONDON, SETTINGS)
    if SETTINGS.quiet(time(choices.hour)):
        assert found is None
    else:
        assert found is not None and found > moment
        assert found.astimezone(LONDON).hour == choices.hour
        assert found.astimezone(LONDON).weekday() in choices.days
        assert found - moment <= timedelta(days=8)


DAILY = Choices(days=frozenset(range(7)), hour=9)


def due_on(one: Series, whom: Whom, day: date, **sent: object) -> Due | None:
    return choose(one, whom, Sent(**sent), day, messages_of(one))  # type: ignore[arg-type]


@given(st.integers(0, 700), some_series(), st.booleans())
def test_nothing_by_age_crosses_the_due_month_until_somebody_says_that_the_baby_is_here(
    day: int, one: Series, asked: bool
) -> None:
    whom = Whom(month="2026-06", due=True, asked_born=date(2026, 6, 15) if asked else None)
    at = date(2026, 1, 1) + timedelta(days=day)
    due = due_on(one, whom, at)
    if due is not None and due.step is not None:
        assert at < date(2026, 6, 1) and due.step.at.about < 0
    elif due is not None:
        assert due.kind == "born" and at >= due_question_day(whom) and not asked


def test_it_is_asked_once_and_again_only_after_they_have_said_not_yet() -> None:
    one = series([step("a", 1)])
    whom = Whom(month="2026-06", due=True)
    assert due_on(one, whom, date(2026, 6, 15)) == Due("born")
    assert due_on(one, replace(whom, asked_born=date(2026, 6, 15)), date(2027, 6, 15)) is None
    not_yet = replace(whom, asked_born=date(2026, 6, 15), ask_from=date(2026, 6, 29))
    assert due_on(one, not_yet, date(2026, 6, 28)) is None
    assert due_on(one, not_yet, date(2026, 6, 29)) == Due("born")
    assert due_on(one, replace(whom, due=False, month="2026-05"), date(2026, 6, 20)) == Due("step", one.steps[0], "m/a")


def test_a_step_that_is_put_in_too_late_or_moved_or_taken_out_does_not_misfire() -> None:
    one, whom = series([step("a", 1), step("b", 2)]), Whom(month="2026-01")
    day = date(2026, 4, 20)
    late = series([step("new", 1), *one.steps])
    assert due_on(late, whom, day, steps=["a", "b"]) is None  # its time is past
    moved = series([step("a", 3)])
    assert due_on(moved, whom, day, steps=["a"]) is None  # it was sent
    assert due_on(series([step("a", 3)]), whom, day) == Due("step", moved.steps[0], "m/a")
    assert (
        due_on(series([step("c", 3, message="m/a")]), whom, day, steps=["a"], messages=["m/a"]) is None
    )  # another name, the same words
    assert due_on(series([step("c", 9)]), whom, day) is None


def test_what_is_essential_comes_first_and_the_rest_in_their_order() -> None:
    one = series([step("b", 1, 2), step("a", 1, 1), step("check", 1, 5, essential=True)])
    day = date(2026, 2, 21)
    sent: list[str] = []
    while (due := due_on(one, Whom(month="2026-01"), day, steps=sent)) is not None:
        sent.append(due.id)
    assert sent == ["check", "a", "b"]


def test_nation_role_and_age_decide_what_fits() -> None:
    one = series([step("a", 3, nations=("wales",), instead={"dad-or-partner": "m/dad"})], ends=Offset(60))
    messages = {"m/a": message("m/a", (3, 12)), "m/dad": message("m/dad", (3, 12), ("dad-or-partner",))}
    day, whom = date(2026, 4, 16), Whom(month="2026-01", nation="wales")
    assert choose(one, replace(whom, nation=None), Sent(), day, messages) is None
    assert choose(one, whom, Sent(), day, messages) == Due("step", one.steps[0], "m/a")
    assert choose(one, replace(whom, audience="dad-or-partner"), Sent(), day, messages) == Due("step", one.steps[0], "m/dad")
    too_young = {**messages, "m/a": message("m/a", (4, 12))}
    assert choose(one, whom, Sent(), day, too_young) is None
    for_mums = {**messages, "m/a": message("m/a", (3, 12), ("expecting",))}
    assert choose(one, replace(whom, audience="grandparent-or-carer"), Sent(), day, for_mums) is None


def test_a_baby_born_early_is_counted_from_the_month_it_was_due_in() -> None:
    one = series([step("a", 3)], counts_from="corrected", ends=Offset(24))
    whom = Whom(month="2026-01", early=2)
    assert start_of(one, whom) == date(2026, 3, 15)
    assert due_on(one, whom, date(2026, 4, 15)) is None
    assert due_on(one, whom, date(2026, 6, 15)) == Due("step", one.steps[0], "m/a")


def test_it_ends_with_last_words_once() -> None:
    one = series([step("a", 1)], ends=Offset(60))
    whom = Whom(month="2021-06")
    assert due_on(one, whom, date(2026, 6, 14)) is None
    assert due_on(one, whom, date(2026, 6, 15)) == Due("closing")
    assert due_on(one, whom, date(2026, 7, 15), steps=["closing"]) is None


def test_what_could_not_go_out_at_its_hour_goes_out_soon_or_not_at_all() -> None:
    at = utc(2026, 1, 5, 16)
    for hours, still in ((0, True), (3, True), (4, False), (24, False)):
        assert on_time(at, at + timedelta(hours=hours), LONDON, SETTINGS) is still
    evening = utc(2026, 1, 5, 18)
    assert not on_time(evening, evening + timedelta(hours=2), LONDON, SETTINGS)  # by then it is quiet
    assert not on_time(at, at - timedelta(minutes=1), LONDON, SETTINGS)


@pytest.mark.parametrize("audience", [None, "dad-or-partner", "grandparent-or-carer"])
@pytest.mark.parametrize("nation", [None, "england", "scotland", "wales", "northern-ireland"])
def test_the_shipped_series_run_from_birth_to_their_last_words(
    library: Library, audience: str | None, nation: str | None
) -> None:
    """A family that joins at birth hears something in most months, each message once, and each nation's checks."""
    for one in library.series:
        if one.audience and audience not in one.audience:
            continue
        month = "2026-01" if one.by_age else "2026-09"
        whom = Whom(month=month, child="2022-03" if one.id == "starting-school" else "2024-03", nation=nation, audience=audience)
        begin = utc(2026, 1, 15) if one.by_age else utc(2026, 6, 1)
        course = Course(
            series=one, whom=whom, choices=DAILY, zone=LONDON, settings=library.series.settings, messages=library.messages
        )
        found = list(course.from_(begin))
        assert found[-1].due.kind == "closing", one.id
        assert max(Counter(planned.due.id for planned in found).values()) == 1
        own = [planned.due for planned in found if planned.due.step and not planned.due.step.repeat]
        assert len(own) >= (15 if one.by_age else 5)
        assert max(Counter(due.message for due in own).values()) == 1
        if one.id == "by-age":
            checks = [planned for planned in found if planned.due.message.endswith("check-coming")]
            assert len(checks) == {"england": 3, "scotland": 4, "wales": 5, "northern-ireland": 4, None: 0}[nation]
