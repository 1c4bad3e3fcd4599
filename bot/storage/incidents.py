"""Noting what went wrong, for staff: counted by kind and hour, without personal data."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.storage.tables import Incident, now


def note_incident(session: Session, kind: str, detail: str = "") -> None:
    """Count one more incident of `kind` in this hour. `detail` must hold no personal data."""
    moment = now()
    hour = f"{moment:%Y-%m-%dT%H}"
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = session.execute(
        insert(Incident)
        .values(kind=kind, hour=hour, count=1, detail=detail[:200], first_at=moment, last_at=moment)
        .on_conflict_do_nothing(index_elements=["kind", "hour"])
    )
    if made.rowcount != 1:  # type: ignore[attr-defined]
        session.execute(
            update(Incident)
            .where(Incident.kind == kind, Incident.hour == hour)
            .values(count=Incident.count + 1, last_at=moment, detail=detail[:200])
        )
