"""A directory with one provider who has an address, a real mail server on this machine, and the page behind the links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.library import Library
from bot.providers import Postman, routes
from bot.settings import Settings
from services_directory import load_demonstration, migrate, models, open_engine, writing
from services_directory.freshness.tables import Reminder
from tests.doubles.smtp_server import Mail, SmtpServer
from tests.services_directory.conftest import database_url

__all__ = ["database_url"]
TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ADDRESS = "hello@provider.example"


@dataclass
class Desk:
    """A directory, its postman and its pages, at a time that a test sets."""

    engine: Engine
    library: Library
    settings: Settings
    mail: SmtpServer
    service_id: str
    at: datetime = NOON
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        strings, helplines = self.library.strings, self.library.helplines
        self.app = Starlette(routes=routes(self.engine, strings, helplines, self.settings, clock=lambda: self.at))

    def look(self, days: float = 0, **settings: object) -> int:
        """What a working process does every minute, once, so many days later."""
        self.at += timedelta(days=days)
        chosen = self.settings.model_copy(update=settings)
        return asyncio.run(Postman(self.engine, self.library.strings, chosen, clock=lambda: self.at).once())

    def browser(self, **headers: str) -> TestClient:
        return TestClient(self.app, base_url="https://wren.example", follow_redirects=False, headers=headers)

    def service(self) -> models.Service:
        with Session(self.engine) as session:
            return session.get_one(models.Service, self.service_id)

    def reminders(self) -> list[Reminder]:
        with Session(self.engine) as session:
            return list(session.scalars(select(Reminder).order_by(Reminder.written_at, Reminder.number)))


def words_of(mail: Mail) -> str:
    """The text of a message."""
    content = mail.message.get_content()  # type: ignore[attr-defined]
    assert isinstance(content, str)
    return content


def links_of(mail: Mail) -> list[str]:
    """The paths of its links."""
    return re.findall(r"https://wren\.example(/directory/check/\S+)", words_of(mail))


@pytest.fixture
def desk(database_url: str, tmp_path: Path, library: Library) -> Iterator[Desk]:
    engine = open_engine(database_url)
    migrate(engine)
    load_demonstration(engine, today=TODAY)
    with writing(engine) as session:
        for service in session.scalars(select(models.Service)):
            service.assured_date = TODAY
            service.organisation.email = None
        one = session.scalars(select(models.Service).where(models.Service.source_id == "rhyme-time")).one()
        one.assured_date, one.organisation.email = TODAY - timedelta(days=100), ADDRESS
    with SmtpServer(tmp_path) as mail:
        settings = Settings.model_validate(
            {
                "var_dir": tmp_path,
                "smtp_host": "127.0.0.1",
                "smtp_port": mail.port,
                "smtp_security": "none",
                "smtp_from": "wren@council.example",
                "public_url": "https://wren.example",
                "demonstration": False,
            }
        )
        yield Desk(engine, library, settings, mail, one.id)
    engine.dispose()
