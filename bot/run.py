"""`bot run`: prepare the database, start the app and Rasa under the supervisor, say where everything is, and tend them.

`bot work`: a worker and its own Rasa in the same way, on a database that is prepared.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.console.accounts import ensure_demonstration
from bot.health import READY
from bot.languages import supported
from bot.settings import Settings
from bot.storage.engine import Database
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.telegram_webhook import by_webhook, webhook_url
from bot.wiring import prepare_database, require_keys, use_database

READY_SECONDS = 180.0


def run_all(settings: Settings, model: Path, say: Callable[[str], None]) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit status. Raises `Unfit` if several machines may share the database without keys."""
    require_keys(settings)
    database = Database(settings.database)
    prepare_database(settings, database)
    login: tuple[str, str] | None = None
    if settings.demonstration:
        with database.write() as session:
            login = ensure_demonstration(session)
    database.dispose()
    ports = _ports(settings)
    app = _child("The app", ["serve", "--work"], settings, ports)
    return _supervise(settings, app, model, ports, f"{settings.local_url}/health", lambda: _announce(settings, login, say), say)


def run_worker(settings: Settings, model: Path, say: Callable[[str], None]) -> int:
    """Run a worker and its Rasa until Ctrl-C or SIGTERM; returns the exit status. Raises `Unfit` for a database that is not prepared."""
    database = Database(settings.database)
    use_database(settings, database)
    database.dispose()
    ports = _ports(settings)
    worker = _child("The worker", ["work"], settings, ports)
    ready = f"http://127.0.0.1:{ports.action}{READY}"
    return _supervise(settings, worker, model, ports, ready, lambda: say("The worker and its Rasa are ready."), say)


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one machine's Rasa and of the action endpoint that it calls."""

    rasa: int
    action: int


def _ports(settings: Settings) -> Ports:
    return Ports(rasa=settings.rasa_port or free_port(), action=settings.action_port or free_port())


def _child(name: str, command: list[str], settings: Settings, ports: Ports) -> Child:
    return Child(name, [sys.executable, "-m", "bot.cli", *command], app_environment(settings, ports.rasa, ports.action))


def _supervise(
    settings: Settings,
    app: Child,
    model: Path,
    ports: Ports,
    ready_url: str,
    announce: Callable[[], None],
    say: Callable[[str], None],
) -> int:
    """Keep `app` and its Rasa running until Ctrl-C or SIGTERM; then stop the app, which may still need Rasa, and Rasa."""
    supervisor = Supervisor([app, rasa_child(settings, model, ports.rasa, ports.action)], say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.start()
    try:
        if _until_ready(ready_url, supervisor, say):
            announce()
            supervisor.until_stopped()
    finally:
        say("Stopping ...")
        supervisor.end()
    return 0 if supervisor.stopping else 1


def _until_ready(url: str, supervisor: Supervisor, say: Callable[[str], None]) -> bool:
    """Wait until the app and Rasa answer; False if stopped or if it takes too long."""
    started = time.monotonic()
    told = started
    while not supervisor.stopping:
        status = answers(url)
        if status and status.get("rasa") == "ready":
            return True
        if any(child.failures > 3 for child in supervisor.children) or time.monotonic() - started > READY_SECONDS:
            say("It did not start. The last lines above say why; Rasa's are in var/logs/rasa.log.")
            return False
        if time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"  ... starting, {told - started:.0f} s")
        supervisor.tend()
        time.sleep(0.2)
    return False


def _announce(settings: Settings, login: tuple[str, str] | None, say: Callable[[str], None]) -> None:
    pages = "  ".join(f"{settings.url}/{language.code}" for language in supported())
    say("")
    say("Wren is running. Ctrl-C stops everything.")
    say(f"  web chat       {settings.url}/chat")
    say(f"  landing pages  {pages}")
    say(f"  staff console  {settings.url}/staff")
    if login:
        say(f"    demonstration login: {login[0]}   password: {login[1]}   (this machine only, new at each start)")
    if settings.telegram_token:
        say(f"  Telegram       {webhook_url(settings) if by_webhook(settings) else 'polling'}")
    if settings.whatsapp_secrets():
        say(f"  WhatsApp       {settings.url}/webhooks/whatsapp")
    if settings.sms_url and settings.sms_secrets():
        say(f"  SMS            {settings.url}/webhooks/sms")
    if settings.demonstration:
        say("  The services shown are made up: try “anything on for babies near ZZ1?”")
