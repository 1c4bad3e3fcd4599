"""A writer who seems to be a child is spoken to as one, and a parent under 18 as a parent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.conversation.facts import FactWords
from bot.delivery.can_send import can_send
from bot.delivery.sender import standing
from bot.handoff import cases
from bot.languages import supported
from bot.library import Library
from bot.messages import MessageClass
from bot.storage.tables import CaseEvent, Child, Consent, Dialogue, Outbox, PersonAddress, now
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, told, understanding
from tests.doubles.rasa_server import RasaDouble, turn

CHILD = "i am 10 and my dad hits me"
CHILD_EMERGENCY = "my dad is hurting my mum right now"
MEDICAL = "my baby is not breathing"
WORRY = "i feel so low and i cry all day"
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
MESSAGE = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}


async def child(parts: Parts, at: Callable[[datetime], None], language: str = "en") -> Parent:
    at(MORNING)
    parent = Parent(parts, language=language)
    await parent.say(CHILD)
    assert parent.everything()[0].ref == "safety:urgent-child"
    return parent


async def after_the_case(parts: Parts, parent: Parent) -> None:
    """The parent says it was not meant, so that the bot speaks again."""
    await parent.press("Not what I meant")


async def test_the_urgent_answer_is_in_words_for_a_child_with_childline_first(
    parts: Parts, at: Callable[[datetime], None]
) -> None:
    text = (await child(parts, at)).everything()[0].text
    assert 0 < text.index("Childline") < text.index("999")
    assert "NSPCC" not in text, "that line is for adults"


@pytest.mark.parametrize("language", [entry.code for entry in supported()])
def test_childline_stands_first_in_every_language_but_behind_999_in_an_emergency(library: Library, language: str) -> None:
    line, emergency = library.helplines.say("childline", None, language), library.helplines.say("emergency", None, language)
    urgent = library.render("safety:urgent-child", language, None, {"when": ""}).text
    worry = library.render("safety:concern-child", language).text
    danger = library.render("safety:emergency-child", language).text
    assert 0 < urgent.index(line) < urgent.index(emergency)
    assert 0 < worry.index(line) < worry.index(emergency)
    assert danger.startswith(emergency) and line in danger


async def test_an_emergency_of_a_known_child_is_answered_for_a_child_whatever_it_is_about(
    parts: Parts, at: Callable[[datetime], None]
) -> None:
    parent = await child(parts, at)
    assert (await parent.say(MEDICAL))[0].ref == "safety:emergency-child"
    assert (await Parent(parts, language="en").say(MEDICAL))[0].ref == "safety:emergency-medical"


async def test_a_worry_of_a_known_child_gets_childline_and_the_offer_of_a_person_and_no_tips_for_parents(
    parts: Parts, at: Callable[[datetime], None], rasa: RasaDouble
) -> None:
    rasa.answers(turn(MESSAGE))
    parent = await child(parts, at)
    await after_the_case(parts, parent)
    async with understanding(parts, rasa.url):
        heard = await parent.say(WORRY)
    assert refs(heard) == ["safety:concern-child"]
    assert rasa.calls == []
    assert refs(await parent.say("yes please"))[0] == "text:person.coming"


async def test_no_question_about_them_is_ever_asked_of_a_child(
    parts: Parts, at: Callable[[datetime], None], rasa: RasaDouble
) -> None:
    rasa.answers(turn(MESSAGE))
    asked = {}
    for name, parent in (("child", await child(parts, at)), ("parent", Parent(parts, language="en"))):
        if name == "child":
            await after_the_case(parts, parent)
        with parts.database.write() as session:
            for case in session.scalars(select(cases.Case).where(cases.Case.person_id == parent.person_id)):
                case.state = "closed"
        async with understanding(parts, rasa.url):
            for _ in range(8):
                await parent.say("how do i settle a crying baby at night then")
        asked[name] = [ref for ref in refs(parent.everything()) if ref.startswith("text:question.")]
    assert asked["child"] == []
    assert asked["parent"] != []


async def test_nothing_is_chosen_by_age_for_a_child_and_nothing_goes_out_unasked(
    parts: Parts, at: Callable[[datetime], None]
) -> None:
    parent = await child(parts, at)
    with parts.database.write() as session:
        session.add(Child(person_id=parent.person_id, born_or_due="2026-05"))
        session.add(Consent(person_id=parent.person_id, category="unasked", given=True, method="terminal"))
    parent.send("hello there")
    (work,) = parts.journey.claim(1)
    assert work.turn.person.age_months(MORNING) == 6
    assert work.turn.age_months is None
    with parts.database.read() as session:
        address = session.scalar(select(PersonAddress).where(PersonAddress.person_id == parent.person_id))
        assert address is not None
        assert standing(session, parent.person_id, address).writer_child
        assert can_send(standing(session, parent.person_id, address), MessageClass.SERIES).decision == "refuse"


async def test_the_case_says_that_the_writer_may_be_a_child(parts: Parts, at: Callable[[datetime], None]) -> None:
    parent = await child(parts, at)
    assert told(parts, parent).writer_child  # type: ignore[attr-defined]
    await parent.say("are you there")
    with parts.database.read() as session:
        kinds = session.scalars(select(CaseEvent.kind)).all()
    assert kinds.count("writer_child") == 1, "said once"


async def test_a_memory_of_childhood_is_no_child(parts: Parts, at: Callable[[datetime], None]) -> None:
    at(MORNING)
    parent = Parent(parts, language="en")
    await parent.say("when i was 10 my dad hit me, that was years ago and i am fine now")
    assert not parent.state().get("writer_child")


async def test_who_is_forgotten_is_no_longer_known_for_a_child(parts: Parts, at: Callable[[datetime], None]) -> None:
    parent = await child(parts, at)
    await parent.say("forget me")
    await parent.press("Yes, forget me")
    with parts.database.read() as session:
        assert session.get(Dialogue, parent.person_id) is None


# Parents under 18


async def test_a_parent_under_18_gets_what_every_parent_gets(
    parts: Parts, at: Callable[[datetime], None], rasa: RasaDouble
) -> None:
    at(MORNING)
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        heard = await parent.say("im 16 and my baby wont stop crying at night how do i settle her")
    assert refs(heard)[0] == "message:baby/crying/start-here"
    assert not parent.state()["writer_child"]


async def test_an_age_under_18_said_in_a_case_is_in_the_case_and_nowhere_else(
    parts_on_both: Parts, at: Callable[[datetime], None]
) -> None:
    parts = parts_on_both
    at(MORNING)
    parent = Parent(parts, language="en")
    await parent.say("talk to a person")
    await parent.say("im 16 and he is my first")
    assert told(parts, parent).writer_age == 16  # type: ignore[attr-defined]
    assert "16" not in str(parent.state())
    with parts.database.read() as session:
        event = session.scalars(select(CaseEvent).where(CaseEvent.kind == "writer_age")).one()
        # Sealed: what is stored is not the plain words, and opens to them. (The sealed bytes may hold any two digits by chance.)
        assert event.detail is not None and b"writer" not in event.detail
        assert "16" in str(parts.keyring.open_json(event.detail))
        assert session.scalar(select(Outbox.id).where(Outbox.ref.like("text:question%"))) is None
    assert now() > MORNING


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("im 16", 16),
        ("I’m 15 and my baby won't sleep", 15),
        ("i am seventeen years old", 17),
        ("im 16 weeks pregnant", None),
        ("im 15 minutes away", None),
        ("i am 17 weeks", None),
        ("im 34", None),
        ("my daughter is 16", None),
        ("dw i'n 16 oed", 16),
        ("mam 16 lat i boję się", 16),
        ("mam 15 minut", None),
        ("am 16 ani", 16),
        ("am 16 ani de căsnicie", None),
        ("میں 16 سال کی ہوں", 16),
        ("میں 16 سال سے شادی شدہ ہوں", None),
        ("میری عمر ۱۷ سال ہے", 17),
        ("عمري ١٦ سنة", 16),
        ("عمري 16", 16),
        ("আমার বয়স ১৬", 16),
        ("мені 16 років", 16),
        ("мені шістнадцять", 16),
    ],
)
def test_the_writers_own_age_is_read_only_where_it_is_said(facts: FactWords, text: str, age: int | None) -> None:
    assert facts.writers_age(text) == age
