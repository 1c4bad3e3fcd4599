"""Bringing services in through the console: a report first, then a yes; and taking them out."""

from __future__ import annotations

import json
import time
import zipfile
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select

from bot.console.guard import MAX_UPLOAD
from services_directory.imports.one_sheet import template
from services_directory.imports.tables import MergeQuestion, TermQuestion, WaitingImport
from services_directory.models import Attribute, Service
from tests.console.support import AREA, ELSEWHERE, URL, Browser, Office, text_of
from tests.services_directory.imports.test_import import one

PAGE = "/staff/directory/import"


@pytest.fixture
def edie(office: Office) -> Browser:
    return office.browser(office.staff("Edie", roles=("editor",)))


def bring(browser: Browser, content: bytes, name: str = "services.csv", source: str = "larkmoor", csrf: str | None = None) -> Any:
    fields = {"csrf": browser.csrf if csrf is None else csrf, "source": source}
    return browser.client.post(PAGE, data=fields, files={"file": (name, content)}, headers={"Origin": URL})


def finished(browser: Browser, path: str) -> str:
    """The import's page once it is no longer at work."""
    for _ in range(200):
        page = str(browser.get(path).text)
        if "Being imported now" not in page:
            return page
        assert 'http-equiv="refresh"' in page
        time.sleep(0.05)
    raise AssertionError("the import did not end")


def services(office: Office) -> list[Service]:
    with office.services.database.read() as session:
        return list(session.scalars(select(Service).order_by(Service.name)))


def test_an_upload_is_shown_first_and_imported_only_after_a_yes(office: Office, edie: Browser) -> None:
    answer = bring(edie, template().encode())
    assert answer.status_code == 303
    path = answer.headers["location"]
    page = text_of(edie.get(path).text)
    assert "Nothing has been imported yet" in page and "Rhyme time (example)" in page and not services(office)
    assert edie.post(f"{path}/apply").status_code == 303
    assert "Imported" in text_of(finished(edie, path))
    (service,) = services(office)
    assert (service.name, service.approval, service.area_id) == ("Rhyme time (example)", "pending", AREA)
    actions = [action for action, _ in office.audit(edie.staff_id)]
    assert {"directory.import.bring", "directory.import.apply"} <= set(actions)
    with office.services.database.read() as session:
        row = session.scalars(select(WaitingImport)).one()
        assert row.state == "applied" and row.content is None


