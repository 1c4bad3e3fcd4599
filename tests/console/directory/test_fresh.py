"""The to-do list, quick changes, translations and settings of checks, by role and by area."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.storage.tables import Staff
from services_directory import Directory, Query, models, writing
from services_directory.directory import london_now
from services_directory.editing import desk
from services_directory.editing.desk import Person
from services_directory.editing.tables import Change
from services_directory.freshness import reports
from services_directory.freshness.tables import AgeLimit, ParentReport, ProviderNote, QuickAct, ReviewCycle, Translation
from tests.console.support import AREA, ELSEWHERE, Browser, Office, text_of

HOME = "/staff/directory"
TODO = f"{HOME}/todo"


def engine_of(office: Office) -> Engine:
    assert office.services.directory_engine is not None
    return office.services.directory_engine


def today() -> date:
    return london_now().date()


def service(office: Office, name: str = "Puddle Play (example)", *, area: str | None = AREA, checked: int | None = 200) -> str:
    """A live service; `checked` so many days ago, or never."""
    with writing(engine_of(office)) as session:
        row = models.Service(
            organisation=models.Organisation(name=f"{name} Trust", area_id=area),
            name=name,
            area_id=area,
            approval="approved",
            assured_date=None if checked is None else today() - timedelta(days=checked),
            modes=[models.ServiceMode(mode="online")],
        )
        session.add(row)
        session.flush()
        return row.id


def of(office: Office, service_id: str) -> models.Service:
    with Session(engine_of(office)) as session:
        return session.get_one(models.Service, service_id)


@pytest.fixture
def editor(office: Office) -> Browser:
    ada = office.staff("Ada", roles=("editor",))
    office.change(Staff, ada, email="ada@council.example")
    return office.browser(ada)


def test_the_list_has_what_is_due_reported_and_written_by_providers(office: Office, editor: Browser) -> None:
    due, fresh = service(office), service(office, "Fresh Air (example)", checked=3)
    with writing(engine_of(office)) as session:
        for reason in ("closed", "closed", "phone"):
            reports.report(session, fresh, today())
            reports.give_reason(session, fresh, reason, today())
        session.add(ProviderNote(service_id=due, address="hello@provider.example", words="We <b>moved</b>"))
    page = editor.get(TODO).text
    said = text_of(page)
    assert "Due for a check : 1" in said and "Said wrong by parents : 1" in said and "Said wrong by providers : 1" in said
    assert "3 parents (closed: 2, wrong phone: 1)" in said and "We &lt;b&gt;moved&lt;/b&gt;" in page
    assert f'name="service.{due}"' in page and f'name="service.{fresh}"' not in page and "Due for 110 days." in said
    assert "Waiting for approval : 0" in said and "Questions from imports : 0" in said


def test_the_menu_counts_what_there_is_to_do_in_the_readers_area(office: Office, editor: Browser) -> None:
    assert "things to do in the directory" not in editor.get(HOME).text
    service(office)
    service(office, "Far Away (example)", area=ELSEWHERE)
    assert '<span class="tag">1<span class="unseen"> things to do in the directory' in editor.get("/staff/audit").text
    everywhere = office.browser(office.staff("Dee", area=None, roles=("editor",)))
    assert '<span class="tag">2<' in everywhere.get(TODO).text


def test_many_are_checked_at_once_by_ticking_them(office: Office, editor: Browser) -> None:
    ids = [service(office, f"Group {number} (example)") for number in range(3)]
    assert editor.get(TODO, all="1").text.count(" checked aria-describedby") == 3
    answer = editor.post(f"{TODO}/checked", **{f"service.{one}": "yes" for one in ids[:2]})
    assert answer.headers["location"] == f"{TODO}?done=checked_many"
    assert [of(office, one).assured_date == today() for one in ids] == [True, True, False]
    assert of(office, ids[0]).assurer_email == "ada@council.example"
    assert ("directory.checked_many", "services:2") in office.audit(editor.staff_id)
    none = editor.post(f"{TODO}/checked")
    assert none.status_code == 422 and "Tick at least one service." in none.text and f'href="#service-{ids[2]}"' in none.text


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("checked", "It was checked today."),
        ("full", "it is full"),
        ("closed_now", "closed for now"),
        ("closed_good", "closed for good"),
    ],
)
def test_a_quick_change_shows_at_once_needs_no_approver_and_can_be_undone(
    office: Office, editor: Browser, kind: str, done: str
) -> None:
    one = service(office)
    directory = Directory(engine_of(office))
    before = of(office, one)
    answer = editor.post(f"{HOME}/services/{one}/quick", kind=kind)
    assert answer.status_code == 303
    page = editor.get(answer.headers["location"].partition("#")[0]).text
    assert done in page and "by Ada" in text_of(page)
    assert (directory.service(one) is None) is kind.startswith("closed")
    (undo,) = re.findall(rf'action="({HOME}/quick/[^"]+/undo)"', page)
    assert editor.post(undo).headers["location"].endswith("done=undone#quick")
    after = of(office, one)
    assert (after.status, after.full_since, after.assured_date) == (before.status, before.full_since, before.assured_date)
    assert "Undone by Ada" in text_of(editor.get(f"{HOME}/services/{one}").text)
    assert editor.post(undo).status_code == 409


def test_a_session_is_cancelled_on_its_day(office: Office, editor: Browser) -> None:
    one = service(office)
    day = today() + timedelta(days=3)
    with writing(engine_of(office)) as session:
        session.add(models.Schedule(service_id=one, freq="WEEKLY", byday=f"{day:%a}".upper()[:2], dtstart=day))
    directory = Directory(engine_of(office))

    def following() -> date | None:
        (match,) = directory.search(Query(text="puddle"))
        return match.next_session.date if match.next_session else None

    assert following() == day
    answer = editor.post(f"{HOME}/services/{one}/quick", kind="cancelled", day=day.isoformat(), text="Boiler")
    assert answer.headers["location"].endswith("done=cancelled#quick") and following() == day + timedelta(days=7)
    assert f"Cancelled on {day.isoformat()}" in text_of(editor.get(f"{HOME}/services/{one}").text)
    for wrong, said in (("", "Choose the day"), ("tomorrow", "Choose the day"), ("2020-01-01", "That day is over")):
        answer = editor.post(f"{HOME}/services/{one}/quick", kind="cancelled", day=wrong)
        assert answer.status_code == 409 and said in answer.text


def test_what_was_dealt_with_leaves_the_list(office: Office, editor: Browser) -> None:
    one = service(office, checked=1)
    with writing(engine_of(office)) as session:
        reports.report(session, one, today())
        session.add(ProviderNote(id="note", service_id=one, address="hello@provider.example", words="It moved"))
    assert editor.post(f"{HOME}/services/{one}/reports/settle").status_code == 303
    assert editor.post(f"{HOME}/notes/note/settle").status_code == 303
    page = text_of(editor.get(TODO).text)
    assert "No parent has said" in page and "No provider has said" in page
    with Session(engine_of(office)) as session:
        assert session.scalars(select(ParentReport)).all() == []
        assert session.get_one(ProviderNote, "note").settled_by == "Ada"


def test_staff_of_another_area_see_and_change_nothing(office: Office) -> None:
    one = service(office)
    with writing(engine_of(office)) as session:
        reports.report(session, one, today())
        session.add(ProviderNote(id="note", service_id=one, address="hello@provider.example", words="It moved"))
        session.add(
            QuickAct(id="act", service_id=one, kind="full", before={"full_since": None}, after={"full_since": None}, author="A")
        )
    stranger = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("editor", "manager")))
    assert "Puddle" not in stranger.get(TODO).text
    posts: dict[str, dict[str, str]] = {
        f"{HOME}/services/{one}/quick": {"kind": "full"},
        f"{HOME}/services/{one}/reports/settle": {},
        f"{HOME}/services/{one}/translations": {"language": "cy", "name": "X"},
        f"{HOME}/notes/note/settle": {},
        f"{HOME}/quick/act/undo": {},
        f"{TODO}/checked": {f"service.{one}": "yes"},
        f"{HOME}/freshness/cycle": {"organisation": of(office, one).organisation_id, "days": "5"},
        f"{HOME}/freshness/limit": {"area": AREA, "days": "5"},
    }
    for where, fields in posts.items():
        assert stranger.post(where, **fields).status_code == 404, where
    kept = of(office, one)
    assert kept.full_since is None and kept.assured_date == today() - timedelta(days=200)
    with Session(engine_of(office)) as session:
        assert session.get_one(ProviderNote, "note").settled_at is None and session.scalars(select(ParentReport)).one().count == 1
        for table in (AgeLimit, ReviewCycle, Translation):
            assert session.scalars(select(table)).all() == []


def test_a_record_of_all_areas_is_seen_but_not_ticked_by_staff_of_one(office: Office, editor: Browser) -> None:
    one = service(office, area=None)
    page = editor.get(TODO).text
    assert "Puddle Play" in page and f"service.{one}" not in page
    assert editor.post(f"{TODO}/checked", **{f"service.{one}": "yes"}).status_code == 409


def test_an_administrator_reads_the_list_without_buttons_and_sets_the_times(office: Office) -> None:
    one = service(office)
    boss = office.browser(office.staff("Mo", roles=("administrator",)))
    page = boss.get(TODO).text
    assert "Puddle Play" in page and 'type="checkbox"' not in page
    organisation = of(office, one).organisation_id
    assert boss.post(f"{HOME}/freshness/cycle", organisation=organisation, days="365").status_code == 303
    assert boss.post(f"{HOME}/freshness/limit", area=AREA, days="120").status_code == 303
    said = text_of(boss.get(f"{HOME}/freshness").text)
    assert "365 days (Mo)" in said and "120 days (Mo)" in said
    assert "Nothing is due for a check." in boss.get(TODO).text
    for what in ("cycle", "limit"):
        wrong = boss.post(f"{HOME}/freshness/{what}", organisation=organisation, area=AREA, days="soon")
        assert wrong.status_code == 422 and 'aria-invalid="true"' in wrong.text and 'value="soon"' in wrong.text
    assert boss.post(f"{HOME}/freshness/cycle", organisation=organisation, days="").status_code == 303
    assert "Nothing is due for a check." not in boss.get(TODO).text


def test_a_name_is_held_in_welsh_and_can_be_taken_away(office: Office, editor: Browser) -> None:
    one = service(office)
    where = f"{HOME}/services/{one}/translations"
    assert editor.post(where, language="cy", name="Chwarae Pwdin", text="Chwarae gwlyb").status_code == 303
    page = editor.get(f"{HOME}/services/{one}").text
    assert '<dd lang="cy" dir="auto"><strong>Chwarae Pwdin</strong> Chwarae gwlyb</dd>' in page
    for language in ("en", "xx", ""):
        assert editor.post(where, language=language, name="X").status_code == 404
    editor.post(where, language="cy", name="", text="")
    with Session(engine_of(office)) as session:
        assert session.scalars(select(Translation)).all() == []


def test_a_long_list_comes_in_pages(office: Office, editor: Browser) -> None:
    with writing(engine_of(office)) as session:
        organisation = models.Organisation(name="Many (example)", area_id=AREA)
        session.add(organisation)
        session.add_all(
            models.Service(organisation=organisation, name=f"Group {number:03}", area_id=AREA, approval="approved")
            for number in range(130)
        )
    first, second = editor.get(TODO).text, editor.get(TODO, page="2").text
    assert first.count('type="checkbox"') == 100 and second.count('type="checkbox"') == 30 and "Page 2 of 2" in text_of(second)
    ids = re.findall(r'name="service\.([^"]+)"', first)
    assert editor.post(f"{TODO}/checked", **{f"service.{one}": "yes" for one in ids}).status_code == 303
    assert editor.get(TODO).text.count('type="checkbox"') == 30


def test_a_translation_that_is_older_than_a_change_of_the_record_is_marked(office: Office, editor: Browser) -> None:
    one = service(office)
    approver = office.browser(office.staff("Amal", roles=("approver",)))

    def marked() -> bool:
        return "older than the record" in editor.get(f"{HOME}/services/{one}").text

    def change(**answers: str) -> None:
        begun = editor.post(f"{HOME}/services/{one}/edit").headers["location"].removesuffix("/all")
        for name, text in answers.items():
            editor.post(f"{begun}/questions/{'contact' if name == 'phone' else name}", **{name: text})
        with writing(engine_of(office)) as session:
            desk.send(session, Person(id=editor.staff_id, name="Ada", area_id=AREA), begun.split("/")[-1])
            found = session.get_one(Change, begun.split("/")[-1])
            shown = desk.fingerprint(found, desk.current_answers(session, found))
            desk.approve(session, Person(id=approver.staff_id, name="Amal", area_id=AREA), found.id, shown)

    editor.post(f"{HOME}/services/{one}/translations", language="pl", name="Zabawa", text="")
    assert not marked()
    editor.post(f"{HOME}/services/{one}/quick", kind="full")
    assert not marked()
    change(description="Now with a new description.")
    assert marked()
    editor.post(f"{HOME}/services/{one}/translations", language="pl", name="Zabawa", text="Nowy opis")
    assert not marked()
