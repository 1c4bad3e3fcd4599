"""Taking a person's next message: a committed lease with a token, never a held lock.

The earliest open message of a person is the only one that may be taken, and only while nobody else's lease on it runs, so one
person's messages are handled in order, one at a time, by any number of workers, and different people's side by side.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, or_, select, true, update
from sqlalchemy.orm import Session, aliased

from bot.messages import MessageClass
from bot.storage.tables import Inbox, Outbox, now


class Fenced(Exception):
    """Another worker has taken the work over; what this one did must not be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to finish one row."""

    row_id: int
    token: str


def claimable(table: type[Inbox] | type[Outbox], moment: datetime) -> Select[int]:
    """Ids of rows that may be taken at `moment`: open, unleased, and no earlier open row of the same person.

    In the outbox a message waits only for those that are as urgent as itself: safety words never stand behind a reply that the
    provider has put off, nor a reply behind something unasked that waits for the morning.
    """
    earlier = aliased(table)
    free: ColumnElement[bool] = or_(table.lease_until.is_(None), table.lease_until < moment)
    in_front = and_(earlier.person_id == table.person_id, earlier.open == 1, earlier.id < table.id)
    as_urgent = _urgency(earlier) <= _urgency(table) if table is Outbox else true()
    return (
        select(table.id).where(table.open == 1, free, ~select(earlier.id).where(in_front, as_urgent).exists()).order_by(table.id)
    )


def _urgency(outbox: Any) -> ColumnElement[int]:
    """0 for safety, 1 for what answers the parent, 2 for what nobody waits for."""
    return case(
        (outbox.message_class == MessageClass.SAFETY.value, 0),
        (outbox.message_class.in_([MessageClass.REPLY.value, MessageClass.PRACTITIONER.value]), 1),
        else_=2,
    )


def claim(session: Session, table: type[Inbox] | type[Outbox], limit: int, seconds: float, *also: Any) -> list[Lease]:
    """Lease up to `limit` rows for `seconds`. Commit before working on them."""
    moment = now()
    query = claimable(table, moment).where(*also).limit(limit)
    if session.get_bind().dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True, of=table)
    ids: Sequence[int] = session.scalars(query).all()
    leases = [Lease(id_, secrets.token_hex(12)) for id_ in ids]
    for lease in leases:
        session.execute(
            update(table)
            .where(table.id == lease.row_id)
            .values(lease_token=lease.token, lease_until=moment + timedelta(seconds=seconds), attempts=table.attempts + 1)
        )
    return leases


def finish(session: Session, table: type[Inbox] | type[Outbox], lease: Lease, **values: Any) -> None:
    """Bring the row to a final state, if the lease is still ours. Raises `Fenced` if it is not."""
    done = session.execute(
        update(table)
        .where(table.id == lease.row_id, table.lease_token == lease.token, table.open == 1)
        .values(open=0, lease_until=None, **values)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Fenced(lease.row_id)


def let_go(session: Session, table: type[Inbox] | type[Outbox], lease: Lease, **values: Any) -> None:
    """Give the row back before its lease ends, if it is still ours."""
    session.execute(
        update(table)
        .where(table.id == lease.row_id, table.lease_token == lease.token, table.open == 1)
        .values(lease_until=None, lease_token=None, **values)
    )
