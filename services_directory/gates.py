"""What a service must pass before anything is scored: that it is shown, and need, words, age, way to use it, price and time."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from services_directory.columns import Flags
from services_directory.fitting import Fitting
from services_directory.masks import Masks
from services_directory.models import MODES
from services_directory.occurrences import Ints
from services_directory.search import Asked


class Gates:
    """The gates of one query. Those that shut out most come first, so that the others see less."""

    def __init__(self, masks: Masks, asked: Asked, besides: Sequence[Flags | None], fitting: Fitting) -> None:
        """``besides``: further gates, each telling of every row whether it passes; ``None`` for none."""
        query = asked.query
        gates = [
            None if asked.needs is None else masks.tagged(asked.needs),
            *besides,
            None if query.age_months is None else masks.of_age(query.age_months),
            None if query.mode is None else masks.with_mode(1 << MODES.index(query.mode)),
            masks.free(asked.at) if query.free else None,
            fitting.possible,
            masks.shown(asked.at),
        ]
        self._gates = [gate for gate in gates if gate is not None]

    def pass_by(self, rows: Ints) -> Ints:
        """Return those of ``rows`` that pass."""
        for gate in self._gates:
            rows = rows[gate[rows]]
        return rows

    def pass_with(self, things: Ints, row_of: Ints) -> Ints:
        """Return those of ``things`` whose rows, by ``row_of``, pass."""
        for gate in self._gates:
            things = things[gate[row_of[things]]]
        return things

    def all(self) -> Flags:
        """Tell of every row whether it passes."""
        return reduce(np.logical_and, self._gates)
