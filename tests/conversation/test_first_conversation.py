"""The first conversation: the answer first, then one line, and the rest a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.storage.tables import Child
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, understanding
from tests.doubles.rasa_server import RasaDouble, turn

NOTICE, LANGUAGES = "text:notice.first", "text:language.choose"
MESSAGE = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}
QUESTION = "why does my baby cry so much in the evening"


def children(parts: Parts, parent: Parent) -> list[str]:
    with parts.database.read() as session:
        return sorted(session.scalars(select(Child.born_or_due).where(Child.person_id == parent.person_id)))


async def useful_answers(parts: Parts, rasa: RasaDouble, parent: Parent, count: int) -> list[list[str]]:
    rasa.answers(turn(MESSAGE))
    async with understanding(parts, rasa.url):
        return [refs(await parent.say(QUESTION)) for _ in range(count)]


async def test_the_first_message_is_answered_first_with_one_notice_after_it(parts: Parts, rasa: RasaDouble) -> None:
    ((answer, notice),) = await useful_answers(parts, rasa, Parent(parts), 1)
    assert (answer, notice) == ("message:baby/crying/start-here", NOTICE)


async def test_the_notice_says_bot_privacy_and_999_in_one_line(parts: Parts) -> None:
    heard = await Parent(parts).say("menu")
    notice = next(reply for reply in heard if reply.ref == NOTICE)
    assert "999" in notice.text
    assert "\n" not in notice.text
    assert notice.titles[:2] == ["Privacy", "Language"]


async def test_the_notice_comes_once(parts: Parts) -> None:
    parent = Parent(parts)
    heard = [ref for _ in range(4) for ref in refs(await parent.say("menu"))]
    assert heard.count(NOTICE) == 1


async def test_then_the_language_is_offered_and_the_questions_come_one_at_a_time(parts: Parts, rasa: RasaDouble) -> None:
    parent = Parent(parts)
    after = [found[1:] for found in await useful_answers(parts, rasa, parent, 9)]
    flat = [ref for found in after for ref in found]
    assert all(len(found) <= 1 for found in after), "never more than one thing after an answer"
    assert flat[:2] == [NOTICE, LANGUAGES]
    questions = [ref for ref in flat if ref.startswith("text:question.")]
    assert questions == ["text:question.role", "text:question.child", "text:question.place"]
    assert "text:question.role" not in after[0] + after[1], "not before the second useful answer"


async def test_who_chose_a_language_before_is_not_asked_for_it(parts: Parts, rasa: RasaDouble) -> None:
    answers = await useful_answers(parts, rasa, Parent(parts, language="en"), 6)
    assert LANGUAGES not in [ref for found in answers for ref in found]


async def test_nothing_is_asked_after_a_worry(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts)
    worry = "i feel so low and i cry all day since he was born"
    assert parts.triage.assess(worry).level == "concern"
    async with understanding(parts, rasa.url):
        heard = await parent.say(worry)
    assert refs(heard) == ["safety:concern", "message:baby/crying/start-here"]


@pytest.fixture
async def asked(parts: Parts, rasa: RasaDouble) -> Callable[..., Parent]:
    async def until(question: str) -> Parent:
        """A parent to whom `question` has just been put."""
        parent = Parent(parts, language="en")
        rasa.answers(turn(MESSAGE))
        async with understanding(parts, rasa.url):
            for _ in range(12):
                if f"text:question.{question}" in refs(await parent.say(QUESTION)):
                    return parent
        raise AssertionError(f"{question} was never asked")

    return until


async def test_who_they_are_is_kept(parts: Parts, asked: Callable[..., Parent]) -> None:
    parent = await asked("role")
    assert refs(await parent.press("Dad")) == ["text:question.thanks"]
    assert parent.person().role == "dad"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("03/2025", ["2025-03"]),
        ("2026-01", ["2026-01"]),
        ("born 3/25 and another 11/2023", ["2023-11", "2025-03"]),
        ("6 months", ["2026-05"]),
        ("۰۳/۲۰۲۵", ["2025-03"]),
    ],
)
async def test_the_month_of_birth_is_kept_for_each_child(
    parts: Parts, at: Callable[[datetime], None], asked: Callable[..., Parent], words: str, kept: list[str]
) -> None:
    at(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    parent = await asked("child")
    assert refs(await parent.say(words)) == ["text:question.thanks", "text:series.offer"]
    assert children(parts, parent) == kept


@pytest.mark.parametrize(("words", "district"), [("ZZ1", "ZZ1"), ("zz1 2ab", "ZZ1"), ("CF10 1AA please", "CF10")])
async def test_the_district_is_kept_and_never_the_whole_postcode(asked: Callable[..., Parent], words: str, district: str) -> None:
    parent = await asked("place")
    assert refs(await parent.say(words)) == ["text:question.thanks"]
    assert parent.person().district == district


async def test_the_nation_can_be_pressed(asked: Callable[..., Parent]) -> None:
    parent = await asked("place")
    await parent.press("Wales")
    assert parent.person().nation == "wales"


@pytest.mark.parametrize("question", ["role", "child", "place"])
@pytest.mark.parametrize("how", ["press", "skip", "no"])
async def test_every_question_can_be_skipped_and_is_not_put_again(
    parts: Parts, rasa: RasaDouble, asked: Callable[..., Parent], question: str, how: str
) -> None:
    parent = await asked(question)
    heard = await (parent.press("Skip") if how == "press" else parent.say(how))
    assert refs(heard) == ["text:question.skipped"]
    later = [ref for found in await useful_answers(parts, rasa, parent, 6) for ref in found]
    assert f"text:question.{question}" not in later


async def test_something_else_than_an_answer_is_answered_as_what_it_is(
    parts: Parts, rasa: RasaDouble, asked: Callable[..., Parent]
) -> None:
    parent = await asked("child")
    rasa.answers(turn(MESSAGE))
    async with understanding(parts, rasa.url):
        heard = await parent.say("he will not stop biting his sister")
    assert heard[0].ref == "message:baby/crying/start-here"
    assert children(parts, parent) == []


async def test_a_message_in_another_language_is_answered_in_it_and_a_change_is_asked_never_made(
    parts: Parts, rasa: RasaDouble
) -> None:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        await parent.say("menu")
        heard = await parent.say("میرا بچہ کب بولنا شروع کرے گا؟")
        assert heard[0].language == "ur"
        assert "text:language.switch" in refs(heard)
        assert parent.person().language == "en"
        again = await parent.say("میرا بچہ کب بولنا شروع کرے گا؟")
        assert "text:language.switch" not in refs(again)
        kept = await parent.press("English")
        assert (refs(kept), kept[0].language) == (["text:language.kept"], "en")
