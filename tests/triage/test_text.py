"""Messages read word by word, before any rule."""

from __future__ import annotations

import pytest

from bot.triage.text import Spelling

SPELLING = Spelling(short={"3am": "عم", "ma7aka": "ما حكى", "m8": "mate"})


def forms(text: str) -> list[str]:
    return [word.form for word in SPELLING.read(text).words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ibni ma7aka", ["ibni", "ما", "حکی"]),
        ("3am yebki", ["عم", "yebki"]),
        ("thanks m8!", ["thanks", "mate"]),
        # What the list does not know is taken apart, so that ages stay numbers.
        ("18mo", ["18", "mo"]),
        ("2yo", ["2", "yo"]),
        ("h8ful", ["h", "8", "ful"]),
    ],
)
def test_letters_and_digits_together_are_one_word_where_the_list_knows_it(text: str, expected: list[str]) -> None:
    assert forms(text) == expected


def test_the_full_stop_of_bengali_ends_a_sentence_and_belongs_to_no_word() -> None:
    words = SPELLING.read("শ্বাস নিতে পারছে না। ঠোঁট নীল।").words
    assert [word.sentence for word in words] == [0, 0, 0, 0, 1, 1]
    assert words[3].form == "না"


def test_bengali_digits_are_numbers() -> None:
    assert forms("৩০ সপ্তাহ") == ["30", "সপ্তাহ"]


@pytest.mark.parametrize("text", ["'" * 100_000, "a2" * 50_000, "2'" * 50_000, "a" * 100_000])
def test_long_rows_of_letters_digits_and_marks_are_read(text: str) -> None:
    assert isinstance(forms(text), list)
