"""How many new people came by a campaign, and by each link that somebody passes on, as it may be shown.

A campaign's month is the sum of what is shown of each area, so that it tells nothing that the tables of insight do not. Links are shown by
whole quarters, as far as together they tell of no more people than the campaign's own months do. Nothing of a running month or quarter is
shown, and no sum of all time: either would show when somebody came.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.insight.collect import whole_months
from bot.insight.days import months_of, quarter_of
from bot.insight.disclosure import FEW, Figure, known, publish_parts, total
from bot.insight.measures import CAMPAIGN
from bot.insight.tables import Table, tables_of_months
from bot.storage.tables import CampaignArrival

MONTHS = 12
QUARTERS = 4

ByMonth = dict[str, list[Table]]
"""Of each month, the tables of how people came, one an area."""


def last_month(session: Session) -> tuple[str | None, dict[str, Figure]]:
    """The newest month that may be shown, and how many came in it by each campaign that is named in it."""
    months = whole_months(session)[:1]
    if not months:
        return None, {}
    tables = _arrivals(session, months)[months[0]]
    named = {category.removeprefix(CAMPAIGN) for table in tables for category in table if category.startswith(CAMPAIGN)}
    return months[0], {campaign: _sum(tables, campaign) for campaign in named}


def by_month(session: Session, campaign: str) -> list[tuple[str, Figure]]:
    """New people by a campaign in the newest months that may be shown, newest first."""
    tables = _arrivals(session, whole_months(session)[:MONTHS])
    return [(month, _sum(of_areas, campaign)) for month, of_areas in tables.items()]


def by_link(session: Session, campaign: str) -> dict[str, dict[str, Figure]]:
    """New people by each of a campaign's links in the newest whole quarters, newest first: by quarter, then by suffix. Of a link by which
    nobody came there is nothing."""
    whole = whole_months(session)
    quarters = [quarter_of(month) for month in whole if month == months_of(quarter_of(month))[-1]][:QUARTERS]
    tables = _arrivals(session, [month for quarter in quarters for month in months_of(quarter) if month in whole])
    return {
        quarter: publish_parts(_counts(session, campaign, quarter), _least(tables, campaign, quarter)) for quarter in quarters
    }


def _arrivals(session: Session, months: Sequence[str]) -> ByMonth:
    return {month: [one["people:arrival"] for one in tables] for month, tables in tables_of_months(session, months).items()}


def _sum(tables: Sequence[Table], campaign: str) -> Figure:
    """Where a campaign is not named there were fewer than 10, perhaps nobody."""
    return total([table.get(f"{CAMPAIGN}{campaign}", FEW) for table in tables] or [FEW])


def _least(tables: ByMonth, campaign: str, quarter: str) -> float:
    """How many came by a campaign in a quarter at the least, as its months tell."""
    shown = [table.get(f"{CAMPAIGN}{campaign}", FEW) for month in months_of(quarter) for table in tables.get(month, ())]
    return sum(known(one).low for one in shown)


def _counts(session: Session, campaign: str, quarter: str) -> dict[str, int]:
    people = func.sum(CampaignArrival.people)
    query = (
        select(CampaignArrival.suffix, people)
        .where(CampaignArrival.campaign == campaign, CampaignArrival.suffix != "", CampaignArrival.month.in_(months_of(quarter)))
        .group_by(CampaignArrival.suffix)
    )
    return {suffix: int(number) for suffix, number in session.execute(query)}
