"""Cases: opened by a worry or a request, claimed by one practitioner, answered, closed. Every step is an event.

All functions take an open writing session; the caller commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.handoff.hours import Team
from bot.storage.crypto import Keyring
from bot.storage.tables import Case, CaseEvent, Staff, now

RANK = {"emergency": 0, "urgent": 1, "concern": 2, "none": 2}
"""Place in the queue by level; a case that a parent asked for stands with the concerns."""

OUTCOMES = ("answered", "signposted", "referred", "safeguarding", "welfare-check", "no-reply", "not-needed")


class NotClaimed(Exception):
    """The case is held by somebody else or is closed; `holder` is their first name, if any."""

    def __init__(self, holder: str | None) -> None:
        self.holder = holder
        super().__init__(f"the case is held by {holder}" if holder else "the case is closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """What a turn may know of a person's open case."""

    id: int
    level: str
    state: str
    not_meant: bool
    staff_id: int | None
    staff_name: str | None
    staff_title: str | None
    reply_due_at: datetime | None
    claimed_at: datetime | None
    last_reply_at: datetime | None
    late_told: bool
    paused: bool


def current(session: Session, person_id: int) -> Case | None:
    """The person's case that is not closed, if any."""
    return session.scalar(select(Case).where(Case.person_id == person_id, Case.state != "closed"))


def view(session: Session, case: Case) -> CaseView:
    holder = session.get(Staff, case.staff_id) if case.staff_id else None
    return CaseView(
        id=case.id,
        level=case.level,
        state=case.state,
        not_meant=case.not_meant,
        staff_id=case.staff_id,
        staff_name=holder.first_name if holder else None,
        staff_title=holder.job_title if holder else None,
        reply_due_at=case.reply_due_at,
        claimed_at=case.claimed_at,
        last_reply_at=case.last_reply_at,
        late_told=case.late_told_at is not None,
        paused=case.paused_at is not None,
    )


def open_or_raise(
    session: Session,
    keyring: Keyring,
    *,
    person_id: int,
    area_id: str | None,
    address_id: int,
    channel: str,
    language: str,
    level: str,
    reasons: Sequence[Mapping[str, Any]],
    inbox_id: int | None,
    team: Team | None,
    topic: str | None = None,
) -> Case:
    """The person's open case, opened now or raised to `level` if that is higher; the message joins it."""
    case = current(session, person_id)
    detail = keyring.seal_json({"level": level, "reasons": list(reasons), "topic": topic})
    if case is None:
        case = Case(
            area_id=area_id,
            person_id=person_id,
            level=level,
            rank=RANK[level],
            language=language,
            channel=channel,
            address_id=address_id,
            knows_staff_id=_last_holder(session, person_id),
            reply_due_at=team.reply_due(now(), level) if team else None,
        )
        session.add(case)
        session.flush()
        session.add(CaseEvent(case_id=case.id, kind="opened", inbox_id=inbox_id, detail=detail))
        return case
    case.channel, case.address_id, case.language = channel, address_id, language
    if RANK[level] < case.rank:
        case.level, case.rank, case.not_meant = level, RANK[level], False
        due = team.reply_due(now(), level) if team else None
        if due and (case.reply_due_at is None or due < case.reply_due_at or case.first_reply_at is not None):
            case.reply_due_at, case.late_told_at = due, None  # a new promise
        session.add(CaseEvent(case_id=case.id, kind="raised", inbox_id=inbox_id, detail=detail))
    return case


def _last_holder(session: Session, person_id: int) -> int | None:
    """Who held the person's last case when it was closed."""
    closed = select(Case.staff_id).where(Case.person_id == person_id, Case.state == "closed")
    return session.scalar(closed.order_by(Case.closed_at.desc(), Case.id.desc()).limit(1))


def join(session: Session, case: Case, inbox_id: int) -> None:
    """Note that a parent's message belongs to the case."""
    session.add(CaseEvent(case_id=case.id, kind="message", inbox_id=inbox_id))


def tell(session: Session, case: Case, kind: str, detail: bytes, inbox_id: int | None, *, once: bool = False) -> None:
    """Note what the writer said for the case (`kind` is an event's); with `once`, only if no event of the kind is there yet."""
    known = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.kind == kind).limit(1)
    if not (once and session.scalar(known)):
        session.add(CaseEvent(case_id=case.id, kind=kind, inbox_id=inbox_id, detail=detail))


def not_meant(session: Session, case: Case, inbox_id: int | None) -> None:
    """The parent says it was not meant so: the case moves down the queue and stays open."""
    if not case.not_meant:
        case.not_meant = True
        case.rank = min(case.rank + 1, 3)
        session.add(CaseEvent(case_id=case.id, kind="not_meant", inbox_id=inbox_id))


def claim(session: Session, case_id: int, staff_id: int) -> Case:
    """Give the case to `staff_id`, or leave it with them. Raises `NotClaimed` if another was first or it is closed."""
    taken = session.execute(
        update(Case).where(Case.id == case_id, Case.state == "open").values(state="claimed", staff_id=staff_id, claimed_at=now())
    )
    case = session.get_one(Case, case_id, populate_existing=True)
    if taken.rowcount == 1:  # type: ignore[attr-defined]
        session.add(CaseEvent(case_id=case_id, kind="claimed", staff_id=staff_id))
        return case
    return held(session, case_id, staff_id)


