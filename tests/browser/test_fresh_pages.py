"""The pages that keep the directory true, in Chromium: narrow, by keyboard, with JavaScript and without; and the provider's page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.applications import Starlette

from bot.library import Library
from bot.pages.web import ASSETS
from bot.providers import routes as provider_routes
from bot.providers.letters import PATH
from services_directory import models, writing
from services_directory.directory import london_now
from services_directory.freshness import reports
from services_directory.freshness.links import Signer
from services_directory.freshness.tables import CheckLink, ProviderNote, Reminder
from services_directory.models import now
from tests.browser.conftest import CHROMIUM
from tests.browser.test_browser_pages import new_page, sideways, violations
from tests.browser.test_console import open_as
from tests.console.directory.test_fresh import engine_of, service
from tests.console.support import AREA, Office
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
LONG = "Averylongwordwithoutanyspaceinit" * 6


def furnish(office: Office) -> str:
    """Something on every list; returns the service's id."""
    one = service(office)
    service(office, f"{LONG} (example)", checked=None)
    with writing(engine_of(office)) as session:
        for reason in ("closed", "phone"):
            reports.report(session, one, london_now().date())
            reports.give_reason(session, one, reason, london_now().date())
        session.add(ProviderNote(service_id=one, address="hello@provider.example", words=f"We moved {LONG}"))
    return one


@pytest.mark.parametrize("width", [320, 1100])
@pytest.mark.parametrize(
    "view", ["todo", "todo-empty", "todo-wrong", "todo-reader", "freshness", "freshness-wrong", "service", "service-done"]
)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(office: Office, chromium: Any, view: str, width: int) -> None:
    roles = ("administrator",) if view in ("todo-reader", "freshness", "freshness-wrong") else ("editor", "manager")
    who = office.browser(office.staff("Ada", roles=roles))
    one = "" if view == "todo-empty" else furnish(office)
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, who, site, width=width, height=900)
        where = {"t": "todo", "f": "freshness", "s": f"services/{one}"}[view[0]]
        page.goto(f"{site}/staff/directory/{where}")
        if view == "todo-wrong":
            page.click("text=Those ticked: checked today")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("[type=checkbox]:focus")
        elif view == "freshness-wrong":
            page.fill("#limit-days", "soon")
            page.click("text=Set this limit")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("#limit-days:focus")
        elif view == "service-done":
            page.click("button:text-is('Full')")
            page.wait_for_selector("text=Parents are told that it is full.")
            for details in page.locator("main details summary").all():
                details.click()
        assert violations(page) == [] and sideways(page) <= 0
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, textarea, nav a")]
            .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([html]) => html)"""
        )
        assert small == []
        assert page.locator("h1").count() == 1 and page.title()
        assert all("status of 4" in trouble for trouble in page.troubles)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_worker_deals_with_the_list_by_keyboard(office: Office, chromium: Any, scripts: bool) -> None:
    who = office.browser(office.staff("Ada", roles=("editor",)))
    one = furnish(office)
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, who, site, width=320, java_script_enabled=scripts)
        page.goto(f"{site}/staff/directory/todo")

        def press(selector: str, key: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.locator(f"{selector}:focus").count():
                    page.keyboard.press(key)
                    return
            raise AssertionError(f"{selector} cannot be reached by keyboard")

        press("form[action$='/reports/settle'] button", "Enter")
        page.wait_for_selector("text=It is off the list.")
        press("form[action$='/settle'] button", "Enter")
        page.wait_for_selector("text=No provider has said")
        press(f"#service-{one}", "Space")
        press("form[action$='/checked'] button", "Enter")
        page.wait_for_selector("text=Those were checked today.")
        page.goto(f"{site}/staff/directory/services/{one}")
        press("button[value=closed_now]", "Enter")
        page.wait_for_selector("text=Parents are not shown it.")
        press("form[action$='/undo'] button", "Enter")
        page.wait_for_selector("text=It is undone.")
    with Session(engine_of(office)) as session:
        row = session.get_one(models.Service, one)
        assert (row.status, row.assured_date) == ("active", london_now().date())


@dataclass
class Site:
    """What `served` serves."""

    app: Starlette
    services: Any


def link(office: Office, days: int = 10) -> str:
    """A provider's link to a service of the directory."""
    one = service(office)
    with writing(engine_of(office)) as session:
        reminder = Reminder(
            organisation_id=session.get_one(models.Service, one).organisation_id,
            begun_on=london_now().date(),
            number=1,
            address="hello@provider.example",
        )
        session.add(reminder)
        session.flush()
        row = CheckLink(service_id=one, reminder_id=reminder.id, expires_at=now() + timedelta(days=days))
        session.add(row)
        session.flush()
        return f"{PATH}/{Signer(office.services.settings.keys()).token(row.id)}"


@pytest.fixture
def provider_site(office: Office, library: Library) -> Iterator[str]:
    services = office.services
    object.__setattr__(services.settings, "public_url", "http://127.0.0.1")
    made = provider_routes(engine_of(office), services.strings, library.helplines, services.settings)
    with served(Site(Starlette(routes=[*made, ASSETS.route()]), services)) as address:  # type: ignore[arg-type]
        yield address


@pytest.mark.parametrize("width", [320, 1100])
@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("view", ["open", "missing", "thanks", "used", "ended", "gone"])
def test_the_providers_page_is_accessible_in_every_state(
    office: Office, chromium: Any, provider_site: str, view: str, language: str, width: int
) -> None:
    page = new_page(chromium, width=width)
    where = f"{provider_site}{link(office, -1 if view == 'ended' else 10)}{'x' if view == 'gone' else ''}?lang={language}"
    page.goto(where)
    if view in ("thanks", "used"):
        page.locator("form[action*='/right'] button").click()
        page.wait_for_selector("[role=status]")
        if view == "used":
            page.goto(where)
    elif view == "missing":
        page.locator("form[action*='/wrong'] button").click()
        page.wait_for_selector("[aria-invalid=true]")
    assert violations(page) == [] and sideways(page) <= 0
    assert page.locator("h1").count() == 1 and page.get_attribute("html", "lang") == language
    assert all("status of 4" in trouble for trouble in page.troubles)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_provider_answers_by_keyboard(office: Office, chromium: Any, provider_site: str, scripts: bool) -> None:
    page = new_page(chromium, width=320, java_script_enabled=scripts)
    page.goto(f"{provider_site}{link(office)}")
    page.focus("#text")
    page.keyboard.type("We meet on Fridays now")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=is on our list")
    with Session(engine_of(office)) as session:
        assert [note.words for note, _ in reports.notes(session, reports.Person(id=1, name="Ada", area_id=AREA))] == [
            "We meet on Fridays now"
        ]
