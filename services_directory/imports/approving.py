"""Services that were brought in and that nobody has approved: which there are, what they lack, and a decision on many at once.

Whoever decides was shown a summary: each service goes with the mark of what was shown, and one that has changed since is
left. Each is decided and recorded by itself, a few in one transaction, so that nobody who writes waits long.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.directory import whole_service
from services_directory.editing.answers import answers_of
from services_directory.editing.desk import LONGEST_REASON, Person, Refusal, in_sight, may_change, may_see
from services_directory.editing.tables import Change, Step
from services_directory.imports.stored import chunks
from services_directory.imports.tables import MergeQuestion
from services_directory.terms import vocabulary

PAGE = 50
MOST_AT_ONCE = 2000
IN_ONE_TRANSACTION = 25
PROBLEMS = ("double", "no_need", "no_phone", "no_place", "stale")
"""What an approver should know: an open question whether it is there already; what parents find it and reach it by; its age."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which services: of one source, of one organisation (its id), with one of ``PROBLEMS``; empty for any.

    ``stale_before``: what was checked before this day, or never, is stale.
    """

    stale_before: date
    source: str = ""
    organisation: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One service that waits. ``refusal``: the code of why the reader cannot approve it; ``mark``: of what was shown."""

    id: str
    name: str
    organisation: str
    source: str
    problems: tuple[str, ...]
    refusal: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Approve or refuse, and why. ``own_too``: whether one may approve what one brought in."""

    approve: bool
    reason: str
    own_too: bool = False


@dataclass(kw_only=True)
class Outcome:
    """What became of many: ids that were decided, and (id, name, code of why not) of the others."""

    done: list[str] = field(default_factory=list)
    failed: list[tuple[str, str, str]] = field(default_factory=list)


# ---- Which there are --------------------------------------------------------------------------------------------------


def how_many(session: Session, person: Person, wanted: Wanted | None = None) -> int:
    """Return how many services wait in the person's area."""
    query = select(func.count()).select_from(models.Service).where(*_waiting(person, wanted))
    return session.scalar(query) or 0


def listed(session: Session, person: Person, wanted: Wanted, page: int) -> list[Row]:
    """Return a page of what waits, by name; pages count from 1."""
    return _rows(session, wanted.stale_before, _waiting(person, wanted), offset=(page - 1) * PAGE, limit=PAGE)


def ids_of(session: Session, person: Person, wanted: Wanted) -> list[str]:
    """Return the ids of all that waits, at most ``MOST_AT_ONCE``."""
    service = models.Service
    query = select(service.id).where(*_waiting(person, wanted)).order_by(func.lower(service.name), service.id)
    return list(session.scalars(query.limit(MOST_AT_ONCE)))


