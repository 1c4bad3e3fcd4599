"""What is left of somebody who was forgotten: a receipt and a silence, and no person. On both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.delivery.can_send import can_send
from bot.delivery.sender import standing
from bot.messages import Address, MessageClass
from bot.people import find_or_create, forget
from bot.people.people import remove_forgotten
from bot.people.tombstones import RECEIPT_LETTERS, bury, clear, new_receipt, of_receipt
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Person, PersonAddress, Tombstone, now

ADDRESSES = {
    "telegram": (Address(channel="telegram", kind="telegram_id", value="1234567890"),),
    "webchat": (Address(channel="webchat", kind="webchat_key", value="k" * 43),),
    "sms": (Address(channel="sms", kind="phone", value="447700900001"),),
    "whatsapp": (
        Address(channel="whatsapp", kind="whatsapp_bsuid", value="GB.1234567890"),
        Address(channel="whatsapp", kind="phone", value="447700900001"),
    ),
}
TELEGRAM = ADDRESSES["telegram"]


def write(database: Database, keyring: Keyring, addresses: Sequence[Address]) -> int:
    with database.write() as session:
        person, _ = find_or_create(
            session, keyring, addresses, area_id="demonstration", language="en", language_chosen=False, campaign=None
        )
        return person.id


def forgotten(
    database: Database, keyring: Keyring, addresses: Sequence[Address], *, lasts: timedelta = timedelta(days=700)
) -> str:
    """Somebody wrote from these addresses, asked to be forgotten and is gone; returns their receipt."""
    person_id, receipt = write(database, keyring, addresses), new_receipt()
    with database.write() as session:
        bury(session, keyring, session.get_one(Person, person_id), until=now() + lasts, receipt=receipt)
        forget(session, person_id, except_inbox=0)
        assert remove_forgotten(session) == 1
    return receipt


def verdicts(database: Database, person_id: int) -> dict[str, str]:
    """What may go to them now, had they agreed to all of it."""
    with database.read() as session:
        address = session.scalars(select(PersonAddress).where(PersonAddress.person_id == person_id)).first()
        assert address is not None
        stands = replace(standing(session, person_id, address), consented=True)
    return {str(one.value): can_send(stands, one).decision for one in MessageClass}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_whoever_was_forgotten_is_answered_and_sent_nothing_unasked(database: Database, keyring: Keyring, channel: str) -> None:
    forgotten(database, keyring, ADDRESSES[channel])
    for address in ADDRESSES[channel]:
        with database.read() as session:
            assert session.scalars(select(PersonAddress)).all() == []
        again = write(database, keyring, [address])
        allowed = verdicts(database, again)
        assert {name for name, decision in allowed.items() if decision == "refuse"} == {"series", "bulk"}
        with database.write() as session:
            session.delete(session.get_one(Person, again))


def test_somebody_else_is_not_kept_silent(database: Database, keyring: Keyring) -> None:
    forgotten(database, keyring, TELEGRAM)
    other = write(database, keyring, ADDRESSES["sms"])
    assert set(verdicts(database, other).values()) == {"send"}


def test_asking_for_something_anew_ends_the_silence_and_the_tombstone(database: Database, keyring: Keyring) -> None:
    receipt = forgotten(database, keyring, ADDRESSES["whatsapp"])
    again = write(database, keyring, ADDRESSES["whatsapp"])
    with database.write() as session:
        assert of_receipt(session, keyring, receipt) is not None
        clear(session, keyring, session.get_one(Person, again))
    assert set(verdicts(database, again).values()) == {"send"}
    with database.read() as session:
        assert session.scalars(select(Tombstone)).all() == [] and of_receipt(session, keyring, receipt) is None


def test_a_tombstone_is_nothing_after_its_end(database: Database, keyring: Keyring) -> None:
    forgotten(database, keyring, TELEGRAM, lasts=timedelta(seconds=-1))
    assert set(verdicts(database, write(database, keyring, TELEGRAM)).values()) == {"send"}


def test_the_silence_ends_with_the_tombstone_for_who_is_back_already(database: Database, keyring: Keyring) -> None:
    forgotten(database, keyring, TELEGRAM)
    again = write(database, keyring, TELEGRAM)
    with database.write() as session:
        session.get_one(Person, again).quiet_until = now() - timedelta(seconds=1)
    assert set(verdicts(database, again).values()) == {"send"}


def test_a_tombstone_holds_no_person_and_no_address_and_cannot_be_told_without_the_key(
    database: Database, keyring: Keyring
) -> None:
    person_id = write(database, keyring, TELEGRAM)
    with database.read() as session:
        lookup = session.scalars(select(PersonAddress.lookup).where(PersonAddress.person_id == person_id)).one()
    receipt = forgotten(database, keyring, TELEGRAM)
    with database.read() as session:
        stone = session.scalars(select(Tombstone)).one()
    assert {column.name for column in Tombstone.__table__.columns} == {"id", "receipt", "ends_at", "at"}
    assert stone.id != lookup and TELEGRAM[0].value not in stone.id and receipt not in str(stone.receipt)
    other = Keyring([new_key()])
    again = write(database, other, TELEGRAM)
    assert set(verdicts(database, again).values()) == {"send"}, "another installation's key tells nothing"


def test_a_key_that_was_changed_still_tells(database: Database) -> None:
    old = new_key()
    forgotten(database, Keyring([old]), TELEGRAM)
    again = write(database, Keyring([new_key(), old]), TELEGRAM)
    assert verdicts(database, again)["series"] == "refuse"


def test_an_address_that_has_passed_on_gets_no_tombstone(database: Database, keyring: Keyring) -> None:
    person_id = write(database, keyring, TELEGRAM)
    with database.write() as session:
        session.scalars(select(PersonAddress)).one().retired_at = now()
        bury(session, keyring, session.get_one(Person, person_id), until=now() + timedelta(days=1))
    with database.read() as session:
        assert session.scalars(select(Tombstone)).all() == []


@pytest.mark.parametrize("typed", ["{}", " {} ", "{lower}", "{plain}", "{spaced}"])
def test_a_receipt_is_known_however_it_is_typed(database: Database, keyring: Keyring, typed: str) -> None:
    receipt = forgotten(database, keyring, TELEGRAM)
    plain = receipt.replace("-", "")
    asked = typed.format(receipt, lower=receipt.lower(), plain=plain, spaced=" ".join(plain))
    with database.read() as session:
        assert of_receipt(session, keyring, asked) is not None
        assert of_receipt(session, keyring, new_receipt()) is None


def test_a_receipt_has_eight_signs_that_look_like_no_other() -> None:
    receipts = {new_receipt() for _ in range(200)}
    assert len(receipts) == 200
    for receipt in receipts:
        assert len(receipt) == 9 and receipt[4] == "-" and set(receipt) - {"-"} <= set(RECEIPT_LETTERS)
    assert not set("01ILO") & set(RECEIPT_LETTERS)
