"""What the directory itself knows of the map, and the place that a parent's words speak of. No gazetteer, no network.

Distances come from the directory's own located postcodes, by a ladder: the very postcode, its sector, its outcode, its area; or
a town, district or hub that an address names.
"""

import copy
import math
from collections import ChainMap
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services_directory.nations import key, nation_data, nation_names
from services_directory.place_groups import Facts, Group, Level, facts_of, groups_of, names_of, put_in, taken_out
from services_directory.places import (
    Kind,
    Place,
    Point,
    Postcode,
    Precision,
    find_postcode,
    miles_between,
    nations_of_postcode,
    read_postcode,
    with_wholes,
)
from services_directory.records import Venue
from services_directory.text import edits_allowed, words
from services_directory.wording import WordList

# A town's addresses further apart than this are two towns of one name, or a mistake: then no middle is worth having.
TOWN_SPREAD_MILES = 15.0
# A pin takes what it lies in from the nearest known postcode, if one is this near.
PIN_MILES, PIN_DEGREES = 5.0, 0.1
# In words. Misspelt names are looked for only in shorter ones, and no further into a message than this many words.
LONGEST_NAME, LONGEST_MISSPELT, WORDS_READ = 6, 3, 120


_LEVELS: tuple[Level, ...] = ("district", "town", "area", "outcode", "sector", "postcode")


