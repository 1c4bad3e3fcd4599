"""Who runs a service and where it is, as a document has it: organisations, places and addresses."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from services_directory import models
from services_directory.imports import mend
from services_directory.imports.forms import Entity, Form, unique
from services_directory.imports.notes import said
from services_directory.imports.values import LONGEST_ID, Values, text_id
from services_directory.places import nations_of_postcode, read_postcode
from services_directory.text import fold


def read_organisation(values: Values) -> Entity | None:
    """Return who runs the service; refuse it if nobody is named."""
    item = values.data.get("organization")
    item = item[0] if isinstance(item, list) and len(item) == 1 else item
    item = {"name": item} if isinstance(item, str) else item if isinstance(item, dict) else {}
    name = values.text(item, "name", 500, name="organization")
    own = text_id(item.get("id")) or text_id(values.data.get("organization_id"))
    if not name and not own:
        values.refuse("organization", said("no_organisation"))
        return None
    if not name:
        values.remark("organization", said("organisation_unnamed"))
    identifiers = []
    for row in values.rows(item, "organization_identifiers"):
        kind = values.text(row, "identifier_type", 100, name="organization")
        value = values.text(row, "identifier", 200, name="organization")
        scheme = values.text(row, "identifier_scheme", 50, name="organization")
        if value:
            kind = kind or scheme or "Identifier"
            identifiers.append({"identifier_scheme": scheme, "identifier_type": kind, "identifier": value})
    form: Form = {
        "name": name or own[:200],
        "alternate_name": values.text(item, "alternate_name", 500, name="organization"),
        "description": values.text(item, "description", name="organization"),
        "email": values.valued(item, "email", mend.email, name="organization"),
        "website": values.valued(item, "website", mend.web, name="organization"),
        "logo": values.valued(item, "logo", mend.web, name="organization"),
        "uri": values.valued(item, "uri", mend.web, name="organization"),
        "identifiers": unique(identifiers),
    }
    source_id = own if 0 < len(own) <= LONGEST_ID else _slug(name or own)
    return Entity(source_id, form)


def read_locations(values: Values) -> tuple[list[Entity], list[Form], dict[str, str]]:
    """Return the places, the service's links to them, and the place of each link by the id that the source gives it."""
    places: list[Entity] = []
    links: list[Form] = []
    at: dict[str, str] = {}
    for link in values.rows(values.data, "service_at_locations"):
        found = values.rows(link, "location")
        item = found[0] if found else {}
        own = text_id(item.get("id")) or text_id(link.get("location_id"))
        entity = _location(values, item, own)
        if entity is None:
            continue
        at[text_id(link.get("id"))] = entity.source_id
        if all(known.source_id != entity.source_id for known in places):
            places.append(entity)
            description = values.text(link, "description", 2000, name="service_at_locations")
            links.append({"location": entity.source_id, "description": description})
    at.pop("", None)
    return places, links, at


def _location(values: Values, item: Mapping[str, Any], own: str) -> Entity | None:
    kind = (mend.written(item.get("location_type")) or "physical").casefold()
    kind = kind if kind in models.LOCATION_TYPES else "physical"
    name = values.text(item, "name", 500, name="location")
    rows = values.rows(item, "addresses")
    named = name or next((text for row in rows if (text := mend.text(row.get("address_1"), 500)[0])), None)
    addresses = unique([row for one in rows if (row := _address(values, one, named))])
    latitude, longitude = _point(values, item)
    if not (named or addresses or latitude is not None):
        if own or item:
            values.remark("location", said("left_out.place"))
        return None
    postcode = read_postcode(addresses[0]["postal_code"]) if addresses else None
    nations = nations_of_postcode(postcode) if postcode else frozenset()
    nation = mend.written(item.get("nation"))
    form: Form = {
        "location_type": kind,
        "name": named or (addresses[0]["postal_code"] or addresses[0]["city"] if addresses else None) or "Place without a name",
        "description": values.text(item, "description", 2000, name="location"),
        "transportation": values.text(item, "transportation", 1000, name="location"),
        "latitude": latitude,
        "longitude": longitude,
        "external_identifier": values.text(item, "external_identifier", 100, name="location"),
        "external_identifier_type": values.text(item, "external_identifier_type", 50, name="location"),
        "nation": nation if nation in models.NATIONS else next(iter(nations)) if len(nations) == 1 else None,
        "family_hub": mend.flag(item.get("family_hub")),
        "private": mend.flag(item.get("private")),
        "addresses": addresses,
        "accessibility": unique([row for one in values.rows(item, "accessibility") if (row := _access(values, one))]),
    }
    short = 0 < len(own) <= LONGEST_ID
    first = addresses[0] if addresses else {}
    source_id = own if short else _slug(own, form["name"], first.get("address_1"), first.get("postal_code"))
    return Entity(source_id, form, frozenset() if nation in models.NATIONS else frozenset({"nation"}))


def _point(values: Values, item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    latitude, longitude = mend.number(item.get("latitude")), mend.number(item.get("longitude"))
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return None, None
    if _in_uk(longitude, latitude) and not _in_uk(latitude, longitude):
        latitude, longitude = longitude, latitude
        values.remark("location", said("swapped"))
    if not _in_uk(latitude, longitude):
        values.remark("location", said("left_out.coordinates", latitude=f"{latitude:g}", longitude=f"{longitude:g}"))
        return None, None
    return round(latitude, 6), round(longitude, 6)


def _address(values: Values, item: Mapping[str, Any], name: str | None) -> Form | None:
    texts = {
        key: values.text(item, key, 500, name="address")
        for key in ("attention", "address_1", "address_2", "city", "region", "state_province")
    }
    key = "postal_code" if item.get("postal_code") else "postcode"
    postcode = values.valued(item, key, mend.postcode, name="postal_code")
    lines = [texts["address_1"], texts["address_2"]]
    district = texts["state_province"] or texts["region"]
    town = texts["city"] or district or (postcode.split()[0] if postcode else None)
    if not (postcode or any(lines) or texts["city"]):
        return None
    kind = (mend.written(item.get("address_type")) or "physical").casefold()
    country = (mend.written(item.get("country")) or "GB").upper()
    return {
        "attention": texts["attention"],
        "address_1": ", ".join(line for line in lines if line) or name or town or "",
        "city": town or "",
        "region": texts["region"],
        "state_province": district or town or "",
        "postal_code": postcode or "",
        "country": country if re.fullmatch(r"[A-Z]{2}", country) and country != "UK" else "GB",
        "address_type": kind if kind in models.LOCATION_TYPES else "physical",
    }


def _access(values: Values, item: Mapping[str, Any]) -> Form | None:
    row = {
        "description": values.text(item, "description", 1000, name="accessibility")
        or values.text(item, "accessibility", 1000, name="accessibility"),
        "details": values.text(item, "details", 2000, name="accessibility"),
        "url": values.valued(item, "url", mend.web, name="accessibility"),
    }
    return row if any(row.values()) else None


def _slug(*parts: str | None) -> str:
    return hashlib.sha256("\n".join(fold(part or "") for part in parts).encode()).hexdigest()[:32]


def _in_uk(latitude: float, longitude: float) -> bool:
    return 49 <= latitude <= 61.5 and -9 <= longitude <= 4
