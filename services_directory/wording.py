"""What a parent's words look for: wrong letters mended, words of one meaning in any language taken together.

Synonyms are data (``data/synonyms.yml``), with a checker. Mending looks through a whole vocabulary in numpy: it first
throws out the words whose length or letters are too far off, and then counts the wrong letters of the few that are left.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from services_directory.text import edits_allowed, search_words, stem, within_edits

DATA = Path(__file__).parent / "data"
SYNONYMS_FILE = DATA / "synonyms.yml"
_LINES = (DATA / "everyday_words.txt").read_text(encoding="utf-8").splitlines()
STOP_WORDS = frozenset(word for line in _LINES if not line.startswith("#") for word in line.split())
LONGEST_PHRASE = 5
# A typed message is short; what is longer is cut, so that nobody can make a search slow with words.
MOST_WORDS = 40
Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    """One thing that is looked for: any of ``phrases`` will do, and of a phrase all its words must be there."""

    phrases: tuple[Phrase, ...]


# ---- Synonyms ---------------------------------------------------------------------------------------------------------


def phrase_of(text: str) -> Phrase:
    """Return the folded words of a phrase, without English plural endings."""
    return tuple(stem(word) for word in search_words(text))


def read_synonyms(path: Path) -> Mapping[Phrase, tuple[Phrase, ...]]:
    """Return each phrase of a synonyms file with its group, itself first. Raises ``ValueError`` with the first problem."""
    found = synonym_problems(path)
    if found:
        raise ValueError(found[0])
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    groups: dict[Phrase, tuple[Phrase, ...]] = {}
    for by_language in data["groups"].values():
        phrases = tuple(dict.fromkeys(phrase_of(str(text)) for texts in by_language.values() for text in texts))
        for phrase in phrases:
            groups[phrase] = (phrase, *(other for other in phrases if other != phrase))
    return MappingProxyType(groups)


@cache
def synonyms() -> Mapping[Phrase, tuple[Phrase, ...]]:
    """Return the synonyms that ship with the directory."""
    return read_synonyms(SYNONYMS_FILE)


@cache
def _synonym_words() -> frozenset[str]:
    return frozenset(word for phrase in synonyms() for word in phrase)


def synonym_problems(path: Path) -> list[str]:
    """Return all that is wrong with a synonyms file, a sentence each, with the group that it is in."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        return [f"{path.name}: the file cannot be read ({error}). Look at its indents and quotes."]
    groups = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(groups, dict):
        return [f"{path.name}: there are no groups. Begin it with groups: and a name below it."]
    found = []
    owners: dict[Phrase, str] = {}
    for name, by_language in groups.items():
        if not isinstance(by_language, dict) or not by_language:
            found.append(f"{path.name}, {name}: there are no words. Write en: [one, two] below it.")
            continue
        for language, texts in by_language.items():
            if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
                found.append(f"{path.name}, {name}, {language}: this must be a list. Write [one, two], in quotes if need be.")
                continue
            for text in texts:
                phrase = phrase_of(text)
                if not 1 <= len(phrase) <= LONGEST_PHRASE:
                    found.append(f"{path.name}, {name}, {language}: “{text}” must have one to {LONGEST_PHRASE} words.")
                elif owners.setdefault(phrase, str(name)) != name:
                    found.append(f"{path.name}, {name}: “{text}” is in {owners[phrase]} too. Keep it in one of them.")
    return found


# ---- Mending ----------------------------------------------------------------------------------------------------------


def _letters(word: str) -> int:
    """Return 64 bits, one for each letter used (letters may share one, which only lets more through)."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) % 64)
    return bits


class WordList:
    """The words of a directory, ready to be searched for nearly the same word."""

    def __init__(self, known: Iterable[str]) -> None:
        """Group the words by their first letter, which is hardly ever wrong."""
        by_initial: defaultdict[str, list[str]] = defaultdict(list)
        for word in sorted(known):
            # A run of signs without meaning is nobody's misspelling.
            if 4 <= len(word) <= 40:
                by_initial[word[0]].append(word)
        self._groups: dict[str, tuple[list[str], NDArray[np.int64], NDArray[np.uint64]]] = {
            initial: (
                group,
                np.array([len(word) for word in group]),
                np.array([_letters(word) for word in group], dtype=np.uint64),
            )
            for initial, group in by_initial.items()
        }

    def near(self, word: str) -> tuple[int, list[str]]:
        """Return the words with the same first letter and the fewest wrong letters, and how few; no words if all have too
        many."""
        if word[:1] not in self._groups:
            return 0, []
        group, lengths, letters = self._groups[word[0]]
        signature = np.uint64(_letters(word))
        for edits in range(1, edits_allowed(word) + 1):
            # One wrong letter changes at most two of the letters used.
            close = (np.abs(lengths - len(word)) <= edits) & (np.bitwise_count(letters ^ signature) <= 2 * edits)
            found = [group[at] for at in np.flatnonzero(close) if within_edits(word, group[at], edits)]
            if found:
                return edits, found
        return 0, []


def concepts(
    text: str,
    known: Callable[[str], bool],
    rarity: Callable[[str], float],
    word_lists: Sequence[WordList],
    of_place: Iterable[str],
) -> tuple[Concept, ...]:
    """Return what ``text`` looks for: not the place, not what every request has, spelling mended, synonyms added.

    ``known`` and ``rarity`` tell of a folded, stemmed word whether any service has it and how telling it is.
    """
    place_words = tuple(of_place)
    spoken = search_words(text)[:MOST_WORDS]
    found: list[Concept] = []
    rest: list[str] = []
    at = 0
    stemmed = [stem(word) for word in spoken]
    while at < len(spoken):
        length = next((n for n in range(LONGEST_PHRASE, 1, -1) if tuple(stemmed[at : at + n]) in synonyms()), 0)
        if length:
            found.append(Concept(synonyms()[tuple(stemmed[at : at + length])]))
        else:
            rest.append(spoken[at])
        at += length or 1
    meant = [
        word
        for word in rest
        if word not in STOP_WORDS
        and not word.isdigit()
        and not any(within_edits(word, part, edits_allowed(part)) for part in place_words)
    ]
    if not meant and not found:
        # "baby group" is made of words that are everywhere, but here they are all there is.
        everyday = {"baby", "babies", "toddler", "toddlers"}
        meant = ["baby" if word == "babies" else word for word in rest if word in everyday]
    for word in meant:
        mended = _mended(stem(word), known, rarity, word_lists)
        found.append(Concept(synonyms().get((mended,), ((mended,),))))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _synonym_list() -> WordList:
    return WordList(_synonym_words())


def _mended(word: str, known: Callable[[str], bool], rarity: Callable[[str], float], word_lists: Sequence[WordList]) -> str:
    if known(word) or word in _synonym_words():
        return word
    close = [(edits, found) for edits, found in (word_list.near(word) for word_list in word_lists) if found]
    if close:
        fewest = min(edits for edits, _ in close)
        # Of several, the commonest is the likeliest.
        return min((other for edits, found in close if edits == fewest for other in found), key=lambda w: (rarity(w), w))
    return min(_synonym_list().near(word)[1], default=word)
