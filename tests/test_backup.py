"""A copy is made while people write, and comes back whole into an empty database, on SQLite and on PostgreSQL; else nothing is touched."""

from __future__ import annotations

import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, inspect, select, text, update

from bot.backup import Refused, back_up, restore
from bot.people.forgotten import FORGET, ForgottenList
from bot.settings import Settings
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.migrate import config, is_behind
from bot.storage.tables import Base, Inbox, Outbox, Person, Tombstone, now
from bot.storage.unfit import Unfit
from tests.storage.support import add_message, add_outgoing, add_person

KEY = new_key()
SAID: list[str] = []


def settings(address: str, folder: Path, key: str = KEY) -> Settings:
    values: dict[str, Any] = {"var_dir": folder / "var", "database_url": address, "secret_keys": key, "demonstration": False}
    return Settings.model_validate(values)


@pytest.fixture
def lived_in(database: Database) -> Database:
    """A database with people, messages, and words that wait to go out."""
    keyring = Keyring([KEY])
    with database.write() as session:
        for number in range(5):
            person, address = add_person(session, keyring)
            add_message(session, keyring, person, address, f"message {number}")
            add_outgoing(session, person, address, "reply" if number else "series")
    return database


def everything(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the app."""
    database = Database(address)
    with database.engine.connect() as connection:
        rows = {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
        }
    database.dispose()
    return rows


def tables_at(address: str) -> list[str]:
    database = Database(address)
    found = inspect(database.engine).get_table_names()
    database.dispose()
    return found


def test_a_copy_comes_back_whole(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    file, said = tmp_path / "copies.copy", []
    back_up(settings(lived_in.url, tmp_path), file, said.append)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "5 people, 5 messages" in said[0]
    before = everything(lived_in.url)
    with lived_in.write() as session:  # what comes later is not in it
        session.execute(delete(Outbox))
    restore(settings(empty_beside, tmp_path), file, said.append)
    after = everything(empty_beside)
    assert "5 people, 5 messages" in said[-1]
    for name, rows in before.items():
        if name != "outbox":
            assert after[name] == rows, name
    assert len(after["outbox"]) == len(before["outbox"])


def test_a_copy_is_made_while_people_write(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    keyring, stop, written = Keyring([KEY]), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            with lived_in.write() as session:
                person, address = add_person(session, keyring)
                add_message(session, keyring, person, address)
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written:
            stop.wait(0.01)
        back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    finally:
        stop.set()
        writer.join(30)
    restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append)
    database = Database(empty_beside)
    with database.read() as session:
        people, messages = len(session.scalars(select(Person.id)).all()), len(session.scalars(select(Inbox.id)).all())
    database.dispose()
    assert 5 < people == messages <= 5 + len(written), "each person came with their message, in one transaction"


def test_what_waited_is_marked_as_begun_so_that_nothing_unasked_goes_twice(
    lived_in: Database, empty_beside: str, tmp_path: Path
) -> None:
    with lived_in.write() as session:
        session.execute(update(Outbox).where(Outbox.id == 1).values(state="held", open=0))
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append)
    database = Database(empty_beside)
    with database.read() as session:
        assert session.scalars(select(Outbox.state).order_by(Outbox.id)).all() == ["held", *["sending"] * 4]
    database.dispose()


def test_who_asked_to_be_forgotten_before_the_copy_is_gone_from_it(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    with lived_in.write() as session:
        session.execute(update(Person).where(Person.id == 2).values(forgotten_at=now() - timedelta(days=1)))
        session.execute(update(Outbox).where(Outbox.person_id == 2).values(open=0, state="sent"))
        session.execute(update(Inbox).where(Inbox.person_id == 2).values(open=0, state="done"))
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append)
    database = Database(empty_beside)
    with database.read() as session:
        assert sorted(session.scalars(select(Person.id))) == [1, 3, 4, 5]
    database.dispose()


def test_who_asked_to_be_forgotten_after_the_copy_is_gone_from_it_by_the_lists(
    lived_in: Database, empty_beside: str, tmp_path: Path
) -> None:
    """One by this machine's list, whose last line a power cut tore, and one by another machine's."""
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    chosen, keyring = settings(empty_beside, tmp_path), Keyring([KEY])
    with lived_in.read() as session:
        here, there, torn = (session.get_one(Person, number) for number in (2, 4, 5))
    until = now() + timedelta(days=700)
    ForgottenList(chosen.forgotten_path, keyring).add(FORGET, here, until)
    ForgottenList(chosen.forgotten_path, keyring).add(FORGET, torn, until)
    chosen.forgotten_path.write_bytes(chosen.forgotten_path.read_bytes()[:-5])
    ForgottenList(tmp_path / "other", keyring).add(FORGET, there, until)
    said: list[str] = []
    restore(chosen, tmp_path / "copy", said.append, lists=[tmp_path / "other"])
    assert any("1 that cannot be read" in line for line in said) and any(line.startswith("2 people") for line in said)
    database = Database(empty_beside)
    with database.read() as session:
        assert sorted(session.scalars(select(Person.id))) == [1, 3, 5]
        assert len(session.scalars(select(Tombstone)).all()) == 2
    database.dispose()


def test_a_list_that_is_named_and_not_there_stops_the_restore_before_it_begins(
    lived_in: Database, empty_beside: str, tmp_path: Path
) -> None:
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    with pytest.raises(Refused, match="cannot be read"):
        restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append, lists=[tmp_path / "nothing"])
    assert tables_at(empty_beside) == []


def test_an_older_copy_is_brought_up_to_date(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    command.downgrade(config(lived_in.engine), "0011")
    assert is_behind(lived_in.engine)
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append)
    database = Database(empty_beside)
    assert not is_behind(database.engine)
    database.dispose()


def test_a_database_that_is_not_empty_is_never_written_over(lived_in: Database, tmp_path: Path) -> None:
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    before = everything(lived_in.url)
    with pytest.raises(Refused, match="not empty"):
        restore(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    assert everything(lived_in.url) == before


def test_a_damaged_copy_changes_nothing(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    back_up(settings(lived_in.url, tmp_path), file, SAID.append)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(Refused):
        restore(settings(empty_beside, tmp_path), file, SAID.append)
    assert tables_at(empty_beside) == []


def test_what_is_no_copy_or_of_another_kind_is_refused(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear council", encoding="utf-8")
    with pytest.raises(Refused, match="no copy"):
        restore(settings(empty_beside, tmp_path), tmp_path / "letter", SAID.append)
    other = b"PGDMP" if lived_in.is_sqlite else b"SQLite format 3\0"
    (tmp_path / "other").write_bytes(other)
    with pytest.raises(Refused, match="another kind"):
        restore(settings(empty_beside, tmp_path), tmp_path / "other", SAID.append)


def test_a_file_that_is_there_is_never_written_over_and_a_failure_leaves_none(lived_in: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("mine", encoding="utf-8")
    with pytest.raises(Refused, match="already"):
        back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    assert (tmp_path / "copy").read_text(encoding="utf-8") == "mine"
    nowhere = f"sqlite:///{tmp_path}/nothing.sqlite3" if lived_in.is_sqlite else lived_in.url + "_that_is_not_there"
    there = set(tmp_path.iterdir())
    with pytest.raises(Refused):
        back_up(settings(nowhere, tmp_path), tmp_path / "new", SAID.append)
    assert set(tmp_path.iterdir()) == there


def test_a_copy_under_other_keys_is_said_to_be_so(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    with pytest.raises(Unfit, match="WREN_SECRET_KEYS"):
        restore(settings(empty_beside, tmp_path, key=new_key()), tmp_path / "copy", SAID.append)


def test_another_programs_database_is_no_copy(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    """It would be taken in, given our tables, and called restored with nobody in it."""
    with lived_in.engine.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO somebody_elses"))
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    with pytest.raises(Refused, match="not one of Wren's"):
        restore(settings(empty_beside, tmp_path), tmp_path / "copy", SAID.append)
    assert tables_at(empty_beside) == []


def test_a_copy_by_a_link_is_read_and_the_link_is_left_alone(lived_in: Database, empty_beside: str, tmp_path: Path) -> None:
    back_up(settings(lived_in.url, tmp_path), tmp_path / "copy", SAID.append)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "copy")
    with pytest.raises(Refused, match="already"):
        back_up(settings(lived_in.url, tmp_path), link, SAID.append)
    restore(settings(empty_beside, tmp_path), link, SAID.append)
    assert link.is_symlink() and "person" in tables_at(empty_beside)
