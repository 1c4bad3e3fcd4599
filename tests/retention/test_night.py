"""What a night deletes and what it leaves, kind by kind, on both databases."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from bot.retention import purge
from bot.retention.night import LEASE, Nights
from bot.retention.purge import PURGES
from bot.retention.schedule import KINDS
from bot.storage.tables import (
    Alarm,
    Area,
    ButtonToken,
    Case,
    CaseCount,
    CaseEvent,
    Child,
    ConcernReview,
    Feedback,
    Inbox,
    Incident,
    Outbox,
    Person,
    PersonAddress,
    RawEvent,
    RetentionNight,
    RetentionRun,
    RotaShift,
    SeriesSubscription,
    Staff,
    StaffAudit,
    StaffLink,
    StaffLogin,
    Tombstone,
    TriageMark,
    TriageSample,
    Trouble,
    UnansweredQuestion,
)
from tests.retention.conftest import NOON, YEAR, Archive

DAY = timedelta(days=1)


# People and their messages


def test_messages_go_a_year_after_they_came_and_their_person_stays(archive: Archive) -> None:
    person = archive.person(ago=DAY)
    old, young = archive.message(person, ago=YEAR + 2 * DAY), archive.message(person, ago=YEAR - 2 * DAY)
    archive.night()
    assert archive.ids(Inbox) == {young} and old != young
    assert archive.count(Outbox) == 1 and archive.ids(Person) == {person}


def test_a_message_that_is_being_answered_stays(archive: Archive) -> None:
    person = archive.person(ago=3 * YEAR)
    archive.message(person, ago=3 * YEAR, open=1)
    archive.night()
    assert archive.count(Inbox) == 1 and archive.ids(Person) == {person}


def test_what_the_provider_sent_goes_with_the_message(archive: Archive) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    with archive.database.read() as session:
        assert session.scalars(select(RawEvent.sealed)).one() is not None
    archive.night()
    with archive.database.read() as session:
        assert session.scalars(select(RawEvent.sealed)).all() in ([None], [])


def test_whoever_was_not_seen_for_long_goes_with_all_that_is_kept_of_them(archive: Archive) -> None:
    gone, here = archive.person(ago=2 * YEAR), archive.person(ago=YEAR)
    archive.add(*(Child(person_id=person, born_or_due="2024-01") for person in (gone, here)))
    archive.message(gone, ago=2 * YEAR)
    archive.night()
    assert archive.ids(Person) == {here}
    assert archive.count(Child) == archive.count(PersonAddress) == 1 and archive.count(Inbox) == 0


@pytest.mark.parametrize(("state", "stays"), [("active", True), ("held", True), ("paused", False), ("ended", False)])
def test_whoever_gets_a_series_is_not_taken_for_gone(archive: Archive, state: str, stays: bool) -> None:
    person = archive.person(ago=2 * YEAR)
    archive.add(
        SeriesSubscription(person_id=person, series="by-age", days="04", hour=9, pace="weekly", state=state, agreed_by="telegram")
    )
    archive.night()
    assert bool(archive.ids(Person)) is stays


def test_whoever_comes_back_between_the_look_and_the_deletion_stays(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    person = archive.person(ago=2 * YEAR)
    found = purge.Purge.find

    def find_and_come_back(self: purge.Purge, session: Any, due: purge.Due) -> Any:
        keys = found(self, session, due)
        if self.key is Person.id and keys:
            with archive.database.write() as writing:
                writing.execute(update(Person).values(last_seen_at=NOON))
        return keys

    monkeypatch.setattr(purge.Purge, "find", find_and_come_back)
    archive.night()
    assert archive.ids(Person) == {person}


# Cases


def test_a_case_goes_with_its_words_and_leaves_a_number(archive: Archive) -> None:
    person = archive.person(ago=DAY)
    case = archive.case(person, closed=7 * YEAR, first_reply_at=NOON - 7 * YEAR - DAY)
    archive.message(person, ago=7 * YEAR, case_id=case)
    archive.add(Alarm(case_id=case, step=1, way="mail", cause="opened", level="urgent", audience="duty", began_at=NOON, open=0))
    archive.night()
    assert not archive.ids(Case) and not archive.ids(Inbox) and not archive.ids(Outbox)
    assert archive.count(CaseEvent) == archive.count(Alarm) == 0
    with archive.database.read() as session:
        (number,) = session.scalars(select(CaseCount)).all()
    assert (number.area, number.level, number.outcome) == ("demonstration", "urgent", "answered")
    assert (number.cases, number.replied, number.reply_minutes) == (1, 1, 24 * 60)


def test_cases_of_a_month_are_counted_together(archive: Archive) -> None:
    for _ in range(3):
        archive.case(archive.person(ago=DAY), closed=7 * YEAR)
    archive.night()
    with archive.database.read() as session:
        assert [(row.cases, row.replied) for row in session.scalars(select(CaseCount))] == [(3, 0)]


def test_messages_of_a_case_stay_as_long_as_the_case(archive: Archive) -> None:
    person = archive.person(ago=5 * YEAR)
    case = archive.case(person, closed=5 * YEAR)
    message = archive.message(person, ago=5 * YEAR, case_id=case)
    archive.night()
    assert archive.ids(Inbox) == {message} and archive.ids(Case) == {case} and archive.ids(Person) == {person}


def test_an_open_case_stays_however_old(archive: Archive) -> None:
    case = archive.case(archive.person(ago=9 * YEAR), closed=None)
    with archive.database.write() as session:
        session.get_one(Case, case).opened_at = NOON - 9 * YEAR
    archive.night()
    assert archive.ids(Case) == {case}


def test_a_legal_hold_keeps_the_case_and_all_of_its_parent_until_it_is_lifted(archive: Archive) -> None:
    person = archive.person(ago=9 * YEAR)
    case = archive.case(person, closed=9 * YEAR)
    message, other = archive.message(person, ago=9 * YEAR, case_id=case), archive.message(person, ago=9 * YEAR)
    archive.add(Feedback(person_id=person, outbox_key="k", content_id="baby/crying", useful=True, at=NOON - 9 * YEAR))
    hold = archive.hold(case)
    archive.night()
    assert archive.ids(Case) == {case} and archive.ids(Inbox) == {message, other}
    assert archive.count(CaseEvent) == archive.count(Feedback) == 1
    with archive.database.read() as session:
        run = session.scalars(
            select(RetentionRun).where(RetentionRun.kind == "cases", RetentionRun.area == "demonstration")
        ).one()
    assert (run.removed, run.held) == (0, 1)
    archive.lift(hold)
    archive.night(NOON + DAY)
    assert not archive.ids(Case) and not archive.ids(Inbox) and not archive.ids(Person)


def test_a_case_kept_until_a_day_for_somebody_forgotten_goes_on_that_day(archive: Archive) -> None:
    asked, other = archive.person(ago=DAY, forgotten_at=NOON - DAY), archive.person(ago=DAY)
    cases = [archive.case(person, closed=2 * DAY) for person in (asked, other)]
    for case in cases:
        archive.hold(case, until=NOON + DAY)
    archive.night()
    assert archive.ids(Case) == set(cases)
    archive.night(NOON + 2 * DAY)
    assert archive.ids(Case) == {cases[1]}, "the case of somebody who did not ask has its own period"


def test_an_area_keeps_its_cases_for_its_own_time(archive: Archive) -> None:
    from dataclasses import replace

    from bot.retention.schedule import Period

    archive.add(Area(id="larkmoor", name="Larkmoor"))
    own = archive.case(archive.person(ago=DAY), closed=7 * YEAR, area="larkmoor")
    archive.case(archive.person(ago=DAY), closed=7 * YEAR)
    nobodys = archive.case(archive.person(ago=DAY), closed=5 * YEAR, area=None)
    schedule = replace(
        archive.keeping.schedule, areas={"larkmoor": {"cases": Period(10, "year"), "case-history": Period(1, "year")}}
    )
    archive.keeping = replace(archive.keeping, schedule=schedule)
    archive.night()
    assert archive.ids(Case) == {own, nobodys}
    with archive.database.read() as session:
        assert session.scalars(select(CaseEvent.case_id)).all() == [nobodys], "its history is gone sooner"


# What is no parent's


def old_and_young(archive: Archive, kind: str, moment: datetime) -> list[Any]:
    """A row of the kind that ended at `moment`."""
    person = archive.person(ago=timedelta())
    staff = archive.staff(f"s{moment:%Y%m%d}")
    match kind:
        case "alarms":
            case = archive.case(person, closed=DAY)
            return [
                Alarm(
                    case_id=case,
                    step=1,
                    way="mail",
                    cause="c",
                    level="urgent",
                    audience="duty",
                    began_at=NOON,
                    open=0,
                    created_at=moment,
                )
            ]
        case "feedback":
            return [Feedback(person_id=person, outbox_key="k", content_id="c", useful=True, at=moment)]
        case "ended-series":
            values = {"days": "04", "hour": 9, "pace": "weekly", "agreed_by": "telegram"}
            return [SeriesSubscription(person_id=person, series="s", state="ended", ended_at=moment, **values)]
        case "review-list":
            return [ConcernReview(person_id=person, act="nothing", up_to=1, at=moment)]
        case "triage-marks":
            return [TriageMark(language="en", level="none", should_be="none", at=moment)]
        case "samples":
            return [
                TriageSample(
                    month=f"{moment:%Y-%m}", area_id="demonstration", language="en", position=moment.day, drawn_at=moment
                )
            ]
        case "questions":
            return [UnansweredQuestion(language="en", outcome="refused", topics=[], asked_at=moment)]
        case "buttons":
            token = f"t{moment:%Y%m%d}"
            return [
                ButtonToken(token=token, person_id=person, outbox_key="k", action="yes", args={}, title="Yes", expires_at=moment)
            ]
        case "event-numbers":
            return [RawEvent(channel="telegram", external_id=f"{moment}", received_at=moment)]
        case "staff-audit":
            return [StaffAudit(staff_id=staff, action="case.view", at=moment)]
        case "staff-links":
            return [StaffLink(id=f"{moment}", staff_id=staff, ends_at=moment)]
        case "staff-accounts":
            return [Staff(username=f"gone{moment}", first_name="A", job_title="B", password_hash="", disabled_at=moment)]
        case "rota":
            return [RotaShift(area_id="demonstration", staff_id=staff, starts_at=moment - DAY, ends_at=moment)]
        case "incidents":
            return [Incident(kind="x", hour=f"{moment:%Y-%m-%dT%H}", last_at=moment)]
        case "troubles":
            return [Trouble(kind="rasa_away", subject=f"{moment:%Y%m%d}", ended_at=moment)]
        case "retention-runs":
            return [RetentionRun(area="", day=f"{moment:%Y-%m-%d}", kind="x", cut=moment, started_at=moment, ended_at=moment)]
    raise AssertionError(kind)


AGED = sorted({kind.name for kind in KINDS} - {"cases", "case-history", "messages", "profiles", "sign-ins", "tombstones"})


@pytest.mark.parametrize("kind", AGED)
def test_what_is_older_than_its_period_goes_and_what_is_younger_stays(archive: Archive, kind: str) -> None:
    end = archive.keeping.schedule.period(kind).before(NOON)
    (old,), (young,) = old_and_young(archive, kind, end - DAY), old_and_young(archive, kind, end + DAY)
    archive.add(old, young)
    table = type(old)
    key = PURGES[kind][0].key.key
    keys = [getattr(row, key) for row in (old, young)]
    archive.night()
    with archive.database.read() as session:
        left = set(session.scalars(select(getattr(table, key))))
    assert keys[0] not in left and keys[1] in left


def test_a_tombstone_lies_until_the_day_that_it_was_given(archive: Archive) -> None:
    over, lies = (Tombstone(id=str(number), ends_at=NOON + number * DAY, at=NOON - 400 * DAY) for number in (-1, 1))
    archive.add(over, lies)
    archive.night()
    assert archive.ids(Tombstone) == {"1"}


def test_a_members_latest_sign_in_stays_and_older_ones_go(archive: Archive) -> None:
    staff = archive.staff("ada")
    for number in (400, 300, 10):
        moment = NOON - timedelta(days=number)
        archive.add(StaffLogin(id=f"l{number}", staff_id=staff, csrf="x", created_at=moment, seen_at=moment))
    other = archive.staff("ben")
    archive.add(StaffLogin(id="only", staff_id=other, csrf="x", created_at=NOON - YEAR, seen_at=NOON - YEAR))
    archive.night()
    assert archive.ids(StaffLogin) == {"l10", "only"}


def test_an_account_that_a_case_names_stays(archive: Archive) -> None:
    staff = archive.staff("ada", disabled_at=NOON - 9 * YEAR)
    archive.case(archive.person(ago=DAY), closed=DAY, staff_id=staff)
    archive.night()
    assert staff in archive.ids(Staff)


def test_the_number_of_an_event_stays_as_long_as_its_message(archive: Archive) -> None:
    archive.message(archive.person(ago=DAY), ago=200 * DAY)
    with archive.database.write() as session:
        session.execute(update(RawEvent).values(sealed=None))
    archive.night()
    assert archive.count(RawEvent) == 1


# When, by whom, and what is recorded


def test_a_night_begins_at_its_hour_by_the_clock_of_the_area(archive: Archive) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    archive.night(datetime(2026, 7, 27, 1, 59, tzinfo=UTC))  # 02:59 on the wall: summer
    assert archive.count(Inbox) == 1 and archive.count(RetentionNight) == 0
    archive.night(datetime(2026, 7, 27, 2, 0, tzinfo=UTC))
    assert archive.count(Inbox) == 0


def test_a_night_is_done_once_and_recorded_kind_by_kind(archive: Archive) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    archive.night()
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    archive.night(NOON + timedelta(hours=6))
    assert archive.count(Inbox) == 1, "the next night's"
    with archive.database.read() as session:
        runs = {(run.area, run.kind): run for run in session.scalars(select(RetentionRun))}
        nights = session.scalars(select(RetentionNight)).all()
    run = runs["demonstration", "messages"]
    assert run.removed == 2 and run.cut == NOON - YEAR and run.ended_at is not None and run.failed is None
    assert {kind for area, kind in runs if area == ""} == {kind.name for kind in KINDS}
    assert {kind for area, kind in runs if area == "demonstration"} == {kind.name for kind in KINDS if kind.by_area}
    assert all(night.ended_at is not None and night.lease_until is None for night in nights)
    archive.night(NOON + DAY)
    assert archive.count(Inbox) == 0


def test_only_whoever_holds_the_lease_works_and_another_goes_on_when_it_dies(archive: Archive) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    first, second = Nights(archive.keeping), Nights(archive.keeping)
    night = first._today(NOON)[1]
    assert first._claim(night, NOON) and not second._claim(night, NOON)
    second.slice(NOON, seconds=60)
    assert archive.count(Inbox) == 1, "it is the first one's"
    second.slice(NOON + LEASE + timedelta(seconds=1), seconds=60)
    assert archive.count(Inbox) == 0


def test_the_work_is_done_in_slices(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 3)
    person = archive.person(ago=DAY)
    for _ in range(8):
        archive.message(person, ago=2 * YEAR)
    clock = iter(range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    nights, left = Nights(archive.keeping), [8]
    while archive.count(Inbox):
        nights.slice(NOON, seconds=0)
        left.append(archive.count(Inbox))
    assert left == sorted(left, reverse=True) and set(left) >= {8, 5, 2, 0}


def test_a_kind_that_fails_is_recorded_and_stops_no_other(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    archive.add(Feedback(person_id=archive.person(ago=DAY), outbox_key="k", content_id="c", useful=True, at=NOON - 9 * YEAR))
    real = purge.Purge.remove

    def broken(self: purge.Purge, removing: purge.Removing, keys: Any) -> int:
        if self.key is Inbox.id:
            raise OperationalError("DELETE with somebody's words", {}, Exception("disk full"))
        return real(self, removing, keys)

    with monkeypatch.context() as patch:
        patch.setattr(purge.Purge, "remove", broken)
        archive.night()
    assert archive.count(Feedback) == 0
    with archive.database.read() as session:
        run = session.scalars(
            select(RetentionRun).where(RetentionRun.area == "demonstration", RetentionRun.kind == "messages")
        ).one()
        assert run.failed == "OperationalError" and run.ended_at is not None
        assert "retention-failed" in session.scalars(select(Incident.kind)).all()
    archive.night(NOON + DAY)
    assert archive.count(Inbox) == 0


def test_counting_removes_nothing_and_says_what_would_go(archive: Archive) -> None:
    person = archive.person(ago=DAY)
    archive.message(person, ago=2 * YEAR)
    held = archive.case(person, closed=9 * YEAR)
    nights = Nights(archive.keeping)
    counted = {(one.area, one.kind): one for one in nights.count(NOON)}
    assert counted["demonstration", "messages"].due == 2 and counted["demonstration", "cases"].due == 1
    archive.hold(held)
    counted = {(one.area, one.kind): one for one in nights.count(NOON)}
    assert (counted["demonstration", "cases"].due, counted["demonstration", "cases"].held) == (0, 1)
    assert archive.count(Inbox) == 1 and archive.count(RetentionRun) == 0


def test_a_run_by_hand_goes_over_a_night_that_is_done(archive: Archive) -> None:
    archive.night()
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    assert Nights(archive.keeping).run(NOON) == []
    assert archive.count(Inbox) == 0
    other = Nights(archive.keeping)
    other._claim(other._today(NOON)[1], NOON, again=True)
    assert Nights(archive.keeping).run(NOON) == ["demonstration"]
