"""`bot retention run`, as the command line runs it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.retention import cli
from bot.retention.schedule import KINDS
from bot.settings import Settings
from bot.storage.tables import Inbox, RetentionRun
from tests.retention.conftest import NOON, YEAR, Archive

DAY = timedelta(days=1)


@pytest.fixture
def lines(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None]
) -> Callable[..., dict[tuple[str, str], dict[str, str]]]:
    """Runs the command on the archive at noon; its lines by area and kind."""
    chosen = Settings.model_validate({"database_url": archive.database.url, "var_dir": tmp_path})
    monkeypatch.setattr(cli, "settings", lambda: chosen)
    at(NOON)

    def run(*words: str) -> dict[tuple[str, str], dict[str, str]]:
        done = CliRunner().invoke(cli.retention_app, ["run", *words])
        assert done.exit_code == 0, done.output
        return {(line["area"], line["kind"]): line for line in csv.DictReader(io.StringIO(done.stdout))}

    return run


def test_it_counts_and_then_deletes_and_says_what_went(
    archive: Archive, lines: Callable[..., dict[tuple[str, str], dict[str, str]]]
) -> None:
    archive.message(archive.person(ago=DAY), ago=2 * YEAR)
    dry = lines("--dry-run")
    assert dry["demonstration", "messages"]["due"] == "2" and {kind for _, kind in dry} == {kind.name for kind in KINDS}
    assert archive.count(Inbox) == 1 and archive.count(RetentionRun) == 0
    done = lines()
    assert done["demonstration", "messages"]["removed"] == "2" and done["", "cases"]["failed"] == ""
    assert archive.count(Inbox) == 0
