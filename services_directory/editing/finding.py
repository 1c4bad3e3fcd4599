"""Finding services by anything, and what a service can be given to: organisations and places of the person's area."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.directory import whole_service
from services_directory.editing.desk import Person, in_sight

PAGE = 20


@dataclass(frozen=True)
class Found:
    """A page of services, how many there are in all, and the number of this page, from 1."""

    services: Sequence[models.Service]
    total: int
    page: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // PAGE))


def find(session: Session, person: Person, words: str = "", *, status: str = "", page: int = 1) -> Found:
    """Find services by anything: part of a name, organisation, phone, postcode, town or need. Every word must be found.

    ``status``: one of ``models.STATUSES``; ``pending`` for what nobody has approved, ``withdrawn`` for what was withdrawn.
    """
    where = [in_sight(models.Service.area_id, person)]
    if status in models.STATUSES:
        where.append(models.Service.status == status)
    elif status == "pending":
        where.append(models.Service.approval.not_in(("approved", "withdrawn")))
    elif status == "withdrawn":
        where.append(models.Service.approval == "withdrawn")
    where += [_anywhere(word) for word in words.split()[:8]] if not _is_number_or_postcode(words) else [_anywhere(words)]
    total = session.scalar(select(func.count()).select_from(models.Service).where(*where)) or 0
    page = min(max(1, page), max(1, -(-total // PAGE)))
    query = select(models.Service).where(*where).order_by(func.lower(models.Service.name), models.Service.id)
    rows = session.scalars(query.offset((page - 1) * PAGE).limit(PAGE).options(*whole_service())).unique().all()
    return Found(rows, total, page)


def _is_number_or_postcode(words: str) -> bool:
    compact = "".join(words.split())
    return bool(compact) and len(compact) < 20 and any(c.isdigit() for c in compact) and compact.strip("+()-").isalnum()


def _anywhere(word: str) -> ColumnElement[bool]:
    service, part = models.Service, _part(word)
    compact = _part("".join(word.split()))
    place = (
        select(models.ServiceAtLocation.service_id)
        .join(models.Location)
        .join(models.Address)
        .where(
            or_(
                func.lower(models.Location.name).like(part, escape="\\"),
                func.lower(models.Address.city).like(part, escape="\\"),
                func.lower(func.replace(models.Address.postal_code, " ", "")).like(compact, escape="\\"),
            )
        )
    )
    number = func.replace(func.replace(models.Phone.number, " ", ""), "-", "")
    phone = select(models.Phone.service_id).where(number.like(compact, escape="\\"))
    organisation = select(models.Organisation.id).where(func.lower(models.Organisation.name).like(part, escape="\\"))
    term = or_(
        func.lower(models.TaxonomyTerm.name).like(part, escape="\\"),
        func.lower(models.TaxonomyTerm.description).like(part, escape="\\"),
    )
    need = select(models.Attribute.link_id).join(models.TaxonomyTerm).where(models.Attribute.link_entity == "service").where(term)
    return or_(
        func.lower(service.name).like(part, escape="\\"),
        func.lower(service.alternate_name).like(part, escape="\\"),
        func.lower(service.email).like(part, escape="\\"),
        service.source_id == word.strip(),
        service.organisation_id.in_(organisation),
        service.id.in_(place),
        service.id.in_(phone),
        service.id.in_(need),
    )


def _part(word: str) -> str:
    escaped = word.strip().lower().replace("\0", "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped[:100]}%"


def organisations(session: Session, person: Person) -> list[tuple[str, str]]:
    """Return (id, name) of the organisations that a service can be given to."""
    table = models.Organisation
    query = select(table.id, table.name).where(in_sight(table.area_id, person)).order_by(func.lower(table.name), table.id)
    return [(id_, name) for id_, name in session.execute(query)]


def venues(session: Session, person: Person) -> list[tuple[str, str]]:
    """Return (id, name with town and postcode) of the places that a service can be at; of a private one the name and town."""
    table = models.Location
    query = (
        select(table.id, table.name, table.private, models.Address.city, models.Address.postal_code)
        .join(models.Address)
        .where(table.location_type == "physical", in_sight(table.area_id, person))
        .order_by(func.lower(table.name), table.id)
    )
    found: dict[str, str] = {}
    for id_, name, private, town, postcode in session.execute(query):
        found.setdefault(id_, ", ".join(filter(None, (name, town, "" if private else postcode))))
    return list(found.items())
