"""Quick changes by staff: checked today, cancelled on a day, full, closed, open again. No approver; each can be undone.

Areas are seen to here, as in editing; whoever calls has seen to the role. Every call takes a session and commits nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.editing.desk import Person, Refusal, may_change, may_see
from services_directory.freshness.cancelling import cancel_session
from services_directory.freshness.tables import ACTS, QuickAct
from services_directory.models import now
from services_directory.records import plain_text

FURTHEST = timedelta(days=366)
LONGEST_NOTE = 200
MOST_AT_ONCE = 200
DATES = frozenset({"assured_date", "full_since"})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be done. ``day`` and ``note`` are of a cancelled session; ``assurer`` is the e-mail of whoever checked."""

    kind: str
    today: date
    day: date | None = None
    note: str = ""
    assurer: str | None = None


def act(session: Session, person: Person, service_id: str, wish: Wish) -> QuickAct:
    """Do it and record it. Raises ``Refusal``: missing, not_yours, unchanged, no_day, past_day, far_day."""
    if wish.kind not in ACTS:
        raise Refusal("missing")
    service = _theirs(session, person, service_id)
    if wish.kind == "cancelled":
        before, after = {}, _cancel(session, service, wish)
    else:
        wanted = _WANTED[wish.kind](wish)
        before = {field: _plain(getattr(service, field)) for field in wanted}
        after = {field: _plain(value) for field, value in wanted.items()}
        if before == after:
            raise Refusal("unchanged")
        _set(service, wanted)
    return note_act(session, service.id, wish.kind, before, after, author=person.name, author_id=person.id)


def note_act(
    session: Session,
    service_id: str,
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    author: str,
    author_id: int | None = None,
) -> QuickAct:
    """Record a change that somebody made. A provider, who has no account, has no ``author_id``."""
    row = QuickAct(service_id=service_id, kind=kind, before=dict(before), after=dict(after), author_id=author_id, author=author)
    session.add(row)
    session.flush()
    return row


def check_many(session: Session, person: Person, service_ids: Iterable[str], wish: Wish) -> int:
    """Check many at once; returns how many it was. Those checked today already are left, and those of others refused."""
    ids = list(dict.fromkeys(service_ids))
    if len(ids) > MOST_AT_ONCE:
        raise Refusal("too_many")
    done = 0
    for service_id in ids:
        try:
            act(session, person, service_id, wish)
        except Refusal as refusal:
            if refusal.code != "unchanged":
                raise
        else:
            done += 1
    return done


def undo(session: Session, person: Person, act_id: str) -> QuickAct:
    """Put back what stood there before. Raises ``Refusal``: missing, not_yours, undone_already, changed_since.

    What somebody has changed again since is left to them.
    """
    row = session.get(QuickAct, act_id)
    if row is None:
        raise Refusal("missing")
    service = _theirs(session, person, row.service_id)
    if row.undone_at is not None:
        raise Refusal("undone_already")
    if row.kind == "cancelled":
        exception = session.get(models.ServiceException, row.after["exception"])
        if exception is None:
            raise Refusal("changed_since")
        session.delete(exception)
    else:
        if {field: _plain(getattr(service, field)) for field in row.after} != row.after:
            raise Refusal("changed_since")
        _set(service, {field: _read(field, value) for field, value in row.before.items()})
    row.undone_at, row.undone_by = now(), person.name
    session.flush()
    return row


def acts_of(session: Session, service_id: str) -> list[QuickAct]:
    """Return the quick changes to a service, the latest first."""
    query = select(QuickAct).where(QuickAct.service_id == service_id).order_by(QuickAct.at.desc(), QuickAct.id)
    return list(session.scalars(query.limit(50)))


def _theirs(session: Session, person: Person, service_id: str) -> models.Service:
    service = session.get(models.Service, service_id)
    if service is None or not may_see(person, service.area_id):
        raise Refusal("missing")
    if not may_change(person, service.area_id):
        raise Refusal("not_yours")
    return service


def _cancel(session: Session, service: models.Service, wish: Wish) -> dict[str, Any]:
    if wish.day is None:
        raise Refusal("no_day")
    if wish.day < wish.today:
        raise Refusal("past_day")
    if wish.day > wish.today + FURTHEST:
        raise Refusal("far_day")
    row = cancel_session(session, service.id, wish.day, plain_text(wish.note)[:LONGEST_NOTE] or None)
    if row is None:
        raise Refusal("unchanged")
    return {"exception": row.id, "date": wish.day.isoformat(), "note": row.note}


_WANTED: Mapping[str, Callable[[Wish], dict[str, Any]]] = {
    "checked": lambda wish: {"assured_date": wish.today, "assurer_email": wish.assurer},
    "full": lambda wish: {"full_since": wish.today},
    "closed_now": lambda wish: {"status": "temporarily closed"},
    "closed_good": lambda wish: {"status": "defunct"},
    "open_again": lambda wish: {"status": "active", "full_since": None},
}


def _set(service: models.Service, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(service, field, value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _read(field: str, value: Any) -> Any:
    return date.fromisoformat(value) if field in DATES and value is not None else value
