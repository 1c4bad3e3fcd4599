"""Rasa's own tools on our files, in Rasa's environment: `bot rasa-tool data validate`, `test`, `shell`, or anything else Rasa knows."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable

import uvicorn

from bot.actions.endpoint import action_app
from bot.conversation.registry import TurnRegistry
from bot.conversation.state import DialogueState
from bot.conversation.turn import Turn
from bot.messages import Inbound
from bot.models import RASA_PYTHON, rasa_environment, train_nlu
from bot.people import PersonView
from bot.settings import ROOT, Settings
from bot.storage.tables import now
from bot.supervisor import free_port
from bot.wiring import build

STORIES = "tests/rasa/test_stories.yml"
HELD_OUT = "tests/rasa/nlu"
RESULTS = "var/rasa-results"


class AnyTurn(TurnRegistry):
    """A registry for `rasa shell`, where no worker makes turns: every conversation is a stranger's."""

    def find(self, turn_id: str) -> Turn | None:
        person = PersonView(
            id=0,
            pseudonym="shell",
            area_id=None,
            language="en",
            language_chosen=True,
            nation=None,
            district=None,
            role=None,
            campaign=None,
            stopped=False,
            bereaved=False,
        )
        return Turn(
            inbox_id=0,
            turn_id=turn_id,
            inbound=Inbound(channel="shell", external_id=turn_id, addresses=()),
            person=person,
            state=DialogueState(),
            language="en",
            level="none",
            reasons=(),
            case=None,
            team=None,
            moment=now(),
            first=False,
        )


def run(settings: Settings, arguments: list[str], say: Callable[[str], None]) -> int:
    """Run one of Rasa's commands on our files; returns its exit status."""
    if arguments == ["test"]:
        return _test(settings, say)
    if arguments[:1] == ["shell"]:
        return _shell(settings, arguments, say)
    return _rasa(settings, arguments)


def _rasa(settings: Settings, arguments: list[str], action_port: int = 5055) -> int:
    command = [str(RASA_PYTHON), "-m", "rasa", *arguments]
    return subprocess.run(command, cwd=ROOT, env=rasa_environment(settings, action_port), check=False).returncode


def _test(settings: Settings, say: Callable[[str], None]) -> int:
    model = str(train_nlu(settings, say))
    core = ["test", "core", "--model", model, "--stories", STORIES, "--out", RESULTS, "--fail-on-prediction-errors"]
    nlu = ["test", "nlu", "--model", model, "--nlu", HELD_OUT, "--out", RESULTS, "--no-plot"]
    return _rasa(settings, core) or _rasa(settings, nlu)


def _shell(settings: Settings, arguments: list[str], say: Callable[[str], None]) -> int:
    """`rasa shell` with the app's actions beside it. It prints references: words are rendered by the app."""
    model = train_nlu(settings, say)
    parts = build(settings)
    port = free_port()
    app = action_app(parts.actions, AnyTurn(), settings.rasa_token.get_secret_value())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        return _rasa(settings, [*arguments, "--model", str(model), "--endpoints", "endpoints.yml"], port)
    finally:
        server.should_exit = True
        thread.join(5)
        parts.dispose()
