"""What imports asked: is this the same service, does it answer this need? Answers are a person's, and are kept.

An answer that changes what parents see becomes a change that waits for an approver, as any edit does
(``editing.desk``). One about services that nobody has approved yet is written at once: whoever approves them sees it there.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services_directory import models
from services_directory.editing import desk, doubles
from services_directory.editing.answers import answers_of
from services_directory.editing.desk import Person, Refusal
from services_directory.editing.tables import Change
from services_directory.imports.tables import MergeQuestion, TermQuestion
from services_directory.terms import vocabulary

MOST_OPEN = 200

Became = Literal["answered", "waiting"]
"""What became of an answer: it is done, or it waits for an approver."""


class NoSuchQuestion(ValueError):
    """It does not exist, is another area's, or has been answered."""


@dataclass(frozen=True)
class OpenTerm:
    """Does this service answer this need? ``why``: as ``why_of`` gives it."""

    id: str
    service: str
    need: str
    why: Any


@dataclass(frozen=True)
class OpenMerge:
    """Are these two the same? ``other`` was there first. ``why``: as ``why_of`` gives it."""

    id: str
    service: str
    source: str
    other: str
    other_source: str
    why: Any


def open_terms(session: Session, person: Person) -> list[OpenTerm]:
    """Return open suggestions about services that the person may change, by service, at most ``MOST_OPEN``."""
    service = models.Service
    query = (
        select(TermQuestion, service.name)
        .join(service)
        .where(TermQuestion.state == "open", service.approval != "withdrawn", _theirs(service.area_id, person))
    )
    terms = vocabulary().terms
    rows = session.execute(query.order_by(service.name, TermQuestion.code).limit(MOST_OPEN)).tuples()
    return [OpenTerm(row.id, name, terms[row.code].name, why_of(row.why)) for row, name in rows if row.code in terms]


def open_merges(session: Session, person: Person) -> list[OpenMerge]:
    """Return open doubts about services that the person may change both, by service, at most ``MOST_OPEN``."""
    new, old = aliased(models.Service), aliased(models.Service)
    query = (
        select(MergeQuestion, new.name, new.source, old.name, old.source)
        .join(new, new.id == MergeQuestion.service_id)
        .join(old, old.id == MergeQuestion.other_id)
        .where(MergeQuestion.state == "open", new.approval != "withdrawn", old.approval != "withdrawn")
        .where(_theirs(new.area_id, person), _theirs(old.area_id, person))
    )
    rows = session.execute(query.order_by(new.name, MergeQuestion.id).limit(MOST_OPEN)).tuples()
    return [OpenMerge(row.id, name, mine or "", other, theirs or "", why_of(row.why)) for row, name, mine, other, theirs in rows]


def why_of(text: str) -> Any:
    """Return why a question was asked, as ``notes.Said.as_json`` has it; of one from before there were keys, its English."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) and "said" in found else text


def _theirs(column: InstrumentedAttribute[str | None], person: Person) -> ColumnElement[bool]:
    """Return the condition of ``desk.may_change``."""
    return true() if person.area_id is None else column == person.area_id


def answer_term(session: Session, person: Person, question_id: str, *, yes: bool, alone: bool = False) -> Became:
    """Give the service the need, or never ask this again. Raises ``NoSuchQuestion``; ``Refusal`` as ``desk.approve`` does.

    ``alone``: whether the person may approve what they answer themselves.
    """
    question = session.get(TermQuestion, question_id)
    if question is None or question.state != "open":
        raise NoSuchQuestion(question_id)
    service = _service(session, person, question.service_id)
    question.state, question.answered_by = "yes" if yes else "no", str(person.id)
    if not yes or question.code not in vocabulary().terms:
        return "answered"
    if service.approval != "approved":
        desk.settle(session, person, service, _with_need(answers_of(service), question.code))
        return "answered"
    change = _waiting_with_needs(session, person, service.id)
    if change is None:
        change = desk.propose(session, person, service, _with_need(answers_of(service), question.code))
    else:
        change.answers = _with_need(change.answers, question.code)
    question.change_id = change.id
    return _decided(session, person, change, alone=alone)


def _with_need(answers: dict[str, str], code: str) -> dict[str, str]:
    return answers | {"needs": " ".join(sorted({*answers.get("needs", "").split(), code}))}


def _waiting_with_needs(session: Session, person: Person, service_id: str) -> Change | None:
    """Return the person's change of this service that other answers of theirs wait in: one to approve, not one for each need."""
    mine = (Change.service_id == service_id, Change.author_id == person.id, Change.state == "pending")
    answered = select(TermQuestion.change_id).where(TermQuestion.service_id == service_id)
    return session.scalars(select(Change).where(*mine, Change.id.in_(answered))).first()


def answer_merge(session: Session, person: Person, question_id: str, *, same: bool, alone: bool = False) -> Became:
    """Withdraw the newer of two that are the same, or keep both. Raises ``NoSuchQuestion``; ``Refusal`` as ``desk.approve`` does.

    Nothing is deleted. What the older one lacks of ``doubles.TAKEN_OVER`` is filled from the newer. ``alone``: as above.
    """
    question = session.get(MergeQuestion, question_id)
    if question is None or question.state != "open":
        raise NoSuchQuestion(question_id)
    newer = _service(session, person, question.service_id)
    older = _service(session, person, question.other_id)
    question.state, question.answered_by = "same" if same else "different", str(person.id)
    if not same:
        return "answered"
    answers = doubles.filled(session, answers_of(older), answers_of(newer))
    if "approved" not in (newer.approval, older.approval):
        desk.settle(session, person, older, answers)
        double, kept = (session.get_one(models.Service, one) for one in (question.service_id, question.other_id))
        doubles.withdraw(session, double, kept, author_id=person.id, author=person.name, approver=None)
        return "answered"
    change = desk.propose(session, person, older, answers, newer.id)
    question.change_id = change.id
    return _decided(session, person, change, alone=alone)


def _decided(session: Session, person: Person, change: Change, *, alone: bool) -> Became:
    if not alone:
        return "waiting"
    current = desk.current_answers(session, change)
    shown = desk.fingerprint(change, current, desk.double_of(session, change))
    desk.approve(session, person, change.id, shown, own_too=True)
    return "answered"


def ask_again(session: Session, change_id: str) -> None:
    """Open the questions again whose answers were in a change that was thrown away."""
    for table in (TermQuestion, MergeQuestion):
        answered = update(table).where(table.change_id == change_id)
        session.execute(answered.values(state="open", answered_by=None, change_id=None))


def _service(session: Session, person: Person, service_id: str) -> models.Service:
    """Return a service that the person may change. Raises ``NoSuchQuestion``: what is another's is not theirs to be asked."""
    try:
        service = desk.get_service(session, person, service_id)
    except Refusal as refusal:
        raise NoSuchQuestion(service_id) from refusal
    if not desk.may_change(person, service.area_id):
        raise NoSuchQuestion(service_id)
    return service
