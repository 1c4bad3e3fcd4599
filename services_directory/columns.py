"""Services as columns of numbers, for ``arrays`` to search. Built from raw rows; never changed afterwards.

Rows are services. A "spot" is a service at a venue. Words are indexed apart (``postings``), when they are first needed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services_directory.calendars import area_key
from services_directory.loading import Raw, Row, plain
from services_directory.models import LEVELS, MODES
from services_directory.nations import key
from services_directory.occurrences import ALWAYS, EVERY_DAY, NEVER, Ints, Rule, Schedules, rule_of
from services_directory.places import read_postcode
from services_directory.records import Cost, Venue, closing_nations

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
GO = 1 << MODES.index("go")
NO_AGE_LOW, NO_AGE_HIGH = -32_000, 32_000
# Cells of the map: a tenth of a degree of latitude, a sixth of one of longitude; seven miles or so each way.
CELLS_LATITUDE, CELLS_LONGITUDE, ROW_OF_CELLS = 10, 6, 10_000
PART_STARTS, PART_ENDS = (0, 12 * 60, 17 * 60), (12 * 60, 17 * 60, 24 * 60)


@dataclass(frozen=True)
class Columns:
    """All that a search by place, age, need, time, cost, access and language looks at."""

    ids: list[str]
    names: list[str]
    row_of: Mapping[str, int]
    order: Ints  # the place of each row when sorted by name and id
    level: NDArray[np.uint8]
    age_low: NDArray[np.int16]
    age_high: NDArray[np.int16]
    interpreter: Flags
    visible_from: Ints
    visible_to: Ints
    ends: Ints  # the last day of the last schedule, ALWAYS if none or not known
    checked: Ints  # NEVER if never
    modes: NDArray[np.uint8]
    free: NDArray[np.uint8]  # 0 no, 1 yes, 2 it depends on the day (dated_costs)
    dated_costs: Mapping[int, tuple[Cost, ...]]
    needs: Mapping[str, Ints]
    languages: Mapping[str, Ints]
    areas: Mapping[str, Ints]
    has_areas: Flags
    spot_row: Ints  # sorted by cell of the map
    spot_venue: Ints
    spot_rank: Ints  # where it comes among its service's venues
    spot_cell: NDArray[np.int64]
    spot_xyz: Floats  # on the unit sphere; NaN where not located
    spots_by_row: Ints
    spots_start: Ints  # of each row in spots_by_row, and the end
    venue_ids: list[str]
    spots_by_venue: Ints
    venue_start: Ints
    venue_keys: Mapping[str, list[int]]  # names, towns and districts, folded; and outcodes after "outcode "
    venue_access: tuple[tuple[str, ...], ...]
    schedules: Schedules
    schedule_row: Ints
    schedule_venue: Ints  # -1 at all venues
    schedule_start: Ints  # of each row, and the end
    cache: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many services there are."""
        return len(self.ids)


@lru_cache(maxsize=200_000)
def _date(value: str | date | None) -> date | None:
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def _ordinal(value: str | date | None, missing: int) -> int:
    day = _date(value)
    return missing if day is None else day.toordinal()


@lru_cache(maxsize=10_000)
def _minute(value: str | time | None) -> int:
    clock = time.fromisoformat(value) if isinstance(value, str) else value
    return -1 if clock is None else clock.hour * 60 + clock.minute


def _starts(owners: Ints, count: int) -> Ints:
    """Return where each owner's part begins in a list sorted by owner, and the end."""
    return np.searchsorted(owners, np.arange(count + 1)).astype(np.int32)


