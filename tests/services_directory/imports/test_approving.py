"""Approving what was brought in, many at once: what an approver is told, who may, two at once, and what holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import Directory, Query, models, writing
from services_directory.editing import desk, history
from services_directory.editing.desk import Person, Refusal
from services_directory.imports import approving
from services_directory.imports.approving import Decision, Outcome, Wanted
from tests.services_directory.imports.test_import import apply, one

EDITH = Person(id=1, name="Edith", area_id=None)
AMAL = Person(id=2, name="Amal", area_id=None)
APPROVE, REFUSE = Decision(approve=True, reason=""), Decision(approve=False, reason="Closed long ago.")
STALE = date(2026, 8, 29)
TAGGED = [{"taxonomy_term": {"taxonomy": "wren-needs", "code": "infant-feeding", "name": "x"}}]


def bring(engine: Engine, *items: dict[str, Any], source: str = "test", by: Person = EDITH, **options: Any) -> None:
    apply(engine, list(items), source=source, by=by.name, by_id=by.id, **options)


def look(engine: Engine, person: Person = AMAL, **wanted: str) -> list[approving.Row]:
    with Session(engine) as session:
        ids = approving.ids_of(session, person, Wanted(stale_before=STALE, **wanted))
        return approving.summary(session, person, ids, STALE, own_too=False)


def decide(engine: Engine, rows: Sequence[approving.Row], decision: Decision, person: Person = AMAL) -> Outcome:
    return approving.decide(lambda: writing(engine), person, {row.id: row.mark for row in rows}, decision)


def approvals(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.scalars(select(models.Service.approval)))


def test_an_approver_is_told_what_is_missing_and_may_choose_by_it(engine: Engine) -> None:
    bring(engine, one(1, assured_date="2026-11-01", attributes=TAGGED))
    bring(engine, one(2, assured_date="2026-01-01", attributes=None, phones=[]), source="other")
    bring(engine, one(3, service_at_locations=[], modes=["go"], attributes=TAGGED), source="other")
    bring(engine, one(1, id="double", assured_date="2026-11-01", attributes=TAGGED), source="third")
    problems = {(row.source, row.name[11]): row.problems for row in look(engine)}
    assert problems == {
        ("test", "1"): ("double",),
        ("other", "2"): ("no_need", "no_phone", "stale"),
        ("other", "3"): ("no_place", "stale"),
        ("third", "1"): ("double",),
    }
    assert {row.source for row in look(engine, source="other")} == {"other"}
    assert [row.name[11] for row in look(engine, problem="no_phone")] == ["2"]
    with Session(engine) as session:
        sources, organisations = approving.choices(session, AMAL)
    assert sources == ["other", "test", "third"]
    assert {row.organisation for row in look(engine, organisation=organisations[0][0])} == {organisations[0][1]}


def test_many_go_live_at_once_and_each_says_who_and_why(engine: Engine) -> None:
    bring(engine, *[one(number, attributes=TAGGED) for number in range(60)])
    assert Directory(engine).search(Query(need="infant-feeding", mode="go")) == []
    rows = look(engine)
    outcome = decide(engine, rows, Decision(approve=True, reason="Rung on Monday."))
    assert (len(outcome.done), outcome.failed) == (60, [])
    assert approvals(engine) == ["approved"] * 60
    assert Directory(engine).search(Query(need="infant-feeding", mode="go"))
    with Session(engine) as session:
        step = history.steps_of(session, rows[0].id)[0]
    assert (step.kind, step.author, step.after) == ("approved", "Amal", {"reason": "Rung on Monday."})


def test_what_is_refused_needs_a_reason_is_seen_by_nobody_and_can_be_brought_back(engine: Engine) -> None:
    bring(engine, one(1), one(2))
    with pytest.raises(Refusal, match="reason_missing"):
        decide(engine, look(engine), Decision(approve=False, reason=" "))
    rows = look(engine)
    assert len(decide(engine, rows, REFUSE).done) == 2 and approvals(engine) == ["withdrawn", "withdrawn"]
    bring(engine, one(1, description="Changed."), one(2))
    assert approvals(engine) == ["withdrawn", "withdrawn"] and look(engine) == []
    with writing(engine) as session:
        change = history.undo(session, EDITH, next(s for s in history.steps_of(session, rows[0].id) if s.kind == "refused").id)
        change.state = "pending"
    with writing(engine) as session:
        row = desk.get_change(session, AMAL, change.id)
        desk.approve(session, AMAL, row.id, desk.fingerprint(row, desk.current_answers(session, row)))
    assert approvals(engine) == ["approved", "withdrawn"]


def test_whoever_brought_or_imported_them_does_not_approve_them_unless_that_is_allowed(engine: Engine) -> None:
    bring(engine, one(1), by=EDITH)
    bring(engine, one(2), by=EDITH, brought_by=AMAL.id, source="other")
    assert [row.refusal for row in look(engine, EDITH)] == ["own_import", "own_import"]
    assert [(row.source, row.refusal) for row in look(engine, AMAL)] == [("test", ""), ("other", "own_import")]
    outcome = decide(engine, look(engine), APPROVE)
    assert len(outcome.done) == 1 and [code for _, _, code in outcome.failed] == ["own_import"]
    assert len(decide(engine, look(engine), Decision(approve=True, reason="", own_too=True)).done) == 1


def test_what_fails_is_told_and_the_rest_goes(engine: Engine) -> None:
    bring(engine, *[one(number) for number in range(5)])
    bring(engine, one(9), area_id="north")
    rows = look(engine)
    by_name = {row.name[11]: row for row in rows}
    with writing(engine) as session:
        session.get_one(models.Service, by_name["0"].id).description = "Changed since."
        session.get_one(models.Service, by_name["1"].id).approval = "approved"
        change = desk.begin(session, EDITH, by_name["2"].id)
        desk.save(session, EDITH, change.id, {"needs": "infant-feeding"})
        assert desk.send(session, EDITH, change.id) == []
    south = Person(id=5, name="Sam", area_id="south")
    outcome = decide(engine, rows, APPROVE)
    assert {(name[11], code) for _, name, code in outcome.failed} == {
        ("0", "not_as_shown"),
        ("1", "not_pending"),
        ("2", "has_change"),
    }
    assert set(outcome.done) == {by_name[name].id for name in "349"}
    stranger = decide(engine, rows, APPROVE, south)
    assert not stranger.done and (by_name["9"].id, "", "missing") in stranger.failed


def test_two_approvers_at_once_decide_each_service_once(engine: Engine) -> None:
    bring(engine, *[one(number) for number in range(60)])
    rows, outcomes = look(engine), []
    people = (AMAL, Person(id=7, name="Ben", area_id=None))

    def work(person: Person, decision: Decision) -> None:
        outcomes.append(decide(engine, rows, decision, person))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(people, (APPROVE, REFUSE), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    done = [id_ for outcome in outcomes for id_ in outcome.done]
    assert len(done) == len(set(done)) == 60
    assert {code for outcome in outcomes for _, _, code in outcome.failed} <= {"not_pending"}
    with Session(engine) as session:
        kinds = [step.kind for row in rows for step in history.steps_of(session, row.id)]
    assert len(kinds) == 120 and "pending" not in approvals(engine)


def test_hundreds_are_decided_a_few_in_one_transaction(engine: Engine) -> None:
    """So that whoever else writes waits for a few services, not for all."""
    bring(engine, *[one(number) for number in range(110)])
    rows, begun = look(engine), []

    def begin() -> Any:
        begun.append(1)
        return writing(engine)

    outcome = approving.decide(begin, AMAL, {row.id: row.mark for row in rows}, APPROVE)
    assert len(outcome.done) == 110 and len(begun) == -(-110 // approving.IN_ONE_TRANSACTION)
