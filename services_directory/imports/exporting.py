"""The directory in the forms that others read: Open Referral UK 3.0, HSDS 3.0 as JSON and as a zip of tables, one sheet, a wall list.

All forms are made from the one nested document of ``export.to_oruk``, so that what is private stays so in each of them.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.directory import whole_service
from services_directory.export import to_oruk
from services_directory.imports.one_sheet import safe_cell, write_sheet
from services_directory.imports.wall_list import wall_list
from services_directory.single_dates import joined
from services_directory.terms import vocabulary

Json = dict[str, Any]
FORMS = ("oruk", "hsds-json", "hsds-zip", "csv", "list")
SUFFIXES = {"oruk": "json", "hsds-json": "json", "hsds-zip": "zip", "csv": "csv", "list": "html"}
MEDIA_TYPES = {
    "json": "application/json",
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
AT_ONCE = 500


def documents(session: Session, *, area_id: str | None = None) -> Iterator[Json]:
    """Give the approved services by name, each with the fields of ours that the standard has no place for."""
    query = select(models.Service.id).where(models.Service.approval == "approved")
    if area_id is not None:
        # What belongs to no area is everybody's.
        query = query.where(or_(models.Service.area_id == area_id, models.Service.area_id.is_(None)))
    ids = session.scalars(query.order_by(models.Service.name, models.Service.id)).all()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        rows = session.scalars(select(models.Service).where(models.Service.id.in_(some)).options(*whole_service()))
        found = {row.id: row for row in rows.unique()}
        yield from (_document(found[id_]) for id_ in some if id_ in found)
        session.expunge_all()


def _document(service: models.Service) -> Json:
    own = {
        "level_of_need": service.level_of_need,
        "referral_route": service.referral_route,
        "modes": [mode for mode in models.MODES if mode in {row.mode for row in service.modes}],
        "interpreter": service.interpreter,
        "wait_time_date": service.wait_time_date,
        "visible_from": service.visible_from,
        "visible_to": service.visible_to,
    }
    result = to_oruk(service) | {key: _plain(value) for key, value in own.items() if value not in (None, [])}
    places = {link.location_id: link.location for link in service.service_at_locations}
    for link in result.get("service_at_locations", []):
        place = places[link["location_id"]]
        link["location"] |= {"family_hub": place.family_hub, "private": place.private}
        link["location"] |= {"nation": place.nation} if place.nation else {}
    return result


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def export(session: Session, form: str, *, area_id: str | None = None, today: date | None = None) -> bytes:
    """Return the approved services in one of ``FORMS``."""
    found = documents(session, area_id=area_id)
    if form == "oruk":
        return _json(page(list(found)))
    if form == "hsds-json":
        return _json(list(found))
    if form == "hsds-zip":
        return tables_zip(found)
    # One sheet and a list on a wall have no place for parts of rules.
    whole = (one | {"schedules": joined(one["schedules"])} if "schedules" in one else one for one in found)
    if form == "csv":
        # Excel takes a file for UTF-8 only if it begins with a byte order mark.
        return ("\ufeff" + write_sheet(_sheet_rows(whole))).encode()
    if form == "list":
        return wall_list(whole, today=today or date.today()).encode()
    raise ValueError(f"{form!r} is not one of {', '.join(FORMS)}")


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def page(found: list[Json]) -> Json:
    """Return all services as the one page of a list of Open Referral UK 3.0."""
    return {
        "total_items": len(found),
        "total_pages": 1,
        "page_number": 1,
        "size": len(found),
        "first_page": True,
        "last_page": True,
        "empty": not found,
        "contents": found,
    }


# ---- Tables -----------------------------------------------------------------------------------------------------------

# The columns of HSDS 3.0 that we fill, in its order; after them our own.
TABLES: Mapping[str, tuple[str, ...]] = {
    "organizations": ("id", "name", "alternate_name", "description", "email", "website", "logo", "uri", "parent_organization_id"),
    "organization_identifiers": ("id", "organization_id", "identifier_scheme", "identifier_type", "identifier"),
    "services": (
        "id", "organization_id", "name", "alternate_name", "description", "url", "email", "status", "interpretation_services",
        "application_process", "fees_description", "wait_time", "accreditations", "eligibility_description", "minimum_age",
        "maximum_age", "assured_date", "assurer_email", "alert", "last_modified", "level_of_need", "referral_route", "modes",
        "interpreter", "wait_time_date", "visible_from", "visible_to", "minimum_age_months", "maximum_age_months",
    ),
    "attributes": ("id", "link_id", "taxonomy_term_id", "link_type", "link_entity", "value"),
    "service_at_location": ("id", "service_id", "location_id", "description"),
    "locations": (
        "id", "location_type", "name", "description", "transportation", "latitude", "longitude", "external_identifier",
        "external_identifier_type", "nation", "family_hub", "private",
    ),
    "phones": ("id", "service_id", "contact_id", "number", "extension", "type", "description"),
    "contacts": ("id", "service_id", "name", "title", "department", "email"),
    "addresses": (
        "id", "location_id", "attention", "address_1", "city", "region", "state_province", "postal_code", "country",
        "address_type",
    ),
    "schedules": (
        "id", "service_id", "service_at_location_id", "valid_from", "valid_to", "dtstart", "until", "freq", "interval", "byday",
        "bymonthday", "description", "opens_at", "closes_at", "schedule_link", "attending_type", "notes", "part_of",
        "rule_valid_from", "rule_valid_to", "anchored", "extra_date",
    ),
    "schedule_exceptions": ("id", "service_id", "schedule_id", "date", "kind", "opens_at", "closes_at", "note"),
    "service_capacity": ("id", "service_id", "unit_id", "available", "updated"),
    "unit": ("id", "name"),
    "funding": ("id", "service_id", "source"),
    "service_areas": ("id", "service_id", "name", "description", "extent", "extent_type", "uri"),
    "languages": ("id", "service_id", "name", "code", "note"),
    "accessibility": ("id", "location_id", "description", "details", "url"),
    "taxonomies": ("id", "name", "description"),
    "taxonomy_terms": ("id", "code", "name", "description", "parent_id", "taxonomy", "taxonomy_id", "term_uri"),
    "cost_options": ("id", "service_id", "valid_from", "valid_to", "option", "currency", "amount", "amount_description"),
}  # fmt: skip


def tables_zip(found: Iterable[Json]) -> bytes:
    """Return services as the tables of HSDS 3.0 in a zip. The same services give the same bytes."""
    rows: dict[str, dict[str, Json]] = {table: {} for table in TABLES}
    for document in found:
        _flatten(document, lambda table, row: rows[table].setdefault(str(row["id"]), row))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for table, columns in TABLES.items():
            member = zipfile.ZipInfo(f"{table}.csv", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, _csv(columns, rows[table].values()))
    return out.getvalue()


def _csv(columns: tuple[str, ...], rows: Iterable[Json]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(_cell(row.get(column)) for column in columns)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    # A number below nothing is no formula; a text that begins like one could be.
    return str(value) if isinstance(value, int | float) else safe_cell(str(value))


Put = Callable[[str, Json], object]


def _flatten(document: Json, put: Put) -> None:
    own = {"service_id": document["id"]}
    put("services", document)
    organisation = document["organization"]
    put("organizations", organisation)
    for row in organisation.get("organization_identifiers", []):
        put("organization_identifiers", row | {"organization_id": organisation["id"]})
    for row in document.get("capacities", []):
        put("service_capacity", row | {"unit_id": row["unit"]["id"]})
        put("unit", row["unit"])
    for table in ("phones", "contacts", "schedules", "schedule_exceptions", "funding", "languages", "cost_options"):
        for row in document.get(table, []):
            put(table, row | own)
    for row in document.get("service_areas", []):
        put("service_areas", row | own | {"description": row.get("service_area")})
    for link in document.get("service_at_locations", []):
        put("service_at_location", link)
        location = link["location"]
        put("locations", location)
        for table in ("addresses", "accessibility"):
            for row in location.get(table, []):
                put(table, row | {"location_id": location["id"]})
    for row in document.get("attributes", []):
        term = row["taxonomy_term"]
        put("attributes", row)
        put("taxonomy_terms", term)
        put("taxonomies", {"id": term["taxonomy_id"], "name": term["taxonomy"], "description": term["taxonomy"]})


# ---- One sheet --------------------------------------------------------------------------------------------------------


def _sheet_rows(found: Iterable[Json]) -> Iterator[dict[str, str]]:
    """Give a row a service, and a row more for each further place, time, number or price."""
    for document in found:
        places = [_place_cells(link) for link in document.get("service_at_locations", [])]
        at = {link["id"]: cells for link, cells in zip(document.get("service_at_locations", []), places, strict=True)}
        times = [_time_cells(row) | at.get(row.get("service_at_location_id", ""), {}) for row in document.get("schedules", [])]
        named = [cells for cells in times if "place" in cells]
        wheres = [cells for cells in places if not any(cells.items() <= one.items() for one in named)] + times
        phones = [{"phone": _phone_cell(row)} for row in document.get("phones", [])]
        costs = [_cost_cells(row) for row in document.get("cost_options", [])]
        for number in range(max(1, len(wheres), len(phones), len(costs))):
            row = _first_cells(document) if number == 0 else {"id": document["id"]}
            for cells in (wheres, phones, costs):
                row |= cells[number] if number < len(cells) else {}
            yield row


def _first_cells(document: Json) -> dict[str, str]:
    ours = vocabulary().name
    same = ("id", "name", "description", "level_of_need", "eligibility_description", "email", "url", "referral_route", "alert",
            "wait_time", "application_process", "status", "assured_date", "assurer_email", "minimum_age_months",
            "maximum_age_months")  # fmt: skip
    terms = [row["taxonomy_term"] for row in document.get("attributes", [])]
    return {key: str(document[key]) for key in same if document.get(key) is not None} | {
        "organisation": document["organization"]["name"],
        "organisation_id": document["organization"]["id"],
        "modes": "; ".join(document.get("modes", [])),
        "needs": "; ".join(term["code"] for term in terms if term["taxonomy"] == ours),
        "languages": "; ".join(row["code"] for row in document.get("languages", [])),
        "areas": "; ".join(row["name"] for row in document.get("service_areas", [])),
    }


def _place_cells(link: Json) -> dict[str, str]:
    location = link["location"]
    address: Json = next(iter(location.get("addresses", [])), {})
    return {
        "place_id": location["id"],
        "place": location["name"],
        "address": address.get("address_1", ""),
        "town": address.get("city", ""),
        "district": address.get("state_province", ""),
        "postcode": address.get("postal_code", ""),
        "family_hub": "yes" if location["family_hub"] else "no",
        "private": "yes" if location["private"] else "no",
    }


def _time_cells(row: Json) -> dict[str, str]:
    same = ("dtstart", "valid_from", "valid_to")
    return {key: str(row[key]) for key in same if row.get(key)} | {
        "days": row.get("byday", ""),
        "interval": str(row.get("interval", "")),
        "opens_at": str(row.get("opens_at", ""))[:5],
        "closes_at": str(row.get("closes_at", ""))[:5],
        "time_note": row.get("description", ""),
    }


def _phone_cell(row: Json) -> str:
    extension = f" ext {row['extension']}" if row.get("extension") else ""
    return f"{row['number']}{extension}{' (' + row['description'] + ')' if row.get('description') else ''}"


def _cost_cells(row: Json) -> dict[str, str]:
    words = " ".join(filter(None, (row.get("option"), row.get("amount_description"))))
    return {"cost": f"{row['amount']:.2f}" if "amount" in row else "", "cost_note": words}
