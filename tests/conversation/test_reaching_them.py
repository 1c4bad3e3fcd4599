"""How a parent would like to be contacted after urgent words, and what of a concern a practitioner is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.console.casefile import read_case
from bot.handoff import cases
from bot.languages import supported
from bot.storage.tables import CaseEvent, Dialogue
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, told, understanding
from tests.doubles.rasa_server import RasaDouble, turn

URGENT = "i keep thinking they would be better off without me"
WORRY = "i feel so low and i cry all day since he was born"
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
MESSAGE = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}


@pytest.fixture(autouse=True)
def morning(at: Callable[[datetime], None]) -> None:
    at(MORNING)


async def urgent(parts: Parts) -> Parent:
    parent = Parent(parts, language="en")
    await parent.say(URGENT)
    return parent


async def worried(parts: Parts, rasa: RasaDouble) -> Parent:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        await parent.say(WORRY)
    return parent


def seen_by_staff(parts: Parts, parent: Parent) -> list[tuple[str, str]]:
    """What the case's page shows of the parent's messages: (kind, text)."""
    with parts.database.read() as session:
        case = cases.current(session, parent.person_id)
        assert case is not None
        file = read_case(session, parts.keyring, case_id=case.id, area_id="demonstration")
        assert file is not None
        return [(said.kind, said.text) for said in file.said if said.voice == "parent"]


# Urgent


async def test_after_the_lines_it_is_asked_how_and_not_what_i_meant_stays(parts: Parts) -> None:
    lines, how = (await urgent(parts)).everything()
    assert lines.ref == "safety:urgent" and "Not what I meant" in lines.titles
    assert (how.ref, how.titles) == ("text:contact.how", ["Here in this chat", "A phone call"])


async def test_here_is_noted_for_the_practitioner(parts: Parts) -> None:
    parent = await urgent(parts)
    assert refs(await parent.press("Here in this chat")) == ["text:contact.thanks"]
    assert told(parts, parent).how == "here"


async def test_a_number_and_a_time_are_sealed_in_the_case(parts_on_both: Parts) -> None:
    parts = parts_on_both
    parent = await urgent(parts)
    assert refs(await parent.press("A phone call")) == ["text:contact.call"]
    assert refs(await parent.say("07700 900123 after lunch")) == ["text:contact.thanks"]
    found = told(parts, parent)
    assert (found.how, found.how_words) == ("call", "07700 900123 after lunch")
    with parts.database.read() as session:
        assert "900123" not in json.dumps([row.state for row in session.scalars(select(Dialogue))])
        assert b"900123" not in b"".join(event.detail or b"" for event in session.scalars(select(CaseEvent)))


async def test_words_of_their_own_are_taken_as_the_answer(parts: Parts) -> None:
    parent = await urgent(parts)
    assert refs(await parent.say("please ring me tomorrow morning")) == ["text:contact.thanks"]
    assert told(parts, parent).how_words == "please ring me tomorrow morning"


async def test_what_is_no_answer_is_not_taken_for_one(parts: Parts) -> None:
    parent = await urgent(parts)
    assert refs(await parent.say("are you there")) == ["safety:waiting"]
    assert refs(await parent.say("he is 3 and wont sleep")) == ["safety:waiting"]
    assert told(parts, parent).how is None


async def test_after_not_what_i_meant_nothing_more_is_taken_for_an_answer(parts: Parts) -> None:
    parent = await urgent(parts)
    await parent.press("Not what I meant")
    assert refs(await parent.say("call")) != ["text:contact.thanks"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ur", "فون کریں"),
        ("ar", "اتصال هاتف"),
        ("pl", "zadzwoń rano"),
        ("bn", "ফোনে"),
        ("cy", "ffon yfory"),
        ("uk", "тут"),
        ("ro", "aici"),
    ],
)
async def test_words_are_understood_in_every_language_without_rasa(parts: Parts, language: str, words: str) -> None:
    assert language in {entry.code for entry in supported()}
    assert parts.facts.contact_wish(words)
    assert not parts.facts.contact_wish("…")


# Concern


async def test_a_yes_to_a_person_carries_the_topic_and_asks_in_one_line_for_the_words(parts: Parts, rasa: RasaDouble) -> None:
    parent = await worried(parts, rasa)
    heard = await parent.say("yes")
    assert refs(heard) == ["text:person.coming", "text:share.ask"]
    assert len(heard[-1].text) < 60
    with parts.database.read() as session:
        opened = session.scalars(select(CaseEvent).where(CaseEvent.kind == "opened")).one()
        assert opened.detail is not None
        assert parts.keyring.open_json(opened.detail)["topic"] == "baby/crying"


async def test_until_they_agree_and_after_a_no_the_words_are_not_shown(parts: Parts, rasa: RasaDouble) -> None:
    parent = await worried(parts, rasa)
    await parent.press("Talk to a person")
    assert ("withheld", "") in seen_by_staff(parts, parent)
    assert refs(await parent.say("no")) == ["text:share.no"]
    assert WORRY not in str(seen_by_staff(parts, parent))
    assert told(parts, parent).withheld and not told(parts, parent).shared


@pytest.mark.parametrize("press", [True, False])
async def test_after_a_yes_the_practitioner_reads_them(parts_on_both: Parts, rasa: RasaDouble, press: bool) -> None:
    parts = parts_on_both
    parent = await worried(parts, rasa)
    await parent.say("yes")
    assert refs(await (parent.press("Yes") if press else parent.say("yes"))) == ["text:share.yes"]
    assert told(parts, parent).shared == WORRY
    assert ("text", WORRY) in seen_by_staff(parts, parent)


async def test_what_was_kept_back_is_shown_once_the_case_is_more_than_a_concern(parts: Parts, rasa: RasaDouble) -> None:
    parent = await worried(parts, rasa)
    await parent.say("yes")
    await parent.say("no")
    await parent.say(URGENT)
    assert ("text", WORRY) in seen_by_staff(parts, parent)
    assert not told(parts, parent).withheld


async def test_a_worry_of_long_ago_is_not_asked_about(parts: Parts, rasa: RasaDouble, at: Callable[[datetime], None]) -> None:
    parent = await worried(parts, rasa)
    at(MORNING + timedelta(days=2))
    assert "text:share.ask" not in refs(await parent.say("talk to a person"))


async def test_nobody_shares_the_words_of_somebody_else(parts: Parts, rasa: RasaDouble) -> None:
    other, parent = await worried(parts, rasa), await worried(parts, rasa)
    await parent.say("yes")
    parent.send("hello")
    (work,) = parts.journey.claim(1)
    work.turn.do("share", inbox_id=other.inbox()[0].id)
    parts.journey.commit(work)
    assert told(parts, parent).shared == ""
