"""A service as Open Referral UK 3.0. Absent values are left out: the standard's schema refuses nulls.

Two of its tables have no place in its JSON, so HSDS's own names carry them: ``phones``, and ``code`` and ``name`` of
``languages``. Ages are years in the standard; ``minimum_age_months`` and ``maximum_age_months`` keep what years lose.
Single dates are in ``schedules`` as ``single_dates`` says it, and as we hold them in ``schedule_exceptions``. That a
service is full is HSDS 3.1's ``capacities``: no place available.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from services_directory import models, single_dates
from services_directory.records import safe_url, venue_record

Json = dict[str, Any]
PLACES: Json = {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, "places")), "name": "places"}
"""What ``capacities`` count."""


def london_today() -> date:
    """Return the day that it is in London."""
    return datetime.now(ZoneInfo("Europe/London")).date()


def _present(fields: Mapping[str, Any], *, required: Sequence[str] = ()) -> Json:
    """Leave out what is absent, and write dates, times and amounts as JSON has them. What the standard requires stays,
    even if it is empty."""
    return {
        name: _plain(value)
        for name, value in fields.items()
        if value is not None and value != [] and (value != "" or name in required)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return float(value) if isinstance(value, Decimal) else value


def _years(months: int | None) -> float | None:
    """Return an age in years. The standard knows none before birth, so pregnancy begins at 0."""
    return None if months is None else round(max(0, months) / 12, 2)


def _uri(text: str | None) -> str | None:
    """Return a web address as the standard's format has it, with all but ASCII escaped; ``None`` if it is none."""
    url = safe_url(text)
    if url is None or url.isascii():
        return quote(url, safe="%/:?#[]@!$&'()*+,;=-._~") if url else None
    parts = urlsplit(url)
    try:
        host = parts.netloc.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return quote(parts._replace(netloc=host).geturl(), safe="%/:?#[]@!$&'()*+,;=-._~")


def _email(text: str | None) -> str | None:
    """Return an address that the standard's format takes, else ``None``."""
    return text if text and re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text) else None


