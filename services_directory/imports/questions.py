"""What imports asked: is this the same service, does it answer this need? Answers are a person's, and are kept."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session, aliased

from services_directory import models
from services_directory.editing.tables import Change
from services_directory.imports.tables import MergeQuestion, TermQuestion
from services_directory.sheet import _id as minted
from services_directory.sheet import sync_vocabulary
from services_directory.terms import vocabulary

MOST_OPEN = 200
WITHDRAWN = "This service was withdrawn: it is the same as “{}”."


class NoSuchQuestion(ValueError):
    """It does not exist, is another area's, or has been answered."""


@dataclass(frozen=True)
class OpenTerm:
    """Does this service answer this need?"""

    id: str
    service: str
    need: str
    why: str


@dataclass(frozen=True)
class OpenMerge:
    """Are these two the same? ``other`` was there first."""

    id: str
    service: str
    source: str
    other: str
    other_source: str
    why: str


def open_terms(session: Session, area_id: str | None = None) -> list[OpenTerm]:
    """Return open suggestions, by service, at most ``MOST_OPEN``."""
    query = select(TermQuestion, models.Service.name).join(models.Service).where(TermQuestion.state == "open")
    if area_id is not None:
        query = query.where(_in_area(models.Service, area_id))
    terms = vocabulary().terms
    rows = session.execute(query.order_by(models.Service.name, TermQuestion.code).limit(MOST_OPEN)).tuples()
    return [OpenTerm(row.id, name, terms[row.code].name, row.why) for row, name in rows if row.code in terms]


def open_merges(session: Session, area_id: str | None = None) -> list[OpenMerge]:
    """Return open doubts, by service, at most ``MOST_OPEN``."""
    new, old = aliased(models.Service), aliased(models.Service)
    query = (
        select(MergeQuestion, new.name, new.source, old.name, old.source)
        .join(new, new.id == MergeQuestion.service_id)
        .join(old, old.id == MergeQuestion.other_id)
        .where(MergeQuestion.state == "open")
    )
    if area_id is not None:
        query = query.where(_in_area(new, area_id), _in_area(old, area_id))
    rows = session.execute(query.order_by(new.name, MergeQuestion.id).limit(MOST_OPEN)).tuples()
    return [OpenMerge(row.id, name, mine or "", other, theirs or "", row.why) for row, name, mine, other, theirs in rows]


def _in_area(service: type[models.Service], area_id: str) -> ColumnElement[bool]:
    return or_(service.area_id == area_id, service.area_id.is_(None))


def answer_term(session: Session, question_id: str, *, yes: bool, by: str, area_id: str | None = None) -> str:
    """Tag the service, or never ask this again. Returns the service's id. Raises ``NoSuchQuestion``."""
    question = session.get(TermQuestion, question_id)
    if question is None or question.state != "open" or not _sees(session, question.service_id, area_id):
        raise NoSuchQuestion(question_id)
    question.state, question.answered_by = "yes" if yes else "no", by[:100]
    if yes and question.code in vocabulary().terms:
        term_id = sync_vocabulary(session)[question.code]
        has = select(models.Attribute.id).where(
            models.Attribute.link_id == question.service_id, models.Attribute.taxonomy_term_id == term_id
        )
        if session.scalars(has).first() is None:
            id_ = minted("attribute", question.service_id, question.code)
            session.add(models.Attribute(id=id_, link_id=question.service_id, link_entity="service", taxonomy_term_id=term_id))
    return question.service_id


def answer_merge(session: Session, question_id: str, *, same: bool, by: str, area_id: str | None = None) -> str:
    """Withdraw the newer of two that are the same, or keep both. Returns the newer's id. Raises ``NoSuchQuestion``.

    Nothing is deleted: the withdrawn one still takes what its source says, so that a wrong answer can be taken back.
    What the older one lacks (description, web address, e-mail, how to join) is filled from the newer.
    """
    question = session.get(MergeQuestion, question_id)
    if question is None or question.state != "open":
        raise NoSuchQuestion(question_id)
    if not (_sees(session, question.service_id, area_id) and _sees(session, question.other_id, area_id)):
        raise NoSuchQuestion(question_id)
    question.state, question.answered_by = "same" if same else "different", by[:100]
    if same:
        newer = session.get_one(models.Service, question.service_id)
        older = session.get_one(models.Service, question.other_id)
        for name in ("description", "url", "email", "application_process", "eligibility_description"):
            if not getattr(older, name):
                setattr(older, name, getattr(newer, name))
        newer.approval = "withdrawn"
        # Approved later, a change that is on its way would bring the double back.
        waiting = (Change.service_id == newer.id, Change.state == "pending")
        session.execute(update(Change).where(*waiting).values(state="refused", reason=WITHDRAWN.format(older.name)))
    return question.service_id


def _sees(session: Session, service_id: str, area_id: str | None) -> bool:
    service = session.get(models.Service, service_id)
    return service is not None and (area_id is None or service.area_id in (None, area_id))
