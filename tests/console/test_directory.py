"""The directory's pages: add one question at a time, edit, preview, approve, undo; by role and by area."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from bot.storage.tables import StaffAudit
from services_directory import Directory, Query
from tests.console.support import ELSEWHERE, Browser, Office, hidden, text_of
from tests.services_directory.test_directory_editing import NEW

HOME = "/staff/directory"


def form(answers: dict[str, str]) -> dict[str, str]:
    """Answers as a browser sends them."""
    fields = {field: text for field, text in answers.items() if field not in ("needs", "modes")}
    for field in ("needs", "modes"):
        fields |= {f"{field}.{code}": "yes" for code in answers.get(field, "").split()}
    return fields


def add(editor: Browser, answers: dict[str, str] = NEW) -> str:
    """A new service's page, its draft filled in and sent."""
    begun = editor.post(f"{HOME}/add")
    change = begun.headers["location"].split("/questions/")[0]
    assert editor.post(f"{change}/all", **form(answers)).headers["location"] == change
    assert editor.post(f"{change}/send").headers["location"] == f"{change}?done=sent"
    return str(change)


def approve(approver: Browser, change: str) -> Any:
    return approver.post(f"{change}/approve", shown=hidden(approver.get(change).text, "shown"))


def people(office: Office) -> tuple[Browser, Browser]:
    return office.browser(office.staff("Edith", roles=("editor",))), office.browser(office.staff("Amal", roles=("approver",)))


def directory(office: Office) -> Directory:
    assert office.services.directory_engine is not None
    return Directory(office.services.directory_engine)


def test_a_service_is_added_by_one_and_made_live_by_another(office: Office) -> None:
    editor, approver = people(office)
    change = add(editor)
    assert directory(office).search(Query(text="puddle", mode="go")) == []
    listed = approver.get(f"{HOME}/pending").text
    assert change in listed and "Puddle Play" in listed
    page = text_of(approver.get(change).text)
    assert "Added: Messy play for babies and toddlers." in page and "10am" in page and "Baby and toddler groups" in page
    assert approve(approver, change).headers["location"] == f"{change}?done=live"
    assert directory(office).search(Query(text="puddle", mode="go"))[0].service.name == "Puddle Play (example)"


def test_each_question_is_kept_at_once_and_the_draft_is_there_after_signing_out(office: Office) -> None:
    ada = office.staff("Edith", roles=("editor",))
    editor = office.browser(ada)
    first = editor.post(f"{HOME}/add").headers["location"]
    assert first.endswith("/questions/name")
    second = editor.post(first, name="Puddle Play").headers["location"]
    assert second.endswith("/questions/organisation")
    wrong = editor.post(second, organisation="", organisation_name="Puddle Parents")
    assert wrong.status_code == 422 and "Choose who runs it." in wrong.text and "autofocus" in wrong.text
    editor.post("/staff/sign-out")
    again = office.browser(ada)
    change = re.search(rf'href="({HOME}/changes/[^"]+)">Puddle Play', again.get(HOME).text)
    assert change
    assert "/questions/organisation" in again.get(change[1]).text
    assert 'value="Puddle Parents"' in again.get(second).text
    assert "Question 2 of 15" in again.get(second).text and "/questions/name" in again.get(second).text


def test_whoever_comes_back_goes_on_with_the_question_after_the_last_answer(office: Office) -> None:
    editor = office.browser(office.staff("Edith", roles=("editor",)))
    second = editor.post(editor.post(f"{HOME}/add").headers["location"], name="Puddle Play").headers["location"]
    change = second.partition("/questions/")[0]
    go_on = re.compile(rf'href="{change}/questions/([a-z]+)">Go on')
    assert go_on.findall(editor.get(change).text) == ["organisation"]
    editor.post(second, organisation="", organisation_name="Puddle Parents")
    assert go_on.findall(editor.get(change).text) == ["organisation"], "what is wrong is asked again"
    editor.post(second, organisation="new", organisation_name="Puddle Parents")
    assert go_on.findall(editor.get(change).text) == ["description"]


def test_mistakes_are_said_beside_the_field_and_at_the_top(office: Office) -> None:
    editor, _ = people(office)
    change = editor.post(f"{HOME}/add").headers["location"].split("/questions/")[0]
    page = editor.post(f"{change}/all", **form({**NEW, "t1_opens": "ten", "age_from": "six"}))
    assert page.status_code == 422
    for field in ("t1_opens", "age_from"):
        assert f'<a href="#f-{field}">' in page.text and f'id="f-{field}-error"' in page.text
    assert 'value="ten"' in page.text and 'value="six"' in page.text
    assert editor.post(f"{change}/send").status_code == 422


