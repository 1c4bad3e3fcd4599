"""An office for each test: Ada holds cases, Ben is her colleague, Cleo works in another area."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.library import Library
from tests.console.furnished import furnished, furnished_office
from tests.console.insight_support import counted
from tests.console.support import ELSEWHERE, Browser, Office, build_office

__all__ = ["counted", "furnished", "furnished_office"]


@pytest.fixture
def office(tmp_path: Path, library: Library, bare_sqlite_address: str) -> Iterator[Office]:
    result = build_office(bare_sqlite_address, tmp_path, library, migrated=True)
    yield result
    result.close()


@pytest.fixture(scope="module")
def standing_office(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Office]:
    """One office for all of a file's tests that only read or are refused; whoever changes anything takes `office`."""
    folder = tmp_path_factory.mktemp("office")
    result = build_office(f"sqlite:///{folder / 'wren.sqlite3'}", folder, library)
    yield result
    result.close()


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
