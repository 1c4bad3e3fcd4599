"""The staff's pages of insight: published figures alone, by role and by area, as tables, pictures and files."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot.console import routes
from bot.console.bars import Bar, bars
from bot.console.insight_sheets import PAGES, Sheet
from bot.storage.tables import StaffAudit
from tests.console.insight_support import OVERVIEW, as_one
from tests.console.support import AREA, ELSEWHERE, Browser, Office, text_of


@pytest.fixture(scope="module")
def commissioner(counted: Office) -> Browser:
    return as_one(counted, "Cora", "commissioner")


def numbers(page: str) -> set[str]:
    """Every whole number in the cells of a page's tables of figures."""
    return set(re.findall(r"<td>(\d+)</td>", page))


def test_before_a_month_is_over_there_is_nothing_to_see(office: Office) -> None:
    page = as_one(office, "Cora", "commissioner").get(OVERVIEW)
    assert page.status_code == 200 and "There are no figures yet" in page.text


def test_a_commissioner_sees_every_page_and_nothing_of_parents_cases_or_content(commissioner: Browser) -> None:
    for page in ("", *(f"/{name}" for name in PAGES)):
        assert commissioner.get(f"{OVERVIEW}{page}", month="2025-06").status_code == 200
    for path in ("/staff", "/staff/questions", "/staff/campaigns", "/staff/directory", "/staff/rota", "/staff/accounts"):
        assert commissioner.get(path).status_code == 403, path


def test_every_number_shown_is_ten_or_more_and_goes_by_fives(commissioner: Browser) -> None:
    for name in ("reach", "topics", "cases", "series"):
        page = commissioner.get(f"{OVERVIEW}/{name}", month="2025-06").text
        shown = numbers(page.replace("<td>0123456789abcdef</td>", ""))
        assert all(int(number) >= 10 and int(number) % 5 == 0 for number in shown), (name, shown)
    reach = text_of(commissioner.get(f"{OVERVIEW}/reach", month="2025-06").text)
    assert "Dad" in reach and "A grandparent under 10" in reach


def test_a_picture_stands_beside_its_table_and_says_what_it_is(commissioner: Browser) -> None:
    page = commissioner.get(f"{OVERVIEW}/reach", month="2025-06").text
    pictures = re.findall(r"<svg class=\"bars\".*?</svg>", page, re.S)
    assert len(pictures) == page.count("<table>") == len(PAGES["reach"])
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        first, second = root.attrib["aria-labelledby"].split()
        assert [child.attrib["id"] for child in list(root)[:2]] == [first, second] and root.attrib["role"] == "img"
        assert "style=" not in picture and "<script" not in picture


def test_gaps_tell_what_the_directory_holds_and_every_table_can_be_taken_out(counted: Office, commissioner: Browser) -> None:
    page = commissioner.get(f"{OVERVIEW}/gaps", month="2025-06").text
    assert "Baby and toddler groups" in page and "2025-Q2" in page and "Other places" in page
    links = re.findall(r'href="([^"]+\.csv[^"]*)"', page)
    assert len(links) >= 3
    for link in links:
        response = commissioner.get(link.replace("&amp;", "&"))
        rows = list(csv.reader(io.StringIO(response.text.removeprefix("\ufeff"))))
        assert response.headers["content-type"].startswith("text/csv") and rows[0][-2:] == ["area", "period"] and len(rows) > 1
        assert "attachment" in response.headers["content-disposition"] and response.headers["cache-control"] == "no-store"
    with counted.services.database.read() as session:
        actions = session.scalars(select(StaffAudit.action).where(StaffAudit.staff_id == commissioner.staff_id)).all()
    assert actions.count("insight.file") >= len(links) and "insight.view" in actions


def test_staff_of_an_area_see_its_figures_whatever_they_ask_for(counted: Office, commissioner: Browser) -> None:
    own = commissioner.get(f"{OVERVIEW}/reach", month="2025-06").text
    assert commissioner.get(f"{OVERVIEW}/reach", month="2025-06", area=ELSEWHERE).text == own
    everywhere = as_one(counted, "Eve", "commissioner", area=None)
    overview = everywhere.get(OVERVIEW, month="2025-06").text
    assert f'<option value="{AREA}">{counted.services.teams[AREA].name}</option>' in overview
    theirs = numbers(everywhere.get(f"{OVERVIEW}/reach", month="2025-06", area=ELSEWHERE).text)
    assert theirs != numbers(own)
    both = everywhere.get(f"{OVERVIEW}/reach", month="2025-06").text
    assert "the sum of what is shown of each" in both and max(map(int, numbers(both))) > max(map(int, numbers(own)))


@pytest.mark.parametrize("path", ["/nothing", "/reach/nothing.csv", "/nothing/topic.csv"])
def test_what_is_not_there_is_not_found(commissioner: Browser, path: str) -> None:
    assert commissioner.get(f"{OVERVIEW}{path}").status_code == 404


def test_a_month_that_is_not_over_is_not_shown(commissioner: Browser) -> None:
    page = commissioner.get(f"{OVERVIEW}/reach", month="2025-07").text
    assert "<option>2025-07" not in page and "<option selected>2025-06" in page


def test_no_spreadsheet_runs_a_cell() -> None:
    text = Sheet("x", "X", "2025-06", ("Place", "People"), (("=1+1", "15"), ("@here", "under 10"))).as_csv("=area")
    assert "'=1+1,15,'=area,2025-06" in text and "'@here" in text


def test_hostile_words_stay_words_in_a_picture() -> None:
    drawn = bars("k", "<b>", '"', (Bar("<script>", 5, "&"), Bar("long " * 20, None, "under 10"), Bar("none", 0, "0")))
    root = ElementTree.fromstring(str(drawn))
    assert "<script>" not in drawn and len(root.findall("rect")) == 1
    assert ElementTree.fromstring(str(bars("k", "t", "d", ()))).attrib["viewBox"].endswith(" 0")


def test_the_return_says_what_is_held_and_what_is_not(commissioner: Browser) -> None:
    page = text_of(commissioner.get(f"{OVERVIEW}/return", month="2025-06").text)
    assert "Infant feeding support" in page and "Wren does not hold" in page and "Waiting times of services" in page


def test_reach_stands_against_births_where_the_owner_gives_them(counted: Office, tmp_path: Path) -> None:
    file = tmp_path / "births.csv"
    file.write_text(f"area,year,births\n{AREA},2024,200\n", encoding="utf-8")
    services = replace(counted.services, settings=counted.services.settings.model_copy(update={"births_file": file}))
    office = replace(counted, services=services, app=Starlette(routes=routes(services)))
    page = text_of(as_one(office, "Bea", "manager").get(f"{OVERVIEW}/reach", month="2025-06").text)
    row = re.search(rf"Per 100 births {AREA} (\d+) 200 2024 (\d+)", page)
    assert row is not None and int(row[2]) == round(int(row[1]) / 2)
