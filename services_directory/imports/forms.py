"""What comes in as it will be compared. Nothing here reads anything.

A *form* is a record as plain JSON values (dates as ISO text, amounts as ``"2.50"``), so that what came, what came last time and
what is stored can be compared field by field. ``None`` and ``[]`` mean that the source does not say.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from services_directory.imports.notes import Note, Said

Form = dict[str, Any]


@dataclass(frozen=True)
class Entity:
    """An organisation or a location, with the id it has at its source."""

    source_id: str
    form: Form
    derived: frozenset[str] = frozenset()


@dataclass
class Incoming:
    """One service as it will be compared. ``refused`` says why it cannot be taken; ``notes`` what was mended or left out.

    ``derived`` are fields that the source does not give itself: they fill a new record, and change no old one.
    """

    where: Said | str
    source_id: str = ""
    name: str = ""
    form: Form = field(default_factory=dict)
    organisation: Entity | None = None
    locations: list[Entity] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    derived: set[str] = field(default_factory=set)


def encode(value: Any) -> Any:
    """Return a value of a table as plain JSON, the same however it was stored."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value


def rule_of(schedule: Form) -> str:
    """Return what tells the schedules of one service apart, in a form as in the tables: an exception names its schedule so."""
    return " ".join(str(schedule[key] or "-") for key in ("freq", "interval", "byday", "bymonthday", "dtstart", "opens_at"))


def unique(rows: list[Form]) -> list[Form]:
    """Return the rows in order, without those that are there already."""
    return list({repr(sorted(row.items(), key=lambda item: item[0])): row for row in rows}.values())
