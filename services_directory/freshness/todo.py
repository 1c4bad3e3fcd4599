"""Staff's list of what is to do, in the person's area: lists of freshness, and counts that other parts have registered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from services_directory.editing.desk import Person
from services_directory.freshness.due import Checked, due
from services_directory.freshness.policy import Policy
from services_directory.freshness.reminders import checked_records, how_many_due
from services_directory.freshness.reports import how_many_notes, how_many_reported

Count = Callable[[Session, Person], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One line of the list that another part looks after: ``name`` of its words, the number, and its page."""

    name: str
    number: int
    page: str


_COUNTS: dict[str, tuple[str, Count]] = {}


def register_count(name: str, page: str, count: Count) -> None:
    """Put a number on the list. ``name``: of the words for it; ``page``: the address to go to. A second one replaces the first."""
    _COUNTS[name] = (page, count)


@contextmanager
def registered(name: str, page: str, count: Count) -> Iterator[None]:
    """Register for a while."""
    before = _COUNTS.get(name)
    register_count(name, page, count)
    try:
        yield
    finally:
        if before is None:
            del _COUNTS[name]
        else:
            _COUNTS[name] = before


def counts(session: Session, person: Person) -> list[Counted]:
    """Return the registered numbers, in the order in which they were registered."""
    return [Counted(name=name, number=count(session, person), page=page) for name, (page, count) in _COUNTS.items()]


def due_records(session: Session, person: Person, today: date, policy: Policy) -> list[Checked]:
    """Return what of the person's area is due for a check, the most pressing first."""
    return due(checked_records(session, policy, person.area_id), today)


def how_many(session: Session, person: Person, today: date, policy: Policy) -> int:
    """Return how much there is to do in all, for the menu."""
    own = (
        how_many_due(session, policy, today, person.area_id)
        + how_many_reported(session, person)
        + how_many_notes(session, person)
    )
    return own + sum(one.number for one in counts(session, person))