def build_columns(raw: Raw, venues: Sequence[Venue]) -> Columns:
    """Build the columns. ``venues``: all physical locations that the rows may refer to."""
    ids = [row[0] for row in raw.services]
    row_of = {service_id: at for at, service_id in enumerate(ids)}
    names = [plain(row[1]) for row in raw.services]
    count = len(ids)
    order = np.empty(count, dtype=np.int32)
    order[sorted(range(count), key=lambda at: (names[at], ids[at]))] = np.arange(count, dtype=np.int32)
    venue_at = {venue.id: at for at, venue in enumerate(venues)}
    modes = np.zeros(count, dtype=np.uint8)
    mode_bit = {mode: 1 << at for at, mode in enumerate(MODES)}
    owners = _rows_of(raw.modes, row_of)
    np.bitwise_or.at(modes, owners, np.array([mode_bit[row[1]] for row in raw.modes if row[0] in row_of], dtype=np.uint8))
    areas = _postings(((row_of[owner], key(plain(name))) for owner, name in raw.areas if owner in row_of))
    has_areas = np.zeros(count, dtype=bool)
    for rows in areas.values():
        has_areas[rows] = True
    free, dated = _free(raw.costs, row_of, count)
    schedules, schedule_row, schedule_venue, ends = _schedules(raw, row_of, venue_at, venues, count)
    return Columns(
        ids=ids,
        names=names,
        row_of=row_of,
        order=order,
        level=np.array([LEVELS.index(row[3]) for row in raw.services], dtype=np.uint8),
        age_low=np.array([NO_AGE_LOW if row[4] is None else row[4] for row in raw.services], dtype=np.int16),
        age_high=np.array([NO_AGE_HIGH if row[5] is None else row[5] for row in raw.services], dtype=np.int16),
        interpreter=np.array([bool(row[6]) for row in raw.services], dtype=bool),
        visible_from=np.array([_ordinal(row[7], NEVER) for row in raw.services], dtype=np.int32),
        visible_to=np.array([_ordinal(row[8], ALWAYS) for row in raw.services], dtype=np.int32),
        ends=ends,
        checked=np.array([_ordinal(row[9], NEVER) for row in raw.services], dtype=np.int32),
        modes=modes,
        free=free,
        dated_costs=dated,
        needs=_postings((row_of[owner], code) for owner, code in raw.needs if owner in row_of),
        languages=_postings((row_of[owner], code.lower().split("-")[0]) for owner, code in raw.languages if owner in row_of),
        areas=areas,
        has_areas=has_areas,
        **_spots(raw, row_of, venue_at, venues, count),
        venue_ids=[venue.id for venue in venues],
        venue_keys=_venue_keys(venues),
        venue_access=tuple(venue.access for venue in venues),
        schedules=schedules,
        schedule_row=schedule_row,
        schedule_venue=schedule_venue,
        schedule_start=_starts(schedule_row, count),
    )


def _rows_of(rows: Iterable[Row], row_of: Mapping[str, int]) -> Ints:
    return np.array([row_of[row[0]] for row in rows if row[0] in row_of], dtype=np.int32)


def _postings(pairs: Iterable[tuple[int, str]]) -> dict[str, Ints]:
    lists: defaultdict[str, list[int]] = defaultdict(list)
    for row, name in pairs:
        lists[name].append(row)
    return {name: np.unique(np.array(rows, dtype=np.int32)) for name, rows in lists.items()}


def _free(costs: Iterable[Row], row_of: Mapping[str, int], count: int) -> tuple[NDArray[np.uint8], dict[int, tuple[Cost, ...]]]:
    priced, nothing = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    dated: defaultdict[int, list[Row]] = defaultdict(list)
    depends: set[int] = set()
    for cost in costs:
        row = row_of.get(cost[0])
        if row is None:
            continue
        priced[row] = True
        if cost[1] is None or float(cost[1]) != 0:
            nothing[row] = False
        if cost[2] is not None or cost[3] is not None:
            depends.add(row)
    free = (priced & nothing).astype(np.uint8)
    if depends:
        for cost in costs:
            if row_of.get(cost[0], -1) in depends:
                dated[row_of[cost[0]]].append(cost)
        free[list(depends)] = 2
    return free, {
        row: tuple(
            Cost(None if amount is None else Decimal(amount), "GBP", None, _date(begin), _date(end))
            for _, amount, begin, end in found
        )
        for row, found in dated.items()
    }


def _spots(
    raw: Raw, row_of: Mapping[str, int], venue_at: Mapping[str, int], venues: Sequence[Venue], count: int
) -> dict[str, Any]:
    kept = sorted((row_of[o], link, venue_at[v]) for o, link, v in raw.links if o in row_of and v in venue_at)
    row = np.array([item[0] for item in kept], dtype=np.int32)
    venue = np.array([item[2] for item in kept], dtype=np.int32)
    nowhere = float("nan")
    latitude = np.array([nowhere if v.latitude is None or v.longitude is None else v.latitude for v in venues])
    longitude = np.array([nowhere if v.latitude is None or v.longitude is None else v.longitude for v in venues])
    cell = cells(latitude, longitude)[venue] if len(row) else np.zeros(0, dtype=np.int64)
    sorting = np.argsort(cell, kind="stable")
    row, venue, cell = row[sorting], venue[sorting], cell[sorting]
    by_row, by_venue = (np.argsort(owner, kind="stable").astype(np.int32) for owner in (row, venue))
    return {
        "spot_row": row,
        "spot_venue": venue,
        "spot_rank": sorting.astype(np.int32),
        "spot_cell": cell,
        "spot_xyz": on_sphere(latitude, longitude)[:, venue] if len(row) else np.zeros((3, 0)),
        "spots_by_row": by_row,
        "spots_start": _starts(row[by_row], count),
        "spots_by_venue": by_venue,
        "venue_start": _starts(venue[by_venue], len(venues)),
    }


