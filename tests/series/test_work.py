"""What is due is sent once, in its hours, to those who asked; what must stop it does, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.conversation.render import Renderer
from bot.library import Library
from bot.series import store
from bot.series.plan import Choices
from bot.series.store import Agreed, Wanted
from bot.series.words import Sending
from bot.series.work import Done, send_due
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import (
    Case,
    Child,
    Consent,
    Inbox,
    Outbox,
    Person,
    PersonAddress,
    RawEvent,
    SeriesStep,
    SeriesSubscription,
)  # fmt: skip
from tests.series.support import utc

AREA = "demonstration"
BEGIN = utc(2026, 1, 5, 8)
"""A Monday morning."""


@dataclass
class Family:
    """A parent with a child, who hears on Mondays at nine."""

    sending: Sending
    person_id: int
    child_id: int
    row_id: int

    def tick(self, moment: datetime) -> Done:
        return send_due(self.sending, moment)

    def days(self, first: datetime, number: int) -> None:
        """The worker runs every hour of the day, and every third at night, for `number` days."""
        for hour in range(number * 24):
            if hour % 3 and not 6 <= (first.hour + hour) % 24 <= 21:
                continue
            self.tick(first + timedelta(hours=hour))

    def row(self) -> SeriesSubscription:
        with self.sending.database.read() as session:
            return session.get_one(SeriesSubscription, self.row_id)

    def got(self) -> list[Outbox]:
        with self.sending.database.read() as session:
            return list(session.scalars(select(Outbox).where(Outbox.person_id == self.person_id).order_by(Outbox.id)))

    def steps(self) -> list[SeriesStep]:
        with self.sending.database.read() as session:
            return list(session.scalars(select(SeriesStep).where(SeriesStep.person_id == self.person_id).order_by(SeriesStep.id)))

    def edit(self, change: Any) -> None:
        with self.sending.database.write() as session:
            change(session, session.get_one(SeriesSubscription, self.row_id))


@pytest.fixture
def sending(database: Database, keyring: Keyring, library: Library) -> Sending:
    return Sending(database=database, keyring=keyring, renderer=Renderer(library), team_name=lambda _: "Sunny Lane")


def a_family(
    sending: Sending, *, month: str = "2025-12", told: datetime = BEGIN, channel: str = "telegram", **more: Any
) -> Family:
    series = more.pop("series", "by-age")
    choices = more.pop("choices", Choices(days=frozenset({0}), hour=9))
    with sending.database.write() as session:
        person = Person(area_id=AREA, pseudonym=f"P-{session.scalar(select(func.count(Person.id)))}", **more)
        session.add(person)
        session.flush()
        lookup = sending.keyring.lookup(channel, channel, person.pseudonym)
        session.add(PersonAddress(
            person_id=person.id, channel=channel, kind=channel, lookup=lookup, sealed=sending.keyring.seal("1"),
            last_seen_at=told,
        ))  # fmt: skip
        child = Child(person_id=person.id, born_or_due=month, created_at=told)
        session.add(child)
        session.flush()
        wanted = Wanted(series=series, child_id=child.id, choices=choices)
        row = store.join(session, sending.all_series, person, wanted, Agreed(by=channel, inbox_id=7, version="v1"), told)
        return Family(sending, person.id, child.id, row.id)


@pytest.fixture
def family(sending: Sending) -> Iterator[Family]:
    return a_family(sending)  # type: ignore[return-value]


def wrote(family: Family, at: datetime, level: str = "none") -> None:
    """The parent writes a message of this level."""

    def change(session: Any, row: SeriesSubscription) -> None:
        raw = RawEvent(channel="telegram", external_id=f"e{row.person_id}-{at.timestamp()}")
        session.add(raw)
        session.flush()
        address = session.scalar(select(PersonAddress).where(PersonAddress.person_id == row.person_id))
        address.last_seen_at = at
        session.add(Inbox(
            raw_event_id=raw.id, person_id=row.person_id, address_id=address.id, channel=address.channel, kind="text", sealed=b"",
            level=level, received_at=at, open=0, state="done",
        ))  # fmt: skip

    family.edit(change)


def a_case(family: Family, **values: Any) -> int:
    with family.sending.database.write() as session:
        address = session.scalar(select(PersonAddress).where(PersonAddress.person_id == family.person_id))
        case = Case(
            person_id=family.person_id, area_id=AREA, level="concern", rank=2, language="en", channel="telegram",
            address_id=address.id, **values,
        )  # fmt: skip
        session.add(case)
        session.flush()
        return case.id


def test_it_comes_on_the_chosen_day_and_hour_once_a_step_and_is_kept_with_its_version(family: Family, library: Library) -> None:
    family.days(BEGIN, 60)
    steps = family.steps()
    assert len(steps) >= 7
    assert len({step.step for step in steps}) == len(steps)
    assert {date.fromisoformat(step.day).weekday() for step in steps} == {0}
    assert {step.at.hour for step in steps} == {9}
    known = {step.id: step for step in library.series.by_id["by-age"].steps}
    assert all(step.version == known[step.step].version for step in steps)
    assert [row.key for row in family.got()] == [step.outbox_key for step in steps]
    assert {row.message_class for row in family.got()} == {"series"}


def test_the_consent_is_kept_with_how_when_and_which_words(family: Family) -> None:
    row = family.row()
    assert (row.agreed_by, row.agreed_inbox_id, row.agreed_version, row.agreed_at) == ("telegram", 7, "v1", BEGIN)
    with family.sending.database.read() as session:
        consent = session.scalars(select(Consent)).one()
    assert (consent.category, consent.given, consent.method) == ("series:by-age", True, "telegram")


def test_two_workers_at_once_send_once(family: Family) -> None:
    family.tick(BEGIN)
    at, barrier = BEGIN + timedelta(hours=1), threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        family.tick(at)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(family.got()) == 1


def test_a_night_without_a_worker_sends_nothing_late(family: Family) -> None:
    family.tick(BEGIN + timedelta(hours=5))  # nine o'clock was four hours ago
    assert family.got() == []
    assert family.row().next_at == BEGIN + timedelta(days=7, hours=1)
    family.tick(BEGIN + timedelta(days=7, hours=3))  # two hours late is soon enough
    assert len(family.got()) == 1


@pytest.mark.parametrize("level", ["urgent", "emergency"])
def test_nothing_comes_for_seven_days_after_a_danger(family: Family, level: str) -> None:
    wrote(family, BEGIN, level)
    family.days(BEGIN, 7)
    assert family.got() == []
    assert (family.row().state, family.row().reason) == ("held", "danger")
    family.days(BEGIN + timedelta(days=7), 2)
    assert len(family.got()) == 1
    assert family.row().state == "active"


def test_it_waits_while_a_practitioner_is_talking(family: Family) -> None:
    case_id = a_case(family, state="claimed")
    family.days(BEGIN, 8)
    assert family.got() == []
    assert (family.row().state, family.row().reason) == ("held", "person")
    family.edit(lambda session, row: setattr(session.get_one(Case, case_id), "state", "closed"))
    family.days(BEGIN + timedelta(days=8), 7)
    assert len(family.got()) == 1


@pytest.mark.parametrize(("what", "reason"), [("stopped_at", "stop"), ("bereaved_at", "bereaved"), ("unreachable_at", "blocked")])
def test_a_stop_a_bereavement_and_a_block_end_it(family: Family, what: str, reason: str) -> None:
    def change(session: Any, row: SeriesSubscription) -> None:
        table = PersonAddress if what == "unreachable_at" else Person
        where = PersonAddress.person_id if table is PersonAddress else Person.id
        setattr(session.scalar(select(table).where(where == row.person_id)), what, BEGIN)

    family.edit(change)
    family.days(BEGIN, 2)
    assert family.got() == []
    assert (family.row().state, family.row().reason) == ("ended", reason)


def test_ending_it_takes_back_what_is_queued(family: Family) -> None:
    family.tick(BEGIN + timedelta(hours=1))
    (queued,) = family.got()
    assert queued.state == "queued"
    family.edit(lambda session, row: store.end_all(session, row.person_id, "stop"))
    (queued,) = family.got()
    assert (queued.state, queued.open) == ("refused", 0)


def test_it_asks_once_whether_the_baby_is_here_and_goes_on_when_they_say_so(sending: Sending) -> None:
    family = a_family(sending, month="2026-03")
    family.days(BEGIN, 56)
    assert all(step.step != "born-1" for step in family.steps())
    family.days(BEGIN + timedelta(days=56), 60)
    after = [step.step for step in family.steps() if step.day >= "2026-03-01"]
    assert after == ["born-1"]
    assert (family.row().state, family.row().reason, family.row().next_at) == ("held", "born", None)
    said = utc(2026, 5, 1, 8)
    family.edit(
        lambda session, row: store.born(session, sending.all_series, session.get_one(Child, row.child_id), "2026-03", said)
    )
    family.days(said, 14)
    assert len(family.steps()) > len(after) + 1 and family.row().state == "active"


def test_after_not_yet_it_asks_once_more_two_weeks_on(sending: Sending) -> None:
    family = a_family(sending, month="2026-01")
    family.days(BEGIN, 16)
    assert [step.step for step in family.steps()] == ["born-1"]
    said = utc(2026, 1, 21, 8)
    family.edit(lambda session, row: store.not_yet(session, sending.all_series, session.get_one(Child, row.child_id), said))
    family.days(said, 13)
    assert [step.step for step in family.steps()] == ["born-1"]
    family.days(said + timedelta(days=13), 100)
    assert [step.step for step in family.steps()] == ["born-1", "born-2"]


def test_a_child_who_does_not_live_with_them_now_gets_nothing_by_age_and_the_other_does(sending: Sending) -> None:
    family = a_family(sending)

    def other(session: Any, row: SeriesSubscription) -> None:
        person = session.get_one(Person, row.person_id)
        child = Child(person_id=person.id, born_or_due="2023-12", created_at=BEGIN)
        session.add(child)
        session.flush()
        wanted = Wanted(series="by-age", child_id=child.id, choices=store.choices_of(row))
        store.join(session, sending.all_series, person, wanted, Agreed(by="telegram"), BEGIN)
        store.apart(session, session.get_one(Child, row.child_id), BEGIN)

    family.edit(other)
    family.days(BEGIN, 60)
    assert (family.row().state, family.row().reason) == ("ended", "apart")
    assert {step.child_id for step in family.steps()} - {family.child_id} == {step.child_id for step in family.steps()} != set()


def test_two_children_on_one_phone_each_hear_their_own_and_no_day_brings_more_than_two(sending: Sending) -> None:
    family = a_family(sending)

    def more(session: Any, row: SeriesSubscription) -> None:
        person = session.get_one(Person, row.person_id)
        for month in ("2023-12", "2024-12"):
            child = Child(person_id=person.id, born_or_due=month, created_at=BEGIN)
            session.add(child)
            session.flush()
            wanted = Wanted(series="by-age", child_id=child.id, choices=store.choices_of(row))
            store.join(session, sending.all_series, person, wanted, Agreed(by="telegram"), BEGIN)

    family.edit(more)
    family.days(BEGIN, 90)
    steps = family.steps()
    assert len({step.child_id for step in steps}) == 3
    assert len({(step.child_id, step.step) for step in steps}) == len(steps)
    days = [step.day for step in steps]
    assert max(days.count(day) for day in days) == 2


def test_at_five_it_says_goodbye_and_what_comes_next(sending: Sending) -> None:
    family = a_family(sending, month="2021-01")
    family.days(BEGIN, 40)
    assert family.steps()[-1].step == "closing"
    assert (family.row().state, family.row().reason) == ("ended", "finished")
    assert family.got()[-1].ref == "text:series.closing.by-age"