def test_bringing_the_same_file_again_says_there_is_nothing_to_change(office: Office, edie: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    edie.post(f"{path}/apply")
    finished(edie, path)
    again = bring(edie, template().encode()).headers["location"]
    assert "There is nothing to change" in text_of(edie.get(again).text)


def test_only_an_approver_can_approve_while_importing(office: Office, edie: Browser) -> None:
    for browser, expected in ((edie, "pending"), (office.browser(office.staff("Ari", roles=("approver",))), "approved")):
        sheet = template().replace("rhymes-1", expected).replace("Rhyme time", expected).encode()
        path = bring(browser, sheet, source=expected).headers["location"]
        assert ("choice-approve" in browser.get(path).text) == (expected == "approved")
        browser.post(f"{path}/apply", approve="1")
        finished(browser, path)
        assert {service.source: service.approval for service in services(office)}[expected] == expected


@pytest.mark.parametrize(
    ("content", "source", "words"),
    [
        (b"", "larkmoor", "Choose a file"),
        (template().encode(), " ", "Write who these services come from"),
        (b"%PDF-1.7 something", "larkmoor", "This is neither JSON, nor CSV"),
        (b"<script>alert(1)</script>\nx", "larkmoor", "has no column"),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_field(
    office: Office, edie: Browser, content: bytes, source: str, words: str
) -> None:
    answer = bring(edie, content, source=source)
    assert answer.status_code == 422 and words in text_of(answer.text)
    assert 'aria-invalid="true"' in answer.text and "<script>alert" not in answer.text


def test_a_file_that_is_too_large_or_from_elsewhere_is_refused(office: Office, edie: Browser) -> None:
    assert bring(edie, b"x" * (MAX_UPLOAD + 1)).status_code == 413
    assert bring(edie, template().encode(), csrf="wrong").status_code == 403
    with office.services.database.read() as session:
        assert not session.scalars(select(WaitingImport)).all()


def test_another_area_neither_sees_nor_applies_an_import(office: Office, edie: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    stranger = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("editor",)))
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/apply").status_code == stranger.post(f"{path}/discard").status_code == 404
    assert path not in stranger.get(PAGE).text and path in edie.get(PAGE).text


def test_a_file_can_be_thrown_away(office: Office, edie: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    assert edie.post(f"{path}/discard").headers["location"] == f"{PAGE}?done=discarded"
    assert edie.get(path).status_code == 404 and not services(office)


def test_an_import_that_fails_says_so_and_changes_nothing(office: Office, edie: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("invented")

    monkeypatch.setattr("bot.console.directory.imports.run_import", fails)
    path = bring(edie, template().encode()).headers["location"]
    edie.post(f"{path}/apply")
    page = finished(edie, path)
    assert "Not imported. Nothing was changed." in text_of(page) and "/apply" in page and not services(office)


def test_questions_are_answered_by_a_person_and_kept(office: Office, edie: Browser) -> None:
    for name, item in (("first", one(name="Breastfeeding café (example)")), ("second", one(name="Breastfeeding café (example)"))):
        path = bring(edie, json.dumps([item]).encode(), name="feed.json", source=name).headers["location"]
        edie.post(f"{path}/apply")
        finished(edie, path)
    page = text_of(edie.get(f"{PAGE}/questions").text)
    assert "Are these the same service?" in page and "What do these services help with?" in page
    with office.services.database.read() as session:
        merge = session.scalars(select(MergeQuestion)).one()
        term = session.scalars(select(TermQuestion).where(TermQuestion.code == "infant-feeding")).first()
    assert term is not None
    edie.post(f"{PAGE}/questions", kind="term", question=term.id, answer="yes")
    edie.post(f"{PAGE}/questions", kind="merge", question=merge.id, answer="yes")
    with office.services.database.read() as session:
        tags = session.scalars(select(Attribute).where(Attribute.link_id == term.service_id)).all()
        assert [tag.taxonomy_term.code for tag in tags if tag.taxonomy_term.taxonomy.name == "wren-needs"] == ["infant-feeding"]
        assert session.get_one(Service, merge.service_id).approval == "withdrawn"
        assert session.get_one(Service, merge.other_id).approval == "pending"
    again = edie.post(f"{PAGE}/questions", kind="merge", question=merge.id, answer="no")
    assert again.status_code == 404


def test_every_form_can_be_taken_out(office: Office, edie: Browser) -> None:
    approver = office.browser(office.staff("Ari", roles=("approver",)))
    path = bring(approver, template().encode()).headers["location"]
    approver.post(f"{path}/apply", approve="1")
    finished(approver, path)
    assert "Rhyme time" in edie.get("/staff/directory/export/csv").text
    assert edie.get("/staff/directory/export/oruk").json()["contents"][0]["name"] == "Rhyme time (example)"
    assert edie.get("/staff/directory/export/hsds-json").json()[0]["name"] == "Rhyme time (example)"
    names = zipfile.ZipFile(BytesIO(edie.get("/staff/directory/export/hsds-zip").content)).namelist()
    assert {"services.csv", "locations.csv"} <= set(names)
    wall = edie.get("/staff/directory/export/list")
    assert "Tuesday 10:00–11:00" in wall.text and "script-src" not in wall.headers["content-security-policy"]
    assert edie.get("/staff/directory/export/exe").status_code == 404
    stranger = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("editor",)))
    assert "Rhyme time" not in stranger.get("/staff/directory/export/csv").text
    assert edie.get(f"{PAGE}/template.csv").text == template()
