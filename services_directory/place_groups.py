"""What the venues that share a postcode, sector, outcode, area, town or district have in common. Pure; for ``place_index``."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from services_directory.nations import key
from services_directory.places import Point, miles_between, read_postcode
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


class Group:
    """The venues that share a postcode, sector, outcode, area, town or district. What they share is worked out when asked for."""

    def __init__(self, members: Sequence[Facts]) -> None:
        """``members``: at least one, in the order of their ids."""
        self._members = members
        self.nations = {one.nation for one in members if one.nation}
        self.towns = {one.town for one in members if one.town}
        self.districts = {one.district for one in members if one.district}
        self.outcodes = {one.outcode for one in members if one.outcode}
        self.points = [one.point for one in members if one.point]

    def name(self, level: Literal["town", "district"]) -> str:
        """Return what the place is called, without what stands in brackets."""
        names = {one.town_written if level == "town" else one.district_written for one in self._members}
        return min(re.sub(r"\s*\(.*?\)", "", name) if "(" in name else name for name in names)

    @cached_property
    def middle(self) -> Point | None:
        """The mean of the points."""
        if not self.points:
            return None
        count = len(self.points)
        return sum(p[0] for p in self.points) / count, sum(p[1] for p in self.points) / count

    def middle_within(self, spread: float) -> Point | None:
        """Return the mean of the points, if none is further from it than so many miles."""
        middle = self.middle
        if middle is None or max(miles_between(middle, other) for other in self.points) > spread:
            return None
        return middle


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
