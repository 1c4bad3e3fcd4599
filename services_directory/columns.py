"""Services as columns of numbers, for ``arrays`` to search. Built from raw rows; never changed afterwards.

Rows are services. A "spot" is a service at a venue. Words are indexed apart (``postings``), when they are first needed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services_directory.loading import Raw, Row, as_date, ordinal, plain
from services_directory.models import LEVELS, MODES
from services_directory.nations import key
from services_directory.numbering import column, looked_up, order_of, owner_of, postings, starts, worked_out
from services_directory.occurrences import ALWAYS, NEVER, Ints, Schedules
from services_directory.places import read_postcode
from services_directory.records import Cost, Venue
from services_directory.schedule_columns import Links, links_of, schedule_columns

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
    venue_keys: Mapping[str, Ints]  # names, towns and districts, folded; and outcodes after "outcode "
    venue_access: tuple[tuple[str, ...], ...]
    schedules: Schedules
    schedule_row: Ints
    schedule_venue: Ints  # -1 at all venues
    schedule_start: Ints  # of each row, and the end
    cache: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many services there are."""
        return len(self.ids)


def build_columns(raw: Raw, venues: Sequence[Venue]) -> Columns:
    """Build the columns. ``venues``: all physical locations that the rows may refer to, by id: so of two equally near one
    comes first."""
    venue_at = {venue.id: at for at, venue in enumerate(venues)}
    points = _points(venues)
    raw, row_of = _by_place(raw, venue_at, cells(*points))
    names, count = list(map(plain, column(raw.services, 1))), len(row_of)
    links = links_of(raw, row_of, venue_at)
    areas = postings(looked_up(map(owner_of, raw.areas), row_of), map(key, map(plain, column(raw.areas, 1))), count)
    has_areas = np.zeros(count, dtype=bool)
    for rows in areas.values():
        has_areas[rows] = True
    free, dated = _free(raw.costs, row_of, count)
    timetable = schedule_columns(raw, row_of, venues, links)
    return Columns(
        ids=list(column(raw.services, 0)),
        names=names,
        row_of=row_of,
        order=_alphabetical(raw.services, names),
        **_of_services(raw.services),
        ends=timetable.ends,
        modes=_modes(raw.modes, row_of, count),
        free=free,
        dated_costs=dated,
        needs=postings(looked_up(map(owner_of, raw.needs), row_of), column(raw.needs, 1), count),
        languages=postings(looked_up(map(owner_of, raw.languages), row_of), map(_base, column(raw.languages, 1)), count),
        areas=areas,
        has_areas=has_areas,
        **_spots(links, points, count),
        venue_ids=[venue.id for venue in venues],
        venue_keys=_venue_keys(venues),
        venue_access=tuple(venue.access for venue in venues),
        schedules=timetable.schedules,
        schedule_row=timetable.row,
        schedule_venue=timetable.venue,
        schedule_start=starts(timetable.row, count),
    )


def _by_place(raw: Raw, venue_at: Mapping[str, int], cell_of_venue: Ints) -> tuple[Raw, dict[str, int]]:
    """Return the services in the order of the cells of the map that they are in, for neighbours are looked at together; and
    the number of each."""
    came_at = {service_id: at for at, service_id in enumerate(column(raw.services, 0))}
    owner, venue = looked_up(map(owner_of, raw.links), came_at), looked_up(column(raw.links, 2), venue_at)
    known = (owner >= 0) & (venue >= 0)
    cell = np.full(len(came_at), -1, dtype=np.int64)
    cell[owner[known]] = cell_of_venue[venue[known]]
    order = np.argsort(cell, kind="stable")
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    # In the order in which the database has them, which other tables mostly follow: so a look finds its neighbour's at hand.
    row_of = dict(zip(came_at, numbers.tolist(), strict=True))
    return replace(raw, services=list(map(raw.services.__getitem__, order.tolist()))), row_of


