"""How things stand in the store, for Prometheus: read when somebody asks, a fixed number of queries, each by an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.messages import MessageClass
from bot.signals.metrics import Gauge, Values
from bot.storage.engine import Database
from bot.storage.tables import Case, Inbox, Incident, Outbox, Pace, now
from bot.storage.troubles import going_on

LEVELS = ("emergency", "urgent", "concern", "none")
NOT_CLOSED = ("open", "claimed")
INCIDENTS_SINCE = timedelta(hours=24)


def read_gauges(database: Database) -> list[Gauge]:
    """Every gauge. Blocking. A store that cannot be read is one itself: `wren_store_up` is 0, and the others are left out."""
    moment = now()
    try:
        with database.read() as session:
            found = [gauge for read in READS for gauge in read(session, moment)]
    except SQLAlchemyError:
        found = []
    return [Gauge("wren_store_up", "Whether the store could be read.", (), {(): float(bool(found))}), *found]


def _inbox(session: Session, moment: datetime) -> list[Gauge]:
    waiting = (Inbox.open == 1, _free(Inbox, moment))
    count, oldest = session.execute(select(func.count(), func.min(Inbox.received_at)).where(*waiting)).one()
    return [
        Gauge("wren_inbox_waiting", "Messages that no worker has taken up.", (), {(): count}),
        Gauge("wren_inbox_oldest_seconds", "Age of the oldest of them.", (), {(): _age(oldest, moment)}),
    ]


def _outbox(session: Session, moment: datetime) -> list[Gauge]:
    query = (
        select(Outbox.message_class, func.count(), func.min(Outbox.created_at))
        .where(Outbox.open == 1, _free(Outbox, moment))
        .group_by(Outbox.message_class)
    )
    found = {name: (count, oldest) for name, count, oldest in session.execute(query)}
    both = {(name.value,): found.get(name.value, (0, None)) for name in MessageClass}
    counts: Values = {key: float(count) for key, (count, _) in both.items()}
    ages: Values = {key: _age(oldest, moment) for key, (_, oldest) in both.items()}
    return [
        Gauge("wren_outbox_waiting", "Messages that no sender has taken up.", ("message_class",), counts),
        Gauge("wren_outbox_oldest_seconds", "Age of the oldest of them.", ("message_class",), ages),
    ]


def _pauses(session: Session, moment: datetime) -> list[Gauge]:
    names = session.scalars(select(Pace.name).where(Pace.name.startswith("pause:"), Pace.at > moment))
    paused: Values = {(name.removeprefix("pause:"),): 1.0 for name in names}
    return [Gauge("wren_paused", "Channels on which the provider has asked for a pause.", ("channel",), paused)]


def _cases(session: Session, moment: datetime) -> list[Gauge]:
    counted = select(Case.level, Case.state, func.count()).where(Case.state.in_(NOT_CLOSED)).group_by(Case.level, Case.state)
    cases: Values = {(level, state): 0.0 for level in LEVELS for state in NOT_CLOSED}
    cases |= {(level, state): float(count) for level, state, count in session.execute(counted)}
    late = (Case.state.in_(NOT_CLOSED), Case.first_reply_at.is_(None), Case.reply_due_at <= moment)
    overdue: Values = {(level,): 0.0 for level in LEVELS}
    query = select(Case.level, func.count()).where(*late).group_by(Case.level)
    overdue |= {(level,): float(count) for level, count in session.execute(query)}
    return [
        Gauge("wren_cases", "Cases that are not closed; open means that nobody holds it.", ("level", "state"), cases),
        Gauge("wren_cases_overdue", "Cases whose first reply is past its target.", ("level",), overdue),
    ]


def _troubles(session: Session, moment: datetime) -> list[Gauge]:
    found: Values = {(one.kind, one.subject): 1.0 for one in going_on(session)}
    return [Gauge("wren_troubles", "What does not work now.", ("kind", "subject"), found)]


def _incidents(session: Session, moment: datetime) -> list[Gauge]:
    query = select(Incident.kind, func.sum(Incident.count)).where(Incident.last_at > moment - INCIDENTS_SINCE)
    counts: Values = {(kind,): float(count) for kind, count in session.execute(query.group_by(Incident.kind))}
    return [Gauge("wren_incidents", "What went wrong in the last day, by kind.", ("kind",), counts)]


READS: tuple[Callable[[Session, datetime], list[Gauge]], ...] = (_inbox, _outbox, _pauses, _cases, _troubles, _incidents)


def _free(table: type[Inbox] | type[Outbox], moment: datetime) -> ColumnElement[bool]:
    lease: Any = table.lease_until
    return or_(lease.is_(None), lease < moment)


def _age(since: datetime | None, moment: datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since is not None else 0.0
