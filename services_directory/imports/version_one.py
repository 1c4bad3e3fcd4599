"""Open Referral UK 1.0 in the shape of 3.0. Its feeds differ in spelling (``eligibilitys``, ``link_taxonomys``); all are known."""

import re
from typing import Any

from services_directory.imports.weekdays import days

Json = dict[str, Any]

_OLD_KEYS = {
    "eligibilitys",
    "eligibilities",
    "regular_schedules",
    "regular_schedule",
    "holiday_schedules",
    "link_taxonomies",
    "link_taxonomys",
    "service_taxonomys",
    "service_taxonomies",
    "fundings",
    "attending_access",
    "deliverable_type",
    "reviews",
}
_MODES = {"venue": "go", "phone": "phone", "online": "online", "home visit": "home"}


def is_version_one(item: Any) -> bool:
    """Tell 1.0 from later versions by the fields that only it has."""
    if not isinstance(item, dict):
        return False
    return bool(_OLD_KEYS & item.keys()) or any("physical_addresses" in _object(place, "location") for place in _places(item))


def _rows(holder: Any, *names: str) -> list[Json]:
    """Return the objects in the first of the lists that is there; a single object counts as a list of one."""
    for name in names:
        value = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(value, dict):
            return [value]
        if isinstance(value, list) and value:
            return [row for row in value if isinstance(row, dict)]
    return []


def _rows_or_names(holder: Any, *names: str) -> list[Json]:
    """Return the same; a text in the list stands for an object with that name."""
    for name in names:
        value = holder.get(name) if isinstance(holder, dict) else None
        listed = value if isinstance(value, list) else [value] if isinstance(value, dict | str) else []
        found = [{"name": row} if isinstance(row, str) else row for row in listed if isinstance(row, dict | str)]
        if found:
            return found
    return []


def _object(holder: Any, name: str) -> Json:
    """Return an object, or the one in a list of one."""
    value = holder.get(name) if isinstance(holder, dict) else None
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return value if isinstance(value, dict) else {}


def _places(item: Json) -> list[Json]:
    return _rows(item, "service_at_locations", "service_at_location")


def from_version_one(item: Json) -> Json:
    """Return a service of 1.0 as 3.0 has it. What 3.0 knows under the same name stays as it is."""
    named = item.get("organization")
    organisation = {"name": named} if isinstance(named, str) else _object(item, "organization")
    result = {key: value for key, value in item.items() if key not in _OLD_KEYS}
    result["organization"] = {**organisation, "website": organisation.get("website") or organisation.get("url")}
    result |= _ages(item)
    result["schedules"] = [_schedule(row) for row in _rows(item, "regular_schedules", "regular_schedule", "schedules")]
    result["service_at_locations"] = []
    for place in _places(item):
        result["service_at_locations"].append(_at_location(place))
        for row in _rows(place, "regular_schedules", "regular_schedule"):
            result["schedules"].append(_schedule(row) | {"service_at_location_id": place.get("id")})
    result["funding"] = _rows(item, "fundings", "funding")
    taxonomies = ("link_taxonomies", "link_taxonomys", "service_taxonomys", "service_taxonomies", "attributes")
    result["attributes"] = [_attribute(row) for row in _rows_or_names(item, *taxonomies)]
    result["languages"] = [row | {"name": row.get("name") or row.get("language")} for row in _rows_or_names(item, "languages")]
    attending = str(item.get("attending_type") or "").casefold()
    if attending in _MODES:
        result["modes"] = [_MODES[attending]]
    if str(item.get("attending_access") or "").casefold() == "referral":
        result["referral_route"] = "other"
    return result


def _ages(item: Json) -> Json:
    """Return the one age range; of several ranges (a group for 0 to 2 and one for 3 to 5) the whole span, as text besides."""
    rows = _rows(item, "eligibilitys", "eligibilities", "eligibility")
    words = [str(row[key]) for row in rows for key in ("eligibility",) if isinstance(row.get(key), str) and row[key].strip()]
    found: Json = {"eligibility_description": ". ".join(dict.fromkeys(words))} if words else {}
    for name, widest in (("minimum_age", min), ("maximum_age", max)):
        values = [row.get(name) for row in rows]
        numbers = [value for value in map(_number, values) if value is not None]
        if rows and len(numbers) == len(values):
            found[name] = widest(numbers)
        elif len(rows) == 1:
            found[name] = values[0]
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value) if value is not None and not isinstance(value, (bool, dict, list)) else None
    except ValueError:
        return None


def _schedule(row: Json) -> Json:
    weekday = row.get("weekday")
    byday = row.get("byday") or (days(weekday) if isinstance(weekday, str) else weekday)
    monthly = isinstance(byday, str | list) and re.search(r"\d[A-Z]{2}", days(byday)) is not None
    return row | {"byday": byday, "freq": row.get("freq") or (("MONTHLY" if monthly else "WEEKLY") if byday else None)}


def _at_location(place: Json) -> Json:
    location = _object(place, "location")
    addresses = _rows(location, "physical_addresses", "physical_address", "addresses")
    access = _rows(location, "accessibility_for_disabilities", "accessibility")
    moved = {
        "addresses": addresses,
        "accessibility": [row | {"description": row.get("description") or row.get("accessibility")} for row in access],
    }
    return {**place, "location": {**location, **moved}}


def _attribute(row: Json) -> Json:
    term = _object(row, "taxonomy") or _object(row, "taxonomy_term") or row
    if isinstance(row.get("taxonomy"), str) and not row.get("name"):
        term = {"name": row["taxonomy"]}
    taxonomy = term.get("vocabulary") or term.get("taxonomy")
    return {"id": row.get("id"), "taxonomy_term": {**term, "taxonomy": taxonomy if isinstance(taxonomy, str) else None}}
