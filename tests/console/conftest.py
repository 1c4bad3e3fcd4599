"""An office for each test: Ada holds cases, Ben is her colleague, Cleo works in another area."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.library import Library
from tests.console.support import ELSEWHERE, Browser, Office, build_office


@pytest.fixture
def office(tmp_path: Path, library: Library, bare_sqlite_address: str) -> Iterator[Office]:
    result = build_office(bare_sqlite_address, tmp_path, library, migrated=True)
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
