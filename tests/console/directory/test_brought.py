"""The pages on which an approver decides on what imports brought in, many at once."""

from __future__ import annotations

import json
from typing import Any

from bot.console.directory.common import BROUGHT_IN
from services_directory.imports.approving import PAGE
from tests.console.directory.test_imports import bring, finished, services
from tests.console.support import ELSEWHERE, Browser, Office, hidden, text_of
from tests.services_directory.imports.test_import import one


def furnish(office: Office, count: int = 3) -> tuple[Browser, Browser]:
    """An editor who has brought services in, and an approver."""
    edie = office.browser(office.staff("Edie", roles=("editor",)))
    content = json.dumps([one(number) for number in range(count)]).encode()
    path = bring(edie, content, name="feed.json", source="larkmoor").headers["location"]
    edie.post(f"{path}/apply")
    finished(edie, path)
    return edie, office.browser(office.staff("Ari", roles=("approver",)))


def decide(browser: Browser, summary: Any, decision: str, text: str = "") -> Any:
    return browser.post(f"{BROUGHT_IN}/decide", chosen=hidden(summary.text, "chosen"), decision=decision, text=text)


def test_ticked_services_are_summed_up_and_approved_and_the_others_wait_on(office: Office) -> None:
    _, ari = furnish(office)
    assert f'href="{BROUGHT_IN}"' in ari.get("/staff/directory/pending").text
    ids = [service.id for service in services(office)]
    summary = ari.post(f"{BROUGHT_IN}/look", **{f"service.{ids[0]}": "yes", f"service.{ids[1]}": "yes"})
    said = text_of(summary.text)
    assert (
        summary.status_code == 200 and "You chose 2 services" in said and "Not checked for 90 days or more, or never: 2" in said
    )
    answer = decide(ari, summary, "approve", "Rung on Monday.")
    assert "2 services are live now." in text_of(answer.text) and "left as" not in answer.text
    assert [service.approval for service in services(office)] == ["approved", "approved", "pending"]
    said = text_of(ari.get(f"/staff/directory/services/{ids[0]}").text)
    assert "Approved by Ari Rung on Monday." in said
    actions = office.audit(ari.staff_id)
    assert ("directory.approve_many", "services:2") in actions and ("directory.approve", f"service:{ids[0]}") in actions


def test_all_that_a_filter_shows_are_chosen_beyond_the_page(office: Office) -> None:
    _, ari = furnish(office, PAGE + 5)
    page = ari.get(BROUGHT_IN, source="larkmoor")
    assert page.text.count('type="checkbox"') == PAGE and "Page 1 of 2" in text_of(page.text)
    assert ari.get(BROUGHT_IN, source="nobody").text.count('type="checkbox"') == 0
    assert ari.get(BROUGHT_IN, tick="1").text.count('value="yes" checked') == PAGE
    summary = ari.post(f"{BROUGHT_IN}/look", all="yes", source="larkmoor")
    assert f"{PAGE + 5} services are live now." in text_of(decide(ari, summary, "approve").text)


def test_refusing_without_a_reason_and_choosing_nothing_are_said_at_the_field(office: Office) -> None:
    _, ari = furnish(office)
    nothing = ari.post(f"{BROUGHT_IN}/look")
    assert nothing.status_code == 422 and "Choose at least one service." in nothing.text
    summary = ari.post(f"{BROUGHT_IN}/look", all="yes")
    again = decide(ari, summary, "refuse")
    assert again.status_code == 422 and 'aria-invalid="true"' in again.text and "Write why you refuse them." in again.text
    assert "3 services were refused." in text_of(decide(ari, again, "refuse", "Closed long ago.").text)
    assert {service.approval for service in services(office)} == {"withdrawn"}


def test_an_old_summary_decides_nothing_twice_and_says_why(office: Office) -> None:
    _, ari = furnish(office)
    ben = office.browser(office.staff("Ben", roles=("manager",)))
    summary = ari.post(f"{BROUGHT_IN}/look", all="yes")
    decide(ben, ben.post(f"{BROUGHT_IN}/look", all="yes"), "refuse", "Closed long ago.")
    said = text_of(decide(ari, summary, "approve").text)
    assert "0 services are live now." in said and said.count("Somebody has decided on it already.") == 3


def test_who_brought_them_is_told_that_somebody_else_must_approve(office: Office) -> None:
    ari = office.browser(office.staff("Ari", roles=("approver",)))
    path = bring(ari, json.dumps([one()]).encode(), name="feed.json").headers["location"]
    ari.post(f"{path}/apply")
    finished(ari, path)
    summary = ari.post(f"{BROUGHT_IN}/look", all="yes")
    assert "You brought it in. Somebody else must approve it." in text_of(summary.text)
    assert 'value="approve"' not in summary.text and 'value="refuse"' in summary.text
    decide(ari, summary, "approve")
    assert [service.approval for service in services(office)] == ["pending"]


def test_another_area_sees_and_decides_nothing_and_an_editor_only_looks(office: Office) -> None:
    edie, ari = furnish(office)
    cleo = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("approver",)))
    summary = ari.post(f"{BROUGHT_IN}/look", all="yes")
    assert "Quiet hour" not in cleo.get(BROUGHT_IN).text
    said = text_of(decide(cleo, summary, "approve").text)
    assert "0 services are live now." in said and "Quiet hour" not in said
    assert "Quiet hour" in edie.get(BROUGHT_IN).text and 'type="checkbox"' not in edie.get(BROUGHT_IN).text
    assert decide(edie, summary, "approve").status_code == 403
    assert {service.approval for service in services(office)} == {"pending"}
