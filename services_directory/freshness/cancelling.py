"""One session that does not take place: the only way by which freshness writes a cancelled date."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from services_directory.models import ServiceException


def cancel_session(session: Session, service_id: str, day: date, note: str | None) -> ServiceException | None:
    """Cancel all of a service's sessions on ``day``. Returns the new row; ``None`` if that day was cancelled already."""
    there = select(ServiceException).where(
        ServiceException.service_id == service_id,
        ServiceException.date == day,
        ServiceException.kind == "cancelled",
        ServiceException.schedule_id.is_(None),
        ServiceException.opens_at.is_(None),
    )
    if session.scalars(there).first() is not None:
        return None
    row = ServiceException(service_id=service_id, date=day, kind="cancelled", note=note or None)
    session.add(row)
    session.flush()
    return row
