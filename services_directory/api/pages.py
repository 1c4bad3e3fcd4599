"""Reading pages and single records. A page takes a fixed number of queries, however many records are on it.

Every function blocks for one short transaction. What is streamed is read as a list of ids first, and then in batches,
so that no transaction stays open while a slow reader reads.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, raiseload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from services_directory import export
from services_directory.api.filters import (
    Around,
    has_published_service,
    id_condition,
    organisation_conditions,
    published,
    service_conditions,
    service_within,
    squared_metres,
    taxonomy_conditions,
    term_conditions,
    within,
)
from services_directory.api.parameters import Asked, Refused
from services_directory.directory import whole_service
from services_directory.export import Json
from services_directory.models import Location, Organisation, Service, ServiceArea, ServiceAtLocation, Taxonomy, TaxonomyTerm

BATCH = 200


@dataclass(frozen=True)
class Listing:
    """One kind of list: which ids it has in which order, and how records are read for ids (any order comes back)."""

    ids: Callable[[Asked, date, Around | None], Select[str]]
    records: Callable[[Session, Asked, date, Sequence[str]], list[Json]]


def read_page(session: Session, listing: Listing, asked: Asked, today: date, around: Around | None) -> Json:
    """Return a page in the standard's shape. Raises ``Refused`` if there is no such page."""
    ids = listing.ids(asked, today, around)
    total = session.scalar(select(func.count()).select_from(ids.order_by(None).subquery())) or 0
    pages = -(-total // asked.size)
    if asked.page > max(pages, 1):
        there_are = "There is only one page" if pages <= 1 else f"There are only {pages} pages"
        raise Refused(404, "no_such_page", f"{there_are} of {asked.size} records each. Ask for a lower page.", "page")
    chosen = session.scalars(ids.limit(asked.size).offset((asked.page - 1) * asked.size)).all()
    contents = _in_order(listing, session, asked, today, chosen)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": asked.page,
        "size": len(contents),
        "first_page": asked.page == 1,
        "last_page": asked.page >= pages,
        "empty": not contents,
        "contents": contents,
    }


def read_ids(session: Session, listing: Listing, asked: Asked, today: date, around: Around | None) -> list[str]:
    """Return the ids of all that a filter finds, for streaming."""
    return list(session.scalars(listing.ids(asked, today, around)))


def read_batch(session: Session, listing: Listing, asked: Asked, today: date, ids: Sequence[str]) -> list[Json]:
    """Return the records of these ids that are still there and may still be seen."""
    return _in_order(listing, session, asked, today, ids)


def batches(ids: Sequence[str], asked: Asked) -> Iterator[Sequence[str]]:
    """Cut a list of ids into pieces that are read in one go."""
    size = 10 if asked.full_service else BATCH
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _in_order(listing: Listing, session: Session, asked: Asked, today: date, ids: Sequence[str]) -> list[Json]:
    if not ids:
        return []
    found = {record["id"]: record for piece in _pieces(ids) for record in listing.records(session, asked, today, piece)}
    return [found[one] for one in ids if one in found]


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    # SQLite takes 32,766 variables in a statement.
    for start in range(0, len(ids), 10_000):
        yield ids[start : start + 10_000]


# ---- Services ---------------------------------------------------------------------------------------------------------


def _service_ids(asked: Asked, today: date, around: Around | None) -> Select[str]:
    conditions = [*service_conditions(asked, today, around), *service_within(asked, around)]
    return select(Service.id).where(*conditions).order_by(Service.id)


def _services(session: Session, asked: Asked, today: date, ids: Sequence[str]) -> list[Json]:
    if asked.minimal:
        return [_minimal(session_row) for session_row in _minimal_rows(session, today, ids)]
    options, as_json = (whole_service_alone(), export.to_oruk) if asked.full else (_summary(), export.service_summary)
    return [as_json(row) for row in session.scalars(_published(today).where(Service.id.in_(ids)).options(*options))]


