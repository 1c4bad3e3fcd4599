"""Keys change while Wren runs: everything comes under the newest, whoever is killed goes on, and everybody is found as before."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.keys import report, which_may_go
from bot.messages import Address
from bot.people import find_or_create
from bot.people.tombstones import bury, quiet_until
from bot.settings import ROOT, Settings
from bot.storage.crypto import COMING, KeyMissing, Keyring, new_key, opening
from bot.storage.engine import Database
from bot.storage.reseal import reseal, sealed_columns
from bot.storage.tables import Inbox, Person, PersonAddress, now
from bot.storage.unfit import Unfit
from services_directory.freshness.links import Signer
from tests.storage.support import add_message, add_person

OLDEST, OLDER, NEWEST = new_key(), new_key(), new_key()
BY_ALL = Keyring([NEWEST, OLDER, OLDEST])
PEOPLE = 30

KILLED = """
import os, signal, sys
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.reseal import reseal

steps = []
def tell(name, number):
    steps.append(name)
    if len(steps) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

reseal(Database(sys.argv[1]), Keyring(sys.argv[2].split(",")), tell, batch=5)
"""


def quiet(name: str, number: int) -> None:
    pass


@pytest.fixture
def old_rows(database: Database) -> Database:
    """People and their messages, half of them under the oldest key and half under the next."""
    with database.write() as session:
        for number in range(PEOPLE):
            keyring = Keyring([OLDEST]) if number % 2 else Keyring([OLDER, OLDEST])
            person, address = add_person(session, keyring, value=f"parent-{number}")
            add_message(session, keyring, person, address, f"words {number}")
    return database


def sealed(database: Database) -> list[bytes]:
    """Every sealed value."""
    found: list[bytes] = []
    with database.read() as session:
        for _, column in sealed_columns():
            found += session.scalars(select(column).where(column.is_not(None), column != b""))
    return found


def words(database: Database, keyring: Keyring) -> list[str]:
    with database.read() as session:
        return [keyring.open_json(row.sealed)["text"] for row in session.scalars(select(Inbox).order_by(Inbox.id))]


def test_everything_comes_under_the_newest_key_and_says_what_it_said(old_rows: Database) -> None:
    done = reseal(old_rows, BY_ALL, quiet, batch=7)
    assert done.clean and not done.unreadable
    assert done.changed == {"person_address.sealed": PEOPLE, "raw_event.sealed": PEOPLE, "inbox.sealed": PEOPLE}
    alone = Keyring([NEWEST])
    for value in sealed(old_rows):
        alone.open(value)
    assert words(old_rows, alone) == [f"words {number}" for number in range(PEOPLE)]
    again = reseal(old_rows, BY_ALL, quiet)
    assert again.clean and again.changed == {}


def test_everybody_is_found_as_before_and_tombstones_hold_once_the_key_between_is_gone(old_rows: Database) -> None:
    address = Address(channel="telegram", kind="telegram_id", value="parent-4")
    with old_rows.write() as session:
        person = session.get_one(Person, session.scalar(select(PersonAddress.person_id).where(PersonAddress.id == 5)))
        bury(session, Keyring([OLDER, OLDEST]), person, until=now().replace(year=now().year + 2))
    reseal(old_rows, BY_ALL, quiet)
    after = Keyring([NEWEST, OLDEST])
    with old_rows.write() as session:
        found, row = find_or_create(session, after, [address], area_id=None, language="en", language_chosen=False, campaign=None)
        assert found.id == person.id and after.open(row.sealed) == "parent-4"
        assert quiet_until(session, after, [address]) is not None


def test_killed_half_way_it_leaves_nothing_unreadable_and_goes_on(old_rows: Database) -> None:
    keys = ",".join([NEWEST, OLDER, OLDEST])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.run([sys.executable, "-c", KILLED, old_rows.url, keys], cwd=ROOT, env=environment, check=False)
    assert child.returncode == -signal.SIGKILL
    alone, left = Keyring([NEWEST]), 0
    for value in sealed(old_rows):
        BY_ALL.open(value)
        left += _is_old(alone, value)
    assert 0 < left < 3 * PEOPLE, "it was killed neither before nor after its work"
    done = reseal(old_rows, BY_ALL, quiet)
    assert done.clean and sum(done.changed.values()) == left


def _is_old(newest: Keyring, value: bytes) -> bool:
    try:
        newest.open(value)
    except KeyMissing:
        return True
    return False


def test_what_changes_meanwhile_is_not_written_over(old_rows: Database) -> None:
    """A parent's address changes, and words are wiped, between our look and our write."""
    changed = BY_ALL.seal("somebody else")
    real = BY_ALL.resealed
    with old_rows.read() as session:
        first = session.get_one(PersonAddress, 1).sealed

    class Meddled(Keyring):
        begun = False

        def resealed(self, value: bytes) -> bytes | None:
            if value == first and not self.begun:  # the address's whole step has been read, and nothing of it written
                self.begun = True
                with old_rows.write() as session:
                    session.execute(update(PersonAddress).where(PersonAddress.id == 3).values(sealed=changed))
            return real(value)

    assert reseal(old_rows, Meddled([NEWEST, OLDER, OLDEST]), quiet).clean
    with old_rows.read() as session:
        assert session.get_one(PersonAddress, 3).sealed == changed


