"""What was done to a service, and taking a step of it back. As ``desk``: every call takes a session and commits nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services_directory.editing.answers import answers_of
from services_directory.editing.desk import Person, Refusal, get_service, may_change
from services_directory.editing.tables import Change, Step

UNDOABLE = ("changed", "undone", "answered", "merged", "withdrawn", "refused")
"""Steps of a history that can be undone: what was added or imported is changed like anything else instead."""


def steps_of(session: Session, service_id: str) -> list[Step]:
    """Return what was done to a service, the latest first."""
    query = select(Step).where(Step.service_id == service_id).order_by(Step.at.desc(), Step.id)
    return list(session.scalars(query.limit(200)))


def undo(session: Session, person: Person, step_id: str) -> Change:
    """Begin a change that sets the fields of one step back to what they were before it. It is sent and approved as any other.

    Fields that were changed again since are set back too; the difference shows it. Raises ``Refusal``.
    """
    step = session.get(Step, step_id)
    if step is None:
        raise Refusal("missing")
    service = get_service(session, person, step.service_id)
    if not may_change(person, service.area_id):
        raise Refusal("not_yours")
    if step.kind not in UNDOABLE:
        raise Refusal("undo_added")
    current = answers_of(service)
    answers = {field: text for field, text in current.items() if field not in step.after} | step.before
    brings_back = step.kind in ("withdrawn", "refused") and service.approval == "withdrawn"
    if answers == current and not brings_back:
        raise Refusal("unchanged")
    change = Change(
        service_id=service.id,
        area_id=service.area_id,
        base=current,
        answers=answers,
        author_id=person.id,
        author=person.name,
        undoes=step.id,
    )
    session.add(change)
    session.flush()
    return change
