"""Where somebody means: postcodes and place names in free text, and what the directory itself knows of the map.

Pure: no database, no network, no gazetteer. Distances come from the directory's own located postcodes, by a ladder:
the very postcode, its sector, its outcode, its area; or a town, district or hub that an address names.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from ruamel.yaml import YAML

from services_directory.records import Venue
from services_directory.text import ascii_digits, edits_allowed, within_edits, words

NATIONS_FILE = Path(__file__).parent / "data" / "nations.yml"
EARTH_RADIUS_MILES = 3958.8
# A town's addresses further apart than this are two towns of one name, or a mistake: then no middle is worth having.
TOWN_SPREAD_MILES = 15.0
# In words. Misspelt names are looked for only in shorter ones, and no further into a message than this many words.
LONGEST_NAME, LONGEST_MISSPELT, WORDS_READ = 6, 3, 120

Kind = Literal["postcode", "outcode", "town", "district", "hub", "venue", "nation"]
Precision = Literal["exact", "sector", "outcode", "town", "area"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Postcode:
    """A postcode or the first half of one, in capitals: ``ZZ1 2AB`` has outcode ``ZZ1``, sector ``ZZ1 2``, area ``ZZ``."""

    area: str
    outcode: str
    incode: str | None = None

    @property
    def sector(self) -> str | None:
        """The outcode and the digit after it."""
        return f"{self.outcode} {self.incode[0]}" if self.incode else None

    @property
    def full(self) -> str | None:
        """The whole postcode, if it was whole."""
        return f"{self.outcode} {self.incode}" if self.incode else None


@dataclass(frozen=True)
class Place:
    """Somewhere a parent means. ``name`` may be shown; for a postcode it is the outcode, which is all that is kept.

    ``precision``: what the point was worked out from (``None``: no point). ``within``: keys of all that it lies in;
    ``parts``: keys of what lies in it, or may.
    """

    kind: Kind
    name: str
    latitude: float | None
    longitude: float | None
    precision: Precision | None
    within: frozenset[str]
    parts: frozenset[str] = frozenset()

    @property
    def point(self) -> Point | None:
        """Latitude and longitude in degrees."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