def _minimal_rows(session: Session, today: date, ids: Sequence[str]) -> Any:
    columns = select(Service.id, Service.name, Service.status, Service.last_modified)
    return session.execute(columns.where(published(today), Service.id.in_(ids)))


def _minimal(row: Any) -> Json:
    """The standard's ``minimal`` asks for ``id`` and ``modified_date``; its schema asks for ``name`` and ``status`` too."""
    moment = row.last_modified.isoformat()
    return {"id": row.id, "name": row.name, "status": row.status, "last_modified": moment, "modified_date": moment}


def _published(today: date) -> Select[Service]:
    return select(Service).where(published(today))


def _summary() -> tuple[ORMOption, ...]:
    return (joinedload(Service.organisation), raiseload("*"))


def whole_service_alone() -> tuple[ORMOption, ...]:
    """Return what to load along with whole services. Anything that is not loaded with them is a mistake, and raises."""
    identifiers = joinedload(Service.organisation).selectinload(Organisation.identifiers)
    return (*whole_service(), identifiers, raiseload("*"))


def find_service(session: Session, service_id: str, today: date) -> Json | None:
    """Return one whole service."""
    row = session.scalar(_published(today).where(id_condition(Service.id, service_id)).options(*whole_service_alone()))
    return None if row is None else export.to_oruk(row)


def area_names(session: Session, today: date) -> list[str]:
    """Return the names of all areas that published services say they serve."""
    query = select(ServiceArea.name).distinct().join(Service, Service.id == ServiceArea.service_id).where(published(today))
    return list(session.scalars(query))


# ---- Services at locations --------------------------------------------------------------------------------------------


def _at_location_ids(asked: Asked, today: date, around: Around | None) -> Select[str]:
    near = within(asked, around)
    query = (
        select(ServiceAtLocation.id)
        .join(Service, Service.id == ServiceAtLocation.service_id)
        .join(Location, Location.id == ServiceAtLocation.location_id)
        .where(*service_conditions(asked, today, around), *near)
    )
    if near and around is not None and around.place.point is not None:
        query = query.order_by(squared_metres(around))
    return query.order_by(ServiceAtLocation.id)


def _at_locations(session: Session, asked: Asked, today: date, ids: Sequence[str]) -> list[Json]:
    location = joinedload(ServiceAtLocation.location)
    options = (location.selectinload(Location.addresses), location.selectinload(Location.accessibility), raiseload("*"))
    rows = session.scalars(select(ServiceAtLocation).where(ServiceAtLocation.id.in_(ids)).options(*options)).all()
    services = _published(today).where(Service.id.in_({row.service_id for row in rows}))
    of_service = {
        one.id: one for one in session.scalars(services.options(*(whole_service_alone() if asked.full else _summary())))
    }
    as_json = export.at_location_whole if asked.full else export.at_location_summary
    return [as_json(row, of_service[row.service_id]) for row in rows if row.service_id in of_service]


def find_at_location(session: Session, at_location_id: str, today: date) -> Json | None:
    """Return one service at a location, whole."""
    ids = session.scalars(select(ServiceAtLocation.id).where(id_condition(ServiceAtLocation.id, at_location_id))).all()
    found = _at_locations(session, Asked(full=True), today, ids) if ids else []
    return found[0] if found else None


# ---- Organisations ----------------------------------------------------------------------------------------------------


def _organisation_ids(asked: Asked, today: date, _around: Around | None) -> Select[str]:
    return select(Organisation.id).where(*organisation_conditions(asked, today)).order_by(Organisation.id)


def _organisations(session: Session, asked: Asked, today: date, ids: Sequence[str]) -> list[Json]:
    nested = asked.full or asked.full_service
    query = select(Organisation).where(has_published_service(today), Organisation.id.in_(ids))
    rows = session.scalars(query.options(*([selectinload(Organisation.identifiers)] if nested else []), raiseload("*"))).all()
    if not nested:
        return [export.organisation_fields(row) for row in rows]
    services = _services_of(session, asked, today, ids)
    return [export.organisation(row) | {"services": services[row.id]} for row in rows]


