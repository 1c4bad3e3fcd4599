"""The kill test: app, worker and Rasa each die by SIGKILL, at random, while parents write. Nothing is lost, doubled or disordered."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path

import pytest

from bot.models import RASA_PYTHON, nlu_model_path, triage_model_path
from bot.settings import Settings
from bot.storage.engine import Database
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.wiring import prepare_database
from tests.journeys.crowd import Crowd, check, is_answered, until

MESSAGES = int(os.environ.get("WREN_KILL_MESSAGES", "500"))
PEOPLE = 10
KILLS_EACH = 3
DEADLINE = 480.0
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
        until(lambda: (answers(f"{base}/health") or {}).get("rasa") == "ready", 300, "the stack did not start")
        killed = _write_under_fire(Crowd([base], PEOPLE, MESSAGES, DEADLINE), [app, worker, rasa])
        until(lambda: is_answered(database, MESSAGES), DEADLINE, "messages are still unanswered")
    finally:
        supervisor.stop()
        tender.join(30)
        supervisor.end()
    assert all(killed[name] >= 1 for name in ("app", "worker", "Rasa")), killed
    inbox = check(database)
    understood = sum(row.outcome != "unavailable" for row in inbox)
    assert understood > len(inbox) / 4, "many messages found Rasa there, however slowly a busy machine starts it again"
    database.dispose()


def _write_under_fire(crowd: Crowd, children: list[Child]) -> dict[str, int]:
    """Kill a part at random points while the crowd writes; returns how often each was killed."""
    dice = random.Random(7)
    victims = [child for child in children for _ in range(KILLS_EACH)]
    dice.shuffle(victims)
    moments = sorted(dice.sample(range(MESSAGES // 20, MESSAGES * 9 // 10), len(victims)))
    killed = dict.fromkeys((child.name for child in children), 0)
    crowd.begin()
    for moment, victim in zip(moments, victims, strict=True):
        crowd.until_stored(moment)
        process = victim.process
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed[victim.name] += 1
    crowd.end()
    return killed
