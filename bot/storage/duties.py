"""Duties: work that one process at a time does for all, whatever number of them there is.

A duty is a row with a holder and an end. Its holder renews it; when the holder is gone, whoever looks first after the end takes it.
Two may believe that a duty is theirs for a moment (a clock that is wrong, a process that was stopped and woken), so what is done on
duty must bear being done twice: a duty saves work and keeps providers from being asked by several, it does not guard data.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from bot.storage.engine import Database
from bot.storage.tables import Duty, now
from bot.storage.upsert import insert

HELD = timedelta(seconds=30)
"""How long a duty stays with a process that is not heard of."""


class OnDuty:
    """One process's part in a duty. Blocking: call from a thread."""

    def __init__(self, database: Database, name: str, *, held: timedelta = HELD) -> None:
        self._database = database
        self._name = name
        self._held = held
        self._holder = secrets.token_hex(12)
        self._until: datetime | None = None

    def mine(self) -> bool:
        """Take the duty, keep it, or say that it is another's. Raises SQLAlchemyError, and then it is nobody's to rely on."""
        moment = now()
        if self._until is not None and moment < self._until - self._held / 2:
            return True
        self._until = None
        if self._is_anothers(moment):
            return False
        until = moment + self._held
        with self._database.write() as session:
            _make(session, self._name, moment)
            free = or_(Duty.holder == self._holder, Duty.until <= moment)
            taken = session.execute(
                update(Duty).where(Duty.name == self._name, free).values(holder=self._holder, until=until),
                execution_options={"synchronize_session": False},
            )
        if cast("CursorResult[object]", taken).rowcount != 1:
            return False
        self._until = until
        return True

    def leave(self) -> None:
        """Let another have it at once, if it is ours."""
        self._until = None
        with self._database.write() as session:
            session.execute(
                update(Duty).where(Duty.name == self._name, Duty.holder == self._holder).values(until=now()),
                execution_options={"synchronize_session": False},
            )

    def _is_anothers(self, moment: datetime) -> bool:
        """Looked at first, so that whoever waits does not write every few seconds."""
        with self._database.read() as session:
            row = session.execute(select(Duty.holder, Duty.until).where(Duty.name == self._name)).one_or_none()
        return row is not None and row.holder != self._holder and row.until > moment


def _make(session: Session, name: str, moment: datetime) -> None:
    """The duty's row, free, if it is not there yet."""
    session.execute(insert(session, Duty).values(name=name, holder="", until=moment).on_conflict_do_nothing())
