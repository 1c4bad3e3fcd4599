"""The whole app, and three people in Chromium: a new worker adds a service, an approver approves it, and a parent who is
chatting meanwhile gets it at their next press, within a second. Only Rasa is played: it opens the form (`FormRules`)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.app import listen, server, web_app, working
from bot.conversation.rasa import RasaClient
from bot.storage.tables import Staff
from bot.wiring import Parts
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import new_page, say
from tests.browser.test_directory_pages import ANSWERS, fill
from tests.console.support import AREA, PASSWORD, password_hash
from tests.doubles.rasa_form import FormRules
from tests.doubles.rasa_server import TOKEN, RasaDouble

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
NAME = "Puddle Play (example)"
NEED = {"needs.twins-and-more": "yes"}
WITHIN = 3.0
"""Seconds from a parent's press to the service on their screen, beyond what any word takes on this machine just then."""


@contextmanager
def running(parts: Parts, web: Any, rasa: RasaDouble) -> Iterator[None]:
    """The app as one process runs it: web server, workers, sender, sweep and the action endpoint, on a loop of their own."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    actions = listen("127.0.0.1", 0)
    rasa.respond = FormRules(f"http://127.0.0.1:{actions.getsockname()[1]}")

    async def run() -> None:
        parts.rasa = RasaClient(rasa.url, TOKEN, 10)
        async with working(parts, actions):
            public = server(web_app(parts, stop))
            serving = asyncio.create_task(public.serve([web]))
            ready.set()
            await stop.wait()
            public.should_exit = True
            await serving

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive(), "the app did not stop"


def signed_in(chromium: Any, parts: Parts, site: str, name: str, role: str) -> Any:
    """Somebody with one role, who has come in by their password."""
    with parts.database.write() as session:
        session.add(
            Staff(
                area_id=AREA,
                username=name.casefold(),
                first_name=name,
                job_title="Family worker",
                password_hash=password_hash(),
                roles=[role],
            )
        )
    page = new_page(chromium)
    page.goto(f"{site}/staff/directory")
    page.fill("#username", name.casefold())
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_selector("h1:has-text('Services directory')")
    return page


def look_for_a_club(page: Any) -> None:
    """As far as the last question of the form."""
    heard(page, lambda: say(page, "menu"), "Here is what I can do")
    heard(page, lambda: tap(page, "Find help near me"), "What kind of help")
    heard(page, lambda: say(page, "a twins club"), "Where are you?")
    heard(page, lambda: say(page, "ZZ1"), "How old is the child?")
    heard(page, lambda: tap(page, "Under 1"), "How would you like to take part?")


def tap(page: Any, title: str) -> None:
    page.locator(f".press bdi:text-is('{title}')").last.click()


def heard(page: Any, do: Callable[[], None], words: str) -> None:
    """Do it, and wait for `words` in what comes then."""
    before = page.locator(".msg:not(.you)").count()
    do()
    script = "([before, words]) => [...document.querySelectorAll('.msg:not(.you)')].slice(before).some(e => e.innerText.includes(words))"
    page.wait_for_function(script, arg=[before, words])


def seconds(do: Callable[[], None]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def test_what_a_new_worker_adds_and_an_approver_approves_a_parent_gets_in_chat_within_a_second(
    build_parts: Callable[..., Parts], sqlite_address: str, rasa: RasaDouble, chromium: Any
) -> None:
    web = listen("127.0.0.1", 0)
    site = f"http://127.0.0.1:{web.getsockname()[1]}"
    parts = build_parts(sqlite_address, public_url=site)
    with running(parts, web, rasa):
        parent = new_page(chromium)
        parent.goto(f"{site}/chat?lang=en")
        look_for_a_club(parent)
        heard(parent, lambda: tap(parent, "Any of these"), "example")
        assert NAME not in parent.inner_text("#log")

        worker = signed_in(chromium, parts, site, "Edith", "editor")
        press(worker, "text=Add a service")
        for answers in ANSWERS:
            fill(worker, answers | NEED if "needs.baby-and-toddler-groups" in answers else answers)
            press(worker, "text=Save and go on")
        press(worker, "text=Send for approval")
        worker.wait_for_selector("[role=status].banner")

        look_for_a_club(parent)
        approver = signed_in(chromium, parts, site, "Amal", "approver")
        press(approver, "text=Waiting for approval")
        press(approver, f"text={NAME}")
        press(approver, "text=Approve: make it live")
        approver.wait_for_selector("text=It is live")

        took = seconds(lambda: heard(parent, lambda: tap(parent, "Any of these"), NAME))
        said = parent.locator(f".msg:has-text('{NAME}')").inner_text()
        assert "Tuesday" in said and "10:00–11:30" in said and "01632 960123" in said
        usual = max(seconds(lambda: heard(parent, lambda: say(parent, "menu"), "Here is what I can do")) for _ in range(3))
    assert took - usual < WITHIN, (took, usual)
    assert parent.troubles == []
