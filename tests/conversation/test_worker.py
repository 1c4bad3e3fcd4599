"""Workers: who is woken when, and that nobody waits for the slow look."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import select

from bot.conversation import journey as journey_module
from bot.conversation.worker import Workers
from bot.delivery.hub import Hub
from bot.storage.tables import Dialogue, Outbox, Person
from bot.wiring import Parts
from tests.conversation.support import Parent, drain


async def answer_next(parts: Parts) -> bool:
    """Answer one message; says whether its writer has written more."""
    (work,) = await asyncio.to_thread(parts.journey.claim, 1)
    await parts.journey.think(work)
    return await asyncio.to_thread(parts.journey.commit, work)


async def test_a_commit_says_whether_the_person_has_written_more(parts_on_both: Parts) -> None:
    first, second = Parent(parts_on_both), Parent(parts_on_both)
    for parent, text in ((first, "hello"), (first, "menu"), (second, "hello")):
        await asyncio.to_thread(parent.send, text)
    assert await answer_next(parts_on_both)  # the first parent's hello
    assert not await answer_next(parts_on_both)  # whichever comes next has nothing behind it
    assert not await answer_next(parts_on_both)


async def test_what_is_written_right_after_the_commit_is_seen(parts_on_both: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own wake-up came while the first was still open, so nothing else would look for it before the slow look."""
    parent = Parent(parts_on_both)
    await asyncio.to_thread(parent.send, "hello")
    look = journey_module.more_of

    def write_then_look(session: object, person_id: int) -> bool:
        parent.send("and one thing more")
        return look(session, person_id)  # type: ignore[arg-type]

    monkeypatch.setattr(journey_module, "more_of", write_then_look)
    assert await answer_next(parts_on_both)


@pytest.mark.parametrize(("messages", "woken"), [(1, False), (2, True)])
async def test_a_worker_wakes_the_others_only_for_a_person_who_wrote_more(parts: Parts, messages: int, woken: bool) -> None:
    parent = Parent(parts)
    for number in range(messages):
        await asyncio.to_thread(parent.send, f"menu{'!' * number}")
    hub = Hub()
    workers = Workers(parts.journey, hub, at_once=1, look_every=30)
    (work,) = await asyncio.to_thread(parts.journey.claim, 1)
    with hub.subscription("inbox") as heard, hub.subscription("outbox") as answered:
        await workers._handle(work)
        await asyncio.sleep(0)  # the hub wakes its listeners on the loop's next round
        assert answered.is_set()
        assert heard.is_set() is woken


async def test_two_quick_messages_are_both_answered_long_before_the_slow_look(parts: Parts) -> None:
    parent = Parent(parts)
    for text in ("hello", "menu"):
        await asyncio.to_thread(parent.send, text)
    workers = Workers(parts.journey, Hub(), at_once=4, look_every=600)
    running = asyncio.create_task(workers.run())
    async with asyncio.timeout(30):
        while sum(row.state == "done" for row in await asyncio.to_thread(parent.inbox)) < 2:
            await asyncio.sleep(0.05)
    workers.stop()
    await running


async def test_an_apology_belongs_to_the_campaign_and_the_case_as_the_answer_would(parts: Parts) -> None:
    parent = Parent(parts)
    await asyncio.to_thread(parent.send, "i keep thinking they would be better off without me")
    await drain(parts)
    with parts.database.write() as session:
        session.get_one(Person, parent.person_id).campaign = "poster"
    await asyncio.to_thread(parent.send, "are you there")
    for _ in range(journey_module.TRIES):
        (work,) = await asyncio.to_thread(parts.journey.claim, 1)
        await asyncio.to_thread(parts.journey.give_up, work, RuntimeError("on purpose"))
    apology = parent.everything()[-1]
    assert apology.ref == "text:unavailable"
    assert apology.case_id is not None
    with parts.database.read() as session:
        assert session.scalars(select(Outbox.campaign).where(Outbox.key == apology.key)).all() == ["poster"]


async def test_what_a_turn_adds_to_the_dialogue_is_kept_and_what_it_leaves_alone_is_not_written(parts_on_both: Parts) -> None:
    parts, parent = parts_on_both, Parent(parts_on_both)

    async def commit(*asked: str) -> tuple[list[str], datetime]:
        await asyncio.to_thread(parent.send, "hello")
        (work,) = await asyncio.to_thread(parts.journey.claim, 1)
        work.turn.state.asked += asked
        await asyncio.to_thread(parts.journey.commit, work)
        with parts.database.read() as session:
            kept = session.get_one(Dialogue, parent.person_id)
            return kept.state["asked"], kept.updated_at

    assert (await commit("one"))[0] == ["one"]
    asked, changed_at = await commit("two")
    assert asked == ["one", "two"]
    assert await commit() == (asked, changed_at)
