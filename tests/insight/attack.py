"""A reader who wants to find somebody: knows every rule and every published figure, and solves for what is hidden.

Written apart from `bot.insight.disclosure`: the figures become bounds, the tables equations, and a solver of linear programmes gives the
least and the most that each hidden group can be, over all that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from scipy.optimize import linprog

from bot.insight.disclosure import FEW, Figure

Tables = Mapping[str, Mapping[str, Figure]]
LARGE = 1e7
EPSILON = 1e-6


def bounds(one: Figure) -> tuple[float, float]:
    """What the rules in docs/insight.md say of a figure."""
    if one is FEW:
        return 0, 9
    if isinstance(one, int):
        assert one >= 10 and one % 5 == 0, f"{one} may not be published"
        return (10, 12) if one == 10 else (one - 2, one + 2)
    return 0, LARGE


def found(tables: Tables, biggest: int = 2) -> Iterator[tuple[str, tuple[str, ...], float, float]]:
    """(table, categories, least, most) of every group that certainly has 1 to 9 people in it.

    Tried are all of a table's hidden cells, and any `biggest` or fewer of them together.
    """
    cells = [(name, category) for name, figures in tables.items() for category in figures]
    limits = [bounds(tables[name][category]) for name, category in cells]
    equal = np.zeros((max(len(tables) - 1, 0), len(cells)))
    first, *others = tables
    for row, other in enumerate(others):
        equal[row] = [1 if name == first else -1 if name == other else 0 for name, _ in cells]
    for name, group in _groups(tables, biggest):
        wanted = np.array([1.0 if at == name and category in group else 0.0 for at, category in cells])
        least = _extreme(wanted, equal, limits)
        if least < 1 - EPSILON:
            continue
        most = -_extreme(-wanted, equal, limits)
        if most <= 9 + EPSILON:
            yield name, group, least, most


def _groups(tables: Tables, biggest: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, figures in tables.items():
        hidden = [category for category, one in figures.items() if not isinstance(one, int)]
        sizes = sorted({*range(1, min(biggest, len(hidden)) + 1), len(hidden)} - {0})
        for size in sizes:
            yield from ((name, group) for group in combinations(hidden, size))


def _extreme(aim: np.ndarray, equal: np.ndarray, limits: list[tuple[float, float]]) -> float:
    if len(equal):
        answer = linprog(aim, A_eq=equal, b_eq=np.zeros(len(equal)), bounds=limits)
    else:
        answer = linprog(aim, bounds=limits)
    assert answer.success, answer.message
    return float(answer.fun)
