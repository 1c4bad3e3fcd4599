"""Editing the directory: drafts, approval by another, difference, conflict, history, undo. On SQLite and PostgreSQL."""

from datetime import date

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import Directory, Query, models, writing
from services_directory.database import read_revision
from services_directory.directory import whole_service
from services_directory.editing import desk, finding, history
from services_directory.editing.answers import Wrong, answers_of, tidy, wrongs
from services_directory.editing.apply import write
from services_directory.editing.desk import Person, Refusal
from services_directory.editing.tables import Change

EDITH = Person(id=1, name="Edith", area_id=None)
AMAL = Person(id=2, name="Amal", area_id=None)
NEW = {
    "name": "Puddle Play (example)",
    "organisation": "new",
    "organisation_name": "Puddle Parents (example)",
    "description": "Messy play for babies and toddlers.",
    "needs": "baby-and-toddler-groups",
    "age_from": "6 months",
    "age_to": "under 5",
    "modes": "go",
    "venue": "new",
    "place_name": "Puddle Hall (example)",
    "place_address": "1 Example Row",
    "place_town": "Larkmoor",
    "place_district": "Larkmoor",
    "place_postcode": "zz11aa",
    "access": "Step-free entrance\nBaby changing",
    "t1_day": "TU",
    "t1_every": "week",
    "t1_opens": "10am",
    "t1_closes": "11.30",
    "cost": "2.5",
    "cost_note": "a family",
    "phone": "01632 960123",
    "languages": "English, Urdu",
    "interpreter": "yes",
    "level": "universal",
    "route": "self",
    "checked": "2026-11-20",
}


def of_source(session: Session, source_id: str) -> models.Service:
    query = select(models.Service).where(models.Service.source_id == source_id).options(*whole_service())
    return session.scalars(query).unique().one()


def add(engine: Engine, answers: dict[str, str] | None = None) -> Change:
    """A new service, sent for approval."""
    with writing(engine) as session:
        change = desk.begin(session, EDITH)
        desk.save(session, EDITH, change.id, answers or NEW)
        assert desk.send(session, EDITH, change.id) == []
    return change


def edit(engine: Engine, source_id: str, **answers: str) -> Change:
    """An edit of a service, sent for approval."""
    with writing(engine) as session:
        change = desk.begin(session, EDITH, of_source(session, source_id).id)
        desk.save(session, EDITH, change.id, answers)
        assert desk.send(session, EDITH, change.id) == []
    return change


def approve(engine: Engine, change: Change, who: Person = AMAL) -> None:
    with writing(engine) as session:
        row = desk.get_change(session, who, change.id)
        shown = desk.fingerprint(row, desk.current_answers(session, row))
        desk.approve(session, who, change.id, shown)


def test_a_new_service_is_found_as_soon_as_another_has_approved_it_and_not_before(
    demonstration: Directory, engine: Engine
) -> None:
    question = Query(text="puddle", place="ZZ1")
    change = add(engine)
    assert demonstration.search(question) == []
    approve(engine, change)
    (match,) = demonstration.search(question)
    assert match.service.name == "Puddle Play (example)" and match.service.organisation == "Puddle Parents (example)"
    assert (match.service.minimum_age_months, match.service.maximum_age_months) == (6, 59)
    assert match.venue is not None and match.venue.postcode == "ZZ1 1AA" and "Baby changing" in match.venue.access
    assert match.next_session is not None and match.next_session.date == date(2026, 11, 24)
    assert match.service.costs[0].text == "£2.50 a family" and match.service.interpreter is True
    assert match.service.languages == ("en", "ur") and match.checked == date(2026, 11, 20)