def test_nobody_approves_their_own_change_unless_the_setting_says_so(office: Office) -> None:
    both = office.browser(office.staff("Bea", roles=("editor", "approver")))
    change = add(both)
    shown = hidden_or_empty(both.get(change).text)
    refused = both.post(f"{change}/approve", shown=shown)
    assert refused.status_code == 409 and "Somebody else must approve your change." in refused.text
    assert directory(office).search(Query(text="puddle", mode="go")) == []
    office.services.settings.directory_approve_own = True
    assert approve(both, change).headers["location"].endswith("done=live")
    assert directory(office).search(Query(text="puddle", mode="go"))


def hidden_or_empty(page: str) -> str:
    return hidden(page, "shown") if 'name="shown"' in page else ""


def test_the_preview_is_the_message_that_a_parent_gets_in_each_language(office: Office) -> None:
    editor, _ = people(office)
    change = add(editor)
    for language in ("en", "cy", "pl", "ro", "ur", "ar", "bn", "uk"):
        page = editor.get(change, lang=language).text
        words = office.services.strings.get("services.phone", language, value="01632")
        assert words.split("01632")[0].strip("\u2068 ") in text_of(page) and "Puddle Play (example)" in page
    assert directory(office).search(Query(text="puddle", mode="go")) == []  # looking stored nothing


def test_a_refusal_needs_a_reason_that_the_author_reads(office: Office) -> None:
    editor, approver = people(office)
    change = add(editor)
    assert approver.post(f"{change}/refuse", text=" ").status_code == 409
    assert approver.post(f"{change}/refuse", text="The hall is closed.").status_code == 303
    assert "The hall is closed." in editor.get(change).text and "Sent back" in editor.get(HOME).text
    assert approver.get(change).status_code == 404


def test_an_edit_shows_its_difference_and_can_be_undone(office: Office) -> None:
    editor, approver = people(office)
    change = add(editor)
    approve(approver, change)
    service = re.search(rf"{HOME}/services/[0-9a-f-]+", editor.get(change).text)
    assert service
    edit = editor.post(f"{service[0]}/edit").headers["location"].removesuffix("/all")
    editor.post(f"{edit}/all", **form({**NEW, "phone": "01632 960999", **stored(editor, edit)}))
    editor.post(f"{edit}/send")
    page = text_of(approver.get(edit).text)
    assert "Before: 01632 960123" in page and "After: 01632 960999" in page and "Messy play" not in page.split("What a parent")[0]
    approve(approver, edit)
    history = editor.get(service[0]).text
    assert "Changed by Edith, approved by Amal" in text_of(history)
    undo = re.search(rf"{HOME}/history/[0-9a-f-]+/undo", history)
    assert undo
    undoing = editor.post(undo[0]).headers["location"]
    editor.post(f"{undoing}/send")
    approve(approver, undoing)
    (match,) = directory(office).search(Query(text="puddle", mode="go"))
    assert match.service.phones[0].number == "01632 960123"


def stored(editor: Browser, change: str) -> dict[str, str]:
    """What the edit page holds for what has an id since, or is written in another way than it was typed."""
    page = editor.get(f"{change}/all").text
    found = {}
    for field in ("organisation", "venue"):
        found[field] = re.search(rf'name="{field}".*?value="([0-9a-f-]{{36}})" selected', page, re.S)[1]  # type: ignore[index]
    empty = dict.fromkeys(("organisation_name", *(field for field in NEW if field.startswith("place_"))), "")
    typed = {
        field: re.search(rf'name="{field}"[^>]* value="([^"]*)"', page)[1]
        for field in ("cost", "t1_opens", "t1_closes", "age_to")
    }  # type: ignore[index]
    return found | empty | typed | {"access": "Baby changing\nStep-free entrance"}


def test_another_area_sees_nothing_of_it(office: Office) -> None:
    editor, _ = people(office)
    change = add(editor)
    stranger = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("editor", "approver")))
    assert stranger.get(change).status_code == 404 and "Puddle" not in stranger.get(f"{HOME}/pending").text
    assert stranger.post(f"{change}/approve", shown="x").status_code == 404
    assert stranger.post(f"{change}/all", name="Mine").status_code == 404


def test_what_is_looked_at_and_done_is_recorded(office: Office) -> None:
    editor, approver = people(office)
    change = add(editor)
    approve(approver, change)
    with office.services.database.read() as session:
        rows = session.execute(select(StaffAudit.staff_id, StaffAudit.action, StaffAudit.subject)).all()
    subject = f"change:{change.rpartition('/')[2]}"
    for who, action in ((editor, "directory.save"), (editor, "directory.send"), (approver, "directory.approve")):
        assert (who.staff_id, action, subject) in rows
