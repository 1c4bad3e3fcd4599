"""What managers do when a parent asks to be forgotten, or for a copy, beyond what the chat does by itself.

First somebody records what was checked: that it is this parent who asks, and that it is safe. For a week after that the case may be
erased, or kept until a day for a reason, and one copy may be made. Each act is one transaction and audited. Blocking.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bot.handoff.desk import Refused, Services, checked
from bot.people import copy, forget
from bot.people.forgotten import ERASE, FORGET, ForgottenList
from bot.people.people import wipe_events
from bot.people.tombstones import bury, new_receipt, receipt_hash
from bot.retention import holds
from bot.retention.acts import note, open_case
from bot.retention.counts import count_cases
from bot.retention.schedule import Schedule
from bot.storage.tables import Case, CaseHold, Inbox, Person, RightsCheck, StaffAudit, now

IDENTITY = ("channel", "known", "document")
"""How it was made sure that it is this parent who asks: they wrote it in the chat of this case; somebody of the team who knows them spoke
with them; they showed a document. A receipt that fits is one more, which Wren checks."""

SAFE = "safe"
RECEIPT = "receipt"
CHECK_LASTS = timedelta(days=7)
LONGEST = timedelta(days=100 * 365)


class Erasing(Services, Protocol):
    """The parts of a process that forgetting needs besides."""

    @property
    def forgotten(self) -> ForgottenList: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What an act left: the receipt for the parent, None where they have had one."""

    receipt: str | None


def record_check(services: Services, case_id: int, staff_id: int, ticked: Collection[str], receipt: str) -> None:
    """Record who checked what. Raises `Refused`: `check_receipt` for a receipt that is not this parent's, `check_identity` and
    `check_safe` for what was not made sure."""
    with open_case(services, case_id, staff_id) as (session, case):
        done = [one for one in IDENTITY if one in ticked]
        if receipt.strip():
            if session.get_one(Person, case.person_id).receipt != receipt_hash(services.keyring, receipt):
                raise Refused("check_receipt")
            done.append(RECEIPT)
        if not done:
            raise Refused("check_identity")
        if SAFE not in ticked:
            raise Refused("check_safe")
        session.add(RightsCheck(case_id=case.id, staff_id=staff_id, checks=[*done, SAFE]))
        for one in (*done, SAFE):  # one line each: the audit outlives the case
            session.add(StaffAudit(staff_id=staff_id, action=f"case.check.{one}", subject=f"case:{case.id}"))


def valid_check(session: Session, case_id: int) -> RightsCheck | None:
    """The latest check of a case, if it is not too old to act on."""
    query = select(RightsCheck).where(RightsCheck.case_id == case_id, RightsCheck.at > now() - CHECK_LASTS)
    return session.scalars(query.order_by(RightsCheck.id.desc()).limit(1)).first()


def erase(services: Erasing, schedule: Schedule, case_id: int, staff_id: int) -> Forgotten:
    """Erase the parent of a case and all that is kept of them, with every case they had; numbers without a person stay.

    Raises `Refused`: `unchecked`, `erase_open` while a case is not closed, `erase_held` while one is on legal hold.
    """
    with open_case(services, case_id, staff_id) as (session, case):
        _checked(session, case)
        cases = session.scalars(select(Case).where(Case.person_id == case.person_id).with_for_update()).all()
        if any(one.state != "closed" for one in cases):
            raise Refused("erase_open")
        if any(holds.legal_hold(session, one.id) is not None for one in cases):
            raise Refused("erase_held")
        person = session.get_one(Person, case.person_id)
        left = Forgotten(receipt=_receipt(session, services, schedule, person))
        count_cases(session, [one.id for one in cases])
        wipe_events(session, Inbox.person_id == person.id)
        services.forgotten.add(ERASE, person, schedule.period("tombstones").after(now()))
        session.add(StaffAudit(staff_id=staff_id, action="case.erase", subject=f"case:{case.id}"))
        session.flush()
        session.execute(delete(Person).where(Person.id == person.id).execution_options(synchronize_session=False))
    return left


def keep(services: Erasing, schedule: Schedule, case_id: int, staff_id: int, until: datetime | None, reason: str) -> Forgotten:
    """Keep a case until a day, for a reason, and forget at once what does not belong to it; on that day it goes.

    Raises `Refused`: `unchecked`, `keep_date` for a day that is none to come, and for no reason.
    """
    words = checked(reason)
    with open_case(services, case_id, staff_id) as (session, case):
        _checked(session, case)
        if until is None or not now() < until < now() + LONGEST:
            raise Refused("keep_date")
        person = session.get_one(Person, case.person_id)
        left = Forgotten(receipt=_receipt(session, services, schedule, person))
        if person.forgotten_at is None:
            forget(session, person.id, except_inbox=0)
        earlier = (CaseHold.case_id == case.id, CaseHold.until.is_not(None), CaseHold.lifted_at.is_(None))
        sealed = services.keyring.seal_json({"text": words})
        session.execute(update(CaseHold).where(*earlier).values(lifted_at=now(), lifted_by=staff_id, lifted_sealed=sealed))
        holds.put(session, case.id, staff_id, sealed, until=until)
        note(session, case, staff_id, "kept", "case.keep")
    return left


def take_copy(services: Services, case_id: int, staff_id: int) -> dict[str, list[dict[str, Any]]]:
    """Everything that is kept of the parent of a case, once a check. Raises `Refused`: `unchecked`, `copied` for a second copy."""
    with open_case(services, case_id, staff_id) as (session, case):
        check = _checked(session, case)
        if check.copied_at is not None:
            raise Refused("copied")
        check.copied_at = now()
        note(session, case, staff_id, "copied", "case.copy")
        session.flush()
        return copy.everything(session, services.keyring, case.person_id)


def open_cases(session: Session, person_id: int) -> int:
    """How many cases of a person are not closed."""
    query = select(func.count()).select_from(Case).where(Case.person_id == person_id, Case.state != "closed")
    return session.scalar(query) or 0


def _checked(session: Session, case: Case) -> RightsCheck:
    check = valid_check(session, case.id)
    if check is None:
        raise Refused("unchecked")
    return check


def _receipt(session: Session, services: Erasing, schedule: Schedule, person: Person) -> str | None:
    """A receipt, with tombstones, for somebody who has not asked in the chat, where they would have got one."""
    if person.forgotten_at is not None:
        return None
    receipt, until = new_receipt(), schedule.period("tombstones").after(now())
    bury(session, services.keyring, person, until=until, receipt=receipt)
    services.forgotten.add(FORGET, person, until)
    return receipt
