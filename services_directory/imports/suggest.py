"""Needs that an untagged service may answer, by the words of its name and description. Suggestions only: a person decides."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from services_directory.imports.notes import Said, said
from services_directory.terms import vocabulary
from services_directory.text import fold, stem, words

MOST_SUGGESTIONS = 3
LEAST_SCORE = 2
LONGEST_PHRASE = 5
READ_CHARACTERS = 1500
IN_NAME, IN_TERMS, IN_DESCRIPTION = 3, 3, 1


@cache
def _phrases() -> Mapping[tuple[str, ...], frozenset[str]]:
    found: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for code, term in vocabulary().terms.items():
        for phrase in (term.name, *term.words):
            found[tuple(stem(word) for word in words(phrase))].add(code)
    found.pop((), None)
    return {phrase: frozenset(codes) for phrase, codes in found.items()}


@cache
def _categories() -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for code, term in vocabulary().terms.items():
        for name in term.dfe:
            found[fold(name)].add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


def _words(text: str) -> list[str]:
    found = re.findall(r"[a-z0-9]+", text.lower().replace("'", "")) if text.isascii() else words(text)
    return [stem(word) for word in found]


def _matches(text: str) -> Mapping[str, str]:
    """Return each need that a phrase in ``text`` means, with the longest such phrase."""
    listed, phrases = _words(text), _phrases()
    found: dict[str, str] = {}
    for start in range(len(listed)):
        for length in range(1, LONGEST_PHRASE + 1):
            phrase = tuple(listed[start : start + length])
            for code in phrases.get(phrase, ()):
                said = " ".join(phrase)
                found[code] = max(found.get(code, ""), said, key=len)
    return found


def suggest(name: str, description: str, terms: Iterable[str]) -> list[tuple[str, Said]]:
    """Return up to three ``(code, why)``, best first. ``terms`` are names of the feed's own vocabulary."""
    scores: defaultdict[str, int] = defaultdict(int)
    why: dict[str, Said] = {}
    for label, weight, text in (("name", IN_NAME, name), ("description", IN_DESCRIPTION, description[:READ_CHARACTERS])):
        for code, phrase in _matches(text).items():
            # Two words that stand together are seldom there by chance.
            scores[code] += weight + (1 if " " in phrase else 0)
            why.setdefault(code, said(f"suggest.{label}", words=f"“{phrase}”"))
    for term in terms:
        for code in _categories().get(fold(term), ()):
            scores[code] += IN_TERMS
            why.setdefault(code, said("suggest.filed", words=f"“{term[:80]}”"))
        for code in _matches(term):
            scores[code] += IN_TERMS - 1
            why.setdefault(code, said("suggest.filed", words=f"“{term[:80]}”"))
    best = sorted((code for code, score in scores.items() if score >= LEAST_SCORE), key=lambda code: (-scores[code], code))
    return [(code, why[code]) for code in best[:MOST_SUGGESTIONS]]
