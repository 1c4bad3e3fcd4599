"""Finding a service for what was just asked about: the topic is a choice, and the directory knows which needs answer it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from bot.actions.endpoint import action_app
from bot.app import listen, server
from bot.conversation import services
from bot.conversation.safety import ABUSE_TOPIC
from bot.library.yamlfile import read_yaml
from bot.messages import MAX_ROWS
from bot.settings import ROOT
from bot.storage.tables import Dialogue, Incident
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


async def searched(parts: Parts, hurry: pytest.MonkeyPatch) -> Parent:
    """A parent who has found services and may ask for more of them; from here on a look may take a fifth of a second."""
    parent = await asked_about(parts, "baby/feeding")
    await parent.press("Find help near me")
    await parent.press("Feeding")
    for _ in range(3):
        await parent.press("Any of these")
    hurry.setattr(services, "LOOK_SECONDS", 0.2)
    return parent


class Hanging:
    """A directory that answers nothing until the end."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.asked = 0

    def search(self, query: object) -> list[object]:
        self.asked += 1
        self.end.wait(30)
        return []

    find_place = search


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    result = Hanging()
    yield result
    result.end.set()


async def test_a_directory_that_hangs_is_told_of_and_holds_up_nobody_else(
    parts: Parts, rasa: RasaDouble, monkeypatch: pytest.MonkeyPatch, hanging: Hanging
) -> None:
    """More ask at once than a process has threads for its database: all are told, and all others are answered as ever."""
    async with form(parts, rasa):
        asking = [await searched(parts, monkeypatch) for _ in range(3)]
        monkeypatch.setattr(parts.journey, "_directory", hanging)
        for _ in range(12):  # threads that hang from before
            with pytest.raises(TimeoutError):
                await services.look(hanging.search, None)
        began = time.monotonic()
        for parent in asking:
            (told,) = await parent.say("more")
            assert (told.ref, told.titles) == ("text:unavailable", ["Help now", "Talk to a person", "Menu"])
        other = Parent(parts, language="en")
        assert [one.ref for one in await other.say("menu")] != ["text:unavailable"]
        assert time.monotonic() - began < 10
        with parts.database.read() as session:
            assert set(session.scalars(select(Incident.kind))) == {"directory-slow"}
        hanging.end.set()
        monkeypatch.undo()
        assert (await asking[0].say("more"))[0].ref == "service:results", "they may ask again"


async def test_a_directory_that_hangs_in_the_middle_of_the_questions_is_told_of(
    parts: Parts, rasa: RasaDouble, monkeypatch: pytest.MonkeyPatch, hanging: Hanging
) -> None:
    async with form(parts, rasa):
        parent = await asked_about(parts, "baby/feeding")
        await parent.press("Find help near me")
        await parent.press("Feeding")
        monkeypatch.setattr(services, "LOOK_SECONDS", 0.2)
        monkeypatch.setattr(parts.actions, "_directory", hanging)
        (told,) = await parent.say("ZZ1")
    assert told.ref == "text:unavailable" and hanging.asked == 1


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
