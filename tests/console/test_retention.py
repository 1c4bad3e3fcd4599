"""The page "Keeping and deleting", and holds on a case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.retention.night import Keeping, Nights
from bot.retention.schedule import KINDS
from bot.storage.tables import Case, CaseHold, RetentionNight, RetentionRun, now
from tests.console.support import ELSEWHERE, Browser, Office, text_of


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser(office.staff("Mo", title="Team lead", roles=("manager",)))


def last_night(office: Office) -> None:
    services = office.services
    keeping = Keeping(database=services.database, keyring=services.keyring, schedule=services.schedule, teams=services.teams)
    Nights(keeping).run(now())


def test_the_page_gives_every_kind_its_period_in_plain_words(office: Office, manager: Browser) -> None:
    page = text_of(manager.get("/staff/retention").text)
    for kind in KINDS:
        assert str(office.services.schedule.periods[kind.name]) in page
    assert "12 months after they came or went" in page and "No night's deletions have ended yet" in page
    assert office.audit(manager.staff_id)[-1] == ("retention.view", "")


def test_the_page_says_what_the_last_night_removed(office: Office, manager: Browser) -> None:
    parent = office.parent()
    old = now() - timedelta(days=9 * 365)
    office.change(Case, parent.case_id, state="closed", closed_at=old, opened_at=old, outcome="answered")
    last_night(office)
    page = text_of(manager.get("/staff/retention").text)
    assert "Last night's deletions ended" in page and "1 removed, from before" in page
    assert manager.get(f"/staff/cases/{parent.case_id}").status_code == 404


def test_a_failure_and_a_night_that_did_not_come_are_said_first(office: Office, manager: Browser) -> None:
    last_night(office)
    with office.services.database.write() as session:
        for row in session.query(RetentionNight):
            row.ended_at = now() - timedelta(days=3)
        session.scalars(select(RetentionRun).where(RetentionRun.kind == "rota")).one().failed = "OperationalError"
    page = text_of(manager.get("/staff/retention").text)
    assert "No night's deletions have ended for 3 days" in page and "1 kind of data could not be deleted" in page


def test_what_another_area_deleted_and_holds_is_not_shown(office: Office, manager: Browser) -> None:
    parent = office.parent(area=ELSEWHERE)
    theirs = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("manager",)))
    assert theirs.post(f"/staff/cases/{parent.case_id}/records/hold", text="a court asks").status_code == 303
    with office.services.database.write() as session:
        session.add(RetentionRun(area=ELSEWHERE, day="2026-01-01", kind="cases", cut=now(), removed=7654, ended_at=now()))
    assert "7,654" in theirs.get("/staff/retention").text and "a court asks" in theirs.get("/staff/retention").text
    page = manager.get("/staff/retention").text
    assert "7,654" not in page and "a court asks" not in page and "Nothing is held" in page


def test_an_administrator_sees_that_a_case_is_held_and_not_why(office: Office, manager: Browser) -> None:
    parent = office.parent()
    manager.post(f"/staff/cases/{parent.case_id}/records/hold", text="a court asks")
    page = office.browser(office.staff("Abe", roles=("administrator",))).get("/staff/retention").text
    assert f"case {parent.case_id}" in text_of(page).casefold() and "a court asks" not in page
    assert f"/staff/cases/{parent.case_id}" not in page


def test_a_hold_is_set_and_lifted_with_a_reason_and_recorded(office: Office, manager: Browser) -> None:
    parent = office.parent()
    path = f"/staff/cases/{parent.case_id}/records"
    refused = manager.post(f"{path}/hold", text="  ")
    assert refused.status_code == 422 and "Write something first" in text_of(refused.text)
    assert manager.post(f"{path}/hold", text="a court asks").status_code == 303
    again = manager.post(f"{path}/hold", text="once more")
    assert again.status_code == 422 and "is on legal hold" in text_of(again.text) and "once more" in again.text
    assert "a court asks" in manager.get(path).text
    assert manager.post(f"{path}/lift", text="the court is done").status_code == 303
    assert manager.post(f"{path}/lift", text="again").status_code == 422
    page = text_of(manager.get(path, done="hold_lifted").text)
    assert "The legal hold is lifted." in page and "the court is done" in page
    assert office.events(parent) == ["opened", "held", "hold_lifted"]
    subject = f"case:{parent.case_id}"
    acts = [act for act in office.audit(manager.staff_id) if act[0] != "case.records"]
    assert acts == [("case.hold", subject), ("case.hold_lift", subject)]
    with office.services.database.read() as session:
        hold = session.scalars(select(CaseHold)).one()
    assert b"court" not in hold.sealed and hold.lifted_by == manager.staff_id


def test_every_look_at_the_records_is_recorded(office: Office, manager: Browser) -> None:
    parent = office.parent()
    manager.get(f"/staff/cases/{parent.case_id}/records")
    assert office.audit(manager.staff_id) == [("case.records", f"case:{parent.case_id}")]


def test_only_managers_are_led_to_the_records(office: Office, manager: Browser) -> None:
    parent = office.parent()
    path = f"/staff/cases/{parent.case_id}"
    assert f"{path}/records" in manager.get(path).text
    assert f"{path}/records" not in office.browser(office.staff("Ada")).get(path).text
