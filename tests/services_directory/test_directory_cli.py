"""The commands, run as a person runs them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services_directory.cli import directory_app
from services_directory.demonstration import DEMONSTRATION_FILE

runner = CliRunner()


@pytest.fixture
def loaded(database_url: str) -> str:
    result = runner.invoke(directory_app, ["load-demo", "--database", database_url])
    assert result.exit_code == 0, result.output
    assert "services loaded" in result.stdout
    return database_url


def test_check_is_content_with_the_demonstration() -> None:
    result = runner.invoke(directory_app, ["check"])
    assert (result.exit_code, result.stdout) == (0, "")


def test_check_names_file_and_line_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("source: me\nservices:\n  - {id: one}\n", encoding="utf-8")
    result = runner.invoke(directory_app, ["check", str(path)])
    assert result.exit_code == 1
    assert "mine.yml, line 3: services 1 (one), name: This is missing." in result.stdout


def test_search_prints_one_json_object_a_line(loaded: str) -> None:
    arguments = ["search", "--need", "infant-feeding", "--place", "zz1 2ab", "--age-months", "2", "--limit", "3"]
    result = runner.invoke(directory_app, [*arguments, "--at", "2026-11-23", "--database", loaded])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 3
    assert rows[0]["name"] == "Feeding Café (example)"
    assert ["near", {"miles": 2}] in rows[0]["why"]
    assert rows[0]["next"] == "2026-11-23 13:00:00 15:00:00"


def test_search_says_when_it_does_not_know_the_place(loaded: str) -> None:
    result = runner.invoke(directory_app, ["search", "--place", "Dundee", "--database", loaded])
    assert result.exit_code == 0
    assert "Dundee: no such place" in result.stderr


@pytest.mark.parametrize("arguments", [["--need", "astrology"], ["--mode", "fly"], ["--at", "soon"], ["--limit", "0"]])
def test_search_refuses_what_it_cannot_search_for(loaded: str, arguments: list[str]) -> None:
    result = runner.invoke(directory_app, ["search", *arguments, "--database", loaded])
    assert result.exit_code == 2
    assert result.stdout == ""


def test_import_loads_all_or_nothing(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    text = DEMONSTRATION_FILE.read_text(encoding="utf-8").replace("source: demonstration", "source: me")
    path.write_text(text.replace("postcode: ZZ1 1AA", "postcode: nowhere"), encoding="utf-8")
    result = runner.invoke(directory_app, ["import", str(path), "--database", database_url])
    assert result.exit_code == 1
    assert "postcode" in result.stdout
    path.write_text(text, encoding="utf-8")
    assert runner.invoke(directory_app, ["import", str(path), "--database", database_url]).exit_code == 0


def test_export_writes_every_approved_service(loaded: str) -> None:
    result = runner.invoke(directory_app, ["export", "--database", loaded])
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) >= 60
    assert {"id", "name", "status", "organization"} <= rows[0].keys()


@pytest.mark.parametrize("command", ["check", "search", "load-demo", "import", "export", "serve"])
def test_every_command_explains_itself(command: str) -> None:
    result = runner.invoke(directory_app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout
