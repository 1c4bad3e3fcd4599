"""Campaigns in Chromium: accessible, narrow, by keyboard and by roles, from the poster to the first answer; and on paper."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from sqlalchemy import select

from bot.campaigns import store
from bot.campaigns.pdf import write_pdfs
from bot.campaigns.prints import Prints
from bot.languages import supported
from bot.library import Library
from bot.settings import Settings
from bot.storage.tables import CampaignArrival, Person
from bot.wiring import Parts
from tests.browser.conftest import CHROMIUM
from tests.browser.test_browser_pages import new_page, playwright_api, sideways, violations
from tests.browser.test_console import open_as
from tests.campaigns.support import served as served_app
from tests.console.support import Office
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")
LANGS = tuple(language.code for language in supported())
DURING = datetime(2026, 11, 20, 12, tzinfo=UTC)
PHONE = {
    "width": 360,
    "height": 740,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
}
POINTS = {"poster": [(595, 842)], "card": [(241, 156), (241, 156)]}
"""Pages in points: A4, and twice 85 by 55 mm."""


@pytest.fixture
def running(build_parts: Callable[..., Parts], sqlite_address: str, at: Callable[[datetime], None]) -> Parts:
    """The whole app on a port of its own, so that its links lead to itself; no messenger is set up."""
    at(DURING)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return build_parts(sqlite_address, port=port, council_name="Borsetshire County Council", council_colour="#5b2a86")


@pytest.fixture
def address(running: Parts) -> Iterator[str]:
    with served_app(running, running.settings.port) as found:
        assert found == running.settings.url
        yield found


def test_axe_finds_nothing_and_nothing_scrolls_sideways_in_any_language(chromium: Any, address: str) -> None:
    for scheme in ("light", "dark"):
        page = new_page(chromium, width=320, height=568, color_scheme=scheme)
        for code in ("dads26", "hello26"):
            for lang in LANGS:
                page.goto(f"{address}/c/{code}/{lang}")
                assert sideways(page) == 0, (code, lang)
                assert violations(page) == [], (code, lang, scheme)
        assert page.troubles == []
        page.context.close()


def test_the_page_of_a_link_s_count_is_accessible_too(chromium: Any, running: Parts, address: str) -> None:
    with running.database.write() as session:
        link_id = store.add_link(session, "dads26", "Barbers", area_id=None, staff_id=None).id
    page = new_page(chromium, width=320, height=568)
    for lang in ("en", "ar", "uk"):
        page.goto(f"{address}/links/{store.count_key(running.keyring, link_id)}?lang={lang}")
        assert violations(page) == [] and sideways(page) == 0


def test_it_works_at_four_times_the_size_and_without_colours(chromium: Any, address: str) -> None:
    page = new_page(chromium, width=320, height=256, forced_colors="active", reduced_motion="reduce")
    page.goto(f"{address}/c/dads26/ur")
    assert sideways(page) == 0 and violations(page) == []
    for box in page.evaluate(
        "[...document.querySelectorAll('a.button, .languages a')].map(e => e.getBoundingClientRect().toJSON())"
    ):
        assert box["height"] >= 44 and box["width"] >= 44, box


def test_the_roles_of_a_page_tell_its_parts(chromium: Any, running: Parts, address: str) -> None:
    page = new_page(chromium)
    page.goto(f"{address}/c/dads26/cy")
    words, strings = running.library.campaigns.by_code["dads26"].words["cy"], running.library.strings
    assert page.get_by_role("heading", level=1, name=words.title, exact=True).count() == 1
    assert page.get_by_role("navigation", name=strings.get("pages.languages", "cy")).get_by_role("link").count() == len(LANGS)
    for key in ("campaign.taste_title", "campaign.said_title", "campaign.help_title"):
        region = page.get_by_role("region", name=strings.get(key, "cy"))
        assert region.get_by_role("heading", level=2).count() == 1
    assert page.get_by_role("link", name=strings.get("pages.open_webchat", "cy"), exact=True).count() == 1
    assert page.get_by_role("main").count() == 1 and page.get_by_role("banner").count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize("lang", ["en", "ur"])
def test_from_the_poster_to_the_first_answer_by_keyboard_and_roles(
    chromium: Any, running: Parts, address: str, lang: str, script: bool
) -> None:
    """A phone follows what the poster's QR code holds, and its owner never touches the screen."""
    library, strings = running.library, running.library.strings
    campaign = library.campaigns.by_code["dads26"]
    prints = Prints(library, running.settings)
    held = prints.address(campaign, lang)
    drawn = re.search(r' d="(M[^"]+)"', prints.sheet("poster", campaign, lang).html.partition('class="qr"')[2])
    assert drawn is not None and drawn[1] in segno.make(held, error="q", micro=False).svg_inline(border=4)

    page = new_page(chromium, java_script_enabled=script, **PHONE)
    page.goto(held)
    assert page.locator("html").get_attribute("dir") == ("rtl" if lang == "ur" else "ltr")
    walk_to(page, page.get_by_role("link", name=strings.get("pages.open_webchat", lang), exact=True))
    page.keyboard.press("Enter")
    box = page.get_by_role("textbox", name=strings.get("webchat.label", lang))
    playwright_api.expect(box).to_have_value(campaign.words[lang].opening)
    walk_to(page, box)
    walk_to(page, page.get_by_role("button", name=strings.get("webchat.send", lang), exact=True))
    page.keyboard.press("Enter")
    log = page.get_by_role("log", name=strings.get("webchat.log", lang))
    first = library.render("message:wellbeing/dads/start-here", lang).text.split("\n")[0]
    playwright_api.expect(log).to_contain_text(first, timeout=20_000)
    playwright_api.expect(log).to_contain_text(campaign.words[lang].opening)
    assert sideways(page) == 0
    if script:  # axe is a script itself
        assert violations(page) == []
        # The answer is read from its first line, which stands below the bar with the council's name.
        answer = page.locator("#log > .msg:not(.you)").first
        playwright_api.expect(answer).to_be_in_viewport()
        assert answer.bounding_box()["y"] >= page.locator(".top").bounding_box()["height"]
    with running.database.read() as session:
        person = session.scalars(select(Person)).one()
        assert (person.campaign, person.language) == ("dads26", lang)
        assert [row.people for row in session.scalars(select(CampaignArrival))] == [1]