def late_since(case: Case, moment: datetime) -> datetime | None:
    """When the first reply was due, if it has not come by `moment`; None for a case that is not late."""
    due = case.reply_due_at
    return due if case.first_reply_at is None and due is not None and due <= moment else None


def acknowledge(session: Session, case: Case, staff_id: int) -> bool:
    """Note that somebody has seen the case's alarm. False if that is already what happened last and the reply is not late since."""
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind != "message").order_by(CaseEvent.id.desc())
    last = session.scalars(query.limit(1)).first()
    late_at = late_since(case, now())
    if last is not None and last.kind == "acknowledged" and not (late_at is not None and last.at < late_at):
        return False
    session.add(CaseEvent(case_id=case.id, kind="acknowledged", staff_id=staff_id))
    return True


def held(session: Session, case_id: int, staff_id: int) -> Case:
    """The case, if `staff_id` holds it. Raises `NotClaimed` otherwise."""
    case = session.get_one(Case, case_id)
    if case.state != "claimed" or case.staff_id != staff_id:
        holder = session.get(Staff, case.staff_id) if case.staff_id and case.state == "claimed" else None
        raise NotClaimed(holder.first_name if holder else None)
    return case


def release(session: Session, case_id: int, staff_id: int, team: Team, *, detail: bytes | None = None) -> Case:
    """Put the case back in the queue, with a sealed note if there is one. Raises `NotClaimed` if `staff_id` does not hold it."""
    case = held(session, case_id, staff_id)
    _resumed(session, case, staff_id)
    case.state, case.staff_id, case.claimed_at = "open", None, None
    if case.last_reply_at is not None:  # the first promise was kept; whoever comes next has a time of their own
        case.reply_due_at, case.late_told_at = team.reply_due(now(), case.level), None
    session.add(CaseEvent(case_id=case_id, kind="released", staff_id=staff_id, detail=detail))
    return case


def hand_over(session: Session, case_id: int, staff_id: int, to: Staff, *, detail: bytes) -> Case:
    """Give the case that `staff_id` holds to `to`, who is taken to be there from now on. Raises `NotClaimed` if it is not theirs.

    `detail` is the event's sealed JSON: `to`, the id of the new holder, and `text`, the words for them.
    """
    case = held(session, case_id, staff_id)
    case.staff_id, case.claimed_at = to.id, now()
    session.add(CaseEvent(case_id=case_id, kind="handed_over", staff_id=staff_id, detail=detail))
    return case


def replied(session: Session, case: Case, staff_id: int, outbox_key: str) -> None:
    """Note a practitioner's reply."""
    moment = now()
    case.first_reply_at = case.first_reply_at or moment
    case.last_reply_at = moment
    session.add(CaseEvent(case_id=case.id, kind="replied", staff_id=staff_id, outbox_key=outbox_key))


def interpreter(session: Session, case: Case, staff_id: int, needed: bool) -> bool:
    """Say that the case needs an interpreter, or no longer; says whether that was news. Raises `NotClaimed` if it is closed."""
    if case.state == "closed":
        raise NotClaimed(None)
    if (case.interpreter_at is not None) == needed:
        return False
    case.interpreter_at = now() if needed else None
    kind = "interpreter_needed" if needed else "interpreter_done"
    session.add(CaseEvent(case_id=case.id, kind=kind, staff_id=staff_id))
    return True


def pause(session: Session, case_id: int, staff_id: int, paused: bool) -> bool:
    """Keep the bot quiet in this conversation, with no target for a reply, or let it answer again; says whether that was news.

    Raises `NotClaimed` if `staff_id` does not hold the case.
    """
    case = held(session, case_id, staff_id)
    if not paused:
        return _resumed(session, case, staff_id)
    if case.paused_at is not None:
        return False
    case.paused_at = now()
    session.add(CaseEvent(case_id=case.id, kind="paused", staff_id=staff_id))
    return True


def _resumed(session: Session, case: Case, staff_id: int) -> bool:
    """End a pause, if there is one: nobody may be left with neither the bot nor a person."""
    if case.paused_at is None:
        return False
    case.paused_at = None
    session.add(CaseEvent(case_id=case.id, kind="resumed", staff_id=staff_id))
    return True


def reopen(session: Session, case: Case, staff_id: int, *, detail: bytes) -> None:
    """Take up a closed case again, held by `staff_id`; `detail` is the event's sealed JSON with the reason as `text`.

    The person may have no other case that is open.
    """
    case.state, case.staff_id, case.claimed_at = "claimed", staff_id, now()
    case.outcome = case.closed_at = case.late_told_at = None
    session.add(CaseEvent(case_id=case.id, kind="reopened", staff_id=staff_id, detail=detail))


def close(session: Session, case_id: int, staff_id: int, outcome: str, *, detail: bytes | None = None) -> Case:
    """End the case with one of `OUTCOMES`. Raises `NotClaimed` if `staff_id` does not hold it, ValueError for another outcome."""
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is not an outcome")
    case = held(session, case_id, staff_id)
    _resumed(session, case, staff_id)
    case.state, case.outcome, case.closed_at = "closed", outcome, now()
    session.add(CaseEvent(case_id=case_id, kind="closed", staff_id=staff_id, detail=detail))
    return case
