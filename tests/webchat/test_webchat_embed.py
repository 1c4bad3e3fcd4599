"""The chat inside another site: for listed sites alone, without a cookie, light, and framed nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.app import web_app
from bot.channels.webchat.visits import VISIT_HEADER
from bot.languages import direction, supported
from bot.library import Library
from bot.pages.framing import EmbedError, origins_of
from bot.settings import Settings
from bot.triage import Triage
from bot.wiring import Parts
from tests.webchat.support import HELLO, Chat, build_chat, said

LANGS = tuple(language.code for language in supported())
SITES = "https://www.borsetshire.gov.uk, https://families.borsetshire.gov.uk"
FRAMED = "frame-ancestors https://www.borsetshire.gov.uk https://families.borsetshire.gov.uk"


@pytest.fixture
def embedded(tmp_path: Path, library: Library, triage: Triage) -> Iterator[Chat]:
    result = build_chat(tmp_path, library, triage, embed_origins=SITES)
    yield result
    result.services.database.dispose()


def facts(script: str) -> dict[str, dict[str, dict[str, str]]]:
    """What the server has put into the site's script."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads(script[script.rindex("})(") + 3 : script.rindex(");")])
    return found


def key_of(page: str) -> str:
    match = re.search(r'data-key="([^"]{43})"', page)
    assert match
    return match[1]


def as_script(key: str, mark: str = "") -> dict[str, str]:
    """The headers with which the frame's script says whose chat it is."""
    return {"Authorization": f"Bearer {key}", "Wren-Visit": mark, "Wren-Fetch": "1"}


def talked(chat: Chat, client: TestClient) -> tuple[str, str]:
    """Somebody who wrote in the frame and was answered: their key and their visit's mark."""
    key = key_of(client.get("/embed").text)
    sent = client.post("/embed/send", data={"text": "my secret words", "id": "abcdefgh0"}, headers=as_script(key))
    assert sent.status_code == 204
    chat.answer(HELLO, said("an old answer"))
    return key, sent.headers[VISIT_HEADER]


def test_without_a_list_nobody_may_frame_it_and_the_page_says_why(chat: Chat) -> None:
    for lang in LANGS:
        response = chat.client().get("/embed", headers={"Accept-Language": lang})
        assert response.status_code == 403 and response.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "WREN_EMBED_ORIGINS" in response.text and 'href="/chat"' in response.text and f'lang="{lang}"' in response.text
    assert chat.client().post("/embed/send", data={"text": "hello"}).status_code in (404, 405)
    assert facts(chat.client().get("/embed.js").text)["origins"] == []


def test_only_the_listed_sites_may_frame_it(embedded: Chat) -> None:
    client = embedded.client()
    key, mark = talked(embedded, client)
    posted = {"key": key, "visit": mark}
    for response in (
        client.get("/embed?lang=ur"),
        client.post("/embed", data=posted),
        client.post("/embed/resume", data=posted),
        client.post("/embed/leave", data=posted),
        client.post("/embed/send", data={"text": "a" * 600_000}),
        client.post("/embed/send", data={"text": "hi"}, headers={"Origin": "https://evil.example"}),
    ):
        policy = response.headers["content-security-policy"]
        assert FRAMED in policy and "frame-ancestors 'none'" not in policy and "default-src 'none'" in policy
        assert "unsafe" not in policy and "x-frame-options" not in response.headers


@pytest.mark.parametrize(
    "listed",
    [
        *("*", "https://*.gov.uk", "http://www.example.gov.uk", "www.example.gov.uk", "https://www.example.gov.uk/"),
        *("https://www.example.gov.uk/families", "https://a.example; script-src *", "https://Www.example.gov.uk", "https:"),
    ],
)
def test_what_is_no_site_is_refused_in_words(listed: str) -> None:
    with pytest.raises(EmbedError, match="WREN_EMBED_ORIGINS has “"):
        origins_of(Settings(embed_origins=f"https://ok.example.org, {listed}"))


def test_there_is_never_a_cookie_and_nothing_is_stored_before_something_is_sent(embedded: Chat) -> None:
    client = embedded.client()
    page = client.get("/embed")
    assert embedded.people() == 0 and "set-cookie" not in page.headers
    key, mark = talked(embedded, client)
    for response in (
        client.post("/embed", data={"key": key, "visit": mark}),
        client.post("/embed/resume", data={"key": key}),
        client.post("/embed/send", data={"text": "again", "id": "abcdefgh1"}, headers=as_script(key, mark)),
        client.post("/embed/leave", data={"key": key}),
    ):
        assert "set-cookie" not in response.headers
    assert embedded.people() == 1


def test_the_cookie_of_the_page_opens_nothing_in_the_frame_and_an_address_neither(embedded: Chat) -> None:
    client = embedded.client()
    client.post("/chat/send", data={"text": "written on the page", "id": "abcdefgh0"})
    cookie = {"Cookie": f"wren_chat={client.cookies['wren_chat']}; wren_visit=0.0"}
    assert "written on the page" in client.get("/chat", headers=cookie).text
    for response in (
        client.get("/embed", headers=cookie),
        client.post("/embed", headers=cookie),
        client.get(f"/embed?key={client.cookies['wren_chat']}&visit=0.0"),
    ):
        assert "written on the page" not in response.text
    assert client.get("/embed/events?after=0.0", headers=cookie).status_code == 204


