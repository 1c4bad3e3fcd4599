"""A web chat on real parts for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.library import Library
from bot.triage import Triage
from tests.webchat.support import Chat, build_chat


@pytest.fixture(scope="session")
def triage(rules_alone: Triage) -> Triage:
    return rules_alone


@pytest.fixture
def chat(tmp_path: Path, library: Library, triage: Triage) -> Iterator[Chat]:
    result = build_chat(tmp_path, library, triage)
    yield result
    result.services.database.dispose()
