"""The directory's pages in Chromium: a new worker adds a service, an approver makes it live, a search finds it at once."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation.services import search
from services_directory import Directory
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import sideways, violations
from tests.browser.test_console import open_as
from tests.console.support import Office
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
ANSWERS: tuple[dict[str, str], ...] = (
    {"name": "Puddle Play (example)"},
    {"organisation": "new", "organisation_name": "Puddle Parents (example)"},
    {"description": "Messy play for babies."},
    {"needs.baby-and-toddler-groups": "yes"},
    {"age_from": "birth", "age_to": "under 5"},
    {},
    {"modes.go": "yes"},
    {
        "venue": "new",
        "place_name": "Puddle Hall (example)",
        "place_address": "1 Example Row",
        "place_town": "Larkmoor",
        "place_district": "Larkmoor",
        "place_postcode": "ZZ1 1AA",
    },
    {"t1_day": "TU", "t1_opens": "10am", "t1_closes": "11.30"},
    {"cost": "free"},
    {"phone": "01632 960123"},
    {"languages": "English"},
    {},
    {},
    {},
)


def fill(page: Any, answers: dict[str, str]) -> None:
    for name, text in answers.items():
        box = page.locator(f"[name='{name}']")
        if text == "yes":
            box.check()
        elif box.evaluate("e => e.tagName") == "SELECT":
            box.select_option(text)
        else:
            box.fill(text)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_worker_adds_an_approver_approves_and_the_search_of_the_chat_finds_it(
    office: Office, chromium: Any, scripts: bool
) -> None:
    worker = office.browser(office.staff("Edith", roles=("editor",)))
    approver = office.browser(office.staff("Amal", roles=("approver",)))
    assert office.services.directory_engine is not None
    directory = Directory(office.services.directory_engine)
    wanted = {"need": "baby-and-toddler-groups", "place": "ZZ1", "age": 8}
    assert search(directory, wanted, "en") == ([], False)

    def look(page: Any) -> None:
        if scripts:  # axe is a script
            assert violations(page) == []
        assert sideways(page) <= 0 if scripts else True

    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, worker, site, width=320, java_script_enabled=scripts)
        page.goto(f"{site}/staff/directory")
        look(page)
        press(page, "text=Add a service")
        press(page, "text=Save and go on")  # nothing typed: said at the field and in a summary that takes the focus
        page.wait_for_selector("#errors:focus")
        look(page)
        page.click("#errors a")
        page.wait_for_selector("#f-name:focus")
        for answers in ANSWERS:
            look(page)
            fill(page, answers)
            press(page, "text=Save and go on")
        assert "Puddle Play (example)" in page.inner_text(".words")
        look(page)
        change = page.url
        page.goto(f"{change}/all")
        look(page)
        page.goto(change)
        press(page, "text=Send for approval")
        page = open_as(chromium, approver, site, width=320, java_script_enabled=scripts)
        page.goto(f"{site}/staff/directory/pending")
        look(page)
        press(page, "text=Puddle Play (example)")
        look(page)
        press(page, "text=Approve: make it live")
        assert "It is live" in page.inner_text("[role=status].banner")
        (found,) = search(directory, wanted, "en")[0]
        assert found["name"] == "Puddle Play (example)" and found["phone"] == "01632 960123"
        press(page, "text=See the service")
        look(page)
        assert "Added by Edith, approved by Amal" in page.inner_text(".history")
        assert page.troubles == [] or all("status of 4" in trouble for trouble in page.troubles)