def cells(latitude: Floats, longitude: Floats) -> NDArray[np.int64]:
    """Return the cell of the map of each point; -1 where there is none."""
    located = ~np.isnan(latitude)
    found = np.full(len(latitude), -1, dtype=np.int64)
    down = np.floor((latitude[located] + 90) * CELLS_LATITUDE).astype(np.int64)
    across = np.floor((longitude[located] + 180) * CELLS_LONGITUDE).astype(np.int64)
    found[located] = down * ROW_OF_CELLS + across
    return found


def on_sphere(latitude: Any, longitude: Any) -> Floats:
    """Return the points on the unit sphere, of shape (3, n)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _venue_keys(venues: Sequence[Venue]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for at, venue in enumerate(venues):
        for name in {key(name) for name in (venue.name, venue.town, venue.district) if name}:
            found[name].append(at)
        postcode = read_postcode(venue.postcode)
        if postcode:
            found[f"outcode {postcode.outcode}"].append(at)
    return dict(found)


# ---- Schedules --------------------------------------------------------------------------------------------------------


def _number(values: dict[Any, int], value: Any) -> int:
    """Give each distinct value a number, in the order of their coming."""
    return values.setdefault(value, len(values))


class _ScheduleRows:
    """Collects schedules in the order of their services."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []  # service, venue, rule, nations, terms, first, last, opens, closes
        self.cancelled: list[tuple[int, int]] = []  # index in rows, day
        self.rules: dict[Any, int] = {EVERY_DAY: 0}
        self.nations: dict[Any, int] = {(): 0}
        self.terms: dict[Any, int] = {None: 0}

    def finish(self) -> tuple[Schedules, Ints, Ints]:
        table = np.array(self.rows, dtype=np.int64).reshape(len(self.rows), 9)
        sorting = np.argsort(table[:, 0], kind="stable")
        now_at = np.empty(len(sorting), dtype=np.int64)
        now_at[sorting] = np.arange(len(sorting))
        service, venue, rule, nations, terms, first, last, opens, closes = table[sorting].T.astype(np.int32)
        schedules = Schedules(
            rule=rule,
            nations=nations,
            terms=terms,
            first=first,
            last=last,
            opens=opens,
            closes=closes,
            cancelled=tuple((int(now_at[at]), day) for at, day in self.cancelled),
            rules=tuple(self.rules),
            nation_sets=tuple(self.nations),
            term_sets=tuple(areas or () for areas in self.terms),
        )
        return schedules, service, venue


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
    start, begin = _date(dtstart), _date(valid_from)
    first = max(_ordinal(dtstart, NEVER), _ordinal(valid_from, NEVER))
    last = min(_ordinal(until, ALWAYS), _ordinal(valid_to, ALWAYS))
    if freq is None:
        single = start or _date(valid_to)
        over = ALWAYS if single is None else single.toordinal()
        if start is None:
            return EVERY_DAY, ALWAYS, NEVER, over
        return EVERY_DAY, first, min(last, start.toordinal()) if first <= start.toordinal() else NEVER, over
    return rule_of(freq, interval, byday, bymonthday, start or begin, start), first, last, last


def _except(into: _ScheduleRows, exceptions: Iterable[Row], schedule_id: str, freq: str | None, over: int) -> int:
    """Take up the exceptions of the schedule that came last, and return the day after which it is over."""
    at = len(into.rows) - 1
    service, venue, *_, opened, closed = into.rows[at]
    for _, schedule, day, kind, from_, to in exceptions:
        when = _ordinal(day, NEVER)
        if kind == "cancelled" and schedule in (None, schedule_id) and _minute(from_) in (-1, opened):
            into.cancelled.append((at, when))
        elif kind == "extra" and schedule == schedule_id:
            hours = (opened, closed) if from_ is None else (_minute(from_), _minute(to))
            into.rows.append((service, venue, 0, 0, 0, when, when, *hours))
            over = when if over == ALWAYS and freq is None else max(over, when)
    return over