def choices(session: Session, person: Person) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the sources, and (id, name) of the organisations, of what waits."""
    service, organisation = models.Service, models.Organisation
    sources = select(service.source).where(*_waiting(person)).distinct()
    owners = select(organisation.id, organisation.name).join(service).where(*_waiting(person)).distinct()
    named = session.execute(owners).tuples()
    return sorted(filter(None, session.scalars(sources))), sorted(named, key=lambda one: (one[1].casefold(), one[0]))


def _waiting(person: Person, wanted: Wanted | None = None) -> list[ColumnElement[bool]]:
    """Return the conditions. A service with a change that waits is on the list of those instead."""
    service = models.Service
    found = [service.approval == "pending", ~_has_change(), in_sight(service.area_id, person)]
    if wanted is None:
        return found
    if wanted.source:
        found.append(service.source == wanted.source)
    if wanted.organisation:
        found.append(service.organisation_id == wanted.organisation)
    if wanted.problem in PROBLEMS:
        found.append(_problems(wanted.stale_before)[wanted.problem])
    return found


def _has_change() -> ColumnElement[bool]:
    return exists().where(Change.service_id == models.Service.id, Change.state == "pending")


def _problems(stale_before: date) -> Mapping[str, ColumnElement[bool]]:
    service, question = models.Service, MergeQuestion
    term, taxonomy, attribute = models.TaxonomyTerm, models.Taxonomy, models.Attribute
    ours = select(term.id).join(taxonomy).where(taxonomy.name == vocabulary().name)
    tagged = exists().where(
        attribute.link_entity == "service", attribute.link_id == service.id, attribute.taxonomy_term_id.in_(ours)
    )
    goes = exists().where(models.ServiceMode.service_id == service.id, models.ServiceMode.mode == "go")
    in_question = or_(question.service_id == service.id, question.other_id == service.id)
    return {
        "double": exists().where(question.state == "open", in_question),
        "no_need": ~tagged,
        "no_phone": ~exists().where(models.Phone.service_id == service.id),
        "no_place": and_(goes, ~exists().where(models.ServiceAtLocation.service_id == service.id)),
        "stale": or_(service.assured_date.is_(None), service.assured_date < stale_before),
    }


def _rows(
    session: Session, stale_before: date, where: Collection[ColumnElement[bool]], *, offset: int = 0, limit: int = MOST_AT_ONCE
) -> list[Row]:
    service, problems = models.Service, _problems(stale_before)
    columns = (service.id, service.name, models.Organisation.name, service.source)
    query = select(*columns, *(problems[name] for name in PROBLEMS)).join(models.Organisation).where(*where)
    found = session.execute(query.order_by(func.lower(service.name), service.id).offset(offset).limit(limit))
    return [
        Row(
            id=one[0],
            name=one[1],
            organisation=one[2],
            source=one[3] or "",
            problems=tuple(name for name, has in zip(PROBLEMS, one[4:], strict=True) if has),
        )
        for one in found
    ]


# ---- Looking at some --------------------------------------------------------------------------------------------------


def summary(session: Session, person: Person, ids: Sequence[str], stale_before: date, *, own_too: bool) -> list[Row]:
    """Return the chosen services as an approver is shown them, by name; those that are not there or not theirs are left out."""
    found: list[Row] = []
    for some in chunks(ids[:MOST_AT_ONCE]):
        services = _services(session, some)
        refusals = _refusals(session, person, services, Decision(approve=True, reason="", own_too=own_too))
        rows = _rows(session, stale_before, [models.Service.id.in_(some), in_sight(models.Service.area_id, person)])
        for row in rows:
            found.append(replace(row, refusal=refusals.get(row.id, ""), mark=mark(services[row.id])))
    return sorted(found, key=lambda row: (row.name.casefold(), row.id))


def mark(service: models.Service) -> str:
    """Return a short name for what an approver was shown of a service."""
    return hashlib.sha256(json.dumps(answers_of(service), sort_keys=True).encode()).hexdigest()[:12]


def _services(session: Session, ids: Collection[str]) -> dict[str, models.Service]:
    query = select(models.Service).where(models.Service.id.in_(ids)).options(*whole_service())
    return {service.id: service for service in session.scalars(query.execution_options(populate_existing=True)).unique()}


def _refusals(session: Session, person: Person, services: Mapping[str, models.Service], decision: Decision) -> Mapping[str, str]:
    """Return the code of why not, for those that cannot be decided by this person."""
    changing = select(Change.service_id).where(Change.service_id.in_(services), Change.state == "pending")
    waiting = set(session.scalars(changing))
    own = set() if decision.own_too or not decision.approve else _brought_by(session, person, services)
    found: dict[str, str] = {}
    for id_, service in services.items():
        if not may_change(person, service.area_id):
            found[id_] = "not_yours"
        elif service.approval != "pending":
            found[id_] = "not_pending"
        elif id_ in waiting:
            found[id_] = "has_change"
        elif id_ in own:
            found[id_] = "own_import"
    return found


def _brought_by(session: Session, person: Person, ids: Collection[str]) -> set[str]:
    """Return those of which the person brought a file or imported it: somebody else approves them."""
    steps = select(Step.service_id, Step.author_id, Step.after).where(Step.service_id.in_(ids), Step.kind == "imported")
    return {id_ for id_, author_id, after in session.execute(steps) if person.id in (author_id, after.get("brought_by"))}


# ---- Deciding ---------------------------------------------------------------------------------------------------------


def decide(
    begin: Callable[[], AbstractContextManager[Session]], person: Person, chosen: Mapping[str, str], decision: Decision
) -> Outcome:
    """Approve or refuse services, each with the mark that was shown; ``begin`` opens a transaction. Raises ``Refusal`` for a
    reason that is missing or too long; whatever holds up one service is told in the outcome, and holds up no other.
    """
    reason = decision.reason.strip()
    if not reason and not decision.approve:
        raise Refusal("reason_missing")
    if len(reason) > LONGEST_REASON:
        raise Refusal("reason_long")
    outcome = Outcome()
    for some in _few(list(chosen)[:MOST_AT_ONCE]):
        # The outcome counts only what was committed.
        with begin() as session:
            done, failed = _decide_few(session, person, {id_: chosen[id_] for id_ in some}, decision)
        outcome.done += done
        outcome.failed += failed
    return outcome


def _few(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), IN_ONE_TRANSACTION):
        yield ids[start : start + IN_ONE_TRANSACTION]


def _decide_few(
    session: Session, person: Person, chosen: Mapping[str, str], decision: Decision
) -> tuple[list[str], list[tuple[str, str, str]]]:
    services = _services(session, list(chosen))
    refusals = _refusals(session, person, services, decision)
    done: list[str] = []
    failed: list[tuple[str, str, str]] = []
    for id_, shown in chosen.items():
        service = services.get(id_)
        if service is None or not may_see(person, service.area_id):
            failed.append((id_, "", "missing"))
        elif code := refusals.get(id_) or ("" if mark(service) == shown else "not_as_shown"):
            failed.append((id_, service.name, code))
        else:
            service.approval = "approved" if decision.approve else "withdrawn"
            session.add(_step(service, person, decision))
            done.append(id_)
    return done, failed


def _step(service: models.Service, person: Person, decision: Decision) -> Step:
    reason = decision.reason.strip()
    return Step(
        service_id=service.id,
        kind="approved" if decision.approve else "refused",
        before={},
        after={"reason": reason} if reason else {},
        author_id=person.id,
        author=person.name,
        approver=person.name if decision.approve else None,
    )
