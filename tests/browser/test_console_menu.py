"""The console's menu: one button on a phone and at 200 % zoom, the whole list on a wide screen, by keyboard and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.console.roles import ROLES
from bot.library import Library
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import sideways, violations
from tests.browser.test_console import open_as
from tests.console.support import Browser, Office, build_office
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")

PAGES = ("", "/rota", "/directory", "/content", "/insight", "/troubles", "/account", "/accounts")
SUMMARY = ".menu summary"


@pytest.fixture
def office(tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library)
    yield result
    result.close()


@pytest.fixture
def site(office: Office) -> Iterator[str]:
    with served(office) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def everything(office: Office) -> Browser:
    """Somebody with every role, and so the longest list."""
    return office.browser(office.staff("Ada", title="Perinatal mental health practitioner", roles=ROLES))


def height(page: Any) -> float:
    return float(page.evaluate("document.querySelector('.top').getBoundingClientRect().height"))


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("width", [320, 360, 640])
def test_on_a_narrow_page_the_head_leaves_room_for_what_one_came_for(
    chromium: Any, site: str, everything: Browser, width: int, language: str
) -> None:
    """640 pixels are a screen of 1280 at 200 %."""
    page = open_as(chromium, everything, site, width=width, height=800)
    page.goto(f"{site}/staff")
    if language == "cy":
        press(page, "text=Cymraeg")
    for path in PAGES:
        page.goto(f"{site}/staff{path}")
        assert height(page) <= 150, path
        assert sideways(page) <= 0 and violations(page) == [], path
        assert not page.locator("nav a").first.is_visible() and page.locator(".me button").is_visible(), path


@pytest.mark.parametrize("scripts", [True, False])
def test_the_keyboard_opens_it_and_goes_on_to_the_list(chromium: Any, site: str, everything: Browser, scripts: bool) -> None:
    page = open_as(chromium, everything, site, width=320, java_script_enabled=scripts)
    page.goto(f"{site}/staff/rota")
    assert page.inner_text(SUMMARY) == "Menu: Rota"
    page.locator(SUMMARY).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.locator("nav a:focus")
    assert focused.inner_text() == "Cases"
    assert page.locator("nav a[aria-current=page]").inner_text() == "Rota"
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/staff")
    assert page.inner_text(SUMMARY) == "Menu: Cases"


def test_open_it_fits_and_axe_finds_nothing(chromium: Any, site: str, everything: Browser) -> None:
    page = open_as(chromium, everything, site, width=320)
    page.goto(f"{site}/staff/directory/todo")
    page.click(SUMMARY)
    assert page.locator("nav a").last.is_visible() and page.locator(".mine").is_visible()
    assert sideways(page) <= 0 and violations(page) == []


def test_a_wide_page_shows_the_whole_list_and_no_button(chromium: Any, site: str, everything: Browser) -> None:
    page = open_as(chromium, everything, site, width=1100)
    page.goto(f"{site}/staff")
    assert not page.locator(SUMMARY).is_visible()
    assert all(link.is_visible() for link in page.locator("nav a").all())


def test_a_page_that_is_not_in_the_list_names_none(office: Office, chromium: Any, site: str, everything: Browser) -> None:
    case = office.parent().case_id
    page = open_as(chromium, everything, site, width=320)
    page.goto(f"{site}/staff/cases/{case}")
    assert page.inner_text(SUMMARY) == "Menu"
