"""From a campaign's link to the first answer: who came from where is known, and whose link it was is only counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.campaigns.store import add_link
from bot.languages import supported
from bot.messages import Kind
from bot.storage.tables import CampaignArrival, Inbox, Person
from bot.wiring import Parts
from tests.conversation.support import Parent, refs

LANGS = tuple(language.code for language in supported())
DURING, BEFORE = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 10, 1, 12, tzinfo=UTC)
FIRST = "message:wellbeing/dads/start-here"


@pytest.fixture(autouse=True)
def while_it_runs(at: Callable[[datetime], None]) -> None:
    at(DURING)


def arrivals(parts: Parts) -> dict[tuple[str, str], int]:
    with parts.database.read() as session:
        return {(row.campaign, row.suffix): row.people for row in session.scalars(select(CampaignArrival))}


def sends(parts: Parts, lang: str, code: str = "dads26") -> str:
    return parts.renderer.library.campaigns.by_code["dads26"].words[lang].to_send(code)


def stored(parts: Parts, row: Inbox) -> dict[str, object]:
    return dict(parts.keyring.open_json(row.sealed))


@pytest.mark.parametrize("lang", LANGS)
async def test_what_the_link_writes_is_answered_with_the_campaign_s_first_message_in_its_language(
    parts: Parts, lang: str
) -> None:
    parent = Parent(parts, channel="whatsapp")
    replies = await parent.say(sends(parts, lang))
    assert refs(replies)[0] == FIRST
    assert replies[0].language == lang
    assert (parent.person().campaign, parent.person().language) == ("dads26", lang)
    assert parent.inbox()[0].campaign == "dads26"
    assert parent.inbox()[0].topic == "wellbeing/dads"


async def test_neither_triage_nor_the_store_sees_the_code(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = parts.intake._triage.assess
    monkeypatch.setattr(parts.intake._triage, "assess", lambda text, language: read.append(text) or real(text, language))
    parent = Parent(parts, channel="whatsapp")
    await parent.say("DADS26 he cries all day")
    await Parent(parts, channel="whatsapp").say(sends(parts, "en"))
    assert read == ["he cries all day", ""]
    assert stored(parts, parent.inbox()[0])["text"] == "he cries all day"


async def test_somebody_s_own_words_beside_the_code_are_what_is_answered(parts: Parts) -> None:
    parent = Parent(parts, channel="whatsapp")
    parent.send("dads26 my baby is not breathing")
    assert parent.inbox()[0].level == "emergency"
    assert parent.person().campaign == "dads26"


async def test_a_command_beside_the_code_is_the_command(parts: Parts) -> None:
    replies = await Parent(parts, channel="whatsapp").say("dads26 menu")
    assert refs(replies)[0] == "text:menu.intro"


@pytest.mark.parametrize("payload", ["dads26", "DADS26", "dads26_ur", "dads26-k7m4_ur"])
async def test_a_deep_link_begins_with_it_too(parts: Parts, payload: str) -> None:
    parent = Parent(parts, channel="telegram", locale="en")
    replies = await parent.start(payload)
    assert refs(replies)[0] == FIRST
    assert replies[0].language == ("ur" if payload.endswith("_ur") else "en")
    assert parent.person().campaign == "dads26"


async def test_web_chat_brings_the_code_beside_the_words(parts: Parts) -> None:
    opening = parts.renderer.library.campaigns.by_code["dads26"].words["ur"].opening
    parent = Parent(parts, channel="webchat", language="ur")
    replies = await parent.say(opening, start_payload="dads26-k7m4")
    assert refs(replies)[0] == FIRST
    assert parent.inbox()[0].kind == Kind.TEXT.value  # it stays in the chat that they see
    assert stored(parts, parent.inbox()[0])["text"] == opening


@pytest.mark.parametrize("payload", ["gone26", "web-en", None])
async def test_no_code_or_a_wrong_one_is_fine(parts: Parts, payload: str | None) -> None:
    assert refs(await Parent(parts, channel="telegram").start(payload))[0] == "text:greet.hello"
    assert arrivals(parts) == {}


async def test_before_and_after_it_runs_the_code_is_taken_all_the_same_and_hello_said(
    parts: Parts, at: Callable[[datetime], None]
) -> None:
    at(BEFORE)
    parent = Parent(parts, channel="whatsapp")
    assert refs(await parent.say(sends(parts, "en")))[0] == "text:greet.hello"
    assert parent.person().campaign == "dads26"


async def test_who_came_first_by_one_campaign_stays_its_own(parts: Parts) -> None:
    parent = Parent(parts, channel="whatsapp")
    await parent.say("dads26")
    assert refs(await parent.say("hello26"))[0] == "message:respond/she-checks-your-face"
    assert parent.person().campaign == "dads26"
    assert arrivals(parts) == {("dads26", ""): 1}


async def test_a_link_of_somebody_s_own_is_counted_and_kept_with_nobody(parts_on_both: Parts) -> None:
    parts = parts_on_both
    with parts.database.write() as session:
        suffix = add_link(session, "dads26", "Health visitors", area_id=None, staff_id=None).suffix
    people = [Parent(parts, channel="whatsapp") for _ in range(3)]
    for parent in people:
        await parent.say(sends(parts, "en", f"dads26-{suffix}".upper()))
        await parent.say("thank you")
    await Parent(parts, channel="whatsapp").say("dads26-q9q9")  # nobody made this one
    assert arrivals(parts) == {("dads26", suffix): 3, ("dads26", ""): 1}
    with parts.database.read() as session:
        assert set(session.scalars(select(Person.campaign))) == {"dads26"}
    assert all(suffix not in str(stored(parts, row)).lower() for parent in people for row in parent.inbox())


async def test_being_forgotten_changes_no_count(parts: Parts) -> None:
    parent = Parent(parts, channel="whatsapp")
    await parent.say("dads26")
    await parent.say("forget me")
    await parent.say("yes")
    assert arrivals(parts) == {("dads26", ""): 1}


async def test_an_event_delivered_twice_counts_once(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both, channel="whatsapp")
    for _ in range(2):
        parent.send("dads26", external_id="the same")
    assert arrivals(parts_on_both) == {("dads26", ""): 1}


async def test_what_waited_while_the_store_failed_is_counted_when_it_comes_back(parts: Parts) -> None:
    parent = Parent(parts, channel="whatsapp")
    sent = parent.inbound("dads26 hello there my friend")
    parts.intake._spool.write(sent, {"text": "x"})
    assert parts.intake.import_spooled() == 1
    assert arrivals(parts) == {("dads26", ""): 1}
    with parts.database.read() as session:
        assert stored(parts, session.scalars(select(Inbox)).one())["text"] == "hello there my friend"
