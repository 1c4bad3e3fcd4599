"""A copy of everything that is kept of one person, for them. Reads only; may import storage alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, inspect, select
from sqlalchemy.orm import Session

from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import (
    Alarm,
    Base,
    Case,
    CaseEvent,
    Child,
    ConcernReview,
    Consent,
    Dialogue,
    Feedback,
    Inbox,
    Outbox,
    Person,
    PersonAddress,
    ProviderMessage,
    RawEvent,
    RightsCheck,
    SeriesStep,
    SeriesSubscription,
    TriageMark,
    TriageSample,
)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a copy: its name, the table, and which rows are a person's."""

    name: str
    table: type[Base]
    of: Callable[[int], ColumnElement[bool]]


def _in_cases(person_id: int) -> Any:
    return select(Case.id).where(Case.person_id == person_id)


def _in_messages(person_id: int) -> Any:
    return select(Inbox.id).where(Inbox.person_id == person_id)


SECTIONS = (
    Section("person", Person, lambda person: Person.id == person),
    Section("addresses", PersonAddress, lambda person: PersonAddress.person_id == person),
    Section("children", Child, lambda person: Child.person_id == person),
    Section("consents", Consent, lambda person: Consent.person_id == person),
    Section("messages", Inbox, lambda person: Inbox.person_id == person),
    Section("answers", Outbox, lambda person: Outbox.person_id == person),
    Section(
        "delivery",
        ProviderMessage,
        lambda person: ProviderMessage.outbox_id.in_(select(Outbox.id).where(Outbox.person_id == person)),
    ),
    Section("events", RawEvent, lambda person: RawEvent.id.in_(select(Inbox.raw_event_id).where(Inbox.person_id == person))),
    Section("dialogue", Dialogue, lambda person: Dialogue.person_id == person),
    Section("feedback", Feedback, lambda person: Feedback.person_id == person),
    Section("series", SeriesSubscription, lambda person: SeriesSubscription.person_id == person),
    Section("series_steps", SeriesStep, lambda person: SeriesStep.person_id == person),
    Section("cases", Case, lambda person: Case.person_id == person),
    Section("case_history", CaseEvent, lambda person: CaseEvent.case_id.in_(_in_cases(person))),
    Section("alarms", Alarm, lambda person: Alarm.case_id.in_(_in_cases(person))),
    Section("checks", RightsCheck, lambda person: RightsCheck.case_id.in_(_in_cases(person))),
    Section("reviews", ConcernReview, lambda person: ConcernReview.person_id == person),
    Section("triage_marks", TriageMark, lambda person: TriageMark.inbox_id.in_(_in_messages(person))),
    Section("samples", TriageSample, lambda person: TriageSample.inbox_id.in_(_in_messages(person))),
)
"""In the order of the copy."""

LEFT_OUT = ("button_token", "case_hold")
"""Tables that lead to a person and are in no copy: what buttons meant to the machine, whose titles stand with the answers; and why a case is
held, which may be a court's or somebody else's matter. The console has words for the reasons."""

TECHNICAL = frozenset({"lookup", "receipt", "lease_token", "lease_until", "attempts", "open"})
"""Columns that say nothing of a person: hashes and the marks of workers."""

UNREADABLE = "unreadable"


def everything(session: Session, keyring: Keyring, person_id: int) -> dict[str, list[dict[str, Any]]]:
    """All rows of a person by section, decrypted; moments as text in UTC. What no key opens is "unreadable"."""
    return {section.name: [_row(row, keyring) for row in session.scalars(_rows(section, person_id))] for section in SECTIONS}


def counts(session: Session, person_id: int) -> dict[str, int]:
    """How many rows there are of a person by section; sections without any are left out."""
    found = {
        section.name: session.scalar(select(func.count()).select_from(section.table).where(section.of(person_id))) or 0
        for section in SECTIONS
    }
    return {name: number for name, number in found.items() if number}


def _rows(section: Section, person_id: int) -> Any:
    return select(section.table).where(section.of(person_id)).order_by(*inspect(section.table).primary_key)


def _row(row: Base, keyring: Keyring) -> dict[str, Any]:
    names = [column.name for column in row.__table__.columns if column.name not in TECHNICAL]
    return {name: _value(getattr(row, name), keyring) for name in names}


def _value(value: Any, keyring: Keyring) -> Any:
    """A value as JSON can say it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return _opened(value, keyring) if isinstance(value, bytes) else value


def _opened(sealed: bytes, keyring: Keyring) -> Any:
    """What was sealed: an object or a list where it was JSON, else the text itself (an address may look like a number)."""
    try:
        text = keyring.open(sealed)
    except KeyMissing:
        return UNREADABLE
    return json.loads(text) if text.startswith(("{", "[")) else text
