"""The staff's pages of campaigns: links, QR codes, posters, links to pass on and their counts, by role and by area."""

from __future__ import annotations

import re
from html import unescape

import pytest
import segno
from sqlalchemy import select

from bot.campaigns import store
from bot.languages import supported
from bot.storage.tables import CampaignLink, StaffAudit, now
from tests.console.support import AREA, ELSEWHERE, URL, Browser, Office
from tests.insight.counted import MONTH, count_quarter

LANGS = tuple(language.code for language in supported())
PAGE = "/staff/campaigns/dads26"


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser(office.staff("Mo", roles=("manager",)))


def links(office: Office) -> list[CampaignLink]:
    with office.services.database.read() as session:
        return list(session.scalars(select(CampaignLink)))


def arrive(office: Office, times: int, suffix: str | None = None) -> None:
    with office.services.database.write() as session:
        for _ in range(times):
            store.count_arrival(session, "dads26", suffix, moment=now())


def audit(office: Office) -> list[tuple[str, str]]:
    with office.services.database.read() as session:
        rows = session.scalars(select(StaffAudit).where(StaffAudit.action.startswith("campaigns.")).order_by(StaffAudit.id))
        return [(row.action, row.subject) for row in rows]


def test_the_list_names_every_campaign_and_hides_small_numbers(office: Office, manager: Browser) -> None:
    arrive(office, 4)
    assert "New people" not in manager.get("/staff/campaigns").text
    count_quarter(office.services.database, 12, AREA)
    page = manager.get("/staff/campaigns").text
    assert 'href="/staff/campaigns/dads26"' in page and 'href="/staff/campaigns/hello26"' in page
    assert page.count("too few to show") == 1 and "about 10" in page
    assert "12" not in re.sub(r"<[^>]+>", "", page.partition("<main")[2]).replace(MONTH, "")


def test_a_campaign_s_page_has_every_language_s_links_and_things_to_print(office: Office, manager: Browser) -> None:
    page = unescape(manager.get(PAGE).text)
    for lang in LANGS:
        for name in ("poster", "card", "qr.svg", "qr.png"):
            assert f'href="{PAGE}/{lang}/{name}"' in page
        assert f"{URL}/c/dads26/{lang}" in page
        assert f"{URL}/chat?lang={lang}&c=dads26" in page
    assert f"{URL}/dads26" in page
    assert "Set WREN_PUBLIC_URL before you print" in page
    assert audit(office) == [("campaigns.view", "dads26")]


def test_a_link_is_made_printed_counted_and_ended(office: Office, manager: Browser) -> None:
    response = manager.post(f"{PAGE}/links", text="Barbers, High Street")
    (link,) = links(office)
    assert response.headers["location"] == f"{PAGE}?done=link_added&link={link.suffix}"
    assert (link.label, link.area_id, link.staff_id) == ("Barbers, High Street", AREA, manager.staff_id)
    page = unescape(manager.get(response.headers["location"]).text)
    assert "The link is made." in page and f"{URL}/dads26-{link.suffix}" in page
    assert f'{PAGE}/ur/poster?link={link.suffix}"' in page
    key = store.count_key(office.services.keyring, link.id)
    assert f"{URL}/links/{key}" in page
    assert f"dads26-{link.suffix}" in manager.get(f"{PAGE}/ur/poster", link=link.suffix).text.replace("\u200b", "")
    assert "whole quarter" in manager.get(PAGE).text
    count_quarter(office.services.database, 40, AREA, suffix=link.suffix, by_link=17)
    page = manager.get(PAGE).text
    assert "about 15" in page and "about 40" in page
    assert manager.post(f"{PAGE}/links/{link.id}/end").status_code == 303
    page = manager.get(PAGE, done="link_ended").text
    assert "The link has ended." in page and f"links/{key}" not in page
    assert f"dads26-{link.suffix}" not in manager.get(f"{PAGE}/ur/poster", link=link.suffix).text
    assert ("campaigns.link", f"dads26-{link.suffix}") in audit(office)
    assert ("campaigns.link_end", f"dads26-{link.suffix}") in audit(office)


@pytest.mark.parametrize("label", ["", " ", "x" * 81])
def test_a_link_without_a_name_is_refused_and_what_was_typed_is_given_back(office: Office, manager: Browser, label: str) -> None:
    response = manager.post(f"{PAGE}/links", text=label)
    assert response.status_code == 422
    assert "Say who passes it on" in response.text and 'aria-invalid="true"' in response.text
    assert f'value="{label}"' in response.text
    assert links(office) == []


