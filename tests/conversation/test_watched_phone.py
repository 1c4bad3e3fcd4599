"""Safe for someone whose telephone is watched: asked before an answer on abuse, when they may be written to, and told how to delete."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.delivery.can_send import can_send
from bot.delivery.sender import standing
from bot.handoff import cases, desk
from bot.languages import supported
from bot.library import Library
from bot.messages import MAX_BUTTONS, MessageClass
from bot.storage.tables import CaseEvent, Dialogue, PersonAddress, Staff
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, told, understanding
from tests.doubles.rasa_server import RasaDouble, turn

URGENT = "my husband hits me and controls my money"
EMERGENCY = "he is hitting me right now please help"
ABUSE = "wellbeing/abuse/start-here"
GIVE = {"ref": f"give:{ABUSE}", "outcome": "answered", "second": None, "topic": "wellbeing/abuse"}
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def morning(at: Callable[[datetime], None]) -> None:
    at(MORNING)


async def urgent(parts: Parts) -> Parent:
    parent = Parent(parts, language="en")
    await parent.say(URGENT)
    return parent


def unasked(parts: Parts, parent: Parent) -> str:
    """Whether a notice may go out."""
    with parts.database.read() as session:
        address = session.scalar(select(PersonAddress).where(PersonAddress.person_id == parent.person_id))
        assert address is not None
        return can_send(standing(session, parent.person_id, address), MessageClass.SERVICE_NOTICE).decision


# Before the answer


async def test_an_urgent_answer_on_abuse_waits_for_a_yes_and_ends_with_how_to_delete_the_chat(parts: Parts) -> None:
    parent = await urgent(parts)
    (asked,) = parent.everything()
    assert (asked.ref, asked.titles) == ("text:safe.read", ["Yes", "Not now", "Help now"])
    assert asked.message_class == "safety"
    heard = refs(await parent.press("Yes"))
    assert heard == ["safety:urgent-abuse", "text:safe.delete_other", "text:contact.safe"]


async def test_a_typed_yes_is_a_yes_although_nobody_has_come_yet(parts: Parts) -> None:
    parent = await urgent(parts)
    assert refs(await parent.say("yes"))[0] == "safety:urgent-abuse"


async def test_an_emergency_never_waits_for_a_yes(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say(EMERGENCY)
    assert parent.everything()[0].ref == "safety:emergency-abuse"
    assert "text:safe.read" not in refs(parent.everything())
    assert parent.person().contact_unsafe


async def test_the_topic_is_given_only_after_a_yes_pressed_or_understood(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(GIVE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        assert refs(await parent.say("where can i read about this at home"))[0] == "text:safe.read"
    assert refs(await parent.press("Yes")) == [f"message:{ABUSE}", "text:safe.delete_other"]
    by_link = Parent(parts, language="en")
    assert refs(await by_link.start(ABUSE.replace("/", "__")))[0] == "text:safe.read"


async def test_what_is_asked_first_tells_nothing(library: Library) -> None:
    for entry in supported():
        text = library.render("text:safe.read", entry.code).text
        assert len(text) < 120, "one short message"
        assert not any(character.isdigit() for character in text)


# Not now


@pytest.mark.parametrize("press", [True, False])
async def test_not_now_shows_the_menu_and_nothing_more_is_said_of_it(parts: Parts, press: bool) -> None:
    parent = await urgent(parts)
    heard = await (parent.press("Not now") if press else parent.say("no"))
    assert refs(heard) == ["text:menu.intro"]
    assert refs(await parent.say("menu")) == ["text:menu.intro"], "as if there were no case"
    assert "safety:waiting" not in refs(await parent.say("hello are you there"))
    with parts.database.read() as session:
        events = session.scalars(select(CaseEvent.kind)).all()
    assert events.count("message") == 4, "all the same each message belongs to the case"


async def test_the_answer_that_waited_is_given_when_it_is_asked_for(parts: Parts) -> None:
    parent = await urgent(parts)
    await parent.press("Not now")
    assert refs(await parent.say("yes")) == ["text:safe.read"], "asked again first"
    assert refs(await parent.press("Yes"))[0] == "safety:urgent-abuse"
    assert refs(await parent.say("are you there"))[0] == "safety:waiting"


async def test_until_it_is_known_to_be_safe_a_further_message_tells_nothing_either(parts: Parts) -> None:
    parent = await urgent(parts)
    assert refs(await parent.say("who is this")) == ["text:safe.read"]


async def test_an_emergency_is_answered_at_once_even_after_not_now(parts: Parts) -> None:
    parent = await urgent(parts)
    await parent.press("Not now")
    assert (await parent.say(EMERGENCY))[0].ref == "safety:emergency-abuse"


# How to delete


@pytest.mark.parametrize("language", [entry.code for entry in supported()])
@pytest.mark.parametrize("channel", ["telegram", "whatsapp", "webchat"])
async def test_how_to_delete_the_chat_is_said_for_the_channel(parts: Parts, channel: str, language: str) -> None:
    parent = Parent(parts, channel=channel, language=language)
    await parent.start(ABUSE.replace("/", "__"))
    await parent.press(parts.library.strings.get("button.yes", language))
    (said,) = [one for one in parent.everything() if one.ref.startswith("text:safe.delete")]
    assert said.ref == f"text:safe.delete_{channel}"
    assert (said.language, said.outbound.direction) == (language, "rtl" if language in ("ur", "ar") else "ltr")
    assert all(len(one.outbound.buttons) <= MAX_BUTTONS for one in parent.everything())
    if channel == "webchat":
        assert parts.library.strings.get("webchat.leave", language) in said.text


# When it is safe


async def test_until_they_say_when_it_counts_as_not_safe(parts_on_both: Parts) -> None:
    parent = await urgent(parts_on_both)
    assert unasked(parts_on_both, parent) == "refuse"
    assert told(parts_on_both, parent).safe == ""


async def test_any_time_is_safe_again(parts: Parts) -> None:
    parent = await urgent(parts)
    await parent.press("Yes")
    assert refs(await parent.press("Any time")) == ["text:contact.word"]
    assert refs(await parent.press("Skip")) == ["text:contact.thanks"]
    assert unasked(parts, parent) == "send"
    assert told(parts, parent).safe == "any"


async def test_agreed_times_and_a_check_word_reach_the_practitioner_and_are_sealed(parts_on_both: Parts) -> None:
    parts = parts_on_both
    parent = await urgent(parts)
    await parent.press("Yes")
    assert refs(await parent.press("Only at set times")) == ["text:contact.times"]
    assert refs(await parent.say("Tuesdays 10 to 12 when he works")) == ["text:contact.word"]
    assert refs(await parent.say("bluebell")) == ["text:contact.thanks"]
    found = told(parts, parent)
    assert (found.safe, found.words, found.check_word) == ("times", "Tuesdays 10 to 12 when he works", "bluebell")
    assert unasked(parts, parent) == "refuse"
    with parts.database.read() as session:
        stored = json.dumps([row.state for row in session.scalars(select(Dialogue))])
        details = b"".join(event.detail or b"" for event in session.scalars(select(CaseEvent)))
    assert "bluebell" not in stored and "Tuesdays" not in stored
    assert b"bluebell" not in details and b"Tuesdays" not in details


async def test_another_way_than_this_chat_can_be_named(parts: Parts) -> None:
    parent = await urgent(parts)
    await parent.press("Yes")
    await parent.press("Not in this chat")
    await parent.say("ask my midwife")
    assert refs(await parent.say("skip")) == ["text:contact.thanks"]
    found = told(parts, parent)
    assert (found.safe, found.words, found.check_word) == ("no", "ask my midwife", "")


async def test_asking_for_a_person_after_an_answer_on_abuse_asks_when_it_is_safe(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.start(ABUSE.replace("/", "__"))
    await parent.press("Yes")
    assert refs(await parent.press("Talk to a person")) == ["text:person.coming", "text:contact.safe"]
    assert parent.person().contact_unsafe
    plain = Parent(parts, language="en")
    assert refs(await plain.say("talk to a person")) == ["text:person.coming"]
    assert not plain.person().contact_unsafe


async def test_after_an_emergency_of_abuse_it_is_asked_with_the_first_waiting_words_and_once(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say(EMERGENCY)
    assert refs(await parent.say("are you there")) == ["safety:waiting", "text:contact.safe"]
    assert refs(await parent.say("hello?")) == ["safety:waiting"]


async def test_a_practitioner_still_reaches_them(parts: Parts) -> None:
    parent = await urgent(parts)
    with parts.database.write() as session:
        session.add(Staff(username="ada", first_name="Ada", job_title="Nurse", password_hash="x", area_id="demonstration"))
    with parts.database.read() as session:
        staff, case = session.scalars(select(Staff.id)).one(), cases.current(session, parent.person_id)
        assert case is not None
    desk.claim_case(parts, case.id, staff)
    desk.send_reply(parts, case.id, staff, "Hello")
    assert parent.everything()[-1].text == "Hello"
