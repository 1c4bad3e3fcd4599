"""Insight in Chromium: accessible, narrow, complete without JavaScript, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from bot.console.insight_sheets import PAGES
from bot.insight.collect import collect
from tests.browser.conftest import CHROMIUM
from tests.browser.test_browser_pages import sideways, violations
from tests.browser.test_console import open_as
from tests.console.support import AREA, ELSEWHERE, Browser, Office
from tests.insight.simulate import Plan, at, is_open, write
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")


@pytest.fixture
def site(office: Office) -> Iterator[str]:
    write(Plan.draw(400, seed=3, areas=(AREA, ELSEWHERE)), office.services.database, with_areas=False)
    collect(office.services.database, is_open, at(date(2025, 7, 2)), most=400)
    with served(office) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def everywhere(office: Office) -> Browser:
    return office.browser(office.staff("Cora", roles=("commissioner", "editor"), area=None))


def test_axe_finds_nothing_and_nothing_scrolls_sideways(chromium: Any, site: str, everywhere: Browser) -> None:
    page = open_as(chromium, everywhere, site, width=320, height=568)
    paths = ("/insight", *(f"/insight/{name}?area={AREA}" for name in PAGES), "/insight/reach", "/to-write")
    for path in paths:
        page.goto(f"{site}/staff{path}")
        assert sideways(page) == 0, path
        assert violations(page) == [], path
    assert page.troubles == []


def test_a_month_and_an_area_are_chosen_by_keyboard_without_javascript(chromium: Any, site: str, everywhere: Browser) -> None:
    page = open_as(chromium, everywhere, site, java_script_enabled=False)
    page.goto(f"{site}/staff/insight/reach")
    page.get_by_label("Month").select_option("2025-05")
    page.get_by_label("Area").select_option(ELSEWHERE)
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url(f"**/insight/reach?month=2025-05&area={ELSEWHERE}")
    assert page.get_by_role("img", name="People by language").count() == 1
    assert page.get_by_role("table", name="People by language, 2025-05").count() == 1
    with page.expect_download() as taken:
        page.locator("a[href*='/people-language.csv']").click()
    assert taken.value.suggested_filename == f"wren-people-language-{ELSEWHERE}-2025-05.csv"
