"""The pages in Chromium: accessible, narrow, by keyboard, with JavaScript and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from bot.messages import ButtonSpec, MessageClass, Reply
from tests.browser.conftest import CHROMIUM, press
from tests.webchat.support import HELLO, Chat, said, served

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")

LIST = Reply(ref="text:greet.hello", rows=tuple(ButtonSpec(label="button.more", action="more", args={"n": n}) for n in range(4)))
SAFETY = Reply(ref="safety:emergency", message_class=MessageClass.SAFETY)
LOCAL = {"en": "hello", "cy": "helo", "ur": "سلام"}


@pytest.fixture
def site(chat: Chat) -> Iterator[str]:
    # The page's cookie must work over plain http on loopback here.
    object.__setattr__(chat.services.settings, "public_url", "http://127.0.0.1")
    with served(chat) as address:
        yield address


def new_page(chromium: Any, *, width: int = 390, height: int = 780, **options: Any) -> Any:
    context = chromium.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    return page


def say(page: Any, words: str) -> None:
    page.fill("#text", words)
    page.click("#send")


def converse(chat: Chat, page: Any, site: str, lang: str) -> None:
    """A conversation with every kind of message in it."""
    page.goto(f"{site}/chat?lang={lang}")
    say(page, LOCAL[lang])
    page.wait_for_selector(".msg.you")
    chat.answer(HELLO, LIST, SAFETY, said("Hello.\nSee https://example.org/groups"))
    page.goto(f"{site}/chat")
    page.wait_for_selector(".practitioner")


def violations(page: Any) -> list[str]:
    """What axe finds, once nothing moves: a message that is still fading in has not its colours yet."""
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    found = axe_module.Axe().run(page).response["violations"]
    return [f"{rule['id']}: {[node['html'][:120] for node in rule['nodes'][:3]]}" for rule in found]


def sideways(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/en", "/cy", "/ur", "/en/privacy", "/ur/privacy", "/chat?lang=en", "/chat?lang=ur"])
def test_axe_finds_nothing_on_any_page(chromium: Any, site: str, path: str, scheme: str) -> None:
    page = new_page(chromium, color_scheme=scheme)
    page.goto(site + path)
    assert violations(page) == []
    assert page.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "cy", "ur"])
def test_axe_finds_nothing_in_a_conversation(chat: Chat, chromium: Any, site: str, lang: str, scheme: str) -> None:
    page = new_page(chromium, color_scheme=scheme)
    converse(chat, page, site, lang)
    assert violations(page) == []
    assert page.troubles == []


@pytest.mark.parametrize("path", ["/en", "/cy", "/ur", "/cy/privacy", "/ur/privacy"])
def test_nothing_scrolls_sideways_on_the_narrowest_phone(chromium: Any, site: str, path: str) -> None:
    page = new_page(chromium, width=320, height=568)
    page.goto(site + path)
    assert sideways(page) == 0


@pytest.mark.parametrize("lang", ["en", "cy", "ur"])
def test_a_conversation_never_scrolls_sideways_even_with_a_long_word(chat: Chat, chromium: Any, site: str, lang: str) -> None:
    page = new_page(chromium, width=320, height=568)
    converse(chat, page, site, lang)
    say(page, "w" * 300)
    page.wait_for_selector(".msg.you >> nth=1")
    assert sideways(page) == 0


@pytest.mark.parametrize("lang", ["en", "ur"])
def test_everything_to_press_is_large_enough_for_a_thumb(chat: Chat, chromium: Any, site: str, lang: str) -> None:
    page = new_page(chromium, width=320, height=640)
    converse(chat, page, site, lang)
    for box in page.evaluate(
        "[...document.querySelectorAll('button, a.press, a.exit')].map(e => e.getBoundingClientRect().toJSON())"
    ):
        assert box["height"] >= 44 and box["width"] >= 44, box


def test_urdu_mirrors_and_its_numbers_do_not(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    converse(chat, page, site, "ur")
    middle = page.evaluate("document.querySelector('main').getBoundingClientRect().width / 2")
    own, wren = (
        page.evaluate(f"document.querySelector('.msg.{who} .words').getBoundingClientRect().toJSON()") for who in ("you", "wren")
    )
    assert own["left"] < middle and wren["right"] > middle
    assert page.evaluate("getComputedStyle(document.querySelector('.safety a.number bdi')).direction") == "ltr"
    assert page.inner_text(".safety a.number") == "999"


def test_without_javascript_a_message_is_sent_and_answered(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium, java_script_enabled=False)
    page.goto(f"{site}/chat?lang=en")
    say(page, "my <b>words</b>")
    assert page.inner_text(".msg.you .words") == "my <b>words</b>"
    chat.answer(HELLO)
    press(page, "#refresh")
    assert page.locator(".msg.wren").count() == 1
    press(page, ".msg.wren button >> nth=0")
    assert page.locator(".msg.you").count() == 2
    assert page.inner_text(".msg.you >> nth=1 >> .words") == chat.library.strings.get("button.menu", "en")


def test_with_javascript_messages_come_live_and_are_announced_once(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.goto(f"{site}/chat?lang=en")
    page.evaluate("window.wrenMark = 1")
    say(page, "hello")
    page.wait_for_selector(".msg.you")
    playwright_api.expect(page.locator("#text")).to_have_value("")
    chat.answer(HELLO)
    page.wait_for_selector(".msg.wren")
    chat.services.hub.publish("person:1")
    time.sleep(0.5)
    assert page.evaluate("window.wrenMark") == 1  # the page was never left
    assert page.locator(".msg").count() == 2
    log = page.locator("#log")
    assert (log.get_attribute("role"), log.get_attribute("aria-live"), log.get_attribute("aria-relevant")) == (
        "log",
        "polite",
        "additions",
    )
    assert page.locator("#log [aria-live], #log [role=status], #log [role=alert]").count() == 0
    assert page.troubles == []


def test_history_is_there_before_the_region_is_live_so_that_it_is_never_announced(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    converse(chat, page, site, "en")
    page.evaluate(
        """() => {
        window.added = 0;
        const count = all => all.forEach(one => window.added += one.addedNodes.length);
        new MutationObserver(count).observe(document.getElementById('log'), {childList: true}); }"""
    )
    chat.answer(said("one more"))
    page.wait_for_selector("text=one more")
    time.sleep(0.5)
    assert page.evaluate("window.added") == 1


@pytest.mark.parametrize("lang", ["en", "ur"])
def test_an_answer_of_several_messages_is_shown_from_its_beginning(chat: Chat, chromium: Any, site: str, lang: str) -> None:
    """What comes first is what matters most: the emergency number, not the notice after it."""
    page = new_page(chromium, width=360, height=640, reduced_motion="reduce")
    page.goto(f"{site}/chat?lang={lang}")
    for turn in range(2):
        say(page, LOCAL[lang])
        playwright_api.expect(page.locator("#log .msg.you")).to_have_count(turn + 1)
        chat.answer(SAFETY, LIST, HELLO)
        playwright_api.expect(page.locator("#log .msg:not(.you)")).to_have_count(3 * (turn + 1))
        top, bottom = page.evaluate(
            "(n => { const box = document.querySelectorAll('#log .msg:not(.you)')[n].getBoundingClientRect();"
            " return [box.top - document.querySelector('header').getBoundingClientRect().bottom, innerHeight - box.top]; })"
            f"({3 * turn})"
        )
        assert top >= 0 and bottom >= 200, (turn, top, bottom)


def test_the_keyboard_alone_is_enough(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium, width=1000)
    page.goto(f"{site}/chat?lang=en")
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement, b = e.getBoundingClientRect(), s = getComputedStyle(e);
            return {id: e.id, outline: s.outlineStyle, top: b.top, bottom: b.bottom, tall: innerHeight}; }"""
        )
        assert focused["outline"] != "none" and focused["top"] >= 0 and focused["bottom"] <= focused["tall"]
        if focused["id"] == "text":
            break
    assert focused["id"] == "text"
    page.keyboard.type("hello from the keys")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Enter")
    page.wait_for_selector(".msg.you")
    assert page.inner_text(".msg.you .words") == "hello from the keys\nsecond line"
    assert page.evaluate("document.activeElement.id") == "text"
    chat.answer(HELLO)
    page.wait_for_selector(".msg.wren button")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.name === 'token'"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".msg.you >> nth=1")
    assert page.evaluate("document.activeElement.name") == "token"  # a press does not lose the place


