"""How many came by a campaign and by its links: nothing that the tables of insight do not tell, and nobody in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.insight import campaigns, disclosure
from bot.insight.collect import whole_months
from bot.insight.days import months_of
from bot.insight.disclosure import FEW, HELD, UNADDED, known, publish_parts
from bot.insight.tables import month_tables
from bot.storage.engine import Database
from tests.insight.attack import read_links
from tests.insight.simulate import AREAS, RARE_LINK, RUNNING, Plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.draw(900, seed=3)


def test_a_campaign_s_month_is_the_sum_of_what_is_shown_of_each_area(year: Database) -> None:
    with year.read() as session:
        months = campaigns.by_month(session, "hello26")
        assert [month for month, _ in months] == whole_months(session)[:12]
        for month, one in months:
            areas = [month_tables(session, area, month)["people:arrival"].get("campaign:hello26", FEW) for area in AREAS]
            numbers = [part for part in areas if isinstance(part, int)]
            assert one == (sum(numbers) if numbers else UNADDED)
        newest, named = campaigns.last_month(session)
        assert (newest, named.get("hello26", UNADDED)) == months[0]
    assert any(isinstance(one, int) for _, one in months)


def test_links_are_told_by_whole_quarters_and_fit_what_was_simulated(plan: Plan, year: Database) -> None:
    truth, numbers = plan.by_link(), 0
    with year.read() as session:
        for campaign in RUNNING:
            quarters = campaigns.by_link(session, campaign)
            assert list(quarters) == ["2025-Q4", "2025-Q3", "2025-Q2", "2025-Q1"]
            for quarter, links in quarters.items():
                assert links.get(RARE_LINK, HELD) is HELD
                for suffix, one in links.items():
                    number = sum(truth[campaign, suffix, month] for month in months_of(quarter))
                    assert known(one).low <= number <= known(one).high
                    numbers += isinstance(one, int)
    assert numbers


def test_no_link_tells_of_a_small_group_of_its_campaign(year: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attacked(year) == []
    monkeypatch.setattr(campaigns, "_least", lambda *_: 1_000_000)
    with year.read() as session:  # what the rule holds back would be shown
        bare = [one for code in RUNNING for links in campaigns.by_link(session, code).values() for one in links.values()]
    monkeypatch.undo()
    with year.read() as session:
        kept = [one for code in RUNNING for links in campaigns.by_link(session, code).values() for one in links.values()]
    assert sum(isinstance(one, int) for one in bare) > sum(isinstance(one, int) for one in kept)


def attacked(database: Database) -> list[object]:
    groups: list[object] = []
    with database.read() as session:
        for campaign in RUNNING:
            for quarter, links in campaigns.by_link(session, campaign).items():
                months = [
                    [month_tables(session, area, month)["people:arrival"] for area in AREAS] for month in months_of(quarter)
                ]
                reader = read_links(links, months, campaign)
                hidden = {
                    f"campaign {number} {place}": {campaign: table.get(f"campaign:{campaign}", FEW)}
                    for number, areas in enumerate(months)
                    for place, table in enumerate(areas)
                }
                groups += reader.finds({**hidden, "links": links})
    return groups


def test_a_link_that_says_more_than_its_campaign_tells_who_is_hidden() -> None:
    """20 by a link in a quarter of which one month shows 10 and the only other one "under 10": 6 to 9 came in that."""
    reader = read_links({"a2a2": 20}, [[{"campaign:hello26": 10}], [{}]], "hello26")
    assert list(reader.finds({"campaign 1 0": {"hello26": FEW}}))
    shown = publish_parts({"a2a2": 20}, least=disclosure.known(10).low)
    assert shown == {"a2a2": HELD}
    mended = read_links(shown, [[{"campaign:hello26": 10}], [{}]], "hello26")
    assert not list(mended.finds({"campaign 1 0": {"hello26": FEW}}))


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40)), st.integers(0, 120))
def test_parts_never_tell_of_more_than_their_group(counts: dict[str, int], least: int) -> None:
    shown = publish_parts(counts, least)
    assert set(shown) == set(counts) and FEW not in shown.values()
    assert sum(known(one).low for one in shown.values()) <= least
    assert all(known(one).low <= counts[part] <= known(one).high for part, one in shown.items())
