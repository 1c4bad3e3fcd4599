"""When parts fail: each gets a sensible answer, is logged without the parent's words, and loses nothing.

Rasa's failures are shown by a server that answers as it is told; the workers are the real ones."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, update

from bot.conversation.journey import TRIES
from bot.conversation.worker import Workers
from bot.messages import MAX_TEXT, Kind
from bot.storage.claims import Fenced
from bot.storage.crypto import Keyring, new_key
from bot.storage.tables import Inbox, Incident, Outbox
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.conversation.support import Parent, drain, refs, understanding
from tests.doubles.rasa_server import Answer, RasaDouble, turn

SECRET = "my sister wren-of-the-hill cannot settle her baby at night"
MESSAGE = {"ref": "give:baby/crying/start-here", "outcome": "answered", "second": None, "topic": "baby/crying"}


@asynccontextmanager
async def working(parts: Parts, **settings: float) -> AsyncIterator[Workers]:
    """The real workers, in this test's event loop."""
    workers = Workers(parts.journey, parts.hub, at_once=4, look_every=settings.get("look_every", 0.05))
    running = asyncio.create_task(workers.run())
    try:
        yield workers
    finally:
        workers.stop()
        await asyncio.wait_for(running, 20)


async def finished(parts: Parts, parent: Parent, seconds: float = 20.0) -> None:
    """Wait until the workers have done all that this parent wrote."""
    async with asyncio.timeout(seconds):
        with parts.hub.subscription(f"person:{parent.person_id}") as changed:
            while any(row.open for row in await asyncio.to_thread(parent.inbox)):
                changed.clear()
                if any(row.open for row in await asyncio.to_thread(parent.inbox)):
                    await asyncio.wait([asyncio.create_task(changed.wait())], timeout=0.5)


def parent_of(parts: Parts) -> Parent:
    return Parent(parts, language="en")


def incidents(parts: Parts) -> list[str]:
    with parts.database.read() as session:
        return list(session.scalars(select(Incident.kind)))


