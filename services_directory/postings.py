"""Which services have which word, and where: in the name, in the words of their needs, or in the rest of the text."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from services_directory import search as rules
from services_directory.columns import Columns
from services_directory.loading import Row, plain
from services_directory.occurrences import Ints
from services_directory.terms import Vocabulary
from services_directory.text import search_words, stem
from services_directory.wording import WordList


class _Numbers(dict[str, int]):
    """The number of the word that a token is a form of; -1 for one that means nothing."""

    def __init__(self, stop: frozenset[str]) -> None:
        super().__init__(dict.fromkeys(stop, -1))
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
        number = numbers.__getitem__
        bodies, names = (array("i"), array("i")), (array("i"), array("i"))
        for service_id, name, description, organisation, eligibility in texts:
            row = columns.row_of.get(service_id)
            if row is None:
                continue
            text = " ".join((plain(description), plain(organisation), plain(eligibility or "")))
            for (words, rows), said in ((bodies, text), (names, plain(name))):
                found = set(map(number, search_words(said)))
                words.extend(found)
                rows.extend((row,) * len(found))
        self._words = numbers.words
        self._by_term: defaultdict[str, list[str]] = defaultdict(list)
        for code in columns.needs:
            term = vocabulary.terms.get(code)
            for word in (
                {stem(w) for text in (term.name, *term.words) for w in search_words(text) if w not in stop} if term else ()
            ):
                self._by_term[word].append(code)
        self._needs: Mapping[str, Ints] = columns.needs
        self._body, self._name = _Lists(*bodies, len(self._words)), _Lists(*names, len(self._words))
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


class _Lists:
    """The rows of each word, one list after the other."""

    def __init__(self, words: "array[int]", rows: "array[int]", count: int) -> None:
        at, of = np.frombuffer(words, dtype=np.intc), np.frombuffer(rows, dtype=np.intc)
        sorting = np.argsort(at, kind="stable")
        self._rows = of[sorting].astype(np.int32)
        self._start = np.searchsorted(at[sorting], np.arange(count + 1))

    def rows(self, number: int) -> Ints:
        return self._rows[self._start[number] : self._start[number + 1]]