def test_words_are_never_lost_when_the_line_is(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.goto(f"{site}/chat?lang=en")
    say(page, "hello")
    page.wait_for_selector(".msg.you")
    playwright_api.expect(page.locator("#text")).to_have_value("")
    page.context.set_offline(True)
    say(page, "words that must not be lost")
    page.wait_for_selector("#status.bad")
    assert page.input_value("#text") == "words that must not be lost"
    assert page.inner_text("#status") == chat.library.strings.get("webchat.offline", "en")
    chat.answer(said("written while you were away"))
    page.context.set_offline(False)
    page.click("#send")
    page.wait_for_selector("text=words that must not be lost")
    page.wait_for_selector("text=written while you were away")
    assert page.input_value("#text") == ""
    assert len(chat.inbox()) == 2


def test_a_draft_outlives_a_reload_but_not_a_quick_exit(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium)
    page.goto(f"{site}/chat?lang=en")
    page.type("#text", "half a thought")
    page.reload()
    assert page.input_value("#text") == "half a thought"
    page.route("https://www.bbc.co.uk/**", lambda route: route.fulfill(body="elsewhere"))
    page.click("#exit")
    page.wait_for_url("https://www.bbc.co.uk/weather")
    page.goto(f"{site}/chat?lang=en")
    assert page.input_value("#text") == ""


def test_after_the_server_comes_back_nothing_is_missed_and_nothing_doubled(chat: Chat, chromium: Any) -> None:
    object.__setattr__(chat.services.settings, "public_url", "http://127.0.0.1")
    page = new_page(chromium)
    with served(chat) as address:
        port = int(address.rsplit(":", 1)[1])
        page.goto(f"{address}/chat?lang=en")
        say(page, "hello")
        page.wait_for_selector(".msg.you")
    chat.answer(said("while the server was away"))
    chat.services.closing.clear()
    with served(chat, port):
        page.wait_for_selector("text=while the server was away", timeout=20_000)
        assert page.locator(".msg").count() == 2


def test_motion_is_only_for_those_who_do_not_mind_it(chat: Chat, chromium: Any, site: str) -> None:
    page = new_page(chromium, reduced_motion="reduce")
    page.goto(f"{site}/chat?lang=en")
    say(page, "hello")
    page.wait_for_selector(".msg.new")
    assert page.evaluate("getComputedStyle(document.querySelector('.msg.new')).animationName") == "none"


def test_buttons_keep_their_edges_in_forced_colours(chromium: Any, site: str) -> None:
    page = new_page(chromium, forced_colors="active")
    page.goto(f"{site}/en")
    assert page.evaluate("getComputedStyle(document.querySelector('.button')).borderStyle") == "solid"
    assert violations(page) == []
