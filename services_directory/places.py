"""Where somebody means: postcodes and place names in free text, and what the directory itself knows of the map.

Pure: no database, no network, no gazetteer. Distances come from the directory's own located postcodes, by a ladder:
the very postcode, its sector, its outcode, its area; or a town, district or hub that an address names.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from services_directory.nations import key, nation_data, nation_names
from services_directory.records import Venue
from services_directory.text import ascii_digits, edits_allowed, words
from services_directory.wording import WordList

EARTH_RADIUS_MILES = 3958.8
# A town's addresses further apart than this are two towns of one name, or a mistake: then no middle is worth having.
TOWN_SPREAD_MILES = 15.0
# A pin takes what it lies in from the nearest known postcode, if one is this near.
PIN_MILES, PIN_DEGREES = 5.0, 0.1
# In words. Misspelt names are looked for only in shorter ones, and no further into a message than this many words.
LONGEST_NAME, LONGEST_MISSPELT, WORDS_READ = 6, 3, 120

Kind = Literal["postcode", "outcode", "town", "district", "hub", "venue", "nation", "pin"]
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
def _known_areas() -> frozenset[str]:
    data = nation_data()
    listed = (area for nation in data["nations"].values() for area in nation["postcode_areas"])
    return frozenset(listed) | frozenset(data["islands"])


@cache
def _not_areas() -> frozenset[str]:
    return frozenset(nation_data()["not_areas"])


@cache
def _nations_of_area(area: str) -> frozenset[str]:
    return frozenset(key for key, nation in nation_data()["nations"].items() if area in nation["postcode_areas"])


def nations_of_postcode(postcode: Postcode) -> frozenset[str]:
    """Return the nations in which a postcode may lie: one, or two on a border."""
    return _nations_of_area(postcode.area)


def _with_wholes(nations: Iterable[str]) -> frozenset[str]:
    """Add the UK always, and Great Britain where every nation it might be is part of it."""
    keys = set(nations)
    members = nation_data()["whole"]["great-britain"]["nations"]
    more = {"uk", "great-britain"} if keys and keys <= set(members) else {"uk"}
    return frozenset(keys | more)


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

    def add(self, point: Point | None, town: str, district: str, nation: str | None, outcode: str) -> None:
        """Add what is known of one venue: keys of its town, district and outcode, "" where there is none."""
        if point:
            self.points.append(point)
        if town:
            self.towns.add(town)
        if district:
            self.districts.add(district)
        if nation:
            self.nations.add(nation)
        if outcode:
            self.outcodes.add(outcode)

    def middle(self, *, spread: float | None = None) -> Point | None:
        if not self.points:
            return None
        count = len(self.points)
        point = sum(p[0] for p in self.points) / count, sum(p[1] for p in self.points) / count
        if spread is not None and max(miles_between(point, other) for other in self.points) > spread:
            return None
        return point


@lru_cache(maxsize=300_000)
def read_postcode(text: str | None) -> Postcode | None:
    """Read a stored postcode, or half of one, by its shape alone. ``None`` if it is neither."""
    compact = re.sub(r"\s+", "", (text or "").upper())
    match = re.fullmatch(r"(([A-Z]{1,2})[0-9][0-9A-Z]?)([0-9][A-Z]{2})?", compact)
    return Postcode(match[2], match[1], match[3]) if match else None


def _finer(postcode: Postcode) -> list[tuple[str, str]]:
    assert postcode.sector
    assert postcode.full
    return [("sector", postcode.sector), ("postcode", postcode.full)]


class PlaceIndex:
    """All places that a directory knows of, from its own addresses. Build it anew when they change."""

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
        self._venue_names: dict[str, Venue] = {}
        for venue in venues:
            self._name_venue(venue)
        for alias, place in aliases:
            self._name_alias(alias, place)
        self._spellings: WordList | None = None
        self.hubs = tuple(sorted({venue.name for venue in venues if venue.family_hub and not venue.private}))

    def _add(self, venue: Venue) -> None:
        postcode = read_postcode(venue.postcode)
        town = key(venue.town) if venue.town else ""
        district = key(venue.district) if venue.district else ""
        levels = [("town", venue.town, town), ("district", venue.district, district)]
        outcode = ""
        if postcode:
            # Capitals and digits: folded they are the same in small letters.
            outcode = postcode.outcode.lower()
            levels += [("area", postcode.area, postcode.area.lower()), ("outcode", postcode.outcode, outcode)]
            if postcode.incode:
                levels += [(level, name, name.lower()) for level, name in _finer(postcode)]
        known = venue.latitude is not None and venue.longitude is not None
        point = (venue.latitude or 0.0, venue.longitude or 0.0) if known else None
        for level, name, folded in levels:
            if name:
                group = self._groups[level, folded]
                group.add(point, town, district, venue.nation, outcode)
                group.names.add(re.sub(r"\s*\(.*?\)", "", name) if "(" in name else name)

    def _name_nations(self) -> None:
        for name, nation in nation_names().items():
            if nation in nation_data()["nations"]:
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
        if name and name not in self._names and name not in nation_names().values() and not read_postcode(area):
            self._names[name] = Place("district", area, None, None, None, frozenset({name}) | _with_wholes(()))

    def _name_venue(self, venue: Venue) -> None:
        if venue.private:
            return
        parts = key(venue.name).split()
        variants = [parts, parts[1:] if parts[:1] == ["the"] else parts]
        if venue.family_hub and set(parts[-2:]) in _HUB_WORDS:
            variants += [variant[:-2] for variant in variants]
        for variant in variants:
            name = " ".join(variant)
            # Its place is worked out when somebody asks for it: there are very many venues.
            if len(name) - name.count(" ") > 3 and name not in self._names:
                self._venue_names.setdefault(name, venue)

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
        place = self._known(key(name))
        if place and self._known(" ".join(words(alias))) is None:
            self._names[" ".join(words(alias))] = place

    def _known(self, name: str) -> Place | None:
        if name not in self._names and name in self._venue_names:
            self._names[name] = self._venue_place(self._venue_names[name])
        return self._names.get(name)

    def add_areas(self, areas: Iterable[str]) -> None:
        """Know of further places that services say they serve."""
        for area in areas:
            if self._known(key(area)) is None:
                self._name_area(area)
                self._spellings = None

    def at_point(self, latitude: float, longitude: float) -> Place:
        """Return the place of a pin on a map: it lies in what the nearest known postcode within a few miles lies in.

        Raises ``ValueError`` for a point that is nowhere on the globe.
        """
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError("a pin is at a latitude from -90 to 90 and a longitude from -180 to 180")
        nearest = self._nearest_postcode((latitude, longitude))
        around = self.at_postcode(nearest) if nearest else None
        within = around.within if around else _with_wholes(())
        return _place(
            "pin", around.name if around else "", (latitude, longitude), "exact", within, around.parts if around else ()
        )

    def _nearest_postcode(self, point: Point) -> Postcode | None:
        close = [
            (miles_between(point, other), name)
            for (level, name), group in self._groups.items()
            if level == "postcode"
            for other in group.points[:1]
            if abs(other[0] - point[0]) < PIN_DEGREES and abs(other[1] - point[1]) < 2 * PIN_DEGREES
        ]
        miles, name = min(close, default=(math.inf, ""))
        return read_postcode(name) if miles <= PIN_MILES else None

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
        located = self._located(postcode, groups)
        within, parts = self._around(groups)
        if not within & nation_data()["nations"].keys():
            within |= _nations_of_area(postcode.area)
        within |= names | _with_wholes(within & nation_data()["nations"].keys())
        kind: Kind = "postcode" if postcode.incode else "outcode"
        precision, point = located or (None, None)
        return _place(kind, postcode.outcode, point, precision, within, parts - within)

    def _located(self, postcode: Postcode, groups: list[tuple[Precision, _Group]]) -> tuple[Precision, Point] | None:
        """Return the finest point known: at each rung by the file of postcodes, if there is one, else by our own venues."""
        incode = postcode.incode or ""
        asked: dict[Precision, str | None] = {"exact": incode or None, "sector": incode[:1] or None, "outcode": "", "area": None}
        own = {precision: group.middle() for precision, group in groups}
        for precision, begins in asked.items():
            by_file = self._file_point(postcode.outcode, begins) if self._file_point and begins is not None else None
            point = by_file or own.get(precision)
            if point:
                return precision, point
        return None

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
        return self._known(" ".join(words(name)))

    def nearly_named(self, name: str) -> Place | None:
        """Return the place whose name this is but for a wrong letter or two, if there is only one.

        Nations are left out ("walks" is not Wales), and so are names of fewer than six letters.
        """
        if len(name) <= 5 or name.count(" ") >= LONGEST_MISSPELT or not edits_allowed(name):
            return None
        if self._spellings is None:
            nations = {known for known, place in self._names.items() if place.kind == "nation"}
            self._spellings = WordList(
                known for known in {*self._names, *self._venue_names} - nations if known.count(" ") < LONGEST_MISSPELT
            )
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
