"""Places, and postcodes in free text. Pure functions; ``place_index`` knows which places there are."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services_directory.nations import nation_data
from services_directory.text import ascii_digits

EARTH_RADIUS_MILES = 3958.8

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


def miles_from(one: Point, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``miles_between`` for each of ``others``, of shape (n, 2)."""
    lat1, lon1 = map(math.radians, one)
    lat2, lon2 = np.radians(others).T
    half = np.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_MILES * np.arcsin(np.sqrt(half)))


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


@lru_cache(maxsize=300_000)
def read_postcode(text: str | None) -> Postcode | None:
    """Read a stored postcode, or half of one, by its shape alone. ``None`` if it is neither."""
    compact = re.sub(r"\s+", "", (text or "").upper())
    match = re.fullmatch(r"(([A-Z]{1,2})[0-9][0-9A-Z]?)([0-9][A-Z]{2})?", compact)
    return Postcode(match[2], match[1], match[3]) if match else None


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


def with_wholes(nations: Iterable[str]) -> frozenset[str]:
    """Add the UK always, and Great Britain where every nation it might be is part of it."""
    keys = set(nations)
    members = nation_data()["whole"]["great-britain"]["nations"]
    more = {"uk", "great-britain"} if keys and keys <= set(members) else {"uk"}
    return frozenset(keys | more)
