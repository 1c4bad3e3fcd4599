"""Services as columns of numbers, for ``arrays`` to search. Built from raw rows; never changed afterwards.

Rows are services. A "spot" is a service at a venue. Words are indexed apart (``postings``), when they are first needed.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services_directory.loading import Raw, Row, as_date, ordinal, plain
from services_directory.models import LEVELS, MODES
from services_directory.nations import key
from services_directory.occurrences import ALWAYS, NEVER, Ints, Schedules
from services_directory.places import read_postcode
from services_directory.records import Cost, Venue
from services_directory.schedule_columns import schedule_columns

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
    cells: NDArray[np.int64]  # in which there are spots, in order
    cell_start: Ints  # of each cell in the spots, and the end
    spot_xyz: Floats  # on the unit sphere, of shape (n, 3); NaN where not located
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


def _starts(owners: Ints, count: int) -> Ints:
    """Return where each owner's part begins in a list sorted by owner, and the end."""
    return np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)


def build_columns(raw: Raw, venues: Sequence[Venue]) -> Columns:
    """Build the columns. ``venues``: all physical locations that the rows may refer to, by id: so of two equally near one
    comes first."""
    venue_at = {venue.id: at for at, venue in enumerate(venues)}
    raw = replace(raw, services=_by_place(raw, venue_at, venues))
    ids = [row[0] for row in raw.services]
    row_of = {service_id: at for at, service_id in enumerate(ids)}
    names = [plain(row[1]) for row in raw.services]
    count = len(ids)
    order = np.empty(count, dtype=np.int64)
    order[[at for *_, at in sorted(zip(names, ids, range(count), strict=True))]] = np.arange(count)
    links = [(row_of[owner], link, venue_at[place]) for owner, link, place in raw.links if owner in row_of and place in venue_at]
    modes = np.zeros(count, dtype=np.uint8)
    mode_bit = {mode: 1 << at for at, mode in enumerate(MODES)}
    owners = _rows_of(raw.modes, row_of)
    np.bitwise_or.at(modes, owners, np.array([mode_bit[row[1]] for row in raw.modes if row[0] in row_of], dtype=np.uint8))
    areas = _postings(((row_of[owner], key(plain(name))) for owner, name in raw.areas if owner in row_of))
    has_areas = np.zeros(count, dtype=bool)
    for rows in areas.values():
        has_areas[rows] = True
    free, dated = _free(raw.costs, row_of, count)
    timetable = schedule_columns(raw, row_of, venue_at, venues, links)
    return Columns(
        ids=ids,
        names=names,
        row_of=row_of,
        order=order,
        level=np.array([LEVELS.index(row[3]) for row in raw.services], dtype=np.uint8),
        age_low=np.array([NO_AGE_LOW if row[4] is None else row[4] for row in raw.services], dtype=np.int16),
        age_high=np.array([NO_AGE_HIGH if row[5] is None else row[5] for row in raw.services], dtype=np.int16),
        interpreter=np.array([bool(row[6]) for row in raw.services], dtype=bool),
        visible_from=np.array([ordinal(row[7], NEVER) for row in raw.services], dtype=np.int64),
        visible_to=np.array([ordinal(row[8], ALWAYS) for row in raw.services], dtype=np.int64),
        ends=timetable.ends,
        checked=np.array([ordinal(row[9], NEVER) for row in raw.services], dtype=np.int64),
        modes=modes,
        free=free,
        dated_costs=dated,
        needs=_postings((row_of[owner], code) for owner, code in raw.needs if owner in row_of),
        languages=_postings((row_of[owner], code.lower().split("-")[0]) for owner, code in raw.languages if owner in row_of),
        areas=areas,
        has_areas=has_areas,
        **_spots(links, venues, count),
        venue_ids=[venue.id for venue in venues],
        venue_keys=_venue_keys(venues),
        venue_access=tuple(venue.access for venue in venues),
        schedules=timetable.schedules,
        schedule_row=timetable.row,
        schedule_venue=timetable.venue,
        schedule_start=_starts(timetable.row, count),
    )


def _by_place(raw: Raw, venue_at: Mapping[str, int], venues: Sequence[Venue]) -> list[Row]:
    """Return the services in the order of the cells of the map that they are in: neighbours are looked at together."""
    cell_of_venue = cells(*_points(venues)).tolist()
    cell_of = {owner: cell_of_venue[venue_at[place]] for owner, _, place in raw.links if place in venue_at}
    return sorted(raw.services, key=lambda row: cell_of.get(row[0], -1))


def _points(venues: Sequence[Venue]) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes, NaN where there is none."""
    points = [
        (math.nan, math.nan) if venue.latitude is None or venue.longitude is None else (venue.latitude, venue.longitude)
        for venue in venues
    ]
    latitude, longitude = np.array(points, dtype=np.float64).reshape(len(points), 2).T
    return latitude, longitude


def _rows_of(rows: Iterable[Row], row_of: Mapping[str, int]) -> Ints:
    return np.array([row_of[row[0]] for row in rows if row[0] in row_of], dtype=np.int64)


def _postings(pairs: Iterable[tuple[int, str]]) -> dict[str, Ints]:
    lists: defaultdict[str, list[int]] = defaultdict(list)
    for row, name in pairs:
        lists[name].append(row)
    return {name: np.unique(np.array(rows, dtype=np.int64)) for name, rows in lists.items()}


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
            Cost(None if amount is None else Decimal(amount), "GBP", None, as_date(begin), as_date(end))
            for _, amount, begin, end in found
        )
        for row, found in dated.items()
    }


def _spots(links: Sequence[tuple[int, str, int]], venues: Sequence[Venue], count: int) -> dict[str, Any]:
    kept = np.array([(row, venue) for row, _, venue in sorted(links)], dtype=np.int64).reshape(len(links), 2)
    row, venue = kept[:, 0].copy(), kept[:, 1].copy()
    latitude, longitude = _points(venues)
    cell = cells(latitude, longitude)[venue] if len(row) else np.zeros(0, dtype=np.int64)
    sorting = np.argsort(cell, kind="stable")
    row, venue, cell = row[sorting], venue[sorting], cell[sorting]
    by_row, by_venue = (np.argsort(owner, kind="stable").astype(np.int64) for owner in (row, venue))
    return {
        "spot_row": row,
        "spot_venue": venue,
        "spot_rank": sorting.astype(np.int64),
        "cells": np.unique(cell),
        "cell_start": np.append(np.unique(cell, return_index=True)[1], len(cell)).astype(np.int64),
        "spot_xyz": on_sphere(latitude, longitude)[venue] if len(row) else np.zeros((0, 3)),
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
    """Return the points on the unit sphere, of shape (n, 3)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _venue_keys(venues: Sequence[Venue]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for at, venue in enumerate(venues):
        for name in {key(name) for name in (venue.name, venue.town, venue.district) if name}:
            found[name].append(at)
        postcode = read_postcode(venue.postcode)
        if postcode:
            found[f"outcode {postcode.outcode}"].append(at)
    return dict(found)
