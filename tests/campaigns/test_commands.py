"""`bot campaign`: links and posters from the command line, on SQLite and PostgreSQL."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.campaigns import cli
from bot.languages import supported
from bot.settings import ROOT, Settings

LANGS = tuple(language.code for language in supported())
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, database_address: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a database of this test's own, with any settings."""

    def call(*words: str, **settings: str) -> Result:
        values = {"var_dir": tmp_path / "var", "database_url": database_address, **settings}
        monkeypatch.setattr(cli, "settings", lambda: Settings.model_validate(values))
        return CliRunner().invoke(cli.campaign_app, list(words))

    return call


def rows(done: Result) -> list[dict[str, str]]:
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(done.stdout.splitlines()))


def test_the_list_tells_what_runs(run: Run) -> None:
    found = {row["code"]: row for row in rows(run("list"))}
    assert set(found) == {"hello26", "dads26"}
    assert (found["dads26"]["people"], found["dads26"]["month"]) == ("not shown", "") and found["dads26"][
        "languages"
    ].split() == list(found["dads26"]["languages"].split())
    assert found["dads26"]["starts"] == "2026-11-01"


def test_links_are_made_and_written_for_every_channel_that_is_set_up(run: Run) -> None:
    settings = {"public_url": "https://wren.test", "telegram_username": "WrenTestBot"}
    done = run("links", "dads26", "--add", "Health visitors", **settings)
    found = rows(done)
    assert done.stderr == ""
    by = {(row["language"], row["what"]): row["address"] for row in found}
    match = re.fullmatch(r"https://wren\.test/dads26-(\w{4})", by["", "short"])
    assert match and by["", "count"].startswith("https://wren.test/links/1-")
    for lang in LANGS:
        assert by[lang, "page"] == f"https://wren.test/c/dads26-{match[1]}/{lang}"
        assert by[lang, "telegram"].endswith(f"?start=dads26-{match[1]}_{lang}")
        assert (lang, "whatsapp") not in by
    again = rows(run("links", "dads26", "--link", match[1], **settings))
    assert [row for row in found if row["what"] != "count"] == again


def test_posters_cards_and_codes_are_files_that_need_nothing_else(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = run("posters", "dads26", str(folder), "--lang", "ur", "--lang", "en", public_url="https://wren.test")
    assert done.exit_code == 0, done.stderr
    names = {path.name for path in folder.iterdir()}
    assert names == {
        f"dads26-{lang}-{name}" for lang in ("ur", "en") for name in ("poster.html", "card.html", "qr.svg", "qr.png")
    }
    assert {Path(line).name for line in done.stdout.splitlines()} == names
    for path in folder.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<link" not in page and "<img" not in page and "@page" in page and "<svg" in page


PRINTER = """#!/bin/sh
for word; do case $word in --print-to-pdf=*) printf '%%PDF-1.4' > "${word#*=}";; esac; done
"""
"""Stands in for a browser where the printing itself is not what is looked at."""


def program(path: Path, script: str) -> Path:
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_pdfs_are_printed_by_the_browser_that_is_named(run: Run, tmp_path: Path) -> None:
    folder, browser = tmp_path / "out", program(tmp_path / "browser", PRINTER)
    words = ("print", "dads26", "--out", str(folder), "--lang", "ur", "--lang", "en", "--browser", str(browser))
    done = run(*words, public_url="https://wren.test")
    assert done.exit_code == 0, done.stderr
    names = {path.name for path in folder.iterdir()}
    assert names == {f"dads26-{lang}-{kind}.pdf" for lang in ("ur", "en") for kind in ("poster", "card")}
    assert {Path(line).name for line in done.stdout.splitlines()} == names


def test_without_a_browser_it_says_what_to_do_and_makes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "out"
    for words, said in (
        ((), "No Chromium was found, nor Chrome or Edge."),
        (("--browser", "/nowhere/chromium"), "/nowhere/chromium is no program"),
    ):
        done = run("print", "dads26", "--out", str(folder), *words, public_url="https://wren.test")
        assert done.exit_code == 1 and said in done.stderr
        assert not folder.exists()


def test_a_browser_that_prints_nothing_is_quoted(run: Run, tmp_path: Path) -> None:
    browser = program(tmp_path / "browser", "#!/bin/sh\necho 'no room on the disk' >&2\n")
    words = ("print", "dads26", "--out", str(tmp_path / "out"), "--lang", "en", "--browser", str(browser))
    done = run(*words, public_url="https://wren.test")
    assert done.exit_code == 1 and "printed nothing: no room on the disk" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_before_anything_is_printed_it_warns_of_an_address_that_nobody_reaches(run: Run) -> None:
    assert "set WREN_PUBLIC_URL before you print" in run("links", "dads26").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("links", "gone26"), "there is no campaign gone26"),
        (("posters", "gone26", "nowhere"), "there is no campaign gone26"),
        (("posters", "dads26", "nowhere", "--lang", "xx"), "dads26 is not in xx"),
        (("print", "gone26", "--out", "nowhere"), "there is no campaign gone26"),
        (("print", "dads26", "--out", "nowhere", "--lang", "xx"), "dads26 is not in xx"),
        (("posters", "dads26", "nowhere", "--link", "z9z9"), "dads26 has no link z9z9"),
        (("links", "dads26", "--link", "z9z9"), "dads26 has no link z9z9"),
        (("links", "dads26", "--add", " "), "a name of 1 to 80 letters"),
    ],
)
def test_a_mistake_is_said_in_words(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.exit_code != 0
    assert said in re.sub(r"[\s│]+", " ", done.stderr)
    assert not (ROOT / "nowhere").exists()