def _schedules(
    raw: Raw, row_of: Mapping[str, int], venue_at: Mapping[str, int], venues: Sequence[Venue], count: int
) -> tuple[Schedules, Ints, Ints, Ints]:
    into = _ScheduleRows()
    location_of = {link: location for owner, link, location in raw.links if owner in row_of}
    exceptions: defaultdict[str, list[Row]] = defaultdict(list)
    for row in raw.exceptions:
        exceptions[row[0]].append(row)
    closing, terms = _closing(raw, row_of, venue_at, venues)
    ends = np.full(count, NEVER, dtype=np.int32)
    timed = np.zeros(count, dtype=bool)
    shapes: dict[Any, tuple[int, int, int, int]] = {}
    nation_numbers: dict[Any, int] = {}
    at_venue = [(venue.nation,) if venue.nation else None for venue in venues]
    for (
        owner,
        schedule_id,
        link,
        freq,
        interval,
        byday,
        bymonthday,
        dtstart,
        begin,
        until,
        valid_to,
        opens,
        closes,
    ) in raw.schedules:
        service = row_of.get(owner)
        if service is None:
            continue
        shape = (freq, interval, byday, bymonthday, dtstart, begin, until, valid_to)
        if shape not in shapes:
            rule, *days = _shape(*shape)
            shapes[shape] = (_number(into.rules, rule), days[0], days[1], days[2])
        rule_at, first, last, over = shapes[shape]
        location = location_of.get(link) if link else None
        venue = -1 if location is None else venue_at.get(location, -2)
        nations = term = 0
        if freq is not None:
            closed_for = closing.get(owner)
            if closed_for is not None:
                closed_for = (venue >= 0 and at_venue[venue]) or closed_for
                nations = nation_numbers.get(closed_for, -1)
                if nations < 0:
                    nations = nation_numbers[closed_for] = _number(into.nations, closed_for)
            if owner in terms:
                term = _number(into.terms, _term_areas(terms[owner], venue, venues))
        opened, closed = _minute(opens), _minute(closes)
        into.rows.append((service, venue, rule_at, nations, term, first, last, opened, closed))
        if owner in exceptions:
            over = _except(into, exceptions[owner], schedule_id, freq, over)
        timed[service] = True
        if over > ends[service]:
            ends[service] = over
    for owner, found in exceptions.items():
        for _, schedule_id, day, kind, from_, to in found if owner in row_of else ():
            if schedule_id is None and kind == "extra":
                service, when = row_of[owner], _ordinal(day, NEVER)
                into.rows.append((service, -1, 0, 0, 0, when, when, _minute(from_), _minute(to)))
                timed[service] = True
                ends[service] = max(ends[service], when)
    ends[~timed] = ALWAYS
    schedules, schedule_row, schedule_venue = into.finish()
    return schedules, schedule_row, schedule_venue, ends


def _closing(
    raw: Raw, row_of: Mapping[str, int], venue_at: Mapping[str, int], venues: Sequence[Venue]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str | None, list[int], list[str]]]]:
    """Return by service the nations whose bank holidays close it; and of those of term time only what tells the area."""
    linked: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for owner, link, location in raw.links:
        if location in venue_at:
            linked[owner].append((link, venue_at[location]))
    areas: defaultdict[str, list[str]] = defaultdict(list)
    for owner, name in raw.areas:
        areas[owner].append(name)
    closing, terms = {}, {}
    known: dict[tuple[Any, ...], tuple[str, ...]] = {}
    one = {nation: frozenset([nation]) for nation in {venue.nation for venue in venues}}
    for row in raw.services:
        owner = row[0]
        if not row[10]:
            spots = linked.get(owner, ())
            nations = one[venues[spots[0][1]].nation] if len(spots) == 1 else frozenset(venues[spot].nation for _, spot in spots)
            named = () if any(nations) else tuple(areas.get(owner, ()))
            if (nations, named) not in known:
                known[nations, named] = closing_nations(nations, named)
            closing[owner] = known[nations, named]
        if row[11]:
            terms[owner] = (row[2], [spot for _, spot in sorted(linked.get(owner, []))], areas.get(owner, []))
    return closing, terms


def _term_areas(known: tuple[str | None, list[int], list[str]], venue: int, venues: Sequence[Venue]) -> tuple[str, ...]:
    area_id, everywhere, areas = known
    at = [venues[venue]] if venue >= 0 else [venues[spot] for spot in everywhere]
    names = [area_id, *(v.district for v in at), *(v.town for v in at), *areas]
    return tuple(dict.fromkeys(area_key(name) for name in names if name))
