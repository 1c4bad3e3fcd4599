"""From ids and words to numbers, a whole column at a time: what a database gives, made ready for arrays. Pure functions.

There are millions of them in a large directory, so they go through maps that no step of Python interrupts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np

from services_directory.loading import Row
from services_directory.occurrences import Ints

owner_of = itemgetter(0)
"""The first column of every row that belongs to a service is the service's id."""


def column(rows: Iterable[Row], at: int) -> Iterable[Any]:
    """Return one column of rows."""
    return map(itemgetter(at), rows)


def ints(values: Iterable[int]) -> Ints:
    """Return numbers as an array."""
    return np.fromiter(values, dtype=np.int64)


def looked_up(values: Iterable[Any], numbers: Mapping[str, int], missing: int = -1) -> Ints:
    """Return the number of each value, ``missing`` where it has none."""
    return ints(map(numbers.get, values, repeat(missing)))


def numbered(values: Iterable[Any]) -> tuple[Ints, list[Any]]:
    """Number what differs as it comes; return the number of each value, and the values by number."""
    numbers: defaultdict[Any, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return ints(map(numbers.__getitem__, values)), list(numbers)


def worked_out(values: Iterable[Any], make: Callable[[Any], int]) -> Ints:
    """Return ``make`` of each value, made once of each that differs: there are few days and prices, and very many rows."""
    number, known = numbered(values)
    return np.array([make(value) for value in known], dtype=np.int64)[number]


def starts(owners: Ints, count: int) -> Ints:
    """Return where each owner's part begins in a list sorted by owner, and the end."""
    return np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)


def postings(rows: Ints, words: Iterable[str], count: int) -> dict[str, Ints]:
    """Return for each word the rows that have it, in order, once each. ``rows``: of each word, -1 for none; below ``count``."""
    number, known = numbered(words)
    kept = rows >= 0
    pairs = np.unique(number[kept] * count + rows[kept])
    ends = np.searchsorted(pairs, np.arange(len(known) + 1) * count)
    lists = {word: pairs[ends[at] : ends[at + 1]] - at * count for at, word in enumerate(known)}
    return {word: found for word, found in lists.items() if len(found)}


def order_of(texts: Sequence[str]) -> list[int]:
    """Return the places of texts in the order of the texts, equal ones in the order in which they stand."""
    return sorted(range(len(texts)), key=texts.__getitem__)
