"""Small operations on sorted arrays of numbers that several searches share. Pure functions."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from services_directory.occurrences import Ints

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def expand(starts: Ints, owners: Ints, order: Ints | None) -> tuple[Ints, Ints]:
    """Return for each thing of each owner the owner's place in ``owners``, and the thing (through ``order``, if given)."""
    begin = starts[owners]
    counts = starts[owners + 1] - begin
    owner = np.repeat(np.arange(len(owners), dtype=np.int64), counts)
    things = np.arange(len(owner), dtype=np.int64) + np.repeat(begin - (np.cumsum(counts) - counts), counts).astype(np.int64)
    return owner, things if order is None else order[things]


def merged(lists: list[Ints]) -> Ints:
    """Return what is in any of the lists, in order, once each."""
    found = np.sort(np.concatenate(lists))
    if len(found) > 1:
        found = found[np.concatenate(([True], found[1:] != found[:-1]))]
    return found


def is_in(values: Ints, held: Ints) -> Flags:
    """Tell which values are in ``held``, which is in order."""
    if not len(held):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(held, values), len(held) - 1)
    return cast(Flags, held[at] == values)


def first_by(owner: Ints, things: Ints, rank: Ints, count: int) -> Ints:
    """Return each owner's thing of the lowest rank, -1 for none."""
    found = np.full(count, -1, dtype=np.int64)
    sorting = np.argsort(rank, kind="stable")[::-1]
    found[owner[sorting]] = things[sorting]
    return found


def least_of_each(owner: Ints, value: Floats, rank: Ints) -> Ints:
    """Return where each owner's least value is, of several the one of the lowest rank; by owner."""
    order = np.argsort(owner)
    held = owner[order]
    repeats = held[1:] == held[:-1]
    if not repeats.any():
        return order
    # Most owners have one thing; only the others need the slow sort.
    first = np.concatenate(([True], ~repeats))
    shared = ~(first & np.concatenate((~repeats, [True])))
    several = order[shared]
    order[shared] = several[np.lexsort((rank[several], value[several], owner[several]))]
    return order[first]
