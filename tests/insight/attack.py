"""A reader who wants to find somebody: knows every rule and every published figure, and solves for what is hidden.

Written apart from `bot.insight.disclosure`: the figures become bounds, what is known of how they hang together becomes equations, and a
solver of linear programmes gives the least and the most that each hidden group can be, over all that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from bot.insight.disclosure import FEW, Figure

Tables = Mapping[str, Mapping[str, Figure]]
LARGE = 1e7
EPSILON = 1e-6
PEOPLE = ("people:language", "people:role", "people:age", "people:channel", "people:arrival")
CONVERSATIONS = ("conversation:hours", "conversation:ending")
CASES = ("case:level", "case:hours")
SUBSETS = ("topic", "series:joined")
"""Tables of which every category counts people of the month, each once."""

Found = tuple[str, tuple[str, ...], float, float]
"""(table, categories, least, most) of a group that certainly has 1 to 9 people in it."""


def bounds(one: Figure) -> tuple[float, float]:
    """What the rules in docs/insight.md say of a figure."""
    if one is FEW:
        return 0, 9
    if isinstance(one, int):
        assert one >= 10 and one % 5 == 0, f"{one} may not be published"
        return (10, 12) if one == 10 else (one - 2, one + 2)
    return 0, LARGE


@dataclass(slots=True)
class Reader:
    """What is known: cells with their bounds, sums that are equal, and sums of which one is at most the other."""

    cells: dict[tuple[str, str], int] = field(default_factory=dict)
    limits: list[tuple[float, float]] = field(default_factory=list)
    equal: list[dict[int, float]] = field(default_factory=list)
    at_most: list[dict[int, float]] = field(default_factory=list)
    solved: int = 0

    def learn(self, table: str, figures: Mapping[str, Figure]) -> None:
        for category, one in figures.items():
            self.cells[table, category] = len(self.limits)
            self.limits.append(bounds(one))

    def sum_of(self, table: str, sign: float = 1, *, without: str = "") -> dict[int, float]:
        return {place: sign for (of, category), place in self.cells.items() if of == table and category != without}

    def divide_the_same(self, tables: Sequence[str]) -> None:
        for other in tables[1:]:
            self.equal.append(self.sum_of(tables[0]) | self.sum_of(other, -1))

    def no_more_than(self, fewer: dict[int, float], more: dict[int, float]) -> None:
        self.at_most.append(fewer | {place: -sign for place, sign in more.items()})

    def finds(self, tables: Tables, prefix: str = "", biggest: int = 1) -> Iterator[Found]:
        """Tried are all of a table's hidden cells together, and any `biggest` or fewer of them. If perhaps nobody is in all of them, then
        perhaps nobody is in some of them, which need not be solved.
        """
        sums = self._sums()
        for name, figures in tables.items():
            hidden = [category for category, one in figures.items() if not isinstance(one, int)]
            if not hidden or self._extreme(self._aim(prefix + name, hidden), sums) < 1 - EPSILON:
                continue
            for group in _groups(hidden, biggest):
                aim = self._aim(prefix + name, group)
                least = self._extreme(aim, sums)
                if least >= 1 - EPSILON and (most := -self._extreme(-aim, sums)) <= 9 + EPSILON:
                    yield prefix + name, group, least, most

    def _aim(self, table: str, group: Sequence[str]) -> np.ndarray:
        aim = np.zeros(len(self.limits))
        aim[[self.cells[table, category] for category in group]] = 1
        return aim

    def _sums(self) -> dict[str, Any]:
        """What hangs together, as the solver wants it."""
        sums: dict[str, Any] = {"bounds": self.limits}
        for name, rows in (("eq", self.equal), ("ub", self.at_most)):
            if rows:
                sums |= {f"A_{name}": self._matrix(rows), f"b_{name}": np.zeros(len(rows))}
        return sums

    def _extreme(self, aim: np.ndarray, sums: Mapping[str, Any]) -> float:
        self.solved += 1
        answer = linprog(aim, **sums)
        assert answer.success, answer.message
        return float(answer.fun)

    def _matrix(self, rows: Sequence[Mapping[int, float]]) -> csr_array:
        at = [(row, place, sign) for row, signs in enumerate(rows) for place, sign in signs.items()]
        line, column, value = zip(*at, strict=True)
        return csr_array((value, (line, column)), shape=(len(rows), len(self.limits)))


def found(tables: Tables, biggest: int = 2) -> Iterator[Found]:
    """What is found in tables that divide the same people, from nothing but them."""
    reader = Reader()
    for name, figures in tables.items():
        reader.learn(name, figures)
    reader.divide_the_same(list(tables))
    yield from reader.finds(tables, biggest=biggest)


def read_year(months: Mapping[str, Tables]) -> Reader:
    """One who has read all that was published of an area, from the first month on, one month after the other.

    Whoever is counted in a month has had a conversation in it; whoever was answered on a topic, or joined a series, is counted in it; whoever
    returns was new in an earlier one.
    """
    reader, new = Reader(), dict[int, float]()
    for month, tables in months.items():
        for name, figures in tables.items():
            reader.learn(f"{month} {name}", figures)
        for group in (PEOPLE, CONVERSATIONS, CASES):
            reader.divide_the_same([f"{month} {name}" for name in group])
        reader.no_more_than(reader.sum_of(f"{month} {PEOPLE[0]}"), reader.sum_of(f"{month} {CONVERSATIONS[0]}"))
        for name in SUBSETS:
            for category in tables[name]:
                place = reader.cells[f"{month} {name}", category]
                reader.no_more_than({place: 1}, reader.sum_of(f"{month} {PEOPLE[0]}"))
        arrivals = f"{month} people:arrival"
        if "returning" in tables["people:arrival"]:
            reader.no_more_than({reader.cells[arrivals, "returning"]: 1}, new)
        new |= reader.sum_of(arrivals, without="returning")
    return reader


def read_links(links: Mapping[str, Figure], areas: Sequence[Sequence[Mapping[str, Figure]]], campaign: str) -> Reader:
    """One who has read how many came by a campaign's links in a quarter, and the campaign's figures in it: of each month, of each area."""
    reader = Reader()
    for number, of_areas in enumerate(areas):
        for place, table in enumerate(of_areas):
            reader.learn(f"campaign {number} {place}", {campaign: table.get(f"campaign:{campaign}", FEW)})
    whole = dict.fromkeys(reader.cells.values(), 1.0)
    reader.learn("links", links)
    reader.no_more_than(reader.sum_of("links"), whole)
    return reader


def _groups(hidden: Sequence[str], biggest: int) -> Iterator[tuple[str, ...]]:
    sizes = sorted({*range(1, min(biggest, len(hidden)) + 1), len(hidden)})
    for size in sizes:
        yield from combinations(hidden, size)
