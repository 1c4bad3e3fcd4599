"""`bot run`: prepare the database, start the app and Rasa under the supervisor, say where everything is, and tend them."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bot.console.accounts import ensure_demonstration
from bot.languages import supported
from bot.settings import Settings
from bot.storage.engine import Database
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.telegram_webhook import by_webhook, webhook_url
from bot.wiring import prepare_database

READY_SECONDS = 180.0


def run_all(settings: Settings, model: Path, say: Callable[[str], None]) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit status."""
    database = Database(settings.database)
    prepare_database(settings, database)
    login: tuple[str, str] | None = None
    if settings.demonstration:
        with database.write() as session:
            login = ensure_demonstration(session)
    database.dispose()
    action_port, rasa_port = settings.action_port or free_port(), settings.rasa_port or free_port()
    app = Child(
        "The app", [sys.executable, "-m", "bot.cli", "serve", "--work"], app_environment(settings, rasa_port, action_port)
    )
    supervisor = Supervisor([app, rasa_child(settings, model, rasa_port, action_port)], say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.start()
    try:
        if _until_ready(settings, supervisor, say):
            _announce(settings, login, say)
            supervisor.until_stopped()
    finally:
        say("Stopping ...")
        supervisor.end()
    return 0 if supervisor.stopping else 1


def _until_ready(settings: Settings, supervisor: Supervisor, say: Callable[[str], None]) -> bool:
    """Wait until the app and Rasa answer; False if stopped or if it takes too long."""
    started = time.monotonic()
    told = started
    while not supervisor.stopping:
        status = answers(f"http://{settings.host}:{settings.port}/health")
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
