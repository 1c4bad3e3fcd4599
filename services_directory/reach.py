"""What can be used from a place, of the services that passed the gates: near it, in it, or serving it with or without travel.

Only candidates are looked at: spots in the cells of the map around the place and those whose address names it, services whose
areas take it in, and what comes to people everywhere. So the cost grows with what there is near a place, not with the directory.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from services_directory import search as rules
from services_directory.columns import CELLS_LATITUDE, CELLS_LONGITUDE, GO, ROW_OF_CELLS, Flags, Floats, on_sphere
from services_directory.fitting import Fitting
from services_directory.gates import Gates
from services_directory.lists import expand, first_by, is_in, least_of_each, merged
from services_directory.masks import Masks, minutes
from services_directory.merit import Merit
from services_directory.models import LEVELS, MODES
from services_directory.nations import key
from services_directory.occurrences import Ints
from services_directory.places import EARTH_RADIUS_MILES, Place
from services_directory.search import Asked

NO_TRAVEL_BITS = sum(1 << at for at, mode in enumerate(MODES) if mode in rules.NO_TRAVEL)
HOME = 1 << MODES.index("home")
UNIVERSAL = LEVELS.index("universal")
# What counting in another order may make of a score, and more.
ROUNDING = 1e-5
SOON_BITS = (1 << (rules.SOON.days + 1)) - 1
NOWHERE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Reached:
    """Services, each with its score, the spot to go to (-1: none), and whether it can be used without travel. The score is
    ``total``, and what ``soon`` gives: whether it has a session within days, at the spot if there is one."""

    rows: Ints
    total: Floats
    spot: Ints
    soon: Flags
    staying: Flags

    def scores(self) -> Floats:
        """Return the scores as they are."""
        return cast(Floats, self.total + rules.SOON_WEIGHT * self.soon)


@dataclass(frozen=True)
class _Serving:
    """The services whose areas take in the place, in order, or (``whole`` is not set) a part of it."""

    rows: Ints
    whole: Flags


class Reach:
    """Finds what can be used from the place of one query."""

    def __init__(self, masks: Masks, asked: Asked, gates: Gates, fitting: Fitting, merit: Merit) -> None:
        """``gates``, ``fitting`` and ``merit``: those of the query."""
        self.masks, self.columns, self.asked = masks, masks.columns, asked
        self.gates, self.fitting, self.merit = gates, fitting, merit
        self.now = minutes(asked.after)
        self.point = on_sphere(*asked.place.point) if asked.place and asked.place.point else None

    def find(self, needed: int) -> Reached:
        """Return what can be used: at least the ``needed`` best, and all that can be used without travel."""
        mode = self.asked.query.mode
        going = self._going(needed) if mode in (None, "go") else self._nothing()
        bits = NO_TRAVEL_BITS if mode is None else NO_TRAVEL_BITS & (1 << MODES.index(mode))
        return self._with(going, *self._staying(bits)) if bits else going

    def _with(self, going: Reached, rows: Ints, total: Floats) -> Reached:
        """Add what needs no travel to what one can go to, which is in order: the better way to use a service counts."""
        where = np.searchsorted(going.rows, rows)
        both = is_in(rows, going.rows)
        going.staying[where[both]] = True
        going.total[where[both]] = np.maximum(going.total[where[both]], total[both])
        more = ~both
        count = int(more.sum())
        return Reached(
            np.concatenate((going.rows, rows[more])),
            np.concatenate((going.total, total[more])),
            np.concatenate((going.spot, np.full(count, -1, dtype=np.int64))),
            np.concatenate((going.soon, self._soon(rows[more]))),
            np.concatenate((going.staying, np.ones(count, dtype=bool))),
        )

    def _nothing(self) -> Reached:
        return self._reached(NOWHERE, np.zeros(0), NOWHERE)

    def _reached(self, rows: Ints, total: Floats, spot: Ints) -> Reached:
        """Put together what one can go to."""
        there = spot >= 0
        soon = (
            self._soon(spot, at_spots=True) if there.all() else np.where(there, self._soon(spot, at_spots=True), self._soon(rows))
        )
        return Reached(rows, total, spot, soon, np.zeros(len(rows), dtype=bool))

    def _soon(self, of: Ints, *, at_spots: bool = False) -> Flags:
        """Tell which services, or services at a spot, have a session within days."""
        window = self.masks.window(self.asked.at, SOON_BITS, sure=True)
        if at_spots:
            return window.spots_later[of] | (window.spots_end[of] > self.now)
        return window.services_later[of] | (window.services_end[of] > self.now)

    @cached_property
    def _serving(self) -> _Serving:
        place = self.asked.place
        assert place is not None

        def rows(names: frozenset[str]) -> Ints:
            found = [
                self.gates.pass_by(self.masks.serving(name, self.asked.needs)) for name in names if name in self.columns.areas
            ]
            return merged(found) if found else NOWHERE

        whole, part = rows(place.within), rows(place.parts)
        found = merged([whole, part]) if len(part) else whole
        return _Serving(found, is_in(found, whole) if len(part) else np.ones(len(found), dtype=bool))

    # ---- Going there

    def _going(self, needed: int) -> Reached:
        """Return what one can go to, in order."""
        place = self.asked.place
        if place is None:
            return self._anywhere() if self.asked.query.mode == "go" else self._nothing()
        here = self._here(place)
        far = self._far(place, here, needed)
        if not len(far.rows):
            return here
        order = np.argsort(np.concatenate((here.rows, far.rows)))
        return Reached(
            np.concatenate((here.rows, far.rows))[order],
            np.concatenate((here.total, far.total))[order],
            np.concatenate((here.spot, far.spot))[order],
            np.concatenate((here.soon, far.soon))[order],
            np.concatenate((here.staying, far.staying))[order],
        )

    def _anywhere(self) -> Reached:
        rows = np.flatnonzero(self.gates.all() & self.masks.with_mode(GO))
        owner, spots = expand(self.columns.spots_start, rows, self.columns.spots_by_row)
        fits = self.fitting.spots(spots)
        spot = first_by(owner[fits], spots[fits], self.columns.spot_rank[spots[fits]], len(rows))
        keep = (spot >= 0) | self.fitting.without_venue(rows)
        return self._reached(rows[keep], self.merit.of(rows[keep]), spot[keep])

    def _here(self, place: Place) -> Reached:
        """Return what is within reach of the place's point, or else has the place in its address."""
        columns = self.columns
        name = f"outcode {place.name}" if place.kind in ("postcode", "outcode") else key(place.name)
        named, ends = self.masks.spots_in(name), self._around(place)
        tagged = None if self.asked.needs is None else self.masks.spots_tagged(self.asked.needs)
        spots = np.concatenate([*_inside(tagged, ends), *_outside(named, ends)])
        spots = self.gates.pass_with(spots, columns.spot_row)
        spots = spots[self.masks.with_mode(GO)[columns.spot_row[spots]]]
        miles = self._miles(spots)
        wanted = miles <= rules.TRAVEL_MILES
        far = np.flatnonzero(~wanted)
        wanted[far] = is_in(spots[far], named)
        spots, miles = spots[wanted], miles[wanted]
        fits = self._for_all(columns.spot_row[spots]) & self.fitting.spots(spots)
        spots, miles = spots[fits], miles[fits]
        close = miles <= rules.TRAVEL_MILES
        rank = np.where(close, columns.spot_venue[spots], columns.spot_rank[spots])
        best = least_of_each(columns.spot_row[spots], np.where(close, miles, np.inf), rank)
        spots, miles, close = spots[best], miles[best], close[best]
        rows = columns.spot_row[spots]
        score = np.where(close, _distance_score(miles), rules.IN_PLACE)
        return self._reached(rows, score + self.merit.of(rows), spots)

    def _for_all(self, rows: Ints) -> Flags:
        """Leave out services for families elsewhere, unless they are for everybody."""
        keep = (self.columns.level[rows] == UNIVERSAL) | ~self.columns.has_areas[rows]
        others = np.flatnonzero(~keep)
        keep[others] = is_in(rows[others], self._serving.rows)
        return cast(Flags, keep)

    def _around(self, place: Place) -> Ints:
        """Return the spots in the cells of the map that come within reach of the place, as runs of numbers: each run's first,
        and the one after its last, in order."""
        if place.point is None:
            return NOWHERE
        latitude, longitude = place.point
        down = rules.TRAVEL_MILES / (EARTH_RADIUS_MILES * math.pi / 180)
        across = down / max(0.01, math.cos(math.radians(min(89.0, abs(latitude) + down))))
        west, east = (math.floor((longitude + side * across + 180) * CELLS_LONGITUDE) for side in (-1, 1))
        lines = range(
            math.floor((latitude - down + 90) * CELLS_LATITUDE), math.floor((latitude + down + 90) * CELLS_LATITUDE) + 1
        )
        ends = np.array([line * ROW_OF_CELLS + cell for line in lines for cell in (west, east + 1)])
        return self.columns.cell_start[np.searchsorted(self.columns.cells, ends)]

    def _miles(self, spots: Ints) -> Floats:
        """Return how far each spot is from the place; NaN where nobody knows."""
        if self.point is None:
            return np.full(len(spots), np.nan)
        apart = self.columns.spot_xyz.take(spots, axis=0) - self.point
        chord = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        return cast(Floats, 2 * EARTH_RADIUS_MILES * np.arcsin(np.minimum(1.0, chord / 2)))

    # ---- Serving from afar

    def _far(self, place: Place, here: Reached, needed: int) -> Reached:
        """Return what serves the place and is not here already."""
        rows = self._far_and_hopeful(place, here, needed)
        if not len(rows):
            return self._nothing()
        whole = self._serving.whole[np.searchsorted(self._serving.rows, rows)]
        spot, miles, somewhere = self._nearest(rows)
        unknown = (spot < 0) | (place.precision == "area")
        score = np.where(unknown, np.where(whole, 1.0, 0.5) * rules.SERVES, _distance_score(miles))
        usable = np.where(unknown, somewhere | self.fitting.without_venue(rows), miles <= 2 * rules.TRAVEL_MILES)
        rows = rows[usable]
        return self._reached(rows, score[usable] + self.merit.of(rows), spot[usable])

    def _far_and_hopeful(self, place: Place, here: Reached, needed: int) -> Ints:
        """Return what serves the place from elsewhere, without what cannot come among the first whatever its way there gives."""
        rows = self._serving.rows
        if len(here.rows) >= needed and self.point is not None and place.precision != "area":
            least = np.partition(here.scores(), len(here.rows) - needed)[len(here.rows) - needed]
            gain = _FAR_AT_MOST + rules.SOON_WEIGHT + ROUNDING
            keep = self.masks.not_only_far()[rows]
            # That no far one can come among the first is mostly plain before any is looked at.
            if self.merit.at_most() + gain >= least:
                keep |= self.merit.of(rows) + gain >= least
            rows = rows[keep]
        rows = rows[(self.columns.modes[rows] & GO) != 0]
        return cast(Ints, rows[~is_in(rows, here.rows)])

    def _nearest(self, rows: Ints) -> tuple[Ints, Floats, Flags]:
        """Return each row's nearest located spot that fits (-1 none), how far, and whether any spot fits, located or not."""
        columns = self.columns
        owner, spots = expand(columns.spots_start, rows, columns.spots_by_row)
        fits = self.fitting.spots(spots)
        owner, spots = owner[fits], spots[fits]
        somewhere = np.bincount(owner, minlength=len(rows)) > 0
        distance = self._miles(spots)
        located = ~np.isnan(distance)
        owner, spots, distance = owner[located], spots[located], distance[located]
        best = least_of_each(owner, distance, columns.spot_venue[spots])
        nearest, miles = np.full(len(rows), -1, dtype=np.int64), np.full(len(rows), np.inf)
        nearest[owner[best]] = spots[best]
        miles[owner[best]] = distance[best]
        return nearest, miles, somewhere

    # ---- Without travel

    def _staying(self, bits: int) -> tuple[Ints, Floats]:
        """Return what can be used in one of the ways of ``bits``, and its score."""
        columns = self.columns
        if self.asked.place is None:
            rows = np.flatnonzero(self.gates.all() & self.masks.with_mode(bits))
            rows = rows[self.fitting.rows(rows)]
            return rows, rules.MAY_SERVE + self.merit.of(rows)
        # What names an area that takes the place in, and what names none.
        serving = self._serving
        fits = np.flatnonzero((columns.modes[serving.rows] & bits) != 0)
        fits = fits[self.fitting.rows(serving.rows[fits])]
        rows = serving.rows[fits]
        total = np.where(serving.whole[fits], rules.SERVES, rules.MAY_SERVE) + self.merit.of(rows)
        others = self.gates.pass_by(self.masks.anywhere(bits))
        if not len(others):
            return rows, total
        others = others[self.fitting.rows(others)]
        others = others[self._visited(others, bits)]
        return np.concatenate((rows, others)), np.concatenate((total, rules.MAY_SERVE + self.merit.of(others)))

    def _visited(self, rows: Ints, bits: int) -> Flags:
        """Leave out what only comes to homes and names no area, unless it is based near the place."""
        keep = np.ones(len(rows), dtype=bool)
        visits = np.flatnonzero((self.columns.modes[rows] & bits) == HOME)
        if len(visits):
            keep[visits] = self._nearest(rows[visits])[1] <= rules.TRAVEL_MILES
        return keep


def _inside(spots: Ints | None, ends: Ints) -> list[Ints]:
    """Return the parts of a list in order that lie inside of runs of numbers; of all numbers, if there is no list."""
    if spots is None:
        return [np.arange(begin, end) for begin, end in _pairs(ends.tolist())]
    return [spots[begin:end] for begin, end in _pairs(np.searchsorted(spots, ends).tolist())]


def _outside(spots: Ints, ends: Ints) -> list[Ints]:
    """Return the parts of a list in order that lie outside of runs of numbers."""
    return [spots[begin:end] for begin, end in _pairs([0, *np.searchsorted(spots, ends).tolist(), len(spots)])]


def _pairs(ends: list[int]) -> Iterable[tuple[int, int]]:
    return zip(ends[::2], ends[1::2], strict=True)


def _distance_score(miles: Floats) -> Floats:
    return rules.DISTANCE_WEIGHT * np.exp(-miles / rules.DISTANCE_SCALE_MILES)


_FAR_AT_MOST = rules.DISTANCE_WEIGHT * math.exp(-rules.TRAVEL_MILES / rules.DISTANCE_SCALE_MILES)
