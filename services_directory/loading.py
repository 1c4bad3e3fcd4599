"""Reading what a search needs, and no more, straight from the columns: no objects, so that 200,000 services take seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute

from services_directory import models
from services_directory.records import Venue, plain_text

# A database takes only so many values in one statement.
CHUNK = 500
Row = Sequence[Any]


@dataclass(frozen=True)
class Raw:
    """Rows as they came: of all that is shown, or of some services. Columns are in the order of ``read_raw``."""

    services: list[Row]
    modes: list[Row]
    links: list[Row]
    schedules: list[Row]
    exceptions: list[Row]
    needs: list[Row]
    languages: list[Row]
    costs: list[Row]
    areas: list[Row]


def _day(column: InstrumentedAttribute[Any], connection: Connection) -> ColumnElement[Any]:
    """Leave a date or time as SQLite keeps it, as text: most are the same few, and are read once each."""
    return type_coerce(column, String) if connection.dialect.name == "sqlite" else column.expression


def read_raw(connection: Connection, taxonomy: str, ids: Sequence[str] | None = None) -> Raw:
    """Read the approved, active services, or those of them among ``ids``. ``taxonomy`` names the vocabulary of needs."""
    service = models.Service
    shown = (service.approval == "approved", service.status == "active")
    services = _rows(
        connection,
        select(
            service.id,
            service.name,
            service.area_id,
            service.level_of_need,
            service.minimum_age_months,
            service.maximum_age_months,
            service.interpreter,
            _day(service.visible_from, connection),
            _day(service.visible_to, connection),
            _day(service.assured_date, connection),
            service.open_on_bank_holidays,
            service.term_time_only,
        ).where(*shown),
        service.id,
        ids,
    )
    return Raw(services=services, **{name: list(rows) for name, rows in _children(connection, taxonomy, ids)})


def _children(connection: Connection, taxonomy: str, ids: Sequence[str] | None) -> Iterator[tuple[str, list[Row]]]:
    def day(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        return _day(column, connection)

    def rows(owner: InstrumentedAttribute[Any], *columns: Any) -> list[Row]:
        return _rows(connection, select(owner, *columns), owner, ids)

    schedule, exception, cost = models.Schedule, models.ServiceException, models.CostOption
    yield "modes", rows(models.ServiceMode.service_id, models.ServiceMode.mode)
    link = models.ServiceAtLocation
    yield "links", rows(link.service_id, link.id, link.location_id)
    yield (
        "schedules",
        rows(
            schedule.service_id,
            schedule.id,
            schedule.service_at_location_id,
            schedule.freq,
            schedule.interval,
            schedule.byday,
            schedule.bymonthday,
            day(schedule.dtstart),
            day(schedule.valid_from),
            day(schedule.until),
            day(schedule.valid_to),
            day(schedule.opens_at),
            day(schedule.closes_at),
        ),
    )
    yield (
        "exceptions",
        rows(
            exception.service_id,
            exception.schedule_id,
            day(exception.date),
            exception.kind,
            day(exception.opens_at),
            day(exception.closes_at),
        ),
    )
    attribute = models.Attribute
    codes = _codes(connection, taxonomy)
    tagged = select(attribute.link_id, attribute.taxonomy_term_id).where(attribute.link_entity == "service")
    found = _rows(connection, tagged, attribute.link_id, ids)
    yield "needs", [(owner, codes[term]) for owner, term in found if term in codes]
    yield "languages", rows(models.Language.service_id, models.Language.code)
    amount = type_coerce(cost.amount, String) if connection.dialect.name == "sqlite" else cost.amount
    yield "costs", rows(cost.service_id, amount, day(cost.valid_from), day(cost.valid_to))
    yield "areas", rows(models.ServiceArea.service_id, models.ServiceArea.name)


def _codes(connection: Connection, taxonomy: str) -> dict[str, str]:
    """Return the code of each term of a taxonomy by the term's id."""
    term = models.TaxonomyTerm
    of_it = select(term.id, term.code).join(models.Taxonomy, models.Taxonomy.id == term.taxonomy_id)
    return dict(connection.execute(of_it.where(models.Taxonomy.name == taxonomy)).tuples().all())


def _rows(
    connection: Connection, query: Select[*tuple[Any, ...]], owner: InstrumentedAttribute[Any], ids: Sequence[str] | None
) -> list[Row]:
    if ids is None:
        # As the driver has them: nothing in these columns needs the types that SQLAlchemy would give to millions of rows.
        cursor = connection.execute(query).cursor
        return list(cursor.fetchall()) if cursor is not None else []
    found: list[Row] = []
    for start in range(0, len(ids), CHUNK):
        found += connection.execute(query.where(owner.in_(ids[start : start + CHUNK]))).all()
    return found