def test_every_service_of_the_demonstration_reads_back_as_the_same_answers(demonstration: Directory, engine: Engine) -> None:
    """Writing a record's own answers anew, every field, loses and changes nothing that the form shows."""
    with Session(engine) as session:
        services = session.scalars(select(models.Service).options(*whole_service())).unique().all()
        assert len(services) > 30
        for service in services:
            before = answers_of(service)
            write(session, service, before, set(before))
            session.expire_all()
            assert answers_of(service) == before, service.name
            assert [wrong for wrong in wrongs(session, before) if wrong.field not in ("areas", "wait_date")] == [], service.name
        session.rollback()


def test_an_edit_touches_only_what_it_sets(demonstration: Directory, engine: Engine) -> None:
    with Session(engine) as session:
        service = of_source(session, "rhyme-time")
        before, kept = answers_of(service), sorted(row.id for row in service.schedules)
    approve(engine, edit(engine, "rhyme-time", phone="01632 960999"))
    with Session(engine) as session:
        service = of_source(session, "rhyme-time")
        assert answers_of(service) == {**before, "phone": "01632 960999"}
        assert sorted(row.id for row in service.schedules) == kept


def test_nobody_approves_their_own_change_unless_that_is_allowed(demonstration: Directory, engine: Engine) -> None:
    change = add(engine)
    with pytest.raises(Refusal, match="own"):
        approve(engine, change, EDITH)
    with writing(engine) as session:
        row = desk.get_change(session, EDITH, change.id)
        desk.approve(session, EDITH, change.id, desk.fingerprint(row, {}), own_too=True)
    assert demonstration.search(Query(text="puddle", place="ZZ1"))


def test_a_record_that_changed_meanwhile_is_a_conflict_and_nothing_is_lost(demonstration: Directory, engine: Engine) -> None:
    change = edit(engine, "rhyme-time", name="Rhymes (example)", phone="01632 960111")
    with writing(engine) as session:
        row = of_source(session, "rhyme-time")
        row.description, row.name = "Rewritten elsewhere.", "Named elsewhere (example)"
    with pytest.raises(Refusal, match="outrun"):
        approve(engine, change)
    with writing(engine) as session:
        row_ = desk.get_change(session, AMAL, change.id)
        shown = {one.field: one.meanwhile for one in desk.differences(row_, desk.current_answers(session, row_))}
        assert shown == {"name": "Named elsewhere (example)", "phone": None}
        desk.catch_up(session, AMAL, change.id)
    approve(engine, change)
    with Session(engine) as session:
        service = of_source(session, "rhyme-time")
        assert (service.name, service.description) == ("Rhymes (example)", "Rewritten elsewhere.")
        assert history.steps_of(session, service.id)[0].before["name"] == "Named elsewhere (example)"


def test_what_is_approved_is_what_was_shown(demonstration: Directory, engine: Engine) -> None:
    change = edit(engine, "rhyme-time", name="One (example)")
    with Session(engine) as session:
        row = desk.get_change(session, AMAL, change.id)
        shown = desk.fingerprint(row, desk.current_answers(session, row))
    with writing(engine) as session:
        desk.take_back(session, EDITH, change.id)
        desk.save(session, EDITH, change.id, {"name": "Two (example)"})
        desk.send(session, EDITH, change.id)
    with pytest.raises(Refusal, match="not_as_shown"), writing(engine) as session:
        desk.approve(session, AMAL, change.id, shown)


def test_a_step_is_undone_through_approval_and_both_stay_in_the_history(demonstration: Directory, engine: Engine) -> None:
    with Session(engine) as session:
        before = answers_of(of_source(session, "baby-swim"))
    approve(engine, edit(engine, "baby-swim", name="Fins (example)", t1_opens="8am", t1_closes="8:30"))
    with writing(engine) as session:
        service_id = of_source(session, "baby-swim").id
        undoing = history.undo(session, AMAL, history.steps_of(session, service_id)[0].id)
        assert desk.send(session, AMAL, undoing.id) == []
    approve(engine, undoing, EDITH)
    with Session(engine) as session:
        assert answers_of(of_source(session, "baby-swim")) == before
        steps = history.steps_of(session, service_id)
        assert [(step.kind, step.author, step.approver) for step in steps] == [
            ("undone", "Amal", "Edith"),
            ("changed", "Edith", "Amal"),
        ]


