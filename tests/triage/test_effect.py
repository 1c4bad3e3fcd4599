"""What an edit of phrases changes: counted by set, never-miss messages named, held-out ones never shown."""

import io
import json
from pathlib import Path

import pytest

from bot.triage import Level, Triage, effect, rules
from bot.triage.effect import Judged, Labelled

OLD = """language: en
rules:
  - {id: breath, level: emergency, why: a test, says: [not breathing]}
  - {id: low, level: concern, why: a test, says: [so low]}
"""
NEW = """language: en
rules:
  - {id: choking, level: emergency, why: a test, says: [choking]}
  - {id: low, level: urgent, why: a test, says: [so low, playgroup]}
"""


@pytest.fixture
def small(tmp_path: Path, root: Path) -> Path:
    safety = tmp_path / "content" / "safety"
    (safety / "never_miss").mkdir(parents=True)
    (tmp_path / "content" / "languages.yml").write_bytes((root / "content" / "languages.yml").read_bytes())
    (safety / "en.yml").write_text(NEW)
    (safety / "never_miss" / "en.txt").write_text("# a list\nemergency\tshe is not breathing\nconcern\ti am so low\n")
    (safety / "never_miss" / "cy.txt").write_text("emergency\tnot breathing dim ond Cymraeg\n")
    folder = tmp_path / "data" / "triage" / "en"
    folder.mkdir(parents=True)
    (folder / "emergency.txt").write_text("my baby is choking\n")
    (folder / "none.txt").write_text("what time is playgroup\nwhere is the park\n")
    held = tmp_path / "tests" / "evaluation"
    held.mkdir(parents=True)
    rows = [
        {"id": "1", "text": "a held out child is choking", "level": "emergency"},
        {"id": "2", "text": "hello", "level": "none"},
    ]
    (held / "triage_en.jsonl").write_text("".join(json.dumps({**row, "lang": "en"}) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def judged(small: Path, tmp_path: Path) -> list[Judged]:
    after = Triage.load(small / "content")
    old = tmp_path / "old" / "en.yml"
    old.parent.mkdir()
    old.write_text(OLD)
    before = effect.with_book(after, rules.load(old))
    return effect.judge(effect.messages(small, "en"), before, after, lambda line: None)


def written(judged: list[Judged], examples: int = 10) -> tuple[int, str]:
    out = io.StringIO()
    return effect.write(judged, examples, out), out.getvalue()


def row(text: str, name: str) -> list[int]:
    """The numbers of one line of the table: messages, raised, lowered, newly caught, newly missed, newly too high."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return [int(number) for number in line.removeprefix(name).split()]


def test_every_set_is_counted_and_only_that_languages(judged: list[Judged]) -> None:
    text = written(judged)[1]
    assert row(text, "never_miss/en.txt") == [2, 1, 1, 0, 1, 1]
    assert row(text, "examples, emergency") == [1, 1, 0, 1, 0, 0]
    assert row(text, "examples, none") == [2, 1, 0, 0, 0, 1]
    assert row(text, "held-out") == [2, 1, 0, 1, 0, 0]
    assert row(text, "together") == [7, 4, 1, 2, 1, 2]
    assert "never_miss/cy.txt" not in text


def test_a_message_that_must_never_be_missed_is_named_with_its_line_and_the_status_says_so(judged: list[Judged]) -> None:
    status, text = written(judged, examples=0)
    assert status == 1
    assert "never_miss/en.txt, line 2: emergency → none: she is not breathing" in text
    kept = [one for one in judged if not one.newly_missed]
    assert written(kept)[0] == 0


def test_examples_are_the_projects_own_worst_first_and_no_more_than_asked(judged: list[Judged]) -> None:
    text = written(judged)[1]
    assert "none → urgent: what time is playgroup  [examples, none]" in text
    assert text.index("what time is playgroup") < text.index("my baby is choking")
    assert written(judged, examples=1)[1].count("[") == 1


def test_a_held_out_message_is_counted_and_never_shown(judged: list[Judged]) -> None:
    changed = [one.message.text for one in judged if one.message.source == effect.HELD_OUT and one.raised]
    assert changed == ["a held out child is choking"]
    assert "held out child" not in written(judged, examples=1000)[1]


def test_moves_between_levels_are_told_the_most_frequent_first(judged: list[Judged]) -> None:
    text = written(judged)[1]
    assert "none → emergency: 2\n" in text
    assert "concern → urgent: 1\n" in text


def test_an_edit_that_changes_nothing_says_so() -> None:
    same = [Judged(Labelled("examples, none", "hello", Level.NONE, "en"), Level.NONE, Level.NONE)]
    status, text = written(same)
    assert status == 0
    assert "No message of these sets changes its level." in text


def test_without_held_out_messages_the_rest_is_judged(small: Path) -> None:
    (small / "tests" / "evaluation" / "triage_en.jsonl").unlink()
    assert {one.source for one in effect.messages(small, "en")} == {"never_miss/en.txt", "examples, emergency", "examples, none"}


def test_the_other_languages_keep_their_phrases(small: Path) -> None:
    triage = Triage.load(small / "content")
    changed = effect.with_book(triage, rules.empty("en"))
    assert changed.books["en"].rules == ()
    assert {lang: book for lang, book in changed.books.items() if lang != "en"} == {
        lang: book for lang, book in triage.books.items() if lang != "en"
    }
