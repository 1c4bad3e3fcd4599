"""Timetables as columns of numbers: what ``columns`` holds of every schedule. Built from raw rows.

There are few rules, hours and spells, and very many schedules that have them: each is worked out once, and numbered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from services_directory.calendars import area_key
from services_directory.loading import Raw, Row, as_date, minute, ordinal
from services_directory.occurrences import ALWAYS, EVERY_DAY, NEVER, Ints, Rule, Schedules, rule_of
from services_directory.records import Venue, closing_nations

# The number of a service, the id of the link, and the number of one of the service's venues.
Link = tuple[int, str, int]


@dataclass(frozen=True)
class ScheduleColumns:
    """The schedules in the order of their services; the row of the service and the venue of each (-1: at all, -2: at none that
    is known); and for each service the last day of its last one, ALWAYS if it has none or nobody knows."""

    schedules: Schedules
    row: Ints
    venue: Ints
    ends: Ints


def schedule_columns(
    raw: Raw, row_of: Mapping[str, int], venue_at: Mapping[str, int], venues: Sequence[Venue], links: Sequence[Link]
) -> ScheduleColumns:
    """Build the columns. ``row_of`` and ``venue_at``: the numbers of services and venues by id."""
    rows = [row for row in raw.schedules if row[0] in row_of]
    service = _ints(row_of[row[0]] for row in rows)
    venue_of = {link: venue_at.get(location, -2) for _, link, location in raw.links}
    venue = _ints(venue_of.get(row[2], -1) for row in rows)
    shapes: dict[Any, int] = {}
    shape = _ints(shapes.setdefault(tuple(row[3:11]), len(shapes)) for row in rows)
    known = [_shape(*one) for one in shapes]
    rules: dict[Rule, int] = {EVERY_DAY: 0}
    rule, first, last, over = (
        np.array([(rules.setdefault(rule, len(rules)), *days) for rule, *days in known], dtype=np.int64)
        .reshape(len(known), 4)[shape]
        .T
    )
    ruled = np.array([one[0] is not None for one in shapes], dtype=bool)[shape]
    nations, nation_sets = _closing(raw, venues, links, service, venue)
    terms, term_sets = _terms(raw, venues, links, rows, service, venue)
    table = np.stack(
        [
            service,
            venue,
            rule,
            np.where(ruled, nations, 0),
            np.where(ruled, terms, 0),
            first,
            last,
            _ints(minute(row[11]) for row in rows),
            _ints(minute(row[12]) for row in rows),
        ],
        axis=1,
    )
    extra, cancelled = _exceptions(raw.exceptions, rows, table, over, row_of)
    ends = np.full(len(row_of), NEVER, dtype=np.int64)
    np.maximum.at(ends, service, over)
    np.maximum.at(ends, extra[:, 0], extra[:, 5])
    timed = np.zeros(len(row_of), dtype=bool)
    timed[service] = timed[extra[:, 0]] = True
    ends[~timed] = ALWAYS
    table = np.concatenate((table, extra))
    order = np.argsort(table[:, 0], kind="stable")
    now_at = np.argsort(order)
    row, at, rule, nations, terms, first, last, opens, closes = np.ascontiguousarray(table[order].T)
    schedules = Schedules(
        rule=rule,
        nations=nations,
        terms=terms,
        first=first,
        last=last,
        opens=opens,
        closes=closes,
        cancelled=tuple((int(now_at[at]), day) for at, day in cancelled),
        rules=tuple(rules),
        nation_sets=nation_sets,
        term_sets=term_sets,
    )
    return ScheduleColumns(schedules, row, at, ends)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _shape(
    freq: str | None,
    interval: int,
    byday: str | None,
    bymonthday: str | None,
    dtstart: str | date | None,
    valid_from: str | date | None,
    until: str | date | None,
    valid_to: str | date | None,
) -> tuple[Rule, int, int, int]:
    """Return the rule, its first and last day, and the day after which it is known to be over."""
    start, begin = as_date(dtstart), as_date(valid_from)
    first = max(ordinal(dtstart, NEVER), ordinal(valid_from, NEVER))
    last = min(ordinal(until, ALWAYS), ordinal(valid_to, ALWAYS))
    if freq is None:
        single = start or as_date(valid_to)
        over = ALWAYS if single is None else single.toordinal()
        if start is None:
            return EVERY_DAY, ALWAYS, NEVER, over
        return EVERY_DAY, first, min(last, start.toordinal()) if first <= start.toordinal() else NEVER, over
    return rule_of(freq, interval, byday, bymonthday, start or begin, start), first, last, last


def _exceptions(
    exceptions: Iterable[Row], rows: Sequence[Row], table: Ints, over: Ints, row_of: Mapping[str, int]
) -> tuple[Ints, list[tuple[int, int]]]:
    """Return the extra dates as further rows of ``table``, and the cancelled days of its rows; raise ``over`` where an extra
    date comes after it."""
    of_service: defaultdict[str, list[Row]] = defaultdict(list)
    for row in exceptions:
        of_service[row[0]].append(row)
    extra: list[tuple[int, ...]] = []
    cancelled: list[tuple[int, int]] = []
    for at, row in enumerate(rows) if of_service else ():
        service, venue, *_, opened, closed = table[at].tolist()
        for _, schedule, day, kind, opens, closes in of_service.get(row[0], ()):
            when = ordinal(day, NEVER)
            if kind == "cancelled" and schedule in (None, row[1]) and minute(opens) in (-1, opened):
                cancelled.append((at, when))
            elif kind == "extra" and schedule == row[1]:
                hours = (opened, closed) if opens is None else (minute(opens), minute(closes))
                extra.append((service, venue, 0, 0, 0, when, when, *hours))
                over[at] = when if over[at] == ALWAYS and row[3] is None else max(over[at], when)
    for owner, found in of_service.items():
        for _, schedule, day, kind, opens, closes in found if owner in row_of else ():
            if schedule is None and kind == "extra":
                when = ordinal(day, NEVER)
                extra.append((row_of[owner], -1, 0, 0, 0, when, when, minute(opens), minute(closes)))
    return np.array(extra, dtype=np.int64).reshape(len(extra), 9), cancelled


# ---- What closes a service ----


def _closing(
    raw: Raw, venues: Sequence[Venue], links: Sequence[Link], service: Ints, venue: Ints
) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    """Return for each schedule (of ``service`` at ``venue``) the number of the nations whose bank holidays close it (0: none),
    and the nations by number: its own venue's, else those of all its service's venues, else those that ``closing_nations``
    finds in the areas."""
    numbers: dict[tuple[str, ...], int] = {(): 0}
    names = sorted({venue.nation for venue in venues if venue.nation})
    bits = {nation: 1 << at for at, nation in enumerate(names)}
    of_venue = np.array([bits.get(venue.nation or "", 0) for venue in venues], dtype=np.int64)
    everywhere = np.zeros(len(raw.services), dtype=np.int64)
    np.bitwise_or.at(everywhere, _ints(row for row, *_ in links), of_venue[_ints(at for *_, at in links)])
    areas: defaultdict[str, list[str]] = defaultdict(list)
    for owner, name in raw.areas:
        areas[owner].append(name)

    def number(nations: int, named: Sequence[str] = ()) -> int:
        found = closing_nations((name for name in names if nations & bits[name]), named)
        return numbers.setdefault(found, len(numbers))

    by_bits = {nations: number(nations) for nations in np.unique(everywhere).tolist() if nations}
    closes = np.array(
        [
            0 if row[10] else (by_bits[nations] if nations else number(0, areas.get(row[0], ())))
            for row, nations in zip(raw.services, everywhere.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    # A venue whose nation nobody knows does not decide.
    own = np.array([*(number(nations) if nations else 0 for nations in of_venue.tolist()), 0, 0], dtype=np.int64)[venue]
    return np.where((closes[service] == 0) | (own == 0), closes[service], own), tuple(numbers)


def _terms(
    raw: Raw, venues: Sequence[Venue], links: Sequence[Link], rows: Sequence[Row], service: Ints, venue: Ints
) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    """Return for each schedule the number of the areas whose terms it keeps (0: it is on all the year), and these by number."""
    numbers: dict[tuple[str, ...] | None, int] = {None: 0}
    term_time = np.array([bool(row[11]) for row in raw.services], dtype=bool)
    limited = np.flatnonzero(term_time[service])
    nowhere = set(service[limited][venue[limited] < 0].tolist())
    linked: defaultdict[int, list[int]] = defaultdict(list)
    for row, _, spot in sorted(link for link in links if link[0] in nowhere):
        linked[row].append(spot)
    areas: defaultdict[str, list[str]] = defaultdict(list)
    for owner, name in raw.areas:
        areas[owner].append(name)
    terms = np.zeros(len(rows), dtype=np.int64)
    for number, of, own in zip(limited.tolist(), service[limited].tolist(), venue[limited].tolist(), strict=True):
        at = [venues[own]] if own >= 0 else [venues[spot] for spot in linked[of]]
        found = _term_areas(raw.services[of][2], at, areas.get(rows[number][0], ()))
        terms[number] = numbers.setdefault(found, len(numbers))
    return terms, tuple(known or () for known in numbers)


def _term_areas(area_id: str | None, at: Sequence[Venue], areas: Iterable[str]) -> tuple[str, ...]:
    names = [area_id, *(venue.district for venue in at), *(venue.town for venue in at), *areas]
    return tuple(dict.fromkeys(area_key(name) for name in names if name))
