"""The staff console in Welsh, in Chromium: chosen with one button, at the width of a phone, accessible, without a script too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.library import Library
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import new_page, sideways, violations
from tests.browser.test_console import furnish, open_as
from tests.console.support import PASSWORD, Office, build_office
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")

PAGES = ("", "/audit", "/account", "/account/second-factor", "/triage", "/review", "/sample", "/rota", "/questions", "/series")
OF_DIRECTORY = ("", "/todo", "/import", "/export", "/freshness", "/pending")


@pytest.fixture
def office(tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library, demonstration=True)
    yield result
    result.close()


@pytest.fixture
def site(office: Office) -> Iterator[str]:
    with served(office) as address:  # type: ignore[arg-type]
        yield address


@pytest.mark.parametrize("scripts", [True, False])
def test_a_button_turns_the_console_welsh_before_and_after_signing_in(
    office: Office, chromium: Any, site: str, scripts: bool
) -> None:
    office.staff("Mabli")
    page = new_page(chromium, width=320, java_script_enabled=scripts)
    page.goto(f"{site}/staff/rota")
    press(page, "text=Cymraeg")
    assert page.get_attribute("html", "lang") == "cy" and page.inner_text("h1") == "Mewngofnodi"
    page.fill("#username", "mabli")
    page.fill("#password", PASSWORD)
    press(page, "button.button")
    assert page.inner_text("h1").startswith("Rota:") and page.get_attribute("html", "lang") == "cy"
    press(page, "text=English")
    assert page.url == f"{site}/staff/rota" and page.get_attribute("html", "lang") == "en"
    press(page, "text=Sign out")
    assert page.inner_text("h1") == "Mewngofnodi"  # nobody is signed in: what this browser was told still holds
    assert page.troubles == []


def test_its_pages_fit_a_phone_and_axe_finds_nothing(office: Office, chromium: Any, site: str) -> None:
    case = furnish(office)["everything"].case_id
    ada = office.browser(office.staff("Ada", roles=("practitioner", "manager", "editor", "approver", "administrator")))
    page = open_as(chromium, ada, site, width=320)
    page.goto(f"{site}/staff")
    press(page, "text=Cymraeg")
    paths = [*PAGES, f"/cases/{case}", "/accounts", "/campaigns", "/nowhere", *(f"/directory{path}" for path in OF_DIRECTORY)]
    for path in paths:
        page.goto(f"{site}/staff{path}")
        assert page.get_attribute("html", "lang") == "cy", path
        assert sideways(page) <= 0, path
        assert violations(page) == [], path
    targets = page.evaluate("[...document.querySelectorAll('.tongue button')].map(one => one.getBoundingClientRect().height)")
    assert targets and min(targets) >= 24
