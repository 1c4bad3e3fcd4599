"""The kill test: app, worker and Rasa each die by SIGKILL, at random, while parents write. Nothing is lost, doubled or disordered."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bot.models import RASA_PYTHON, nlu_model_path, triage_model_path
from bot.settings import Settings
from bot.storage.engine import Database
from bot.storage.tables import Inbox, Outbox
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.wiring import prepare_database

MESSAGES = int(os.environ.get("WREN_KILL_MESSAGES", "500"))
PEOPLE = 10
KILLS_EACH = 3
DEADLINE = 480.0
SAID = (
    "my 5 week old cries all evening what can i do",
    "menu",
    "anything on for babies near ZZ1?",
    "how do i get her to nap",
    "help now",
    "he bites the other children",
    "what do you know about me",
    "is it ok to sleep with the baby in my bed",
    "another one",
    "no garden, ideas for a rainy day",
)

pytestmark = [
    pytest.mark.rasa,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not RASA_PYTHON.exists(), reason="Rasa's environment is missing: make setup"),
]


def test_every_message_is_answered_once_and_in_order_whoever_is_killed(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, port=free_port(), person_per_minute=100_000, webchat_new_per_minute=1_000)
    trained = Settings()
    model, triage = nlu_model_path(trained), triage_model_path(trained)
    if not model.exists() or not triage.exists():
        pytest.skip("the models are not trained: run `bot train`")
    (tmp_path / "models").symlink_to(trained.models_dir)
    database = Database(settings.database)
    prepare_database(settings, database)
    rasa_port, action_port = free_port(), free_port()
    environment = {
        **app_environment(settings, rasa_port, action_port),
        "WREN_SWEEP_SECONDS": "0.1",
        "WREN_LEASE_SECONDS": "6",
        "WREN_PERSON_PER_MINUTE": "100000",
        "WREN_WEBCHAT_NEW_PER_MINUTE": "1000",
    }
    logs = tmp_path / "logs"
    app = Child("app", [sys.executable, "-m", "bot.cli", "serve"], environment, log_path=logs / "app.log")
    worker = Child("worker", [sys.executable, "-m", "bot.cli", "work"], environment, log_path=logs / "worker.log")
    rasa = rasa_child(settings, model, rasa_port, action_port)
    supervisor = Supervisor([app, worker, rasa], say=lambda text: None)
    supervisor.start()
    tender = threading.Thread(target=supervisor.until_stopped)
    tender.start()
    try:
        base = f"http://127.0.0.1:{settings.port}"
        _until(lambda: (answers(f"{base}/health") or {}).get("rasa") == "ready", 300, "the stack did not start")
        killed = _write_under_fire(base, [app, worker, rasa])
        _until(lambda: _open(database) == 0 and _count(database) == MESSAGES, DEADLINE, "messages are still unanswered")
    finally:
        supervisor.stop()
        tender.join(30)
        supervisor.end()
    assert all(killed[name] >= 1 for name in ("app", "worker", "Rasa")), killed
    _check(database)
    database.dispose()


def _write_under_fire(base: str, children: list[Child]) -> dict[str, int]:
    """Write all messages as several people at once, and kill a part at random points; returns how often each was killed."""
    dice = random.Random(7)
    victims = [child for child in children for _ in range(KILLS_EACH)]
    dice.shuffle(victims)
    moments = sorted(dice.sample(range(MESSAGES // 20, MESSAGES * 9 // 10), len(victims)))
    killed = dict.fromkeys((child.name for child in children), 0)
    progress = Progress()
    writers = [threading.Thread(target=_write, args=(base, number, progress)) for number in range(PEOPLE)]
    for writer in writers:
        writer.start()
    for moment, victim in zip(moments, victims, strict=True):
        _until(lambda moment=moment: progress.stored >= moment, DEADLINE, "the writers are stuck")
        process = victim.process
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed[victim.name] += 1
    for writer in writers:
        writer.join(DEADLINE)
    assert not any(writer.is_alive() for writer in writers), "a message was never accepted"
    return killed


class Progress:
    """How many messages have been stored."""

    def __init__(self) -> None:
        self.stored = 0
        self._lock = threading.Lock()

    def one_more(self) -> None:
        with self._lock:
            self.stored += 1


def _write(base: str, number: int, progress: Progress) -> None:
    """One parent's messages, each sent again with the same id until the server says it is stored."""
    dice = random.Random(number)
    with httpx.Client(base_url=base, timeout=10, trust_env=False, headers={"Wren-Fetch": "1", "Origin": base}) as client:
        _insist(lambda: client.get("/chat").status_code == 200)
        for turn in range(MESSAGES // PEOPLE):
            form = {"id": f"kill-{number:03d}-{turn:04d}", "text": SAID[dice.randrange(len(SAID))], "lang": "en", "chosen": "1"}
            _insist(lambda form=form: client.post("/chat/send", data=form).status_code in (204, 303))
            progress.one_more()
            time.sleep(dice.uniform(0, 0.2))


def _insist(attempt: Callable[[], bool]) -> None:
    """Try until it works, as a parent's page does."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if attempt():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)


def _check(database: Database) -> None:
    with database.read() as session:
        inbox = session.scalars(select(Inbox).order_by(Inbox.id)).all()
        outbox = session.scalars(select(Outbox).order_by(Outbox.id)).all()
    assert {row.state for row in inbox} == {"done"}
    first_answers = [row.inbox_id for row in outbox if row.key.endswith(":0")]
    assert sorted(first_answers) == [row.id for row in inbox], "every message has exactly one first answer"
    for person in {row.person_id for row in inbox}:
        answered = [row.inbox_id for row in outbox if row.person_id == person]
        assert answered == sorted(answered), "the answers follow the order of the questions"
    understood = sum(row.outcome != "unavailable" for row in inbox)
    assert understood > len(inbox) / 2, "most messages found Rasa there"


def _open(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Inbox).where(Inbox.open == 1)) or 0


def _count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Inbox)) or 0


def _until(ready: Callable[[], bool], seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)
