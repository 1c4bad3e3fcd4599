"""Links that people pass on and their counts, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.campaigns import store
from bot.campaigns.codes import LINK
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import CampaignArrival

NOVEMBER, DECEMBER = datetime(2026, 11, 30, 12, tzinfo=UTC), datetime(2026, 12, 1, 12, tzinfo=UTC)


def count(database: Database, times: int, link: str | None = None, moment: datetime = NOVEMBER) -> None:
    for _ in range(times):
        with database.write() as session:
            store.count_arrival(session, "dads26", link, moment=moment)


def add(database: Database, label: str) -> tuple[int, str]:
    with database.write() as session:
        link = store.add_link(session, "dads26", label, area_id="demonstration", staff_id=7)
        return link.id, link.suffix


def test_every_link_has_a_suffix_of_its_own_that_codes_know(database: Database) -> None:
    found = {add(database, f"Link {number}")[1] for number in range(40)}
    assert len(found) == 40
    assert all(LINK.fullmatch(suffix) for suffix in found)


def test_a_suffix_that_is_taken_is_not_given_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(["a2a2", "a2a2", "b3b3"])
    monkeypatch.setattr(store, "_new_suffix", lambda: next(given))
    assert [add(database, "one")[1], add(database, "two")[1]] == ["a2a2", "b3b3"]


@pytest.mark.parametrize("label", ["", "   ", "x" * 81])
def test_a_link_has_a_name(database: Database, label: str) -> None:
    with pytest.raises(ValueError, match="1 to 80"), database.write() as session:
        store.add_link(session, "dads26", label, area_id=None, staff_id=None)


def counts(database: Database) -> dict[tuple[str, str], int]:
    with database.read() as session:
        return {(row.suffix, row.month): row.people for row in session.scalars(select(CampaignArrival))}


def test_a_name_is_tidied(database: Database) -> None:
    link_id, _ = add(database, "  Health   visitors ")
    with database.read() as session:
        view = store.link_by_id(session, link_id)
        assert view is not None and view.label == "Health visitors" and store.links_of(session, "dads26") == [view]


def test_people_are_counted_by_link_and_by_month_in_london(database: Database) -> None:
    _, suffix = add(database, "One")
    count(database, 3, suffix)
    count(database, 2, None)
    count(database, 7, None, DECEMBER)
    count(database, 1, None, datetime(2026, 6, 30, 23, 30, tzinfo=UTC))  # half past midnight in London
    assert counts(database) == {(suffix, "2026-11"): 3, ("", "2026-11"): 2, ("", "2026-12"): 7, ("", "2026-07"): 1}


def test_a_link_that_has_ended_counts_no_more_and_its_people_are_the_campaign_s(database: Database) -> None:
    link_id, suffix = add(database, "One")
    count(database, 5, suffix)
    with database.write() as session:
        store.end_link(session, link_id)
    count(database, 6, suffix)
    with database.read() as session:
        view = store.link_by_id(session, link_id)
        assert view is not None and view.ended
        assert store.live_link(session, "dads26", suffix) is None
    assert counts(database) == {(suffix, "2026-11"): 5, ("", "2026-11"): 6}


def test_many_at_once_lose_and_double_nobody(database: Database) -> None:
    def arrive() -> None:
        for _ in range(10):
            try:
                count(database, 1)
            except IntegrityError:  # as intake does
                count(database, 1)

    threads = [threading.Thread(target=arrive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert [row.people for row in session.scalars(select(CampaignArrival))] == [40]


def test_only_a_link_s_own_key_opens_its_number(database: Database, keyring: Keyring) -> None:
    link_id, _ = add(database, "One")
    key = store.count_key(keyring, link_id)
    other = store.count_key(Keyring([new_key()]), link_id)
    with database.read() as session:
        view = store.link_of_key(session, keyring, key)
        assert view is not None and view.id == link_id
        for wrong in (other, f"{link_id}-", f"{link_id + 1}-{key.partition('-')[2]}", "", "-", "x", "٣-x", "9" * 40, "\ud800"):
            assert store.link_of_key(session, keyring, wrong) is None
