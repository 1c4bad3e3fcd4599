"""The supervisor behind `bot run`: one app process and one Rasa, started together, restarted when they die, stopped together."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.models import RASA_PYTHON, rasa_environment
from bot.settings import ROOT, Settings

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 20.0
"""Longer than the app takes to end by itself (`bot/app.py`)."""

LONGEST_PAUSE = 30.0
STABLE_SECONDS = 60.0


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _die_with_parent() -> None:
    """On Linux, ask for SIGTERM when the supervisor is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process that is to be kept running."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log_path: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it; what it prints goes to its log file, if it has one."""
        output = self.log_path.open("ab") if self.log_path else None
        try:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        self.started_at = time.monotonic()

    def tend(self, say: Callable[[str], None]) -> None:
        """Start it again if it has died, at once the first time, later with growing pauses."""
        if self.process is None or self.process.poll() is None:
            return
        moment = time.monotonic()
        if self.restart_at == 0.0:
            if moment - self.started_at > STABLE_SECONDS:
                self.failures = 0
            self.restart_at = moment + min(2.0**self.failures - 1, LONGEST_PAUSE)
            self.failures += 1
            say(f"{self.name} ended with code {self.process.returncode}; starting it again.")
        if moment >= self.restart_at:
            self.restart_at = 0.0
            self.start()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after `STOP_SECONDS`."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def rasa_command(model: Path, port: int) -> list[str]:
    """How our Rasa is started."""
    return [str(RASA_PYTHON), "-m", "nlu_server.run", "--port", str(port), "--model", str(model)]


def rasa_child(settings: Settings, model: Path, port: int, action_port: int) -> Child:
    return Child(
        "Rasa",
        rasa_command(model, port),
        rasa_environment(settings, action_port),
        log_path=settings.var_dir / "logs" / "rasa.log",
    )


def app_environment(settings: Settings, rasa_port: int, action_port: int) -> dict[str, str]:
    """The environment that the app process is started with; ports and token stay the same over restarts."""
    return {
        **os.environ,
        "WREN_VAR_DIR": str(settings.var_dir),
        "WREN_HOST": settings.host,
        "WREN_PORT": str(settings.port),
        "WREN_RASA_URL": f"http://127.0.0.1:{rasa_port}",
        "WREN_RASA_TOKEN": settings.rasa_token.get_secret_value(),
        "WREN_ACTION_PORT": str(action_port),
        "OMP_NUM_THREADS": "1",
    }


def answers(url: str) -> dict[str, object] | None:
    """The JSON at a loopback `url`, or None while nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - loopback, our own
            return dict(json.load(response))
    except (urllib.error.URLError, OSError, ValueError):
        return None


class Supervisor:
    """Keeps the children running until `stop`."""

    def __init__(self, children: list[Child], say: Callable[[str], None]) -> None:
        self.children = children
        self._say = say
        self._stopping = False

    def start(self) -> None:
        for child in self.children:
            if child.log_path:
                child.log_path.parent.mkdir(parents=True, exist_ok=True)
            child.start()

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        return self._stopping

    def tend(self) -> None:
        for child in self.children:
            child.tend(self._say)

    def until_stopped(self) -> None:
        """Restart what dies, until `stop`; then stop all, the app first."""
        while not self._stopping:
            self.tend()
            time.sleep(0.2)

    def end(self) -> None:
        for child in self.children:
            child.stop()
