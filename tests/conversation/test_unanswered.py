"""Questions without a good answer are kept for those who write content: without their writer, and for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.console.questions import as_lines, read_questions
from bot.storage.tables import UNANSWERED_DAYS, Person, UnansweredQuestion, now
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.conversation.support import Parent, understanding
from tests.doubles.rasa_server import RasaDouble, turn

LOST: list[dict[str, Any]] = [{"ref": "not_followed:", "topic": "baby/sleep"}]
TORN: list[dict[str, Any]] = [{"ref": "which:", "choices": ["baby/crying", "baby/sleep"], "topic": "baby/crying"}]


def kept(parts: Parts) -> list[UnansweredQuestion]:
    with parts.database.read() as session:
        return list(session.scalars(select(UnansweredQuestion)))


async def ask(parts: Parts, rasa: RasaDouble, text: str, messages: list[dict[str, Any]], **values: Any) -> Parent:
    parent = Parent(parts, language="en", **values)
    rasa.answers(turn(*messages))
    async with understanding(parts, rasa.url):
        await parent.say(text)
    return parent


@pytest.mark.parametrize(
    ("messages", "outcome", "topics"), [(LOST, "refused", ["baby/sleep"]), (TORN, "asked", ["baby/crying", "baby/sleep"])]
)
async def test_a_question_without_an_answer_is_kept_with_the_guesses(
    parts: Parts, rasa: RasaDouble, messages: list[dict[str, Any]], outcome: str, topics: list[str]
) -> None:
    await ask(parts, rasa, "does my son Jayden need a zzyzx, ring 07700 900123", messages)
    (row,) = kept(parts)
    assert (row.outcome, row.topics, row.language) == (outcome, topics, "en")
    assert row.sealed is not None
    assert b"zzyzx" not in row.sealed
    assert parts.keyring.open_json(row.sealed) == "does my son … need a zzyzx, ring …"


async def test_an_answered_question_is_not_kept(parts: Parts, rasa: RasaDouble) -> None:
    await ask(parts, rasa, "my baby cries", [{"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None}])
    assert kept(parts) == []


async def test_a_worry_is_not_kept_however_little_was_understood(parts: Parts, rasa: RasaDouble) -> None:
    parent = await ask(parts, rasa, "i feel so low and i cry all day", LOST)
    assert [row.level for row in parent.inbox()] != ["none"], "the example must be a worry"
    assert kept(parts) == []


async def test_nothing_of_it_leads_to_its_writer_and_it_outlives_them(parts: Parts, rasa: RasaDouble) -> None:
    parent = await ask(parts, rasa, "what is a zzyzx", LOST)
    with parts.database.write() as session:
        session.delete(session.get_one(Person, parent.person_id))
    assert len(kept(parts)) == 1
    assert not {column.name for column in UnansweredQuestion.__table__.columns} & {
        "person_id",
        "inbox_id",
        "address_id",
        "case_id",
    }


async def test_its_words_go_after_their_days_and_the_guesses_stay(parts: Parts, rasa: RasaDouble) -> None:
    await ask(parts, rasa, "what is a zzyzx", LOST)
    for age, left in ((UNANSWERED_DAYS - 1, True), (UNANSWERED_DAYS + 1, False)):
        with parts.database.write() as session:
            session.execute(update(UnansweredQuestion).values(asked_at=now() - timedelta(days=age)))
        Sweep(parts).once()
        (row,) = kept(parts)
        assert (row.sealed is not None) is left
        assert row.topics == ["baby/sleep"]


async def test_content_staff_read_it_by_language(parts: Parts, rasa: RasaDouble) -> None:
    await ask(parts, rasa, "what is a zzyzx", LOST)
    await ask(parts, rasa, "and a plugh then", TORN)
    with parts.database.read() as session:
        found = read_questions(session, parts.keyring, area_id=None, language="en")
        none = read_questions(session, parts.keyring, area_id=None, language="pl")
    assert [one.words for one in found.shown] == ["and a plugh then", "what is a zzyzx"]
    assert (found.languages, dict(found.topics)) == ({"en": 2}, {"baby/crying": 1, "baby/sleep": 1})
    assert none.shown == ()
    assert [line[-1] for line in as_lines(found.shown)] == ["words", "and a plugh then", "what is a zzyzx"]
