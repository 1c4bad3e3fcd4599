"""Who speaks: the bot, nobody yet, or a practitioner; and what works whoever does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.handoff import desk
from bot.storage.tables import Case, CaseEvent, Inbox, Staff, now
from bot.wiring import Parts
from tests.conversation.support import Parent, refs, understanding
from tests.doubles.rasa_server import RasaDouble, turn

RECEIPT = re.compile("[2-9A-Z]{4}-[2-9A-Z]{4}")
URGENT = "i keep thinking they would be better off without me"
EMERGENCY = "my baby is not breathing"
WORRY = "i feel so low and i cry all day since he was born"
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)  # a Wednesday
MESSAGE = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}


@pytest.fixture
def ada(parts: Parts, at: Callable[[datetime], None]) -> int:
    at(MORNING)
    with parts.database.write() as session:
        row = Staff(username="ada", first_name="Ada", job_title="Health visitor", password_hash="x", area_id="demonstration")
        session.add(row)
    return row.id


def case_of(parts: Parts, parent: Parent) -> Case:
    with parts.database.read() as session:
        return session.scalars(select(Case).where(Case.person_id == parent.person_id).order_by(Case.id.desc())).first()  # type: ignore[return-value]


async def worried(parts: Parts, text: str = URGENT) -> Parent:
    parent = Parent(parts, language="en")
    await parent.say(text)
    return parent


# Nobody has come yet


async def test_an_urgent_message_gets_lines_and_who_is_told_before_anything_else(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    reply = parent.everything()[0]
    assert reply.ref.startswith("safety:urgent")
    assert reply.message_class == "safety"
    assert "Not what I meant" in reply.titles


async def test_while_nobody_has_come_only_the_waiting_words_are_said(parts: Parts, ada: int, rasa: RasaDouble) -> None:
    parent = await worried(parts)
    async with understanding(parts, rasa.url):
        heard = await parent.say("how do i get him to sleep")
    assert refs(heard) == ["safety:waiting"]
    assert rasa.calls == []


async def test_the_time_said_is_the_time_by_which_a_first_reply_is_due(
    parts: Parts, ada: int, at: Callable[[datetime], None]
) -> None:
    """An hour of the team's, from the worry on. "Now" would be no time at all, and another one with each message."""
    parent = await worried(parts)
    assert "When: by 11:00." in parent.everything()[0].text
    at(MORNING + timedelta(minutes=25))
    heard = await parent.say("are you there")
    assert "When: by 11:00." in heard[0].text


async def test_outside_the_hours_the_time_said_counts_from_the_next_opening(
    parts: Parts, ada: int, at: Callable[[datetime], None]
) -> None:
    at(datetime(2026, 11, 27, 22, 0, tzinfo=UTC))  # a Friday night
    parent = await worried(parts)
    assert "When: by Monday 10:00." in parent.everything()[0].text
    assert "When: by Monday 10:00." in (await parent.say("are you there"))[0].text


async def test_what_is_written_while_waiting_joins_the_case(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    await parent.say("are you there")
    case = case_of(parts, parent)
    assert [row.case_id for row in parent.inbox()] == [case.id, case.id]
    with parts.database.read() as session:
        kinds = session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)).all()
    assert kinds == ["opened", "message", "message"]


