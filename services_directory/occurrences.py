"""When everything is on, as bits: one number of 64 days for each schedule, so that "this week" is a shift and a mask.

A schedule's rule is one of a few (every Tuesday; the first Saturday); its bits are worked out once with dateutil and used
for all. Bank holidays and terms are masks of the same kind. What a row adds is its first and last day and its exceptions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services_directory.calendars import in_term, is_bank_holiday
from services_directory.records import NO_RULE, Timetable
from services_directory.timetables import rule_days

DAYS_HELD = 64
# Yesterday is held too, for sessions past midnight.
BEHIND = 1
# A wish looks four weeks ahead; a table serves as long as these lie within it.
SERVES_DAYS = DAYS_HELD - 28 - BEHIND
NEVER, ALWAYS = 0, 2_000_000_000
Bits = NDArray[np.uint64]
Ints = NDArray[np.int64]
_ALL = (1 << DAYS_HELD) - 1


class Rule(NamedTuple):
    """The part of a schedule that many share. ``phase``: in which week (or month) of ``interval`` it falls."""

    freq: str | None
    interval: int
    phase: int | None
    byday: str | None
    bymonthday: str | None


EVERY_DAY = Rule(None, 1, None, None, None)


def rule_of(
    freq: str | None, interval: int, byday: str | None, bymonthday: str | None, anchor: date | None, own: date | None
) -> Rule:
    """Return the shared part. ``anchor``: what intervals count from; ``own``: the first date, which gives a missing day."""
    if freq is None:
        return EVERY_DAY
    if not byday and not bymonthday and own is not None:
        if freq == "WEEKLY":
            byday = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[own.weekday()]
        else:
            bymonthday = str(own.day)
    phase = None
    if anchor is not None:
        count = (anchor.toordinal() - 1) // 7 if freq == "WEEKLY" else anchor.year * 12 + anchor.month - 1
        phase = count % interval if interval > 1 else None
    return Rule(freq, interval, phase, byday, bymonthday)


def _rule_bits(rule: Rule, base: date) -> int:
    if rule == EVERY_DAY:
        return _ALL
    anchor = None
    if rule.phase is not None:
        # The first day of the week or month of that phase, in years long gone.
        if rule.freq == "WEEKLY":
            weeks = date(2000, 1, 3).toordinal() // 7
            anchor = date(2000, 1, 3) + timedelta(weeks=(rule.phase - weeks) % rule.interval)
        else:
            months = 2000 * 12 + (rule.phase - 2000 * 12) % rule.interval
            anchor = date(months // 12, months % 12 + 1, 1)
    fields = NO_RULE | {"freq": rule.freq, "interval": rule.interval, "byday": rule.byday, "bymonthday": rule.bymonthday}
    # As the start of validity it is counted from, but gives no day of its own.
    timetable = Timetable(**fields | {"valid_from": anchor})
    return _bits(rule_days(timetable, base, base + timedelta(days=DAYS_HELD - 1)), base)


def _bits(days: Iterable[date], base: date) -> int:
    return sum(1 << (day - base).days for day in set(days))


@dataclass(frozen=True)
class Schedules:
    """Columns of all schedules, those of one service together.

    ``rule``, ``nations``, ``terms`` index the lists of distinct ones (of the latter two, 0 is none). ``first`` and
    ``last`` are days as ordinals; ``opens`` and ``closes`` minutes of the day, -1 unknown. ``cancelled``: (row, ordinal).
    """

    rule: Ints
    nations: Ints
    terms: Ints
    first: Ints
    last: Ints
    opens: Ints
    closes: Ints
    cancelled: tuple[tuple[int, int], ...]
    rules: tuple[Rule, ...]
    nation_sets: tuple[tuple[str, ...], ...]
    term_sets: tuple[tuple[str, ...], ...]

    def table(self, base: date) -> tuple[Bits, Bits]:
        """Return for each schedule the days from ``base`` on that are certain, and those that are or may be (terms)."""
        days = [base + timedelta(days=n) for n in range(DAYS_HELD)]
        rules = np.array([_rule_bits(rule, base) for rule in self.rules], dtype=np.uint64)
        open_ = np.array(
            [_ALL, *(_ALL ^ _bits((d for d in days if is_bank_holiday(d, nations)), base) for nations in self.nation_sets[1:])],
            dtype=np.uint64,
        )
        known = [{day: in_term(day, areas) for day in days} for areas in self.term_sets[1:]]
        sure = np.array([_ALL, *(_bits((d for d in days if k[d] is True), base) for k in known)], dtype=np.uint64)
        maybe = np.array([_ALL, *(_bits((d for d in days if k[d] is not False), base) for k in known)], dtype=np.uint64)
        begin = np.clip(self.first.astype(np.int64) - base.toordinal(), 0, DAYS_HELD)
        end = np.clip(self.last.astype(np.int64) - base.toordinal() + 1, 0, DAYS_HELD)
        # Bits below n; a shift by all 64 is not defined, so the last is written out.
        below = np.array([(1 << n) - 1 for n in range(DAYS_HELD + 1)], dtype=np.uint64)
        held = rules[self.rule] & open_[self.nations] & below[end] & ~below[begin]
        for row, ordinal in self.cancelled:
            at = ordinal - base.toordinal()
            if 0 <= at < DAYS_HELD:
                held[row] &= np.uint64(_ALL ^ (1 << at))
        return held & sure[self.terms], held & maybe[self.terms]
