"""Importing: dry run first, idempotent, nothing lost of what staff did, nothing half done."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from services_directory import models, writing
from services_directory.editing.tables import Step
from services_directory.freshness.translations import outrun, set_translation
from services_directory.imports.apply import Blocked, run_import
from services_directory.imports.plan import Options, Plan
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import read_bytes
from services_directory.imports.report import as_json, lines
from services_directory.imports.tables import ImportedForm, MergeQuestion, TermQuestion
from services_directory.records import plain_text
from tests.services_directory.imports.writer import Json, feed, page, version_three

TODAY = date(2026, 11, 27)


def reading(data: Any) -> Any:
    return read_bytes(json.dumps(data).encode(), "feed.json")


def apply(engine: Engine, data: Any, **options: Any) -> Plan:
    return run_import(engine, reading(data), Options(**{"source": "test", **options}), today=TODAY)


def dry(engine: Engine, data: Any, **options: Any) -> Plan:
    with Session(engine) as session:
        return make_plan(session, reading(data), Options(**{"source": "test", **options}), today=TODAY)


def rows(engine: Engine, table: Any) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def one(number: int = 1, **fields: Any) -> Json:
    """Return a service without faults."""
    return {
        **version_three(number),
        "id": f"one-{number}",
        "name": f"Quiet hour {number} (example)",
        "description": "For anybody.",
        "url": "https://www.example.org/quiet",
        "email": "quiet@example.org",
        "status": "active",
        "phones": [{"number": "01632 960123"}],
        **fields,
    }


@pytest.mark.parametrize("version", [1, 3])
def test_a_feed_of_hundreds_with_every_fault_goes_in_and_a_second_run_changes_nothing(engine: Engine, version: int) -> None:
    data = page(feed(300, version), version)
    before = dry(engine, data)
    assert rows(engine, models.Service) == 0
    assert len(before.services("add")) == 300
    done = apply(engine, data)
    assert as_json(done) == as_json(before)
    assert rows(engine, models.Service) == 300
    again = dry(engine, data)
    assert again.nothing_to_do and len(again.services("leave")) == 300 and not again.conflicts
    assert "nothing to change" in list(lines(again, applied=False))
    counted = rows(engine, models.Phone), rows(engine, models.Schedule), rows(engine, ImportedForm)
    apply(engine, data)
    assert counted == (rows(engine, models.Phone), rows(engine, models.Schedule), rows(engine, ImportedForm))


def test_what_came_in_is_plain_mended_and_pending(engine: Engine) -> None:
    apply(engine, feed(300))
    with Session(engine) as session:
        services = session.scalars(select(models.Service)).all()
        addresses = session.scalars(select(models.Address)).all()
    assert {service.approval for service in services} == {"pending"}
    assert all(plain_text(service.description) == service.description for service in services)
    assert all("**" not in service.description and "alert(1)" not in service.description for service in services)
    assert all(" " in address.postal_code and address.postal_code.isupper() for address in addresses)
    assert {service.email for service in services} == {"info@example.org", None}
    assert all(service.maximum_age_months is None or service.maximum_age_months < 12 * 99 for service in services)
    assert {service.source_id for service in services} == {item["id"] for item in feed(300)}


def test_ids_are_ours_and_the_same_again_and_the_source_s_are_kept(engine: Engine) -> None:
    apply(engine, feed(6))
    with Session(engine) as session:
        found = {service.source_id: service.id for service in session.scalars(select(models.Service))}
    assert len(found) == 6 and not set(found) & set(found.values())


def test_a_change_of_the_source_is_shown_and_taken(engine: Engine) -> None:
    apply(engine, [one(email="old@example.org", phones=[{"number": "01632 960001"}])])
    plan = dry(engine, [one(email="new@example.org", phones=[{"number": "01632 960002"}])])
    (row,) = plan.services("change")
    assert {change.field for change in row.changes} == {"email", "phones"}
    text = "\n".join(lines(plan, applied=False))
    assert "e-mail: old@example.org → new@example.org" in text and "01632 960001 → 01632 960002" in text
    apply(engine, [one(email="new@example.org", phones=[{"number": "01632 960002"}])])
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert service.email == "new@example.org"
        assert [phone.number for phone in service.phones] == ["01632 960002"]


def test_what_staff_changed_stays_and_a_clash_is_shown_once(engine: Engine) -> None:
    apply(engine, [one(email="old@example.org")])
    with writing(engine) as session:
        session.execute(update(models.Service).values(email="staff@example.org", alert="Side door"))
    assert dry(engine, [one(email="old@example.org")]).nothing_to_do
    plan = dry(engine, [one(email="new@example.org")])
    (row,) = plan.conflicts
    assert [(change.field, change.old, change.new) for change in row.conflicts] == [
        ("email", "staff@example.org", "new@example.org")
    ]
    apply(engine, [one(email="new@example.org")])
    with Session(engine) as session:
        assert session.scalars(select(models.Service.email)).one() == "staff@example.org"
    assert not dry(engine, [one(email="new@example.org")]).conflicts
    apply(engine, [one(email="third@example.org")], take_theirs=True)
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert (service.email, service.alert) == ("third@example.org", "Side door")


def test_a_place_that_moves_keeps_the_others_with_their_times(engine: Engine) -> None:
    first, second = one(1)["service_at_locations"][0], one(2)["service_at_locations"][0]
    times = [{"freq": "WEEKLY", "byday": "TU", "opens_at": "10:00", "service_at_location_id": "at1"}]
    apply(engine, [one(service_at_locations=[first], schedules=times)])
    apply(engine, [one(service_at_locations=[first, second], schedules=times)])
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert len(service.service_at_locations) == 2
        (row,) = service.schedules
        assert row.service_at_location is not None and row.service_at_location.location.source_id == first["location"]["id"]
    apply(engine, [one(service_at_locations=[second], schedules=times)])
    with Session(engine) as session:
        (link,) = session.scalars(select(models.Service)).one().service_at_locations
        assert link.location.source_id == second["location"]["id"]
    assert dry(engine, [one(service_at_locations=[second], schedules=times)]).nothing_to_do


def test_a_refused_row_says_why_and_holds_up_nobody(engine: Engine) -> None:
    bad: list[Any] = [{"id": "x", "name": None, "organization": {"id": "o", "name": "O"}}, {"name": "No id"}, "text", None, [1]]
    plan = apply(engine, [*bad, one()])
    assert len(plan.services("refuse")) == 5 and rows(engine, models.Service) == 1
    text = "\n".join(lines(plan, applied=True))
    assert "feed.json, service 1" in text and "It has no name. Give it the name that families know it by." in text
    assert "It has no id." in text and "This is not a record." in text


def test_all_or_nothing_imports_nothing_if_one_is_refused(engine: Engine) -> None:
    with pytest.raises(Blocked):
        apply(engine, [one(), {"name": "No id"}], all_or_nothing=True)
    assert rows(engine, models.Service) == rows(engine, models.Organisation) == rows(engine, models.Taxonomy) == 0


def test_nothing_is_left_of_an_import_that_fails_half_way(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from services_directory.imports import apply as module

    def fails(self: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(module._Writer, "_ask", fails)
    with pytest.raises(RuntimeError):
        apply(engine, feed(20))
    assert rows(engine, models.Service) == rows(engine, models.Location) == rows(engine, ImportedForm) == 0


def test_the_same_id_twice_is_offered_never_merged(engine: Engine) -> None:
    plan = apply(engine, [one(), one(), one(name="Another (example)")])
    assert Counter(row.action for row in plan.rows if row.kind == "service") == {"add": 1, "leave": 1, "refuse": 1}
    (twice,) = plan.services("refuse")
    assert "is used twice" in twice.notes[0].what and "name" in twice.notes[0].what
    assert rows(engine, models.Service) == 1


def test_a_likely_double_under_another_source_becomes_a_question(engine: Engine) -> None:
    apply(engine, [one()])
    plan = apply(engine, [one() | {"id": "another"}], source="other")
    (pair,) = plan.alike
    assert pair.other_source == "test" and "same name and postcode" in str(pair.why)
    assert rows(engine, models.Service) == 2 and rows(engine, MergeQuestion) == 1
    assert dry(engine, [one() | {"id": "another"}], source="other").nothing_to_do
    elsewhere = one() | {"id": "third", "service_at_locations": one(2)["service_at_locations"]}
    assert not dry(engine, [elsewhere], source="third").alike


def test_another_feed_cannot_change_our_record_by_naming_its_id(engine: Engine) -> None:
    apply(engine, [one()])
    with Session(engine) as session:
        ours = session.scalars(select(models.Service.id)).one()
    theirs = one(email="thief@example.org") | {"id": ours}
    plan = apply(engine, [theirs], source="thief", take_theirs=True)
    assert plan.conflicts and rows(engine, models.Service) == 1
    with Session(engine) as session:
        assert session.scalars(select(models.Service.email)).one() == "quiet@example.org"


def test_an_area_s_staff_cannot_change_another_area_s_record_by_import(engine: Engine) -> None:
    apply(engine, [one()], area_id="north")
    apply(engine, [one(email="new@example.org")], area_id="south", take_theirs=True)
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert (service.email, service.area_id) == ("quiet@example.org", "north")


def test_what_is_gone_is_told_and_with_a_flag_inactive_and_comes_back(engine: Engine) -> None:
    data = [one(number) for number in range(1, 6)]
    apply(engine, data)
    plan = apply(engine, data[1:])
    assert [gone.source_id for gone in plan.gone] == ["one-1"]
    with Session(engine) as session:
        assert set(session.scalars(select(models.Service.status))) == {"active"}
    apply(engine, data[1:], mark_gone=True)
    with Session(engine) as session:
        assert list(session.scalars(select(models.Service.source_id).where(models.Service.status == "inactive"))) == ["one-1"]
    assert dry(engine, data[1:], mark_gone=True).nothing_to_do
    (row,) = apply(engine, data).services("change")
    assert (row.source_id, [change.field for change in row.changes]) == ("one-1", ["status"])


def test_a_feed_that_has_lost_most_of_itself_marks_nobody(engine: Engine) -> None:
    apply(engine, [one(number) for number in range(40)])
    plan = apply(engine, [one(1)], mark_gone=True)
    assert plan.too_many_gone and not plan.gone_now and len(plan.gone) == 39
    with Session(engine) as session:
        assert set(session.scalars(select(models.Service.status))) == {"active"}


def test_a_refused_row_is_not_called_gone(engine: Engine) -> None:
    apply(engine, [one(1), one(2)])
    assert not dry(engine, [one(1), one(2) | {"name": ""}]).gone


def test_untagged_services_get_questions_never_tags(engine: Engine) -> None:
    plan = apply(engine, [one(name="Breastfeeding café (example)"), one(2, name="Xyzzy (example)", attributes=None)])
    assert {(row.name, row.code) for row in plan.suggestions} >= {("Breastfeeding café (example)", "infant-feeding")}
    assert rows(engine, TermQuestion) == len(plan.suggestions)
    with Session(engine) as session:
        ours = select(models.Attribute).join(models.TaxonomyTerm).join(models.Taxonomy)
        assert not session.scalars(ours.where(models.Taxonomy.name == "wren-needs")).all()


def test_approved_only_if_asked_and_a_later_import_does_not_change_it(engine: Engine) -> None:
    apply(engine, [one()], approve=True)
    apply(engine, [one(email="new@example.org")])
    with Session(engine) as session:
        assert session.scalars(select(models.Service.approval)).one() == "approved"


def test_an_import_that_rewords_a_service_leaves_its_translation_behind(engine: Engine) -> None:
    apply(engine, [one()])
    with writing(engine) as session:
        service = session.scalars(select(models.Service)).one()
        set_translation(session, service.id, "cy", "Awr dawel", "I bawb.", "Ada")
    apply(engine, [one(phones=[{"number": "01632 960777"}])])
    with Session(engine) as session:
        assert outrun(session, service.id) == frozenset()
    apply(engine, [one(phones=[{"number": "01632 960777"}], description="For babies.")])
    with Session(engine) as session:
        assert outrun(session, service.id) == {"cy"}
        # As steps were kept before sentences had keys.
        step = session.scalars(select(Step).where(Step.kind == "imported").order_by(Step.at.desc())).first()
        assert step is not None
        step.after = {"changes": [{"field": "description", "old": "For anybody.", "new": "For babies."}]}
        session.flush()
        assert outrun(session, service.id) == {"cy"}
