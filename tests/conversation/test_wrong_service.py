"""A parent says that a service is not as the directory has it: by a button or in words, with a reason or without."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.conversation import services
from bot.languages import supported
from bot.messages import MAX_BUTTONS
from bot.storage.tables import Outbox
from bot.wiring import Parts
from services_directory import models, writing
from services_directory.directory import london_now
from services_directory.editing.desk import Person
from services_directory.freshness import reports, translations
from services_directory.freshness.reports import Reported
from services_directory.freshness.tables import AgeLimit, ParentReport
from tests.conversation.support import Parent, Said, refs, understanding
from tests.doubles.rasa_server import RasaDouble, turn

LANGUAGES = [one.code for one in supported()]
EVERYBODY = Person(id=1, name="Ada", area_id=None)
WANTED = {"mode": "online"}


def items_of(parts: Parts, language: str = "en", count: int = 3, **wanted: str) -> list[dict[str, Any]]:
    return services.search(parts.directory, wanted or WANTED, language)[0][:count]


async def shown(parts: Parts, rasa: RasaDouble, parent: Parent, items: list[dict[str, Any]]) -> list[Said]:
    """The parent has been shown these services."""
    rasa.answers(turn({"ref": "services:", "items": items, "more": False, "wanted": WANTED}))
    async with understanding(parts, rasa.url):
        return await parent.say("???")  # in no language, so that the answer is in the parent's own


def reported(parts: Parts) -> list[Reported]:
    with parts.database.read() as session:
        return reports.reported(session, EVERYBODY)


def title(parts: Parts, key: str, language: str = "en", **values: str) -> str:
    return parts.renderer.library.strings.get(key, language, **values)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_services_offer_it_with_no_more_than_three_buttons_in_every_language(
    parts: Parts, rasa: RasaDouble, language: str
) -> None:
    parent = Parent(parts, language=language)
    (said, *_) = await shown(parts, rasa, parent, items_of(parts, language))
    assert title(parts, "button.wrong", language) in said.titles and len(said.outbound.buttons) <= MAX_BUTTONS


async def test_of_several_the_parent_is_asked_which_and_thanked_and_may_give_a_reason(parts: Parts, rasa: RasaDouble) -> None:
    parent, items = Parent(parts, language="en"), items_of(parts)
    assert len(items) == 3
    await shown(parts, rasa, parent, items)
    (asked,) = await parent.press("This is wrong")
    assert asked.ref == "text:wrong.which" and f"2. {items[1]['name']}" in asked.text and reported(parts) == []
    (thanked,) = await parent.press(asked.titles[1])
    assert thanked.ref == "text:wrong.thanks" and items[1]["name"] in thanked.text and "Nothing about you" in thanked.text
    assert [one.service.id for one in reported(parts)] == [items[1]["id"]]
    heard = await parent.press("It has moved")
    assert refs(heard) == ["text:wrong.reason_thanks"]
    (item,) = reported(parts)
    assert (item.count, item.reasons) == (1, (("moved", 1),))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_do_the_same_in_every_language(parts: Parts, rasa: RasaDouble, language: str) -> None:
    parent, items = Parent(parts, language=language), items_of(parts, language, count=1)
    await shown(parts, rasa, parent, items)
    (thanked,) = await parent.say(title(parts, "button.wrong", language))
    assert thanked.ref == "text:wrong.thanks" and thanked.language == language and len(thanked.titles) >= 6
    assert [one.count for one in reported(parts)] == [1]


async def test_one_parent_counts_once_and_several_are_one_item(parts: Parts, rasa: RasaDouble) -> None:
    items = items_of(parts, count=1)
    for _ in range(2):
        parent = Parent(parts, language="en")
        await shown(parts, rasa, parent, items)
        for _ in range(3):
            assert refs(await parent.press("This is wrong")) == ["text:wrong.thanks"]
            assert refs(await parent.press("Wrong phone number")) == ["text:wrong.reason_thanks"]
    (item,) = reported(parts)
    assert (item.count, item.reasons) == (2, (("phone", 2),))


async def test_without_a_service_shown_it_is_taken_for_feedback(parts: Parts, rasa: RasaDouble) -> None:
    parent = Parent(parts, language="en")
    assert refs(await parent.say("this is wrong"))[:1] == ["text:feedback.bad"]
    assert reported(parts) == []


async def test_nothing_of_the_parent_is_kept_with_the_report(parts: Parts, rasa: RasaDouble) -> None:
    parent = Parent(parts, language="en")
    await shown(parts, rasa, parent, items_of(parts, count=1))
    await parent.press("This is wrong")
    with Session(parts.directory_engine) as session:
        (row,) = session.scalars(select(ParentReport))
        kept = {column.name: getattr(row, column.name) for column in ParentReport.__table__.columns}
    today = london_now().date()
    assert kept == {"service_id": kept["service_id"], "reason": "", "count": 1, "first_on": today, "last_on": today}


async def test_a_service_that_is_gone_meanwhile_is_thanked_for_all_the_same(parts: Parts, rasa: RasaDouble) -> None:
    parent, items = Parent(parts, language="en"), items_of(parts, count=1)
    await shown(parts, rasa, parent, items)
    with writing(parts.directory_engine) as session:
        session.delete(session.get_one(models.Service, items[0]["id"]))
    assert refs(await parent.press("This is wrong")) == ["text:wrong.thanks"]
    assert reported(parts) == [] and parent.inbox()[-1].state == "done"


async def test_two_parents_at_once_are_both_counted(parts_on_both: Parts, rasa: RasaDouble) -> None:
    parts = parts_on_both
    items, pair = items_of(parts, count=1), [Parent(parts, language="en") for _ in range(2)]
    for parent in pair:
        await shown(parts, rasa, parent, items)
        await asyncio.to_thread(parent.send, "this is wrong")
    works = await asyncio.to_thread(parts.journey.claim, 16)
    for work in works:
        await parts.journey.think(work)
    await asyncio.gather(*(asyncio.to_thread(parts.journey.commit, work) for work in works))
    assert [one.count for one in reported(parts)] == [2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_past_its_limit_says_since_when_it_was_not_checked_in_every_language(parts: Parts, language: str) -> None:
    with writing(parts.directory_engine) as session:
        for service in session.scalars(select(models.Service)):
            service.area_id, service.assured_date = "here", london_now().date() - timedelta(days=80)
        session.add(AgeLimit(area_id="here", days=60, set_by="Ada"))
    (item, *_) = items_of(parts, language)
    assert item["past_limit"]
    words = parts.renderer.render(services.reply([item], False, demonstration=False), language, None).outbound.text
    assert title(parts, "services.not_checked_since", language, value=item["checked"]) in words
    assert title(parts, "services.checked", language, value=item["checked"]) not in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_full_service_says_since_when_in_every_language(parts: Parts, language: str) -> None:
    with writing(parts.directory_engine) as session:
        for service in session.scalars(select(models.Service)):
            service.full_since = london_now().date()
    (item, *_) = items_of(parts, language)
    words = parts.renderer.render(services.reply([item], False, demonstration=False), language, None).outbound.text
    assert title(parts, "services.full", language, value=item["full"]) in words


def test_a_name_held_in_the_parents_language_is_shown_and_else_the_records_own(parts: Parts) -> None:
    (own, *_) = items_of(parts, "cy")
    with writing(parts.directory_engine) as session:
        translations.set_translation(session, own["id"], "cy", "Amser Rhigwm", "Canu gyda'ch babi.", "Ada")
    (item, *_) = items_of(parts, "cy")
    assert (item["name"], item["description"]) == ("Amser Rhigwm", "Canu gyda'ch babi.")
    words = parts.renderer.render(services.reply([item], False, demonstration=False), "cy", None).outbound.text
    assert "*Amser Rhigwm*" in words and "Canu gyda'ch babi." in words
    assert all(one["name"] != "Amser Rhigwm" for one in [*items_of(parts, "pl"), *items_of(parts, "en")])


async def test_the_words_of_a_report_are_in_no_outbox_but_the_parents_own(parts: Parts, rasa: RasaDouble) -> None:
    parent = Parent(parts, language="en")
    await shown(parts, rasa, parent, items_of(parts, count=1))
    await parent.press("This is wrong")
    with parts.database.read() as session:
        assert set(session.scalars(select(Outbox.person_id))) == {parent.person_id}
