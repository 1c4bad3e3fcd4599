"""Noting what went wrong, for staff: counted by kind and hour, without personal data."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bot.storage.tables import Incident, now
from bot.storage.upsert import insert


def note_incident(session: Session, kind: str, detail: str = "") -> None:
    """Count one more incident of `kind` in this hour. `detail` must hold no personal data."""
    moment = now()
    hour = f"{moment:%Y-%m-%dT%H}"
    session.execute(
        insert(session, Incident)
        .values(kind=kind, hour=hour, count=1, detail=detail[:200], first_at=moment, last_at=moment)
        .on_conflict_do_update(
            index_elements=["kind", "hour"],
            set_={"count": Incident.count + 1, "last_at": moment, "detail": detail[:200]},
        )
    )
