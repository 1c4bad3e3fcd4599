"""Every test that takes `office` runs on SQLite and on PostgreSQL (the one that WREN_TEST_POSTGRES_URL names, else skipped)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.library import Library
from tests.console.support import Office, build_office


@pytest.fixture
def office(bare_address: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(bare_address, tmp_path, library, migrated=True)
    yield result
    result.close()