def test_a_refused_change_comes_back_to_its_author_with_the_reason(demonstration: Directory, engine: Engine) -> None:
    change = add(engine)
    with pytest.raises(Refusal, match="reason_missing"), writing(engine) as session:
        desk.refuse(session, AMAL, change.id, " ")
    with writing(engine) as session:
        desk.refuse(session, AMAL, change.id, "The hall is closed.")
    with writing(engine) as session:
        (mine,) = desk.drafts(session, EDITH)
        assert mine.reason == "The hall is closed." and mine.answers["name"] == NEW["name"]
        assert desk.send(session, EDITH, mine.id) == []


def test_a_draft_keeps_what_was_typed_right_or_wrong_and_wakes_no_search(demonstration: Directory, engine: Engine) -> None:
    with writing(engine) as session:
        change = desk.begin(session, EDITH)
    with engine.connect() as connection:
        revision = read_revision(connection)
    with writing(engine) as session:
        desk.save(session, EDITH, change.id, {"age_from": "a few", "name": "Half"}, step="ages")
    with writing(engine) as session:
        (mine,) = desk.drafts(session, EDITH)
        assert (mine.answers["age_from"], mine.answers["name"], mine.step) == ("a few", "Half", "ages")
        assert Wrong("description", "description_missing") in desk.wrongs_of(session, mine)
        assert Wrong("age_from", "age") in desk.send(session, EDITH, mine.id) and mine.state == "draft"
        assert desk.drafts(session, AMAL) == []
        with pytest.raises(Refusal, match="missing"):
            desk.get_change(session, AMAL, mine.id)
    with engine.connect() as connection:
        assert read_revision(connection) == revision


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({"name": ""}, Wrong("name", "name_missing")),
        ({"name": "<b>Bold</b>"}, Wrong("name", "plain")),
        ({"age_from": "5 years", "age_to": "under 2"}, Wrong("age_to", "ages_backwards")),
        ({"age_from": "6"}, Wrong("age_from", "age_unit")),
        ({"place_postcode": "ZZ1"}, Wrong("place_postcode", "postcode")),
        ({"t1_every": "fortnight"}, Wrong("t1_starts", "fortnight_starts")),
        ({"t1_closes": "9am"}, Wrong("t1_closes", "closes_early")),
        ({"t1_opens": "ten"}, Wrong("t1_opens", "clock")),
        ({"t2_opens": "10am"}, Wrong("t2_day", "row_day")),
        ({"t1_starts": "30/2/2026"}, Wrong("t1_starts", "day")),
        ({"modes": "go phone"}, Wrong("areas", "areas_missing")),
        ({"modes": "go online"}, Wrong("url", "url_missing")),
        ({"url": "javascript:alert(1)"}, Wrong("url", "web")),
        ({"phone": "call us"}, Wrong("phone", "phone")),
        ({"email": "at home"}, Wrong("email", "email")),
        ({"cost": "a lot"}, Wrong("cost", "pounds")),
        ({"languages": "English, Martian"}, Wrong("languages", "languages")),
        ({"wait": "3 weeks"}, Wrong("wait_date", "wait_date_missing")),
        ({"checked": "2099-01-01"}, Wrong("checked", "future")),
        ({"organisation": "nobody"}, Wrong("organisation", "organisation_missing")),
        ({"needs": "nothing-known"}, Wrong("needs", "choice")),
        ({"description": "x" * 2001}, Wrong("description", "long")),
    ],
)
def test_each_mistake_is_said_at_its_field(shared_demonstration: Directory, answers: dict[str, str], wrong: Wrong) -> None:
    with Session(shared_demonstration._engine) as session:
        assert wrong in wrongs(session, tidy({**NEW, **answers}))
        assert wrongs(session, tidy(NEW)) == []


