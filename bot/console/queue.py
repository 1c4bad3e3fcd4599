"""Reading the queue: by level, then waiting time. A fixed number of queries, each by an index and with a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from bot.handoff.desk import in_area, may_see
from bot.storage.tables import Case, CaseEvent, Inbox, Person, Staff

PAGE = 50
KNOWN = 5
SHOWS = ("unclaimed", "mine", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One case in the queue."""

    id: int
    pseudonym: str
    level: str
    rank: int
    not_meant: bool
    interpreter: bool
    paused: bool
    language: str
    channel: str
    area_id: str | None
    opened_at: datetime
    reply_due_at: datetime | None
    first_reply_at: datetime | None
    last_reply_at: datetime | None
    holder_id: int | None
    holder: str | None
    knows_id: int | None = None
    knows: str | None = None
    """Who held this parent's last case, if they could hold this one."""
    wrote_at: datetime | None = None
    """When the parent last wrote something that joined the case."""

    @property
    def unanswered(self) -> bool:
        """Whether the parent has written since the last reply."""
        return self.last_reply_at is not None and self.wrote_at is not None and self.wrote_at > self.last_reply_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A page of the queue. `after` is the case id with which the next page continues, None on the last."""

    entries: tuple[Entry, ...]
    known: tuple[Entry, ...]
    """Unclaimed cases of parents whose last case the reader held, offered to them first; on the first page only."""
    after: int | None
    counts: Mapping[str, int]
    position: int


def read_queue(session: Session, *, staff_id: int, area_id: str | None, show: str, after: int | None = None) -> Queue:
    """What `staff_id` sees under `show` (one of `SHOWS`), from behind the case `after` on."""
    states = {"unclaimed": ("open",), "mine": ("claimed",), "all": ("open", "claimed")}[show]
    start = session.get(Case, after) if after else None
    found: list[Entry] = []
    for state in states:  # one query a state, because the index gives the order within a state only
        query = waiting(state, area_id, start)
        rows = session.execute(query.where(Case.staff_id == staff_id) if show == "mine" else query).all()
        found += [_entry(*row) for row in rows]
    found.sort(key=lambda entry: (entry.rank, entry.opened_at, entry.id))
    entries = _with_last_words(session, _with_who_knows(session, found[:PAGE]))
    return Queue(
        entries=tuple(entries),
        known=_known(session, staff_id, area_id) if show == "unclaimed" and start is None else (),
        after=entries[-1].id if len(found) > PAGE else None,
        counts=_counts(session, staff_id, area_id),
        position=latest_event(session),
    )


def waiting(state: str, area_id: str | None, start: Case | None = None) -> Select[Case, str, str]:
    """Cases in one state, in the queue's order, one more than a page."""
    query = (
        select(Case, Person.pseudonym, Staff.first_name)
        .join(Person, Person.id == Case.person_id)
        .outerjoin(Staff, Staff.id == Case.staff_id)
        .where(Case.state == state, in_area(Case.area_id, area_id))
        .order_by(Case.rank, Case.opened_at, Case.id)
        .limit(PAGE + 1)
    )
    if start is None:
        return query
    place = tuple_(literal(start.rank), literal(start.opened_at, Case.opened_at.type), literal(start.id))
    return query.where(tuple_(Case.rank, Case.opened_at, Case.id) > place)


def _known(session: Session, staff_id: int, area_id: str | None) -> tuple[Entry, ...]:
    """The first unclaimed cases of parents whom `staff_id` knows."""
    rows = session.execute(waiting("open", area_id).where(Case.knows_staff_id == staff_id).limit(KNOWN)).all()
    return tuple(_entry(*row) for row in rows)


def latest_event(session: Session) -> int:
    """The newest event of any case: when it is higher than it was, the queue may have changed."""
    return session.scalar(select(func.max(CaseEvent.id))) or 0


def _counts(session: Session, staff_id: int, area_id: str | None) -> dict[str, int]:
    by_state = dict.fromkeys(("open", "claimed"), 0)
    query = select(Case.state, func.count()).where(Case.state.in_(by_state), in_area(Case.area_id, area_id)).group_by(Case.state)
    by_state.update((state, count) for state, count in session.execute(query))
    mine = select(func.count()).where(Case.state == "claimed", Case.staff_id == staff_id, in_area(Case.area_id, area_id))
    return {"unclaimed": by_state["open"], "mine": session.scalar(mine) or 0, "all": sum(by_state.values())}


def _with_who_knows(session: Session, entries: list[Entry]) -> list[Entry]:
    query = select(Staff).where(
        Staff.id.in_({entry.knows_id for entry in entries if entry.knows_id}), Staff.disabled_at.is_(None)
    )
    staff = {one.id: one for one in session.scalars(query)}
    return [
        replace(entry, knows=one.first_name)
        if (one := staff.get(entry.knows_id or 0)) is not None and may_see(one.area_id, entry.area_id)
        else entry
        for entry in entries
    ]


def _with_last_words(session: Session, entries: list[Entry]) -> list[Entry]:
    query = select(Inbox.case_id, func.max(Inbox.received_at)).where(Inbox.case_id.in_([entry.id for entry in entries]))
    wrote = {row[0]: row[1] for row in session.execute(query.group_by(Inbox.case_id))}
    return [replace(entry, wrote_at=wrote.get(entry.id)) for entry in entries]


def _entry(case: Case, pseudonym: str, holder: str | None) -> Entry:
    return Entry(
        id=case.id,
        pseudonym=pseudonym,
        level=case.level,
        rank=case.rank,
        not_meant=case.not_meant,
        interpreter=case.interpreter_at is not None,
        paused=case.paused_at is not None,
        language=case.language,
        channel=case.channel,
        area_id=case.area_id,
        opened_at=case.opened_at,
        reply_due_at=case.reply_due_at,
        first_reply_at=case.first_reply_at,
        last_reply_at=case.last_reply_at,
        holder_id=case.staff_id,
        holder=holder,
        knows_id=case.knows_staff_id,
    )
