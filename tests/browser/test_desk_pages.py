"""The content desk in Chromium: narrow, in both directions of script, with JavaScript and without."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import sideways, violations
from tests.browser.test_console import open_as
from tests.console.support import Office
from tests.desk.support import BODY, BODY_UR, CRYING, HELP, HELP_UR
from tests.desk.test_exchange import as_po, to_crying
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
HOME = "/staff/content"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(("language", "body", "help_if"), [("en", BODY, HELP), ("ur", BODY_UR, HELP_UR)])
def test_words_go_from_a_draft_to_parents_on_a_narrow_screen(
    office: Office, chromium: Any, language: str, body: str, help_if: str, scripts: bool
) -> None:
    editor = office.browser(office.staff("Edie", roles=("editor",)))
    lead = office.browser(office.staff("Lena", roles=("clinical_lead",)))

    def look(page: Any) -> None:
        if scripts:  # axe is a script
            assert violations(page) == []
            assert sideways(page) <= 0

    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, editor, site, width=320, java_script_enabled=scripts)
        page.goto(f"{site}{HOME}?lang={language}&q=crying+start")
        look(page)
        press(page, f"text={CRYING}")
        look(page)
        press(page, "text=Change these words")
        look(page)
        page.fill("[name=text]", "Ring 0117 496 0123 now. " + "x" * 90)
        page.click("text=Save as a draft")  # what is wrong takes the focus and leads to its box
        page.wait_for_selector("#errors:focus")
        look(page)
        page.locator("#errors a").first.click()
        page.wait_for_selector("#b-text:focus")
        page.fill("[name=text]", body)
        page.fill("[name=help_if]", help_if)
        press(page, "text=Save as a draft")
        assert "Saved as a draft" in page.inner_text("[role=status].banner")
        look(page)
        press(page, "text=Send for review")
        where = page.url.split("?")[0]
        page = open_as(chromium, lead, site, width=320, java_script_enabled=scripts)
        page.goto(where)
        look(page)
        page.click("text=Give back to the writer")  # without a reason
        page.wait_for_selector("#errors:focus")
        look(page)
        press(page, "text=Approve these words")
        press(page, "text=Publish: parents read it from now on")
        assert "Parents read it from now on" in page.inner_text("[role=status].banner")
        page.locator("main details summary").first.click()
        look(page)
        assert page.troubles == [] or all("status of 4" in trouble for trouble in page.troubles)
    assert body.split("\n")[0] in office.services.renderer.library.render(f"message:{CRYING}", language).text


def test_the_page_of_somebody_who_comes_second_has_nothing_wrong_with_it(office: Office, chromium: Any) -> None:
    first = office.browser(office.staff("Edie", roles=("editor",)))
    second = office.browser(office.staff("Lena", roles=("clinical_lead",)))
    with served(office) as site:  # type: ignore[arg-type]
        pages = [open_as(chromium, who, site, width=320) for who in (first, second)]
        for page in pages:
            page.goto(f"{site}{HOME}/edit/ur/{CRYING}")
        for page in pages:
            page.fill("[name=text]", f"{BODY_UR} {'دیکھو' * 20}")
            press(page, "text=Save as a draft")
        assert "Somebody else has saved this text" in page.inner_text("#errors")
        assert violations(page) == [] and sideways(page) <= 0


def test_the_title_of_a_button_is_changed_on_a_narrow_screen(office: Office, chromium: Any) -> None:
    who = office.browser(office.staff("Edie", roles=("editor",)))
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, who, site, width=320)
        page.goto(site + HOME)
        page.locator("details summary").first.click()
        assert violations(page) == [] and sideways(page) <= 0
        page.select_option("#kind", "strings")
        page.select_option("#lang", "ur")
        page.fill("#q", "button.find")
        press(page, 'button:text-is("Find")')
        press(page, 'section a:has-text("button.find") >> nth=0')
        assert violations(page) == [] and sideways(page) <= 0
        press(page, "text=Change these words")
        page.fill("[name=text]", "مدد " * 8)
        page.click("text=Save as a draft")
        page.wait_for_selector("#errors:focus")
        assert "Cut it to 20" in page.inner_text("#errors")
        assert violations(page) == [] and sideways(page) <= 0
        page.fill("[name=text]", "مدد ڈھونڈیں")
        press(page, "text=Save as a draft")
        assert violations(page) == [] and sideways(page) <= 0


@pytest.mark.parametrize("scripts", [True, False])
def test_a_translators_file_is_brought_and_taken_on_a_narrow_screen(office: Office, chromium: Any, scripts: bool) -> None:
    who = office.browser(office.staff("Ada", roles=("translator", "administrator")))
    content = as_po(who.get(f"{HOME}/translations/export/ur.po").text, to_crying)
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, who, site, width=320, java_script_enabled=scripts)
        for place in ("translations", "files"):
            page.goto(f"{site}{HOME}/{place}")
            assert not scripts or (violations(page) == [] and sideways(page) <= 0)
        page.goto(f"{site}{HOME}/translations")
        page.click("text=Look at this file")
        page.wait_for_selector("#errors:focus")
        assert not scripts or (violations(page) == [] and sideways(page) <= 0)
        page.set_input_files("#file", {"name": "ur.po", "mimeType": "text/plain", "buffer": content.encode()})
        press(page, "text=Look at this file")
        assert "1 text would become a draft" in page.inner_text("main")
        assert not scripts or (violations(page) == [] and sideways(page) <= 0)
        press(page, "text=Make these drafts")
        assert "1 draft was made" in page.inner_text("[role=status].banner")
