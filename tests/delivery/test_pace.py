"""How fast may be sent: the provider's rate for the number and for one person, shared by all senders, with room for replies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.delivery.pace import KEPT, RATES, Rates, forget_old, pause, paused, wait_for_rate
from bot.messages import MessageClass
from bot.storage.engine import Database
from bot.storage.tables import Pace, now

SLOW = Rates(per_second=10, burst=10, pair_seconds=6, pair_burst=3)


def send(
    database: Database, count: int, *, at: float = 0.0, person: int | None = None, of: MessageClass = MessageClass.REPLY
) -> int:
    """How many of `count` messages may go at once, `at` seconds on; each to another person unless one is named."""
    gone = 0
    for number in range(count):
        with database.write() as session:
            who = number + 1000 * int(at) if person is None else person
            gone += not wait_for_rate(session, "whatsapp", who, of, SLOW, MOMENT + timedelta(seconds=at))
    return gone


MOMENT = now()


def test_the_number_sends_a_burst_and_then_its_rate(database: Database) -> None:
    assert send(database, 15) == 10
    assert send(database, 15, at=1) == 10
    assert send(database, 15, at=1.5) == 5


def test_one_person_gets_a_burst_and_then_one_message_in_six_seconds_while_others_get_theirs(database: Database) -> None:
    assert send(database, 5, person=7) == 3
    assert send(database, 3, person=8) == 3
    assert send(database, 2, at=6, person=7) == 1
    with database.write() as session:
        left = wait_for_rate(session, "whatsapp", 7, MessageClass.REPLY, SLOW, MOMENT + timedelta(seconds=7))
    assert left == pytest.approx(5, abs=0.01)


def test_bulk_leaves_a_fifth_for_replies_and_safety_words_never_wait(database: Database) -> None:
    assert send(database, 15, of=MessageClass.BULK) == 8
    assert send(database, 15) == 2
    assert send(database, 15, of=MessageClass.SAFETY) == 15
    assert send(database, 30, at=60, of=MessageClass.SERIES) == 8


def test_over_time_bulk_keeps_to_four_fifths(database: Database) -> None:
    gone = sum(send(database, 4, at=second / 4, of=MessageClass.BULK) for second in range(1, 41))
    assert 80 <= gone <= 8 + 82


def test_senders_side_by_side_share_one_rate(database: Database) -> None:
    def one(number: int) -> bool:
        with database.write() as session:
            return not wait_for_rate(session, "whatsapp", number, MessageClass.REPLY, SLOW, MOMENT)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == 10


def test_a_pause_holds_the_channel_for_all_and_a_shorter_one_does_not_end_it(database: Database) -> None:
    with database.write() as session:
        pause(session, "whatsapp", MOMENT + timedelta(seconds=60), "throughput (130429)")
        pause(session, "whatsapp", MOMENT + timedelta(seconds=5), "throughput (130429)")
    with database.read() as session:
        for seconds, held in ((0, {"whatsapp"}), (59, {"whatsapp"}), (61, set())):
            assert paused(session, ["whatsapp", "telegram"], MOMENT + timedelta(seconds=seconds)) == held


def test_empty_buckets_are_removed(database: Database) -> None:
    send(database, 2)
    with database.write() as session:
        forget_old(session, MOMENT + KEPT - timedelta(minutes=5))
        assert session.scalars(select(Pace)).all()
        forget_old(session, MOMENT + KEPT + timedelta(minutes=5))
        assert session.scalars(select(Pace)).all() == []


def test_whatsapps_own_limits_are_the_published_ones() -> None:
    assert RATES["whatsapp"] == Rates(per_second=80, burst=80, pair_seconds=6, pair_burst=45)
