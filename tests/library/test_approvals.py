"""Approvals of safety files: recorded as they are, told where they no longer hold, never needed for a file to be used."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import doctor
from bot.library import approvals
from bot.library.approvals import NAME, hash_of, latest, load, record, safety_files, standing, warnings
from bot.library.check import problems, report
from bot.library.yamlfile import DataError
from bot.settings import ROOT, Settings
from bot.triage import inputs
from tests.library.small import put

DAY = date(2026, 3, 2)
WHO = {"name": "Dr A. Example", "role": "Clinical Safety Officer", "what": "All phrases, read one by one"}
GOOD = f"""approvals:
  - date: 2026-03-02
    name: "Dr A. Example"
    role: "Clinical Safety Officer"
    languages: [en]
    what: "All phrases"
    files:
      en.yml: {"0" * 64}
"""


def approve(root: Path, *languages: str, thresholds: bool = False, day: date = DAY) -> list[str]:
    return record(root, languages, **WHO, thresholds=thresholds, day=day)


def test_an_approval_holds_the_files_as_they_were_and_who_saw_them(root: Path) -> None:
    put(root, "content/safety/never_miss/en.txt", "emergency\tshe is not breathing\n")
    assert approve(root, "en") == ["en.yml", "never_miss/en.txt"]
    (one,) = load(root)
    assert (one.day, one.name, one.role, one.languages, one.what) == (DAY, WHO["name"], WHO["role"], ("en",), WHO["what"])
    assert one.files["en.yml"] == hash_of((root / "content/safety/en.yml").read_bytes())
    assert [file for file, _ in standing(root)] == ["ur.yml"]
    assert problems(root) == []


def test_a_file_changed_after_its_approval_is_told_by_name_with_who_approved_it(root: Path) -> None:
    approve(root, "en", "ur")
    assert list(warnings(root)) == []
    put(root, "content/safety/en.yml", "language: en\n# one word more\n")
    (told,) = warnings(root)
    assert told.startswith("Warning: content/safety/en.yml has been changed since it was approved (Dr A. Example")
    assert "Clinical Safety Officer, 2 March 2026)" in told


def test_a_warning_is_no_mistake_so_that_an_unsigned_file_can_be_used(root: Path) -> None:
    out = io.StringIO()
    assert report(root, out) == 0
    assert "Warning: nobody has approved 2 of 2 safety files: en.yml, ur.yml." in out.getvalue()


def test_a_later_approval_replaces_an_earlier_one_and_both_are_kept(root: Path) -> None:
    approve(root, "en", "ur")
    put(root, "content/safety/en.yml", "language: en\n# mended\n")
    approve(root, "en")
    approve(root, "ur", day=DAY - timedelta(days=300))  # entered late
    found = load(root)
    assert len(found) == 3
    assert [one.day for one in found] == sorted(one.day for one in found)
    assert list(standing(root)) == []
    assert latest(found, "ur.yml").day == DAY


def test_the_thresholds_are_approved_by_themselves_for_every_language(root: Path) -> None:
    put(root, "content/safety/thresholds.yml", (ROOT / "content/safety/thresholds.yml").read_text(encoding="utf-8"))
    assert approve(root, thresholds=True) == ["thresholds.yml"]
    assert load(root)[0].languages == ("en", "ur")


def test_line_ends_of_another_system_are_no_change(root: Path) -> None:
    approve(root, "en", "ur")
    path = root / "content/safety/en.yml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(standing(root)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "name: it is empty"),
        ({"what": ""}, "what: it is empty"),
        ({"languages": ["xx"]}, "there is no safety file in “xx”"),
        ({"languages": []}, "no file is named"),
    ],
)
def test_an_approval_that_says_too_little_is_refused_and_nothing_is_written(root: Path, change: dict, words: str) -> None:
    asked = {"languages": ["en"], **WHO, "thresholds": False, "day": DAY, **change}
    with pytest.raises(DataError, match=words):
        record(root, asked.pop("languages"), **asked)
    assert not (root / NAME).exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("approvals:\n", "approvals: 3\nmore:\n", "it must be a list"),
        ("date: 2026-03-02", "date: 2190-03-02", "not a day in the past"),
        ("date: 2026-03-02", "date: soon", "not a day in the past"),
        ('    role: "Clinical Safety Officer"\n', "", "role: this field is missing"),
        ('name: "Dr A. Example"', "name: 7", "it must be words"),
        ("languages: [en]", "languages: en", "a list of language codes"),
        ("languages: [en]", "languages: [xx]", "“xx” is not in content/languages.yml"),
        ("languages: [en]", "languages: [ur]", "its language is not among the languages vouched for"),
        ("en.yml: ", "english.yml: ", "there is no safety file “english.yml”"),
        ("0" * 64, "abc", "is not a SHA-256"),
        ("    what:", "    colour: red\n    what:", "there is no field of this name"),
        ("    files:\n      en.yml:", "    files: x", "each file's name and its SHA-256"),
        ("languages: [en]", "languages: [en", "cannot be read here"),
    ],
)
def test_a_mistake_in_the_approvals_is_told_with_its_file_line_and_field(root: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    put(root, NAME, GOOD.replace(old, new))
    told = [str(problem) for problem in problems(root)]
    assert any(words in problem for problem in told), told
    assert all(problem.startswith(f"{NAME}, line ") for problem in told)
    with pytest.raises(DataError):
        load(root)


def test_the_approvals_are_no_phrases_and_recording_one_trains_nothing_anew(root: Path) -> None:
    before = inputs.fingerprint(root)
    approve(root, "en")
    assert inputs.fingerprint(root) == before
    assert approvals.APPROVALS not in safety_files(root)


def test_the_doctor_lists_what_nobody_has_approved_and_what_has_changed_since(root: Path, tmp_path: Path) -> None:
    def told() -> str:
        out = io.StringIO()
        doctor.report(Settings(var_dir=tmp_path / "var"), root, out)
        return out.getvalue()

    assert "Nobody has approved 2 of 2 safety files, which decide what triage catches: en.yml, ur.yml" in told()
    approve(root, "en")
    assert "Nobody has approved 1 of 2 safety files, which decide what triage catches: ur.yml" in told()
    approve(root, "ur")
    assert "approved 1 of" not in told()
    put(root, "content/safety/ur.yml", "language: ur\n# mended\n")
    assert "content/safety/ur.yml has been changed since it was approved (Dr A. Example" in told()


def test_the_shipped_approvals_can_be_read() -> None:
    load(ROOT)
