"""A manager finishes an erasure and makes a copy: what was checked, what goes, what stays, and what the parent gets."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.messages import Reply
from bot.people import forget
from bot.people.copy import LEFT_OUT, SECTIONS
from bot.people.forgotten import ERASE, FORGET, read_list
from bot.people.tombstones import bury, new_receipt, of_receipt
from bot.retention.holds import held_cases
from bot.storage.tables import (
    Base,
    Case,
    CaseCount,
    CaseEvent,
    Child,
    Inbox,
    Outbox,
    Person,
    PersonAddress,
    RawEvent,
    RightsCheck,
    now,
)
from tests.console.support import Browser, Office, Parent, text_of

SECRET = "xylophone-secret words"
CHECKED = {"known": "1", "safe": "1"}


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser(office.staff("Mo", title="Team lead", roles=("manager",)))


def closed(office: Office, text: str = SECRET) -> Parent:
    """A parent whose one case is closed."""
    parent = office.parent(text, channel="telegram")
    office.change(Case, parent.case_id, state="closed", closed_at=now(), outcome="answered")
    return parent


def asked(office: Office, parent: Parent) -> str:
    """They asked to be forgotten in the chat; returns the receipt."""
    receipt = new_receipt()
    with office.services.database.write() as session:
        until = now() + timedelta(days=700)
        bury(session, office.services.keyring, session.get_one(Person, parent.person_id), until=until, receipt=receipt)
        forget(session, parent.person_id, except_inbox=0)
    return receipt


def act(browser: Browser, parent: Parent, name: str, **fields: str) -> Any:
    return browser.post(f"/staff/cases/{parent.case_id}/records/{name}", **fields)


def count(office: Office, table: type[Base]) -> int:
    with office.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_check_needs_who_and_that_it_is_safe_and_is_recorded(office: Office, manager: Browser) -> None:
    parent = closed(office)
    for fields in ({}, {"safe": "1"}, {"document": "1"}, {"safe": "1", "receipt": "AAAA-AAAA"}):
        assert act(manager, parent, "check", **fields).status_code == 422
    assert count(office, RightsCheck) == 0
    assert act(manager, parent, "check", **CHECKED).status_code == 303
    recorded = [action for action, _ in office.audit(manager.staff_id) if ".check." in action]
    assert recorded == ["case.check.known", "case.check.safe"]
    page = text_of(manager.get(f"/staff/cases/{parent.case_id}/records").text)
    assert "Mo recorded" in page and "Messages from them 1" in page


def test_a_receipt_is_checked_by_wren(office: Office, manager: Browser) -> None:
    mine, other = closed(office), closed(office)
    receipt, theirs = asked(office, mine), asked(office, other)
    wrong = act(manager, mine, "check", safe="1", receipt=theirs)
    assert wrong.status_code == 422 and "not this parent's receipt" in text_of(wrong.text)
    assert act(manager, mine, "check", safe="1", receipt=receipt.lower().replace("-", " ")).status_code == 303
    assert "case.check.receipt" in {action for action, _ in office.audit(manager.staff_id)}


@pytest.mark.parametrize("name", ["erase", "keep", "copy"])
def test_nothing_is_done_without_a_check_of_the_last_week(office: Office, manager: Browser, name: str) -> None:
    parent = closed(office)
    fields = {"text": "a court asks", "until": f"{now() + timedelta(days=30):%Y-%m-%d}"}
    assert act(manager, parent, name, **fields).status_code == 422
    act(manager, parent, "check", **CHECKED)
    with office.services.database.write() as session:
        session.scalars(select(RightsCheck)).one().at = now() - timedelta(days=8)
    refused = act(manager, parent, name, **fields)
    assert refused.status_code == 422 and "Record first what was checked" in text_of(refused.text)
    assert count(office, Person) == 1 and office.events(parent) == ["opened"]


def test_erasing_leaves_a_number_a_silence_and_the_record_of_who_checked(office: Office, manager: Browser) -> None:
    parent = closed(office)
    office.wren_says(parent, Reply(ref="text:thanks"))
    act(manager, parent, "check", **CHECKED)
    page = act(manager, parent, "erase")
    (receipt,) = re.findall("[2-9A-Z]{4}-[2-9A-Z]{4}", page.text)
    assert page.status_code == 200
    for table in (Person, PersonAddress, Case, CaseEvent, Inbox, Outbox, RightsCheck):
        assert count(office, table) == 0, table
    with office.services.database.read() as session:
        assert of_receipt(session, office.services.keyring, receipt) is not None
        assert session.scalars(select(CaseCount.cases)).all() == [1]
    lines, _ = read_list(office.services.settings.forgotten_path)
    assert [line.act for line in lines] == [FORGET, ERASE], "for the day when a copy from before comes back"
    with office.services.database.read() as session:
        assert session.scalars(select(RawEvent.sealed)).all() == [None]
    subject = f"case:{parent.case_id}"
    assert {("case.check.known", subject), ("case.erase", subject)} <= set(office.audit(manager.staff_id))
    assert manager.get(f"/staff/cases/{parent.case_id}").status_code == 404


def test_who_asked_in_the_chat_keeps_the_receipt_they_got(office: Office, manager: Browser) -> None:
    parent = closed(office)
    receipt = asked(office, parent)
    act(manager, parent, "check", **CHECKED)
    assert not re.findall("[2-9A-Z]{4}-[2-9A-Z]{4}", act(manager, parent, "erase").text)
    with office.services.database.read() as session:
        assert of_receipt(session, office.services.keyring, receipt) is not None


def test_an_open_case_or_a_legal_hold_stops_an_erasure(office: Office, manager: Browser) -> None:
    parent = closed(office)
    act(manager, parent, "check", **CHECKED)
    act(manager, parent, "hold", text="a court asks")
    held = act(manager, parent, "erase")
    assert held.status_code == 422 and "is on legal hold" in text_of(held.text)
    act(manager, parent, "lift", text="done")
    again = office.returns(parent)
    still = act(manager, parent, "erase")
    assert still.status_code == 422 and "Close it first" in text_of(still.text)
    assert office.case(again).state == "open" and count(office, Person) == 1


def test_keeping_until_a_day_forgets_the_rest_at_once_and_holds_the_case(office: Office, manager: Browser) -> None:
    parent = closed(office)
    office.writes(Parent(parent.person_id, parent.address_id, parent.pseudonym, parent.channel, 0), "of no case")
    with office.services.database.write() as session:
        session.add(Child(person_id=parent.person_id, born_or_due="2026-01"))
    act(manager, parent, "check", **CHECKED)
    day = f"{now() + timedelta(days=400):%Y-%m-%d}"
    for fields in ({"until": day, "text": " "}, {"until": "", "text": "why"}, {"until": "2020-01-01", "text": "why"}):
        refused = act(manager, parent, "keep", **fields)
        assert refused.status_code == 422 and count(office, Child) == 1
    page = act(manager, parent, "keep", until=day, text="the child's record")
    assert page.status_code == 200 and re.findall("[2-9A-Z]{4}-[2-9A-Z]{4}", page.text)
    assert "the child's record" in text_of(page.text)
    assert count(office, Child) == 0 and count(office, Inbox) == 1 and office.events(parent) == ["opened", "kept"]
    with office.services.database.read() as session:
        assert session.get_one(Person, parent.person_id).forgotten_at is not None
        assert session.scalars(held_cases(now())).all() == [parent.case_id]
        assert session.scalars(held_cases(now() + timedelta(days=402))).all() == []


def test_a_copy_has_everything_can_be_read_and_is_given_once(office: Office, manager: Browser) -> None:
    parent = closed(office)
    office.wren_says(parent, Reply(ref="text:thanks"))
    act(manager, parent, "check", **CHECKED)
    answer = act(manager, parent, "copy")
    assert answer.headers["content-type"] == "application/zip" and answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    file = zipfile.ZipFile(io.BytesIO(answer.content))
    data, page = json.loads(file.read("copy.json")), file.read("copy.html").decode()
    assert set(data) == {section.name for section in SECTIONS}
    assert data["messages"][0]["sealed"]["text"] == SECRET and SECRET in page
    assert data["person"][0]["pseudonym"] == parent.pseudonym and data["answers"][0]["sealed"]["text"]
    assert data["addresses"][0]["sealed"] and "lookup" not in data["addresses"][0]
    assert "<script" not in page and "http" not in page.split("</head>")[0]
    again = act(manager, parent, "copy")
    assert again.status_code == 422 and "record a new check" in text_of(again.text)
    assert ("case.copy", f"case:{parent.case_id}") in office.audit(manager.staff_id)


def test_a_copy_has_nothing_of_anybody_else(office: Office, manager: Browser) -> None:
    parent, _ = closed(office, "mine"), closed(office, "somebody else's zebra")
    act(manager, parent, "check", **CHECKED)
    file = zipfile.ZipFile(io.BytesIO(act(manager, parent, "copy").content))
    assert all(b"zebra" not in file.read(name) for name in file.namelist())


def test_hostile_words_are_only_words_in_the_page_of_a_copy(office: Office, manager: Browser) -> None:
    parent = closed(office, "<script>alert(1)</script>")
    act(manager, parent, "check", **CHECKED)
    page = zipfile.ZipFile(io.BytesIO(act(manager, parent, "copy").content)).read("copy.html").decode()
    assert "<script" not in page and "alert(1)" in page


def test_a_copy_and_an_erasure_are_in_no_log(office: Office, manager: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    parent = closed(office)
    act(manager, parent, "check", **CHECKED)
    act(manager, parent, "copy")
    act(manager, parent, "erase")
    assert "xylophone" not in caplog.text and parent.pseudonym not in caplog.text


def test_every_table_that_leads_to_a_person_is_in_a_copy_or_named_as_left_out() -> None:
    tables = Base.metadata.tables
    leads, more = {"person", "raw_event"}, True
    while more:
        more = False
        for table in tables.values():
            if table.name not in leads and {key.column.table.name for key in table.foreign_keys} & (leads - {"raw_event"}):
                leads.add(table.name)
                more = True
    assert {section.table.__tablename__ for section in SECTIONS} | set(LEFT_OUT) == leads


def test_a_receipt_is_looked_up_for_whoever_asks_later(office: Office, manager: Browser) -> None:
    parent = closed(office)
    receipt = asked(office, parent)
    page = manager.post("/staff/retention/receipt", receipt=receipt)
    assert "Nothing unasked goes to that address until" in text_of(page.text)
    assert f"/staff/cases/{parent.case_id}/records" in page.text
    assert "does not know this receipt" in text_of(manager.post("/staff/retention/receipt", receipt="K7QM-2XRD").text)
    stranger = office.browser(office.staff("Cleo", area="elsewhere", roles=("manager",)))
    assert f"/staff/cases/{parent.case_id}" not in stranger.post("/staff/retention/receipt", receipt=receipt).text
