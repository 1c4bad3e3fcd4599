"""What the nights have done and what holds keep, for staff to see. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot.retention.holds import running
from bot.storage.tables import Case, CaseHold, RetentionNight, RetentionRun


def last_runs(session: Session) -> Sequence[RetentionRun]:
    """The latest night's record of each area and kind."""
    latest = select(func.max(RetentionRun.id)).group_by(RetentionRun.area, RetentionRun.kind)
    query = select(RetentionRun).where(RetentionRun.id.in_(latest)).order_by(RetentionRun.area, RetentionRun.kind)
    return session.scalars(query).all()


def last_night(session: Session) -> datetime | None:
    """When a night was last done with, of any area."""
    return session.scalar(select(func.max(RetentionNight.ended_at)))


def running_holds(session: Session, moment: datetime, mine: ColumnElement[bool]) -> list[tuple[CaseHold, Case]]:
    """Holds that keep a case now, oldest first; `mine` is the condition on `Case` for the reader's area."""
    query = select(CaseHold, Case).join(Case, Case.id == CaseHold.case_id).where(running(moment), mine).order_by(CaseHold.id)
    return [(hold, case) for hold, case in session.execute(query)]
