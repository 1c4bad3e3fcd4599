"""A campaign's pages over real HTTP: eight languages, the right door first, nothing that follows anybody, and light."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from bot.campaigns import store
from bot.campaigns.codes import find, is_opening, opened
from bot.languages import direction, supported
from bot.library.dates import say_months
from bot.library.helplines import Helplines
from bot.library.strings import Strings
from bot.messages import Address, Inbound
from bot.pages.words import paragraphs
from bot.settings import ROOT
from bot.storage.tables import CampaignArrival
from bot.wiring import Parts
from tests.campaigns.support import served
from tests.insight.counted import count_quarter

LANGS = tuple(language.code for language in supported())
CODES = ("dads26", "hello26")
STRINGS, HELPLINES = Strings.load(ROOT / "locales"), Helplines.load(ROOT / "content")
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A145R) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
COMPUTER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
SETTINGS = {
    "public_url": "https://wren.test",
    "whatsapp_number": "+44 1632 960000",
    "telegram_username": "@WrenTestBot",
    "demonstration": False,
}
DURING = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def parts(build_parts: Callable[..., Parts], sqlite_address: str, at: Callable[[datetime], None]) -> Parts:
    at(DURING)
    return build_parts(sqlite_address, **SETTINGS)


@pytest.fixture
def site(parts: Parts) -> Iterator[httpx.Client]:
    with served(parts) as address, httpx.Client(base_url=address, headers={"User-Agent": PHONE}) as client:
        yield client


def buttons(page: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'<a class="button[^"]*" href="([^"]+)"', page)]


def test_every_campaign_has_a_page_in_every_language_that_says_so(site: httpx.Client, parts: Parts) -> None:
    for code in CODES:
        for lang in LANGS:
            response = site.get(f"/c/{code}/{lang}")
            words = parts.library.campaigns.by_code[code].words[lang]
            page = unescape(response.text)
            assert response.status_code == 200
            assert f'<html lang="{lang}" dir="{direction(lang)}">' in page
            assert response.headers["content-language"] == lang
            assert re.search(rf"<h1>{re.escape(words.title)}</h1>", page) and words.lead in page
            assert page.count("<h1") == 1
            for language in supported():
                assert f'<a href="/c/{code}/{language.code}" lang="{language.code}" dir="{language.direction}"' in page
                assert f">{language.name}</a>" in page
            assert ('class="draft"' in page) == (lang != "en")


def test_a_page_keeps_nothing_and_loads_nothing_from_elsewhere(site: httpx.Client) -> None:
    for path in ("/c/dads26/en", "/c/dads26/ar", "/c/hello26", "/c/gone26/en", "/dads26"):
        response = site.get(path)
        assert "set-cookie" not in response.headers
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        page = response.text
        assert not re.search(r"<script|<iframe|<object|\son\w+=|style=|javascript:", page)
        loaded = re.findall(r'<(?:link rel="(?:stylesheet|icon)"|img)[^>]*(?:href|src)="([^"]+)"', page)
        assert all(address.startswith("/assets/") for address in loaded)


def test_a_page_with_all_it_loads_weighs_less_than_sixty_kilobytes(site: httpx.Client) -> None:
    for code in CODES:
        for lang in LANGS:
            response = site.get(f"/c/{code}/{lang}")
            loaded = re.findall(r'(?:href|src)="(/assets/[^"]+)"', response.text)
            weight = len(response.content) + sum(len(site.get(address).content) for address in loaded)
            assert loaded and weight < 60_000, (code, lang, weight)


def test_three_real_messages_are_shown_as_they_are_sent(site: httpx.Client, parts: Parts) -> None:
    for lang in LANGS:
        page = site.get(f"/c/dads26/{lang}").text
        for message_id in parts.library.campaigns.by_code["dads26"].taste:
            assert str(paragraphs(parts.library.render(f"message:{message_id}", lang).text)) in page
        assert page.count('<li class="taste">') == 3


def test_it_says_what_happens_to_words_and_whom_to_call(site: httpx.Client) -> None:
    for lang in LANGS:
        page = unescape(re.sub(r"</?(?:strong|bdi|a)[^>]*>", "", site.get(f"/c/hello26/{lang}").text))
        for key in ("campaign.said_not_a_person", "pages.kept_1", "pages.kept_2"):
            assert STRINGS.get(key, lang) in page
        raw = site.get(f"/c/hello26/{lang}").text
        assert f'href="/{lang}/privacy"' in raw
        assert 'href="tel:999"' in raw and 'href="tel:116123"' in raw
        for placeholder in ("urgent_health", "crisis"):
            said = HELPLINES.say(placeholder, None, lang).replace("\u2066", "").replace("\u2069", "")
            assert said in page


def test_a_phone_is_offered_its_messengers_first_and_a_computer_the_chat_on_the_page(site: httpx.Client) -> None:
    def first(user_agent: str, **headers: str) -> list[str]:
        page = site.get("/c/dads26/en", headers={"User-Agent": user_agent, **headers}).text
        assert page.count('class="button"') == 1 and page.count('class="button quiet"') == 2
        return [urlsplit(address).netloc or "chat" for address in buttons(page)]

    assert first(PHONE) == ["wa.me", "t.me", "chat"]
    assert first("", **{"Sec-CH-UA-Mobile": "?1"}) == ["wa.me", "t.me", "chat"]
    assert first(COMPUTER) == ["chat", "wa.me", "t.me"]
    assert first("") == ["chat", "wa.me", "t.me"]
    assert first(f"{PHONE} Telegram-Android/11.4") == ["t.me", "wa.me", "chat"]
    varies = site.get("/c/dads26/en").headers["vary"]
    assert "User-Agent" in varies and "Sec-CH-UA-Mobile" in varies


def test_each_door_carries_the_code_and_the_language(site: httpx.Client, parts: Parts) -> None:
    campaigns = parts.library.campaigns
    for lang in LANGS:
        whatsapp, telegram, webchat = buttons(site.get(f"/c/dads26-k7m4/{lang}").text)
        sent = parse_qs(urlsplit(whatsapp).query)["text"][0]
        assert urlsplit(whatsapp).path == "/441632960000"
        assert find(campaigns, sent)[0] is not None and "dads26-k7m4" in sent
        address = Address(channel="whatsapp", kind="phone", value="1")
        read = opened(campaigns, Inbound(channel="whatsapp", external_id="1", addresses=(address,), text=sent))
        assert is_opening(campaigns, read) and read.language == lang
        assert telegram == f"https://t.me/WrenTestBot?start=dads26-k7m4_{lang}"
        assert webchat == f"/chat?lang={lang}&c=dads26-k7m4"
        box = re.search(r'<textarea id="text"[^>]*>([^<]*)</textarea>', site.get(webchat).text)
        assert box is not None and unescape(box[1]) == campaigns.by_code["dads26"].words[lang].opening
        site.cookies.clear()


def test_only_channels_that_are_set_up_have_a_button(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    bare = build_parts(sqlite_address, **(SETTINGS | {"whatsapp_number": None, "telegram_username": None}))
    with served(bare) as address:
        page = httpx.get(f"{address}/c/dads26/en").text
    assert buttons(page) == ["/chat?lang=en&c=dads26"]
    assert "wa.me" not in page and "t.me" not in page


def test_the_address_without_a_language_speaks_the_browser_s(site: httpx.Client) -> None:
    response = site.get("/c/dads26", headers={"Accept-Language": "bn-BD,bn;q=0.9,en;q=0.5"})
    assert '<html lang="bn"' in response.text
    assert "Accept-Language" in response.headers["vary"]
    assert '<link rel="canonical" href="https://wren.test/c/dads26/bn">' in response.text
    assert '<html lang="en"' in site.get("/c/dads26", headers={"Accept-Language": "fr"}).text


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/dads26", "/c/dads26"),
        ("/DADS26-K7M4", "/c/dads26-k7m4"),
        ("/c/gone26", "/"),
        ("/c/gone26/ur", "/ur"),
        ("/c/gone26/xx", "/"),
        ("/c/dads26/xx", "/c/dads26"),
        ("/c/dads26-k7m4/xx", "/c/dads26-k7m4"),
    ],
)
def test_short_links_and_wrong_ones_lead_on(site: httpx.Client, path: str, to: str) -> None:
    response = site.get(path)
    assert (response.status_code, response.headers["location"]) == (302, to)
    assert response.headers["cache-control"] == "no-store"
    assert site.get(to).status_code == 200


def test_an_ended_campaign_leads_to_wren_and_a_planned_one_can_be_looked_at(
    site: httpx.Client, parts: Parts, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(datetime(2026, 10, 1, 12, tzinfo=UTC))
    assert site.get("/c/dads26/en").status_code == 200
    at(datetime(2027, 10, 1, 12, tzinfo=UTC))
    assert site.get("/c/dads26/en").status_code == 200  # it has no last day
    object.__setattr__(parts.library.campaigns.by_code["dads26"], "ends", datetime(2027, 1, 1).date())
    try:
        assert site.get("/c/dads26/cy").headers["location"] == "/cy"
    finally:
        object.__setattr__(parts.library.campaigns.by_code["dads26"], "ends", None)


@pytest.mark.parametrize("path", ["/nothing", "/dads2", "/dads26_ur", "/links/1-x", "/assets/campaigns/none.css", "/dads26/en"])
def test_what_is_not_there_is_not_found(site: httpx.Client, path: str) -> None:
    assert site.get(path).status_code == 404


@pytest.mark.parametrize(
    "code", ["%22%3E%3Cscript%3E", "..%2f..%2fetc", "dads26%0d%0aSet-Cookie:x=1", "%F0%9F%92%A9", "a" * 3000]
)
def test_a_hostile_address_gets_nowhere(site: httpx.Client, code: str) -> None:
    response = site.get(f"/c/{code}/en")
    assert response.status_code in (302, 404)
    assert response.headers.get("location", "/en") in ("/", "/en")
    assert "set-cookie" not in response.headers and "<script" not in response.text


def test_a_shared_link_has_a_preview(site: httpx.Client, parts: Parts) -> None:
    for lang in LANGS:
        page = site.get(f"/c/dads26/{lang}").text
        words = parts.library.campaigns.by_code["dads26"].words[lang]
        said = {name: unescape(content) for name, content in re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)">', page)}
        assert (said["title"], said["description"]) == (words.title, words.lead)
        assert said["url"] == f"https://wren.test/c/dads26/{lang}"
        assert said["locale"] == lang and page.count("og:locale:alternate") == len(LANGS) - 1
        picture = urlsplit(said["image"])
        assert picture.netloc == "wren.test"
        data = site.get(f"{picture.path}?{picture.query}")
        assert data.headers["content-type"] == "image/png" and len(data.content) < 300_000
        assert (int.from_bytes(data.content[16:20]), int.from_bytes(data.content[20:24])) == (1200, 630)


def test_a_link_s_holder_sees_a_number_and_nobody(site: httpx.Client, parts: Parts) -> None:
    with parts.database.write() as session:
        link = store.add_link(session, "dads26", "Barbers of the High Street", area_id=None, staff_id=None)
        link.created_at = DURING
        link_id, suffix = link.id, link.suffix
    key = store.count_key(parts.keyring, link_id)
    period = say_months(date(2026, 10, 1), date(2026, 12, 31), "pl")
    for counted, said in (
        (0, STRINGS.get("campaign.count_yet", "pl")),
        (17, STRINGS.get("campaign.count_some", "pl", period=period, people="15")),
        (9, STRINGS.get("campaign.count_few", "pl", period=period)),
    ):
        if counted == 17:
            count_quarter(parts.database, 40, "", suffix=suffix, by_link=counted)
        elif counted:
            with parts.database.write() as session:
                session.execute(update(CampaignArrival).values(people=counted))
        response = site.get(f"/links/{key}?lang=pl")
        assert said in unescape(response.text)
        assert "Barbers" not in response.text  # the name is for staff
        assert f"https://wren.test/dads26-{suffix}" in response.text
        assert response.headers["cache-control"] == "no-store" and "noindex" in response.text
        assert "set-cookie" not in response.headers
    with parts.database.write() as session:
        store.end_link(session, link_id)
    for lang in LANGS:
        assert STRINGS.get("campaign.count_ended", lang) in unescape(site.get(f"/links/{key}?lang={lang}").text)
    assert site.get(f"/links/{key[:-1]}x").status_code == 404


def test_a_council_s_name_logo_and_colours_are_on_the_pages(
    build_parts: Callable[..., Parts], sqlite_address: str, tmp_path: Path
) -> None:
    logo = tmp_path / "crest.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>', encoding="utf-8")
    parts = build_parts(
        sqlite_address,
        **SETTINGS,
        council_name="Borsetshire <Council>",
        council_logo=logo,
        council_colour="#5b2a86",
        council_band_colour="#ffcc00",
    )
    with served(parts) as address, httpx.Client(base_url=address) as client:
        for path in ("/c/dads26/ur", "/en", "/chat?lang=en"):
            response = client.get(path)
            assert "Borsetshire &lt;Council&gt;" in response.text
            picture = re.search(r'<img src="(/assets/council/logo\.svg\?v=\w+)" alt=""', response.text)
            style = re.search(r'href="(/assets/council/council\.css\?v=\w+)"', response.text)
            assert picture and style
            assert "#5b2a86" in client.get(style[1]).text and "#ffcc00" in client.get(style[1]).text
            served_logo = client.get(picture[1])
            assert served_logo.headers["content-type"] == "image/svg+xml"
            assert "default-src 'none'" in served_logo.headers["content-security-policy"]
            assert "immutable" in served_logo.headers["cache-control"]
        assert client.get("/assets/council/crest.svg").status_code == 404