def read_venues(connection: Connection, ids: Sequence[str] | None = None) -> list[Venue]:
    """Read the physical locations as venues, by id: what places and searches need of them (no street, no transport)."""
    location, address = models.Location, models.Address
    query = select(
        location.id,
        location.name,
        location.latitude,
        location.longitude,
        location.nation,
        location.family_hub,
        location.private,
    ).where(location.location_type == "physical")
    rows = _rows(connection, query, location.id, ids)
    addresses = _rows(
        connection,
        select(address.location_id, address.address_type, address.id, address.city, address.state_province, address.postal_code),
        address.location_id,
        ids,
    )
    first: dict[str, Row] = {}
    for row in addresses:
        kept = first.get(row[0])
        if kept is None or (row[1] != "physical", row[2]) < (kept[1] != "physical", kept[2]):
            first[row[0]] = row
    access: dict[str, list[str]] = {}
    said = select(models.Accessibility.location_id, models.Accessibility.description)
    for owner, text in _rows(connection, said, models.Accessibility.location_id, ids):
        if text:
            access.setdefault(owner, []).append(plain_text(text))
    return [_venue(row, first.get(row[0]), tuple(access.get(row[0], ()))) for row in sorted(rows, key=itemgetter(0))]


def _venue(row: Row, address: Row | None, access: tuple[str, ...]) -> Venue:
    venue_id, name, latitude, longitude, nation, family_hub, private = row
    town, district, postcode = address[3:] if address else ("", "", "")
    postcode = postcode.upper().strip()
    if private and postcode:
        postcode = postcode.split()[0] if " " in postcode else postcode[:-3]
    return Venue(
        id=venue_id,
        name=plain(name),
        address=(),
        town=_plain_often(town) or None,
        district=_plain_often(district) or None,
        postcode=postcode or None,
        latitude=None if private else latitude,
        longitude=None if private else longitude,
        nation=nation,
        family_hub=family_hub,
        private=private,
        access=access,
        transport=None,
    )


def plain(text: str) -> str:
    """Return ``plain_text``, at once where there is plainly nothing to strip."""
    if text.isascii() and text.isprintable() and not ("<" in text or "&" in text or "  " in text):
        return text.strip()
    return plain_text(text)


_plain_often = lru_cache(maxsize=50_000)(plain)
"""For what many rows say alike."""


def read_aliases(connection: Connection) -> list[tuple[str, str]]:
    """Read the other names of places."""
    rows = connection.execute(select(models.PlaceAlias.alias, models.PlaceAlias.place).order_by(models.PlaceAlias.id))
    return [(alias, place) for alias, place in rows]


def changed_since(connection: Connection, revision: int) -> dict[str, set[str]]:
    """Return the ids of records that changed after ``revision``, by kind (see ``models.Change``)."""
    changed: dict[str, set[str]] = {"service": set(), "location": set(), "organisation": set(), "everything": set()}
    rows = connection.execute(select(models.Change.kind, models.Change.record_id).where(models.Change.revision > revision))
    for kind, record_id in rows:
        changed[kind].add(record_id)
    return changed


def services_at(connection: Connection, locations: Sequence[str]) -> set[str]:
    """Return the ids of the services at any of ``locations``."""
    link = models.ServiceAtLocation
    return {owner for owner, _ in _rows(connection, select(link.service_id, link.id), link.location_id, locations)}


def services_of(connection: Connection, organisations: Sequence[str]) -> set[str]:
    """Return the ids of the services of any of ``organisations``."""
    service = models.Service
    return {found for (found,) in _rows(connection, select(service.id), service.organisation_id, organisations)}


def read_texts(connection: Connection, ids: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield id, name, description, organisation and eligibility of the approved, active services, or of some of them."""
    service, organisation = models.Service, models.Organisation
    query = (
        select(service.id, service.name, service.description, organisation.name, service.eligibility_description)
        .join(organisation, organisation.id == service.organisation_id)
        .where(service.approval == "approved", service.status == "active")
    )
    if ids is not None:
        yield from _rows(connection, query, service.id, ids)
        return
    for part in connection.execution_options(yield_per=5_000).execute(query).partitions():
        yield from part


@lru_cache(maxsize=200_000)
def as_date(value: str | date | None) -> date | None:
    """Return a day, which SQLite keeps as text."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def ordinal(value: str | date | None, missing: int) -> int:
    """Return the number of a day, or ``missing`` if there is none."""
    day = as_date(value)
    return missing if day is None else day.toordinal()


@lru_cache(maxsize=10_000)
def minute(value: str | time | None) -> int:
    """Return the minute of the day of a time of day, which SQLite keeps as text; -1 if there is none."""
    clock = time.fromisoformat(value) if isinstance(value, str) else value
    return -1 if clock is None else clock.hour * 60 + clock.minute
