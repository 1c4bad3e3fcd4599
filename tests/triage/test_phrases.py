"""Finding a phrase: the quick look at the order of its words, before spaCy is asked, must never lose what spaCy would find."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from bot.triage.phrases import Heard, Phrase, Place
from bot.triage.reader import book
from bot.triage.rules import RuleBook
from bot.triage.text import Reading, Word

LANGUAGES = ("en", "cy", "pl", "ur", "ar", "ro", "bn", "uk")
OTHER = "_"


@pytest.fixture(scope="module", params=LANGUAGES)
def one_book(request: pytest.FixtureRequest, root: Path) -> RuleBook:
    return book(root / "content" / "safety", request.param)


def phrases_of(rules: RuleBook) -> list[Phrase]:
    return list(dict.fromkeys(phrase for rule in rules.rules for phrase in (*rule.says, *rule.with_, *rule.without)))


def heard(rules: RuleBook, forms: Sequence[str]) -> Heard:
    """Words as a message of one sentence."""
    reading = Reading(" ".join(forms), tuple(Word(form, 0, 0, sentence=0) for form in forms))
    return Heard(reading, forms, frozenset(forms), rules.numbering)


def filled(place: Place, *, longest: bool) -> Iterator[str]:
    """Words for one place: as few as it takes, or as many as it may hold."""
    if place.gap:
        yield from [OTHER] * (place.gap if longest else 0)
        return
    ways = [[min(forms) for forms in entry] for entry in place.several]
    ways += [[min(place.singles)]] if place.singles else []
    ways += [[f"{beginning}x"] for beginning in place.beginnings]
    ways += [[]] if place.optional else []
    yield from (max if longest else min)(ways, key=len)


@pytest.mark.parametrize("longest", [False, True])
def test_a_phrase_is_found_in_its_own_words_with_the_shortest_and_the_longest_gaps(one_book: RuleBook, longest: bool) -> None:
    for phrase in islice(phrases_of(one_book), 0, None, 60):
        forms = [form for place in phrase.places for form in filled(place, longest=longest)]
        spans = phrase.find(heard(one_book, forms))
        assert any((span.start, span.end) == (0, len(forms)) for span in spans), (phrase.written, forms)


def test_what_spacy_finds_in_real_messages_is_never_lost(one_book: RuleBook, root: Path) -> None:
    lines = [
        line
        for path in sorted((root / "data" / "triage" / one_book.lang).iterdir())
        for line in path.read_text("utf-8").splitlines()
    ]
    messages = [" ".join(lines[start : start + 2]) for start in range(0, len(lines), max(1, len(lines) // 12))]
    looked = 0
    for message in messages:
        forms = [word.form for word in one_book.spelling.read(message).words]
        if not forms:
            continue
        found = heard(one_book, forms)
        for phrase in phrases_of(one_book):
            if all(not need.isdisjoint(found.words) for need in phrase.needs):
                looked += 1
                by_spacy = {(start, end) for _, start, end in phrase._matcher(found.doc)}
                fits = {(span.start, span.end) for span in phrase.find(found)}
                assert fits <= by_spacy, phrase.written
                assert phrase.at_start or phrase.at_end or fits == by_spacy, phrase.written
    assert looked > 100
