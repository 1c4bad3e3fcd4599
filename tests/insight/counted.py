"""A whole quarter that has been counted, in which people came by a campaign."""

from __future__ import annotations

from bot.insight.days import last_day, months_of
from bot.storage.engine import Database
from bot.storage.tables import CampaignArrival, InsightCount, InsightDay

QUARTER, CAMPAIGN = "2026-Q4", "dads26"
MONTH = months_of(QUARTER)[-1]


def count_quarter(database: Database, people: int, area_id: str, *, suffix: str = "", by_link: int = 0) -> None:
    """`people` came new by the campaign in the last month of the quarter, `by_link` of them by a link."""
    with database.write() as session:
        session.add_all(InsightDay(day=f"{last_day(month)}") for month in months_of(QUARTER))
        key = {"day": f"{last_day(MONTH)}", "area_id": area_id, "measure": "people:arrival"}
        session.add(InsightCount(**key, category=f"campaign:{CAMPAIGN}", number=people))
        session.add(InsightCount(**key, category="new", number=400))
        for measure, category in (
            ("people:language", "en"),
            ("people:role", "unsaid"),
            ("people:age", "unsaid"),
            ("people:channel", "webchat"),
        ):
            session.add(InsightCount(**key | {"measure": measure}, category=category, number=400 + people))
        session.add(InsightCount(**key | {"measure": "conversation:hours"}, category="open", number=400 + people))
        session.add(InsightCount(**key | {"measure": "conversation:ending"}, category="answered", number=400 + people))
        if by_link:
            session.add(CampaignArrival(campaign=CAMPAIGN, suffix=suffix, month=MONTH, people=by_link))
