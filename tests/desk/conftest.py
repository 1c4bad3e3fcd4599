"""A desk on a database of each kind and the real content, and those who work at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.desk.published import PublishedWords
from bot.desk.store import Texts
from bot.library import Library
from bot.library.check_files import Tree
from bot.settings import ROOT
from bot.storage.engine import Database
from tests.desk.support import Desk


@pytest.fixture
def desk(bare_address: str, library: Library) -> Iterator[Desk]:
    database = Database(bare_address)
    yield Desk(database, Texts(library.overlaid(PublishedWords(database)), Tree(ROOT)))
    database.dispose()
