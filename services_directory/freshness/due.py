"""What is due for a check: pure functions over records and a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What must be known of a record to say when it is due. ``cycle_days``: its organisation's, at least 1."""

    service_id: str
    organisation_id: str
    area_id: str | None
    name: str
    organisation: str
    assured: date | None
    cycle_days: int


def due_on(record: Checked) -> date | None:
    """Return the day on which a record is due for its next check; ``None`` if it has never had one, and is due always."""
    return None if record.assured is None else record.assured + timedelta(days=record.cycle_days)


def is_due(record: Checked, today: date) -> bool:
    """Tell whether the record is due for a check on ``today``. A check dated in the future counts as none."""
    day = due_on(record)
    return day is None or day <= today or (record.assured is not None and record.assured > today)


def due(records: Iterable[Checked], today: date) -> list[Checked]:
    """Return the records that are due, those never checked first, then the longest overdue."""
    return sorted(
        (record for record in records if is_due(record, today)),
        key=lambda record: (record.assured is not None, due_on(record) or date.min, record.name, record.service_id),
    )


def days_over(record: Checked, today: date) -> int | None:
    """Return for how many days a record has been due; ``None`` if it was never checked."""
    day = due_on(record)
    return None if day is None else max(0, (today - day).days)
