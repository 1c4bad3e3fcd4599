"""Duties: one process at a time, another when it leaves or is gone, whatever the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.storage.duties import HELD, OnDuty
from bot.storage.engine import Database
from bot.storage.tables import now


def test_of_many_that_ask_at_once_one_is_on_duty(database: Database) -> None:
    asking = [OnDuty(database, "sweep") for _ in range(8)]
    together = threading.Barrier(len(asking))
    answers: list[bool] = []

    def ask(one: OnDuty) -> None:
        together.wait()
        answers.append(one.mine())

    threads = [threading.Thread(target=ask, args=(one,)) for one in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [False] * 7 + [True]


def test_whoever_is_on_duty_stays_and_each_duty_is_its_own(database: Database) -> None:
    first, second, other = OnDuty(database, "sweep"), OnDuty(database, "sweep"), OnDuty(database, "telegram")
    assert [first.mine(), second.mine(), other.mine()] == [True, False, True]
    assert [first.mine(), second.mine()] == [True, False]


def test_one_that_leaves_is_followed_at_once(database: Database) -> None:
    first, second = OnDuty(database, "sweep"), OnDuty(database, "sweep")
    assert first.mine()
    second.leave()  # not theirs to leave
    assert not second.mine()
    first.leave()
    assert second.mine()
    assert not first.mine()


def test_one_that_is_gone_is_followed_when_its_time_is_over(database: Database, at: Callable[[datetime], None]) -> None:
    first, second, begun = OnDuty(database, "sweep"), OnDuty(database, "sweep"), now()
    assert first.mine()
    at(begun + HELD - timedelta(seconds=5))
    assert not second.mine()
    at(begun + HELD + timedelta(seconds=5))
    assert second.mine()
    assert not first.mine(), "it has been taken over"


def test_one_that_lives_renews_in_time(database: Database, at: Callable[[datetime], None]) -> None:
    first, second, begun = OnDuty(database, "sweep"), OnDuty(database, "sweep"), now()
    for seconds in range(0, 120, 10):
        at(begun + timedelta(seconds=seconds))
        assert first.mine()
        assert not second.mine()
