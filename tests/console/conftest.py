"""An office for each test: Ada holds cases, Ben is her colleague, Cleo works in another area."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.library import Library
from bot.settings import ROOT
from bot.storage.engine import Database
from bot.storage.migrate import migrate
from services_directory import migrate as migrate_directory
from services_directory import open_engine
from tests.console.support import ELSEWHERE, Browser, Office, build_office


@pytest.fixture(scope="session")
def library() -> Library:
    return Library.load(ROOT)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "wren.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrate(database.engine)
    database.dispose()
    engine = open_engine(f"sqlite:///{path}")
    migrate_directory(engine)
    engine.dispose()
    return path


@pytest.fixture
def office(tmp_path: Path, library: Library, empty: Path) -> Iterator[Office]:
    shutil.copy(empty, tmp_path / "wren.sqlite3")
    result = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library, migrated=True)
    yield result
    result.services.database.dispose()


@dataclass
class People:
    """The three who run the tests: the holder, a colleague in the same team, a stranger from another area."""

    holder: Browser
    colleague: Browser
    stranger: Browser


@pytest.fixture
def people(office: Office) -> People:
    return People(
        office.browser(office.staff("Ada")),
        office.browser(office.staff("Ben", title="Family worker")),
        office.browser(office.staff("Cleo", area=ELSEWHERE)),
    )
