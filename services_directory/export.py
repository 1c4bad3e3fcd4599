"""A service as Open Referral UK 3.0. Absent values are left out: the standard's schema refuses nulls.

Two of its tables have no place in its JSON, so HSDS's own names carry them: ``phones``, and ``code`` and ``name`` of
``languages``. Ages are years in the standard; ``minimum_age_months`` and ``maximum_age_months`` keep what years lose.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from services_directory import models
from services_directory.records import safe_url, venue_record

Json = dict[str, Any]


def _present(fields: Mapping[str, Any]) -> Json:
    """Leave out what is absent, and write dates, times and amounts as JSON has them."""
    return {name: _plain(value) for name, value in fields.items() if value is not None and value != [] and value != ""}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return float(value) if isinstance(value, Decimal) else value


def _years(months: int | None) -> float | None:
    """Return an age in years. The standard knows none before birth, so pregnancy begins at 0."""
    return None if months is None else round(max(0, months) / 12, 2)


def _by_id(rows: Sequence[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.id)


def to_oruk(service: models.Service) -> Json:
    """Return a fully nested service, as ``GET /services/{id}`` of Open Referral UK 3.0 has it."""
    return _present(
        {
            "id": service.id,
            "organization_id": service.organisation_id,
            "name": service.name,
            "alternate_name": service.alternate_name,
            "description": service.description,
            "url": safe_url(service.url),
            "email": service.email,
            "status": service.status,
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
            "assurer_email": service.assurer_email,
            "last_modified": service.last_modified,
            "organization": _organisation(service.organisation),
            "phones": [_phone(row) for row in _by_id(service.phones)],
            "schedules": [_schedule(row) for row in _by_id(service.schedules)],
            "service_areas": [_area(row) for row in _by_id(service.service_areas)],
            "service_at_locations": [_at_location(row) for row in _by_id(service.service_at_locations)],
            "languages": [_language(row) for row in _by_id(service.languages)],
            "funding": [_present({"id": row.id, "source": row.source}) for row in _by_id(service.funding)],
            "cost_options": [_cost(row) for row in _by_id(service.cost_options)],
            "contacts": [_contact(row) for row in _by_id(service.contacts)],
            "attributes": [_attribute(row) for row in _by_id(service.attributes)],
        }
    )


def _organisation(row: models.Organisation) -> Json:
    identifiers = [
        _present(
            {
                "id": one.id,
                "identifier_scheme": one.identifier_scheme,
                "identifier_type": one.identifier_type,
                "identifier": one.identifier,
            }
        )
        for one in _by_id(row.identifiers)
    ]
    # The standard requires a description, which may be empty.
    return {"description": row.description} | _present(
        {
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "email": row.email,
            "website": safe_url(row.website),
            "logo": row.logo,
            "uri": safe_url(row.uri),
            "parent_organization_id": row.parent_organisation_id,
            "organization_identifiers": identifiers,
        }
    )


def _phone(row: models.Phone) -> Json:
    return _present(
        {
            "id": row.id,
            "number": row.number,
            "extension": row.extension,
            "type": row.type,
            "description": row.description,
            "contact_id": row.contact_id,
        }
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
            "schedule_link": safe_url(row.schedule_link),
            "attending_type": row.attending_type,
            "notes": row.notes,
        }
    )


def _area(row: models.ServiceArea) -> Json:
    return _present(
        {
            "id": row.id,
            "name": row.name,
            "service_area": row.description,
            "extent": row.extent,
            "extent_type": row.extent_type,
            "uri": safe_url(row.uri),
        }
    )


def _at_location(row: models.ServiceAtLocation) -> Json:
    return _present(
        {
            "id": row.id,
            "service_id": row.service_id,
            "location_id": row.location_id,
            "description": row.description,
            "location": _location(row.location),
        }
    )


def _location(row: models.Location) -> Json:
    shown = venue_record(row)
    # Of a private location only what may be shown goes out: no street, no whole postcode, no coordinates.
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
            # The standard requires a postcode: an address without one stays at home.
            "addresses": [] if hidden else [_address(one) for one in _by_id(row.addresses) if one.postal_code],
            "accessibility": [
                _present({"id": one.id, "description": one.description, "details": one.details, "url": safe_url(one.url)})
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
        }
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
    return _present({"id": row.id, "name": row.name, "title": row.title, "department": row.department, "email": row.email})


def _attribute(row: models.Attribute) -> Json:
    term = row.taxonomy_term
    return _present(
        {
            "id": row.id,
            "link_id": row.link_id,
            "link_type": row.link_type,
            "link_entity": row.link_entity,
            "value": row.value,
            "taxonomy_term_id": term.id,
            "taxonomy_term": {"description": term.description}
            | _present(
                {
                    "id": term.id,
                    "code": term.code,
                    "name": term.name,
                    "description": term.description,
                    "parent_id": term.parent_id,
                    "taxonomy": term.taxonomy.name,
                    "taxonomy_id": term.taxonomy_id,
                    "term_uri": safe_url(term.term_uri),
                }
            ),
        }
    )
