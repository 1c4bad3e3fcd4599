"""The page "Keeping and deleting": how long each kind of data is kept, what the last night removed, and what holds keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from starlette.responses import Response

from bot.console.guard import Visit
from bot.console.look import Look
from bot.console.roles import LOOKS_AFTER_RECORDS
from bot.console.services import ConsoleServices
from bot.handoff.desk import in_area, may_see
from bot.people import tombstones
from bot.retention import record
from bot.retention.schedule import KINDS, Period
from bot.storage.crypto import KeyMissing
from bot.storage.tables import Case, Person, RetentionRun, StaffAudit, Tombstone, now

LATE = timedelta(hours=36)
"""If no night was done with for so long, something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kind of data on the page: how long it is kept, where an area keeps it for a time of its own, and its latest nights."""

    name: str
    period: Period
    areas: Mapping[str, Period]
    runs: Sequence[RetentionRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A case that a hold keeps. `reason` is empty for those who may not read cases."""

    case_id: int
    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A receipt that was asked after: as it was typed, what lies there for it, and a case that is kept still."""

    typed: str
    stone: Tombstone | None
    case_id: int | None


class Keeping:
    """The handler behind the guard; it runs in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look

    def page(self, visit: Visit) -> Response:
        """How long everything is kept, and what became of it."""
        return self._page(visit)

    def receipt(self, visit: Visit) -> Response:
        """Whether a `receipt` that somebody gives is known, when it was given, and the case in the reader's area that is still kept."""
        typed = visit.form.get("receipt", "")[:40]
        services, who = self._services, visit.who
        with services.database.read() as session:
            stone = tombstones.of_receipt(session, services.keyring, typed)
            query = select(Case.id).join(Person, Person.id == Case.person_id).order_by(Case.id.desc())
            theirs = Person.receipt == tombstones.receipt_hash(services.keyring, typed)
            case_id = session.scalar(query.where(theirs, in_area(Case.area_id, who.area_id)).limit(1))
        with services.database.write() as session:
            session.add(StaffAudit(staff_id=who.staff_id, action="retention.receipt"))
        return self._page(visit, asked=Asked(typed=typed, stone=stone, case_id=case_id))

    def _page(self, visit: Visit, asked: Asked | None = None) -> Response:
        """The schedule and the record, of the reader's area and of what belongs to none. That it was looked at is recorded."""
        services, who, moment = self._services, visit.who, now()
        with services.database.read() as session:
            runs = [run for run in record.last_runs(session) if may_see(who.area_id, run.area or None)]
            last = record.last_night(session)
            held = [
                Held(case_id=case.id, since=hold.at, until=hold.until, reason=self._reason(hold.sealed, who.roles))
                for hold, case in record.running_holds(session, moment, in_area(Case.area_id, who.area_id))
            ]
        with services.database.write() as session:
            session.add(StaffAudit(staff_id=who.staff_id, action="retention.view"))
        return self._look.page(
            "retention.html",
            who=who,
            kinds=self._kinds(who.area_id, runs),
            area_name=lambda area: services.teams.of(area).name,
            failed=[run for run in runs if run.failed],
            last=last,
            late=last is None or moment - last > LATE,
            held=held,
            reads=bool(LOOKS_AFTER_RECORDS & who.roles),
            asked=asked,
            hour=services.schedule.hour,
            event_days=services.settings.raw_event_days,
        )

    def _kinds(self, area_id: str | None, runs: Sequence[RetentionRun]) -> list[Kept]:
        schedule = self._services.schedule
        seen = {area: own for area, own in schedule.areas.items() if may_see(area_id, area)}
        return [
            Kept(
                name=kind.name,
                period=schedule.periods[kind.name],
                areas={area: own[kind.name] for area, own in seen.items() if kind.name in own},
                runs=[run for run in runs if run.kind == kind.name],
            )
            for kind in KINDS
        ]

    def _reason(self, sealed: bytes, roles: Any) -> str:
        if not LOOKS_AFTER_RECORDS & roles:
            return ""
        try:
            return str(self._services.keyring.open_json(sealed)["text"])
        except KeyMissing:
            return ""
