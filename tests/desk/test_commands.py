"""The desk's commands, as somebody at a shell runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.desk import store
from bot.settings import ROOT
from bot.storage.engine import Database
from tests.desk.support import CRYING
from tests.desk.test_exchange import as_po, to_crying


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    def go(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "WREN_VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "bot.cli", "content", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return go


def test_a_file_goes_out_and_in_by_the_command_line_with_a_look_first(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = run("export-translations", "ur")
    assert out.returncode == 0, out.stderr
    file = tmp_path / "ur.po"
    file.write_text(as_po(out.stdout, to_crying), encoding="utf-8")
    look = run("import-translations", str(file))
    assert f"{CRYING} in ur becomes a draft." in look.stdout and "Drafts that would be made: 1. Nothing was done" in look.stderr
    done = run("import-translations", str(file), "--go", "--name", "Umar")
    assert done.returncode == 0 and "Drafts made: 1." in done.stderr
    database = Database(f"sqlite:///{tmp_path / 'wren.sqlite3'}")
    with database.read() as session:
        draft = store.open_version(session, CRYING, "ur")
        assert draft is not None and draft.author == "Umar"
    database.dispose()


def test_what_cannot_be_done_is_said_with_a_status_that_is_not_zero(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "x.po").write_text("hello", encoding="utf-8")
    assert run("import-translations", str(tmp_path / "x.po")).returncode == 1
    wrong = run("export-translations", "xx")
    assert wrong.returncode == 2 and "Languages are" in wrong.stderr


def test_where_nothing_is_published_nothing_is_written(run) -> None:  # type: ignore[no-untyped-def]
    done = run("write-back")
    assert (done.returncode, done.stdout) == (0, "") and "Nothing to write" in done.stderr
