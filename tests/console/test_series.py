"""The staff's pages of series: a calendar in a parent's words, what waits, and a parent's series on the case page."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from bot.series import store
from bot.series.plan import Choices
from bot.series.store import Agreed, Wanted
from bot.storage.tables import Child, Person, SeriesStep, SeriesSubscription, StaffAudit, now
from tests.console.support import ELSEWHERE, Browser, Office, text_of


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser(office.staff("Mo", roles=("manager",)))


@pytest.fixture
def practitioner(office: Office) -> Browser:
    return office.browser(office.staff("Ali", roles=("practitioner",)))


def subscribe(office: Office, person_id: int) -> int:
    """The parent gets tips by age; returns the subscription."""
    with office.services.database.write() as session:
        child = Child(person_id=person_id, born_or_due="2026-01")
        session.add(child)
        session.flush()
        wanted = Wanted(series="by-age", child_id=child.id, choices=Choices(days=frozenset({0}), hour=9))
        person = session.get_one(Person, person_id)
        return store.join(session, office.library.series, person, wanted, Agreed(by="webchat"), now()).id


def row(office: Office) -> SeriesSubscription:
    with office.services.database.read() as session:
        return session.scalars(select(SeriesSubscription)).one()


def test_the_list_names_every_series_and_what_waits_in_the_reader_s_area(office: Office, manager: Browser) -> None:
    parent = office.parent()
    mine = subscribe(office, parent.person_id)
    with office.services.database.write() as session:
        for number in range(2):
            session.add(SeriesStep(
                subscription_id=mine, person_id=parent.person_id, child_id=1, series="by-age", step=f"s{number}", version="",
                message="m", state="waiting", day="2026-01-05", told=bool(number),
            ))  # fmt: skip
    page = manager.get("/staff/series").text
    for series in office.library.series:
        assert f'href="/staff/series/{series.id}"' in page
    assert re.search(r"by-age</th><td>English</td><td>2</td><td>1</td>", page)
    elsewhere = office.browser(office.staff("Eve", roles=("manager",), area=ELSEWHERE))
    assert "by-age</th>" not in elsewhere.get("/staff/series").text


def test_the_calendar_shows_each_message_by_month_as_a_parent_reads_it(office: Office, manager: Browser) -> None:
    page = manager.get("/staff/series/by-age", month="2026-01", nation="wales", lang="en").text
    assert "<h2>January 2026</h2>" in page and "check-six-weeks" in page
    words = office.library.render("message:engage/count-her-toes", "en").text.split("\n")[0].split(".")[0]
    assert words in text_of(page).replace("’", "'") or words in text_of(page)
    assert "Your child is five now" in text_of(page)
    assert "check-fourteen-weeks" not in page  # that is Northern Ireland's
    urdu = manager.get("/staff/series/by-age", month="2026-01", lang="ur").text
    assert 'lang="ur" dir="rtl"' in urdu
    slower = manager.get("/staff/series/by-age", month="2026-01", pace="monthly").text
    assert slower.count("<h3>") < page.count("<h3>") * 2 / 3
    assert manager.get("/staff/series/no-such").status_code == 404


def test_every_shipped_series_has_its_calendar_and_looking_is_recorded(office: Office, manager: Browser) -> None:
    for series in office.library.series:
        assert manager.get(f"/staff/series/{series.id}", month="2026-09", child="2022-10").status_code == 200
    with office.services.database.read() as session:
        seen = session.scalars(select(StaffAudit.subject).where(StaffAudit.action == "series.view")).all()
    assert set(seen) == set(office.library.series.by_id)


def test_staff_end_a_parent_s_series_and_take_a_wrong_end_back_for_a_reason(office: Office, practitioner: Browser) -> None:
    parent = office.parent()
    mine, case = subscribe(office, parent.person_id), office.case(parent)
    page = practitioner.get(f"/staff/cases/{case.id}").text
    assert f'action="/staff/cases/{case.id}/series/stop"' in page and "By your child" in text_of(page)
    assert practitioner.post(f"/staff/cases/{case.id}/series/stop", subscription=str(mine)).status_code == 303
    assert (row(office).state, row(office).reason) == ("ended", "staff")
    refused = practitioner.post(f"/staff/cases/{case.id}/series/undo", subscription=str(mine), text=" ")
    assert refused.status_code == 422 and row(office).state == "ended"
    assert f'id="series-{mine}-error"' in refused.text
    done = practitioner.post(f"/staff/cases/{case.id}/series/undo", subscription=str(mine), text="It was the wrong parent.")
    assert done.status_code == 303 and row(office).state == "active"
    assert office.events(parent)[-2:] == ["series_stopped", "series_undone"]
    page = text_of(practitioner.get(f"/staff/cases/{case.id}", done="series_undone").text)
    assert "Wrong end of a series taken back" in page and "The series goes on." in page


def test_a_parent_s_stop_is_taken_back_with_it_and_a_bereavement_is_not(office: Office, practitioner: Browser) -> None:
    parent = office.parent()
    mine, case = subscribe(office, parent.person_id), office.case(parent)
    with office.services.database.write() as session:
        session.get_one(Person, parent.person_id).stopped_at = now()
        store.end_all(session, parent.person_id, "stop")
    practitioner.post(f"/staff/cases/{case.id}/series/undo", subscription=str(mine), text="They pressed it by mistake.")
    with office.services.database.read() as session:
        assert session.get_one(Person, parent.person_id).stopped_at is None
    practitioner.post(f"/staff/cases/{case.id}/bereaved", mark="yes")
    assert (row(office).state, row(office).reason) == ("ended", "bereaved")
    refused = practitioner.post(f"/staff/cases/{case.id}/series/undo", subscription=str(mine), text="Wrong.")
    assert refused.status_code == 422 and "Take away the mark of bereavement first" in text_of(refused.text)


def test_nobody_ends_another_parent_s_series_through_a_case(office: Office, practitioner: Browser) -> None:
    one, other = office.parent(), office.parent()
    mine = subscribe(office, other.person_id)
    answer = practitioner.post(f"/staff/cases/{office.case(one).id}/series/stop", subscription=str(mine))
    assert answer.status_code == 422 and row(office).state == "active"
