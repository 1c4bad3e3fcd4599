"""Bringing services in through the console: a report first, then a yes; and taking them out."""

from __future__ import annotations

import json
import re
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.console.guard import MAX_UPLOAD
from bot.library import Library
from services_directory.imports.one_sheet import template
from services_directory.imports.tables import MergeQuestion, TermQuestion, WaitingImport
from services_directory.models import Attribute, Service
from tests.console.support import AREA, ELSEWHERE, URL, Browser, Office, build_office, hidden, text_of
from tests.services_directory.imports.test_import import one

PAGE = "/staff/directory/import"


@pytest.fixture
def edie(office: Office) -> Browser:
    return office.browser(office.staff("Edie", roles=("editor",)))


def bring(browser: Browser, content: bytes, name: str = "services.csv", source: str = "larkmoor", csrf: str | None = None) -> Any:
    fields = {"csrf": browser.csrf if csrf is None else csrf, "source": source}
    return browser.client.post(PAGE, data=fields, files={"file": (name, content)}, headers={"Origin": URL})


def finished(browser: Browser, path: str, working: str = "Being imported now") -> str:
    """The import's page once it is no longer at work, which it says in the words of `working`."""
    for _ in range(200):
        page = str(browser.get(path).text)
        if working not in page:
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
    assert "Would be added" in page
    assert edie.post(f"{path}/apply").status_code == 303
    done = text_of(finished(edie, path))
    assert "Imported" in done and "Would be added" not in done
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


@pytest.fixture
def ari(office: Office) -> Browser:
    return office.browser(office.staff("Ari", roles=("approver",)))


def test_what_goes_live_by_an_import_needs_somebody_who_approves_and_did_not_bring_it(
    office: Office, edie: Browser, ari: Browser
) -> None:
    for bringer, refused in ((edie, edie), (ari, ari), (ari, edie)):
        path = bring(bringer, template().encode()).headers["location"]
        assert "choice-approve" not in refused.get(path).text
        assert refused.post(f"{path}/apply", approve="1").status_code == 409
        assert "Nothing has been imported yet" in text_of(refused.get(path).text) and not services(office)
    path = bring(edie, template().encode()).headers["location"]
    assert "choice-approve" in ari.get(path).text
    ari.post(f"{path}/apply", approve="1")
    finished(ari, path)
    assert [service.approval for service in services(office)] == ["approved"]
    moved = template().replace("Songs and rhymes", "More songs").replace("10:00", "10:30").encode()
    path = bring(edie, moved).headers["location"]
    page = edie.get(path)
    assert "somebody who approves has to import it" in page.text and f"{path}/apply" not in page.text
    assert edie.post(f"{path}/apply").status_code == 409
    assert ari.post(f"{path}/apply").status_code == 303
    finished(ari, path)
    page = text_of(ari.get(f"/staff/directory/services/{services(office)[0].id}").text)
    assert page.count("Brought in from larkmoor by Ari") == 2 and "times:" in page


def test_a_setting_lets_somebody_import_and_approve_alone(tmp_path: Path, library: Library) -> None:
    office = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library, directory_approve_own=True)
    ari = office.browser(office.staff("Ari", roles=("manager",)))
    path = bring(ari, template().encode()).headers["location"]
    ari.post(f"{path}/apply", approve="1")
    finished(ari, path)
    assert [service.approval for service in services(office)] == ["approved"]
    office.services.database.dispose()


