"""The journey with a real Rasa and its trained model: meaning, the form from end to end, and Rasa dying in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.actions.endpoint import action_app
from bot.app import listen, server
from bot.conversation.rasa import RasaClient
from bot.models import RASA_PYTHON, nlu_model_path
from bot.script import until_ready
from bot.settings import Settings
from bot.supervisor import Child, free_port, rasa_child
from bot.wiring import Parts
from tests.conversation.support import Parent, refs
from tests.doubles.rasa_server import TOKEN

pytestmark = pytest.mark.rasa


class RealRasa:
    """One Rasa for the module; its action port is fixed, and each test serves its own actions there."""

    def __init__(self, folder: Path) -> None:
        model = nlu_model_path(Settings())
        if not RASA_PYTHON.exists() or not model.exists():
            pytest.skip("no trained NLU model of this checkout: run `bot train`")
        self.port, self.action_port = free_port(), free_port()
        settings = Settings.model_validate({"var_dir": folder, "rasa_token": TOKEN})
        self.child: Child = rasa_child(settings, model, self.port, self.action_port)
        self.log = folder / "logs" / "rasa.log"
        self.log.parent.mkdir(parents=True)
        self.child.start()

    @asynccontextmanager
    async def serving(self, parts: Parts) -> AsyncIterator[None]:
        """Rasa for these parts, with their own actions behind it."""
        endpoint = server(action_app(parts.actions, parts.registry, TOKEN))
        task = asyncio.create_task(endpoint.serve([listen("127.0.0.1", self.action_port)]))
        parts.rasa = RasaClient(f"http://127.0.0.1:{self.port}", TOKEN, 8.0)
        try:
            await until_ready(parts.rasa, self.child)
            yield
        finally:
            await parts.rasa.close()
            endpoint.should_exit = True
            await task


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRasa]:
    rasa = RealRasa(tmp_path_factory.mktemp("rasa"))
    yield rasa
    rasa.child.stop()


async def test_a_question_gets_approved_words_and_its_topic_is_recorded(parts: Parts, real: RealRasa) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        heard = await parent.say("my baby cries all the time what can i do")
    assert heard[0].ref.startswith("message:baby/crying/")
    assert (parent.inbox()[0].topic, parent.inbox()[0].outcome) == ("baby/crying", "answered")


@pytest.mark.parametrize(
    ("language", "question", "further"),
    [
        ("en", "my baby wont feed from a bottle", "what about at night?"),
        ("cy", "dydi'r babi ddim yn bwydo'n dda", "beth am yn y nos?"),
        ("pl", "dziecko nie chce pić z butelki", "a co w nocy?"),
        ("ur", "میرا بچہ بوتل سے دودھ نہیں پیتا", "lekin raat ko?"),
        ("ar", "طفلي ما بدو ياخد القنينة", "طيب وبالليل؟"),
    ],
)
async def test_a_short_question_stays_on_the_topic_just_answered(
    parts: Parts, real: RealRasa, language: str, question: str, further: str
) -> None:
    parent = Parent(parts, language=language)
    async with real.serving(parts):
        first = await parent.say(question)
        assert parent.state()["last_topic"] == "baby/feeding", "the example must be understood"
        then = await parent.say(further)
    (given,) = [reply.ref for reply in then if reply.ref.startswith("message:")]
    assert given.startswith("message:baby/feeding/")
    assert given not in refs(first), "it says something new"


async def test_a_short_question_that_names_another_topic_moves_on(parts: Parts, real: RealRasa) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        await parent.say("my baby wont feed from a bottle")
        then = await parent.say("what about potty training")
    assert then[0].ref.startswith("message:child/potty/")


async def test_the_form_goes_from_the_first_words_to_services_and_more(parts: Parts, real: RealRasa) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        assert "text:form.age" in refs(await parent.say("is there a baby group near ZZ1"))
        assert refs(await parent.say("8 months"))[0] == "text:form.mode"
        found = (await parent.press("Any of these"))[0]
        assert found.ref == "service:results"
        assert "ZZ" in found.text
        assert parent.state()["form"] is None
        if "Another idea" in found.titles:
            more = (await parent.press("Another idea"))[0]
            assert more.text != found.text


@pytest.mark.parametrize("word", ["menu", "help now", "stop"])
async def test_a_command_in_the_middle_of_the_form_is_heard(parts: Parts, real: RealRasa, word: str) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        await parent.say("is there a baby group near ZZ1")
        heard = await parent.say(word)
    assert heard[0].ref in ("text:menu.intro", "text:help_now", "text:stop.done")


async def test_a_question_inside_the_form_is_answered_and_the_form_goes_on(parts: Parts, real: RealRasa) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        await parent.say("is there a baby group near ZZ1")
        heard = refs(await parent.say("why does my baby cry so much in the evening"))
    assert heard[0].startswith("message:baby/crying/")
    assert heard[-1] == "text:form.age"
    assert parent.state()["form"] == "find_service_form"


async def test_the_form_outlives_a_rasa_that_is_killed_in_the_middle(
    build_parts: Callable[..., Parts], sqlite_address: str, real: RealRasa
) -> None:
    parts = build_parts(sqlite_address)
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        await parent.say("is there a baby group near ZZ1")
        assert real.child.process is not None
        real.child.process.kill()
        real.child.process.wait()
        assert refs(await parent.say("8 months")) == ["text:unavailable"]
        real.child.start()
        assert parts.rasa is not None
        await until_ready(parts.rasa, real.child)
        assert refs(await parent.say("8 months"))[0] == "text:form.mode"
    assert parent.state()["slots"]["age"] == "8"


async def test_rasas_log_holds_nothing_that_was_written(parts: Parts, real: RealRasa) -> None:
    parent = Parent(parts, language="en")
    async with real.serving(parts):
        await parent.say("wrenofthehill cries at night and i do not know why")
        await parent.say("/wrenofthehill{}")
    assert "wrenofthehill" not in real.log.read_text(encoding="utf-8", errors="replace")
