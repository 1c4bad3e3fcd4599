"""The part of a score that neither place nor time has a say in: need, words, language, level of need, and age of the last check."""

import numpy as np
from numpy.typing import NDArray

from services_directory import search as rules
from services_directory.columns import Flags, Floats
from services_directory.masks import LEVEL_SCORES, Masks
from services_directory.occurrences import Ints
from services_directory.search import Asked

Text = tuple[Floats, Flags]
"""Each row's score for the words that were asked for, and whether it passes by them."""


class Merit:
    """Scores the services of some columns for one query."""

    def __init__(self, masks: Masks, asked: Asked, text: Text | None) -> None:
        """Look up what is kept for the query's needs, day and language."""
        self._standing = masks.standing(asked.at)
        self._text = None if text is None else text[0]
        self._needs: tuple[NDArray[np.uint8], Floats] | None = None if asked.needs is None else masks.closeness(asked.needs)
        self._language = masks.language(asked.query.language)

    def of(self, rows: Ints) -> Floats:
        """Return the score of each row."""
        merit = self._standing[rows]
        if self._needs is not None:
            codes, values = self._needs
            merit += rules.NEED_WEIGHT * values[codes.take(rows)]
        if self._text is not None:
            merit += self._text[rows]
        if self._language is not None:
            merit += self._language[rows]
        return merit

    def at_most(self) -> float:
        """Return a score that no row is above."""
        most = float(LEVEL_SCORES.max()) + (0.0 if self._needs is None else rules.NEED_WEIGHT * float(self._needs[1].max()))
        most += 0.0 if self._text is None else rules.TEXT_WEIGHT
        return most + (0.0 if self._language is None else rules.LANGUAGE_WEIGHT)
