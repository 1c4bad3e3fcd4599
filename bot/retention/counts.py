"""What stays of cases that are deleted: numbers without a person."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.storage.tables import Case, CaseCount
from bot.storage.upsert import insert

NO_OUTCOME = "none"


def count_cases(session: Session, case_ids: Sequence[int]) -> None:
    """Add cases that are about to go to the numbers of their month, level, language, channel and outcome. Never commits."""
    keys = ("area", "month", "level", "language", "channel", "outcome")
    for case in session.scalars(select(Case).where(Case.id.in_(case_ids))):
        replied = case.first_reply_at is not None
        minutes = int((case.first_reply_at - case.opened_at).total_seconds() // 60) if case.first_reply_at else 0
        statement = insert(session, CaseCount).values(
            area=case.area_id or "",
            month=f"{case.opened_at:%Y-%m}",
            level=case.level,
            language=case.language,
            channel=case.channel,
            outcome=case.outcome or NO_OUTCOME,
            cases=1,
            replied=int(replied),
            reply_minutes=minutes,
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=keys,
                set_={
                    "cases": CaseCount.cases + 1,
                    "replied": CaseCount.replied + int(replied),
                    "reply_minutes": CaseCount.reply_minutes + minutes,
                },
            )
        )
