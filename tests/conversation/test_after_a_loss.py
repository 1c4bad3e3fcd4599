"""After a loss: asked once and gently, marked only by a yes, and no age is used from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.conversation.turn import Turn
from bot.languages import supported
from bot.storage.tables import Child
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, understanding
from tests.doubles.rasa_server import RasaDouble, turn

LOSS = "wellbeing/baby-loss/start-here"
GIVE = {"ref": f"give:{LOSS}", "outcome": "answered", "second": None, "topic": "wellbeing/baby-loss"}
CRYING = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}
OWN = "we lost our baby last week"
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def morning(at: Callable[[datetime], None]) -> None:
    at(MORNING)


async def pressed(parts: Parts, language: str = "en") -> Parent:
    """Somebody who has opened the message on losing a baby, by a link or a button; Rasa is away."""
    parent = Parent(parts, language=language)
    await parent.start(LOSS.replace("/", "__"))
    return parent


def next_turn(parts: Parts, parent: Parent) -> Turn:
    parent.send("hello again to you")
    (work,) = parts.journey.claim(1)
    return work.turn


async def test_it_is_asked_gently_after_the_answer_even_with_rasa_away(parts: Parts) -> None:
    heard = (await pressed(parts)).everything()
    assert refs(heard) == [f"message:{LOSS}", "text:loss.ask"]
    assert heard[-1].titles[:2] == ["Yes", "No"]


async def test_a_yes_marks_the_bereavement_and_no_age_is_used_or_asked_for_again(parts_on_both: Parts) -> None:
    parts = parts_on_both
    parent = await pressed(parts)
    with parts.database.write() as session:
        session.add(Child(person_id=parent.person_id, born_or_due="2026-06"))
    assert refs(await parent.press("Yes")) == ["text:loss.yes"]
    assert parent.person().bereaved_at is not None
    turn_ = next_turn(parts, parent)
    turn_.state.age_months, turn_.state.useful, turn_.state.asked = 6, 5, []
    assert turn_.age_months is None
    names = set()
    while name := parts.journey._handlers.later.due(turn_):
        names.add(name)
        turn_.state.asked.append(name)
    assert names and "child" not in names


async def test_a_no_changes_nothing(parts: Parts) -> None:
    parent = await pressed(parts)
    assert refs(await parent.say("no")) == ["text:loss.no"]
    assert parent.person().bereaved_at is None


async def test_people_who_know_the_pain_and_a_person_are_offered(parts: Parts) -> None:
    parent = await pressed(parts)
    (reply,) = await parent.press("Yes")
    assert "Sands" in reply.text
    assert refs(await parent.say("yes please"))[0].startswith("text:person.")


async def test_it_is_asked_once(parts: Parts) -> None:
    parent = await pressed(parts)
    await parent.say("menu")
    assert "text:loss.ask" not in refs(await parent.start(LOSS.replace("/", "__")))
    assert parent.person().bereaved_at is None, "silence is no yes"


async def test_told_in_words_it_is_asked_after_words_for_a_loss(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(GIVE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        heard = refs(await parent.say(OWN))
    assert heard[-2:] == [f"message:{LOSS}", "text:loss.ask"]
    assert "safety:concern" not in heard


async def test_a_loss_of_somebody_else_is_answered_and_not_asked_about(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(GIVE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        heard = refs(await parent.say("my sister lost her baby what can i say to her"))
    assert f"message:{LOSS}" in heard and "text:loss.ask" not in heard


async def test_triage_alone_marks_and_asks_nothing(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(CRYING))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        heard = refs(await parent.say("my baby died and i cannot stop crying"))
    assert "text:loss.ask" not in heard
    assert parent.person().bereaved_at is None


async def test_the_search_for_a_service_does_not_ask_a_bereaved_parent_for_an_age(parts: Parts, rasa: RasaDouble) -> None:
    parent = await pressed(parts)
    await parent.press("Yes")
    given = []

    def look(body: object) -> object:
        given.extend(dict(one.given) for one in parts.registry._turns.values())
        return turn({"ref": "ask:need"}, form="find_service_form", requested_slot="need")

    rasa.respond = look  # type: ignore[assignment]
    async with understanding(parts, rasa.url):
        await parent.say("find me some help near by please")
    assert given == [{"age": "any"}]


@pytest.mark.parametrize("language", [entry.code for entry in supported()])
async def test_it_is_asked_in_every_language_and_direction(parts: Parts, language: str) -> None:
    parent = await pressed(parts, language)
    asked = parent.everything()[-1]
    assert (asked.ref, asked.language) == ("text:loss.ask", language)
    assert asked.outbound.direction == ("rtl" if language in ("ur", "ar") else "ltr")
