"""Synonyms, and words with wrong letters."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services_directory.text import edits_allowed, fold, search_words, within_edits, words
from services_directory.wording import SYNONYMS_FILE, WordList, concepts, phrase_of, read_synonyms, synonym_problems, synonyms

LANGUAGES = {"en", "cy", "pl", "ro", "ur", "ar", "bn", "uk"}
letters = st.text(alphabet="abcdeghilnorstuwyłśদুধو", min_size=1, max_size=11)


def test_the_synonyms_that_ship_are_right() -> None:
    assert synonym_problems(SYNONYMS_FILE) == []
    assert phrase_of("diaper") in synonyms()[phrase_of("nappies")]
    assert phrase_of("bwydo ar y fron") in synonyms()[phrase_of("Breastfeeding")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups: {pram: {en: [pram]}, buggy: {en: [pram]}}", "is in pram too"),
        ("groups: {pram: {en: pram}}", "must be a list"),
        ("groups: {pram: {en: [one two three four five six]}}", "one to 5 words"),
        ("groups: {pram: {}}", "there are no words"),
        ("pram: [buggy]", "there are no groups"),
        ("groups: [", "cannot be read"),
    ],
)
def test_the_checker_of_synonyms_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "synonyms.yml"
    path.write_text(text, encoding="utf-8")
    assert any(said in problem for problem in synonym_problems(path))
    with pytest.raises(ValueError, match=r"synonyms\.yml"):
        read_synonyms(path)


@settings(max_examples=300, deadline=None)
@given(known=st.sets(letters, max_size=40), word=letters)
def test_the_nearest_words_are_those_that_brute_force_finds(known: set[str], word: str) -> None:
    expected: tuple[int, list[str]] = (0, [])
    for edits in range(1, edits_allowed(word) + 1):
        close = sorted(o for o in known if len(o) >= 4 and o[0] == word[0] and within_edits(word, o, edits))
        if close:
            expected = edits, close
            break
    assert WordList(known).near(word) == expected


def test_a_misspelt_synonym_is_mended_even_if_no_service_has_it() -> None:
    (concept,) = concepts("brestfeeding", lambda _: False, lambda _: 1.0, [WordList(())], ())
    assert concept.phrases[0] == ("breastfeeding",)


def test_a_very_long_message_is_cut() -> None:
    found = concepts(" ".join(f"word{n}" for n in range(5000)), lambda _: True, lambda _: 1.0, [WordList(())], ())
    assert len(found) <= 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("বুকের দুধ", ["বুকের", "দুধ"]),
        ("குழந்தைகள் விளையாட்டு", ["குழந்தைகள்", "விளையாட்டு"]),
        ("ਬੱਚਿਆਂ", ["ਬੱਚਿਆਂ"]),
        ("Młodych Łódź", ["mlodych", "lodz"]),
        ("grŵp", ["grwp"]),
        ("dad's dads’ 3rd", ["dads", "dads", "3rd"]),
    ],
)
def test_words_are_never_cut_at_vowel_signs_and_accents_are_folded(text: str, expected: list[str]) -> None:
    assert search_words(text) == expected


def test_a_script_without_spaces_is_searched_by_pairs() -> None:
    assert search_words("亲子游戏 ok") == ["亲子", "子游", "游戏", "ok"]
    assert search_words("游") == ["游"]


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_the_short_way_for_ascii_gives_what_the_long_way_gives(text: str) -> None:
    # One letter outside ASCII sends all of it the long way.
    assert words(text) == words(text + " é")[:-1]
    assert fold(text) == fold(text + "é")[:-1]