def walk_to(page: Any, wanted: Any) -> None:
    """Tab until `wanted` has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.count() and wanted.first.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError("the keyboard does not come there")


def test_a_short_link_typed_by_hand_leads_to_the_phone_s_language(chromium: Any, address: str) -> None:
    page = new_page(chromium, locale="bn-BD", **PHONE)
    page.goto(f"{address}/DADS26")
    assert page.url == f"{address}/c/dads26"
    assert page.locator("html").get_attribute("lang") == "bn"
    assert page.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def page_sizes(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page, in points."""
    return [(float(wide), float(high)) for wide, high in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)]


def test_every_sheet_prints_on_its_paper_and_nothing_is_cut_off(chromium: Any, library: Library, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "public_url": "https://families.borsetshire.gov.uk",
            "whatsapp_number": "+44 1632 960000",
            "council_name": "Borsetshire County Council",
            "council_colour": "#5b2a86",
            "council_band_colour": "#ffcc00",
        }
    )
    prints = Prints(library, settings)
    page = new_page(chromium)
    page.emulate_media(media="print")
    for campaign in library.campaigns:
        for lang in LANGS:
            for kind, sizes in POINTS.items():
                file = tmp_path / f"{lang}-{kind}.html"
                file.write_text(prints.sheet(kind, campaign, lang, "k7m4", alone=True).html, encoding="utf-8")
                page.goto(file.as_uri())
                spill = page.evaluate(
                    "[...document.querySelectorAll('.sheet')].map(e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth])"
                )
                assert all(down <= 0 and across <= 0 for down, across in spill), (campaign.code, lang, kind, spill)
                pdf = page.pdf(prefer_css_page_size=True, print_background=True)
                boxes = page_sizes(pdf)
                assert len(boxes) == len(sizes), (campaign.code, lang, kind)
                for (wide, high), (want_wide, want_high) in zip(boxes, sizes, strict=True):
                    assert abs(wide - want_wide) < 2 and abs(high - want_high) < 2, (kind, boxes)
    assert page.troubles == []


