"""The list of who was forgotten: on the disk before the erasure is, unreadable, and good for the day an older copy comes back."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.people.forgotten import ERASE, FORGET, ForgottenList, Line, forget_listed, read_list
from bot.people.tombstones import of_receipt, receipt_hash
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Case, Inbox, Outbox, Person, PersonAddress, Tombstone, now
from tests.storage.support import add_message, add_outgoing, add_person

NUMBER = "447700900001"
LATER = timedelta(days=700)


def somebody(database: Database, keyring: Keyring, value: str = NUMBER) -> Person:
    with database.write() as session:
        person, address = add_person(session, keyring, value=value)
        add_message(session, keyring, person, address, "my secret")
        add_outgoing(session, person, address)
        return person


def listed(path: Path) -> list[Line]:
    return read_list(path)[0]


def test_a_line_says_nothing_to_whoever_has_no_key_and_is_its_owner_s_alone(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    path, person = tmp_path / "state" / "forgotten.log", somebody(database, keyring)
    person.receipt = receipt_hash(keyring, "K7QM-2XRD")
    ForgottenList(path, keyring).add(FORGET, person, now() + LATER)
    text = path.read_text(encoding="utf-8")
    assert NUMBER not in text and person.pseudonym not in text and "K7QM" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with database.write() as session:
        assert forget_listed(session, Keyring([new_key()]), listed(path)) == 0


def test_whom_it_names_is_forgotten_again_with_receipt_and_tombstone_and_nobody_else(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    path, person, other = tmp_path / "list", somebody(database, keyring), somebody(database, keyring, "447700900002")
    person.receipt = receipt_hash(keyring, "K7QM-2XRD")
    ForgottenList(path, keyring).add(FORGET, person, now() + LATER)
    with database.write() as session:
        assert forget_listed(session, keyring, listed(path)) == 1
        assert forget_listed(session, keyring, listed(path)) == 0, "once is enough"
    with database.read() as session:
        assert session.get_one(Person, person.id).forgotten_at is not None
        assert session.get_one(Person, other.id).forgotten_at is None
        assert session.scalars(select(Outbox.person_id)).all() == [other.id]
        assert session.scalars(select(Inbox.person_id).where(Inbox.open == 1)).all() == [other.id]
        assert of_receipt(session, keyring, "k7qm 2xrd") is not None
        assert len(session.scalars(select(Tombstone)).all()) == 1


def test_an_erased_person_goes_with_every_case(database: Database, keyring: Keyring, tmp_path: Path) -> None:
    path, person = tmp_path / "list", somebody(database, keyring)
    with database.write() as session:
        address = session.scalars(select(PersonAddress.id).where(PersonAddress.person_id == person.id)).one()
        session.add(
            Case(
                person_id=person.id,
                area_id="demonstration",
                address_id=address,
                channel="telegram",
                language="en",
                level="urgent",
                rank=1,
            )
        )
    book = ForgottenList(path, keyring)
    book.add(FORGET, person, now() + LATER)
    book.add(ERASE, person, now() + LATER)
    with database.write() as session:
        assert forget_listed(session, keyring, listed(path)) == 1
    with database.read() as session:
        assert session.scalars(select(Person.id)).all() == [] and session.scalars(select(Case.id)).all() == []


def test_whoever_came_back_as_somebody_new_before_the_copy_is_left_alone(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    """The same telephone number, and even the same row number: another person by their pseudonym."""
    path, person = tmp_path / "list", somebody(database, keyring)
    ForgottenList(path, keyring).add(FORGET, person, now() + LATER)
    with database.write() as session:
        session.get_one(Person, person.id).pseudonym = "P-NEWNEW"
        assert forget_listed(session, keyring, listed(path)) == 0


def test_a_torn_last_line_costs_that_line_alone_and_the_next_begins_anew(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    path, people = tmp_path / "list", [somebody(database, keyring, f"44770090000{number}") for number in range(3)]
    book = ForgottenList(path, keyring)
    book.add(FORGET, people[0], now() + LATER)
    book.add(FORGET, people[1], now() + LATER)
    path.write_bytes(path.read_bytes()[:-20])
    assert (len(listed(path)), read_list(path)[1]) == (1, 1)
    book.add(FORGET, people[2], now() + LATER)
    assert (len(listed(path)), read_list(path)[1]) == (2, 1)
    with database.write() as session:
        assert forget_listed(session, keyring, listed(path)) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b"[]\n",
        b'{"act":"forget"}\n',
        b'{"act":"burn","who":"a","at":"","until":"2030-01-01T00:00:00+00:00","receipt":null}\n',
    ],
)
def test_what_is_no_line_is_counted_and_harms_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "list").write_bytes(text)
    assert read_list(tmp_path / "list")[0] == []


def test_lines_that_have_had_their_time_go_with_the_next_erasure(
    database: Database, keyring: Keyring, tmp_path: Path, at: Callable[[datetime], None]
) -> None:
    path, people = tmp_path / "list", [somebody(database, keyring, f"44770090000{number}") for number in range(3)]
    book = ForgottenList(path, keyring)
    book.add(FORGET, people[0], now() + timedelta(days=10))
    book.add(FORGET, people[1], now() + timedelta(days=30))
    at(now() + timedelta(days=20))
    book.add(FORGET, people[2], now() + timedelta(days=30))
    assert len(listed(path)) == 2
    assert [one.name for one in tmp_path.iterdir() if "list" in one.name] == ["list"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_writers_lose_no_line_even_while_old_ones_go(keyring: Keyring, tmp_path: Path) -> None:
    path, many = tmp_path / "list", 8

    def write(number: int) -> None:
        for turn in range(10):
            until = now() + (timedelta(seconds=-1) if turn % 3 == 0 else LATER)
            ForgottenList(path, keyring).add(FORGET, Person(id=number * 100 + turn, pseudonym="P-A"), until)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(many)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    lines, torn = read_list(path)
    lasting = {line.who for line in lines if datetime.fromisoformat(line.until) > now()}
    assert torn == 0 and len(lasting) == many * 6


def test_where_the_list_cannot_be_written_nothing_is_added_silently(keyring: Keyring, tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    with pytest.raises(OSError):
        ForgottenList(tmp_path / "list", keyring).add(FORGET, Person(id=1, pseudonym="P-A"), now() + LATER)
