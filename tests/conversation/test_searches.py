"""Searches for services are counted without their searchers, once a month for each kind of help, place and outcome."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.conversation import services
from bot.insight.searches import count_search
from bot.storage.engine import Database
from bot.storage.tables import Person, ServiceSearch
from bot.wiring import Parts
from tests.conversation.support import Parent, understanding
from tests.doubles.rasa_server import RasaDouble, turn

NONE = {
    "ref": "services:",
    "items": [],
    "more": False,
    "wanted": {"need": "dads-groups", "place": "ZZ9", "age": "4", "mode": "any"},
}


def counted(parts: Parts) -> list[tuple[str, str, str, str, str, int]]:
    with parts.database.read() as session:
        rows = session.scalars(select(ServiceSearch).order_by(ServiceSearch.outcome)).all()
    return [(row.area_id, row.outcome, row.need, row.place, row.language, row.people) for row in rows]


async def test_a_search_with_nothing_to_offer_is_counted_once_a_person_and_outlives_them(parts: Parts, rasa: RasaDouble) -> None:
    async with understanding(parts, rasa.url):
        for _ in range(2):
            parent = Parent(parts, language="pl")
            rasa.answers(turn(NONE))
            await parent.say("dads group near ZZ9")
            rasa.answers(turn(NONE))
            await parent.say("dads group near ZZ9 please")
    assert counted(parts) == [("demonstration", "none", "dads-groups", "ZZ9", "pl", 2)]
    with parts.database.write() as session:
        session.delete(session.get_one(Person, parent.person_id))
    assert counted(parts)[0][-1] == 2
    assert not {column.name for column in ServiceSearch.__table__.columns} & {"person_id", "inbox_id", "case_id"}


def test_what_was_looked_for_is_a_need_and_a_place() -> None:
    assert services.looked_for({"need": "any", "place": None}) == ("any", "any")
    assert services.looked_for({"need": "sleep", "place": "ZZ1"}) == ("sleep", "ZZ1")
    need, _ = services.looked_for({"need": "topic:baby/crying", "place": "any"})
    assert need != "any" and ":" not in need
    assert services.looked_for({"need": "topic:a/topic-of-last-year"}) == ("any", "any")


@pytest.mark.parametrize("outcome", ["offered", "none", "more"])
def test_a_count_goes_up_on_both_databases(database: Database, outcome: str) -> None:
    moment = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    for _ in range(3):
        with database.write() as session:
            count_search(session, moment=moment, area_id=None, language="en", outcome=outcome, need="sleep", place="ZZ1")
    with database.read() as session:
        (row,) = session.scalars(select(ServiceSearch))
        assert (row.month, row.area_id, row.outcome, row.people) == ("2026-11", "", outcome, 3)