def test_what_no_key_opens_stays_and_is_told(old_rows: Database) -> None:
    foreign = Keyring([new_key()]).seal("of another installation")
    with old_rows.write() as session:
        session.execute(update(Inbox).where(Inbox.id == 2).values(sealed=foreign))
    done = reseal(old_rows, BY_ALL, quiet)
    assert done.clean and done.unreadable == {"inbox.sealed": 1}
    with old_rows.read() as session:
        assert session.get_one(Inbox, 2).sealed == foreign


def test_the_command_says_which_keys_may_go_and_never_shows_one(old_rows: Database, tmp_path: Path) -> None:
    keys = ",".join([NEWEST, OLDER, OLDEST])
    values: dict[str, Any] = {"var_dir": tmp_path / "var", "database_url": old_rows.url, "secret_keys": keys}
    chosen, out = Settings.model_validate(values), io.StringIO()
    said: list[str] = []
    assert report(chosen, old_rows, out, said.append) == 0
    assert "number 2 may be taken away" in out.getvalue() and "number 3, finds addresses" in out.getvalue()
    for key in (NEWEST, OLDER, OLDEST):
        assert key not in out.getvalue() + "".join(said)
    chosen.spool_dir.mkdir(parents=True)
    (chosen.spool_dir / "1.event").write_bytes(Keyring([OLDER]).seal("{}"))
    waiting = io.StringIO()
    assert report(chosen, old_rows, waiting, said.append) == 1
    assert "1 events wait" in waiting.getvalue() and "may be taken away on" not in waiting.getvalue()


def test_only_the_keys_between_the_first_and_the_last_are_left_over() -> None:
    assert "number 2, 3 may" in which_may_go(["a", "b", "c", "d"])
    assert which_may_go(["a", "b"]).startswith("No key is left over. The last one, number 2,")
    assert which_may_go([f"{COMING}z", "a", "b", "c"]).startswith("Of WREN_SECRET_KEYS, number 3 may")


def test_a_coming_key_opens_and_does_not_seal_or_find_so_that_machines_can_be_told_one_by_one() -> None:
    old, told, first = Keyring([OLDEST]), Keyring([f"{COMING}{NEWEST}", OLDEST]), Keyring([NEWEST, OLDEST])
    assert told.open(first.seal("new")) == "new" and first.open(told.seal("old")) == "old"
    assert old.open(told.seal("still old")) == "still old"
    assert old.lookup("a") == told.lookup("a") == first.lookup("a") and old.hashed("b", "c") == first.hashed("b", "c")
    links = Signer(opening([f"{COMING}{NEWEST}", OLDEST]))
    assert links.link_id(Signer(opening([NEWEST, OLDEST])).token("7")) == "7"
    assert Signer(opening([NEWEST, OLDEST])).link_id(links.token("7")) == "7"


def test_a_key_that_is_none_is_named_by_its_place_alone() -> None:
    with pytest.raises(Unfit, match="Key number 2") as refused:
        Keyring([NEWEST, "not-a-key", OLDEST])
    assert "not-a-key" not in str(refused.value)
    with pytest.raises(KeyMissing):
        Keyring([f"{COMING}{NEWEST}"])


def test_every_table_with_sealed_words_can_be_walked_by_one_key() -> None:
    """Then a new one needs no line anywhere."""
    assert len(sealed_columns()) >= 12
    for table, column in sealed_columns():
        assert len(table.primary_key.columns) == 1, f"{table.name}.{column.name}"
