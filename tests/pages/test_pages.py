"""The landing and privacy pages: every language, no script, the right doors, plain words."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.robotparser import RobotFileParser

import pytest
from babel.messages.pofile import read_po
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.conversation.commands import Commands
from bot.languages import direction, supported
from bot.library.helplines import Helplines
from bot.library.strings import Strings, placeholders
from bot.pages import PageServices, routes, troubles
from bot.pages.web import chosen, preferences
from bot.settings import ROOT, Settings

LANGS = tuple(language.code for language in supported())
PARTS = ("pages", "webchat")
HELPLINES = Helplines.load(ROOT / "content")
STRINGS = Strings.load(ROOT / "locales")


def client(**settings: object) -> TestClient:
    config = Settings.model_validate({"public_url": "https://wren.test", **settings})
    services = PageServices(strings=STRINGS, helplines=HELPLINES, settings=config, question_days=42)
    return TestClient(Starlette(routes=list(routes(services))), base_url="https://wren.test")


def catalog(lang: str, part: str) -> dict[str, tuple[str, bool]]:
    path = ROOT / "locales" / lang / "LC_MESSAGES" / f"{part}.po"
    with path.open("rb") as file:
        return {str(m.id): (str(m.string), m.fuzzy) for m in read_po(file, locale=lang) if m.id}


def syllables(word: str) -> int:
    """Syllables of an English word, near enough for a reading grade."""
    word = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent - (word.endswith("ed") and not word.endswith(("ted", "ded")) and groups > 1))


def grade(text: str) -> float:
    """The Flesch-Kincaid reading grade of an English text."""
    sentences = [part for part in re.split(r"[.!?:;]+\s|\n", text + "\n") if part.strip()]
    words = re.findall(r"[A-Za-z']+", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("path", ["", "/privacy"])
def test_every_page_says_its_language_and_direction_and_offers_the_others(lang: str, path: str) -> None:
    response = client().get(f"/{lang}{path}")
    assert response.status_code == 200
    assert f'<html lang="{lang}" dir="{direction(lang)}">' in response.text
    assert response.headers["content-language"] == lang
    for other, name in ((language.code, language.name) for language in supported()):
        assert f'<link rel="alternate" hreflang="{other}" href="https://wren.test/{other}{path}">' in response.text
        assert re.search(rf'<a href="/{other}{path}" lang="{other}"[^>]*>{name}</a>', response.text)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("path", ["", "/privacy"])
def test_no_page_has_a_script_or_loads_anything_from_elsewhere(lang: str, path: str) -> None:
    response = client().get(f"/{lang}{path}")
    assert "<script" not in response.text and "style=" not in response.text
    assert "script-src" not in response.headers["content-security-policy"]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "set-cookie" not in response.headers
    loaded = re.findall(r'<(?:link rel="(?:stylesheet|icon)"|img)[^>]*(?:href|src)="([^"]+)"', response.text)
    assert loaded and all(address.startswith("/assets/") for address in loaded)


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("ur-PK,ur;q=0.9,en;q=0.8", "ur"),
        ("fr, cy;q=0.3, en;q=0.2", "cy"),
        ("de", "en"),
        ("en;q=0,cy", "cy"),
    ],
)
def test_the_front_door_speaks_the_browser_s_language(header: str, lang: str) -> None:
    response = client().get("/", headers={"Accept-Language": header})
    assert f'<html lang="{lang}"' in response.text
    assert response.headers["vary"] == "Accept-Language"
    assert f'<link rel="canonical" href="https://wren.test/{lang}">' in response.text


def test_search_engines_may_read_the_pages_and_nothing_behind_them() -> None:
    rules = RobotFileParser()
    rules.parse(client().get("/robots.txt").text.splitlines())
    for path in ("/", "/en", "/ur/privacy", "/c/dads26/ur", "/dads26"):
        assert rules.can_fetch("any", f"https://wren.test{path}"), path
    for path in ("/chat", "/chat?lang=ur", "/embed", "/staff/sign-in", "/links/abc"):
        assert not rules.can_fetch("any", f"https://wren.test{path}"), path


def test_a_broken_language_header_is_no_trouble() -> None:
    assert preferences(";;;q=x,,cy;q=nonsense,ur;q=0.5") == ["ur"]
    assert chosen("xx", "<script>", LANGS) is None


@pytest.mark.parametrize("lang", LANGS)
def test_each_way_in_is_offered_only_if_it_is_set_up(lang: str) -> None:
    bare = client(telegram_username=None, whatsapp_number=None).get(f"/{lang}").text
    assert f'href="/chat?lang={lang}"' in bare and "t.me" not in bare and "wa.me" not in bare
    full = client(telegram_username="@WrenTestBot", whatsapp_number="+44 1632 960000").get(f"/{lang}?c=poster-7").text
    assert f'href="/chat?lang={lang}&amp;c=poster-7"' in full
    assert 'href="https://t.me/WrenTestBot?start=poster-7"' in full
    assert 'href="https://wa.me/441632960000"' in full


def test_a_hostile_campaign_code_is_left_out() -> None:
    page = client(telegram_username="WrenTestBot").get("/en", params={"c": '"><script>'}).text
    assert "<script" not in page and "t.me/WrenTestBot?start=web-en" in page


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_what_wren_is_not_and_gives_the_emergency_number(lang: str) -> None:
    page = client().get(f"/{lang}").text
    assert 'href="tel:999"' in page
    for number in (1, 2, 3):
        assert STRINGS.get(f"pages.not_{number}", lang) in unescape(page)
    assert f'href="/{lang}/privacy"' in page


@pytest.mark.parametrize("lang", LANGS)
def test_a_demonstration_says_so_and_a_real_one_does_not(lang: str) -> None:
    words = STRINGS.get("pages.demonstration", lang)
    for path in ("", "/privacy"):
        assert words in unescape(client(demonstration=True).get(f"/{lang}{path}").text)
        assert words not in unescape(client(demonstration=False).get(f"/{lang}{path}").text)


@pytest.mark.parametrize("lang", LANGS)
def test_a_machine_s_translation_is_marked_and_english_is_not(lang: str) -> None:
    for path in ("", "/privacy"):
        assert ('class="draft"' in client().get(f"/{lang}{path}").text) == (lang != "en")


@pytest.mark.parametrize("lang", LANGS)
def test_the_privacy_page_names_words_that_wren_knows(lang: str) -> None:
    commands = Commands.load(ROOT)
    quoted = [re.findall("[“„«](.+?)[”»]", STRINGS.get(f"pages.p_forget_{n}", lang)) for n in (1, 2)]
    assert [commands.find(words[0], lang) for words in quoted] == ["what_data", "delete_my_data"]
    assert STRINGS.get("webchat.leave", lang) in STRINGS.get("pages.p_device_2", lang)


def test_the_privacy_page_says_how_long_raw_messages_are_kept() -> None:
    assert "wiped after 9 days" in client(raw_event_days=9).get("/en/privacy").text


@pytest.mark.parametrize("lang", LANGS)
def test_the_privacy_page_says_how_long_a_question_without_an_answer_is_kept(lang: str) -> None:
    page = client().get(f"/{lang}/privacy").text
    assert re.search(r"\b42\b", page)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("key", ["pages.p_seen_6", "pages.p_seen_7"])
def test_the_privacy_page_says_that_somebody_reads_a_few_messages_and_looks_at_repeated_worries(lang: str, key: str) -> None:
    said = STRINGS.get(key, lang)
    assert said in unescape(client().get(f"/{lang}/privacy").text)
    assert lang == "en" or said != STRINGS.get(key, "en")


@pytest.mark.parametrize("part", PARTS)
def test_every_language_has_every_string_with_the_same_placeholders(part: str) -> None:
    english = catalog("en", part)
    assert english and not any(fuzzy for _, fuzzy in english.values())
    for lang in ("cy", "ur"):
        own = catalog(lang, part)
        assert own.keys() == english.keys()
        for key, (words, fuzzy) in own.items():
            assert words and fuzzy, key
            assert placeholders(words) == placeholders(english[key][0]), key


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", PARTS)
def test_no_telephone_number_is_written_out_in_the_words(lang: str, part: str) -> None:
    for key, (words, _) in catalog(lang, part).items():
        assert not re.search(r"\d{3}", words), key


def test_the_english_reads_easily() -> None:
    for part in PARTS:
        words = [words for words, _ in catalog("en", part).values() if len(words.split()) > 6]
        filled = re.sub(r"\{\w+\}", "nine", "\n".join(words))
        assert grade(filled) <= 5, f"{part}: {grade(filled):.1f}"


def test_every_string_in_the_catalogs_is_used() -> None:
    folders = (ROOT / "bot" / "pages", ROOT / "bot" / "channels" / "webchat")
    code = "".join(path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.[hp][ty]*")))
    for part in PARTS:
        for key in catalog("en", part):
            stem = re.sub(r"(_\d+|_title|_text)$", "", key)
            names = (stem.split(".")[1], stem.split("_")[-1])
            assert key in code or stem in code or any(f"{mark}{name}{mark}" in code for name in names for mark in "'\""), key


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("path", ["", "/privacy"])
def test_a_page_weighs_less_than_thirty_kilobytes_with_all_it_loads(lang: str, path: str) -> None:
    site = client()
    response = site.get(f"/{lang}{path}")
    weight = len(response.content)
    for address in re.findall(r'(?:href|src)="(/assets/[^"]+)"', response.text):
        weight += len(site.get(address).content)
    assert weight < 30_000, weight


def test_the_look_uses_logical_properties_only() -> None:
    for path in (
        *Path(ROOT / "bot").glob("pages/static/*.css"),
        *Path(ROOT / "bot").glob("channels/webchat/static/*.css"),
    ):
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        physical = r"(?<![\w-])((margin|padding|border)-)?(left|right)\s*:|text-align:\s*(left|right)|url\("
        assert not re.search(physical, rules), path.name


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("what", ["missing", "broken"])
def test_an_address_that_leads_nowhere_and_a_fault_of_ours_give_a_page_with_a_way_on(lang: str, what: str) -> None:
    async def fail(request: object) -> None:
        raise RuntimeError("a fault")

    config = Settings.model_validate({"public_url": "https://wren.test"})
    services = PageServices(strings=STRINGS, helplines=HELPLINES, settings=config, question_days=42)
    app = Starlette(routes=[Route("/fails", fail), *routes(services)], exception_handlers=troubles(services))
    browser = TestClient(app, base_url="https://wren.test", raise_server_exceptions=False)
    path, status = {"missing": ("/no/such/place", 404), "broken": ("/fails", 500)}[what]
    response = browser.get(path, headers={"Accept": "text/html", "Accept-Language": f"{lang},en;q=0.5"})
    assert response.status_code == status
    assert f'<html lang="{lang}" dir="{direction(lang)}">' in response.text
    text = unescape(response.text)
    assert STRINGS.get(f"pages.{what}_title", lang) in text and f'href="/{lang}"' in text and f'href="/chat?lang={lang}"' in text
    assert 'href="tel:999"' in text
    assert "a fault" not in text and "no/such" not in text
    assert response.headers["Cache-Control"] == "no-store" and "default-src 'none'" in response.headers["Content-Security-Policy"]
    program = browser.get(path, headers={"Accept": "application/json"})
    assert (program.status_code, program.content) == (status, b"")
    if what == "missing":
        assert browser.post(path).content == b""