class PlaceIndex:
    """All places that a directory knows of, from its own addresses. ``with_changes`` gives what it is after an edit."""

    def __init__(
        self,
        venues: Iterable[Venue] = (),
        aliases: Iterable[tuple[str, str]] = (),
        areas: Iterable[str] = (),
        file_point: Callable[[str, str], Point | None] | None = None,
    ) -> None:
        """``aliases``: pairs of another name and the place it means. ``areas``: places that services say they serve.

        ``file_point``: the middle of the postcodes of an outcode that begin so, by a file of postcodes, if it knows them.
        """
        self._file_point = file_point
        self._aliases, self._areas = tuple(aliases), tuple(areas)
        members: dict[Level, dict[str, list[Facts]]] = {level: {} for level in _LEVELS}
        names: dict[str, list[Venue]] = {}
        self._groups: dict[tuple[Level, str], Group] = {}
        self._group_places: dict[tuple[Level, str], Place] = {}
        self._hubs: dict[str, str] = {}
        for venue in sorted(venues, key=lambda venue: venue.id):
            facts = facts_of(venue)
            for level, name in groups_of(venue, facts):
                members[level].setdefault(name, []).append(facts)
            for name in names_of(venue):
                names.setdefault(name, []).append(venue)
            if venue.family_hub and not venue.private:
                self._hubs[venue.id] = venue.name
        # What was changed lies over what was there, so that an edit copies no large dictionary. An empty list is as none.
        self._members = {level: ChainMap({}, held) for level, held in members.items()}
        self._venue_names = ChainMap({}, names)
        self._name_all()

    def with_changes(self, gone: Iterable[Venue], new: Iterable[Venue]) -> "PlaceIndex":
        """Return the index without some venues and with others; the one with an id that is in both has changed."""
        index = copy.copy(self)
        index._members = {level: ChainMap(dict(held.maps[0]), held.maps[1]) for level, held in self._members.items()}
        index._groups, index._group_places = dict(self._groups), dict(self._group_places)
        index._venue_names = ChainMap(dict(self._venue_names.maps[0]), self._venue_names.maps[1])
        index._hubs = dict(self._hubs)
        for venue in gone:
            index._change(venue, -1)
            index._hubs.pop(venue.id, None)
        for venue in new:
            index._change(venue, 1)
            if venue.family_hub and not venue.private:
                index._hubs[venue.id] = venue.name
        index._name_all()
        return index

    def _change(self, venue: Venue, by: Literal[1, -1]) -> None:
        """Put a venue into the lists that it belongs in (``by`` 1) or take it out (-1); count anew what was counted of them."""
        facts, changed = facts_of(venue), put_in if by == 1 else taken_out
        for level, name in groups_of(venue, facts):
            held = self._members[level].get(name, [])
            members = self._members[level][name] = changed(held, facts)
            if members is held:
                continue
            group = self._groups.pop((level, name), None)
            self._group_places.pop((level, name), None)
            if group is not None and members:
                self._groups[level, name] = group.with_change(members, facts, by)
        for name in names_of(venue):
            self._venue_names[name] = changed(self._venue_names.get(name, []), venue)

    @property
    def hubs(self) -> tuple[str, ...]:
        """The names of the Family Hubs."""
        return tuple(sorted(set(self._hubs.values())))

    def _group(self, level: Level, name: str) -> Group | None:
        found = self._groups.get((level, name))
        if found is None and (members := self._members[level].get(name)):
            found = self._groups[level, name] = Group.of(members)
        return found

    def _name_all(self) -> None:
        self._spellings: WordList | None = None
        self._on_map: tuple[list[str], NDArray[np.float64]] | None = None
        self._names: dict[str, Place] = {}
        for name, nation in nation_names().items():
            if nation in nation_data()["nations"]:
                self._names[name] = Place("nation", nation, None, None, None, with_wholes({nation}))
        # A town that has its district's name is the district: nothing in the text could tell them apart.
        for level in ("district", "town"):
            for name, members in self._members[level].items():
                if members and name not in self._names:
                    self._names[name] = self._group_place(level, name)
        for area in self._areas:
            self._name_area(area)
        for alias, place in self._aliases:
            self._name_alias(alias, place)

    def _group_place(self, level: Literal["town", "district"], name: str) -> Place:
        if (level, name) in self._group_places:
            return self._group_places[level, name]
        group = self._group(level, name)
        assert group is not None
        point = group.middle_within(TOWN_SPREAD_MILES) if level == "town" else group.middle
        within = {name} | with_wholes(group.nations)
        parts = group.outcodes | group.towns
        if level == "town":
            within |= group.districts
            within |= group.outcodes if len(group.outcodes) == 1 else set()
        precision: Precision = "town" if level == "town" else "area"
        found = self._group_places[level, name] = _place(level, group.name(level), point, precision, within, parts - within)
        return found

    def _name_area(self, area: str) -> None:
        name = key(area)
        if name and name not in self._names and name not in nation_names().values() and not read_postcode(area):
            self._names[name] = Place("district", area, None, None, None, frozenset({name}) | with_wholes(()))

    def _venue_place(self, venue: Venue) -> Place:
        postcode = read_postcode(venue.postcode)
        around = self.at_postcode(postcode) if postcode else None
        within = set(around.within) if around else set(with_wholes({venue.nation} if venue.nation else ()))
        within |= {key(name) for name in (venue.name, venue.town, venue.district) if name}
        located = venue.latitude is not None and venue.longitude is not None
        point = (venue.latitude or 0.0, venue.longitude or 0.0) if located else (around.point if around else None)
        precision = "exact" if located else (around.precision if around else None)
        return _place("hub" if venue.family_hub else "venue", venue.name, point, precision, within, ())

    def _name_alias(self, alias: str, name: str) -> None:
        place = self._known(key(name))
        if place and self._known(" ".join(words(alias))) is None:
            self._names[" ".join(words(alias))] = place

    def _known(self, name: str) -> Place | None:
        # The place of a venue is worked out when somebody asks for it: there are very many venues.
        if name not in self._names and (venues := self._venue_names.get(name)):
            self._names[name] = self._venue_place(venues[0])
        return self._names.get(name)

    def with_areas(self, areas: Iterable[str]) -> "PlaceIndex":
        """Return the index with these places that services say they serve, instead of those it has."""
        index = copy.copy(self)
        index._areas = tuple(areas)
        index._name_all()
        return index

    def at_point(self, latitude: float, longitude: float) -> Place:
        """Return the place of a pin on a map: it lies in what the nearest known postcode within a few miles lies in.

        Raises ``ValueError`` for a point that is nowhere on the globe.
        """
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError("a pin is at a latitude from -90 to 90 and a longitude from -180 to 180")
        nearest = self._nearest_postcode((latitude, longitude))
        around = self.at_postcode(nearest) if nearest else None
        within = around.within if around else with_wholes(())
        return _place(
            "pin", around.name if around else "", (latitude, longitude), "exact", within, around.parts if around else ()
        )

    def _nearest_postcode(self, point: Point) -> Postcode | None:
        names, points = self._located_postcodes()
        close = (np.abs(points - np.array(point)) < (PIN_DEGREES, 2 * PIN_DEGREES)).all(axis=1)
        apart = [(miles_between(point, (points[at, 0], points[at, 1])), names[at]) for at in np.flatnonzero(close)]
        miles, name = min(apart, default=(math.inf, ""))
        return read_postcode(name) if miles <= PIN_MILES else None

    def _located_postcodes(self) -> tuple[list[str], NDArray[np.float64]]:
        """Return the postcodes of which a venue is located, and where the first of each is. Worked out when first asked for."""
        if self._on_map is None:
            first = {
                name: next((one.point for one in held if one.point), None) for name, held in self._members["postcode"].items()
            }
            known = {name: point for name, point in first.items() if point is not None}
            self._on_map = list(known), np.array(list(known.values()), dtype=np.float64).reshape(len(known), 2)
        return self._on_map

    def at_postcode(self, postcode: Postcode) -> Place:
        """Return the place by the ladder. It may have no point, but always says what it lies within."""
        rungs: tuple[tuple[Precision, Level, str | None], ...] = (
            ("exact", "postcode", postcode.full),
            ("sector", "sector", postcode.sector),
            ("outcode", "outcode", postcode.outcode),
            ("area", "area", postcode.area),
        )
        names = {key(name) for _, _, name in rungs if name}
        known = ((precision, self._group(level, key(name))) for precision, level, name in rungs if name)
        groups = [(precision, group) for precision, group in known if group is not None]
        located = self._located(postcode, groups)
        within, parts = self._around(groups)
        if not within & nation_data()["nations"].keys():
            within |= nations_of_postcode(postcode)
        within |= names | with_wholes(within & nation_data()["nations"].keys())
        kind: Kind = "postcode" if postcode.incode else "outcode"
        precision, point = located or (None, None)
        return _place(kind, postcode.outcode, point, precision, within, parts - within)

    def _located(self, postcode: Postcode, groups: list[tuple[Precision, Group]]) -> tuple[Precision, Point] | None:
        """Return the finest point known: at each rung by the file of postcodes, if there is one, else by our own venues."""
        incode = postcode.incode or ""
        asked: dict[Precision, str | None] = {"exact": incode or None, "sector": incode[:1] or None, "outcode": "", "area": None}
        own = {precision: group.middle for precision, group in groups}
        for precision, begins in asked.items():
            by_file = self._file_point(postcode.outcode, begins) if self._file_point and begins is not None else None
            point = by_file or own.get(precision)
            if point:
                return precision, point
        return None

    @staticmethod
    def _around(groups: list[tuple[Precision, Group]]) -> tuple[set[str], set[str]]:
        """Return what the nearest known neighbours lie in, as far as they agree, and what may be here too."""
        if not groups:
            return set(), set()
        precision, group = groups[0]
        if precision == "area":
            # An area is too wide to guess the district from: only the nation, if all its neighbours agree.
            return (set(group.nations) if len(group.nations) == 1 else set()), set()
        within = group.districts | group.nations
        within |= group.towns if len(group.towns) == 1 else set()
        return within, set(group.towns)

    def named(self, name: str) -> Place | None:
        """Return the place of exactly this name (case and accents do not matter)."""
        return self._known(" ".join(words(name)))

    def nearly_named(self, name: str) -> Place | None:
        """Return the place whose name this is but for a wrong letter or two, if there is only one.

        Nations are left out ("walks" is not Wales), and so are names of fewer than six letters.
        """
        if len(name) <= 5 or name.count(" ") >= LONGEST_MISSPELT or not edits_allowed(name):
            return None
        if self._spellings is None:
            nations = {known for known, place in self._names.items() if place.kind == "nation"}
            names = {*self._names, *(known for known, held in self._venue_names.items() if held)} - nations
            self._spellings = WordList(known for known in names if known.count(" ") < LONGEST_MISSPELT)
        edits, near = self._spellings.near(name)
        places = [place for known in near if edits <= edits_allowed(known) and (place := self._known(known)) is not None]
        found = {place.name: place for place in places}
        return next(iter(found.values())) if len(found) == 1 else None


def _place(
    kind: Kind, name: str, point: Point | None, precision: Precision | None, within: Iterable[str], parts: Iterable[str]
) -> Place:
    latitude, longitude = point if point else (None, None)
    return Place(kind, name, latitude, longitude, precision if point else None, frozenset(within), frozenset(parts))


def find_place(text: str, index: PlaceIndex) -> Place | None:
    """Return the place that ``text`` speaks of, or ``None``.

    A postcode comes first; then the longest known name (town, district, hub, nation, or an alias); then a known name
    with a letter or two wrong.
    """
    postcode = find_postcode(text)
    if postcode:
        return index.at_postcode(postcode)
    found = words(text)[:WORDS_READ]
    phrases = dict.fromkeys(
        " ".join(found[start : start + length])
        for length in range(min(LONGEST_NAME, len(found)), 0, -1)
        for start in range(len(found) - length + 1)
    )
    for search in (index.named, index.nearly_named):
        for phrase in phrases:
            place = search(phrase)
            if place:
                return place
    return None