def _services_of(session: Session, asked: Asked, today: date, ids: Sequence[str]) -> dict[str, list[Json]]:
    """Return the organisations' services: whole with ``full_service``, else only what names them."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    if asked.full_service:
        whole = _published(today).where(Service.organisation_id.in_(ids)).order_by(Service.id).options(*whole_service_alone())
        for service in session.scalars(whole):
            nested = export.to_oruk(service)
            nested.pop("organization")
            found[service.organisation_id].append(nested)
        return found
    columns = select(Service.organisation_id, Service.id, Service.name, Service.status)
    of_these = columns.where(published(today), Service.organisation_id.in_(ids)).order_by(Service.id)
    for owner, one, name, status in session.execute(of_these):
        found[owner].append({"id": one, "name": name, "status": status})
    return found


def find_organisation(session: Session, organisation_id: str, today: date, *, full_service: bool) -> Json | None:
    """Return one organisation with its services."""
    query = select(Organisation.id).where(has_published_service(today), id_condition(Organisation.id, organisation_id))
    ids = session.scalars(query).all()
    found = _organisations(session, Asked(full=True, full_service=full_service), today, ids) if ids else []
    return found[0] if found else None


# ---- Taxonomies -------------------------------------------------------------------------------------------------------


def _taxonomy_ids(asked: Asked, _today: date, _around: Around | None) -> Select[str]:
    return select(Taxonomy.id).where(*taxonomy_conditions(asked)).order_by(Taxonomy.id)


def _taxonomies(session: Session, _asked: Asked, _today: date, ids: Sequence[str]) -> list[Json]:
    return [export.taxonomy(row) for row in session.scalars(select(Taxonomy).where(Taxonomy.id.in_(ids)))]


def find_taxonomy(session: Session, taxonomy_id: str, _today: date) -> Json | None:
    """Return one vocabulary with its terms."""
    row = session.scalar(select(Taxonomy).where(id_condition(Taxonomy.id, taxonomy_id)))
    if row is None:
        return None
    terms = select(TaxonomyTerm).where(TaxonomyTerm.taxonomy_id == row.id).order_by(TaxonomyTerm.id)
    found = [export.taxonomy_term(term) for term in session.scalars(terms.options(*_term_options()))]
    return export.taxonomy(row) | ({"taxonomy_terms": found} if found else {})


def _term_options() -> tuple[ORMOption, ...]:
    return (joinedload(TaxonomyTerm.taxonomy), raiseload("*"))


def _term_ids(asked: Asked, _today: date, _around: Around | None) -> Select[str]:
    return select(TaxonomyTerm.id).where(*term_conditions(asked)).order_by(TaxonomyTerm.id)


def _term_records(session: Session, _asked: Asked, _today: date, ids: Sequence[str]) -> list[Json]:
    query = select(TaxonomyTerm).where(TaxonomyTerm.id.in_(ids)).options(*_term_options())
    return [export.taxonomy_term(row) for row in session.scalars(query)]


def find_term(session: Session, term_id: str, today: date) -> Json | None:
    """Return one term."""
    ids = session.scalars(select(TaxonomyTerm.id).where(id_condition(TaxonomyTerm.id, term_id))).all()
    found = _term_records(session, Asked(), today, ids) if ids else []
    return found[0] if found else None


LISTINGS = {
    "services": Listing(_service_ids, _services),
    "service_at_locations": Listing(_at_location_ids, _at_locations),
    "organizations": Listing(_organisation_ids, _organisations),
    "taxonomies": Listing(_taxonomy_ids, _taxonomies),
    "taxonomy_terms": Listing(_term_ids, _term_records),
}
