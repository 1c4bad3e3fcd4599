"""What is not working, for managers and administrators: what it means for parents, since when, how many wait, and who has seen it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from bot.alarms import ways_of
from bot.alarms.troubles import failed_since
from bot.console.guard import Visit
from bot.console.look import Look, private
from bot.console.services import ConsoleServices
from bot.storage import troubles
from bot.storage.tables import Outbox, Staff, Trouble, now

HERE = "/staff/troubles"
SHOWN_FOR = timedelta(days=30)
MOST_ENDED = 50
MAX_ID = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One trouble. `waiting` is how many messages wait to be sent on its channel, None where it is of no channel's sending."""

    id: int
    kind: str
    subject: str
    reason: str
    began_at: datetime
    ended_at: datetime | None
    seen_by: str | None
    waiting: int | None
    alarm_failed: bool


class TroubleDesk:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look

    def how_many(self) -> int:
        """How much does not work now, for the banner on every page."""
        with self._services.database.read() as session:
            return len(troubles.going_on(session))

    def page(self, visit: Visit) -> Response:
        """What does not work now, and what works again since `SHOWN_FOR`."""
        with self._services.database.read() as session:
            going_on = _entries(session, troubles.going_on(session))
            ended = _entries(session, troubles.ended_since(session, now() - SHOWN_FOR, MOST_ENDED))
        return self._look.page(
            "troubles.html",
            who=visit.who,
            going_on=going_on,
            ended=ended,
            days=SHOWN_FOR.days,
            repeat=self._services.settings.trouble_repeat_minutes,
            ways=ways_of(self._services.settings),
            done="trouble_seen" if visit.request.query_params.get("done") == "trouble_seen" else "",
        )

    def acknowledge(self, visit: Visit) -> Response:
        """Somebody has seen it: no more alarms about it. Repeating it changes nothing."""
        trouble_id = visit.request.path_params["trouble_id"]
        with self._services.database.write() as session:
            known = trouble_id < MAX_ID and troubles.acknowledge(session, trouble_id, visit.who.staff_id)
        if not known:
            return self._look.notice("no_page", 404, who=visit.who)
        return private(RedirectResponse(f"{HERE}?done=trouble_seen", 303))


def _entries(session: Session, found: Sequence[Trouble]) -> list[Entry]:
    names, waiting = _names(session, found), _waiting(session)
    return [
        Entry(
            id=one.id,
            kind=one.kind,
            subject=one.subject,
            reason=one.reason,
            began_at=one.began_at,
            ended_at=one.ended_at,
            seen_by=names.get(one.acknowledged_by or 0) if one.acknowledged_at else None,
            waiting=waiting.get(one.subject, 0) if one.kind.startswith("provider_") else None,
            alarm_failed=one.ended_at is None and failed_since(session, one.id),
        )
        for one in found
    ]


def _names(session: Session, found: Sequence[Trouble]) -> Mapping[int, str]:
    ids = {one.acknowledged_by for one in found if one.acknowledged_by is not None}
    return {row[0]: row[1] for row in session.execute(select(Staff.id, Staff.first_name).where(Staff.id.in_(ids)))}


def _waiting(session: Session) -> Mapping[str, int]:
    """How many messages wait to be sent, by channel."""
    query = select(Outbox.channel, func.count()).where(Outbox.open == 1).group_by(Outbox.channel)
    return {row[0]: row[1] for row in session.execute(query)}
