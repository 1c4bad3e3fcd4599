"""The same search as ``search``, over columns: it finds the same services with the same scores, in a fraction of the time.

Gates are masks over all rows that are kept (``masks``, ``gates``); only what can be used from the place is put through them (``reach``).
Scores are the documented ones of ``search``. The few best are then put through ``search.match_entry`` itself, which gives the
reasons and has the last word.
"""

from dataclasses import dataclass

import numpy as np

from services_directory.columns import Columns, Flags, Floats
from services_directory.fitting import Fitting
from services_directory.gates import Gates
from services_directory.masks import Masks
from services_directory.merit import Merit, Text
from services_directory.occurrences import Ints
from services_directory.reach import ROUNDING, Reach
from services_directory.search import Asked
from services_directory.terms import Vocabulary

# So few rows are looked at all at once: mostly none of them passes, and that is an answer.
FEW = 2_000


@dataclass(frozen=True)
class Hits:
    """What was found, unsorted: rows, scores, and whether each is an option without travel."""

    rows: Ints
    scores: Floats
    no_travel: Flags


class Finder:
    """Searches one set of columns. ``dead``: rows that are out of date, and found elsewhere if at all."""

    def __init__(self, columns: Columns, vocabulary: Vocabulary, dead: Ints | None = None) -> None:
        """Share the columns' cache of masks, so that another finder over the same columns starts warm."""
        self.columns = columns
        self.masks = Masks(columns, vocabulary)
        self.alive: Flags | None = None
        if dead is not None and len(dead):
            self.alive = np.ones(len(columns), dtype=bool)
            self.alive[dead] = False

    def find(self, asked: Asked, text: Text | None, needed: int) -> Hits:
        """Return the ``needed`` best that pass the gates, and some more, and the best without travel."""
        fitting = Fitting(self.masks, asked)
        gates = Gates(self.masks, asked, (None if text is None else text[1], self.alive), fitting)
        if len(self.columns) < FEW and not gates.all().any():
            return Hits(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=bool))
        reach = Reach(self.masks, asked, gates, fitting, Merit(self.masks, asked, text))
        found = reach.find(needed)
        return _best(needed, found.rows, found.scores(), found.staying)


def _best(needed: int, rows: Ints, scores: Floats, staying: Flags) -> Hits:
    """Leave out what cannot come among the first ``needed``, but keep the best without travel."""
    if len(rows) > 2 * needed:
        keep = scores >= np.partition(scores, len(scores) - needed)[len(scores) - needed] - ROUNDING
        if staying.any():
            keep |= staying & (scores >= scores[staying].max() - ROUNDING)
        rows, scores, staying = rows[keep], scores[keep], staying[keep]
    return Hits(rows, np.round(scores, 6), staying)
