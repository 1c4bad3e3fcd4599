"""Which spots and services are as a query wishes, in time and in access."""

from datetime import date, datetime, time, timedelta
from typing import cast

import numpy as np

from services_directory import search as rules
from services_directory.columns import PART_ENDS, PART_STARTS, Flags
from services_directory.lists import expand
from services_directory.masks import Masks, Times, Window, minutes, past_midnight
from services_directory.occurrences import BEHIND, Ints
from services_directory.query import WEEKDAYS
from services_directory.search import Asked
from services_directory.timetables import LONDON

CLOCK_CHANGE_MINUTES = 60


class Fitting:
    """Tells of spots and services whether they are as one query wishes.

    ``possible`` tells of all services whether they may have a session as wished; ``None``: no time was asked for.
    """

    def __init__(self, masks: Masks, asked: Asked) -> None:
        """Look up what is kept for the query's day, times and access."""
        self.masks, self.columns, self.asked = masks, masks.columns, asked
        query = asked.query
        self.plain = not (query.open_now or query.part)
        self.now = minutes(asked.after)
        self.access: Flags | None = masks.accessible(query.access) if query.access else None
        self.times: Times | None = None
        self.window: Window | None = None
        self.possible: Flags | None = None
        if query.asks_for_time:
            self.wanted = self._wanted()
            self.times = masks.times(asked.at)
            self.window = window = masks.window(asked.at, self.wanted, sure=False)
            name = ("possible", asked.at, self.wanted, query.open_now)
            self.possible = masks.kept(name, lambda: self._possible(window))

    def _wanted(self) -> int:
        """Return the wished-for days as bits, the day asked for being the lowest."""
        query = self.asked.query
        if query.open_now and not (query.this_week or query.days or query.part):
            return 1
        length = (rules.WEEK if query.this_week else rules.AHEAD).days + 1
        if not query.days:
            return (1 << length) - 1
        weekday = self.asked.at.weekday()
        return sum(1 << day for day in range(length) if WEEKDAYS[(weekday + day) % 7] in query.days)

    def _possible(self, window: Window) -> Flags:
        possible = window.services_later | (window.services_end >= 0)
        if self.asked.query.open_now:
            # What is open now may have opened yesterday.
            yesterday = self.masks.window(self.asked.at - timedelta(days=1), 1, sure=False)
            possible = possible | (yesterday.services_end >= 0)
        return possible

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
        owner, schedules = expand(self.columns.schedule_start, self.columns.spot_row[spots[at]], None)
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
        owner, schedules = expand(self.columns.schedule_start, rows, None)
        return self._any(owner, schedules, len(rows))

    def without_venue(self, rows: Ints) -> Flags:
        """Tell which services have no venue at all, and fit."""
        if self.asked.query.access:
            return np.zeros(len(rows), dtype=bool)
        none = self.columns.spots_start[rows + 1] == self.columns.spots_start[rows]
        if none.any():
            none[none] = self.rows(rows[none])
        return cast(Flags, none)

    def _any(self, owner: Ints, schedules: Ints, count: int) -> Flags:
        query = self.asked.query
        fits = np.ones(count, dtype=bool)
        if query.open_now:
            fits = np.bincount(owner[self._open_now(schedules)], minlength=count) > 0
        if query.this_week or query.days or query.part:
            fits &= np.bincount(owner[self._as_wished(schedules)], minlength=count) > 0
        return fits

    def _from(self) -> int:
        """Return which bit of a table is the day before the one asked for."""
        assert self.times is not None
        return self.asked.at.toordinal() - self.times.base - BEHIND

    def _open_now(self, at: Ints) -> Flags:
        times = self.times
        assert times is not None
        assert self.asked.after is not None
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        days = times.sure[at] >> np.uint64(self._from())
        yesterday, today = (days & np.uint64(1)) != 0, (days & np.uint64(2)) != 0
        # An hour that the clock strikes twice or not at all: too many now, and the rules have the last word.
        spare = CLOCK_CHANGE_MINUTES if _clock_changes(self.asked.at) else 0
        late = past_midnight(opens, closes)
        open_today = today & (opens <= self.now + spare) & (late | (self.now - spare < closes))
        return cast(Flags, (opens >= 0) & (closes >= 0) & (open_today | (yesterday & late & (self.now - spare < closes))))

    def _as_wished(self, at: Ints) -> Flags:
        times, query = self.times, self.asked.query
        assert times is not None
        days = (times.maybe[at] >> np.uint64(self._from() + BEHIND)) & np.uint64(self.wanted)
        fits = (days > 1) | ((days == 1) & ~self._over(at))
        if query.part is None:
            return cast(Flags, fits)
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        part = ("morning", "afternoon", "evening").index(query.part)
        begin, end = PART_STARTS[part], PART_ENDS[part]
        ends = np.where(closes >= 0, closes, opens)
        reaches = (opens >= begin) | past_midnight(opens, closes) | (ends > begin)
        fits = fits & (opens >= 0) & (opens < end) & reaches
        return cast(Flags, fits)

    def _over(self, at: Ints) -> Flags:
        """Tell of schedules whether their session of the day is over."""
        if self.asked.after is None:
            return np.zeros(len(at), dtype=bool)
        opens, closes = self.columns.schedules.opens[at], self.columns.schedules.closes[at]
        end = np.where(closes >= 0, closes, opens)
        return (end >= 0) & (end <= self.now) & ~past_midnight(opens, closes)


def _clock_changes(day: date) -> bool:
    moments = [datetime.combine(day + timedelta(days=n), time.min, tzinfo=LONDON) for n in (0, 1)]
    return len({moment.utcoffset() for moment in moments}) > 1
