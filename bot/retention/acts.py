"""What managers do about the keeping of a case. Each act is one transaction and audited.

Blocking: call from a thread. Every act raises `NoSuchCase` for a case that the member of staff may not see, `Refused` for no reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from bot.handoff.desk import NoSuchCase, Refused, Services, checked, may_see
from bot.retention import holds
from bot.storage.tables import Case, CaseEvent, Staff, StaffAudit


def hold_case(services: Services, case_id: int, staff_id: int, reason: str) -> None:
    """Put a legal hold on a case, for a reason: nothing of it or its parent is deleted by age until it is lifted.

    Raises `Refused` (`hold_there`) where there is one already.
    """
    sealed = services.keyring.seal_json({"text": checked(reason)})
    with open_case(services, case_id, staff_id) as (session, case):
        if holds.legal_hold(session, case.id) is not None:
            raise Refused("hold_there")
        holds.put(session, case.id, staff_id, sealed)
        note(session, case, staff_id, "held", "case.hold")


def lift_hold(services: Services, case_id: int, staff_id: int, reason: str) -> None:
    """Lift the legal hold on a case, for a reason. Raises `Refused` (`hold_none`) where there is none."""
    sealed = services.keyring.seal_json({"text": checked(reason)})
    with open_case(services, case_id, staff_id) as (session, case):
        hold = holds.legal_hold(session, case.id)
        if hold is None:
            raise Refused("hold_none")
        holds.lift(hold, staff_id, sealed)
        note(session, case, staff_id, "hold_lifted", "case.hold_lift")


@contextmanager
def open_case(services: Services, case_id: int, staff_id: int) -> Iterator[tuple[Session, Case]]:
    """A writing transaction on one case, whose row is locked."""
    with services.database.write() as session:
        case = session.get(Case, case_id, with_for_update=True)
        if case is None or not may_see(session.get_one(Staff, staff_id).area_id, case.area_id):
            raise NoSuchCase(case_id)
        yield session, case


def note(session: Session, case: Case, staff_id: int, kind: str, action: str) -> None:
    """Write an act into the case's history and into the audit."""
    session.add(CaseEvent(case_id=case.id, kind=kind, staff_id=staff_id))
    session.add(StaffAudit(staff_id=staff_id, action=action, subject=f"case:{case.id}"))
