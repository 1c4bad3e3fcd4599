"""Filters as SQL, the same on SQLite and PostgreSQL. All that are given must hold.

What may be published at all is decided here, in ``published``, and every query of the API begins with it.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, extract, false, func, literal, or_

from services_directory.api.parameters import Asked
from services_directory.models import (
    Attribute,
    Location,
    Organisation,
    Schedule,
    Service,
    ServiceArea,
    ServiceAtLocation,
    Taxonomy,
    TaxonomyTerm,
)
from services_directory.places import Place
from services_directory.timetables import DAYS

Condition = ColumnElement[bool]
EARTH_RADIUS_METRES = 6_371_008.8
MONTHS_IN_YEAR = 12
# More words than this in a search are left out: each one is looked for in five columns.
MOST_WORDS = 12
_ENDS = "\"'.,;:!?()[]{}<>…“”‘’«»"


def published(today: date) -> Condition:
    """What may be seen: approved, and within its visible dates. A closed service stays, and its ``status`` says so."""
    return and_(
        Service.approval == "approved",
        or_(Service.visible_from.is_(None), Service.visible_from <= today),
        or_(Service.visible_to.is_(None), Service.visible_to >= today),
    )


def has_published_service(today: date) -> Condition:
    """Of organisations: those that provide something which may be seen."""
    return exists().where(Service.organisation_id == Organisation.id, published(today))


@dataclass(frozen=True)
class Around:
    """Where a postcode is: the names of areas that take it in, and its middle in degrees where that is known."""

    areas: tuple[str, ...]
    place: Place


def service_conditions(asked: Asked, today: date, around: Around | None) -> list[Condition]:
    """Return the conditions on a service that the filters make."""
    return [
        published(today),
        *_search_services(asked.search),
        *_terms(asked),
        *([Service.organisation_id == _id(asked.organization_id)] if asked.organization_id else []),
        *([Service.last_modified >= asked.modified_after] if asked.modified_after else []),
        *_ages(asked),
        *_sessions(asked, today),
        *([_serves(around)] if around else []),
    ]


def _id(text: str | None) -> str:
    """An id, or something that no record has: PostgreSQL refuses a text with a NUL in it."""
    return text if text and re.fullmatch(r"[0-9A-Za-z_.:-]{1,36}", text) else "-"


def id_condition(column: Any, text: str | None) -> Condition:
    """Return the condition that a column holds this id."""
    return and_(column == _id(text))


# ---- Words ------------------------------------------------------------------------------------------------------------


def _search_words(text: str) -> list[str]:
    clean = text.replace("\0", " ")
    return [word.strip(_ENDS) or word for word in clean.split()][:MOST_WORDS]


def _contains(column: Any, word: str) -> Condition:
    """Whether a text holds a word, whatever its case. SQLite knows only the case of ASCII, so others are tried."""
    variants = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    return or_(*(column.icontains(variant, autoescape=True) for variant in sorted(variants)))


def search_condition(text: str | None, *columns: Any) -> list[Condition]:
    """Return the conditions that every word is in one of the columns."""
    return [or_(*(_contains(column, word) for column in columns)) for word in _search_words(text or "")]


def _search_services(text: str | None) -> list[Condition]:
    found = []
    for word in _search_words(text or ""):
        by_organisation = exists().where(Organisation.id == Service.organisation_id, _contains(Organisation.name, word))
        by_term = exists().where(_tagged(), TaxonomyTerm.id == Attribute.taxonomy_term_id, _contains(TaxonomyTerm.name, word))
        own = (_contains(column, word) for column in (Service.name, Service.alternate_name, Service.description))
        found.append(or_(*own, by_organisation, by_term))
    return found


# ---- Terms, ages, sessions --------------------------------------------------------------------------------------------


def _tagged() -> Condition:
    return and_(Attribute.link_id == Service.id, Attribute.link_entity == "service")


def _terms(asked: Asked) -> list[Condition]:
    found: list[Condition] = []
    if asked.taxonomy_term_id:
        found.append(exists().where(_tagged(), Attribute.taxonomy_term_id == _id(asked.taxonomy_term_id)))
    if asked.taxonomy_id:
        of_taxonomy = TaxonomyTerm.taxonomy_id == _id(asked.taxonomy_id)
        found.append(exists().where(_tagged(), TaxonomyTerm.id == Attribute.taxonomy_term_id, of_taxonomy))
    return found


def _ages(asked: Asked) -> list[Condition]:
    """Pregnancy is published as age 0, so that ages before birth count as 0 here too."""
    found: list[Condition] = []
    if asked.minimum_age is not None:
        lowest = case((Service.minimum_age_months < 0, 0), else_=Service.minimum_age_months)
        found.append(lowest >= asked.minimum_age * MONTHS_IN_YEAR)
    if asked.maximum_age is not None:
        highest = case((Service.maximum_age_months < 0, 0), else_=Service.maximum_age_months)
        found.append(highest <= asked.maximum_age * MONTHS_IN_YEAR)
    return found


def _sessions(asked: Asked, today: date) -> list[Condition]:
    """One session must have the day and both times, and be of a timetable that has not ended."""
    if asked.day is None and asked.start_time is None and asked.end_time is None:
        return []
    wanted: list[Condition] = [
        Schedule.service_id == Service.id,
        or_(Schedule.valid_to.is_(None), Schedule.valid_to >= today),
        or_(Schedule.until.is_(None), Schedule.until >= today),
        or_(Schedule.freq.is_not(None), Schedule.dtstart >= today),
    ]
    if asked.day:
        # Sunday is 0 to both databases.
        number = (DAYS.index(asked.day) + 1) % 7
        by_start = and_(
            Schedule.byday.is_(None),
            Schedule.bymonthday.is_(None),
            or_(Schedule.freq.is_(None), Schedule.freq == "WEEKLY"),
            extract("dow", Schedule.dtstart) == number,
        )
        wanted.append(or_(func.upper(Schedule.byday).contains(asked.day), by_start))
    if asked.start_time:
        wanted.append(Schedule.opens_at >= asked.start_time)
    if asked.end_time:
        wanted.append(Schedule.closes_at <= asked.end_time)
    return [exists().where(*wanted)]


# ---- Places -----------------------------------------------------------------------------------------------------------


def _serves(around: Around) -> Condition:
    """A service that names no area says nothing against the postcode."""
    named = exists().where(ServiceArea.service_id == Service.id)
    takes_in = exists().where(ServiceArea.service_id == Service.id, ServiceArea.name.in_(around.areas))
    return or_(~named, takes_in) if around.areas else ~named


def squared_metres(around: Around) -> ColumnElement[Any]:
    """Return the squared distance of a location from the place, by sums alone: not every SQLite has cosines.

    East-west degrees are as long as on the parallel halfway, whose cosine is worked out from that of the place. This is
    right to 0.05 % within 200 km, and to 0.3 % from end to end of the British Isles.
    """
    point = around.place.point
    assert point is not None
    latitude, longitude = point
    degree = math.radians(1) * EARTH_RADIUS_METRES
    sine, cosine = math.sin(math.radians(latitude)), math.cos(math.radians(latitude))
    north = Location.latitude - literal(latitude)
    half = north * (math.radians(1) / 2)
    east = (Location.longitude - literal(longitude)) * (cosine - half * sine - half * half * (cosine / 2))
    return (north * north + east * east) * (degree * degree)


def within(asked: Asked, around: Around | None) -> list[Condition]:
    """Return the conditions on a location. A private one is never found by distance: asking often would tell where it is."""
    if asked.proximity is None or around is None:
        return []
    if around.place.point is None:
        return [false()]
    limit = asked.proximity * asked.proximity
    return [Location.private.is_(False), Location.latitude.is_not(None), squared_metres(around) <= limit]


def service_within(asked: Asked, around: Around | None) -> list[Condition]:
    """Return the conditions that a service has a location within the distance."""
    near = within(asked, around)
    if not near:
        return []
    return [exists().where(ServiceAtLocation.service_id == Service.id, Location.id == ServiceAtLocation.location_id, *near)]


# ---- Taxonomies and organisations -------------------------------------------------------------------------------------


def organisation_conditions(asked: Asked, today: date) -> list[Condition]:
    columns = (Organisation.name, Organisation.alternate_name, Organisation.description)
    return [has_published_service(today), *search_condition(asked.search, *columns)]


def taxonomy_conditions(asked: Asked) -> list[Condition]:
    return search_condition(asked.search, Taxonomy.name, Taxonomy.description)


def term_conditions(asked: Asked) -> list[Condition]:
    return [
        *search_condition(asked.search, TaxonomyTerm.name, TaxonomyTerm.description),
        *([TaxonomyTerm.taxonomy_id == _id(asked.taxonomy_id)] if asked.taxonomy_id else []),
        *([TaxonomyTerm.parent_id == _id(asked.parent_id)] if asked.parent_id else []),
        *([TaxonomyTerm.parent_id.is_(None)] if asked.top_only else []),
    ]


def areas_around(place: Place, names: Iterable[str], key: Any) -> Around:
    """Return the place with those of the ``names`` of areas that take it in."""
    return Around(tuple(sorted(name for name in names if key(name) in place.within)), place)


__all__ = [
    "Around",
    "areas_around",
    "has_published_service",
    "id_condition",
    "organisation_conditions",
    "published",
    "service_conditions",
    "service_within",
    "squared_metres",
    "taxonomy_conditions",
    "term_conditions",
    "within",
]
