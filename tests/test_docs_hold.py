"""The documents are tested: what they say about settings, commands and files is so."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bot.cli import whole_app
from bot.settings import ROOT, Settings

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_is_on_the_settings_page_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`WREN_([A-Z_]+)`", page)) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description in page, f"docs/settings.md says something else of {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_path_in_the_documents_is_there(page) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"
    for path in re.findall(r"`((?:bot|tests|content|data|nlu_server|services_directory|benchmarks|docs)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_page_is_found_from_the_list_of_pages() -> None:
    docs = ROOT / "docs"
    listed = set(re.findall(r"\]\(([^)#:]+)\)", (docs / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in docs.glob("*.md")} - {"README.md"} - listed == set()


def test_every_make_target_named_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:`|^    )make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_make_alone_prints_its_own_help() -> None:
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make run" in printed
    assert "make test" in printed


@pytest.mark.parametrize(
    "command",
    [
        *("run", "serve", "work", "rasa", "chat", "triage", "understand", "doctor", "migrate", "new-key", "reseal"),
        *("backup", "restore"),
        *("content export-translations", "content import-translations", "content write-back"),
        *("content check", "content phrase-effect", "content approve", "directory search", "staff add", "whatsapp templates"),
        "telegram webhook",
        "retention run",
        *("campaign list", "campaign links", "campaign posters", "campaign print"),
    ],
)
def test_every_public_command_has_help(command: str) -> None:
    done = CliRunner().invoke(whole_app(), [*command.split(), "--help"], prog_name="bot")
    assert done.exit_code == 0, done.output
    assert f"Usage: bot {command} [" in done.stdout


def test_the_program_started_by_itself_has_help() -> None:
    done = subprocess.run([sys.executable, "-m", "bot.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: bot [" in done.stdout


def test_no_lock_names_an_address() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