def test_who_only_looks_after_accounts_sees_imports_and_brings_none(office: Office, edie: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    root = office.browser(office.staff("Root", roles=("administrator",)))
    for page in (PAGE, path, f"{PAGE}/questions", "/staff/directory/export"):
        answer = root.get(page)
        assert answer.status_code == 200
        assert '<form method="post" action="/staff/directory' not in answer.text


def test_what_was_brought_in_and_waits_for_approval_is_on_the_list(office: Office, edie: Browser, ari: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    edie.post(f"{path}/apply")
    finished(edie, path)
    todo = ari.get("/staff/directory/todo")
    assert "Brought in and not approved yet : 1" in text_of(todo.text)
    assert 'href="/staff/directory/pending/brought-in"' in todo.text
    (service,) = services(office)
    change = edie.post(f"/staff/directory/services/{service.id}/edit").headers["location"].removesuffix("/all")
    edie.post(f"{change}/send")
    said = text_of(ari.get("/staff/directory/todo").text)
    assert "Brought in and not approved yet : 0" in said and "Waiting for approval : 1" in said
    ari.post(f"{change}/approve", shown=hidden(ari.get(change).text, "shown"))
    assert [service.approval for service in services(office)] == ["approved"]


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


def test_a_double_that_is_withdrawn_is_not_brought_back_by_a_change_on_its_way(
    office: Office, edie: Browser, ari: Browser
) -> None:
    for source in ("first", "second"):
        content = json.dumps([one(name="Breastfeeding café (example)")]).encode()
        path = bring(edie, content, name="feed.json", source=source).headers["location"]
        ari.post(f"{path}/apply", approve="1")
        finished(ari, path)
    with office.services.database.read() as session:
        merge = session.scalars(select(MergeQuestion)).one()
    change = edie.post(f"/staff/directory/services/{merge.service_id}/edit").headers["location"].removesuffix("/all")
    edie.post(f"{change}/questions/description", description="Tea and help with feeding.")
    edie.post(f"{change}/send")
    shown = hidden(ari.get(change).text, "shown")
    answered = edie.post(f"{PAGE}/questions", kind="merge", question=merge.id, answer="yes")
    assert "Parents see what it changes when somebody else has approved it." in text_of(
        edie.get(answered.headers["location"]).text
    )
    waits = re.findall(r"/staff/directory/changes/[-0-9a-f]+", ari.get("/staff/directory/pending").text)
    (merging,) = set(waits) - {change}
    page = ari.get(merging)
    assert "Withdrawn as the same service" in text_of(page.text) and f"/services/{merge.service_id}" in page.text
    assert edie.post(f"{merging}/approve", shown=hidden(page.text, "shown")).status_code == 403
    ari.post(f"{merging}/approve", shown=hidden(page.text, "shown"))
    assert ari.post(f"{change}/approve", shown=shown).status_code in (404, 409)
    with office.services.database.read() as session:
        assert session.get_one(Service, merge.service_id).approval == "withdrawn"
    assert "it is the same as “Breastfeeding café (example)”" in text_of(edie.get(change).text)
    history = text_of(ari.get(f"/staff/directory/services/{merge.service_id}").text)
    assert "Said by Edie to be the same as “Breastfeeding café (example)”, and withdrawn. Approved by Ari." in history


@pytest.mark.parametrize("role", ["editor", "approver"])
def test_a_need_that_parents_would_see_goes_live_alone_only_by_the_setting_and_by_who_approves(
    tmp_path: Path, library: Library, role: str
) -> None:
    office = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library, directory_approve_own=True)
    cleo = office.browser(office.staff("Cleo", roles=(role,)))
    boss = office.browser(office.staff("Boss", roles=("manager",)))
    content = json.dumps([one(name="Breastfeeding café (example)", attributes=None)]).encode()
    path = bring(boss, content, name="feed.json").headers["location"]
    boss.post(f"{path}/apply", approve="1")
    finished(boss, path)
    with office.services.database.read() as session:
        term = session.scalars(select(TermQuestion).where(TermQuestion.code == "infant-feeding")).one()
    answered = cleo.post(f"{PAGE}/questions", kind="term", question=term.id, answer="yes").headers["location"]
    assert answered == f"{PAGE}/questions?done={'answered' if role == 'approver' else 'waiting'}"
    with office.services.database.read() as session:
        tags = session.scalars(select(Attribute).where(Attribute.link_id == term.service_id)).all()
        assert len([tag for tag in tags if tag.taxonomy_term.taxonomy.name == "wren-needs"]) == (role == "approver")
    office.services.database.dispose()


def test_every_form_can_be_taken_out(office: Office, edie: Browser, ari: Browser) -> None:
    path = bring(edie, template().encode()).headers["location"]
    ari.post(f"{path}/apply", approve="1")
    finished(ari, path)
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