def _by_id(rows: Sequence[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.id)


def service_fields(service: models.Service) -> Json:
    """Return the service's own fields, without what hangs on it."""
    return _present(
        {
            "id": service.id,
            "organization_id": service.organisation_id,
            "name": service.name,
            "alternate_name": service.alternate_name,
            "description": service.description,
            "url": _uri(service.url),
            "email": _email(service.email),
            "status": service.status,
            # The UK profile has the older field alone, HSDS prefers the newer.
            "fees": service.fees_description,
            "fees_description": service.fees_description,
            "accreditations": service.accreditations,
            "eligibility_description": service.eligibility_description,
            "minimum_age": _years(service.minimum_age_months),
            "maximum_age": _years(service.maximum_age_months),
            "minimum_age_months": service.minimum_age_months,
            "maximum_age_months": service.maximum_age_months,
            "application_process": service.application_process,
            "wait_time": service.wait_time,
            "interpretation_services": "Interpreter available" if service.interpreter else None,
            "alert": service.alert,
            "assured_date": service.assured_date,
            "assurer_email": _email(service.assurer_email),
            "last_modified": service.last_modified,
        },
        required=("name",),
    )


def service_summary(service: models.Service) -> Json:
    """Return a service as a list has it: its own fields and its organisation's."""
    return service_fields(service) | {"organization": organisation_fields(service.organisation)}


def to_oruk(service: models.Service, *, today: date | None = None) -> Json:
    """Return a fully nested service, as ``GET /services/{id}`` of Open Referral UK 3.0 has it on ``today``."""
    exceptions = [_exception(row) for row in sorted(service.exceptions, key=lambda row: (row.date, row.id))]
    schedules = [_schedule(row) for row in _by_id(service.schedules)]
    return service_fields(service) | _present(
        {
            "organization": organisation(service.organisation),
            "phones": [_phone(row) for row in _by_id(service.phones)],
            "schedules": single_dates.split(schedules, exceptions, today or london_today()),
            "schedule_exceptions": exceptions,
            "capacities": [_full(service)] if service.full_since else [],
            "service_areas": [_area(row) for row in _by_id(service.service_areas)],
            "service_at_locations": [_at_location(row) for row in _by_id(service.service_at_locations)],
            "languages": [_language(row) for row in _by_id(service.languages)],
            "funding": [_present({"id": row.id, "source": row.source}) for row in _by_id(service.funding)],
            "cost_options": [_cost(row) for row in _by_id(service.cost_options)],
            "contacts": [_contact(row) for row in _by_id(service.contacts)],
            "attributes": [_attribute(row) for row in _by_id(service.attributes)],
        }
    )


def organisation_fields(row: models.Organisation) -> Json:
    """Return an organisation as a list has it. The standard requires a description, which may be empty."""
    return _present(
        {
            "id": row.id,
            "name": row.name,
            "alternate_name": row.alternate_name,
            "description": row.description,
            "email": _email(row.email),
            "website": _uri(row.website),
            "logo": row.logo,
            "uri": _uri(row.uri),
            "parent_organization_id": row.parent_organisation_id,
        },
        required=("name", "description"),
    )


def organisation(row: models.Organisation) -> Json:
    """Return an organisation with its registrations elsewhere."""
    identifiers = [
        _present(
            {
                "id": one.id,
                "identifier_scheme": one.identifier_scheme,
                "identifier_type": one.identifier_type,
                "identifier": one.identifier,
            },
            required=("identifier_type", "identifier"),
        )
        for one in _by_id(row.identifiers)
    ]
    return organisation_fields(row) | _present({"organization_identifiers": identifiers})


def _phone(row: models.Phone) -> Json:
    return _present(
        {
            "id": row.id,
            "number": row.number,
            "extension": row.extension,
            "type": row.type,
            "description": row.description,
            "contact_id": row.contact_id,
        },
        required=("number",),
    )


def _schedule(row: models.Schedule) -> Json:
    return _present(
        {
            "id": row.id,
            "service_at_location_id": row.service_at_location_id,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "dtstart": row.dtstart,
            "until": row.until,
            "freq": row.freq,
            "interval": row.interval if row.freq else None,
            "byday": row.byday,
            "bymonthday": row.bymonthday,
            "opens_at": row.opens_at,
            "closes_at": row.closes_at,
            "description": row.description,
            "schedule_link": _uri(row.schedule_link),
            "attending_type": row.attending_type,
            "notes": row.notes,
        }
    )


def _exception(row: models.ServiceException) -> Json:
    """Return a single date: ``kind`` cancelled or extra; of all schedules unless it names one."""
    return _present(
        {
            "id": row.id,
            "schedule_id": row.schedule_id,
            "date": row.date,
            "kind": row.kind,
            "opens_at": row.opens_at,
            "closes_at": row.closes_at,
            "note": row.note,
        }
    )


def _full(service: models.Service) -> Json:
    """Return that there is no place since the day on which staff or the provider said so."""
    since = datetime.combine(service.full_since, time(), UTC) if service.full_since else None
    own = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{service.id}\nplaces"))
    return _present({"id": own, "service_id": service.id, "unit": PLACES, "available": 0, "updated": since})


def _area(row: models.ServiceArea) -> Json:
    return _present(
        {
            "id": row.id,
            "name": row.name,
            "service_area": row.description,
            "extent": row.extent,
            "extent_type": row.extent_type,
            "uri": _uri(row.uri),
        }
    )


def _at_location(row: models.ServiceAtLocation) -> Json:
    return at_location_fields(row) | {"location": _location(row.location)}


def at_location_fields(row: models.ServiceAtLocation) -> Json:
    """Return the link of a service and a location by itself. What is said of a private address might give it away."""
    return _present(
        {
            "id": row.id,
            "service_id": row.service_id,
            "location_id": row.location_id,
            "description": None if row.location.private else row.description,
        }
    )


def at_location_summary(row: models.ServiceAtLocation, service: models.Service) -> Json:
    """Return a service at a location as a list has it."""
    return at_location_fields(row) | {"location": location_fields(row.location), "service": service_summary(service)}


def at_location_whole(row: models.ServiceAtLocation, service: models.Service) -> Json:
    """Return a service at a location with all that hangs on either, and the times that hold there."""
    nested = to_oruk(service)
    nested.pop("service_at_locations", None)
    here = [one for one in nested.get("schedules", []) if one.get("service_at_location_id") == row.id]
    return _at_location(row) | {"service": nested} | _present({"schedules": here})


def location_fields(row: models.Location) -> Json:
    """Return a location's own fields. Of a private one only what may be shown goes out: no street, no whole postcode, no
    coordinates."""
    shown = venue_record(row)
    hidden = row.private
    return _present(
        {
            "id": row.id,
            "location_type": row.location_type,
            "name": row.name,
            "description": ", ".join(shown.address) if hidden else row.description,
            "transportation": shown.transport,
            "latitude": shown.latitude,
            "longitude": shown.longitude,
            "external_identifier": None if hidden else row.external_identifier,
            "external_identifier_type": None if hidden else row.external_identifier_type,
        }
    )


def _location(row: models.Location) -> Json:
    return location_fields(row) | _present(
        {
            # The standard requires a postcode: an address without one stays at home.
            "addresses": [] if row.private else [_address(one) for one in _by_id(row.addresses) if one.postal_code],
            "accessibility": [
                _present({"id": one.id, "description": one.description, "details": one.details, "url": _uri(one.url)})
                for one in _by_id(row.accessibility)
            ],
        }
    )


def _address(row: models.Address) -> Json:
    return _present(
        {
            "id": row.id,
            "location_id": row.location_id,
            "attention": row.attention,
            "address_1": row.address_1,
            "city": row.city,
            "region": row.region,
            "state_province": row.state_province,
            "postal_code": row.postal_code,
            "country": row.country,
            "address_type": row.address_type,
        },
        required=("address_1", "city", "state_province", "postal_code", "country"),
    )


def _language(row: models.Language) -> Json:
    return _present({"id": row.id, "service_id": row.service_id, "code": row.code, "name": row.name, "note": row.note})


def _cost(row: models.CostOption) -> Json:
    return _present(
        {
            "id": row.id,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "option": row.option,
            "amount": row.amount,
            "currency": row.currency,
            "amount_description": row.amount_description,
        }
    )


def _contact(row: models.Contact) -> Json:
    return _present(
        {"id": row.id, "name": row.name, "title": row.title, "department": row.department, "email": _email(row.email)}
    )


def _attribute(row: models.Attribute) -> Json:
    return _present(
        {
            "id": row.id,
            "link_id": row.link_id,
            "link_type": row.link_type,
            "link_entity": row.link_entity,
            "value": row.value,
            "taxonomy_term_id": row.taxonomy_term_id,
            "taxonomy_term": taxonomy_term(row.taxonomy_term),
        }
    )


def taxonomy_term(row: models.TaxonomyTerm) -> Json:
    """Return one term. The standard requires a description, which may be empty."""
    return _present(
        {
            "id": row.id,
            "code": row.code,
            "name": row.name,
            "description": row.description,
            "parent_id": row.parent_id,
            "taxonomy": row.taxonomy.name,
            "taxonomy_id": row.taxonomy_id,
            "term_uri": _uri(row.term_uri),
            "language": row.language,
        },
        required=("name", "description"),
    )


def taxonomy(row: models.Taxonomy) -> Json:
    """Return a vocabulary without its terms."""
    return _present(
        {"id": row.id, "name": row.name, "description": row.description, "uri": _uri(row.uri), "version": row.version},
        required=("name", "description"),
    )
