"""Writing back: files say what parents read, twice is once, and the check passes."""

from __future__ import annotations

import shutil
from copy import copy
from datetime import date
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.desk import store, writeback
from bot.desk.published import PublishedWords
from bot.desk.store import Texts
from bot.library import Library, check_messages
from bot.library.check_files import Tree
from bot.library.library import load_messages
from bot.library.written import as_file, written
from bot.library.yamlfile import Problem
from bot.settings import ROOT
from bot.storage.engine import Database
from tests.desk.support import BODY, BODY_UR, CRYING, EDITOR, LEAD, Desk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the content, to write into."""
    shutil.copytree(ROOT / "content", tmp_path / "content")
    return tmp_path


def problems(root: Path) -> list[Problem]:
    """What `bot content check` finds in messages, the only files that are written."""
    tree = Tree(root)
    return list(check_messages.problems(tree, check_messages.read_items(tree)))


@pytest.fixture
def desk(tree: Path, library: Library, bare_sqlite_address: str) -> Desk:
    database = Database(bare_sqlite_address)
    return Desk(database, Texts(library.overlaid(PublishedWords(database)), Tree(tree)))


def changed(desk: Desk, tree: Path, library: Library | None = None) -> list[writeback.File]:
    with desk.database.read() as session:
        return writeback.files(session, library or desk.texts.library, tree)


def test_every_shipped_file_is_as_the_desk_would_write_it(library: Library) -> None:
    for message in library.messages.values():
        folder = ROOT / "content" / ("safety/texts" if message.topic == "safety" else "messages")
        for language, words in message.words.items():
            path = folder / message.id.removeprefix("safety/") / f"{language}.md"
            assert as_file(written(words)) == path.read_text(encoding="utf-8"), path


def read_again(library: Library, tree: Path) -> Library:
    """The library of a process that starts on these files."""
    new = copy(library)
    new.messages = load_messages(tree)
    return new


def test_what_is_published_is_written_and_read_again_and_the_check_passes(desk: Desk, tree: Path, library: Library) -> None:
    before = problems(tree)
    desk.whole_way("en", same_meaning=True)
    desk.whole_way("ur")
    found = changed(desk, tree)
    folder = f"content/messages/{CRYING}"
    assert {f"{folder}/{name}" for name in ("en.md", "ur.md", "pl.md", "message.yml")} < {file.path for file in found}
    assert not any(file.is_overtaken for file in found)
    writeback.write(tree, found)
    assert problems(tree) == before
    again = read_again(library, tree)
    assert again.words_of(CRYING, "en") == desk.texts.library.words_of(CRYING, "en")
    assert (
        again.words_of(CRYING, "ur") == desk.texts.library.words_of(CRYING, "ur") and BODY_UR in again.words_of(CRYING, "ur").text
    )  # type: ignore[union-attr]
    assert again.messages[CRYING].status == "approved" and again.messages[CRYING].reviewed == f"{date.today()}"
    assert changed(desk, tree) == [] == changed(desk, tree, again)
    assert not list(tree.rglob("*.new"))


def test_the_zip_holds_the_same_files_and_is_the_same_each_time(desk: Desk, tree: Path) -> None:
    desk.whole_way()
    found = changed(desk, tree)
    with ZipFile(BytesIO(writeback.as_zip(found))) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {file.path: file.text for file in found}
    assert writeback.as_zip(found) == writeback.as_zip(found)


def test_fields_that_the_desk_does_not_know_are_kept(desk: Desk, tree: Path) -> None:
    path = tree / "content" / "messages" / CRYING / "en.md"
    path.write_text(path.read_text(encoding="utf-8").replace("---\n", '---\naudio: "crying.ogg"\n', 1), encoding="utf-8")
    desk.whole_way()
    writeback.write(tree, changed(desk, tree))
    assert 'audio: "crying.ogg"' in path.read_text(encoding="utf-8") and BODY in path.read_text(encoding="utf-8")


def test_a_file_that_somebody_has_changed_since_is_named(desk: Desk, tree: Path, library: Library) -> None:
    desk.whole_way()
    path = tree / "content" / "messages" / CRYING / "en.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace("Crying is hard to hear.", "Crying is so hard to hear."), encoding="utf-8"
    )
    (file,) = [file for file in changed(desk, tree, read_again(library, tree)) if file.path.endswith("en.md")]
    assert file.is_overtaken


def test_drafts_and_what_was_withdrawn_are_not_written(desk: Desk, tree: Path) -> None:
    desk.whole_way()
    with store.changing(desk.database, desk.texts) as session:
        store.withdraw(session, LEAD, CRYING, "en")
    desk.save(EDITOR, "ur")
    assert [file.path for file in changed(desk, tree) if file.path.endswith(".md")] == []
