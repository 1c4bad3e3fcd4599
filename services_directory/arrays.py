"""The same search as ``search``, over columns: it finds the same services with the same scores, in a fraction of the time.

Gates are masks over all rows. Of what passes them, only what can be used from the place is looked at: spots in the cells
of the map near it, services whose areas take it in, and what comes to people. Scores are the documented ones of
``search``. The few best are then put through ``search.match_entry`` itself, which gives the reasons and has the last word.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from services_directory import search as rules
from services_directory.columns import (
    CELLS_LATITUDE,
    CELLS_LONGITUDE,
    GO,
    PART_ENDS,
    PART_STARTS,
    ROW_OF_CELLS,
    Columns,
    Flags,
    Floats,
    on_sphere,
)
from services_directory.models import LEVELS, MODES
from services_directory.nations import key
from services_directory.occurrences import BEHIND, SERVES_DAYS, Bits, Ints
from services_directory.places import EARTH_RADIUS_MILES, Place
from services_directory.query import WEEKDAYS
from services_directory.search import Asked, access_fits, is_free
from services_directory.terms import Vocabulary
from services_directory.timetables import LONDON

NO_TRAVEL_BITS = sum(1 << at for at, mode in enumerate(MODES) if mode in rules.NO_TRAVEL)
HOME = 1 << MODES.index("home")
UNSTATED, NOT_COVERED, IN_PART, COVERED = 0, 1, 2, 3
LEVEL_SCORES = np.array([rules.LEVEL[level] for level in LEVELS])
UNIVERSAL = LEVELS.index("universal")
MOST_CACHED = 400
SOON_DAYS = rules.SOON.days + 1
CLOCK_CHANGE_MINUTES = 60


@dataclass(frozen=True)
class Hits:
    """What was found, unsorted: rows, scores, and whether each is an option without travel."""

    rows: Ints
    scores: Floats
    no_travel: Flags


@dataclass(frozen=True)
class _Times:
    """The days of every schedule from ``base`` on, those that are certain and those that are possible (terms)."""

    base: int
    sure: Bits
    maybe: Bits


@dataclass(frozen=True)
class _Window:
    """Of services and of spots: do they have a session on one of the days after the one asked for; and when does the last
    one of that day itself end, in minutes (-1: there is none; ``NOT_OVER``: after midnight, or nobody says)."""

    services_later: Flags
    spots_later: Flags
    services_end: Ints
    spots_end: Ints


NOT_OVER = 9_999


class Finder:
    """Searches one set of columns. ``dead``: rows that are out of date, and found elsewhere if at all."""

    def __init__(self, columns: Columns, vocabulary: Vocabulary, dead: Ints | None = None) -> None:
        """Share the columns' cache of masks, so that another finder over the same columns starts warm."""
        self.columns = columns
        self.vocabulary = vocabulary
        self.alive: Flags | None = None
        if dead is not None and len(dead):
            self.alive = np.ones(len(columns), dtype=bool)
            self.alive[dead] = False

    def find(self, asked: Asked, text: "tuple[Floats, Flags] | None", needed: int) -> Hits:
        """Return the ``needed`` best that pass the gates, and some more, and the best without travel.

        ``text``: each row's score for words, and whether it passes by them.
        """
        query = asked.query
        mask = self._gates(asked)
        if text is not None:
            mask = mask & text[1]
        fitting = _Fitting(self, asked, self._times(asked.at) if query.asks_for_time else None)
        if fitting.possible is not None:
            mask &= fitting.possible
        covered = self._coverage(asked.place)
        rows, score, spot, staying = self._reached(asked, mask, covered, fitting, text, needed)
        total = score + self._merit(asked, text, rows)
        rows, total, spot, staying = self._best(needed, rows, total, spot, staying)
        total += rules.SOON_WEIGHT * self._soon(asked, rows, spot)
        return Hits(rows, np.round(total, 6), staying)

    def _merit(self, asked: Asked, text: tuple[Floats, Flags] | None, rows: Ints) -> Floats:
        """Return the part of the score that neither place nor time has a say in."""
        merit = cast(Floats, self._kept(("merit", asked.at), lambda: self._standing(asked.at)))[rows]
        if asked.needs is not None:
            codes, values = self._closeness(asked.needs)
            merit += rules.NEED_WEIGHT * values[codes[rows]]
        if text is not None:
            merit += text[0][rows]
        return merit + self._language(asked.query.language, rows)

    def _standing(self, at: date) -> Floats:
        """Return what level of need and age of the last check give and take, for all rows."""
        days = np.minimum(at.toordinal() - self.columns.checked.astype(np.int64), rules.OLD_DAYS)
        share = (days - rules.FRESH_DAYS) / (rules.OLD_DAYS - rules.FRESH_DAYS)
        lost = rules.STALE_AT_ONCE + share * (rules.STALE_AT_MOST - rules.STALE_AT_ONCE)
        return LEVEL_SCORES[self.columns.level] + np.where(days > rules.FRESH_DAYS, -lost, 0.0)

    # ---- Gates

    def _gates(self, asked: Asked) -> Flags:
        columns, query = self.columns, asked.query
        mask = self._shown(asked.at).copy()
        if self.alive is not None:
            mask &= self.alive
        if asked.needs is not None:
            mask &= cast(Flags, self._kept(("tagged", asked.needs), lambda: self._closeness(asked.needs or ())[0] != 0))
        if query.age_months is not None:
            age = max(-30_000, min(30_000, query.age_months))
            mask &= cast(Flags, self._kept(("age", age), lambda: (columns.age_low <= age) & (columns.age_high >= age)))
        if query.mode is not None:
            mask &= self._with_mode(1 << MODES.index(query.mode))
        if query.free:
            mask &= self._free(asked.at)
        return mask

    def _with_mode(self, bits: int) -> Flags:
        return cast(Flags, self._kept(("modes", bits), lambda: (self.columns.modes & np.uint8(bits)) != 0))

    def _kept(self, name: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """Return what was made before under this name, or make it. The cache is emptied when it is full."""
        cache = self.columns.cache
        found = cache.get(name)
        if found is None:
            if len(cache) > MOST_CACHED:
                cache.clear()
            found = cache[name] = make()
        return found

    def _shown(self, at: date) -> Flags:
        columns, day = self.columns, at.toordinal()

        def make() -> Flags:
            seen = (columns.visible_from <= day) & (columns.visible_to >= day)
            return cast(Flags, seen & (columns.ends >= day) & (columns.modes != 0))

        return cast(Flags, self._kept(("shown", day), make))

    def _free(self, at: date) -> Flags:
        def make() -> Flags:
            free = self.columns.free == 1
            for row, costs in self.columns.dated_costs.items():
                free[row] = is_free(costs, at)
            return cast(Flags, free)

        return cast(Flags, self._kept(("free", at), make))

    def _closeness(self, needs: tuple[tuple[str, float], ...]) -> tuple[NDArray[np.uint8], Floats]:
        """Return for each row a code (0: no tag answers), and how close each code is."""

        def make() -> tuple[NDArray[np.uint8], Floats]:
            best: dict[str, float] = {}
            for tag in self.columns.needs:
                for need, weight in needs if tag in self.vocabulary.terms else ():
                    steps = self.vocabulary.steps(need, tag)
                    if steps is not None:
                        best[tag] = max(best.get(tag, 0.0), weight * rules.closeness(steps))
            values = np.array([0.0, *sorted(set(best.values()))])
            codes = np.zeros(len(self.columns), dtype=np.uint8)
            for tag, value in sorted(best.items(), key=lambda item: item[1]):
                codes[self.columns.needs[tag]] = np.searchsorted(values, value)
            return codes, values

        return cast(tuple[NDArray[np.uint8], Floats], self._kept(("needs", needs), make))

    def _coverage(self, place: Place | None) -> NDArray[np.uint8]:
        """Return how surely each service's areas take in the place."""
        if place is None:
            return cast(NDArray[np.uint8], self._kept(("nowhere",), lambda: np.zeros(len(self.columns), dtype=np.uint8)))
        covered = self.columns.has_areas.astype(np.uint8)
        for code, names in ((IN_PART, place.parts), (COVERED, place.within)):
            for name in names:
                rows = self.columns.areas.get(name)
                if rows is not None:
                    covered[rows] = code
        return covered

    def _times(self, at: date) -> _Times:
        """Return the table of occurrences that has the days which a wish looks at."""
        day = at.toordinal()
        for base in range(day - BEHIND, day - SERVES_DAYS - BEHIND, -1):
            found = self.columns.cache.get(("times", base))
            if found is not None:
                return cast(_Times, found)

        def make() -> _Times:
            return _Times(day - BEHIND, *self.columns.schedules.table(date.fromordinal(day - BEHIND)))

        return cast(_Times, self._kept(("times", day - BEHIND), make))

    def _window(self, at: date, wanted: int, *, sure: bool) -> _Window:
        """Return the window on the days that are bits of ``wanted``, the day ``at`` being the lowest."""
        times = self._times(at)

        def make() -> _Window:
            columns = self.columns
            bits = ((times.sure if sure else times.maybe) >> np.uint64(at.toordinal() - times.base)) & np.uint64(wanted)
            opens, closes = columns.schedules.opens, columns.schedules.closes
            end = np.where(closes >= 0, closes, opens)
            end = np.where((end < 0) | _past_midnight(opens, closes), NOT_OVER, end)
            end = np.where((bits & np.uint64(1)) != 0, end, -1).astype(np.int32)
            later = (bits & np.uint64(wanted & ~1)) != 0
            services_later, spots_later = self._spread(later.astype(np.int32), 0)
            services_end, spots_end = self._spread(end, -1)
            return _Window(services_later != 0, spots_later != 0, services_end, spots_end)

        return cast(_Window, self._kept(("window", at, wanted, sure), make))

    def _spread(self, values: Ints, least: int) -> tuple[Ints, Ints]:
        """Return the greatest value among the schedules of each service, and of each spot."""
        columns = self.columns
        services, everywhere = (np.full(len(columns), least, dtype=np.int32) for _ in range(2))
        np.maximum.at(services, columns.schedule_row, values)
        for_all = columns.schedule_venue == -1
        np.maximum.at(everywhere, columns.schedule_row[for_all], values[for_all])
        spots = everywhere[columns.spot_row]
        own = np.flatnonzero(columns.schedule_venue >= 0)
        at_spot = self._kept(("spot of",), lambda: self._spot_of(columns.schedule_row[own], columns.schedule_venue[own]))
        known = at_spot >= 0
        np.maximum.at(spots, at_spot[known], values[own[known]])
        return services, spots

    def _spot_of(self, rows: Ints, venues: Ints) -> Ints:
        """Return the spot of each service and venue, -1 if the service is not there."""
        columns = self.columns
        width = len(columns.venue_ids) + 1
        spots = columns.spot_row.astype(np.int64) * width + columns.spot_venue
        sorting = np.argsort(spots)
        wanted = rows.astype(np.int64) * width + venues
        at = np.minimum(np.searchsorted(spots, wanted, sorter=sorting), max(len(spots) - 1, 0))
        if not len(spots):
            return np.full(len(rows), -1, dtype=np.int32)
        found = sorting[at]
        return np.where(spots[found] == wanted, found, -1).astype(np.int32)

    # ---- Reach

    def _reached(
        self,
        asked: Asked,
        mask: Flags,
        covered: NDArray[np.uint8],
        fitting: "_Fitting",
        text: tuple[Floats, Flags] | None,
        needed: int,
    ) -> tuple[Ints, Floats, Ints, Flags]:
        """Return the rows that can be used from the place, their score for it, the spot (-1 none), and whether without travel."""
        mode = asked.query.mode
        rows, score, spot = _nothing()
        if mode in (None, "go"):
            rows, score, spot = self._going(asked, mask, covered, fitting, text, needed)
        staying = np.zeros(len(rows), dtype=bool)
        bits = NO_TRAVEL_BITS if mode is None else NO_TRAVEL_BITS & (1 << MODES.index(mode))
        if not bits:
            return rows, score, spot, staying
        at_home, home_score = self._staying(asked, mask, covered, fitting, bits)
        where = np.searchsorted(rows, at_home)
        both = np.zeros(len(at_home), dtype=bool)
        inside = where < len(rows)
        both[inside] = rows[where[inside]] == at_home[inside]
        staying[where[both]] = True
        score[where[both]] = np.maximum(score[where[both]], home_score[both])
        more = ~both
        return (
            np.concatenate((rows, at_home[more])),
            np.concatenate((score, home_score[more])),
            np.concatenate((spot, np.full(int(more.sum()), -1, dtype=np.int32))),
            np.concatenate((staying, np.ones(int(more.sum()), dtype=bool))),
        )

    def _going(
        self,
        asked: Asked,
        mask: Flags,
        covered: NDArray[np.uint8],
        fitting: "_Fitting",
        text: tuple[Floats, Flags] | None,
        needed: int,
    ) -> tuple[Ints, Floats, Ints]:
        """Return what one can go to, sorted by row."""
        place = asked.place
        allowed = mask & self._with_mode(GO)
        if place is None:
            return self._anywhere(allowed, fitting) if asked.query.mode == "go" else _nothing()
        parts = []
        if place.point is not None:
            parts.append(self._near(place, allowed, covered, fitting))
            allowed[parts[0][0]] = False
        name = f"outcode {place.name}" if place.kind in ("postcode", "outcode") else key(place.name)
        parts.append(self._in_place(name, allowed, covered, fitting))
        allowed[parts[-1][0]] = False
        far = self._taking_in(place, allowed)
        found = sum(len(part[0]) for part in parts)
        if found >= needed and len(far):
            # What is far can gain so much and no more: leave out what cannot come among the first even so.
            rows, score, _ = (np.concatenate(column) for column in zip(*parts, strict=True))
            least = np.partition(score + self._merit(asked, text, rows), found - needed)[found - needed]
            hopeful = self._merit(asked, text, far) + rules.SERVES + rules.SOON_WEIGHT + 1e-5 >= least
            far = far[hopeful | self._with_mode(NO_TRAVEL_BITS)[far]]
        parts.append(self._far(place, far, covered, fitting))
        rows, score, spot = (np.concatenate(column) for column in zip(*parts, strict=True))
        sorting = np.argsort(rows, kind="stable")
        return rows[sorting], score[sorting], spot[sorting]

    def _anywhere(self, allowed: Flags, fitting: "_Fitting") -> tuple[Ints, Floats, Ints]:
        rows = np.flatnonzero(allowed).astype(np.int32)
        owner, spots = _expand(self.columns.spots_start, rows, self.columns.spots_by_row)
        fits = fitting.spots(spots)
        spot = _first_by(owner[fits], spots[fits], self.columns.spot_rank[spots[fits]], len(rows))
        keep = (spot >= 0) | fitting.without_venue(rows)
        return rows[keep], np.zeros(int(keep.sum())), spot[keep]

    def _taking_in(self, place: Place, mask: Flags) -> Ints:
        """Return the rows of ``mask`` whose areas take in the place, or a part of it, in order."""
        areas = self.columns.areas
        lists = [areas[name] for name in (*place.within, *place.parts) if name in areas]
        rows = [found[mask[found]] for found in lists]
        return _merged(rows) if rows else np.zeros(0, dtype=np.int32)

    def _for_all(self, spots: Ints, covered: NDArray[np.uint8]) -> Ints:
        """Leave out the spots of services for families elsewhere, unless they are for everybody."""
        rows = self.columns.spot_row[spots]
        keep: Flags = (covered[rows] != NOT_COVERED) | (self.columns.level[rows] == UNIVERSAL)
        return spots[keep]

    def _near(self, place: Place, allowed: Flags, covered: NDArray[np.uint8], fitting: "_Fitting") -> tuple[Ints, Floats, Ints]:
        columns = self.columns
        spots = self._around(place)
        spots = self._for_all(spots[allowed[columns.spot_row[spots]]], covered)
        miles = self._miles(place, spots)
        close = miles <= rules.TRAVEL_MILES
        spots, miles = spots[close], miles[close]
        fits = fitting.spots(spots)
        spots, miles = spots[fits], miles[fits]
        nearest = np.lexsort((columns.spot_rank[spots], miles, columns.spot_row[spots]))
        spots, miles = spots[nearest], miles[nearest]
        rows = columns.spot_row[spots]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = rows[1:] != rows[:-1]
        return rows[first], _distance_score(miles[first]), spots[first]

    def _around(self, place: Place) -> Ints:
        """Return the spots in the cells of the map that come within reach of the place."""
        assert place.point is not None
        latitude, longitude = place.point
        down = rules.TRAVEL_MILES / (EARTH_RADIUS_MILES * math.pi / 180)
        across = down / max(0.01, math.cos(math.radians(min(89.0, abs(latitude) + down))))
        west, east = (math.floor((longitude + side * across + 180) * CELLS_LONGITUDE) for side in (-1, 1))
        lines = range(
            math.floor((latitude - down + 90) * CELLS_LATITUDE), math.floor((latitude + down + 90) * CELLS_LATITUDE) + 1
        )
        ends = [line * ROW_OF_CELLS + cell for line in lines for cell in (west, east + 1)]
        at = np.searchsorted(self.columns.spot_cell, ends)
        return np.concatenate([np.arange(at[n], at[n + 1], dtype=np.int32) for n in range(0, len(at), 2)])

    def _miles(self, place: Place, spots: Ints) -> Floats:
        assert place.point is not None
        here = on_sphere(*place.point)
        chord = sum((self.columns.spot_xyz[axis][spots] - here[axis]) ** 2 for axis in range(3))
        return cast(Floats, 2 * EARTH_RADIUS_MILES * np.arcsin(np.minimum(1.0, np.sqrt(chord) / 2)))

    def _in_place(self, name: str, allowed: Flags, covered: NDArray[np.uint8], fitting: "_Fitting") -> tuple[Ints, Floats, Ints]:
        columns = self.columns
        venues = columns.venue_keys.get(name)
        if venues is None:
            return _nothing()

        def make() -> Ints:
            return _expand(columns.venue_start, np.array(venues, dtype=np.int32), columns.spots_by_venue)[1]

        spots = cast(Ints, self._kept(("in", name), make))
        spots = self._for_all(spots[allowed[columns.spot_row[spots]]], covered)
        spots = spots[fitting.spots(spots)]
        if not len(spots):
            return _nothing()
        rows = _merged([columns.spot_row[spots]])
        owner = np.searchsorted(rows, columns.spot_row[spots]).astype(np.int32)
        spot = _first_by(owner, spots, columns.spot_rank[spots], len(rows))
        return rows, np.full(len(rows), rules.IN_PLACE), spot

    def _far(self, place: Place, rows: Ints, covered: NDArray[np.uint8], fitting: "_Fitting") -> tuple[Ints, Floats, Ints]:
        spot, miles, somewhere = self._nearest(place, rows, fitting)
        unknown = (spot < 0) | (place.precision == "area")
        share = np.where(covered[rows] == COVERED, 1.0, 0.5)
        score = np.where(unknown, share * rules.SERVES, _distance_score(miles))
        keep = np.where(unknown, somewhere | fitting.without_venue(rows), miles <= 2 * rules.TRAVEL_MILES)
        return rows[keep], score[keep], spot[keep]

    def _nearest(self, place: Place, rows: Ints, fitting: "_Fitting") -> tuple[Ints, Floats, Flags]:
        """Return each row's nearest located spot that fits (-1 none), how far, and whether any spot fits, located or not."""
        columns = self.columns
        owner, spots = _expand(columns.spots_start, rows, columns.spots_by_row)
        fits = fitting.spots(spots)
        owner, spots = owner[fits], spots[fits]
        somewhere = np.bincount(owner, minlength=len(rows)) > 0
        nearest, miles = np.full(len(rows), -1, dtype=np.int32), np.full(len(rows), np.inf)
        if place.point is not None:
            distance = self._miles(place, spots)
            located = ~np.isnan(distance)
            owner, spots, distance = owner[located], spots[located], distance[located]
            sorting = np.lexsort((columns.spot_rank[spots], distance, owner))[::-1]
            # The last one written is the nearest.
            nearest[owner[sorting]] = spots[sorting]
            miles[owner[sorting]] = distance[sorting]
        return nearest, miles, somewhere

    def _staying(
        self, asked: Asked, mask: Flags, covered: NDArray[np.uint8], fitting: "_Fitting", bits: int
    ) -> tuple[Ints, Floats]:
        columns = self.columns
        # What names no area, and what names one that takes the place in.
        mask = mask & self._with_mode(bits)
        if asked.place is None:
            rows = np.flatnonzero(mask).astype(np.int32)
        else:
            unstated = self._kept(
                ("unstated", bits), lambda: np.flatnonzero(self._with_mode(bits) & ~columns.has_areas).astype(np.int32)
            )
            rows = _merged([unstated[mask[unstated]], self._taking_in(asked.place, mask)])
        rows = rows[fitting.rows(rows)]
        if asked.place is not None:
            visits = ((columns.modes[rows] & bits) == HOME) & (covered[rows] == UNSTATED)
            far = np.flatnonzero(visits)
            if len(far):
                _, miles, _ = self._nearest(asked.place, rows[far], fitting)
                keep = np.ones(len(rows), dtype=bool)
                keep[far] = miles <= rules.TRAVEL_MILES
                rows = rows[keep]
        return rows, np.where(covered[rows] == COVERED, rules.SERVES, rules.MAY_SERVE)

    # ---- Scores

    def _language(self, language: str | None, rows: Ints) -> Floats | float:
        base = (language or "").lower().replace("_", "-").split("-")[0]
        if not base or base == "en":
            return 0.0

        def make() -> Floats:
            score = np.where(self.columns.interpreter, rules.INTERPRETER_WEIGHT, 0.0)
            score[self.columns.languages.get(base, [])] = rules.LANGUAGE_WEIGHT
            return score

        return cast(Floats, self._kept(("language", base), make)[rows])

    def _best(self, needed: int, rows: Ints, score: Floats, spot: Ints, staying: Flags) -> tuple[Ints, Floats, Ints, Flags]:
        """Leave out what cannot come among the first ``needed`` even if it is open soon, but keep the best without travel."""
        if len(rows) <= 2 * needed:
            return rows, score, spot, staying
        slack = rules.SOON_WEIGHT + 1e-5
        keep = score >= np.partition(score, len(score) - needed)[len(score) - needed] - slack
        if staying.any():
            keep |= staying & (score >= score[staying].max() - slack)
        return rows[keep], score[keep], spot[keep], staying[keep]

    def _soon(self, asked: Asked, rows: Ints, spot: Ints) -> Flags:
        window = self._window(asked.at, (1 << SOON_DAYS) - 1, sure=True)
        now = _minutes(asked.after)
        soon = window.services_later[rows] | (window.services_end[rows] > now)
        going = np.flatnonzero(spot >= 0)
        spots = spot[going]
        soon[going] = window.spots_later[spots] | (window.spots_end[spots] > now)
        return soon

    def _over(self, asked: Asked, at: Ints) -> Flags:
        """Tell of schedules whether their session of the day is over."""
        if asked.after is None:
            return np.zeros(len(at), dtype=bool)
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        end = np.where(closes >= 0, closes, opens)
        return (end >= 0) & (end <= _minutes(asked.after)) & ~_past_midnight(opens, closes)


class _Fitting:
    """Tells of spots and services whether they are as a query wishes, in time and in access."""

    def __init__(self, finder: Finder, asked: Asked, times: _Times | None) -> None:
        self.finder = finder
        self.columns = finder.columns
        self.asked = asked
        self.times = times
        self.window: _Window | None = None
        self.possible: Flags | None = None
        if times is not None:
            self.window = window = finder._window(asked.at, self._wanted(), sure=False)
            key_ = ("possible", asked.at, self._wanted(), asked.query.open_now)
            self.possible = finder._kept(key_, lambda: self._possible(window))
        self.plain = not (asked.query.open_now or asked.query.part)
        self.now = _minutes(asked.after)
        access = asked.query.access
        self.access: Flags | None = finder._kept(("access", access), self._accessible) if access else None

    def _wanted(self) -> int:
        """Return the wished-for days as bits, the day asked for being the lowest."""
        query = self.asked.query
        if query.open_now and not (query.this_week or query.days or query.part):
            return 1
        length = (rules.WEEK if query.this_week else rules.AHEAD).days + 1
        weekday = self.asked.at.weekday()
        return sum(1 << day for day in range(length) if not query.days or WEEKDAYS[(weekday + day) % 7] in query.days)

    def _possible(self, window: _Window) -> Flags:
        """Tell which services may have a session as wished."""
        possible = window.services_later | (window.services_end >= 0)
        if self.asked.query.open_now:
            # What is open now may have opened yesterday.
            yesterday = self.finder._window(self.asked.at - timedelta(days=1), 1, sure=False)
            possible = possible | (yesterday.services_end >= 0)
        return possible

    def _accessible(self) -> Flags:
        wanted = self.asked.query.access
        said: dict[tuple[str, ...], bool] = {}
        for access in self.columns.venue_access:
            if access not in said:
                said[access] = access_fits(access, wanted)
        return np.array([said[access] for access in self.columns.venue_access], dtype=bool)

    def spots(self, spots: Ints) -> Flags:
        """Tell which spots fit."""
        fits = np.ones(len(spots), dtype=bool)
        if self.access is not None:
            fits = self.access[self.columns.spot_venue[spots]]
        if self.window is None or not len(spots):
            return fits
        if self.plain:
            return fits & (self.window.spots_later[spots] | (self.window.spots_end[spots] > self.now))
        at = np.flatnonzero(fits)
        owner, schedules = _expand(self.columns.schedule_start, self.columns.spot_row[spots[at]], None)
        venue = self.columns.schedule_venue[schedules]
        here = (venue == -1) | (venue == self.columns.spot_venue[spots[at]][owner])
        fits[at] = self._any(owner[here], schedules[here], len(at))
        return cast(Flags, fits)

    def rows(self, rows: Ints) -> Flags:
        """Tell which services have a session that fits, wherever it is."""
        if self.window is None:
            return np.ones(len(rows), dtype=bool)
        if self.plain:
            return self.window.services_later[rows] | (self.window.services_end[rows] > self.now)
        owner, schedules = _expand(self.columns.schedule_start, rows, None)
        return self._any(owner, schedules, len(rows))

    def without_venue(self, rows: Ints) -> Flags:
        """Tell which services have no venue at all, and fit."""
        if self.asked.query.access:
            return np.zeros(len(rows), dtype=bool)
        none = self.columns.spots_start[rows + 1] == self.columns.spots_start[rows]
        if none.any():
            none[none] = self.rows(rows[none])
        return cast(Flags, none)

    def _from(self) -> int:
        """Return which bit of a table is the day before the one asked for."""
        assert self.times is not None
        return self.asked.at.toordinal() - self.times.base - BEHIND

    def _any(self, owner: Ints, schedules: Ints, count: int) -> Flags:
        query = self.asked.query
        fits = np.ones(count, dtype=bool)
        if query.open_now:
            fits = np.bincount(owner[self._open_now(schedules)], minlength=count) > 0
        if query.this_week or query.days or query.part:
            fits &= np.bincount(owner[self._as_wished(schedules)], minlength=count) > 0
        return fits

    def _open_now(self, at: Ints) -> Flags:
        times, after = self.times, self.asked.after
        assert times is not None
        assert after is not None
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        days = times.sure[at] >> np.uint64(self._from())
        yesterday, today = (days & np.uint64(1)) != 0, (days & np.uint64(2)) != 0
        now = _minutes(after)
        # An hour that the clock strikes twice or not at all: too many now, and the rules have the last word.
        spare = CLOCK_CHANGE_MINUTES if _clock_changes(self.asked.at) else 0
        late = _past_midnight(opens, closes)
        open_today = today & (opens <= now + spare) & (late | (now - spare < closes))
        return cast(Flags, (opens >= 0) & (closes >= 0) & (open_today | (yesterday & late & (now - spare < closes))))

    def _as_wished(self, at: Ints) -> Flags:
        times, query = self.times, self.asked.query
        assert times is not None
        days = (times.maybe[at] >> np.uint64(self._from() + BEHIND)) & np.uint64(self._wanted())
        fits = (days > 1) | ((days == 1) & ~self.finder._over(self.asked, at))
        if query.part is None:
            return cast(Flags, fits)
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        part = ("morning", "afternoon", "evening").index(query.part)
        begin, end = PART_STARTS[part], PART_ENDS[part]
        ends = np.where(closes >= 0, closes, opens)
        reaches = (opens >= begin) | _past_midnight(opens, closes) | (ends > begin)
        fits = fits & (opens >= 0) & (opens < end) & reaches
        return cast(Flags, fits)


def _clock_changes(day: date) -> bool:
    moments = [datetime.combine(day + timedelta(days=n), time.min, tzinfo=LONDON) for n in (0, 1)]
    return len({moment.utcoffset() for moment in moments}) > 1


def _minutes(after: time | None) -> int:
    """Return the minute of the day, or one before the first: then nothing is over."""
    return -1 if after is None else after.hour * 60 + after.minute


def _past_midnight(opens: Ints, closes: Ints) -> Flags:
    return (opens >= 0) & (closes >= 0) & (closes <= opens)


def _distance_score(miles: Floats) -> Floats:
    return rules.DISTANCE_WEIGHT * np.exp(-miles / rules.DISTANCE_SCALE_MILES)


def _nothing() -> tuple[Ints, Floats, Ints]:
    return np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros(0, dtype=np.int32)


def _expand(starts: Ints, owners: Ints, order: Ints | None) -> tuple[Ints, Ints]:
    """Return for each thing of each owner the owner's place in ``owners``, and the thing (through ``order``, if given)."""
    begin = starts[owners]
    counts = starts[owners + 1] - begin
    owner = np.repeat(np.arange(len(owners), dtype=np.int32), counts)
    things = np.arange(len(owner), dtype=np.int32) + np.repeat(begin - (np.cumsum(counts) - counts), counts).astype(np.int32)
    return owner, things if order is None else order[things]


def _merged(lists: list[Ints]) -> Ints:
    """Return what is in any of the lists, in order, once each."""
    found = np.sort(np.concatenate(lists))
    if len(found) > 1:
        found = found[np.concatenate(([True], found[1:] != found[:-1]))]
    return found


def _first_by(owner: Ints, things: Ints, rank: Ints, count: int) -> Ints:
    """Return each owner's thing of the lowest rank, -1 for none."""
    found = np.full(count, -1, dtype=np.int32)
    sorting = np.argsort(rank, kind="stable")[::-1]
    found[owner[sorting]] = things[sorting]
    return found
