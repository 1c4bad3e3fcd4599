"""How English words read: syllables, sentences, grades, and what must not stand in them."""

from __future__ import annotations

import pytest

from bot.library import style

SYLLABLES = {
    1: "hums made asked loved eyes does they're you can't don't through soothed clothes",
    2: "little apple baby wanted doesn't couldn't being going saying quiet lion breathing needed science nappies noises",
    3: "family radio happier area usual idea holiday beginning another remember grandparent create-it",
    4: "understanding ability information",
}


@pytest.mark.parametrize(("count", "word"), [(count, word) for count, words in SYLLABLES.items() for word in words.split()])
def test_it_counts_the_syllables_that_are_said(count: int, word: str) -> None:
    assert style.syllables(word) == count


def test_the_grade_is_flesch_and_kincaids() -> None:
    # 2 sentences, 10 words, 13 syllables
    read = style.reading("She is happy to see you. Give her a cuddle.")
    assert read.grade == pytest.approx(0.39 * 10 / 2 + 11.8 * 12 / 10 - 15.59)
    assert (read.longest, read.longest_sentence) == (6, "She is happy to see you.")


def test_hard_words_and_long_sentences_give_a_higher_grade() -> None:
    easy = style.reading("Sit on the floor. Roll a ball. Wait for her to push it back.").grade
    hard = style.reading("Reciprocal interaction opportunities facilitate communicative development throughout infancy.").grade
    assert easy < style.MEAN_GRADE < style.HIGHEST_GRADE < hard


def test_labels_marks_and_placeholders_do_not_count_as_sentences_or_hard_words() -> None:
    assert style.reading("*Try this:* hum a tune.") == style.reading("hum a tune.")
    assert style.reading("Call {domestic_abuse} now.").grade == style.reading("Call help now.").grade


@pytest.mark.parametrize(
    ("text", "count"),
    [("One. Two! Three?", 3), ("“You're sad.” That is all.", 2), ("One\n\nTwo", 2), ("at 2.5 kg", 1), ("", 0), ("Well… yes.", 2)],
)
def test_it_knows_where_a_sentence_ends(text: str, count: int) -> None:
    assert len(list(style.sentences(text))) == count


def test_emphasis_is_the_only_mark_allowed() -> None:
    assert list(style.marks("*Why:* a *small* thing, 2 * 3")) == ["a * without its partner"]
    assert list(style.marks("*Why:* a *small* thing (yes!)")) == []
    assert list(style.marks("وجہ: *یہ* بات")) == []


@pytest.mark.parametrize("text", ["Hold her close.", "Skin-to-skin time", "Lay him on your chest", "She wants a cuddle"])
def test_it_knows_a_tip_to_hold(text: str) -> None:
    assert style.asks_to_hold(text)


@pytest.mark.parametrize("text", ["Hold on to hope.", "It holds you up.", "Keep hold of the rail."])
def test_it_does_not_take_other_holding_for_it(text: str) -> None:
    assert style.asks_to_hold(text) is None


def test_the_sofa_line_names_sofa_and_chair_in_one_sentence() -> None:
    assert style.warns_of_sofa("But not on a sofa or chair if you might fall asleep.")
    assert not style.warns_of_sofa("Sit on the sofa. Take a chair.")
