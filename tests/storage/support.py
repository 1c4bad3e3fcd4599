"""Rows to claim, made without a conversation."""

from __future__ import annotations

import itertools
from datetime import datetime

from sqlalchemy.orm import Session

from bot.messages import Address
from bot.people import find_or_create
from bot.storage.crypto import Keyring
from bot.storage.tables import Inbox, Outbox, Person, PersonAddress, RawEvent, now

_numbers = itertools.count(1)


def add_person(
    session: Session, keyring: Keyring, channel: str = "telegram", value: str | None = None
) -> tuple[Person, PersonAddress]:
    value = value or f"someone-{next(_numbers)}"
    address = Address(channel=channel, kind=f"{channel}_id", value=value)
    return find_or_create(
        session, keyring, [address], area_id="demonstration", language="en", language_chosen=False, campaign=None
    )


def add_message(session: Session, keyring: Keyring, person: Person, address: PersonAddress, text: str = "hello") -> Inbox:
    event = RawEvent(channel=address.channel, external_id=f"event-{next(_numbers)}", sealed=keyring.seal_json({"text": text}))
    session.add(event)
    session.flush()
    row = Inbox(
        raw_event_id=event.id,
        person_id=person.id,
        address_id=address.id,
        channel=address.channel,
        kind="text",
        sealed=keyring.seal_json({"text": text}),
        level="none",
    )
    session.add(row)
    session.flush()
    return row


def add_outgoing(
    session: Session, person: Person, address: PersonAddress, message_class: str = "reply", due_at: datetime | None = None
) -> Outbox:
    row = Outbox(
        key=f"key-{next(_numbers)}",
        person_id=person.id,
        address_id=address.id,
        channel=address.channel,
        message_class=message_class,
        ref="text:thanks",
        sealed=b"",
        language="en",
        due_at=due_at or now(),
    )
    session.add(row)
    session.flush()
    return row