def test_the_same_tab_goes_on_and_another_visit_starts_clean(embedded: Chat) -> None:
    client = embedded.client()
    key, mark = talked(embedded, client)
    assert "my secret words" in client.post("/embed", data={"key": key, "visit": mark}).text
    clean = client.post("/embed", data={"key": key, "visit": ""})
    assert "<article" not in clean.text and 'action="/embed/resume"' in clean.text and clean.headers[VISIT_HEADER] == ""
    sent = client.post("/embed/send", data={"text": "new words", "id": "abcdefgh1"}, headers=as_script(key))
    page = client.post("/embed", data={"key": key, "visit": sent.headers[VISIT_HEADER]}).text
    assert "new words" in page and "my secret words" not in page
    resumed = client.post("/embed/resume", data={"key": key, "visit": sent.headers[VISIT_HEADER]})
    assert "my secret words" in resumed.text and 'data-mark="0.0"' in resumed.text and f'data-key="{key}"' in resumed.text


def test_a_frame_in_which_nothing_was_said_has_no_look_for_new_messages_in_sight(embedded: Chat) -> None:
    """Its class was in a second `class`, which no browser reads."""
    refresh = re.search(r'<button [^>]*id="?refresh"?[^>]*>', embedded.client().get("/embed").text)
    assert refresh
    assert re.findall(r'class="([^"]*)"|class=', refresh[0]) == ["plain idle"]


def test_everything_in_the_frame_leads_on_within_the_frame(embedded: Chat) -> None:
    client = embedded.client()
    key, mark = talked(embedded, client)
    for page in (client.get("/embed").text, client.post("/embed", data={"key": key, "visit": mark}).text):
        assert not re.search(r'(action|href)="/chat', page)
        assert re.search(r'id="exit"[^>]* target=_top', page)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "https://www.borsetshire.gov.uk"}]
)
@pytest.mark.parametrize("path", ["", "/send", "/resume", "/leave"])
def test_not_even_a_listed_site_may_post_for_a_parent(embedded: Chat, headers: dict[str, str], path: str) -> None:
    client = embedded.client()
    key, _ = talked(embedded, client)
    response = client.post(f"/embed{path}", data={"key": key, "visit": "0.0", "text": "hi"}, headers=headers)
    assert response.status_code == 403 and "my secret words" not in response.text


def test_new_people_of_page_and_frame_are_limited_together(tmp_path: Path, library: Library, triage: Triage) -> None:
    chat = build_chat(tmp_path, library, triage, embed_origins=SITES, webchat_new_per_minute=1)
    chat.client().post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    frame = chat.client()
    headers = as_script(key_of(frame.get("/embed").text))
    assert frame.post("/embed/send", data={"text": "hello", "id": "abcdefgh0"}, headers=headers).status_code == 429
    chat.services.database.dispose()


def test_the_site_s_script_is_for_other_sites_and_speaks_every_language(embedded: Chat) -> None:
    response = embedded.client().get("/embed.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    told = facts(response.text)
    assert told["origins"] == SITES.split(", ") and list(told["words"]) == list(LANGS)
    for lang in LANGS:
        assert told["words"][lang]["open"] == embedded.library.strings.get("webchat.title", lang)
        assert told["words"][lang]["dir"] == direction(lang)
    assert not re.search(r"innerHTML|eval\(|document\.write|cookie|localStorage|fetch\(|XMLHttp", response.text)


@pytest.mark.parametrize("lang", LANGS)
def test_script_and_frame_weigh_less_than_thirty_kilobytes_beyond_the_chat(embedded: Chat, lang: str) -> None:
    """Counted, uncompressed: the script on the site, the frame's own page, and each file that the chat's page does not load."""
    client = embedded.client()
    page, frame = client.get(f"/chat?lang={lang}"), client.get(f"/embed?lang={lang}")
    files = {
        name: re.findall(r'(?:href|src)="(/assets/[^"]+)"', text) for name, text in (("page", page.text), ("frame", frame.text))
    }
    more = set(files["frame"]) - set(files["page"])
    assert len(more) == 1
    script = len(client.get("/embed.js").content)
    weight = script + len(frame.content) + sum(len(client.get(address).content) for address in more)
    assert script < 8_000, "before somebody opens the chat, the site loads no more than this"
    assert weight < 30_000, weight


def test_no_page_but_the_chat_s_frame_may_be_framed(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    """Every address of the whole app that a browser can open."""
    app = web_app(build_parts(sqlite_address, public_url="https://wren.test", embed_origins=SITES))
    client = TestClient(app, base_url="https://wren.test", follow_redirects=False)
    looked_at = 0
    for route in app.routes:
        if not isinstance(route, Route) or "GET" not in (route.methods or ()) or route.path.startswith("/embed"):
            continue
        response = client.get(re.sub(r"\{\w+(:int)?\}", "1", route.path))
        if not response.headers.get("content-type", "").startswith("text/html"):
            continue
        looked_at += 1
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"], route.path
        assert response.headers["x-frame-options"] == "DENY", route.path
    assert looked_at > 15
