"""What is left of somebody who was forgotten: for each of their addresses a keyed hash with an end date, and no person.

While it lies there, nothing unasked goes to that address, whoever writes from it, until they ask for something anew. It also keeps the
hash of the receipt that they were given, so that they can prove later that they asked. Functions take an open session and never commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.messages import Address
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import Person, PersonAddress, Tombstone, now

RECEIPT_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Nothing that looks like something else when it is written by hand or read out."""

RECEIPT_LENGTH = 8
ADDRESS, RECEIPT = "tombstone-address", "erasure-receipt"
"""Purposes of the keyed hashes: neither can be compared with the look-up of an address."""


def new_receipt() -> str:
    """A receipt, such as "K7QM-2XRD"."""
    code = "".join(secrets.choice(RECEIPT_LETTERS) for _ in range(RECEIPT_LENGTH))
    return f"{code[:4]}-{code[4:]}"


def receipt_hash(keyring: Keyring, typed: str) -> str:
    """The keyed hash of a receipt as somebody typed it: small letters, spaces and hyphens do not matter."""
    return keyring.hashed(RECEIPT, "".join(letter for letter in typed.upper() if letter in RECEIPT_LETTERS))


def bury(
    session: Session,
    keyring: Keyring,
    person: Person,
    *,
    until: datetime,
    receipt: str | None = None,
    receipt_kept: str | None = None,
) -> None:
    """Put a tombstone for each address that is the person's own, `until` a moment. A later one takes the place of an earlier one.

    `receipt_kept` is the hash of a receipt that was given before. An address whose key has been dropped cannot be told any more, and
    gets none.
    """
    person.receipt = receipt_hash(keyring, receipt) if receipt else receipt_kept
    for address in _own(session, keyring, person):
        session.merge(Tombstone(id=_of(keyring, address), receipt=person.receipt, ends_at=until, at=now()))


def quiet_until(session: Session, keyring: Keyring, addresses: Iterable[Address]) -> datetime | None:
    """Until when nothing unasked may go to whoever writes from one of `addresses`; None where nothing lies there."""
    ids = [_of(keyring, address) for address in addresses]
    return session.scalar(select(func.max(Tombstone.ends_at)).where(Tombstone.id.in_(ids), Tombstone.ends_at > now()))


def clear(session: Session, keyring: Keyring, person: Person) -> None:
    """The person has asked for something anew: their tombstones go."""
    if person.quiet_until is None:
        return
    person.quiet_until = None
    theirs = [_of(keyring, address) for address in _own(session, keyring, person)]
    session.execute(delete(Tombstone).where(Tombstone.id.in_(theirs)))


def of_receipt(session: Session, keyring: Keyring, typed: str) -> Tombstone | None:
    """A tombstone that the receipt was given for, if it lies there still."""
    query = select(Tombstone).where(Tombstone.receipt == receipt_hash(keyring, typed)).order_by(Tombstone.at.desc())
    return session.scalars(query.limit(1)).first()


def _own(session: Session, keyring: Keyring, person: Person) -> Iterator[Address]:
    """The addresses that are the person's own, as far as there are keys to read them."""
    theirs = (PersonAddress.person_id == person.id, PersonAddress.retired_at.is_(None))
    for row in session.scalars(select(PersonAddress).where(*theirs)).all():
        try:
            yield Address(channel=row.channel, kind=row.kind, value=keyring.open(row.sealed))
        except KeyMissing:
            continue


def _of(keyring: Keyring, address: Address) -> str:
    return keyring.hashed(ADDRESS, address.channel, address.kind, address.value)
