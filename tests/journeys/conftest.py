"""One real stack for all stories: real Rasa, real actions, a database of its own. Started once, because Rasa takes seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from bot.models import RASA_PYTHON, nlu_model_path, triage_model_path
from bot.script import Conversation, stage
from bot.settings import Settings
from bot.wiring import Parts


class Stage:
    """The stack on an event loop in a thread of its own; tests speak to it in plain sentences."""

    def __init__(self, folder: Path) -> None:
        trained = Settings()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "models").symlink_to(trained.models_dir.resolve())
        self.settings = Settings(var_dir=folder)
        self.parts: Parts
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        try:
            async with stage(self.settings, lambda text: None) as parts:
                self.parts = parts
                self._ready.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    def start(self) -> None:
        self._thread.start()
        self._ready.result(400)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    def parent(self, language: str | None = "en") -> Parent:
        return Parent(self, Conversation(self.parts, language))

    def do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(90)


class Parent:
    """Someone who writes to Wren."""

    def __init__(self, stage: Stage, conversation: Conversation) -> None:
        self._stage = stage
        self._conversation = conversation
        self.last: dict[str, Any] = {}

    def says(self, text: str) -> dict[str, Any]:
        self.last = self._stage.do(self._conversation.say(text))
        return self.last

    def presses(self, title: str) -> dict[str, Any]:
        self.last = self._stage.do(self._conversation.press(title))
        return self.last

    def sends_a(self, media: str) -> dict[str, Any]:
        self.last = self._stage.do(self._conversation.attach(media))
        return self.last

    def is_answered_by_a_practitioner(self, text: str) -> dict[str, Any]:
        self.last = self._stage.do(self._conversation.practitioner(text))
        return self.last

    @property
    def reads(self) -> str:
        """All words of the last turn, as the parent reads them, without the marks around numbers."""
        return "\n".join(reply["text"] for reply in self.last["replies"]).replace("\u2066", "").replace("\u2069", "")

    @property
    def sees(self) -> list[str]:
        """The buttons of the last turn."""
        return [title for reply in self.last["replies"] for title in reply["buttons"]]

    @property
    def content(self) -> list[str]:
        return [reply["content_id"] for reply in self.last["replies"]]


@pytest.fixture(scope="session")
def wren(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if not RASA_PYTHON.exists():
        pytest.skip("Rasa's environment is missing: make setup")
    if not nlu_model_path(Settings()).exists() or not triage_model_path(Settings()).exists():
        pytest.skip("the models are not trained: run `bot train`")
    staged = Stage(tmp_path_factory.mktemp("stage") / "var")
    staged.start()
    yield staged
    staged.end()
