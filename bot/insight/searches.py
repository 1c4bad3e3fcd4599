"""Counting searches for services at the turn, because nothing else keeps them: what for, where, in which language, with what outcome."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.insight.days import month_of
from bot.storage.tables import ServiceSearch
from bot.storage.upsert import insert

OUTCOMES = ("offered", "none", "more")
LONGEST_NEED, LONGEST_PLACE = 60, 80


def count_search(
    session: Session, *, moment: datetime, area_id: str | None, language: str, outcome: str, need: str, place: str
) -> None:
    """One person more. The caller sees to it that nobody counts twice a month for the same."""
    key = {
        "month": month_of(moment),
        "area_id": area_id or "",
        "outcome": outcome,
        "need": need[:LONGEST_NEED],
        "place": place[:LONGEST_PLACE],
        "language": language,
    }
    session.execute(
        insert(session, ServiceSearch)
        .values(**key, people=1)
        .on_conflict_do_update(index_elements=list(key), set_={"people": ServiceSearch.people + 1})
    )
