"""What parents and providers say is wrong, as one item a service until staff have dealt with it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.editing.desk import Person, Refusal, in_sight, may_change, may_see
from services_directory.freshness.tables import REASONS, ParentReport, ProviderNote
from services_directory.models import now

LONGEST_WORDS = 2_000
AT_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Reported:
    """One service that parents said is wrong: how many in all, how many for each reason, and on which days."""

    service: models.Service
    count: int
    reasons: tuple[tuple[str, int], ...]
    first_on: date
    last_on: date


def report(session: Session, service_id: str, today: date) -> bool:
    """Count one parent's word that a record is wrong, without a reason. ``False`` if there is no such service."""
    return _count(session, service_id, "", today)


def give_reason(session: Session, service_id: str, reason: str, today: date) -> bool:
    """Say why the parent who was just counted said so. Counts nobody twice. Raises ``ValueError`` for an unknown reason.

    If staff have dealt with the report meanwhile, this is a word of its own.
    """
    if reason not in REASONS or not reason:
        raise ValueError(f"{reason!r} is no reason")
    unsaid = (ParentReport.service_id == service_id, ParentReport.reason == "")
    session.execute(update(ParentReport).where(*unsaid, ParentReport.count > 0).values(count=ParentReport.count - 1))
    session.execute(delete(ParentReport).where(*unsaid, ParentReport.count <= 0))
    return _count(session, service_id, reason, today)


def _count(session: Session, service_id: str, reason: str, today: date) -> bool:
    """One statement, because two parents may press at once."""
    if session.scalar(select(models.Service.id).where(models.Service.id == service_id)) is None:
        return False
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(ParentReport).values(service_id=service_id, reason=reason, count=1, first_on=today, last_on=today)
    more = {"count": ParentReport.count + 1, "last_on": today}
    session.execute(new.on_conflict_do_update(index_elements=["service_id", "reason"], set_=more))
    return True


def reported(session: Session, person: Person) -> list[Reported]:
    """Return what parents of the person's area said is wrong, that of most parents first."""
    query = (
        select(ParentReport, models.Service)
        .join(models.Service, models.Service.id == ParentReport.service_id)
        .where(in_sight(models.Service.area_id, person))
    )
    rows: dict[str, list[ParentReport]] = {}
    services: dict[str, models.Service] = {}
    for row, service in session.execute(query):
        rows.setdefault(service.id, []).append(row)
        services[service.id] = service
    found = [
        Reported(
            service=services[service_id],
            count=sum(row.count for row in mine),
            reasons=tuple((reason, row.count) for reason in REASONS if reason for row in mine if row.reason == reason),
            first_on=min(row.first_on for row in mine),
            last_on=max(row.last_on for row in mine),
        )
        for service_id, mine in rows.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.first_on, one.service.name))[:AT_MOST]


def notes(session: Session, person: Person) -> list[tuple[ProviderNote, models.Service]]:
    """Return what providers wrote that nobody has dealt with, the oldest first."""
    query = (
        select(ProviderNote, models.Service)
        .join(models.Service, models.Service.id == ProviderNote.service_id)
        .where(ProviderNote.settled_at.is_(None), in_sight(models.Service.area_id, person))
        .order_by(ProviderNote.at)
    )
    return [(note, service) for note, service in session.execute(query.limit(AT_MOST))]


def how_many_reported(session: Session, person: Person) -> int:
    """Return how many services of the person's area parents said are wrong."""
    query = select(func.count(ParentReport.service_id.distinct())).join(
        models.Service, models.Service.id == ParentReport.service_id
    )
    return session.scalar(query.where(in_sight(models.Service.area_id, person))) or 0


def how_many_notes(session: Session, person: Person) -> int:
    """Return how many notes of providers nobody has dealt with."""
    query = select(func.count()).select_from(ProviderNote).join(models.Service, models.Service.id == ProviderNote.service_id)
    return session.scalar(query.where(ProviderNote.settled_at.is_(None), in_sight(models.Service.area_id, person))) or 0


def settle_reports(session: Session, person: Person, service_id: str) -> int:
    """Take a service off the list of what parents reported; returns how many had said so. Raises ``Refusal``."""
    _theirs(session, person, service_id)
    rows = session.scalars(select(ParentReport).where(ParentReport.service_id == service_id)).all()
    total = sum(row.count for row in rows)
    session.execute(delete(ParentReport).where(ParentReport.service_id == service_id))
    return total


def settle_note(session: Session, person: Person, note_id: str) -> str:
    """Mark a provider's note as dealt with; returns its service's id. Raises ``Refusal``."""
    note = session.get(ProviderNote, note_id)
    if note is None:
        raise Refusal("missing")
    _theirs(session, person, note.service_id)
    session.execute(
        update(ProviderNote)
        .where(ProviderNote.id == note_id, ProviderNote.settled_at.is_(None))
        .values(settled_at=now(), settled_by=person.name)
    )
    return note.service_id


def _theirs(session: Session, person: Person, service_id: str) -> None:
    service = session.get(models.Service, service_id)
    if service is None or not may_see(person, service.area_id):
        raise Refusal("missing")
    if not may_change(person, service.area_id):
        raise Refusal("not_yours")
