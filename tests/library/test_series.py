"""Series as data: every mistake is seen with its file, line and field, and said in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.library.check import problems
from bot.library.series import AllSeries, Offset, Step
from bot.library.yamlfile import DataError
from bot.settings import ROOT

SETTINGS = 'quiet: {from: "20:00", to: "08:00"}\nhours: [9]\nfor_days: 10\nhold_days: 7\nask_again_days: 14\nlate_hours: 3\n'
SERIES = """id: hats
name: Hats
counts_from: age
ages: {from: 0, to: 24}
audience: []
tags: []
ends: {months: 24}
next: []
status: draft
reviewed: {date: null, role: null}
steps:
  - id: first
    at: {months: 1}
    message: baby/crying/start-here
  - id: second
    at: {months: 2, days: 7}
    message: relax/long-breath-out
"""


@pytest.fixture
def tree(root: Path) -> Path:
    """The small tree with a series of two steps, whose words are in both languages' catalogs."""
    folder = root / "content" / "series"
    folder.mkdir(parents=True)
    (folder / "settings.yml").write_text(SETTINGS, encoding="utf-8")
    for path in sorted((root / "locales").glob("*/LC_MESSAGES/wren.po")):
        words = "".join(
            f'\nmsgid "{part}.hats"\nmsgstr "{"Hats" if path.parts[-3] == "en" else "ٹوپی"}"\n'
            for part in ("menu.series", "series.about", "series.closing")
        )
        path.write_text(path.read_text(encoding="utf-8") + words, encoding="utf-8")
    found = sorted(
        path.parent.relative_to(root / "content" / "messages").as_posix() for path in root.rglob("messages/**/message.yml")
    )
    text = SERIES.replace("baby/crying/start-here", found[0]).replace("relax/long-breath-out", found[1])
    (folder / "hats.yml").write_text(text, encoding="utf-8")
    return root


def said(root: Path) -> list[str]:
    return [str(problem) for problem in problems(root) if "series" in problem.file or "series" in problem.field]


def edited(root: Path, old: str, new: str, name: str = "hats.yml") -> str:
    path = root / "content" / "series" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return "\n".join(said(root))


def test_a_series_without_a_mistake_has_no_problems(tree: Path) -> None:
    assert said(tree) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: hats\n", "id: caps\n", "the file is hats.yml"),
        ("counts_from: age", "counts_from: moon", "counts_from: “moon” is not known"),
        ("ages: {from: 0, to: 24}", "ages: {from: 24, to: 0}", "ages: the range 24..0 is upside down"),
        ("next: []", "next: [nothing]", "next: there is no other series “nothing”"),
        ("status: draft", "status: approved", "status: it is “approved” but nobody has reviewed it"),
        ("id: second", "id: first", "steps.first: two steps have this id"),
        ("at: {months: 1}", "at: {months: 5}", "steps.second.at: it comes before “first”"),
        ("at: {months: 1}", "at: {weeks: 1}", "steps.first.at: it must say how many months and days"),
        ("at: {months: 2, days: 7}", "at: {months: 30}", "it comes after the series has ended"),
        ("at: {months: 1}", "at: {months: 1}\n    nations: [france]", "“france” is not known"),
        ("at: {months: 1}", "at: {months: 1}\n    colour: red", "steps.first.colour: there is no field of this name"),
        ("at: {months: 1}", "at: {months: 1}\n    for_days: 0", "steps.first.for_days: “0” does not fit"),
        (
            "  - id: first",
            "  - id: early\n    at: {months: -1}\n    message: no/such\n  - id: first",
            "there is no message “no/such”",
        ),
    ],
)
def test_each_mistake_is_said_in_plain_words(tree: Path, old: str, new: str, expected: str) -> None:
    found = edited(tree, old, new)
    assert "content/series/hats.yml" in found
    assert expected in found


def test_a_message_for_another_age_or_sent_twice_is_a_mistake(tree: Path) -> None:
    message = (tree / "content/series/hats.yml").read_text(encoding="utf-8").split("message: ")[1].split("\n")[0]
    path = tree / "content" / "messages" / message / "message.yml"
    text = path.read_text(encoding="utf-8")
    assert "ages: {" in text
    path.write_text("\n".join("ages: {from: 12, to: 60}" if line.startswith("ages:") else line for line in text.split("\n")))
    assert f"the message “{message}” is for 12 to 60 months; here the child has 1" in "\n".join(said(tree))
    second = (tree / "content/series/hats.yml").read_text(encoding="utf-8").split("message: ")[2].split("\n")[0]
    assert f"“{message}” is sent by “first” too" in edited(tree, f"message: {second}", f"message: {message}")


def test_hours_that_lie_in_the_quiet_hours_are_a_mistake(tree: Path) -> None:
    assert "settings.yml" in (found := edited(tree, "hours: [9]", "hours: [9, 22]", "settings.yml"))
    assert "22 o'clock is in the quiet hours" in found


def test_words_that_are_missing_in_a_language_are_a_mistake(tree: Path) -> None:
    path = tree / "locales" / "ur" / "LC_MESSAGES" / "wren.po"
    path.write_text(
        path.read_text(encoding="utf-8").replace('msgid "series.closing.hats"', 'msgid "other.closing"'), encoding="utf-8"
    )
    assert "series.closing.hats: the words are missing" in "\n".join(said(tree))


def test_a_file_that_cannot_be_used_keeps_the_library_from_loading(tree: Path) -> None:
    edited(tree, "id: second", "identity: second")
    with pytest.raises(DataError, match="step 2 has no id"):
        AllSeries.load(tree)


def test_places_are_whole_months_and_days() -> None:
    from datetime import date

    assert Offset(1, 0).on(date(2026, 1, 31)) == date(2026, 2, 28)
    assert Offset(-2, 14).on(date(2026, 1, 15)) == date(2025, 11, 29)
    assert Offset(9, 45).age == 10


def test_the_version_of_a_step_changes_with_anything_it_says() -> None:
    one = Step(id="a", at=Offset(1), message="m", for_days=10)
    others = [
        Step(id="a", at=Offset(1, 1), message="m", for_days=10),
        Step(id="a", at=Offset(1), message="n", for_days=10),
        Step(id="a", at=Offset(1), message="m", for_days=11),
        Step(id="a", at=Offset(1), message="m", for_days=10, nations=("wales",)),
    ]
    assert len({one.version, *(other.version for other in others)}) == 5
    assert one.version == Step(id="a", at=Offset(1), message="m", for_days=10).version


def test_the_shipped_series_are_five() -> None:
    assert set(AllSeries.load(ROOT).by_id) == {"by-age", "premature", "new-dad", "starting-nursery", "starting-school"}
