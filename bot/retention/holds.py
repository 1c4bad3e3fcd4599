"""What keeps a case from being deleted: legal holds, and decisions to keep it until a day. Functions take an open session and never commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from bot.storage.tables import Case, CaseHold, now


def running(moment: datetime) -> ColumnElement[bool]:
    """Whether a hold keeps its case at `moment`."""
    return CaseHold.lifted_at.is_(None) & or_(CaseHold.until.is_(None), CaseHold.until > moment)


def held_cases(moment: datetime) -> Select[int]:
    """The ids of cases that must not be deleted."""
    return select(CaseHold.case_id).where(running(moment))


def held_people(moment: datetime) -> Select[int]:
    """The ids of people of whom nothing must be deleted by age: a case of theirs is held."""
    return select(Case.person_id).where(Case.id.in_(held_cases(moment)))


def of_case(session: Session, case_id: int) -> Sequence[CaseHold]:
    """Every hold that a case ever had, newest first."""
    return session.scalars(select(CaseHold).where(CaseHold.case_id == case_id).order_by(CaseHold.id.desc())).all()


def legal_hold(session: Session, case_id: int) -> CaseHold | None:
    """The legal hold on a case, if there is one."""
    query = select(CaseHold).where(CaseHold.case_id == case_id, CaseHold.until.is_(None), CaseHold.lifted_at.is_(None))
    return session.scalars(query.limit(1)).first()


def put(session: Session, case_id: int, staff_id: int, sealed: bytes, *, until: datetime | None = None) -> CaseHold:
    """Keep a case: `until` a moment, or without one until the hold is lifted. `sealed` is why, encrypted."""
    hold = CaseHold(case_id=case_id, staff_id=staff_id, sealed=sealed, until=until)
    session.add(hold)
    return hold


def lift(hold: CaseHold, staff_id: int, sealed: bytes) -> None:
    """The case is kept by this hold no longer. `sealed` is why, encrypted."""
    hold.lifted_at, hold.lifted_by, hold.lifted_sealed = now(), staff_id, sealed
