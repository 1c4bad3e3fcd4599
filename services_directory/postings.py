"""Which services have which word, and where: in the name, in the words of their needs, or in the rest of the text."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services_directory import search as rules
from services_directory.columns import Columns
from services_directory.loading import Row, plain
from services_directory.occurrences import Ints
from services_directory.terms import Vocabulary
from services_directory.text import search_words, stem
from services_directory.wording import WordList

SEPARATOR = "\x01"  # a sign that no text has: texts are plain
MEANINGLESS, SEPARATED = -1, -2
TEXTS_AT_ONCE = 2_000
# What ``text.words`` makes of ASCII, letter by letter: small letters, no apostrophes, spaces for all other signs.
_LETTERS = {at: chr(at).lower() if chr(at).isalnum() or chr(at) == SEPARATOR else " " for at in range(128)} | {ord("'"): None}


class _Numbers(dict[str, int]):
    """The number of the word that a token is a form of; below 0 for one that is none."""

    def __init__(self, stop: frozenset[str]) -> None:
        super().__init__(dict.fromkeys(stop, MEANINGLESS) | {SEPARATOR: SEPARATED})
        self.words: dict[str, int] = {}

    def __missing__(self, token: str) -> int:
        number = self[token] = self.words.setdefault(stem(token), len(self.words))
        return number


class Postings:
    """The words of the services of some columns. A service without a text is not found by one."""

    def __init__(self, columns: Columns, texts: Iterable[Row], vocabulary: Vocabulary, stop: frozenset[str]) -> None:
        """``texts``: id, name, description, organisation and eligibility of each service, in any order."""
        self._count = len(columns)
        numbers = _Numbers(stop)
        bodies, names = _Collector(numbers, self._count), _Collector(numbers, self._count)
        for service_id, name, description, organisation, eligibility in texts:
            row = columns.row_of.get(service_id)
            if row is not None:
                bodies.add(row, f"{plain(description)} {_often(organisation)} {plain(eligibility) if eligibility else ''}")
                names.add(row, plain(name))
        self._words = numbers.words
        self._by_term: defaultdict[str, list[str]] = defaultdict(list)
        for code in columns.needs:
            term = vocabulary.terms.get(code)
            for word in (
                {stem(w) for text in (term.name, *term.words) for w in search_words(text) if w not in stop} if term else ()
            ):
                self._by_term[word].append(code)
        self._needs: Mapping[str, Ints] = columns.needs
        self._body, self._name = bodies.finish(), names.finish()
        self.list = WordList({*self._words, *self._by_term})
        self._how_many: dict[str, int] = {}

    def weights(self, word: str) -> NDArray[np.uint8]:
        """Return how much the word says of each service: 0 not there, else 1 in the text, 2 in a need, 3 in the name."""
        found = np.zeros(self._count, dtype=np.uint8)
        number = self._words.get(word)
        if number is not None:
            found[self._body.rows(number)] = rules.BODY_WEIGHT
        for code in self._by_term.get(word, ()):
            found[self._needs[code]] = rules.TERM_WEIGHT
        if number is not None:
            found[self._name.rows(number)] = rules.NAME_WEIGHT
        return found

    def how_many(self, word: str, dead: Ints | None) -> int:
        """Return how many services have the word, not counting the rows that are out of date."""
        if word not in self._words and word not in self._by_term:
            return 0
        if word not in self._how_many:
            self._how_many[word] = int(np.count_nonzero(self.weights(word)))
        gone = 0 if dead is None or not len(dead) else int(np.count_nonzero(self.weights(word)[dead]))
        return self._how_many[word] - gone


_often = lru_cache(maxsize=50_000)(plain)


class _Collector:
    """Takes in texts, and makes of them the lists of rows of each word.

    Texts in ASCII are put together, some thousands at a time, and split in one go.
    """

    def __init__(self, numbers: _Numbers, count: int) -> None:
        self._numbers, self._count = numbers, max(1, count)
        self._texts: list[str] = []
        self._rows: list[int] = []
        self._found: list[NDArray[np.int64]] = []

    def add(self, row: int, text: str) -> None:
        if text.isascii():
            self._texts.append(text)
            self._rows.append(row)
            if len(self._texts) >= TEXTS_AT_ONCE:
                self._split()
        else:
            self._keep(list(map(self._numbers.__getitem__, search_words(text))), row)

    def _split(self) -> None:
        tokens = f" {SEPARATOR} ".join(self._texts).translate(_LETTERS).split()
        numbers = np.fromiter(map(self._numbers.__getitem__, tokens), dtype=np.int64, count=len(tokens))
        text = np.cumsum(numbers == SEPARATED)
        word = numbers >= 0
        self._keep(numbers[word], np.array(self._rows, dtype=np.int64)[text[word]])
        self._texts, self._rows = [], []

    def _keep(self, numbers: "list[int] | NDArray[np.int64]", rows: "int | NDArray[np.int64]") -> None:
        found = np.asarray(numbers, dtype=np.int64)
        self._found.append((found * self._count + rows)[found >= 0])

    def finish(self) -> "_Lists":
        if self._texts:
            self._split()
        return _Lists(np.concatenate([np.zeros(0, dtype=np.int64), *self._found]), self._count, len(self._numbers.words))


class _Lists:
    """The rows of each word, one list after the other."""

    def __init__(self, found: NDArray[np.int64], count: int, words: int) -> None:
        """``found``: the number of a word times ``count``, plus the row, for each word of each row."""
        found = np.sort(found)
        first = np.ones(len(found), dtype=bool)
        first[1:] = found[1:] != found[:-1]
        found = found[first]
        self._rows = (found % count).astype(np.int64)
        self._start = np.searchsorted(found, np.arange(words + 1) * count)
        self._words = words

    def rows(self, number: int) -> Ints:
        # A word may be newer than these lists: then none of their texts has it.
        return self._rows[self._start[number] : self._start[number + 1]] if number < self._words else self._rows[:0]