def _points(venues: Sequence[Venue]) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes, NaN where there is none."""
    points = [
        (math.nan, math.nan) if venue.latitude is None or venue.longitude is None else (venue.latitude, venue.longitude)
        for venue in venues
    ]
    latitude, longitude = np.array(points, dtype=np.float64).reshape(len(points), 2).T
    return latitude, longitude


def _alphabetical(services: Sequence[Row], names: Sequence[str]) -> Ints:
    """Return the place of each service when sorted by name and id."""
    # No name has a sign as low as the one between.
    sorted_rows = order_of([f"{name}\0{service_id}" for name, service_id in zip(names, column(services, 0), strict=True)])
    order = np.empty(len(names), dtype=np.int64)
    order[sorted_rows] = np.arange(len(names))
    return order


def _of_services(services: Sequence[Row]) -> dict[str, Any]:
    """Return the columns that are a field of a service each."""
    return {
        "level": worked_out(column(services, 3), LEVELS.index).astype(np.uint8),
        "age_low": worked_out(column(services, 4), lambda age: NO_AGE_LOW if age is None else age).astype(np.int16),
        "age_high": worked_out(column(services, 5), lambda age: NO_AGE_HIGH if age is None else age).astype(np.int16),
        "interpreter": np.fromiter(map(bool, column(services, 6)), dtype=bool),
        "visible_from": worked_out(column(services, 7), lambda day: ordinal(day, NEVER)),
        "visible_to": worked_out(column(services, 8), lambda day: ordinal(day, ALWAYS)),
        "checked": worked_out(column(services, 9), lambda day: ordinal(day, NEVER)),
    }


def _modes(rows: Sequence[Row], row_of: Mapping[str, int], count: int) -> NDArray[np.uint8]:
    owners, bits = looked_up(map(owner_of, rows), row_of), {mode: 1 << at for at, mode in enumerate(MODES)}
    modes = np.zeros(count, dtype=np.uint8)
    known = owners >= 0
    np.bitwise_or.at(modes, owners[known], looked_up(column(rows, 1), bits)[known].astype(np.uint8))
    return modes


def _base(code: str) -> str:
    return code.lower().split("-")[0]


def _free(costs: Sequence[Row], row_of: Mapping[str, int], count: int) -> tuple[NDArray[np.uint8], dict[int, tuple[Cost, ...]]]:
    rows = looked_up(map(owner_of, costs), row_of)
    has_price = worked_out(column(costs, 1), lambda amount: amount is None or float(amount) != 0) != 0
    has_days = np.array([begin is not None or end is not None for _, _, begin, end in costs], dtype=bool)
    known = rows >= 0
    free = np.zeros(count, dtype=np.uint8)
    free[rows[known]] = 1
    free[rows[known & has_price]] = 0
    depends = np.unique(rows[known & has_days])
    free[depends] = 2
    dated: defaultdict[int, list[Cost]] = defaultdict(list)
    for at in np.flatnonzero(np.isin(rows, depends)).tolist():
        _, amount, begin, end = costs[at]
        price = None if amount is None else Decimal(amount)
        dated[int(rows[at])].append(Cost(price, "GBP", None, as_date(begin), as_date(end)))
    return free, {row: tuple(found) for row, found in dated.items()}


def _spots(links: Links, points: tuple[Floats, Floats], count: int) -> dict[str, Any]:
    latitude, longitude = points
    row, venue = links.row, links.venue
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
        "spots_start": starts(row[by_row], count),
        "spots_by_venue": by_venue,
        "venue_start": starts(venue[by_venue], len(latitude)),
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


def _venue_keys(venues: Sequence[Venue]) -> dict[str, Ints]:
    postcodes = map(read_postcode, (venue.postcode for venue in venues))
    keys = chain(
        (key(venue.name) for venue in venues),
        (key(venue.town or "") for venue in venues),
        (key(venue.district or "") for venue in venues),
        (f"outcode {postcode.outcode}" if postcode else "" for postcode in postcodes),
    )
    found = postings(np.tile(np.arange(len(venues)), 4), keys, len(venues))
    found.pop("", None)
    return found