def test_old_mistakes_of_a_record_do_not_stop_a_change_elsewhere_in_it(demonstration: Directory, engine: Engine) -> None:
    with writing(engine) as session:
        row = of_source(session, "rhyme-time")
        row.attributes, row.description = [], ""
    edit(engine, "rhyme-time", phone="01632 960111")


@pytest.mark.parametrize(
    ("row", "first"),
    [
        ({"every": "fortnight", "day": "WE", "starts": "1/12/2026"}, [date(2026, 12, 2), date(2026, 12, 16)]),
        ({"every": "month-2", "day": "FR"}, [date(2026, 12, 11), date(2027, 1, 8)]),
        ({"every": "month-last", "day": "MO"}, [date(2026, 11, 30), date(2027, 1, 25)]),  # 28 December is a bank holiday
        ({"every": "once", "starts": "2026-12-05"}, [date(2026, 12, 5), None]),
    ],
)
def test_fortnightly_monthly_and_single_days_are_found_on_their_days(
    demonstration: Directory, engine: Engine, row: dict[str, str], first: list[date | None]
) -> None:
    plain = {field: text for field, text in NEW.items() if not field.startswith("t1_")}
    approve(engine, add(engine, {**plain, "t1_opens": "10:00", **{f"t1_{part}": text for part, text in row.items()}}))
    found = []
    for at in (date(2026, 11, 24), date(2026, 12, 12)):
        matches = demonstration.search(Query(text="puddle", place="ZZ1", at=at))
        found.append(matches[0].next_session.date if matches and matches[0].next_session else None)
    assert found == first


def test_a_private_place_shows_its_area_only(demonstration: Directory, engine: Engine) -> None:
    approve(engine, add(engine, {**NEW, "place_private": "yes"}))
    (match,) = demonstration.search(Query(text="puddle", place="ZZ1"))
    assert match.venue is not None and match.venue.postcode == "ZZ1" and match.venue.address == ("Larkmoor", "ZZ1")
    with Session(engine) as session:
        label = dict(finding.venues(session, EDITH))[match.venue.id]
        assert label == "Puddle Hall (example), Larkmoor"


@pytest.mark.parametrize(
    "words", ["puddle", "PUDDLE play", "01632960123", "01632 960 123", "zz1 1aa", "parents", "toddler", "larkmoor"]
)
def test_staff_find_a_service_by_anything(demonstration: Directory, engine: Engine, words: str) -> None:
    change = add(engine)
    approve(engine, change)
    with Session(engine) as session:
        found = finding.find(session, EDITH, words)
        pages = [finding.find(session, EDITH, words, page=page) for page in range(1, found.last + 1)]
    assert change.service_id in {service.id for page in pages for service in page.services}


def test_a_percent_sign_finds_a_percent_sign(demonstration: Directory, engine: Engine) -> None:
    with Session(engine) as session:
        assert finding.find(session, EDITH, "%").total == 0 and finding.find(session, EDITH, "").total > 30


def test_an_area_sees_its_own_and_the_common_records_and_changes_only_its_own(demonstration: Directory, engine: Engine) -> None:
    north, south = Person(id=3, name="Nia", area_id="north"), Person(id=4, name="Sam", area_id="south")
    with writing(engine) as session:
        change = desk.begin(session, north)
        desk.save(session, north, change.id, NEW)
        assert desk.send(session, north, change.id) == []
    with pytest.raises(Refusal, match="missing"):
        approve(engine, change, south)
    approve(engine, change)
    with writing(engine) as session:
        assert desk.get_service(session, north, change.service_id).area_id == "north"
        assert finding.find(session, south, "puddle").total == 0
        with pytest.raises(Refusal, match="missing"):
            desk.begin(session, south, change.service_id)
        common = of_source(session, "rhyme-time").id
        assert desk.get_service(session, south, common)
        with pytest.raises(Refusal, match="not_yours"):
            desk.begin(session, south, common)
