"""One Chromium for all tests of this folder, and what it opens: a web chat and an office on real parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.library import Library
from bot.triage import Triage
from tests.console.support import Office, build_office
from tests.webchat.support import Chat, build_chat

SHELL, WHOLE = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
"""Debian's Chromium without its windows, which opens a page in a third of the time, and the whole of it."""

CHROMIUM = Path(os.environ.get("WREN_CHROMIUM") or (SHELL if SHELL.exists() else WHOLE))
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def one_chromium() -> Iterator[Any]:
    """Started once for this folder. Not for the session: while it lives, its event loop is the thread's, and asynchronous tests
    elsewhere could not run."""
    playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def chromium(one_chromium: Any) -> Iterator[Any]:
    """A Chromium in which nothing is open. A page left open would go on asking a server that is gone, test after test."""
    yield one_chromium
    for context in one_chromium.contexts:
        context.close()


def press(page: Any, selector: str) -> None:
    """Click what leads to another page, and wait until that page is there: a click alone returns while the old one is still open."""
    with page.expect_navigation():
        page.click(selector)


@pytest.fixture(scope="session")
def triage(rules_alone: Triage) -> Triage:
    return rules_alone


@pytest.fixture
def chat(tmp_path: Path, library: Library, triage: Triage) -> Iterator[Chat]:
    result = build_chat(tmp_path, library, triage)
    yield result
    result.services.database.dispose()


@pytest.fixture
def office(tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(f"sqlite:///{tmp_path / 'office.sqlite3'}", tmp_path, library)
    yield result
    result.services.database.dispose()
