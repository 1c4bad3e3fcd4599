"""Claims and leases: order for each person, never the same row twice, and the late one is refused. On both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.storage.claims import Fenced, Lease, claim, finish, let_go
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Inbox, Outbox, Person, PersonAddress, now
from tests.storage.support import add_message, add_outgoing, add_person


def write_messages(database: Database, keyring: Keyring, people: int, each: int) -> list[list[int]]:
    """`each` messages of each of `people`, interleaved; ids by person."""
    with database.write() as session:
        everyone = [add_person(session, keyring) for _ in range(people)]
        rows = [[add_message(session, keyring, *who) for who in everyone] for _ in range(each)]
        return [[turn[index].id for turn in rows] for index in range(people)]


def take(database: Database, limit: int = 100, seconds: float = 60.0) -> list[Lease]:
    with database.write() as session:
        return claim(session, Inbox, limit, seconds)


def end(database: Database, lease: Lease) -> None:
    with database.write() as session:
        finish(session, Inbox, lease, state="done", done_at=now())


def test_only_the_earliest_message_of_each_person_can_be_taken(database: Database, keyring: Keyring) -> None:
    first, second = write_messages(database, keyring, people=2, each=3)
    assert [lease.row_id for lease in take(database)] == sorted([first[0], second[0]])
    assert take(database) == []


def test_the_next_message_can_be_taken_when_the_one_before_is_done(database: Database, keyring: Keyring) -> None:
    (ids,) = write_messages(database, keyring, people=1, each=3)
    order = []
    for _ in ids:
        (lease,) = take(database)
        order.append(lease.row_id)
        end(database, lease)
    assert order == ids
    assert take(database) == []


def test_it_takes_no_more_than_it_is_asked_for_and_the_oldest_first(database: Database, keyring: Keyring) -> None:
    people = write_messages(database, keyring, people=5, each=1)
    assert [lease.row_id for lease in take(database, limit=2)] == [people[0][0], people[1][0]]


def test_a_message_given_back_is_taken_again_before_its_successor(database: Database, keyring: Keyring) -> None:
    (ids,) = write_messages(database, keyring, people=1, each=2)
    (lease,) = take(database)
    with database.write() as session:
        let_go(session, Inbox, lease)
    (again,) = take(database)
    assert again.row_id == ids[0]
    assert again.token != lease.token
    with database.read() as session:
        assert session.get_one(Inbox, ids[0]).attempts == 2


def test_a_lease_that_ran_out_lets_another_worker_take_over(database: Database, keyring: Keyring) -> None:
    write_messages(database, keyring, people=1, each=1)
    (late,) = take(database, seconds=-1.0)
    (taken_over,) = take(database)
    assert taken_over.row_id == late.row_id


def test_a_worker_whose_message_was_taken_over_may_not_write(database: Database, keyring: Keyring) -> None:
    write_messages(database, keyring, people=1, each=1)
    (late,) = take(database, seconds=-1.0)
    (holder,) = take(database)
    with pytest.raises(Fenced):
        end(database, late)
    end(database, holder)
    with database.read() as session:
        assert session.get_one(Inbox, holder.row_id).state == "done"


def test_a_late_worker_gives_nothing_back_that_is_no_longer_its_own(database: Database, keyring: Keyring) -> None:
    write_messages(database, keyring, people=1, each=1)
    (late,) = take(database, seconds=-1.0)
    (holder,) = take(database)
    with database.write() as session:
        let_go(session, Inbox, late)
    with database.read() as session:
        assert session.get_one(Inbox, holder.row_id).lease_token == holder.token


def test_a_message_cannot_be_finished_twice(database: Database, keyring: Keyring) -> None:
    write_messages(database, keyring, people=1, each=1)
    (lease,) = take(database)
    end(database, lease)
    with pytest.raises(Fenced):
        end(database, lease)


def test_a_fenced_worker_leaves_nothing_of_its_turn_behind(database: Database, keyring: Keyring) -> None:
    ((id_,),) = write_messages(database, keyring, people=1, each=1)
    (late,) = take(database, seconds=-1.0)
    take(database)

    def commit_late() -> None:
        with database.write() as session:
            row = session.get_one(Inbox, id_)
            session.execute(update(Inbox).where(Inbox.id == id_).values(topic="too late"))
            add_outgoing(session, session.get_one(Person, row.person_id), session.get_one(PersonAddress, row.address_id))
            finish(session, Inbox, late, state="done")

    with pytest.raises(Fenced):
        commit_late()
    with database.read() as session:
        assert session.get_one(Inbox, id_).topic is None
        assert session.scalars(select(Outbox)).all() == []


def test_workers_side_by_side_take_each_message_once_and_each_person_in_order(database: Database, keyring: Keyring) -> None:
    people = write_messages(database, keyring, people=12, each=5)
    owner = {id_: index for index, ids in enumerate(people) for id_ in ids}
    in_hand: set[int] = set()
    done: list[int] = []
    faults: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            leases = take(database, limit=3)
            with lock:
                for lease in leases:
                    if owner[lease.row_id] in in_hand:
                        faults.append(f"two messages of person {owner[lease.row_id]} at once")
                    in_hand.add(owner[lease.row_id])
            for lease in leases:
                with lock:  # before the row is free for a successor
                    done.append(lease.row_id)
                    in_hand.discard(owner[lease.row_id])
                end(database, lease)
            if not leases:
                with lock:
                    if len(done) >= len(owner) or faults:
                        return

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(work) for _ in range(6)]:
            future.result(timeout=120)
    assert faults == []
    assert sorted(done) == sorted(owner)
    for ids in people:
        assert [id_ for id_ in done if id_ in ids] == ids


@pytest.mark.parametrize(
    ("waiting", "wanted"),
    [
        ("reply", "safety"),
        ("practitioner", "safety"),
        ("series", "reply"),
        ("service_notice", "practitioner"),
        ("bulk", "safety"),
    ],
)
def test_what_is_more_urgent_does_not_stand_behind_what_was_put_off(
    database: Database, keyring: Keyring, waiting: str, wanted: str
) -> None:
    with database.write() as session:
        person, address = add_person(session, keyring)
        add_outgoing(session, person, address, waiting, due_at=now() + timedelta(minutes=5))
        urgent = add_outgoing(session, person, address, wanted)
        leases = claim(session, Outbox, 10, 60.0, Outbox.due_at <= now())
        assert [lease.row_id for lease in leases] == [urgent.id]


@pytest.mark.parametrize(
    ("waiting", "later"),
    [("reply", "reply"), ("safety", "reply"), ("reply", "practitioner"), ("safety", "bulk"), ("series", "series")],
)
def test_what_is_no_more_urgent_keeps_its_place(database: Database, keyring: Keyring, waiting: str, later: str) -> None:
    with database.write() as session:
        person, address = add_person(session, keyring)
        add_outgoing(session, person, address, waiting, due_at=now() + timedelta(minutes=5))
        add_outgoing(session, person, address, later)
        assert claim(session, Outbox, 10, 60.0, Outbox.due_at <= now()) == []
