"""What becomes of an answer to an import's question: what parents would see waits for somebody else, and can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import Directory, Query, models, writing
from services_directory.editing import desk, history
from services_directory.editing.answers import answers_of
from services_directory.editing.desk import Person, Refusal
from services_directory.editing.tables import Change
from services_directory.imports import questions
from services_directory.imports.tables import MergeQuestion, TermQuestion
from tests.services_directory.imports.test_import import apply, one

EDITH = Person(id=1, name="Edith", area_id=None)
AMAL = Person(id=2, name="Amal", area_id=None)
CAFE = "Breastfeeding café (example)"


def ask_term(engine: Engine, *, approve: bool, **fields: Any) -> TermQuestion:
    apply(engine, [one(name=CAFE, attributes=None, **fields)], approve=approve)
    with Session(engine) as session:
        return session.scalars(select(TermQuestion).where(TermQuestion.code == "infant-feeding")).one()


def ask_merge(engine: Engine, *, older: bool = True, newer: bool = True) -> MergeQuestion:
    """The older has no e-mail. Whether each is approved."""
    apply(engine, [one(name=CAFE, email=None)], approve=older)
    apply(engine, [one(name=CAFE, id="another")], approve=newer, source="other")
    with Session(engine) as session:
        return session.scalars(select(MergeQuestion)).one()


def answer(engine: Engine, question: TermQuestion | MergeQuestion, person: Person = EDITH, **how: bool) -> str:
    with writing(engine) as session:
        if isinstance(question, TermQuestion):
            return questions.answer_term(session, person, question.id, yes=how.pop("yes", True), **how)
        return questions.answer_merge(session, person, question.id, same=how.pop("yes", True), **how)


def waiting(engine: Engine) -> Change:
    with Session(engine) as session:
        (change,) = desk.pending(session, AMAL)
        return change


def approve(engine: Engine, change: Change, person: Person = AMAL) -> None:
    with writing(engine) as session:
        row = desk.get_change(session, person, change.id)
        shown = desk.fingerprint(row, desk.current_answers(session, row), desk.double_of(session, row))
        desk.approve(session, person, change.id, shown)


def undo(engine: Engine, service_id: str, kind: str) -> Change:
    with writing(engine) as session:
        step = next(step for step in history.steps_of(session, service_id) if step.kind == kind)
        change = history.undo(session, EDITH, step.id)
        assert desk.send(session, EDITH, change.id) == []
        return change


def found(engine: Engine) -> list[str]:
    """The sources of what a parent finds."""
    return sorted(match.service.source or "" for match in Directory(engine).search(Query(mode="go")))


def needs(engine: Engine, service_id: str) -> str:
    with Session(engine) as session:
        return answers_of(session.get_one(models.Service, service_id)).get("needs", "")


def state(engine: Engine, question: TermQuestion | MergeQuestion) -> str:
    with Session(engine) as session:
        return session.get_one(type(question), question.id).state


def test_a_need_waits_for_somebody_else_with_its_difference_and_can_be_undone(engine: Engine) -> None:
    question = ask_term(engine, approve=True)
    assert answer(engine, question) == "waiting" and needs(engine, question.service_id) == ""
    change = waiting(engine)
    with pytest.raises(Refusal, match="own"):
        approve(engine, change, EDITH)
    with Session(engine) as session:
        (difference,) = desk.differences(change, desk.current_answers(session, change))
    assert (difference.field, difference.before, difference.after) == ("needs", "", "infant-feeding")
    approve(engine, change)
    assert needs(engine, question.service_id) == "infant-feeding"
    approve(engine, undo(engine, question.service_id, "changed"))
    assert needs(engine, question.service_id) == ""


def test_needs_that_one_person_confirms_wait_together(engine: Engine) -> None:
    question = ask_term(engine, approve=True)
    with writing(engine) as session:
        more = TermQuestion(service_id=question.service_id, code="sleep", why="a test")
        session.add(more)
    answer(engine, question)
    answer(engine, more)
    approve(engine, waiting(engine))
    assert needs(engine, question.service_id) == "infant-feeding sleep"


def test_a_no_changes_nothing_and_is_not_asked_again(engine: Engine) -> None:
    question = ask_term(engine, approve=True)
    assert answer(engine, question, yes=False) == "answered"
    with Session(engine) as session:
        assert desk.pending(session, AMAL) == []
    with pytest.raises(questions.NoSuchQuestion):
        answer(engine, question)


def test_what_nobody_has_approved_is_tagged_at_once_and_stays_unseen(engine: Engine) -> None:
    question = ask_term(engine, approve=False)
    assert answer(engine, question) == "answered" and needs(engine, question.service_id) == "infant-feeding"
    with Session(engine) as session:
        step = history.steps_of(session, question.service_id)[0]
        assert (step.kind, step.author, step.after) == ("answered", "Edith", {"needs": "infant-feeding"})
        assert session.get_one(models.Service, question.service_id).approval == "pending"


def test_whoever_may_approve_their_own_answers_alone(engine: Engine) -> None:
    question = ask_term(engine, approve=True)
    assert answer(engine, question, alone=True) == "answered" and needs(engine, question.service_id) == "infant-feeding"
    with Session(engine) as session:
        assert desk.pending(session, AMAL) == []


def test_a_double_is_withdrawn_when_somebody_else_approves_and_brought_back_by_undo(engine: Engine) -> None:
    question = ask_merge(engine)
    assert found(engine) == ["other", "test"]
    assert answer(engine, question) == "waiting" and found(engine) == ["other", "test"]
    change = waiting(engine)
    assert (change.service_id, change.withdraws) == (question.other_id, question.service_id)
    approve(engine, change)
    assert found(engine) == ["test"]
    with Session(engine) as session:
        assert session.get_one(models.Service, question.other_id).email == "quiet@example.org"
        (merged, _) = history.steps_of(session, question.other_id)
        assert (merged.kind, merged.author, merged.approver) == ("merged", "Edith", "Amal")
        assert merged.after == {"email": "quiet@example.org", "other": CAFE, "other_id": question.service_id}
    back = undo(engine, question.service_id, "withdrawn")
    assert found(engine) == ["test"]
    approve(engine, back)
    assert found(engine) == ["other", "test"]
    approve(engine, undo(engine, question.other_id, "merged"))
    with Session(engine) as session:
        assert session.get_one(models.Service, question.other_id).email is None


def test_an_approver_withdraws_the_double_that_they_saw_and_no_other(engine: Engine) -> None:
    question = ask_merge(engine)
    answer(engine, question)
    change = waiting(engine)
    with Session(engine) as session:
        row = desk.get_change(session, AMAL, change.id)
        shown = desk.fingerprint(row, desk.current_answers(session, row), desk.double_of(session, row))
    with writing(engine) as session:
        session.get_one(models.Service, question.service_id).description = "Quite another thing."
    with pytest.raises(Refusal, match="not_as_shown"), writing(engine) as session:
        desk.approve(session, AMAL, change.id, shown)
    assert found(engine) == ["other", "test"]


def test_doubles_that_nobody_has_approved_are_settled_at_once(engine: Engine) -> None:
    question = ask_merge(engine, older=False, newer=False)
    assert answer(engine, question) == "answered"
    with Session(engine) as session:
        older, newer = (session.get_one(models.Service, one) for one in (question.other_id, question.service_id))
        assert (older.approval, older.email, newer.approval) == ("pending", "quiet@example.org", "withdrawn")
        assert history.steps_of(session, newer.id)[0].kind == "withdrawn"


def test_if_only_the_newer_is_seen_the_older_goes_live_in_its_place(engine: Engine) -> None:
    question = ask_merge(engine, older=False)
    assert answer(engine, question) == "waiting" and found(engine) == ["other"]
    with Session(engine) as session:
        assert desk.makes_live(session, waiting(engine))
    approve(engine, waiting(engine))
    assert found(engine) == ["test"]


@pytest.mark.parametrize("merge", [True, False])
def test_an_answer_that_is_thrown_away_is_asked_again(engine: Engine, merge: bool) -> None:
    question = ask_merge(engine) if merge else ask_term(engine, approve=True)
    answer(engine, question)
    change = waiting(engine)
    with writing(engine) as session:
        desk.refuse(session, AMAL, change.id, "They are in two halls.")
    assert state(engine, question) != "open"
    with writing(engine) as session:
        desk.throw_away(session, EDITH, change.id)
        questions.ask_again(session, change.id)
    assert state(engine, question) == "open"


def test_only_who_may_change_a_record_is_asked_about_it(engine: Engine) -> None:
    common = ask_merge(engine)
    north = Person(id=3, name="Nia", area_id="north")
    with Session(engine) as session:
        assert questions.open_merges(session, north) == [] and len(questions.open_merges(session, EDITH)) == 1
    with pytest.raises(questions.NoSuchQuestion):
        answer(engine, common, north)
