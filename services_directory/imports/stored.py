"""Records as they are stored, as forms: read table by table, because thousands of services are compared at once."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services_directory import models
from services_directory.imports.forms import Form, encode, rule_of
from services_directory.imports.tables import ImportedForm
from services_directory.terms import vocabulary

CHUNK = 500

SCALARS: dict[str, tuple[str, ...]] = {
    "organisation": ("name", "alternate_name", "description", "email", "website", "logo", "uri"),
    "location": ("location_type", "name", "description", "transportation", "latitude", "longitude", "external_identifier",
                 "external_identifier_type", "nation", "family_hub", "private"),
    "service": ("name", "alternate_name", "description", "url", "email", "status", "level_of_need", "minimum_age_months",
                "maximum_age_months", "eligibility_description", "referral_route", "application_process", "fees_description",
                "wait_time", "wait_time_date", "interpreter", "accreditations", "alert", "visible_from", "visible_to",
                "assured_date", "assurer_email", "full_since"),
}  # fmt: skip
# Fields that always have a value; that a source does not give one changes nothing.
ALWAYS = {"name", "status", "level_of_need", "referral_route", "location_type", "family_hub", "private", "modes"}


@dataclass(frozen=True)
class Part:
    """A list that hangs on a record: its ``table``, the column of its ``owner``, and what is compared."""

    table: type[models.Base]
    owner: str
    columns: tuple[str, ...]


PARTS: dict[str, dict[str, Part]] = {
    "organisation": {
        "identifiers": Part(
            models.OrganisationIdentifier, "organisation_id", ("identifier_scheme", "identifier_type", "identifier")
        )
    },
    "location": {
        "addresses": Part(
            models.Address,
            "location_id",
            ("attention", "address_1", "city", "region", "state_province", "postal_code", "country", "address_type"),
        ),
        "accessibility": Part(models.Accessibility, "location_id", ("description", "details", "url")),
    },
    "service": {
        "modes": Part(models.ServiceMode, "service_id", ("mode",)),
        "phones": Part(models.Phone, "service_id", ("number", "extension", "type", "description")),
        "contacts": Part(models.Contact, "service_id", ("name", "title", "department", "email")),
        "languages": Part(models.Language, "service_id", ("code", "name", "note")),
        "cost_options": Part(
            models.CostOption, "service_id", ("valid_from", "valid_to", "option", "amount", "amount_description", "currency")
        ),
        "service_areas": Part(models.ServiceArea, "service_id", ("name", "description", "extent", "extent_type", "uri")),
        "funding": Part(models.Funding, "service_id", ("source",)),
        "schedules": Part(
            models.Schedule,
            "service_id",
            ("valid_from", "valid_to", "dtstart", "until", "freq", "interval", "byday", "bymonthday", "opens_at", "closes_at",
             "description", "notes", "attending_type", "schedule_link"),
        ),
        # After schedules, which they name.
        "exceptions": Part(models.ServiceException, "service_id", ("date", "kind", "opens_at", "closes_at", "note")),
    },
}  # fmt: skip
TABLES: dict[str, Any] = {
    "organisation": models.Organisation,
    "location": models.Location,
    "service": models.Service,
}


@dataclass
class Record:
    """A stored record with its form, and what its source said last (``said``)."""

    id: str
    source: str | None
    source_id: str | None
    area_id: str | None
    form: Form
    said: Form | None = None
    approval: str | None = None


@dataclass
class Stored:
    """Records of one kind, by our id and by the id at their source."""

    by_id: dict[str, Record] = field(default_factory=dict)
    by_source: dict[str, Record] = field(default_factory=dict)


def chunks(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Give lists of at most ``CHUNK``: databases take only so many parameters."""
    listed = sorted(set(values))
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def read_stored(session: Session, kind: str, source: str, ids: Iterable[str]) -> Stored:
    """Return the records of ``source``, and those of any source that have one of ``ids`` as our own id."""
    table, result = TABLES[kind], Stored()
    for condition in _conditions(table, source, ids):
        _read(session, kind, table, condition, result)
    result.by_source = {row.source_id: row for row in result.by_id.values() if row.source == source and row.source_id}
    for some in chunks(result.by_id):
        said = select(ImportedForm.record_id, ImportedForm.form).where(ImportedForm.record_id.in_(some))
        for record_id, text in session.execute(said):
            result.by_id[record_id].said = json.loads(text)
    return result