NONSENSE = {
    "status 500": Answer(b'{"error": "x"}', status=500),
    "status 404": Answer(b"not found", status=404),
    "no JSON": Answer(b"<html>oops</html>"),
    "nothing": Answer(b""),
    "a list": Answer(b"[]"),
    "null": Answer(b"null"),
    "an empty object": Answer(b"{}"),
    "no messages: an action failed": turn(),
    "messages that are words": Answer(
        json.dumps({"parse": {}, "messages": ["hi"], "slots": {}, "form": None, "requested_slot": None}).encode()
    ),
    "a message without a reference": turn({"text": "hello"}),
    "a reference that is no string": turn({"ref": 7}),
    "an unknown reference": turn({"ref": "sing:loudly"}),
    "an unknown handler": turn({"ref": "do:fly"}),
    "an unknown question": turn({"ref": "ask:shoe_size"}, form="find_service_form", requested_slot="shoe_size"),
    "a choice without choices": turn({"ref": "which:"}),
    "an answer without an outcome": turn({"ref": "give:baby/crying/start-here"}),
    "slots that are a list": Answer(
        json.dumps({"parse": {}, "messages": [MESSAGE], "slots": [1], "form": None, "requested_slot": None}).encode()
    ),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
async def test_whatever_nonsense_rasa_answers_the_parent_gets_an_honest_answer_with_ways_on(
    parts: Parts, rasa: RasaDouble, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    rasa.answers(answer)
    parent = parent_of(parts)
    async with understanding(parts, rasa.url):
        (reply,) = await parent.say(SECRET)
    assert reply.ref == "text:unavailable"
    assert "ask again in a few minutes" in reply.text  # nothing takes the question up by itself later
    assert reply.titles == ["Help now", "Talk to a person", "Menu"]
    assert (parent.inbox()[0].state, parent.inbox()[0].outcome) == ("done", "unavailable")
    assert incidents(parts) == ["rasa-unavailable"]
    assert "wren-of-the-hill" not in caplog.text
    assert len(rasa.calls) == 1, "never the same turn twice to one tracker"


async def test_a_turn_that_was_nonsense_leaves_the_form_where_it_was(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(
        turn({"ref": "ask:age"}, form="find_service_form", requested_slot="age", slots={"need": "sleep"}),
        turn({"ref": "sing:"}, form=None),
        turn({"ref": "ask:mode"}, form="find_service_form", requested_slot="mode", slots={"need": "sleep", "age": "6"}),
    )
    parent = parent_of(parts)
    async with understanding(parts, rasa.url):
        await parent.say("help with sleep near me")
        await parent.say("six months or so")
        assert (parent.state()["form"], parent.state()["requested_slot"]) == ("find_service_form", "age")
        await parent.say("six months or so")
    assert rasa.calls[2]["slots"] == {"need": "sleep"}


@pytest.mark.parametrize("answer", [Answer(hang=True)], ids=["hangs"])
async def test_a_rasa_that_hangs_costs_its_time_out_and_no_more(parts: Parts, rasa: RasaDouble, answer: Answer) -> None:
    rasa.answers(answer)
    parent = parent_of(parts)
    async with asyncio.timeout(10), understanding(parts, rasa.url, timeout=0.3):
        assert refs(await parent.say("how do i wean")) == ["text:unavailable"]


async def test_a_rasa_that_answers_drop_by_drop_is_cut_off_within_the_lease(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(Answer(turn(MESSAGE).body, drip=0.2))
    parent = parent_of(parts)
    async with understanding(parts, rasa.url, timeout=0.4):
        await asyncio.wait_for(parent.say("how do i wean"), 5)
    assert refs(parent.everything())[0] == "text:unavailable"


async def test_with_rasa_stopped_everything_but_free_text_goes_on_and_nobody_need_act_when_it_comes_back(
    parts: Parts, rasa: RasaDouble
) -> None:
    rasa.answers(turn(MESSAGE))
    parent = parent_of(parts)
    async with understanding(parts, "http://127.0.0.1:9"):  # nothing listens there
        assert "text:menu.intro" in refs(await parent.say("menu"))
        assert (await parent.press("Crying"))[0].ref.startswith("message:baby/crying/")
        assert refs(await parent.say("how do i wean"))[0] == "text:unavailable"
        assert refs(await parent.say("stop")) == ["text:stop.done"]
        assert refs(await parent.say("talk to a person"))[0].startswith("text:person.")
        assert (await parent.say("my baby is not breathing"))[0].ref.startswith("safety:emergency")
    other = parent_of(parts)
    async with understanding(parts, rasa.url):
        assert (await other.say("how do i settle him"))[0].ref == "message:baby/crying/start-here"


async def test_after_the_words_for_an_emergency_no_answer_to_an_earlier_message_comes(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(Answer(hang=True))
    parent = parent_of(parts)
    async with understanding(parts, rasa.url, timeout=0.8):
        await asyncio.to_thread(parent.send, "how do i wean")
        async with working(parts):
            while not rasa.calls:  # the first message is being thought about
                await asyncio.sleep(0.02)
            await asyncio.to_thread(parent.send, "my baby is not breathing")
            await finished(parts, parent)
    heard = parent.everything()
    assert [reply.ref.split(":")[0] for reply in heard] == ["safety", "safety"]
    assert parent.inbox()[0].outcome == "overtaken"
    assert [row.case_id is not None for row in parent.inbox()] == [True, True]
    assert len({row.case_id for row in parent.inbox()}) == 1


async def test_a_message_that_fails_for_good_after_an_emergency_gets_no_apology(
    parts: Parts,
) -> None:
    parent = parent_of(parts)
    await asyncio.to_thread(parent.send, "menu")
    (work,) = await asyncio.to_thread(parts.journey.claim, 1)
    await asyncio.to_thread(parent.send, "my baby is not breathing")
    work.attempts = TRIES
    await asyncio.to_thread(parts.journey.give_up, work, RuntimeError("broken"))
    assert {reply.ref.split(":")[0] for reply in parent.everything()} == {"safety"}
    assert parent.inbox()[0].state == "failed"


async def test_a_concern_that_meets_a_failing_rasa_keeps_its_warm_words(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(Answer(status=500))
    parent = parent_of(parts)
    async with understanding(parts, rasa.url):
        heard = await parent.say("i feel so low and i cry all day since he was born")
    assert refs(heard)[:2] == ["safety:concern", "text:unavailable"]


# The workers


async def test_twenty_messages_in_a_second_are_answered_in_order_each_once(parts: Parts) -> None:
    parent = parent_of(parts)
    words = ["menu", "help now", "language", "source", "start"] * 4
    for word in words:
        await asyncio.to_thread(parent.send, word)
    async with working(parts):
        await finished(parts, parent)
    with parts.database.read() as session:
        rows = session.scalars(select(Outbox).where(Outbox.key.like("%:0")).order_by(Outbox.id)).all()
    wanted = ["text:menu.intro", "text:help_now", "text:language.choose", "text:source.none", "text:start.done"] * 4
    assert [row.ref for row in rows] == wanted
    assert [row.inbox_id for row in rows] == [row.id for row in parent.inbox()]


async def test_two_processes_work_side_by_side_and_answer_each_message_once(
    build_parts: Callable[..., Parts], database_address: str
) -> None:
    first, second = build_parts(database_address), build_parts(database_address)
    parents = [parent_of(first) for _ in range(4)]
    for word in ("menu", "help now", "start"):
        for parent in parents:
            await asyncio.to_thread(parent.send, word)
    async with working(first), working(second):
        for parent in parents:
            await finished(first, parent)
    for parent in parents:
        answers = [reply.ref for reply in parent.everything() if reply.key.endswith(":0")]
        assert answers == ["text:menu.intro", "text:help_now", "text:start.done"]


async def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(parts: Parts) -> None:
    parent = parent_of(parts)
    await asyncio.to_thread(parent.send, "menu")
    (dead,) = await asyncio.to_thread(parts.journey.claim, 1)
    await parts.journey.think(dead)  # and then it is gone, before its commit
    with parts.database.write() as session:
        session.execute(update(Inbox).values(lease_until=parent.inbox()[0].received_at))
    await drain(parts)
    assert refs(parent.everything())[0] == "text:menu.intro"
    count = len(parent.everything())
    with pytest.raises(Fenced):
        await asyncio.to_thread(parts.journey.commit, dead)
    assert len(parent.everything()) == count


async def test_a_message_whose_answer_cannot_be_rendered_is_ended_honestly_and_holds_up_no_other(
    parts: Parts, rasa: RasaDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rasa.answers(turn({"ref": "services:", "items": [{}], "more": False, "wanted": {}}))
    parent = parent_of(parts)
    async with understanding(parts, rasa.url), working(parts):
        await asyncio.to_thread(parent.send, SECRET)
        await asyncio.to_thread(parent.send, "menu")
        await finished(parts, parent)
    assert [row.state for row in parent.inbox()] == ["failed", "done"]
    assert refs(parent.everything())[:2] == ["text:unavailable", "text:menu.intro"]
    assert "message-failed" in incidents(parts)
    assert "wren-of-the-hill" not in caplog.text


async def test_a_message_that_cannot_be_read_does_not_stop_the_workers(parts: Parts) -> None:
    broken, other = parent_of(parts), parent_of(parts)
    await asyncio.to_thread(broken.send, "menu")
    with parts.database.write() as session:
        session.execute(update(Inbox).values(sealed=Keyring([new_key()]).seal_json({"text": "lost key"})))
    await asyncio.to_thread(other.send, "menu")
    async with working(parts):
        await finished(parts, other, seconds=5)
    assert refs(other.everything())[0] == "text:menu.intro"


async def test_a_locked_database_keeps_the_parent_waiting_a_moment_and_loses_nothing(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parent = parent_of(parts)
    await asyncio.to_thread(parent.send, "menu")
    other = sqlite3.connect(parts.database.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    async with working(parts):
        arriving = asyncio.create_task(asyncio.to_thread(parent.send, "help now"))
        await asyncio.wait([arriving], timeout=0.5)
        other.execute("ROLLBACK")
        other.close()
        assert (await arriving).stored
        await finished(parts, parent)
    answers = [reply.ref for reply in parent.everything() if reply.key.endswith(":0")]
    assert answers == ["text:menu.intro", "text:help_now"]


async def test_a_database_locked_for_good_spools_the_message_and_the_sweep_takes_it_up(parts: Parts) -> None:
    parent = parent_of(parts)
    other = sqlite3.connect(parts.database.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    receipt = await asyncio.to_thread(parent.send, "menu")  # waits for the busy time-out
    assert not receipt.stored
    other.execute("ROLLBACK")
    other.close()
    await asyncio.to_thread(Sweep(parts).once)
    with parts.database.read() as session:
        parent.person_id = session.scalars(select(Inbox.person_id)).one()
    await drain(parts)
    assert refs(parent.everything())[0] == "text:menu.intro"


# Odd messages


@pytest.mark.parametrize(
    "text",
    ["🙂🙂🙂", "???", "   ", "…", "\u200f", "a", "0", "/restart", "/session_start", '/find_service{"need":"x"}', "ß" * 300],
)
async def test_odd_messages_get_an_answer_and_never_a_command_to_rasa(parts: Parts, rasa: RasaDouble, text: str) -> None:
    parent = parent_of(parts)
    async with understanding(parts, rasa.url):
        heard = await parent.say(text)
    assert heard, "silence is a bug"
    assert all(not sent.startswith("/") and sent.strip() for sent in rasa.texts())


async def test_ten_thousand_characters_are_read_to_a_limit_and_answered(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn(MESSAGE))
    parent = parent_of(parts)
    async with asyncio.timeout(20), understanding(parts, rasa.url, timeout=2):
        heard = await parent.say("my baby cries at night and i do not know why. " * 220)
    assert heard[0].ref == "message:baby/crying/start-here"
    assert len(parts.keyring.open_json(parent.inbox()[0].sealed)["text"]) == MAX_TEXT
    assert len(rasa.texts()[0]) <= 2_000


async def test_a_long_message_full_of_digits_does_not_hold_up_anybody(parts: Parts) -> None:
    parent = parent_of(parts)
    async with asyncio.timeout(20):
        assert await parent.say("1" * 10_000)


@pytest.mark.parametrize(
    ("kind", "media"),
    [(Kind.UNSUPPORTED, "photo"), (Kind.UNSUPPORTED, None), (Kind.BUTTON, None), (Kind.LOCATION, None), (Kind.EDIT, None)],
)
async def test_an_empty_event_of_any_kind_is_answered(parts: Parts, kind: Kind, media: str | None) -> None:
    assert await parent_of(parts).say(kind=kind, media=media)


async def test_no_log_line_of_a_whole_conversation_holds_what_was_written(
    parts: Parts, rasa: RasaDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rasa.answers(Answer(hang=True))
    parent = parent_of(parts)
    async with understanding(parts, rasa.url, timeout=0.2), working(parts):
        for text in (SECRET, "menu", f"my baby is not breathing {SECRET}"):
            await asyncio.to_thread(parent.send, text)
        await finished(parts, parent)
    assert "wren-of-the-hill" not in caplog.text
    assert parent.value not in caplog.text
