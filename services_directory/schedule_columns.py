"""Timetables as columns of numbers: what ``columns`` holds of every schedule. Built from raw rows.

There are few rules, hours and spells, and very many schedules that have them: each is worked out once, and numbered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat

import numpy as np

from services_directory.calendars import area_key
from services_directory.loading import Raw, Row, as_date, minute, ordinal
from services_directory.numbering import column, ints, looked_up, numbered, order_of, owner_of, starts, worked_out
from services_directory.occurrences import ALWAYS, EVERY_DAY, NEVER, Ints, Rule, Schedules, rule_of
from services_directory.records import Venue, closing_nations


@dataclass(frozen=True)
class Links:
    """Which service is at which venue, by number, in the order of the services and of the links' ids; and the venue of every
    link by its id, -2 where its location is none that is known."""

    row: Ints
    venue: Ints
    venue_of: Mapping[str, int]


@dataclass(frozen=True)
class ScheduleColumns:
    """The schedules in the order of their services; the row of the service and the venue of each (-1: at all, -2: at none that
    is known); and for each service the last day of its last one, ALWAYS if it has none or nobody knows."""

    schedules: Schedules
    row: Ints
    venue: Ints
    ends: Ints


def links_of(raw: Raw, row_of: Mapping[str, int], venue_at: Mapping[str, int]) -> Links:
    """Number the links. ``row_of`` and ``venue_at``: the numbers of services and venues by id."""
    ids = list(column(raw.links, 1))
    row, venue = looked_up(map(owner_of, raw.links), row_of), looked_up(column(raw.links, 2), venue_at, -2)
    by_id = ints(order_of(ids))
    order = by_id[np.argsort(row[by_id], kind="stable")]
    order = order[(row[order] >= 0) & (venue[order] >= 0)]
    return Links(row[order], venue[order], dict(zip(ids, venue.tolist(), strict=True)))


def schedule_columns(raw: Raw, row_of: Mapping[str, int], venues: Sequence[Venue], links: Links) -> ScheduleColumns:
    """Build the columns. ``row_of``: the numbers of services by id."""
    rows, service = _known(raw.schedules, row_of)
    venue = looked_up(column(rows, 2), links.venue_of)
    shape, shapes = numbered(row[3:11] for row in rows)
    known = [_shape(*one) for one in shapes]
    rules: dict[Rule, int] = {EVERY_DAY: 0}
    rule, first, last, over = (
        np.array([(rules.setdefault(rule, len(rules)), *days) for rule, *days in known], dtype=np.int64)
        .reshape(len(known), 4)[shape]
        .T
    )
    ruled = np.array([one[0] is not None for one in shapes], dtype=bool)[shape]
    areas: defaultdict[str, list[str]] = defaultdict(list)
    for owner, name in raw.areas:
        areas[owner].append(name)
    nations, nation_sets = _closing(raw.services, venues, links, areas, (service, venue))
    terms, term_sets = _terms(raw.services, venues, links, areas, (service, venue))
    table = np.stack(
        [
            service,
            venue,
            rule,
            np.where(ruled, nations, 0),
            np.where(ruled, terms, 0),
            first,
            last,
            worked_out(column(rows, 11), minute),
            worked_out(column(rows, 12), minute),
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


def _known(schedules: list[Row], row_of: Mapping[str, int]) -> tuple[list[Row], Ints]:
    """Return the schedules of services that are there, and the number of each one's service."""
    service = looked_up(map(owner_of, schedules), row_of)
    if (service >= 0).all():
        return schedules, service
    return [row for row, at in zip(schedules, service.tolist(), strict=True) if at >= 0], service[service >= 0]


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
    services: Sequence[Row], venues: Sequence[Venue], links: Links, areas: Mapping[str, Sequence[str]], at: tuple[Ints, Ints]
) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    """Return for each schedule (``at``: its service and venue) the number of the nations whose bank holidays close it (0: none),
    and the nations by number: its own venue's, else those of all its service's venues, else those that ``closing_nations``
    finds in the areas."""
    numbers: dict[tuple[str, ...], int] = {(): 0}
    names = sorted({venue.nation for venue in venues if venue.nation})
    bits = {nation: 1 << at for at, nation in enumerate(names)}
    of_venue = looked_up((venue.nation for venue in venues), bits, 0)
    everywhere = np.zeros(len(services), dtype=np.int64)
    np.bitwise_or.at(everywhere, links.row, of_venue[links.venue])

    def number(nations: int, named: Sequence[str] = ()) -> int:
        found = closing_nations((name for name in names if nations & bits[name]), named)
        return numbers.setdefault(found, len(numbers))

    by_bits = {nations: number(nations) for nations in np.unique(everywhere).tolist() if nations}
    by_bits_of_venue = {0: 0} | {nations: number(nations) for nations in np.unique(of_venue).tolist() if nations}
    open_always = np.fromiter(map(bool, column(services, 10)), dtype=bool)
    closes = ints(map(by_bits.get, everywhere.tolist(), repeat(0)))
    for row in np.flatnonzero((everywhere == 0) & ~open_always).tolist():
        closes[row] = number(0, areas.get(services[row][0], ()))
    closes[open_always] = 0
    # A venue whose nation nobody knows does not decide.
    service, venue = at
    own = np.append(ints(map(by_bits_of_venue.__getitem__, of_venue.tolist())), (0, 0))[venue]
    return np.where((closes[service] == 0) | (own == 0), closes[service], own), tuple(numbers)


def _terms(
    services: Sequence[Row], venues: Sequence[Venue], links: Links, areas: Mapping[str, Sequence[str]], at: tuple[Ints, Ints]
) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    """Return for each schedule (``at``: its service and venue) the number of the areas whose terms it keeps (0: it is on all the
    year), and these by number."""
    numbers: dict[tuple[str, ...] | None, int] = {None: 0}
    service, venue = at
    term_time = np.fromiter(map(bool, column(services, 11)), dtype=bool)
    limited = np.flatnonzero(term_time[service])
    begins = starts(links.row, len(services))
    found = np.zeros(len(service), dtype=np.int64)
    for schedule, of, own in zip(limited.tolist(), service[limited].tolist(), venue[limited].tolist(), strict=True):
        there = [own] if own >= 0 else links.venue[begins[of] : begins[of + 1]].tolist()
        known = _term_areas(services[of][2], [venues[spot] for spot in there], areas.get(services[of][0], ()))
        found[schedule] = numbers.setdefault(known, len(numbers))
    return found, tuple(known or () for known in numbers)


def _term_areas(area_id: str | None, at: Sequence[Venue], areas: Iterable[str]) -> tuple[str, ...]:
    names = [area_id, *(venue.district for venue in at), *(venue.town for venue in at), *areas]
    return tuple(dict.fromkeys(area_key(name) for name in names if name))
