"""Finding a service for what was just asked about: the topic is a choice, and the directory knows which needs answer it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.actions.endpoint import action_app
from bot.app import listen, server
from bot.conversation import services
from bot.conversation.safety import ABUSE_TOPIC
from bot.library.yamlfile import read_yaml
from bot.messages import MAX_ROWS
from bot.settings import ROOT
from bot.storage.tables import Dialogue
from bot.wiring import Parts
from services_directory import vocabulary
from tests.conversation.support import Parent, understanding
from tests.doubles.rasa_form import FormRules
from tests.doubles.rasa_server import TOKEN, RasaDouble

NOT_OURS = set(read_yaml(ROOT / "content" / "understanding.yml", ROOT)["not_ours"])
TOPICS = [topic for topic in read_yaml(ROOT / "content" / "topics.yml", ROOT)["topics"] if topic not in NOT_OURS]


@asynccontextmanager
async def form(parts: Parts, rasa: RasaDouble) -> AsyncIterator[None]:
    """The form's rules and the app's own actions, over HTTP."""
    sock = listen("127.0.0.1", 0)
    endpoint = server(action_app(parts.actions, parts.registry, TOKEN))
    task = asyncio.create_task(endpoint.serve([sock]))
    rasa.respond = FormRules(f"http://127.0.0.1:{sock.getsockname()[1]}")
    try:
        async with understanding(parts, rasa.url, timeout=60):
            yield
    finally:
        endpoint.should_exit = True
        await task


async def asked_about(parts: Parts, topic: str | None) -> Parent:
    """A parent who has just had an answer on `topic`, or on nothing."""
    parent = Parent(parts, language="en")
    await parent.say("menu")
    if topic is not None:
        await parent.press(parts.renderer.library.strings.get(f"topic.{topic}", "en"))
        assert parent.state()["last_topic"] == topic
        await parent.say("menu")
    return parent


async def test_after_an_answer_its_topic_is_the_first_choice_and_the_directory_finds_what_answers_it(
    parts: Parts, rasa: RasaDouble
) -> None:
    async with form(parts, rasa):
        parent = await asked_about(parts, "baby/crying")
        (question,) = await parent.press("Find help near me")
        assert question.ref == "text:form.need"
        assert question.titles[0] == "Crying" and len(question.outbound.rows) <= MAX_ROWS
        assert (await parent.press("Crying"))[0].ref == "text:form.place"
        assert parent.state()["slots"]["need"] == "topic:baby/crying"
        await parent.say("ZZ1")
        await parent.say("8 months")
        (found,) = await parent.press("Any of these")
    assert found.ref == "service:results"
    tags = vocabulary().weights["baby/crying"]
    shown = [parts.directory.service(service_id) for service_id, _ in parent.state()["shown"]]
    assert shown and all(one is not None and any(_answers(need, one.needs) for need in tags) for one in shown)


def _answers(need: str, tags: tuple[str, ...]) -> bool:
    return any(vocabulary().steps(need, tag) is not None for tag in tags)


async def test_more_of_a_topic_s_services_come_from_the_same_search(parts: Parts, rasa: RasaDouble) -> None:
    async with form(parts, rasa):
        parent = await asked_about(parts, "baby/feeding")
        await parent.press("Find help near me")
        await parent.press("Feeding")
        for _ in range(3):
            heard = await parent.press("Any of these")
        before = parent.state()["shown"]
        assert heard[0].ref == "service:results" and parent.state()["search"]["wanted"]["need"] == "topic:baby/feeding"
        assert (await parent.say("more"))[0].ref == "service:results"
        assert not {tuple(one) for one in before} & {tuple(one) for one in parent.state()["shown"]}


async def test_without_an_answer_before_only_needs_are_offered(parts: Parts, rasa: RasaDouble) -> None:
    async with form(parts, rasa):
        parent = await asked_about(parts, None)
        (question,) = await parent.press("Find help near me")
    assert question.titles[0] == "Baby, toddler groups"


@pytest.mark.parametrize("topic", [ABUSE_TOPIC, "other/out-of-scope", "a/topic-of-last-year"])
async def test_a_topic_that_must_not_be_seen_or_has_no_services_is_not_offered(
    parts: Parts, rasa: RasaDouble, topic: str
) -> None:
    async with form(parts, rasa):
        parent = await asked_about(parts, None)
        with parts.database.write() as session:
            saved = session.get_one(Dialogue, parent.person_id)
            saved.state = {**saved.state, "last_topic": topic}
        (question,) = await parent.press("Find help near me")
    assert question.titles[0] == "Baby, toddler groups"


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_of_the_content_finds_services_near_by_in_the_demonstration(parts: Parts, topic: str) -> None:
    near, _ = services.search(parts.directory, {"need": f"topic:{topic}", "place": "ZZ1"}, "en")
    anywhere, _ = services.search(parts.directory, {"need": f"topic:{topic}", "place": "any", "age": "any", "mode": "any"}, "en")
    assert near and anywhere
    tags = vocabulary().weights[topic]
    for one in near:
        record = parts.directory.service(one["id"])
        assert record is not None and any(_answers(need, record.needs) for need in tags)


def test_a_topic_that_the_directory_no_longer_knows_is_no_wish(parts: Parts) -> None:
    found, _ = services.search(parts.directory, {"need": "topic:a/topic-of-last-year", "place": "ZZ1"}, "en")
    assert found == services.search(parts.directory, {"place": "ZZ1"}, "en")[0]
