"""Two records of one service: what the one that stays takes over, and how the other is withdrawn. Nothing is deleted."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.editing.answers import Answers, new_wrongs
from services_directory.editing.tables import Change, Step

TAKEN_OVER = ("description", "url", "email", "join", "eligibility")
"""Fields that a record which says nothing there takes from its double."""

WITHDRAWN = "This service was withdrawn: it is the same as “{}”."


def filled(session: Session, kept: Answers, double: Answers) -> dict[str, str]:
    """Return the answers of the record that stays, with its gaps filled from its double where that is right."""
    answers = dict(kept)
    for field in TAKEN_OVER:
        if not kept.get(field) and double.get(field):
            more = {**answers, field: double[field]}
            if all(wrong.field != field for wrong in new_wrongs(session, more, kept)):
                answers = more
    return answers


def withdraw(
    session: Session, double: models.Service, kept: models.Service, *, author_id: int, author: str, approver: str | None
) -> None:
    """Take ``double`` out of parents' sight, and say so in its history. Changes of it that waited go back to their authors.

    It still takes what its source says, so that a wrong answer can be taken back: ``history.undo`` of that step.
    """
    double.approval = "withdrawn"
    # Approved later, a change that is on its way would bring the double back.
    waiting = (Change.service_id == double.id, Change.state == "pending")
    session.execute(update(Change).where(*waiting).values(state="refused", reason=WITHDRAWN.format(kept.name)))
    other = {"other": kept.name, "other_id": kept.id}
    session.add(
        Step(
            service_id=double.id,
            kind="withdrawn",
            before={},
            after=other,
            author_id=author_id,
            author=author,
            approver=approver,
        )
    )
