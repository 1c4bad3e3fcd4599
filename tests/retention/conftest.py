"""A database with people, cases and staff of known ages, on SQLite and PostgreSQL, and a night to delete in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.handoff.hours import Teams, load_teams
from bot.retention import holds
from bot.retention.night import Keeping, Nights
from bot.retention.schedule import Schedule, load_schedule
from bot.settings import ROOT
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Case, CaseEvent, CaseHold, Person, PersonAddress, RawEvent, Staff
from tests.storage.support import add_message, add_outgoing, add_person

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture(scope="session")
def schedule() -> Schedule:
    return load_schedule(ROOT)


@pytest.fixture(scope="session")
def teams() -> Teams:
    return load_teams(ROOT)


@dataclass
class Archive:
    """Rows of any age, and what is left of them."""

    database: Database
    keyring: Keyring
    keeping: Keeping

    def count(self, table: type[Any]) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def ids(self, table: type[Any]) -> set[int]:
        with self.database.read() as session:
            return set(session.scalars(select(table.id)))

    def add(self, *rows: Any) -> None:
        with self.database.write() as session:
            session.add_all(rows)

    def person(self, *, ago: timedelta, **values: Any) -> int:
        """Somebody last seen so long ago, of the demonstration's area."""
        with self.database.write() as session:
            person, address = add_person(session, self.keyring)
            person.last_seen_at = address.last_seen_at = NOON - ago
            for name, value in values.items():
                setattr(person, name, value)
            return person.id

    def message(self, person_id: int, *, ago: timedelta, case_id: int | None = None, open: int = 0) -> int:
        """What they wrote so long ago and what they were answered; returns the message's id."""
        with self.database.write() as session:
            person = session.get_one(Person, person_id)
            address = self._address(session, person_id)
            row = add_message(session, self.keyring, person, address)
            row.received_at, row.case_id, row.open = NOON - ago, case_id, open
            session.get_one(RawEvent, row.raw_event_id).received_at = NOON - ago
            sent = add_outgoing(session, person, address)
            sent.created_at, sent.case_id, sent.open, sent.state = NOON - ago, case_id, open, "sent"
            return row.id

    def case(self, person_id: int, *, closed: timedelta | None, area: str | None = "demonstration", **values: Any) -> int:
        """A case of theirs that was closed so long ago, with one event; None for one that is open."""
        with self.database.write() as session:
            case = Case(
                area_id=area,
                person_id=person_id,
                level="urgent",
                rank=1,
                language="en",
                channel="telegram",
                address_id=self._address(session, person_id).id,
                opened_at=NOON - (closed or timedelta()) - timedelta(days=2),
                **values,
            )
            if closed is not None:
                case.state, case.closed_at, case.outcome = "closed", NOON - closed, "answered"
            session.add(case)
            session.flush()
            session.add(CaseEvent(case_id=case.id, kind="opened"))
            return case.id

    def hold(self, case_id: int, *, until: datetime | None = None) -> int:
        with self.database.write() as session:
            hold = holds.put(session, case_id, 1, self.keyring.seal_json({"text": "a court asks"}), until=until)
            session.flush()
            return hold.id

    def lift(self, hold_id: int) -> None:
        with self.database.write() as session:
            holds.lift(session.get_one(CaseHold, hold_id), 1, self.keyring.seal_json({"text": "no more"}))

    def staff(self, username: str, **values: Any) -> int:
        with self.database.write() as session:
            row = Staff(username=username, first_name="A", job_title="B", password_hash="", **values)
            session.add(row)
            session.flush()
            return row.id

    def night(self, moment: datetime = NOON) -> None:
        """A whole night's deletions, by a process of its own."""
        Nights(self.keeping).slice(moment, seconds=60)

    @staticmethod
    def _address(session: Session, person_id: int) -> PersonAddress:
        return session.scalars(select(PersonAddress).where(PersonAddress.person_id == person_id)).one()


@pytest.fixture
def archive(database: Database, keyring: Keyring, schedule: Schedule, teams: Teams) -> Archive:
    return Archive(database, keyring, Keeping(database=database, keyring=keyring, schedule=schedule, teams=teams))
