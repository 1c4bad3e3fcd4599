"""A simulated year, written and counted by the real code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.insight.collect import collect
from bot.storage.engine import Database
from tests.databases import bare_sqlite
from tests.insight.simulate import Plan, is_open, write
from tests.insight.test_collect import AFTER, YEAR_DAYS


@pytest.fixture(scope="module")
def year(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The year of the families that the module's own `plan` draws, counted to its end."""
    path: Path = tmp_path_factory.mktemp("year") / "wren.sqlite3"
    path.write_bytes(bare_sqlite())
    database = Database(f"sqlite:///{path}")
    write(plan, database)
    collect(database, is_open, AFTER, most=YEAR_DAYS)
    yield database
    database.dispose()
