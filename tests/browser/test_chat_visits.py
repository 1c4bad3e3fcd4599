"""Another visit in Chromium: a quick exit and a page left open end it, and the keyboard alone carries on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.channels.webchat import views
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import new_page, say, sideways, violations
from tests.webchat.support import Chat, said, served

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange')); }"""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")


@pytest.fixture
def site(chat: Chat) -> Iterator[str]:
    object.__setattr__(chat.services.settings, "public_url", "http://127.0.0.1")
    with served(chat) as address:
        yield address


def talked(chat: Chat, page: Any, site: str, lang: str = "en") -> None:
    page.goto(f"{site}/chat?lang={lang}")
    say(page, "my secret words")
    page.wait_for_selector(".msg.you")
    chat.answer(said("an old answer"))
    page.wait_for_selector(".msg.practitioner")


def test_after_a_quick_exit_the_chat_starts_clean(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.route("https://www.bbc.co.uk/**", lambda route: route.fulfill(body="elsewhere"))
    talked(chat, page, site)
    page.click("#exit")
    page.wait_for_url("https://www.bbc.co.uk/weather")
    page.goto(f"{site}/chat")
    assert page.locator(".msg").count() == 0 and page.locator(".offer").count() == 1
    chat.answer(said("a reply meanwhile"))
    page.wait_for_timeout(1_000)
    assert page.locator(".msg").count() == 0, "nothing comes live into a visit that shows no words"


def test_a_page_left_open_and_hidden_for_long_asks_again(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.clock.install()
    talked(chat, page, site)
    page.evaluate(HIDE, True)
    page.clock.fast_forward("05:00")
    page.evaluate(HIDE, False)
    assert page.locator(".msg").count() == 2
    page.type("#text", "half a thought")
    page.evaluate(HIDE, True)
    page.clock.fast_forward("16:00")
    page.evaluate(HIDE, False)
    page.wait_for_selector(".offer")
    assert page.locator(".msg").count() == 0 and page.input_value("#text") == ""
    page.click(".offer button")
    page.wait_for_selector(".msg.practitioner")
    assert page.input_value("#text") == "half a thought"


@pytest.mark.parametrize("lang", ["en", "ur"])
def test_the_offer_is_accessible_narrow_and_taken_by_keyboard(chat: Chat, chromium: Any, site: str, lang: str) -> None:
    page = new_page(chromium, width=320, height=568)
    talked(chat, page, site, lang)
    page.context.clear_cookies(name="wren_visit")
    page.goto(f"{site}/chat")
    assert violations(page) == [] and sideways(page) == 0
    page.get_by_role("button", name=chat.library.strings.get("webchat.carry_on", lang)).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".msg.practitioner")
    assert page.locator(".offer").count() == 0


def test_without_javascript_the_offer_works_too(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium, java_script_enabled=False)
    page.goto(f"{site}/chat?lang=en")
    say(page, "my secret words")
    page.context.clear_cookies(name="wren_visit")
    page.goto(f"{site}/chat")
    assert page.locator(".msg").count() == 0
    say(page, "new words")
    page.wait_for_selector(".msg")
    assert page.locator(".msg").count() == 1
    press(page, ".offer button")
    assert page.locator(".msg").count() == 2


@pytest.mark.parametrize("way", ["press", "Enter", "Escape", "Escape while writing"])
def test_one_press_leaves_and_the_back_button_does_not_come_back_to_the_chat(
    chat: Chat, chromium: Any, site: str, way: str
) -> None:
    page = new_page(chromium)
    page.route("https://www.bbc.co.uk/**", lambda route: route.fulfill(body="elsewhere"))
    page.goto(f"{site}/en")
    talked(chat, page, site)
    if way == "press":
        page.click("#exit")
    elif way == "Enter":
        page.locator("#exit").focus()
        page.keyboard.press("Enter")
    else:
        if way == "Escape while writing":
            page.type("#text", "half a thought")
        page.keyboard.press("Escape")
    page.wait_for_url("https://www.bbc.co.uk/weather")
    page.go_back()
    assert page.url == f"{site}/en"
    page.go_forward()
    assert page.url == "https://www.bbc.co.uk/weather"


def test_without_javascript_the_back_button_finds_no_word_of_the_chat(
    chat: Chat, chromium: Any, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "EXIT", f"{site}/pl")  # a redirect to a site that is not there cannot be answered for
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/chat?lang=en")
    page.fill("#text", "my secret words")
    page.click("#send")
    page.wait_for_selector("text=my secret words")
    page.click("#exit")
    page.wait_for_url(f"{site}/pl")
    for _ in range(3):
        page.go_back()
        assert "my secret words" not in page.content()
    page.goto(f"{site}/chat")
    assert page.locator(".msg").count() == 0 and page.locator(".offer").count() == 1


def test_escape_that_ends_a_composition_does_not_leave(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.goto(f"{site}/chat?lang=ur")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', isComposing: true}))")
    page.wait_for_timeout(200)
    assert page.url.startswith(f"{site}/chat") and not page.evaluate("document.body.hidden")
