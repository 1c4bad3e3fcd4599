"""A promised time that has passed is told by the sweep, once, without the parent writing again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.handoff import cases, desk
from bot.languages import supported
from bot.storage.tables import Case, Outbox, Person, PersonAddress, Staff, now
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.conversation.support import Parent, refs

URGENT = "i keep thinking they would be better off without me"
ABUSE = "my husband hits me and controls my money"
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)  # a Wednesday
LATER = MORNING + timedelta(hours=3)
LATE = "safety:waiting-late"

At = Callable[[datetime], None]


@pytest.fixture
def ada(parts: Parts, at: At) -> int:
    at(MORNING)
    with parts.database.write() as session:
        row = Staff(username="ada", first_name="Ada", job_title="Health visitor", password_hash="x", area_id="demonstration")
        session.add(row)
    return row.id


async def worried(parts: Parts, at: At, text: str = URGENT, channel: str = "terminal", language: str = "en") -> Parent:
    at(MORNING)
    parent = Parent(parts, language=language, channel=channel)
    await parent.say(text)
    return parent


def case_of(parts: Parts, parent: Parent) -> Case:
    with parts.database.read() as session:
        case = cases.current(session, parent.person_id)
        assert case is not None
        return case


def late(parent: Parent) -> int:
    return refs(parent.everything()).count(LATE)


def sweep(parts: Parts, times: int = 1) -> None:
    for _ in range(times):
        Sweep(parts).once()


def change(parts: Parts, parent: Parent, **values: object) -> None:
    with parts.database.write() as session:
        person = session.get_one(Person, parent.person_id)
        for name, value in values.items():
            setattr(person, name, value)


async def test_the_parent_is_told_once_with_lines_and_without_writing_again(parts_on_both: Parts, at: At) -> None:
    parts = parts_on_both
    parent = await worried(parts, at)
    sweep(parts)
    assert late(parent) == 0, "the time has not passed"
    at(LATER)
    sweep(parts, 3)
    assert late(parent) == 1
    said = parent.everything()[-1]
    assert said.message_class == "service_notice"
    assert "999" in said.text and "Samaritans" in said.text
    assert said.titles == ["Not what I meant", "Help now"]
    assert case_of(parts, parent).late_told_at is not None


async def test_a_channel_that_pushes_gets_it_queued(parts: Parts, at: At) -> None:
    parent = await worried(parts, at, channel="telegram")
    at(LATER)
    sweep(parts)
    with parts.database.read() as session:
        row = session.scalars(select(Outbox).where(Outbox.ref == LATE)).one()
    assert (row.state, row.message_class, row.person_id) == ("queued", "service_notice", parent.person_id)


async def test_who_wrote_stop_or_is_not_safe_to_contact_is_not_written_to_but_hears_it_when_they_write(
    parts: Parts, at: At
) -> None:
    stopped, unsafe = await worried(parts, at), await worried(parts, at, ABUSE)
    change(parts, stopped, stopped_at=now())
    assert unsafe.person().contact_unsafe
    at(LATER)
    sweep(parts)
    assert (late(stopped), late(unsafe)) == (0, 0)
    assert refs(await stopped.say("is anyone there")) == [LATE]


async def test_nobody_is_told_who_cannot_be_reached_or_said_it_was_not_meant(parts: Parts, at: At) -> None:
    blocked, not_meant = await worried(parts, at), await worried(parts, at)
    await not_meant.press("Not what I meant")
    with parts.database.write() as session:
        for address in session.scalars(select(PersonAddress).where(PersonAddress.person_id == blocked.person_id)):
            address.unreachable_at = now()
    at(LATER)
    sweep(parts)
    assert (late(blocked), late(not_meant)) == (0, 0)


async def test_who_has_had_a_reply_is_not_told(parts: Parts, ada: int, at: At) -> None:
    answered, held = await worried(parts, at), await worried(parts, at)
    desk.claim_case(parts, case_of(parts, answered).id, ada)
    desk.send_reply(parts, case_of(parts, answered).id, ada, "Hello")
    desk.claim_case(parts, case_of(parts, held).id, ada)
    at(LATER)
    sweep(parts)
    assert (late(answered), late(held)) == (0, 1), "to hold a case is no reply"


async def test_a_case_that_is_raised_after_a_reply_is_a_new_promise(parts: Parts, ada: int, at: At) -> None:
    at(MORNING)
    parent = Parent(parts, language="en")
    await parent.say("talk to a person")
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    desk.send_reply(parts, case_of(parts, parent).id, ada, "Hello")
    at(MORNING + timedelta(days=6))
    sweep(parts)
    assert late(parent) == 0
    await parent.say(URGENT)
    at(MORNING + timedelta(days=12))
    sweep(parts, 2)
    assert late(parent) == 1


async def test_a_closed_case_is_not_late(parts: Parts, ada: int, at: At) -> None:
    parent = await worried(parts, at)
    at(LATER)
    desk.claim_case(parts, case_of(parts, parent).id, ada)
    desk.close_case(parts, case_of(parts, parent).id, ada, "answered")
    sweep(parts)
    assert late(parent) == 0


@pytest.mark.parametrize("language", [entry.code for entry in supported()])
async def test_it_is_told_in_the_parents_language_and_direction(parts: Parts, at: At, language: str) -> None:
    at(MORNING)
    parent = Parent(parts, language=language)
    await parent.start()
    await parent.press(parts.library.strings.get("button.person", language))
    at(MORNING + timedelta(days=6))
    sweep(parts)
    said = parent.everything()[-1]
    assert (said.ref, said.language) == (LATE, language)
    assert said.outbound.direction == ("rtl" if language in ("ur", "ar") else "ltr")
