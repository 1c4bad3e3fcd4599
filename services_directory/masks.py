"""What can be said of all rows of some columns at once: who is shown on a day, whose ages take a child in, what is on in a week.

Each answer is worked out when it is first asked for and kept beside the columns, so that the next search has it ready. Days,
needs, ages and wishes have few values in use at a time; an answer takes a byte or a few a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from services_directory import search as rules
from services_directory.columns import GO, Columns, Flags, Floats
from services_directory.lists import expand
from services_directory.models import LEVELS
from services_directory.occurrences import BEHIND, SERVES_DAYS, Bits, Ints
from services_directory.search import access_fits, is_free
from services_directory.terms import Vocabulary

LEVEL_SCORES = np.array([rules.LEVEL[level] for level in LEVELS])
# Ages beyond these are not held apart.
YOUNGEST, OLDEST = -30_000, 30_000
# In bytes, for each service and at the least. All needs, topics and ages and a day's wishes take about half of it.
MOST_KEPT_EACH, MOST_KEPT = 2_000, 10_000_000
# Of an area with more services than this it is kept which of them answer a need.
LARGE_AREA = 1_000
NOT_OVER = 9_999
SIZE = ("bytes",)


@dataclass(frozen=True)
class Times:
    """The days of every schedule from ``base`` on, those that are certain and those that are possible (terms)."""

    base: int
    sure: Bits
    maybe: Bits


@dataclass(frozen=True)
class Window:
    """Of services and of spots: do they have a session on one of the days after the one asked for; and when does the last
    one of that day itself end, in minutes (-1: there is none; ``NOT_OVER``: after midnight, or nobody says)."""

    services_later: Flags
    spots_later: Flags
    services_end: Ints
    spots_end: Ints


class Masks:
    """What is kept of one set of columns. Two over the same columns share it."""

    def __init__(self, columns: Columns, vocabulary: Vocabulary) -> None:
        """``vocabulary``: of the needs that the services are tagged with."""
        self.columns = columns
        self.vocabulary = vocabulary

    def kept(self, name: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """Return what was made before under this name, or make it. All is let go when it is too much."""
        cache = self.columns.cache
        found = cache.get(name)
        if found is None:
            found = make()
            kept = cache.get(SIZE, 0) + _size(found)
            if kept > max(MOST_KEPT, MOST_KEPT_EACH * len(self.columns)):
                cache.clear()
                kept = _size(found)
            cache[name], cache[SIZE] = found, kept
        return found

    # ---- Gates

    def shown(self, at: date) -> Flags:
        """Tell which services may be shown on a day and can be used in some way."""
        columns, day = self.columns, at.toordinal()

        def make() -> Flags:
            seen = (columns.visible_from <= day) & (columns.visible_to >= day)
            return cast(Flags, seen & (columns.ends >= day) & (columns.modes != 0))

        return cast(Flags, self.kept(("shown", day), make))

    def of_age(self, months: int) -> Flags:
        """Tell which services are for a child of this age."""
        columns, age = self.columns, max(YOUNGEST, min(OLDEST, months))
        return cast(Flags, self.kept(("age", age), lambda: (columns.age_low <= age) & (columns.age_high >= age)))

    def with_mode(self, bits: int) -> Flags:
        """Tell which services can be used in one of the ways that are bits of ``bits``."""
        return cast(Flags, self.kept(("modes", bits), lambda: (self.columns.modes & np.uint8(bits)) != 0))

    def free(self, at: date) -> Flags:
        """Tell which services are free on a day."""

        def make() -> Flags:
            free = self.columns.free == 1
            for row, costs in self.columns.dated_costs.items():
                free[row] = is_free(costs, at)
            return cast(Flags, free)

        return cast(Flags, self.kept(("free", at), make))

    def tagged(self, needs: tuple[tuple[str, float], ...]) -> Flags:
        """Tell which services have a tag that answers one of ``needs``."""
        return cast(Flags, self.kept(("tagged", needs), lambda: self.closeness(needs)[0] != 0))

    def accessible(self, wanted: tuple[str, ...]) -> Flags:
        """Tell which venues say that they have all that is wanted of access."""

        def make() -> Flags:
            said = {access: access_fits(access, wanted) for access in set(self.columns.venue_access)}
            return np.array([said[access] for access in self.columns.venue_access], dtype=bool)

        return cast(Flags, self.kept(("access", wanted), make))

    # ---- Scores

    def closeness(self, needs: tuple[tuple[str, float], ...]) -> tuple[NDArray[np.uint8], Floats]:
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

        return cast(tuple[NDArray[np.uint8], Floats], self.kept(("needs", needs), make))

    def standing(self, at: date) -> Floats:
        """Return what level of need and age of the last check give and take."""

        def make() -> Floats:
            days = np.minimum(at.toordinal() - self.columns.checked.astype(np.int64), rules.OLD_DAYS)
            share = (days - rules.FRESH_DAYS) / (rules.OLD_DAYS - rules.FRESH_DAYS)
            lost = rules.STALE_AT_ONCE + share * (rules.STALE_AT_MOST - rules.STALE_AT_ONCE)
            return LEVEL_SCORES[self.columns.level] + np.where(days > rules.FRESH_DAYS, -lost, 0.0)

        return cast(Floats, self.kept(("standing", at), make))

    def language(self, code: str | None) -> Floats | None:
        """Return what working in a language (BCP 47) gives; ``None`` where it is no distinction."""
        base = (code or "").lower().replace("_", "-").split("-")[0]
        if not base or base == "en":
            return None

        def make() -> Floats:
            score = np.where(self.columns.interpreter, rules.INTERPRETER_WEIGHT, 0.0)
            score[self.columns.languages.get(base, [])] = rules.LANGUAGE_WEIGHT
            return score

        return cast(Floats, self.kept(("language", base), make))

    # ---- Where

    def spots_in(self, name: str) -> Ints:
        """Return the spots whose address is in the place of this key, in order."""

        def make() -> Ints:
            columns = self.columns
            venues = columns.venue_keys.get(name)
            if venues is None:
                return np.zeros(0, dtype=np.int64)
            return np.sort(expand(columns.venue_start, venues, columns.spots_by_venue)[1])

        return cast(Ints, self.kept(("in", name), make))

    def spots_tagged(self, needs: tuple[tuple[str, float], ...]) -> Ints | None:
        """Return the spots of the services that have a tag that answers one of ``needs``, in order; ``None`` when they are asked
        for the first time, for what is near has passed the gates sooner than the list of all is made."""
        if ("needs asked for", needs) not in self.columns.cache:
            self.kept(("needs asked for", needs), lambda: True)
            return None

        def make() -> Ints:
            # Every number is within: to look whether it is would take as long again.
            return np.flatnonzero(self.tagged(needs).take(self.columns.spot_row, mode="clip"))

        return cast(Ints, self.kept(("spots tagged", needs), make))

    def serving(self, area: str, needs: tuple[tuple[str, float], ...] | None) -> Ints:
        """Return the services that name an area (by its key) as theirs, in order. Of a large area only those that answer
        one of ``needs``, of a small one others too."""
        rows = self.columns.areas.get(area)
        if rows is None:
            return np.zeros(0, dtype=np.int64)
        if needs is None or len(rows) < LARGE_AREA:
            return rows
        return cast(Ints, self.kept(("serving", area, needs), lambda: rows[self.tagged(needs)[rows]]))

    def not_only_far(self) -> Flags:
        """Tell which services may be worth as much from afar as near: by having another way than going there, no venue at
        all, or one of which nobody knows where it is."""

        def make() -> Flags:
            columns = self.columns
            found = (columns.modes & np.uint8(0xFF ^ GO)) != 0
            found |= columns.spots_start[1:] == columns.spots_start[:-1]
            found[columns.spot_row[np.isnan(columns.spot_xyz[:, 0])]] = True
            return cast(Flags, found)

        return cast(Flags, self.kept(("not only far",), make))

    def anywhere(self, bits: int) -> Ints:
        """Return the services that can be used in one of the ways of ``bits`` and name no area, in order."""
        return cast(
            Ints,
            self.kept(("anywhere", bits), lambda: np.flatnonzero(self.with_mode(bits) & ~self.columns.has_areas)),
        )

    # ---- When

    def times(self, at: date) -> Times:
        """Return the table of occurrences that has the days which a wish looks at."""
        day = at.toordinal()
        for base in range(day - BEHIND, day - SERVES_DAYS - BEHIND, -1):
            found = self.columns.cache.get(("times", base))
            if found is not None:
                return cast(Times, found)

        def make() -> Times:
            return Times(day - BEHIND, *self.columns.schedules.table(date.fromordinal(day - BEHIND)))

        return cast(Times, self.kept(("times", day - BEHIND), make))

    def window(self, at: date, wanted: int, *, sure: bool) -> Window:
        """Return the window on the days that are bits of ``wanted``, the day ``at`` being the lowest."""
        times = self.times(at)

        def make() -> Window:
            columns = self.columns
            bits = ((times.sure if sure else times.maybe) >> np.uint64(at.toordinal() - times.base)) & np.uint64(wanted)
            opens, closes = columns.schedules.opens, columns.schedules.closes
            end = np.where(closes >= 0, closes, opens)
            end = np.where((end < 0) | past_midnight(opens, closes), NOT_OVER, end)
            end = np.where((bits & np.uint64(1)) != 0, end, -1).astype(np.int64)
            later = (bits & np.uint64(wanted & ~1)) != 0
            services_later, spots_later = self._spread(later.astype(np.int64), 0)
            services_end, spots_end = self._spread(end, -1)
            return Window(services_later != 0, spots_later != 0, services_end, spots_end)

        return cast(Window, self.kept(("window", at, wanted, sure), make))

    def _spread(self, values: Ints, least: int) -> tuple[Ints, Ints]:
        """Return the greatest value among the schedules of each service, and of each spot."""
        columns = self.columns
        services, everywhere = (np.full(len(columns), least, dtype=np.int64) for _ in range(2))
        np.maximum.at(services, columns.schedule_row, values)
        for_all = columns.schedule_venue == -1
        np.maximum.at(everywhere, columns.schedule_row[for_all], values[for_all])
        spots = everywhere[columns.spot_row]
        own = np.flatnonzero(columns.schedule_venue >= 0)
        at_spot = self.kept(("spot of",), lambda: self._spot_of(columns.schedule_row[own], columns.schedule_venue[own]))
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
            return np.full(len(rows), -1, dtype=np.int64)
        found = sorting[at]
        return np.where(spots[found] == wanted, found, -1).astype(np.int64)


def _size(value: Any) -> int:
    """Return about how many bytes arrays take, alone or as fields of something."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(_size, value if isinstance(value, tuple) else vars(value).values())) if not isinstance(value, int) else 8


def minutes(after: time | None) -> int:
    """Return the minute of the day, or one before the first: then nothing is over."""
    return -1 if after is None else after.hour * 60 + after.minute


def past_midnight(opens: Ints, closes: Ints) -> Flags:
    """Tell which sessions end on the day after, from minutes of the day."""
    return (opens >= 0) & (closes >= 0) & (closes <= opens)
