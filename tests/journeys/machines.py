"""Several machines on one PostgreSQL, as far as one machine can show them: web servers and workers as processes of their own, each with
its own folder for state, killed while a crowd writes. For the suite in a small size, for `python -m benchmarks.chaos` in full."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.health import READY
from bot.settings import Settings
from bot.storage.crypto import new_key
from bot.storage.engine import Database
from bot.supervisor import Child, Supervisor, answers, free_port
from bot.wiring import prepare_database
from tests.journeys.crowd import Crowd, check, is_answered, until
from tests.postgres import Cluster

START_SECONDS = 400.0
"""For all processes together; on a machine with other work a start takes minutes."""

AHEAD = """import sys
from datetime import timedelta
from bot.storage import tables
tables._ahead = timedelta(seconds=float(sys.argv.pop(1)))
from bot.cli import main
main()
"""
"""The same program, with a clock that is ahead."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many of what, and what happens to them. `ahead` is how many seconds the last worker's clock is wrong."""

    servers: int = 2
    workers: int = 2
    people: int = 12
    messages: int = 120
    server_kills: int = 1
    worker_kills: int = 1
    database_kills: int = 1
    database_away: float = 3.0
    ahead: float = 40.0
    deadline: float = 300.0
    pause: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was seen: whom it hit, how long all took from the first message to the last answer, how each process ended."""

    hits: tuple[str, ...]
    seconds: float
    codes: dict[str, int | None]


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda text: None) -> Outcome:
    """Carry the plan out. AssertionError if a message is lost, doubled or out of order."""
    cluster = Cluster()
    try:
        cluster.start()
        return _run(plan, folder, cluster, say)
    finally:
        cluster.stop()


def _run(plan: Plan, folder: Path, cluster: Cluster, say: Callable[[str], None]) -> Outcome:
    settings = Settings(var_dir=folder, database_url=cluster.url)
    database = Database(cluster.url)
    prepare_database(settings, database)
    ports, children = _children(plan, folder, cluster.url)
    supervisor = Supervisor(list(children.values()), say=say)
    supervisor.start()
    tender = threading.Thread(target=supervisor.until_stopped)
    tender.start()
    try:
        _until_ready(ports)
        say("all are ready")
        bases = [f"http://127.0.0.1:{port}" for port in ports[: plan.servers]]
        crowd = Crowd(bases, plan.people, plan.messages, plan.deadline, plan.pause)
        started = time.monotonic()
        crowd.begin()
        hits = _under_fire(plan, crowd, children, cluster, say)
        crowd.end()
        until(lambda: is_answered(database, plan.messages), plan.deadline, "messages are still unanswered")
        seconds = time.monotonic() - started
        _until_ready(ports)  # also those that were killed
    finally:
        supervisor.stop()
        tender.join(30)
        supervisor.end()
    check(database)
    database.dispose()
    codes = {name: child.process.returncode if child.process else None for name, child in children.items()}
    return Outcome(hits=tuple(hits), seconds=seconds, codes=codes)


def _until_ready(ports: Sequence[int]) -> None:
    until(
        lambda: all(answers(f"http://127.0.0.1:{port}{READY}") for port in ports), START_SECONDS, "a process does not get ready"
    )


def _children(plan: Plan, folder: Path, url: str) -> tuple[list[int], dict[str, Child]]:
    """The processes by name, and where each tells whether it is ready: servers first."""
    key, ports, children = new_key(), [], {}
    for number in range(plan.servers + plan.workers):
        serves = number < plan.servers
        name = f"server {number + 1}" if serves else f"worker {number + 1 - plan.servers}"
        port, state = free_port(), folder / name.replace(" ", "-")
        state.mkdir(parents=True)
        (state / "models").symlink_to(Settings().models_dir.resolve())
        environment = {
            **os.environ,
            "WREN_VAR_DIR": str(state),
            "WREN_DATABASE_URL": url,
            "WREN_SECRET_KEYS": key,
            "WREN_PORT" if serves else "WREN_ACTION_PORT": str(port),
            "WREN_RASA_URL": "http://127.0.0.1:9",  # away: what Rasa would understand gets the honest answer at once
            "WREN_SWEEP_SECONDS": "1",
            "WREN_LEASE_SECONDS": "6",
            "WREN_PERSON_PER_MINUTE": "100000",
            "WREN_WEBCHAT_NEW_PER_MINUTE": "100000",
            "WREN_WEBCHAT_NEW_PER_MINUTE_ALL": "100000",
            "OMP_NUM_THREADS": "1",
        }
        wrong = plan.ahead if number == plan.servers + plan.workers - 1 else 0.0
        begin = ["-c", AHEAD, str(wrong)] if wrong else ["-m", "bot.cli"]
        command = [sys.executable, *begin, "serve" if serves else "work"]
        children[name] = Child(name, command, environment, log_path=folder / f"{name}.log")
        ports.append(port)
    return ports, children


def _under_fire(
    plan: Plan, crowd: Crowd, children: dict[str, Child], cluster: Cluster, say: Callable[[str], None]
) -> Sequence[str]:
    """Hit servers, workers and PostgreSQL at points spread over the messages; returns whom, in order."""
    dice = random.Random(7)
    servers = [name for name in children if name.startswith("server")]
    workers = [name for name in children if name.startswith("worker")]
    victims = [dice.choice(workers) for _ in range(plan.worker_kills)] + [dice.choice(servers) for _ in range(plan.server_kills)]
    victims += ["PostgreSQL"] * plan.database_kills
    dice.shuffle(victims)
    hits = []
    for position, victim in enumerate(victims, 1):
        crowd.until_stored(plan.messages * position // (len(victims) + 2))
        if victim == "PostgreSQL":
            cluster.kill()
            time.sleep(plan.database_away)
            cluster.start()
        elif not _kill(children[victim]):
            continue
        say(f"{victim} was killed at message {crowd.stored}")
        hits.append(victim)
    return hits


def _kill(child: Child) -> bool:
    """SIGKILL; says whether it was running."""
    process = child.process
    if process is None or process.poll() is not None:
        return False
    os.kill(process.pid, signal.SIGKILL)
    return True
