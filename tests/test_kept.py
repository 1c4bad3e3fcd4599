"""What was worked out is found again under the hash of what it was made from, and only if it is as it was written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.kept import Kept, key_of
from bot.settings import ROOT

KEY = key_of([b"one", b"two"])
VALUE = {"words": ["mother", "মা"], "count": 3}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept")


def only_file(kept: Kept) -> Path:
    (path,) = kept.folder.iterdir()
    return path


def test_what_was_put_is_found_under_its_name_and_key_alone(kept: Kept) -> None:
    assert kept.get("phrases-en", KEY) is None
    kept.put("phrases-en", KEY, VALUE)
    assert kept.get("phrases-en", KEY) == VALUE
    assert kept.get("phrases-cy", KEY) is None
    assert kept.get("phrases-en", key_of([b"one", b"two!"])) is None
    # A key that only begins alike names the same file, and is not taken for it.
    assert kept.get("phrases-en", KEY[:16] + "0" * 48) is None


def test_the_parts_of_a_key_cannot_run_into_one_another() -> None:
    assert len({key_of([b"ab", b"c"]), key_of([b"a", b"bc"]), key_of([b"abc"]), key_of([b"abc", b""])}) == 4


@pytest.mark.parametrize("place", [0, 70, -1, -20])
def test_one_changed_byte_anywhere_is_noticed(kept: Kept, place: int, caplog: pytest.LogCaptureFixture) -> None:
    kept.put("phrases-en", KEY, VALUE)
    path = only_file(kept)
    written = bytearray(path.read_bytes())
    written[place] ^= 1
    path.write_bytes(written)
    assert kept.get("phrases-en", KEY) is None
    assert "not as it was written" in caplog.text


@pytest.mark.parametrize("length", [0, 1, 64, 129, 130, 150])
def test_a_file_cut_short_is_noticed(kept: Kept, length: int) -> None:
    kept.put("phrases-en", KEY, VALUE)
    path = only_file(kept)
    path.write_bytes(path.read_bytes()[:length])
    assert kept.get("phrases-en", KEY) is None


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    kept = Kept(tmp_path / "kept")
    kept.put("phrases-en", KEY, VALUE)
    assert kept.get("phrases-en", KEY) is None


def test_the_last_few_versions_of_a_name_stay_and_no_half_written_file(kept: Kept) -> None:
    keys = [key_of([str(number).encode()]) for number in range(5)]
    kept.put("phrases-cy", KEY, VALUE)
    for key in keys:
        kept.put("phrases-en", key, VALUE)
    assert kept.get("phrases-en", keys[-1]) == VALUE
    assert kept.get("phrases-cy", KEY) == VALUE
    assert len(list(kept.folder.iterdir())) == 4


def test_several_processes_may_put_and_get_at_once(kept: Kept) -> None:
    code = f"""
import sys
from pathlib import Path
from bot.kept import Kept
kept, value = Kept(Path(sys.argv[1])), {{"words": ["x" * 1000] * 500}}
for _ in range(30):
    kept.put("phrases-en", {KEY!r}, value)
    assert kept.get("phrases-en", {KEY!r}) == value
"""
    command = [sys.executable, "-c", code, str(kept.folder)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.wait(60), process.communicate()[1]) for process in running] == [(0, b"")] * 3
    assert len(list(kept.folder.iterdir())) == 1
