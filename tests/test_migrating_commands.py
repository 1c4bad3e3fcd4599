"""A command never changes the tables of a database that others may be at work on: it refuses and says who may."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect
from typer.testing import CliRunner

from bot import cli
from bot.campaigns import cli as campaigns
from bot.commands import providers, staff
from bot.desk import cli as desk
from bot.insight import cli as insight
from bot.retention import cli as retention
from bot.settings import Settings
from bot.storage.engine import Database
from bot.storage.unfit import Unfit

COMMANDS = (
    ("staff", "list"),
    ("staff", "add", "ada", "--first-name", "Ada", "--job-title", "Manager"),
    ("campaign", "list"),
    ("whatsapp", "templates", "--offline"),
    ("insight", "collect"),
    ("retention", "run", "--dry-run"),
    ("content", "export-translations", "pl"),
)


@pytest.fixture
def whole(empty_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database without tables that each command takes for its own."""
    chosen = Settings.model_validate({"database_url": empty_address, "var_dir": tmp_path, "demonstration": False})
    monkeypatch.setenv("WREN_DATABASE_URL", empty_address)
    for module in (providers, staff):
        monkeypatch.setattr(module, "started", lambda: chosen)
    for module in (campaigns, insight, retention, desk):
        monkeypatch.setattr(module, "settings", lambda: chosen)
    return empty_address


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2]))
def test_a_command_migrates_an_embedded_database_and_refuses_a_shared_one(whole: str, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli.whole_app(), list(words))
    database = Database(whole)
    there = inspect(database.engine).get_table_names()
    database.dispose()
    if whole.startswith("sqlite"):
        assert not isinstance(done.exception, Unfit) and there, done.output
        return
    assert done.exit_code == 1 and there == []
    assert "bot migrate" in str(done.exception) + done.stderr
