"""The pages that bring services in and take them out, and the lists around them, in Chromium: accessible and narrow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services_directory.imports.one_sheet import template
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import sideways, violations
from tests.browser.test_console import open_as
from tests.console.directory.test_imports import bring, finished
from tests.console.support import Browser, Office, hidden
from tests.services_directory.imports.test_import import one
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
HOME = "/staff/directory"
LONG = "Averylongwordwithoutanyspaceinit" * 4
VIEWS = (
    *("find", "pending", "import", "import-wrong", "import-reader", "report", "report-needs-approver", "report-done"),
    *("questions", "questions-none", "export", "list", "service-brought-in", "merge"),
    *("brought-in", "brought-in-none", "brought-in-reader", "brought-in-wrong", "brought-in-look", "brought-in-done"),
)


def furnish(office: Office, editor: Browser, approver: Browser) -> dict[str, str]:
    """Two imports done, with questions; one that would change something; a change that waits. Paths by name."""
    for source in ("first", "second"):
        content = json.dumps([one(name=f"Breastfeeding café {LONG} (example)")]).encode()
        done = bring(editor, content, name="feed.json", source=source).headers["location"]
        approver.post(f"{done}/apply", approve="1")
        finished(approver, done)
    changed = json.dumps([one(name=f"Breastfeeding café {LONG} (example)", description=f"Tea, and {LONG}")]).encode()
    again = bring(editor, changed, name="feed.json", source="first").headers["location"]
    new = bring(editor, template().encode()).headers["location"]
    found = editor.get(HOME).text.partition(f'href="{HOME}/services/')[2].partition('"')[0]
    change = editor.post(f"{HOME}/services/{found}/edit").headers["location"].removesuffix("/all")
    editor.post(f"{change}/questions/description", description="Warm.")
    editor.post(f"{change}/send")
    waits = json.dumps([one(number, name=f"Quiet {LONG} {number} (example)", phones=[]) for number in (7, 8)]).encode()
    brought = bring(editor, waits, name="feed.json", source="third").headers["location"]
    editor.post(f"{brought}/apply")
    finished(editor, brought)
    asked = editor.get(f"{HOME}/import/questions").text.partition('name="kind" value="merge"')[2]
    editor.post(f"{HOME}/import/questions", kind="merge", question=hidden(asked, "question"), answer="yes")
    pending = editor.get(f"{HOME}/pending").text
    (merge,) = set(re.findall(rf"{HOME}/changes/[-0-9a-f]+", pending)) - {change}
    return {"done": done, "again": again, "new": new, "service": f"{HOME}/services/{found}", "merge": merge}


@pytest.mark.parametrize("width", [320, 1100])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(office: Office, chromium: Any, view: str, width: int) -> None:
    editor = office.browser(office.staff("Edith", roles=("editor",)))
    approver = office.browser(office.staff("Amal", roles=("approver",)))
    reader = office.browser(office.staff("Root", roles=("administrator",)))
    paths = {} if view.endswith("-none") else furnish(office, editor, approver)
    who = {"import-reader": reader, "brought-in-reader": reader, "report-needs-approver": editor}.get(view, approver)
    where = {
        "find": HOME,
        "pending": f"{HOME}/pending",
        "report": paths.get("again", ""),
        "report-needs-approver": paths.get("again", ""),
        "report-done": paths.get("done", ""),
        "questions": f"{HOME}/import/questions",
        "questions-none": f"{HOME}/import/questions",
        "export": f"{HOME}/export",
        "list": f"{HOME}/export/list",
        "service-brought-in": paths.get("service", ""),
        "merge": paths.get("merge", ""),
    }.get(view, f"{HOME}/pending/brought-in" if view.startswith("brought-in") else f"{HOME}/import")
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, who, site, width=width, height=900)
        page.goto(f"{site}{where}")
        if view == "import-wrong":
            page.fill("#import-source", "larkmoor")
            page.click("button:text-is('See what would change')")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("#import-file:focus")
        if view == "brought-in-wrong":
            press(page, "text=See the ticked ones")
            page.wait_for_selector("#errors:focus")
        if view in ("brought-in-look", "brought-in-done"):
            press(page, "text=See all 2 that match")
        if view == "brought-in-done":
            press(page, "text=Approve 2 services")
        assert violations(page) == [] and sideways(page) <= 0
        assert page.locator("h1").count() == 1 and page.title()
        assert all("status of 4" in trouble for trouble in page.troubles)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_is_brought_by_one_and_imported_by_another(office: Office, chromium: Any, tmp_path: Path, scripts: bool) -> None:
    editor = office.browser(office.staff("Edith", roles=("editor",)))
    approver = office.browser(office.staff("Amal", roles=("approver",)))
    (tmp_path / "services.csv").write_text(template(), encoding="utf-8")
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, editor, site, width=320, java_script_enabled=scripts)
        page.goto(f"{site}{HOME}")
        press(page, "text=Bring services in")
        page.set_input_files("#import-file", tmp_path / "services.csv")
        page.fill("#import-source", "larkmoor")
        page.click("button:text-is('See what would change')")
        page.wait_for_selector("text=Nothing has been imported yet.")
        report = page.url
        assert "Rhyme time (example)" in page.inner_text("main")
        page = open_as(chromium, approver, site, width=320, java_script_enabled=scripts)
        page.goto(report)
        page.check("#choice-approve")
        page.click("button:text-is('Import')")
        page.wait_for_selector("[role=status]:has-text('Imported')")  # the page looks again by itself, without a script
        page.goto(f"{site}{HOME}")
        press(page, "text=Rhyme time (example)")
        assert "Brought in from larkmoor by Amal" in page.inner_text(".history >> nth=-1")
