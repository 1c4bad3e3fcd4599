"""Ready replies as data: every mistake is seen with its file and line, and hours are said in words."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from bot.languages import supported
from bot.library import Library
from bot.library.check import problems
from bot.library.check_replies import LONGEST
from bot.library.dates import say_hours
from bot.library.replies import Replies
from bot.library.scaffold import new_language
from bot.library.yamlfile import DataError
from bot.settings import ROOT
from tests.library.small import put

EN, UR = "content/replies/en.yml", "content/replies/ur.yml"

BROKEN = [
    (EN, "status: draft", "status: fine", "“fine” does not fit here. Write draft, reviewed, approved"),
    (EN, "status: draft", "status: approved", "nobody has reviewed it"),
    (EN, "{date: null, role: null}", "null", "it must say who reviewed it"),
    (EN, "{date: null, role: null}", "{date: 2190-01-01, role: nurse}", "not a day in the past"),
    (EN, "group: hello", "group: shouting", "there is no group “shouting”"),
    (EN, 'title: "Hello"', f'title: "{"x" * 61}"', "the title has 61 characters"),
    (EN, "translation: original", "translation: machine-draft", "Write original"),
    (EN, "I am still here.", "Reciprocate vocalisations, prioritising communication opportunities.", "the reading grade is"),
    (EN, "I am still here.", "It is your fault.", "it judges or blames"),
    (EN, "I am still here.", "Ring 01632 960001.", "the number 01632 960001 stands in the words"),
    (EN, "I am still here.", "# Here", "other mark-up|a heading"),
    (EN, "{hours}", "{hour}", "there is no placeholder {hour}"),
    (EN, "{hours}", "{hours", "a brace is open or stray"),
    (EN, "I am still here.", "x " * 250, f"Cut them to {LONGEST}"),
    (EN, "I am still here.", "I am here.", "content/replies/ur.yml, line 4, replies.still-here: the translation is stale"),
    (EN, "{group: hello, ", "{group: hello, colour: red, ", "no field of this name"),
    (UR, "language: ur", "language: ar", "the file is ur.yml"),
    (UR, "machine-draft", "finished", "“finished” is not known here"),
    (UR, "  hello:", "  other:", "the reply hello is missing"),
    (UR, "  hello:", "  other:", "English has no such reply"),
    (UR, "{hours}", "", "{hours} is missing"),
    (UR, "ہیں۔ {emergency}", "ہيں۔ {emergency}", "is not the one that ur uses"),
    (UR, "source_hash", "made_from", "does not say which English it translates"),
    (UR, "ہم یہیں ہیں۔", "TO-WRITE", "still to be written"),
    (UR, "replies:", "answers:", "there are no replies"),
]


@pytest.mark.parametrize(("file", "old", "new", "seen"), BROKEN, ids=[f"{row[0][-6:]}: {row[3][:40]}" for row in BROKEN])
def test_it_sees_each_mistake(root: Path, file: str, old: str, new: str, seen: str) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    put(root, file, text.replace(old, new, 1))
    found = [str(problem) for problem in problems(root)]
    assert any(words in line for line in found for words in seen.split("|")), found
    assert all(problem.file for problem in problems(root))


def test_a_language_without_ready_replies_is_named(root: Path) -> None:
    (root / UR).unlink()
    assert "there are no ready replies in ur" in "\n".join(map(str, problems(root)))


def test_a_new_language_gets_them_to_write(root: Path) -> None:
    new_language(root, "pl")
    assert "TO-WRITE I am still here" in (root / "content/replies/pl.yml").read_text(encoding="utf-8")
    assert any(
        problem.file == "content/replies/pl.yml" and "still to be written" in problem.message for problem in problems(root)
    )


def test_a_broken_file_stops_the_library_with_words(root: Path) -> None:
    put(root, EN, "language: en\nreplies: {hello: {words: Hello}}\n")
    with pytest.raises(DataError, match="in English a group and a title too"):
        Library.load(root)


def test_about_thirty_are_there_in_every_language_as_machine_drafts() -> None:
    replies = Replies.load(ROOT).by_id
    codes = {language.code for language in supported()}
    assert 30 <= len(replies) <= 40
    assert all(set(ready.words) == codes and ready.drafts == codes - {"en"} for ready in replies.values())


def test_hours_are_said_with_days_in_a_row_together_and_times_in_order_in_every_script() -> None:
    day, half = (time(9), time(17)), (time(10), time(12, 30))
    week = [(day,), (day,), (half, (time(13), time(15))), (), (day,), (), ()]
    assert say_hours(week, "en").replace("\u2066", "").replace("\u2069", "") == (
        "Monday – Tuesday 09:00–17:00; Wednesday 10:00–12:30, 13:00–15:00; Friday 09:00–17:00"
    )
    assert say_hours(week, "ur").count("\u2066") == say_hours(week, "ur").count("\u2069") == 4
    assert "poniedziałek" in say_hours(week, "pl")
    assert say_hours([()] * 7, "en") == "–"
