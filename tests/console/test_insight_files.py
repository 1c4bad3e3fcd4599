"""What is really published, page against file: whoever asks for whatever, the two say the same, and neither says more than the other."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from html import unescape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.console.bars import LONGEST, WIDE
from bot.console.insight_sheets import PAGES
from tests.console.insight_support import OVERVIEW, as_one
from tests.console.support import AREA, ELSEWHERE, Browser, Office, text_of

WHO = ("manager of an area", "commissioner of an area", "commissioner", "manager and editor")
MONTHS = ("2025-01", "2025-02", "2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "nonsense")
AREAS = (AREA, ELSEWHERE, "*", "", "no-such-area")
BY_FIGURE = frozenset({"topic", "unanswered", "offered", "more"})
"""Tables with the largest first; all others have an order that is known beforehand, or that of names."""

ASKING = st.tuples(st.sampled_from(WHO), st.sampled_from(MONTHS), st.sampled_from(AREAS), st.sampled_from(tuple(PAGES)))


@dataclass(frozen=True)
class Shown:
    """One table of a page as it stands there."""

    period: str
    heads: list[str]
    rows: list[list[str]]
    total: str
    picture: str
    link: str


@pytest.fixture(scope="module")
def staff(counted: Office) -> dict[str, Browser]:
    return {
        "manager of an area": as_one(counted, "Mina", "manager"),
        "commissioner of an area": as_one(counted, "Cora", "commissioner", area=ELSEWHERE),
        "commissioner": as_one(counted, "Eve", "commissioner", area=None),
        "manager and editor": as_one(counted, "Ned", "manager", "editor", area=None),
    }


def cells(row: str) -> list[str]:
    return [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)]


def tables(page: str) -> list[Shown]:
    """The tables of a page, each with its picture and the link to its file."""
    found = []
    for section in re.findall(r"<section aria-labelledby=.*?</section>", page, re.S):
        if "<table>" not in section:
            continue
        rows = [cells(row) for row in re.findall(r"<tr>(.*?)</tr>", section.split("<tbody>")[1], re.S)]
        total = rows.pop()[1] if rows[-1][0] == "Sum of what is shown" else ""
        picture = re.search(r"<svg.*?</svg>", section, re.S)
        link = re.search(r'href="([^"]+\.csv[^"]*)"', section)
        period = re.search(r'<p class="soft">([^<]+)</p>', section)
        assert link is not None and period is not None
        heads = cells(section.split("<tbody>")[0].split("<thead>")[1])
        found.append(Shown(period[1], heads, rows, total, picture[0] if picture else "", unescape(link[1])))
    return found


def number(figure: str) -> int:
    return int(figure) if figure.isdigit() else 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ASKING)
def test_page_picture_and_file_say_the_same_and_no_more(staff: dict[str, Browser], asked: tuple[str, str, str, str]) -> None:
    who, month, area, name = asked
    browser = staff[who]
    page = browser.get(f"{OVERVIEW}/{name}", month=month, area=area)
    for one in tables(page.text):
        response = browser.get(one.link)
        heads, *rows = csv.reader(io.StringIO(response.text.removeprefix("\ufeff")))
        assert heads == [*one.heads, "area", "period"]
        assert [row[:-2] for row in rows] == one.rows, one.link  # a total is on the page alone: a file adds up by itself
        assert {row[-1] for row in rows} == {one.period}
        check_name(response.headers["content-disposition"], one)
        check_sum(one)
        check_order(one)
        check_picture(one)


def check_name(header: str, one: Shown) -> None:
    """A file's name says what is asked for, nothing of what is found."""
    key = one.link.partition(".csv")[0].rpartition("/")[2]
    places = "|".join((AREA, ELSEWHERE, "all-areas", "no-area"))
    assert re.fullmatch(rf'attachment; filename="wren-{key}-({places})-{one.period}\.csv"', header)


def check_sum(one: Shown) -> None:
    figures = [row[1] for row in one.rows]
    if one.total:
        assert number(one.total) == sum(map(number, figures)), one.link


