"""`bot work` by itself: it starts a Rasa of its own, says when both are ready, answers what a web server has stored, and ends clean."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.health import READY
from bot.models import RASA_PYTHON, nlu_model_path, triage_model_path
from bot.settings import ROOT, Settings
from bot.storage.tables import Inbox
from bot.supervisor import answers, free_port
from bot.wiring import Parts
from tests.conversation.support import Parent
from tests.journeys.crowd import until

pytestmark = [
    pytest.mark.rasa,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not RASA_PYTHON.exists(), reason="Rasa's environment is missing: make setup"),
]
START_SECONDS = 400.0


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def worker(sqlite_address: str, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on a prepared database, with the models of this checkout, in the folder that the test's web server has too."""
    trained = Settings()
    if not nlu_model_path(trained).exists() or not triage_model_path(trained).exists():
        pytest.skip("the models are not trained: run `bot train`")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "models").symlink_to(trained.models_dir.resolve())
    monkeypatch.delenv("WREN_RASA_URL", raising=False)
    for name, value in {"VAR_DIR": str(tmp_path / "var"), "DATABASE_URL": sqlite_address, "ACTION_PORT": str(port)}.items():
        monkeypatch.setenv(f"WREN_{name}", value)
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bot.cli", "work"], cwd=ROOT, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def test_a_worker_answers_by_its_own_rasa_and_leaves_nothing_behind(
    worker: subprocess.Popen[bytes], build_parts: Callable[..., Parts], sqlite_address: str, port: int
) -> None:
    ready = f"http://127.0.0.1:{port}{READY}"
    until(
        lambda: (answers(ready) or {}).get("rasa") == "ready" or worker.poll() is not None, START_SECONDS, "it does not get ready"
    )
    parts = build_parts(sqlite_address)
    assert begun_with(str(parts.settings.models_dir)), "Rasa is begun with its model"
    Parent(parts).send("my 5 week old cries all evening what can i do")

    def outcome() -> str | None:
        with parts.database.read() as session:
            return session.scalars(select(Inbox.outcome).where(Inbox.state == "done")).first()

    until(lambda: outcome() is not None, 60, "nobody answered")
    assert outcome() == "answered"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert answers(ready) is None
    assert not begun_with(str(parts.settings.models_dir)), "its Rasa runs on"


def begun_with(words: str) -> list[str]:
    """The command lines of running processes that hold `words`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes().decode(errors="replace").replace("\0", " "))
    return [line for line in found if words in line]