async def test_an_emergency_while_waiting_is_answered_at_once_and_raises_the_case(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    heard = await parent.say(EMERGENCY)
    assert heard[0].ref.startswith("safety:emergency")
    assert case_of(parts, parent).level == "emergency"


async def test_once_the_reply_is_overdue_the_bot_says_so(parts: Parts, ada: int, at: Callable[[datetime], None]) -> None:
    parent = await worried(parts)
    at(MORNING + timedelta(hours=3))
    assert refs(await parent.say("is anyone there")) == ["safety:waiting-late"]


@pytest.mark.parametrize(
    ("word", "ref"),
    [
        ("help now", "text:help_now"),
        ("stop", "text:stop.done"),
        ("language", "text:language.choose"),
        ("delete my data", "text:forget.sure"),
        ("what do you know about me", "text:know.kinds"),
    ],
)
async def test_the_parents_rights_and_the_numbers_work_in_every_mode(parts: Parts, ada: int, word: str, ref: str) -> None:
    parent = await worried(parts)
    assert refs(await parent.say(word)) == [ref]
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    assert ref in refs(await parent.say(word))


async def test_forgetting_is_answered_the_same_whether_a_case_exists_or_not(parts: Parts, ada: int) -> None:
    """Somebody else may be holding the telephone: the chat must not tell whether there was a worry."""
    with_case, without = await worried(parts), Parent(parts, language="en")
    await without.say("menu")
    answers = []
    for parent in (with_case, without):
        asked = await parent.say("forget me")
        done = await parent.press("Yes, forget me")
        answers.append([(reply.ref, RECEIPT.sub("receipt", reply.text), reply.titles) for reply in (*asked, *done)])
    assert answers[0] == answers[1]
    assert case_of(parts, with_case).state != "closed" and "receipt is \u2066receipt\u2069" in answers[0][-1][1]


async def test_not_what_i_meant_brings_the_bot_back_and_keeps_the_case_open(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    assert refs(await parent.press("Not what I meant")) == ["safety:not-what-i-meant"]
    assert refs(await parent.say("menu"))[0] == "text:menu.intro"
    case = case_of(parts, parent)
    assert (case.state, case.rank, case.not_meant) == ("open", 2, True)


async def test_a_new_urgent_message_after_not_what_i_meant_counts(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    await parent.press("Not what I meant")
    heard = await parent.say(URGENT)
    assert heard[0].ref.startswith("safety:urgent")
    assert not case_of(parts, parent).not_meant


# A practitioner is there


async def test_while_a_practitioner_holds_the_case_the_bot_is_quiet(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    desk.send_reply(parts, case_of(parts, parent).id, ada, "Hello, I am Ada")
    assert await parent.say("thank you for writing") == []
    assert await parent.say("menu") == []
    assert parent.inbox()[-1].case_id == case_of(parts, parent).id


async def test_the_practitioners_words_reach_the_parent_signed(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    case = case_of(parts, parent)
    desk.claim_case(parts, case.id, ada)
    desk.send_reply(parts, case.id, ada, "Hello, how is today?")
    joined, reply = parent.everything()[-2:]
    assert joined.ref == "safety:person-joined"
    assert (reply.text, reply.outbound.voice, reply.outbound.voice_name) == (
        "Hello, how is today?",
        "practitioner",
        "Ada, Health visitor",
    )


async def test_an_emergency_is_answered_by_the_bot_even_while_a_practitioner_is_there(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    assert (await parent.say(EMERGENCY))[0].ref.startswith("safety:emergency")


async def test_a_case_put_back_after_an_answer_is_promised_for_a_new_time(
    parts: Parts, ada: int, at: Callable[[datetime], None]
) -> None:
    """The parent had an answer in time: nobody has to say sorry for what was kept."""
    parent = await worried(parts)
    case = case_of(parts, parent)
    desk.claim_case(parts, case.id, ada)
    desk.send_reply(parts, case.id, ada, "Hello")
    at(MORNING + timedelta(hours=3))
    desk.release_case(parts, case.id, ada)
    at(MORNING + timedelta(hours=3, minutes=30))
    heard = await parent.say("are you there")
    assert refs(heard) == ["safety:waiting"]
    assert "When: by 14:00." in heard[0].text


async def test_after_closing_the_bot_helps_again(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    case = case_of(parts, parent)
    desk.claim_case(parts, case.id, ada)
    desk.send_reply(parts, case.id, ada, "Hello")
    desk.close_case(parts, case.id, ada, "answered")
    assert refs(await parent.say("menu"))[0] == "text:menu.intro"


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (timedelta(hours=9), "they went home"),
        (timedelta(hours=3), "the reply target passed"),
        (timedelta(days=3), "days went by"),
    ],
)
async def test_a_practitioner_who_is_gone_does_not_leave_the_parent_in_silence(
    parts: Parts, ada: int, at: Callable[[datetime], None], later: timedelta, why: str
) -> None:
    parent = await worried(parts)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    at(MORNING + later)
    assert refs(await parent.say("are you there"))[0] == "safety:waiting-late", why


async def test_past_the_hours_the_bot_says_so_and_helps_again(
    parts: Parts, ada: int, at: Callable[[datetime], None], rasa: RasaDouble
) -> None:
    rasa.answers(turn(MESSAGE))
    parent = await worried(parts)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    at(MORNING + timedelta(hours=9))
    async with understanding(parts, rasa.url):
        heard = refs(await parent.say("how do i settle a crying baby"))
    assert heard[0] == "safety:waiting-late"
    assert MESSAGE["ref"].replace("give", "message") in heard


# A concern


async def test_a_concern_gets_warmth_then_a_message_and_the_offer_of_a_person(parts: Parts, ada: int, rasa: RasaDouble) -> None:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        heard = await parent.say(WORRY)
    assert refs(heard)[:2] == ["safety:concern", "message:baby/crying/start-here"]
    assert case_of(parts, parent) is None


async def test_a_yes_to_the_offer_opens_a_case(parts: Parts, ada: int, rasa: RasaDouble) -> None:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        await parent.say(WORRY)
        heard = await parent.say("yes please")
    assert refs(heard) == ["text:person.coming", "text:share.ask"]
    assert case_of(parts, parent).level == "concern"


async def test_a_no_to_the_offer_opens_none(parts: Parts, ada: int, rasa: RasaDouble) -> None:
    rasa.answers(turn(MESSAGE))
    parent = Parent(parts, language="en")
    async with understanding(parts, rasa.url):
        await parent.say(WORRY)
        heard = await parent.say("no thanks")
    assert refs(heard) == ["text:no.fine"]
    assert case_of(parts, parent) is None


async def test_a_concern_is_met_with_warmth_when_rasa_is_away(parts: Parts, ada: int) -> None:
    heard = await Parent(parts, language="en").say(WORRY)
    assert refs(heard)[:2] == ["safety:concern", "text:unavailable"]


async def test_who_asked_for_a_person_goes_on_with_the_bot_until_somebody_comes(parts: Parts, ada: int) -> None:
    parent = Parent(parts, language="en")
    await parent.say("talk to a person")
    assert refs(await parent.say("menu"))[0] == "text:menu.intro"
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    assert await parent.say("menu") == []


async def test_every_message_ends_in_a_named_state(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    for text in ("hello", "menu", "stop", EMERGENCY):
        await parent.say(text)
    with parts.database.read() as session:
        assert {(row.state, row.open, row.outcome is not None) for row in session.scalars(select(Inbox))} == {("done", 0, True)}
        assert now() >= max(row.done_at for row in session.scalars(select(Inbox)) if row.done_at)


async def test_a_paused_bot_stays_quiet_past_hours_and_target_but_answers_emergencies(
    parts: Parts, ada: int, at: Callable[[datetime], None]
) -> None:
    parent = await worried(parts)
    case = case_of(parts, parent)
    desk.claim_case(parts, case.id, ada)
    desk.pause_bot(parts, case.id, ada, True)
    at(MORNING + timedelta(days=3))  # a Saturday
    assert refs(await parent.say("are you still there?")) == []
    assert refs(await parent.say(EMERGENCY))[0].startswith("safety:emergency")
    desk.pause_bot(parts, case.id, ada, False)
    assert refs(await parent.say("hello?")) != []


async def test_a_pause_counts_even_after_not_what_i_meant(parts: Parts, ada: int) -> None:
    parent = await worried(parts)
    case = case_of(parts, parent)
    desk.claim_case(parts, case.id, ada)
    with parts.database.write() as session:
        session.get_one(Case, case.id).not_meant = True
    assert refs(await parent.say("hello there")) != []
    desk.pause_bot(parts, case.id, ada, True)
    assert refs(await parent.say("hello there")) == []
