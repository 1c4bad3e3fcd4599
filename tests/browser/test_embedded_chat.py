"""The chat on a council's page, in Chromium: another origin with a strict policy of its own, third-party cookies blocked, by keyboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.library import Library
from bot.triage import Triage
from tests.browser.conftest import CHROMIUM
from tests.browser.test_browser_pages import new_page, sideways, violations
from tests.webchat.support import HELLO, Chat, build_chat, said, served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Borsetshire</title>
<meta name="viewport" content="width=device-width"><script src="{wren}/embed.js" defer></script></head>
<body><main><h1>Borsetshire</h1><p><a href="/">Home</a></p></main>
<noscript><a href="{wren}/chat?lang={lang}">Wren</a></noscript></body></html>"""


@dataclass
class Site:
    """A council's site and the Wren that it shows."""

    chat: Chat
    address: str
    wren: str


@contextmanager
def hosted(page: Callable[[str], tuple[str, str]]) -> Iterator[str]:
    """A site on a port of its own; `page` gives a path's HTML and its policy. "localhost" is another site than 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html, policy = page(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(tmp_path: Path, library: Library, triage: Triage) -> Iterator[Site]:
    wren = ""

    def page(path: str) -> tuple[str, str]:
        lang = path.strip("/") or "en"
        html = PAGE.format(lang=lang, dir="rtl" if lang in ("ur", "ar") else "ltr", wren=wren)
        return html, f"default-src 'none'; script-src {wren}; frame-src {wren}"

    with hosted(page) as address:
        chat = build_chat(tmp_path, library, triage, public_url="http://127.0.0.1", embed_origins=address)
        with served(chat) as wren:
            yield Site(chat, address, wren)
        chat.services.database.dispose()


def opened(page: Any, site: Site, lang: str = "en") -> Any:
    """The chat's frame on the site's page, opened by keyboard alone."""
    page.goto(f"{site.address}/{lang}")
    page.get_by_role("button", name=site.chat.library.strings.get("webchat.title", lang)).focus()
    page.keyboard.press("Enter")
    frame = page.frame_locator("iframe")
    frame.locator("#text").wait_for()
    return frame


def say(frame: Any, words: str) -> None:
    frame.locator("#text").fill(words)
    frame.locator("#send").click()


@pytest.mark.parametrize("lang", ["en", "ur"])
def test_it_is_opened_read_and_closed_by_keyboard_on_the_narrowest_phone(chromium: Any, site: Site, lang: str) -> None:
    page = new_page(chromium, width=320, height=568)
    page.goto(f"{site.address}/{lang}")
    button = page.get_by_role("button", name=site.chat.library.strings.get("webchat.title", lang))
    assert violations(page) == [] and sideways(page) == 0
    assert button.bounding_box()["height"] >= 44
    middle = button.bounding_box()["x"] + button.bounding_box()["width"] / 2
    assert (middle < 160) is (lang == "ur"), "in the corner where a line ends"
    frame = opened(page, site, lang)
    dialog = page.get_by_role("dialog")
    assert dialog.get_attribute("aria-label") and button.get_attribute("aria-expanded") == "true"
    assert violations(page) == [] and sideways(page) == 0
    assert frame.locator("html").get_attribute("lang") == lang
    assert frame.locator("html").evaluate("e => e.scrollWidth - e.clientWidth") == 0
    for _ in range(60):
        page.keyboard.press("Tab")
        if frame.locator("#text").evaluate("e => e === document.activeElement && document.hasFocus()"):
            break
    page.keyboard.type("hello")
    assert frame.locator("#text").input_value() == "hello"
    page.keyboard.press("Enter")
    frame.locator(".msg.you").wait_for(timeout=60_000)  # the very first message waits for triage to be made
    site.chat.answer(HELLO, language=lang)
    frame.locator(".msg.wren").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert button.evaluate("b => b.getRootNode().activeElement === b"), "the focus is back where it was"
    page.keyboard.press("Enter")
    dialog.wait_for()
    assert frame.locator(".msg").count() == 2, "closing and opening loses nothing"
    page.get_by_role("button", name=site.chat.library.strings.get("webchat.close", lang)).click()
    dialog.wait_for(state="hidden")
    assert page.troubles == []


def test_nothing_is_asked_of_anybody_else_and_of_wren_only_once_it_is_opened(chromium: Any, site: Site) -> None:
    page = new_page(chromium)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.address)
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if url.startswith(site.wren)] == [f"{site.wren}/embed.js"]
    opened(page, site)
    assert all(url.startswith((site.wren, site.address)) for url in asked)
    assert page.context.cookies() == []
    assert page.troubles == []


STORED = """() => ["localStorage", "sessionStorage"].flatMap((store) => {
    try { return Object.keys(window[store]) } catch (denied) { return [] }
})"""


def test_without_a_third_party_cookie_the_visit_goes_on_and_another_visit_asks(chromium: Any, site: Site) -> None:
    page = new_page(chromium)
    frame = opened(page, site)
    assert page.context.cookies() == [], "nothing before something was sent"
    say(frame, "my secret words")
    frame.locator(".msg.you").wait_for()
    site.chat.answer(said("an old answer"))
    frame.locator(".msg.practitioner").wait_for()
    frame = opened(page, site)  # the site's next page in the same tab
    frame.locator(".msg.practitioner").wait_for()
    assert frame.locator(".msg").count() == 2
    # Some browsers give a frame a store of its own, others only cookies kept apart for the site around it: the script's, never the server's.
    stored = set(frame.locator("body").evaluate(STORED))
    assert stored | {cookie["name"] for cookie in page.context.cookies()} >= {"wren-key", "wren-visit"}
    assert not stored or page.context.cookies() == []
    page.context.clear_cookies(name="wren-visit")
    frame.locator("body").evaluate("() => { try { sessionStorage.removeItem('wren-visit') } catch (denied) {} }")
    frame = opened(page, site)
    frame.locator(".offer").wait_for()
    assert frame.locator(".msg").count() == 0
    frame.locator(".offer button").click()
    frame.locator(".msg.practitioner").wait_for()
    site.chat.answer(said("a live answer"))
    frame.locator("text=a live answer").wait_for()
    assert len(site.chat.inbox()) == 1 and site.chat.people() == 1


def test_a_quick_exit_leaves_the_whole_page_and_ends_the_visit(chromium: Any, site: Site) -> None:
    page = new_page(chromium)
    page.context.route("https://www.bbc.co.uk/**", lambda route: route.fulfill(body="elsewhere"))
    frame = opened(page, site)
    say(frame, "my secret words")
    frame.locator(".msg.you").wait_for()
    frame.locator("#exit").click()
    page.wait_for_url("https://www.bbc.co.uk/weather")
    frame = opened(page, site)
    frame.locator(".offer").wait_for()
    assert frame.locator(".msg").count() == 0


def test_clearing_the_chat_in_the_frame_forgets_it_there(chromium: Any, site: Site) -> None:
    page = new_page(chromium)
    frame = opened(page, site)
    say(frame, "my secret words")
    frame.locator(".msg.you").wait_for()
    frame = opened(page, site)
    frame.locator(".msg.you").wait_for()
    frame.locator('form[action="/embed/leave"] button').click()
    frame.locator("#starters").wait_for()
    frame = opened(page, site)
    assert frame.locator(".msg").count() == 0 and frame.locator(".offer").count() == 0


def test_a_link_in_the_frame_opens_beside_it(chromium: Any, site: Site) -> None:
    page = new_page(chromium)
    frame = opened(page, site)
    with page.context.expect_page() as beside:
        frame.locator(".brand").click()
    assert beside.value.url.endswith("/en") and frame.locator("#text").count() == 1


def test_a_site_that_is_not_listed_gets_a_link_and_its_people_are_told_why(chromium: Any, site: Site) -> None:
    with hosted(
        lambda _: (PAGE.format(lang="cy", dir="ltr", wren=site.wren), f"default-src 'none'; script-src {site.wren}")
    ) as other:
        page = new_page(chromium)
        page.goto(other)
        link = page.get_by_role("link", name=site.chat.library.strings.get("webchat.title", "cy"))
        assert link.get_attribute("href") == f"{site.wren}/chat?lang=cy"
        assert "WREN_EMBED_ORIGINS" in page.troubles[0] and len(page.troubles) == 1


@pytest.mark.parametrize("path", ["/embed", "/chat", "/en"])
def test_a_site_that_is_not_listed_cannot_frame_anything(chromium: Any, site: Site, path: str) -> None:
    html = f'<!doctype html><title>Evil</title><iframe src="{site.wren}{path}"></iframe>'
    with hosted(lambda _: (html, "default-src 'none'; frame-src *")) as other:
        page = new_page(chromium)
        page.goto(other)
        page.wait_for_timeout(500)
        assert page.frame_locator("iframe").locator("#text, main").count() == 0
        assert any("frame-ancestors" in trouble for trouble in page.troubles)


def test_without_script_the_page_has_a_plain_link(chromium: Any, site: Site) -> None:
    page = new_page(chromium, java_script_enabled=False)
    page.goto(site.address)
    page.get_by_role("link", name="Wren").click()
    page.wait_for_selector("#text")
    assert page.url == f"{site.wren}/chat?lang=en"
