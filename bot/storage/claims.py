"""Taking a person's next message: a committed lease with a token, never a held lock.

The earliest open message of a person is the only one that may be taken, and only while nobody else's lease on it runs, so one
person's messages are handled in order, one at a time, by any number of workers, and different people's side by side.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Select, Table, Update, and_, bindparam, case, literal, or_, select, true, update
from sqlalchemy.orm import Session, aliased

from bot.messages import MessageClass
from bot.storage.tables import AlarmRow, Inbox, Outbox, now

_MORE = select(Inbox.id).where(Inbox.person_id == bindparam("person"), Inbox.open == 1).limit(1)


_OPEN: ColumnElement[int] = literal(1, Integer(), literal_execute=True)
"""Written out, not bound, so that the indexes of open rows alone may be used."""

_SERIES, _BULK = (literal(one.value, literal_execute=True) for one in (MessageClass.SERIES, MessageClass.BULK))
ASKED = and_(Outbox.message_class != _SERIES, Outbox.message_class != _BULK)
"""What somebody waits for or must know. Claimed apart from the rest, so that a million that nobody waits for are not even looked at."""

UNASKED = or_(Outbox.message_class == _SERIES, Outbox.message_class == _BULK)

Leased = type[Inbox] | type[Outbox] | type[AlarmRow]
"""Tables whose rows are leased."""


class Fenced(Exception):
    """Another worker has taken the work over; what this one did must not be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to finish one row."""

    row_id: int
    token: str


@lru_cache(maxsize=8)
def _claimable(table: type[Inbox] | type[Outbox], for_update: bool) -> Select[int]:
    """Ids of rows that may be taken at `:moment`, at most `:most`: open, unleased, and no earlier open row of the same person.

    In the outbox a message waits only for those that are as urgent as itself: safety words never stand behind a reply that the
    provider has put off, nor a reply behind something unasked that waits for the morning. Built once: putting the statement
    together takes longer than running it.
    """
    earlier = aliased(table)
    moment = bindparam("moment", type_=table.lease_until.type)
    free: ColumnElement[bool] = or_(table.lease_until.is_(None), table.lease_until < moment)
    in_front = and_(earlier.person_id == table.person_id, earlier.open == _OPEN, earlier.id < table.id)
    as_urgent = _urgency(earlier) <= _urgency(table) if table is Outbox else true()
    query = (
        select(table.id)
        .where(table.open == _OPEN, free, ~select(earlier.id).where(in_front, as_urgent).exists())
        .order_by(table.id)
        .limit(bindparam("most", type_=Integer))
    )
    return query.with_for_update(skip_locked=True, of=table) if for_update else query


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
    query = _claimable(table, session.get_bind().dialect.name == "postgresql")
    if also:
        query = query.where(*also)
    ids: Sequence[int] = session.scalars(query, {"moment": moment, "most": limit}).all()
    return take(session, table, ids, seconds)


def take(session: Session, table: Leased, ids: Sequence[int], seconds: float) -> list[Lease]:
    """Lease rows that the caller has found free and locked."""
    leases = [Lease(id_, secrets.token_hex(12)) for id_ in ids]
    if leases:
        until = now() + timedelta(seconds=seconds)
        session.connection().execute(
            _take(_rows(table)), [{"row": lease.row_id, "token": lease.token, "until": until} for lease in leases]
        )
    return leases


def _rows(table: Leased) -> Table:
    return cast(Table, cast(Any, table).__table__)


@lru_cache(maxsize=4)
def _take(rows: Table) -> Update:
    return (
        update(rows)
        .where(rows.c.id == bindparam("row"))
        .values(lease_token=bindparam("token"), lease_until=bindparam("until"), attempts=rows.c.attempts + 1)
    )


def more_of(session: Session, person_id: int) -> bool:
    """Whether a person has further messages to be taken up."""
    return session.scalar(_MORE, {"person": person_id}) is not None


def finish(session: Session, table: Leased, lease: Lease, **values: Any) -> None:
    """Bring the row to a final state, if the lease is still ours. Raises `Fenced` if it is not."""
    if _held(session, table, lease, open=0, lease_until=None, **values) != 1:
        raise Fenced(lease.row_id)


def let_go(session: Session, table: Leased, lease: Lease, **values: Any) -> None:
    """Give the row back before its lease ends, if it is still ours."""
    _held(session, table, lease, lease_until=None, lease_token=None, **values)


def _held(session: Session, table: Leased, lease: Lease, **values: Any) -> int:
    """Write to the row while the lease is ours; returns how many rows that was."""
    session.flush()
    new = {f"new_{name}": value for name, value in values.items()}
    done = session.connection().execute(
        _write_held(_rows(table), tuple(values)), {"row": lease.row_id, "token": lease.token, **new}
    )
    return done.rowcount


@lru_cache(maxsize=64)
def _write_held(rows: Table, names: tuple[str, ...]) -> Update:
    return (
        update(rows)
        .where(rows.c.id == bindparam("row"), rows.c.lease_token == bindparam("token"), rows.c.open == 1)
        .values({name: bindparam(f"new_{name}", type_=rows.c[name].type) for name in names})
    )
