"""The engine and its transactions, times, and the notes of what went wrong. On both databases."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Area, Incident, Person, now
from tests.storage.support import add_message, add_outgoing, add_person


def test_times_come_back_in_utc_whatever_zone_they_were_given_in(database: Database, keyring: Keyring) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 0, tzinfo=timezone(timedelta(hours=5)))
    with database.write() as session:
        person, _ = add_person(session, keyring)
        person.stopped_at = moment
    with database.read() as session:
        stored = session.get_one(Person, person.id).stopped_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(database: Database, keyring: Keyring) -> None:
    with database.write() as session:
        person, _ = add_person(session, keyring)
        person.stopped_at = datetime(2026, 3, 29, 2, 30)
        with pytest.raises((StatementError, ValueError)):
            session.flush()
        session.rollback()


def test_times_compare_in_order_to_the_microsecond(database: Database, keyring: Keyring) -> None:
    base = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as session:
        for step in (2, 0, 1):
            person, _ = add_person(session, keyring)
            person.stopped_at = base + timedelta(microseconds=step)
    with database.read() as session:
        found = session.scalars(select(Person.stopped_at).where(Person.stopped_at > base).order_by(Person.stopped_at)).all()
    assert found == [base + timedelta(microseconds=1), base + timedelta(microseconds=2)]


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:

    def fail() -> None:
        with database.write() as session:
            session.add(Area(id="elsewhere", name="Elsewhere"))
            session.flush()
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as session:
        assert session.get(Area, "elsewhere") is None


def test_a_row_that_points_nowhere_is_refused(database: Database, keyring: Keyring) -> None:
    with database.write() as session:
        row = add_message(session, keyring, *add_person(session, keyring))
        row.raw_event_id = 999_999
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_deleting_a_person_deletes_what_hangs_on_them(database: Database, keyring: Keyring) -> None:
    with database.write() as session:
        person, address = add_person(session, keyring)
        add_message(session, keyring, person, address)
    with database.write() as session:
        session.execute(text("DELETE FROM person WHERE id = :id"), {"id": person.id})
        assert session.execute(text("SELECT count(*) FROM inbox")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM person_address")).scalar_one() == 0


def test_the_id_of_a_deleted_row_is_never_given_again(database: Database, keyring: Keyring) -> None:
    """Or a page that shows what came after number 7 would miss the next number 7."""
    with database.write() as session:
        person, address = add_person(session, keyring)
        ids = [
            person.id,
            address.id,
            add_message(session, keyring, person, address).id,
            add_outgoing(session, person, address).id,
        ]
    with database.write() as session:
        session.execute(text("DELETE FROM person"))
    with database.write() as session:
        person, address = add_person(session, keyring)
        again = [
            person.id,
            address.id,
            add_message(session, keyring, person, address).id,
            add_outgoing(session, person, address).id,
        ]
    assert all(later > earlier for earlier, later in zip(ids, again, strict=True))


def test_a_writer_on_sqlite_takes_the_lock_at_once(sqlite_address: str) -> None:
    database = Database(sqlite_address)
    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    with database.write() as session:
        session.execute(text("SELECT 1"))
        other = sqlite3.connect(sqlite_address.removeprefix("sqlite:///"), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    with database.read() as session:
        session.execute(text("SELECT 1"))
    assert said[0] == "BEGIN IMMEDIATE"
    assert "BEGIN" in said
    database.dispose()


def test_a_reader_on_sqlite_never_waits_for_a_writer(sqlite_address: str) -> None:
    database = Database(sqlite_address)
    with database.write() as session:
        session.add(Area(id="new", name="New"))
        session.flush()
        with database.read() as reader:
            assert reader.get(Area, "new") is None
    with database.read() as reader:
        assert reader.get(Area, "new") is not None
    database.dispose()


def test_read_then_write_in_many_threads_never_ends_in_a_lock_error(sqlite_address: str) -> None:
    database = Database(sqlite_address)
    faults: list[BaseException] = []

    def add_one() -> None:
        try:
            for _ in range(10):
                with database.write() as session:
                    area = session.get_one(Area, "demonstration")
                    area.name = str(int(area.name) + 1)
        except BaseException as error:
            faults.append(error)

    with database.write() as session:
        session.get_one(Area, "demonstration").name = "0"
    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as session:
        assert (faults, session.get_one(Area, "demonstration").name) == ([], "80")
    database.dispose()


def test_sqlite_is_opened_so_that_stored_survives_a_power_cut(sqlite_address: str) -> None:
    database = Database(sqlite_address)
    with database.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.dispose()


def test_a_database_that_cannot_be_opened_is_an_error_that_intake_knows(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'wren.sqlite3'}")
    with pytest.raises(OperationalError), database.write() as session:
        session.execute(text("SELECT 1"))


def test_an_incident_is_one_row_an_hour_that_counts(database: Database) -> None:
    for number in range(3):
        with database.write() as session:
            note_incident(session, "rasa-unavailable", f"detail {number}")
    with database.read() as session:
        (row,) = session.scalars(select(Incident)).all()
    assert (row.count, row.detail) == (3, "detail 2")
    assert row.hour == f"{now():%Y-%m-%dT%H}"