def check_order(one: Shown) -> None:
    """Rows that show the same stand in the order of their names or one that never changes, so that it tells nothing of what is hidden."""
    key = one.link.partition(".csv")[0].rpartition("/")[2]
    figures = [number(row[1]) for row in one.rows]
    if key in BY_FIGURE:
        assert figures == sorted(figures, reverse=True), one.link
    if key == "gaps-place":
        of_need: dict[str, list[str]] = {}
        for row in one.rows:
            of_need.setdefault(row[0], []).append(row[1])
        for places in of_need.values():
            named = [place for place in places if place.startswith("ZZ")]
            assert named == sorted(named) and places[len(named) :] == ["Other places", "No place said"]


def check_picture(one: Shown) -> None:
    """A bar is as long as its figure, not as what it stands for; what is hidden has none."""
    if not one.picture:
        return
    said = [unescape(words) for words in re.findall(r"<text[^>]*>(.*?)</text>", one.picture)]
    figures = said[1::2]
    column = 1 if len(one.rows[0]) == 2 or one.link.partition("?")[0].endswith("/gaps.csv") else 2
    assert figures == [row[column] for row in one.rows]
    assert all(len(label) <= LONGEST for label in said[::2])
    longest = max(map(number, figures), default=0) or 1
    drawn = [int(width) for width in re.findall(r'<rect[^>]* width="(\d+)"', one.picture)]
    assert drawn == [max(1, round(WIDE * number(figure) / longest)) for figure in figures if number(figure)]
    assert not re.search(r"data-|<!--|style=", one.picture)


@pytest.mark.parametrize("area", [AREA, "*"])
def test_month_by_month_shows_what_each_month_s_page_does(staff: dict[str, Browser], area: str) -> None:
    browser = staff["commissioner"]
    in_all, *of_each = tables(browser.get(f"{OVERVIEW}/time", month="2025-05", area=area).text)
    assert in_all.heads[1:] == ["2025-05", "2025-04", "2025-03", "2025-02", "2025-01"]
    for place, month in enumerate(in_all.heads[1:], start=1):
        facts = re.findall(r"<dd>(.*?)</dd>", browser.get(OVERVIEW, month=month, area=area).text)
        assert [row[place] for row in in_all.rows] == facts
        pages = {
            one.link.partition(".csv")[0].rpartition("/")[2]: one.rows
            for name in ("reach", "topics", "cases")
            for one in tables(browser.get(f"{OVERVIEW}/{name}", month=month, area=area).text)
        }
        for one in of_each:
            key = one.link.partition(".csv")[0].rpartition("/")[2].removeprefix("time-")
            assert [[row[0], row[place]] for row in one.rows] == pages[key], (key, month)
    assert len(of_each) == 6


def test_pages_and_files_of_every_kind_have_been_compared(staff: dict[str, Browser]) -> None:
    """That the comparison above meets hidden figures, held totals and more than one table."""
    found = [
        one for name in PAGES for one in tables(staff["commissioner"].get(f"{OVERVIEW}/{name}", month="2025-06", area=AREA).text)
    ]
    assert {one.link.partition(".csv")[0].rpartition("/")[2] for one in found} >= {"people-role", "topic", "gaps-place", "return"}
    assert any(figure == "under 10" for one in found for row in one.rows for figure in row) and any(one.total for one in found)


def test_the_overview_shows_no_number_that_the_tables_do_not(staff: dict[str, Browser]) -> None:
    browser = staff["commissioner"]
    for area in (AREA, ELSEWHERE, "*"):
        facts = re.findall(r"<dd>(.*?)</dd>", browser.get(OVERVIEW, month="2025-05", area=area).text)
        shown = [
            one
            for name in ("reach", "topics", "cases")
            for one in tables(browser.get(f"{OVERVIEW}/{name}", month="2025-05", area=area).text)
        ]
        totals = {one.total for one in shown}
        new = sum(number(row[1]) for row in shown[0].rows if row[0] != "Wrote before this month")
        assert facts[0] in totals and facts[2] in totals and number(facts[1]) == new


def test_whoever_may_not_see_the_page_gets_no_file(counted: Office) -> None:
    for role in ("practitioner", "editor", "translator", "clinical_lead", "approver", "directory_editor", "administrator"):
        browser = as_one(counted, role.title(), role)
        assert browser.get(f"{OVERVIEW}/reach/people-role.csv").status_code == 403, role


def test_a_month_that_runs_is_in_no_file(staff: dict[str, Browser]) -> None:
    response = staff["commissioner"].get(f"{OVERVIEW}/reach/people-role.csv", month="2025-07", area=AREA)
    assert "2025-07" not in response.text and "2025-06" in text_of(response.text)