def _conditions(table: Any, source: str, ids: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    yield table.source == source
    for some in chunks(ids):
        yield table.id.in_(some)


def _read(session: Session, kind: str, table: Any, condition: ColumnElement[bool], result: Stored) -> None:
    names = [*SCALARS[kind], *(("organisation_id", "approval") if kind == "service" else ())]
    fixed = ("id", "source", "source_id", "area_id")
    found: dict[str, Record] = {}
    columns = [getattr(table, name) for name in (*fixed, *names)]
    for row in session.execute(select(*columns).where(condition)):
        form = {name: _plain(value) for name, value in zip(names, row[len(fixed) :], strict=True)}
        approval = form.pop("approval", None)
        if kind == "service":
            form["organisation"] = form.pop("organisation_id")
            form |= {"locations": [], "needs": [], "terms": []}
        form |= {name: [] for name in PARTS[kind]}
        found[row[0]] = Record(row[0], row[1], row[2], row[3], form, approval=approval)
    owners = select(table.id).where(condition)
    named = _links(session, owners, found) if kind == "service" else {}
    for name, part in PARTS[kind].items():
        _read_part(session, name, part, owners, found, named)
    if kind == "service":
        _read_terms(session, owners, found)
    result.by_id |= {id_: record for id_, record in found.items() if id_ not in result.by_id}


def _plain(value: Any) -> Any:
    # A description that is empty says as little as one that is missing.
    return None if value == "" else encode(value)


def _read_part(
    session: Session, name: str, part: Part, owners: Select[Any], found: dict[str, Record], named: dict[str, str]
) -> None:
    """Read one part of all records. ``named``: the location of a link and the rule of a schedule, by their ids."""
    extra = {"schedules": ("id", "service_at_location_id"), "exceptions": ("schedule_id",)}.get(name, ())
    owner: InstrumentedAttribute[str] = getattr(part.table, part.owner)
    columns = [getattr(part.table, column) for column in (*part.columns, *extra)]
    for row in session.execute(select(owner, *columns).where(owner.in_(owners))):
        form = {column: encode(value) for column, value in zip(part.columns, row[1:], strict=False)}
        if name == "schedules":
            named[row[-2]] = rule_of(form)
        if extra:
            form["location" if name == "schedules" else "rule"] = named.get(row[-1]) if row[-1] else None
        found[row[0]].form[name].append(form)


def read_times(session: Session, service_id: str) -> Form:
    """Return the ``schedules`` and ``exceptions`` of one service."""
    owners = select(models.Service.id).where(models.Service.id == service_id)
    found = {service_id: Record(service_id, None, None, None, {"locations": [], "schedules": [], "exceptions": []})}
    named = _links(session, owners, found)
    for name in ("schedules", "exceptions"):
        _read_part(session, name, PARTS["service"][name], owners, found, named)
    return found[service_id].form


def _links(session: Session, owners: Select[Any], found: dict[str, Record]) -> dict[str, str]:
    link, places = models.ServiceAtLocation, {}
    query = select(link.id, link.service_id, link.location_id, link.description).where(link.service_id.in_(owners))
    for id_, service_id, location_id, description in session.execute(query):
        places[id_] = location_id
        found[service_id].form["locations"].append({"location": location_id, "description": description})
    return places


def _read_terms(session: Session, owners: Select[Any], found: dict[str, Record]) -> None:
    attribute, term, ours = models.Attribute, models.TaxonomyTerm, vocabulary().name
    query = (
        select(attribute.link_id, models.Taxonomy.name, term.code)
        .join(term, term.id == attribute.taxonomy_term_id)
        .join(models.Taxonomy, models.Taxonomy.id == term.taxonomy_id)
        .where(attribute.link_entity == "service", attribute.link_id.in_(owners))
    )
    for service_id, taxonomy, code in session.execute(query):
        form = found[service_id].form
        row = {"code": code} if taxonomy == ours else {"taxonomy": taxonomy, "code": code}
        form["needs" if taxonomy == ours else "terms"].append(row)


@dataclass(frozen=True)
class Trace:
    """What tells that two services may be the same: words of the name, postcodes, digits of numbers."""

    id: str
    source: str | None
    source_id: str | None
    name: str
    postcodes: frozenset[str]
    numbers: frozenset[str]


def read_traces(session: Session) -> list[Trace]:
    """Return a trace of every stored service that has not been withdrawn."""
    link, address = models.ServiceAtLocation, models.Address
    postcodes: defaultdict[str, set[str]] = defaultdict(set)
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    where = select(link.service_id, address.postal_code).join(address, address.location_id == link.location_id)
    for service_id, postcode in session.execute(where):
        postcodes[service_id].add(postcode)
    for service_id, number in session.execute(select(models.Phone.service_id, models.Phone.number)):
        numbers[service_id].add(digits(number))
    service = models.Service
    query = select(service.id, service.source, service.source_id, service.name).where(service.approval != "withdrawn")
    return [Trace(*row, frozenset(postcodes[row[0]] - {""}), frozenset(numbers[row[0]] - {""})) for row in session.execute(query)]


def digits(number: str) -> str:
    """Return a number's digits as they are dialled in the UK."""
    only = "".join(character for character in number if character.isdigit())
    return "0" + only[2:] if number.strip().startswith("+44") else only
