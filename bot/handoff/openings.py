"""When somebody is there: weekly spells, less closures and bank holidays, on one area's clock.

All reckoning is in UTC and only what is handed out is local: two local times of one zone are compared and subtracted by Python as
if the clocks never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.handoff.bank_holidays import BankHolidays

LOOK_AHEAD = 120
"""Days searched for the next opening: a long summer closure and more."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Spell:
    """Local times of a weekday. One that ends at midnight or later has `next_day`."""

    opens: time
    closes: time
    next_day: bool = False


@dataclass(frozen=True, slots=True)
class Closure:
    """Days on which nobody is there, the first and the last included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """`spells` by weekday, Monday first; `reply_minutes` by level: how soon a first reply is aimed at while somebody is there."""

    zone: ZoneInfo
    spells: tuple[tuple[Spell, ...], ...]
    reply_minutes: Mapping[str, int]
    closures: tuple[Closure, ...] = ()
    bank_holidays: BankHolidays | None = None

    def open_until(self, moment: datetime) -> datetime | None:
        """When the present spell ends (local), or None if nobody is there at `moment`."""
        utc = moment.astimezone(UTC)
        for opens, closes in self._intervals(utc, days=LOOK_AHEAD):
            if opens > utc:
                return None
            if utc < closes:
                return closes.astimezone(self.zone)
        return None

    def next_open(self, moment: datetime) -> datetime | None:
        """`moment` itself if somebody is there, else the next opening (local); None if there is none in sight."""
        utc = moment.astimezone(UTC)
        for opens, closes in self._intervals(utc, days=LOOK_AHEAD):
            if utc < closes:
                return max(opens, utc).astimezone(self.zone)
        return None

    def reply_due(self, moment: datetime, level: str) -> datetime | None:
        """When a first reply to a case of `level` opened at `moment` is aimed at: its minutes count only while somebody is there."""
        utc, left = moment.astimezone(UTC), timedelta(minutes=self.reply_minutes.get(level, 480))
        for opens, closes in self._intervals(utc, days=LOOK_AHEAD):
            start = max(opens, utc)
            if start >= closes:
                continue
            if left <= closes - start:
                return (start + left).astimezone(self.zone)
            left -= closes - start
        return None

    def closed_on(self, day: date) -> bool:
        """Whether the whole of a local day is closed, whatever weekday it is."""
        if self.bank_holidays is not None and day in self.bank_holidays:
            return True
        return any(closure.first <= day <= closure.last for closure in self.closures)

    def _intervals(self, utc: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        """(opens, closes) in UTC from the day before `utc` on, in order; what touches or overlaps is one."""
        first = utc.astimezone(self.zone).date() - DAY
        last: tuple[datetime, datetime] | None = None
        for number in range(days + 1):
            for opens, closes in self._of_day(first + number * DAY):
                if last is not None and opens <= last[1]:
                    last = (last[0], max(last[1], closes))
                    continue
                if last is not None:
                    yield last
                last = (opens, closes)
        if last is not None:
            yield last

    def _of_day(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The spells that begin on a local day. One that runs into a closed day ends at midnight."""
        if self.closed_on(day):
            return
        for spell in self.spells[day.weekday()]:
            ends, closes = (day + DAY, spell.closes) if spell.next_day else (day, spell.closes)
            if spell.next_day and self.closed_on(ends):
                closes = time.min
            interval = self._utc(day, spell.opens), self._utc(ends, closes)
            if interval[0] < interval[1]:  # the clocks may leap over a short spell at night
                yield interval

    def _utc(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)