def test_a_camera_reads_the_code_on_every_sheet(chromium: Any, library: Library, tmp_path: Path) -> None:
    """On paper as it is drawn, by another library than the one that made the code."""
    zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp is not installed")
    pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    prints = Prints(library, Settings.model_validate({"public_url": "https://families.borsetshire.gov.uk"}))
    campaign = library.campaigns.by_code["dads26"]
    page = new_page(chromium, width=900, height=1200)
    page.emulate_media(media="print")
    for lang in LANGS:
        for kind in POINTS:
            file = tmp_path / f"{lang}-{kind}.html"
            file.write_text(prints.sheet(kind, campaign, lang, "k7m4", alone=True).html, encoding="utf-8")
            page.goto(file.as_uri())
            picture = pillow.open(BytesIO(page.screenshot(full_page=True)))
            assert [code.text for code in zxingcpp.read_barcodes(picture)] == [prints.address(campaign, lang, "k7m4")], (
                lang,
                kind,
            )


def test_the_command_prints_pdfs_of_the_right_size(library: Library, tmp_path: Path) -> None:
    prints = Prints(library, Settings.model_validate({"public_url": "https://families.borsetshire.gov.uk"}))
    campaign = library.campaigns.by_code["dads26"]
    sheets = {tmp_path / f"{kind}.pdf": prints.sheet(kind, campaign, "ur", alone=True).html for kind in POINTS}
    write_pdfs(str(CHROMIUM), sheets)
    for kind, sizes in POINTS.items():
        boxes = page_sizes((tmp_path / f"{kind}.pdf").read_bytes())
        assert [(round(wide), round(high)) for wide, high in boxes] == sizes, kind


@pytest.mark.parametrize("lang", ["ur", "ar", "bn"])
def test_letters_of_other_scripts_are_shaped_and_joined_on_paper(
    chromium: Any, library: Library, tmp_path: Path, lang: str
) -> None:
    """A word drawn with its letters joined is narrower than, or differs from, the same letters kept apart."""
    prints = Prints(library, Settings.model_validate({"public_url": "https://wren.test"}))
    file = tmp_path / "poster.html"
    file.write_text(prints.sheet("poster", library.campaigns.by_code["dads26"], lang, alone=True).html, encoding="utf-8")
    page = new_page(chromium)
    page.emulate_media(media="print")
    page.goto(file.as_uri())
    joined, apart = page.evaluate(
        """() => { const h = document.querySelector('h1'), range = document.createRange(); range.selectNodeContents(h);
        const wide = () => { h.style.whiteSpace = 'nowrap'; return range.getBoundingClientRect().width; };
        const joined = wide(); h.textContent = [...h.textContent].join('\\u200c'); range.selectNodeContents(h); return [joined, wide()]; }"""
    )
    assert abs(joined - apart) > 5
    assert page.evaluate("document.fonts.status") == "loaded"


@pytest.mark.parametrize("kind", sorted(POINTS))
def test_a_sheet_on_a_small_screen_is_accessible_too(chromium: Any, library: Library, tmp_path: Path, kind: str) -> None:
    prints = Prints(library, Settings.model_validate({"public_url": "https://wren.test", "whatsapp_number": "+441632960000"}))
    page = new_page(chromium, width=320, height=568)
    for lang in ("en", "ur", "bn"):
        file = tmp_path / f"{lang}.html"
        file.write_text(prints.sheet(kind, library.campaigns.by_code["hello26"], lang, alone=True).html, encoding="utf-8")
        page.goto(file.as_uri())
        assert violations(page) == [] and sideways(page) == 0, lang
    assert page.troubles == []


def test_the_staff_s_pages_are_accessible_and_a_link_is_made_by_keyboard(chromium: Any, office: Office) -> None:
    with served(office) as site:  # type: ignore[arg-type]
        page = open_as(chromium, office.browser(office.staff("Mo", roles=("manager",))), site)
        for width in (1000, 320):
            page.set_viewport_size({"width": width, "height": 700})
            for path in ("/staff/campaigns", "/staff/campaigns/dads26"):
                page.goto(site + path)
                assert violations(page) == [] and sideways(page) == 0, (path, width)
        page.get_by_role("textbox", name="Who passes it on").focus()
        page.keyboard.type("Barbers")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "The link is made." in page.get_by_role("status").inner_text()
        assert violations(page) == []
        assert page.troubles == []
