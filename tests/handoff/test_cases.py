"""Cases: one open at a time, raised and never lowered by what is written, claimed by one. On both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.handoff import cases
from bot.handoff.hours import load_teams
from bot.settings import ROOT
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Case, CaseEvent, Person, PersonAddress, Staff
from tests.storage.support import add_message, add_person

TEAM = load_teams(ROOT).default


@pytest.fixture
def parent(database: Database, keyring: Keyring) -> tuple[int, int]:
    with database.write() as session:
        person, address = add_person(session, keyring)
    return person.id, address.id


@pytest.fixture
def staff(database: Database) -> list[int]:
    with database.write() as session:
        rows = [
            Staff(username=name.lower(), first_name=name, job_title="Practitioner", password_hash="x", area_id="demonstration")
            for name in ("Ada", "Ben", "Cleo", "Dil")
        ]
        session.add_all(rows)
    return [row.id for row in rows]


def worry(database: Database, keyring: Keyring, parent: tuple[int, int], level: str, inbox_id: int | None = None) -> Case:
    with database.write() as session:
        return cases.open_or_raise(
            session,
            keyring,
            person_id=parent[0],
            area_id="demonstration",
            address_id=parent[1],
            channel="telegram",
            language="en",
            level=level,
            reasons=({"level": level, "by": "rule:x", "words": "w"},),
            inbox_id=inbox_id,
            team=None,
        )


def events(database: Database, case_id: int) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id)))


def test_a_second_worry_joins_the_open_case(database: Database, keyring: Keyring, parent: tuple[int, int]) -> None:
    first, second = worry(database, keyring, parent, "urgent"), worry(database, keyring, parent, "urgent")
    assert first.id == second.id
    assert events(database, first.id) == ["opened"]


@pytest.mark.parametrize(
    ("opened", "then", "level", "rank", "history"),
    [
        ("concern", "emergency", "emergency", 0, ["opened", "raised"]),
        ("urgent", "emergency", "emergency", 0, ["opened", "raised"]),
        ("emergency", "urgent", "emergency", 0, ["opened"]),
        ("urgent", "concern", "urgent", 1, ["opened"]),
    ],
)
def test_a_case_is_raised_by_something_worse_and_lowered_by_nothing_milder(
    database: Database,
    keyring: Keyring,
    parent: tuple[int, int],
    opened: str,
    then: str,
    level: str,
    rank: int,
    history: list[str],
) -> None:
    worry(database, keyring, parent, opened)
    case = worry(database, keyring, parent, then)
    assert (case.level, case.rank) == (level, rank)
    assert events(database, case.id) == history


def test_not_what_i_meant_moves_down_the_queue_once_and_never_closes(
    database: Database, keyring: Keyring, parent: tuple[int, int]
) -> None:
    id_ = worry(database, keyring, parent, "emergency").id
    for _ in range(2):
        with database.write() as session:
            cases.not_meant(session, session.get_one(Case, id_), None)
    with database.read() as session:
        case = session.get_one(Case, id_)
    assert (case.state, case.rank, case.level, case.not_meant) == ("open", 1, "emergency", True)
    assert events(database, id_) == ["opened", "not_meant"]


def test_a_new_emergency_after_not_what_i_meant_counts_in_full(
    database: Database, keyring: Keyring, parent: tuple[int, int]
) -> None:
    id_ = worry(database, keyring, parent, "emergency").id
    with database.write() as session:
        cases.not_meant(session, session.get_one(Case, id_), None)
    case = worry(database, keyring, parent, "emergency")
    assert (case.rank, case.not_meant) == (0, False)
    assert events(database, id_) == ["opened", "not_meant", "raised"]


def test_a_new_worry_after_closing_opens_a_new_case(
    database: Database, keyring: Keyring, parent: tuple[int, int], staff: list[int]
) -> None:
    first = worry(database, keyring, parent, "urgent").id
    with database.write() as session:
        cases.claim(session, first, staff[0])
        cases.close(session, first, staff[0], "answered")
    second = worry(database, keyring, parent, "urgent")
    assert second.id != first
    with database.read() as session:
        current = cases.current(session, parent[0])
        assert current is not None
        assert current.id == second.id


def test_the_database_itself_refuses_a_second_open_case(database: Database, keyring: Keyring, parent: tuple[int, int]) -> None:
    worry(database, keyring, parent, "urgent")
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Case(person_id=parent[0], address_id=parent[1], level="urgent", rank=1, language="en", channel="telegram"))


def test_worries_at_the_same_moment_open_one_case(database: Database, keyring: Keyring, parent: tuple[int, int]) -> None:
    barrier = threading.Barrier(4)

    def write(_: int) -> int | None:
        barrier.wait(20)
        try:
            return worry(database, keyring, parent, "urgent").id
        except IntegrityError:
            return None

    with ThreadPoolExecutor(4) as pool:
        ids = {id_ for id_ in pool.map(write, range(4)) if id_ is not None}
    assert len(ids) == 1
    with database.read() as session:
        assert len(session.scalars(select(Case)).all()) == 1


def test_of_those_who_claim_at_the_same_moment_one_wins_and_the_others_hear_who(
    database: Database, keyring: Keyring, parent: tuple[int, int], staff: list[int]
) -> None:
    case_id = worry(database, keyring, parent, "urgent").id
    barrier = threading.Barrier(len(staff))

    def claim(staff_id: int) -> str:
        barrier.wait(20)
        try:
            with database.write() as session:
                cases.claim(session, case_id, staff_id)
        except cases.NotClaimed as error:
            return error.holder or "nobody"
        return "mine"

    with ThreadPoolExecutor(len(staff)) as pool:
        answers = list(pool.map(claim, staff))
    assert answers.count("mine") == 1
    winner = ("Ada", "Ben", "Cleo", "Dil")[answers.index("mine")]
    assert [answer for answer in answers if answer != "mine"] == [winner] * 3
    assert events(database, case_id).count("claimed") == 1


def test_a_message_joins_the_case_as_an_event(database: Database, keyring: Keyring, parent: tuple[int, int]) -> None:
    case_id = worry(database, keyring, parent, "urgent").id
    with database.write() as session:
        person, address = session.get_one(Person, parent[0]), session.get_one(PersonAddress, parent[1])
        cases.join(session, session.get_one(Case, case_id), add_message(session, keyring, person, address).id)
    assert events(database, case_id) == ["opened", "message"]


def test_the_reasons_in_the_history_are_sealed(database: Database, keyring: Keyring, parent: tuple[int, int]) -> None:
    case_id = worry(database, keyring, parent, "urgent").id
    with database.read() as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id)).one()
    assert event.detail is not None
    assert b"rule:x" not in event.detail
    assert keyring.open_json(event.detail)["reasons"][0]["by"] == "rule:x"


@pytest.mark.parametrize("act", ["release", "close"])
def test_only_the_holder_releases_and_closes(
    database: Database, keyring: Keyring, parent: tuple[int, int], staff: list[int], act: str
) -> None:
    case_id = worry(database, keyring, parent, "urgent").id
    with database.write() as session:
        cases.claim(session, case_id, staff[0])
    with pytest.raises(cases.NotClaimed, match="Ada"), database.write() as session:
        cases.release(session, case_id, staff[1], TEAM) if act == "release" else cases.close(
            session, case_id, staff[1], "answered"
        )
    with database.read() as session:
        assert session.get_one(Case, case_id).state == "claimed"