def test_a_hostile_name_stays_words(office: Office, manager: Browser) -> None:
    manager.post(f"{PAGE}/links", text='"><script>alert(1)</script>')
    assert "<script>alert" not in manager.get(PAGE).text


def test_forms_of_other_sites_and_old_pages_make_nothing(office: Office, manager: Browser) -> None:
    fields = {"csrf": manager.csrf, "text": "Theirs"}
    elsewhere = manager.client.post(f"{PAGE}/links", data=fields, headers={"Origin": "https://elsewhere.test"})
    stale = manager.client.post(f"{PAGE}/links", data=fields | {"csrf": "x"}, headers={"Origin": URL})
    assert (elsewhere.status_code, stale.status_code) == (403, 403)
    assert links(office) == []


@pytest.mark.parametrize("lang", LANGS)
def test_a_qr_code_holds_the_landing_page_in_its_language_and_nothing_else(manager: Browser, lang: str) -> None:
    made = segno.make(f"{URL}/c/dads26/{lang}", error="q", micro=False)
    svg, png = manager.get(f"{PAGE}/{lang}/qr.svg"), manager.get(f"{PAGE}/{lang}/qr.png")
    assert svg.headers["content-type"] == "image/svg+xml" and png.headers["content-type"] == "image/png"
    assert f'filename="wren-dads26-{lang}-qr.svg"' in svg.headers["content-disposition"]
    side = made.symbol_size(border=4)[0]
    assert png.content[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(png.content[16:20]) == side * 20
    path = re.search(r'class="qrline"[^>]*d="([^"]+)"|d="([^"]+)"[^>]*class="qrline"', svg.text)
    assert path is not None and (path[1] or path[2]) in made.svg_inline(border=4)


@pytest.mark.parametrize("kind", ["poster", "card"])
@pytest.mark.parametrize("lang", LANGS)
def test_a_sheet_is_whole_in_its_language_and_holds_that_same_code(
    office: Office, manager: Browser, kind: str, lang: str
) -> None:
    response = manager.get(f"{PAGE}/{lang}/{kind}")
    words = office.library.campaigns.by_code["dads26"].words[lang]
    page = unescape(response.text)
    assert f'<html lang="{lang}"' in page and words.title in page and words.lead in page
    assert f"{URL.removeprefix('http://')}/dads26" in page.replace("\u200b", "")
    drawn = re.search(r' d="(M[^"]+)"/></svg></div>', response.text)
    assert drawn is not None
    assert drawn[1] in segno.make(f"{URL}/c/dads26/{lang}", error="q", micro=False).svg_inline(border=4)
    assert office.library.strings.get("campaign.scan", lang) in page
    assert ">999<" in response.text
    assert (office.library.strings.get("pages.machine_draft", lang) in page) == (lang != "en")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<script" not in response.text and "style=" not in response.text
    assert ("campaigns.print", f"dads26 {lang} {kind}") in audit(office)


@pytest.mark.parametrize("path", ["/staff/campaigns/gone26", f"{PAGE}/xx/poster", f"{PAGE}/en/flyer", f"{PAGE}/en/..%2fposter"])
def test_what_is_not_there_is_not_found(manager: Browser, path: str) -> None:
    assert manager.get(path).status_code == 404


def test_staff_of_another_area_see_neither_its_campaigns_nor_its_links(office: Office, manager: Browser) -> None:
    manager.post(f"{PAGE}/links", text="Nurses of the north")
    (link,) = links(office)
    theirs = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=("manager",)))
    assert "Nurses of the north" not in theirs.get(PAGE).text
    assert f"-{link.suffix}" not in theirs.get(f"{PAGE}/en/poster", link=link.suffix).text
    assert theirs.post(f"{PAGE}/links/{link.id}/end").status_code == 404
    assert links(office)[0].ended_at is None
    campaign = office.library.campaigns.by_code["dads26"]
    object.__setattr__(campaign, "area", AREA)
    try:
        assert theirs.get(PAGE).status_code == 404
        assert theirs.post(f"{PAGE}/links", text="Mine").status_code == 404
        assert "dads26" not in theirs.get("/staff/campaigns").text
        assert manager.get(PAGE).status_code == 200
    finally:
        object.__setattr__(campaign, "area", None)


def test_another_campaign_s_link_is_not_ended_from_here(office: Office, manager: Browser) -> None:
    manager.post("/staff/campaigns/hello26/links", text="Libraries")
    (link,) = links(office)
    assert manager.post(f"{PAGE}/links/{link.id}/end").status_code == 404
    assert links(office)[0].ended_at is None