def miles_between(one: Point, other: Point) -> float:
    """Return the straight-line distance in miles between two points given in degrees."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_MILES * math.asin(math.sqrt(half))


# ---- Postcodes in text ------------------------------------------------------------------------------------------------

# Not \b: in "ZZ1میں" the letter after the postcode is a word character too.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_OUTCODE = r"([A-Za-z]{1,2})\s?([0-9][0-9A-Za-z]?)"
_INCODE = r"([0-9][ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2})"
_FULL = re.compile(f"{_BEFORE}{_OUTCODE}\\s*{_INCODE}{_AFTER}")
# The letter O for the digit 0, only in capitals: "zz1 our group" is no postcode.
_LETTER_O = re.compile(f"{_BEFORE}([A-Z]{{1,2}}[0-9][0-9A-Z]?)\\s*O([ABD-HJLNP-UW-Z]{{2}}){_AFTER}")
_HALF = re.compile(f"{_BEFORE}([A-Za-z]{{1,2}})([0-9][0-9A-Za-z]?){_AFTER}")
_AGE_TAIL = re.compile(r"\s*-?\s*(old|olds|of age)\b", re.IGNORECASE)
_ORDINALS = {"1ST", "2ND", "3RD"} | {f"{digit}TH" for digit in "0456789"}
# Areas whose outcodes can end in a letter, as in W1A.
_LETTERED_AREAS = {"E", "EC", "N", "NW", "SE", "SW", "W", "WC"}
# The highest number in use of the areas that are one letter, so that E45 and N95 are not places.
_HIGHEST = {"B": 98, "E": 20, "G": 84, "L": 75, "M": 99, "N": 22, "S": 99, "W": 14}
_VITAMIN_BEFORE = re.compile(r"(vit|vitamin|vits|vitamins)\W*$", re.IGNORECASE)
_VITAMIN_AFTER = re.compile(r"\W*(vit|vitamin|deficien|inject|jab|supplement)", re.IGNORECASE)
_ROAD_BEFORE = re.compile(r"\bthe\s$", re.IGNORECASE)


def find_postcode(text: str) -> Postcode | None:
    """Return the first whole postcode in ``text``, else the first outcode, else ``None``.

    Areas that do not exist are read too (ZZ is the demonstration's), unless the letters are a common word or unit.
    """
    plain = ascii_digits(text)
    for match in _FULL.finditer(plain):
        found = _whole(plain, match)
        if found:
            return found
    mended = _LETTER_O.search(plain)
    if mended:
        area = re.match(r"[A-Z]+", mended[1])
        assert area is not None
        return Postcode(area[0], mended[1], f"0{mended[2]}")
    for match in _HALF.finditer(plain):
        if _is_outcode(plain, match):
            return Postcode(match[1].upper(), (match[1] + match[2]).upper())
    return None


def _whole(text: str, match: re.Match[str]) -> Postcode | None:
    area, number, incode = match[1].upper(), match[2].upper(), match[3].upper()
    if incode in _ORDINALS or (incode.endswith("YR") and _AGE_TAIL.match(text, match.end())):
        return None
    if number[-1].isalpha() and area in _known_areas() and area not in _LETTERED_AREAS:
        return None
    spaced_like_words = text[match.end(1)] == " " and match[1].islower() and area in _not_areas()
    return None if spaced_like_words else Postcode(area, area + number, incode)


def _is_outcode(text: str, match: re.Match[str]) -> bool:
    area, number = match[1].upper(), match[2].upper()
    before, after = text[: match.start()], text[match.end() :]
    if number[-1].isalpha() and area not in _LETTERED_AREAS:
        return False
    if len(area) == 1:
        if area not in _HIGHEST or int(re.sub(r"\D", "", number)) > _HIGHEST[area]:
            return False
        if _ROAD_BEFORE.search(before):
            return False
        return not (area == "B" and (_VITAMIN_BEFORE.search(before) or _VITAMIN_AFTER.match(after)))
    if area in _not_areas():
        # CH4 is Chester and Ch4 is television: only capitals decide, and only for areas that exist.
        return area in _known_areas() and match[1].isupper()
    return True


# ---- Nations ----------------------------------------------------------------------------------------------------------


@cache
def _nations() -> Mapping[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(NATIONS_FILE)
    return MappingProxyType(data)


@cache
def _known_areas() -> frozenset[str]:
    data = _nations()
    listed = (area for nation in data["nations"].values() for area in nation["postcode_areas"])
    return frozenset(listed) | frozenset(data["islands"])


@cache
def _not_areas() -> frozenset[str]:
    return frozenset(_nations()["not_areas"])


@cache
def _nation_names() -> Mapping[str, str]:
    data = _nations()
    groups = {**data["nations"], **data["whole"]}
    return {" ".join(words(name)): key for key, group in groups.items() for name in group["names"]}


@cache
def _nations_of_area(area: str) -> frozenset[str]:
    return frozenset(key for key, nation in _nations()["nations"].items() if area in nation["postcode_areas"])


def nations_of_postcode(postcode: Postcode) -> frozenset[str]:
    """Return the nations in which a postcode may lie: one, or two on a border."""
    return _nations_of_area(postcode.area)


def _with_wholes(nations: Iterable[str]) -> frozenset[str]:
    """Add the UK always, and Great Britain where every nation it might be is part of it."""
    keys = set(nations)
    members = _nations()["whole"]["great-britain"]["nations"]
    more = {"uk", "great-britain"} if keys and keys <= set(members) else {"uk"}
    return frozenset(keys | more)


def key(name: str) -> str:
    """Return what two ways to write the same place have in common: ``"The UK"`` and ``"uk"``, ``"ZZ1"`` and ``"zz1"``."""
    folded = " ".join(words(re.sub(r"\(.*?\)", " ", name)))
    return _nation_names().get(folded, folded)


# ---- The directory's own map -------------------------------------------------------------------------------------------

_HUB_WORDS = ({"family", "hub"}, {"childrens", "centre"}, {"childrens", "center"})


class _Group:
    """The venues that share a postcode, sector, outcode, area, town or district."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.towns: set[str] = set()
        self.districts: set[str] = set()
        self.nations: set[str] = set()
        self.outcodes: set[str] = set()
        self.names: set[str] = set()

    def add(self, venue: Venue, postcode: Postcode | None) -> None:
        if venue.latitude is not None and venue.longitude is not None:
            self.points.append((venue.latitude, venue.longitude))
        self.towns.update({key(venue.town)} if venue.town else ())
        self.districts.update({key(venue.district)} if venue.district else ())
        self.nations.update({venue.nation} if venue.nation else ())
        self.outcodes.update({key(postcode.outcode)} if postcode else ())

    def middle(self, *, spread: float | None = None) -> Point | None:
        if not self.points:
            return None
        count = len(self.points)
        point = sum(p[0] for p in self.points) / count, sum(p[1] for p in self.points) / count
        if spread is not None and max(miles_between(point, other) for other in self.points) > spread:
            return None
        return point


def read_postcode(text: str | None) -> Postcode | None:
    """Read a stored postcode, or half of one, by its shape alone. ``None`` if it is neither."""
    compact = re.sub(r"\s+", "", (text or "").upper())
    match = re.fullmatch(r"(([A-Z]{1,2})[0-9][0-9A-Z]?)([0-9][A-Z]{2})?", compact)
    return Postcode(match[2], match[1], match[3]) if match else None


class PlaceIndex:
    """All places that a directory knows of, from its own addresses. Build it anew when they change."""

    def __init__(self, venues: Iterable[Venue] = (), aliases: Iterable[tuple[str, str]] = (), areas: Iterable[str] = ()) -> None:
        """``aliases``: pairs of another name and the place it means. ``areas``: places that services say they serve."""
        self._groups: defaultdict[tuple[str, str], _Group] = defaultdict(_Group)
        venues = sorted(venues, key=lambda venue: venue.id)
        for venue in venues:
            self._add(venue)
        self._names: dict[str, Place] = {}
        self._name_nations()
        self._name_groups("district")
        self._name_groups("town")
        for area in areas:
            self._name_area(area)
        for venue in venues:
            self._name_venue(venue)
        for alias, place in aliases:
            self._name_alias(alias, place)
        self._misspellable: defaultdict[tuple[str, int], list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for name, known in self._names.items():
            # The first letter is hardly ever wrong; asking for it keeps ordinary words out.
            if known.kind != "nation" and name.count(" ") < LONGEST_MISSPELT:
                self._misspellable[name[0], len(name)].append((name, frozenset(name)))
        self.hubs = tuple(sorted({venue.name for venue in venues if venue.family_hub and not venue.private}))

    def _add(self, venue: Venue) -> None:
        postcode = read_postcode(venue.postcode)
        levels = [("town", venue.town), ("district", venue.district)]
        if postcode:
            levels += [("area", postcode.area), ("outcode", postcode.outcode)]
            levels += [("sector", postcode.sector), ("postcode", postcode.full)]
        for level, name in levels:
            if name:
                group = self._groups[level, key(name)]
                group.add(venue, postcode)
                group.names.add(re.sub(r"\s*\(.*?\)", "", name))

    def _name_nations(self) -> None:
        for name, nation in _nation_names().items():
            if nation in _nations()["nations"]:
                self._names[name] = Place("nation", nation, None, None, None, _with_wholes({nation}))

    def _name_groups(self, level: Literal["town", "district"]) -> None:
        for (kind, name), group in sorted(self._groups.items(), key=lambda item: item[0]):
            # A town that has its district's name is the district: nothing in the text could tell them apart.
            if kind == level and name not in self._names:
                self._names[name] = self._group_place(level, name, group)

    def _group_place(self, level: Literal["town", "district"], name: str, group: _Group) -> Place:
        point = group.middle(spread=TOWN_SPREAD_MILES if level == "town" else None)
        within = {name} | _with_wholes(group.nations)
        parts = group.outcodes | group.towns
        if level == "town":
            within |= group.districts
            within |= group.outcodes if len(group.outcodes) == 1 else set()
        precision: Precision = "town" if level == "town" else "area"
        return _place(level, min(group.names), point, precision, within, parts - within)

    def _name_area(self, area: str) -> None:
        name = key(area)
        if name and name not in self._names and name not in _nation_names().values() and not read_postcode(area):
            self._names[name] = Place("district", area, None, None, None, frozenset({name}) | _with_wholes(()))

    def _name_venue(self, venue: Venue) -> None:
        if venue.private:
            return
        parts = key(venue.name).split()
        variants = [parts, parts[1:] if parts[:1] == ["the"] else parts]
        if venue.family_hub and set(parts[-2:]) in _HUB_WORDS:
            variants += [variant[:-2] for variant in variants]
        place = self._venue_place(venue)
        for variant in variants:
            if len("".join(variant)) > 3:
                self._names.setdefault(" ".join(variant), place)

    def _venue_place(self, venue: Venue) -> Place:
        postcode = read_postcode(venue.postcode)
        around = self.at_postcode(postcode) if postcode else None
        within = set(around.within) if around else set(_with_wholes({venue.nation} if venue.nation else ()))
        within |= {key(name) for name in (venue.name, venue.town, venue.district) if name}
        located = venue.latitude is not None and venue.longitude is not None
        point = (venue.latitude or 0.0, venue.longitude or 0.0) if located else (around.point if around else None)
        precision = "exact" if located else (around.precision if around else None)
        return _place("hub" if venue.family_hub else "venue", venue.name, point, precision, within, ())

    def _name_alias(self, alias: str, name: str) -> None:
        place = self._names.get(key(name))
        if place:
            self._names.setdefault(" ".join(words(alias)), place)

    def at_postcode(self, postcode: Postcode) -> Place:
        """Return the place by the ladder. It may have no point, but always says what it lies within."""
        rungs: tuple[tuple[Precision, str, str | None], ...] = (
            ("exact", "postcode", postcode.full),
            ("sector", "sector", postcode.sector),
            ("outcode", "outcode", postcode.outcode),
            ("area", "area", postcode.area),
        )
        names = {key(name) for _, _, name in rungs if name}
        groups = [
            (precision, self._groups[level, key(name)])
            for precision, level, name in rungs
            if name and (level, key(name)) in self._groups
        ]
        located = next(((precision, group) for precision, group in groups if group.points), None)
        within, parts = self._around(groups)
        if not within & _nations()["nations"].keys():
            within |= _nations_of_area(postcode.area)
        within |= names | _with_wholes(within & _nations()["nations"].keys())
        kind: Kind = "postcode" if postcode.incode else "outcode"
        point = located[1].middle() if located else None
        return _place(kind, postcode.outcode, point, located[0] if located else None, within, parts - within)

    @staticmethod
    def _around(groups: list[tuple[Precision, _Group]]) -> tuple[set[str], set[str]]:
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
        return self._names.get(" ".join(words(name)))

    def nearly_named(self, name: str) -> Place | None:
        """Return the place whose name this is but for a wrong letter or two, if there is only one.

        Nations are left out ("walks" is not Wales), and so are names of fewer than six letters.
        """
        allowed = edits_allowed(name) if len(name) > 5 and name.count(" ") < LONGEST_MISSPELT else 0
        letters = frozenset(name)
        for edits in range(1, allowed + 1):
            found = {
                self._names[known].name: self._names[known]
                for length in range(len(name) - edits, len(name) + edits + 1)
                for known, known_letters in self._misspellable.get((name[0], length), ())
                # One edit changes at most two of the letters used: a quick way to be rid of most names.
                if len(letters ^ known_letters) <= 2 * edits <= 2 * edits_allowed(known) and within_edits(name, known, edits)
            }
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
        return None


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
