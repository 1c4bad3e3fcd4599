"""What the venues that share a postcode, sector, outcode, area, town or district have in common. Pure; for ``place_index``."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import numpy as np

from services_directory.nations import key
from services_directory.places import Point, miles_from, read_postcode
from services_directory.records import Venue

Level = Literal["district", "town", "area", "outcode", "sector", "postcode"]
_HUB_WORDS = ({"family", "hub"}, {"childrens", "centre"}, {"childrens", "center"})


class Facts(NamedTuple):
    """What a place takes from one venue: its id, its point, its town and district as written, and keys ("": none)."""

    id: str
    point: Point | None
    nation: str | None
    town: str
    district: str
    outcode: str
    town_written: str
    district_written: str


_COUNTED: tuple[str, ...] = ("nation", "town", "district", "outcode", "town_written", "district_written")
# Points are added up in whole parts of a degree (a tenth of a millimetre), so that taking one out leaves no rounding behind.
_PARTS = 10**9


@dataclass(frozen=True)
class Group:
    """The venues that share a postcode, sector, outcode, area, town or district, and what they have in common.

    It is counted, so that a change of one venue costs no more in a large town than in a hamlet. ``members``: in the order of
    their ids; ``counts``: how many say each value of ``_COUNTED``; ``located``: how many have a point, and the sum of these.
    """

    members: Sequence[Facts]
    counts: tuple[Counter[str | None], ...]
    located: tuple[int, int, int]

    @classmethod
    def of(cls, members: Sequence[Facts]) -> "Group":
        """Count ``members``, at least one."""
        points = [one.point for one in members if one.point]
        latitude, longitude = _whole(points)
        counts = tuple(Counter(map(attrgetter(name), members)) for name in _COUNTED)
        return cls(members, counts, (len(points), latitude, longitude))

    def with_change(self, members: Sequence[Facts], one: Facts, by: Literal[1, -1]) -> "Group":
        """Return the group with ``members``, in which there is one more (``by`` 1) or one less than here (-1)."""
        counts = tuple(counter.copy() for counter in self.counts)
        for counter, name in zip(counts, _COUNTED, strict=True):
            counter[getattr(one, name)] += by
        if one.point is None:
            return Group(members, counts, self.located)
        more = (1, *_whole([one.point]))
        count, latitude, longitude = (held + by * number for held, number in zip(self.located, more, strict=True))
        return Group(members, counts, (count, latitude, longitude))

    def _said(self, name: str) -> set[str]:
        return {value for value, count in self.counts[_COUNTED.index(name)].items() if value and count}

    @property
    def nations(self) -> set[str]:
        """The nations that are named."""
        return self._said("nation")

    @property
    def towns(self) -> set[str]:
        """The keys of the towns."""
        return self._said("town")

    @property
    def districts(self) -> set[str]:
        """The keys of the districts."""
        return self._said("district")

    @property
    def outcodes(self) -> set[str]:
        """The outcodes, in small letters."""
        return self._said("outcode")

    def name(self, level: Literal["town", "district"]) -> str:
        """Return what the place is called, without what stands in brackets."""
        names = self._said(f"{level}_written")
        return min(re.sub(r"\s*\(.*?\)", "", name) if "(" in name else name for name in names)

    @property
    def middle(self) -> Point | None:
        """The mean of the points."""
        count, latitude, longitude = self.located
        return (latitude / count / _PARTS, longitude / count / _PARTS) if count else None

    def middle_within(self, spread: float) -> Point | None:
        """Return the mean of the points, if none is further from it than so many miles."""
        middle = self.middle
        if middle is None:
            return None
        points = np.array([one.point for one in self.members if one.point])
        return None if miles_from(middle, points).max() > spread else middle


def _whole(points: Sequence[Point]) -> tuple[int, int]:
    """Return the sums of latitudes and longitudes in parts of a degree."""
    latitude, longitude = np.rint(np.array(points, dtype=np.float64).reshape(-1, 2) * _PARTS).astype(np.int64).sum(axis=0)
    return int(latitude), int(longitude)


def facts_of(venue: Venue) -> Facts:
    """Return what a place takes from the venue."""
    postcode = read_postcode(venue.postcode)
    located = venue.latitude is not None and venue.longitude is not None
    return Facts(
        venue.id,
        (venue.latitude or 0.0, venue.longitude or 0.0) if located else None,
        venue.nation,
        key(venue.town) if venue.town else "",
        key(venue.district) if venue.district else "",
        # Capitals and digits: folded they are the same in small letters.
        postcode.outcode.lower() if postcode else "",
        venue.town or "",
        venue.district or "",
    )


def groups_of(venue: Venue, facts: Facts) -> Iterator[tuple[Level, str]]:
    """Yield the level and key of each group that a venue is in."""
    if facts.town:
        yield "town", facts.town
    if facts.district:
        yield "district", facts.district
    postcode = read_postcode(venue.postcode)
    if postcode:
        yield "area", postcode.area.lower()
        yield "outcode", facts.outcode
        if postcode.incode:
            yield "sector", f"{facts.outcode} {postcode.incode[0]}"
            yield "postcode", f"{facts.outcode} {postcode.incode.lower()}"


def names_of(venue: Venue) -> list[str]:
    """Return the keys by which a venue may be asked for."""
    if venue.private:
        return []
    parts = key(venue.name).split()
    variants = [parts, parts[1:]] if parts[:1] == ["the"] else [parts]
    if venue.family_hub and set(parts[-2:]) in _HUB_WORDS:
        variants += [variant[:-2] for variant in variants]
    names = (" ".join(variant) for variant in variants)
    return [name for name in names if len(name) - name.count(" ") > 3]


_id = attrgetter("id")


def taken_out(held: list[Any], one: Any) -> list[Any]:
    """Return a list that is in the order of ids without the one of an id."""
    at = bisect_left(held, one.id, key=_id)
    return held[:at] + held[at + 1 :] if held[at : at + 1] == [one] else held


def put_in(held: list[Any], one: Any) -> list[Any]:
    """Return a list that is in the order of ids with one more."""
    at = bisect_left(held, one.id, key=_id)
    return [*held[:at], one, *held[at:]]
