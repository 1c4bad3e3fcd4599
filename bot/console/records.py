"""A case's records: what keeps it from being deleted. For managers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.guard import Guard, Visit
from bot.console.look import Look, private
from bot.console.retention_pages import Keeping
from bot.console.roles import LOOKS_AFTER_RECORDS, SEES_RETENTION
from bot.console.services import ConsoleServices
from bot.handoff.desk import MAX_WORDS, NoSuchCase, Refused, may_see
from bot.retention import acts, holds
from bot.storage.crypto import KeyMissing
from bot.storage.tables import Case, Person, Staff, StaffAudit

CASE = "/staff/cases/{case_id:int}"
MAX_ID = 2**53
DONE = ("held", "hold_lifted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a form was refused: the field to mend, or "" for none, and words for the top of the page."""

    field: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLine:
    """A hold as the page tells of it."""

    at: datetime
    by: str
    reason: str
    until: datetime | None
    lifted_at: datetime | None
    lifted_by: str
    lifted_reason: str


def record_routes(guard: Guard, services: ConsoleServices, look: Look) -> list[Route]:
    """The page of what is kept how long, and the records of a case."""
    keeping, records = Keeping(services, look), Records(services, look)
    return [
        Route("/staff/retention", guard.page(keeping.page, SEES_RETENTION), methods=["GET"]),
        Route(f"{CASE}/records", guard.page(records.page, LOOKS_AFTER_RECORDS), methods=["GET"]),
        Route(f"{CASE}/records/hold", guard.act(records.hold, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records/lift", guard.act(records.lift, LOOKS_AFTER_RECORDS), methods=["POST"]),
    ]


class Records:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words

    def page(self, visit: Visit) -> Response:
        """What keeps the case."""
        done = visit.request.query_params.get("done", "")
        return self._page(visit, done=done if done in DONE else "")

    def hold(self, visit: Visit) -> Response:
        """Put a legal hold on the case, for a reason (`text`)."""
        return self._act(visit, acts.hold_case, "held", "hold")

    def lift(self, visit: Visit) -> Response:
        """Lift it, for a reason (`text`)."""
        return self._act(visit, acts.lift_hold, "hold_lifted", "hold")

    def _act(self, visit: Visit, act: Callable[[ConsoleServices, int, int, str], None], done: str, field: str) -> Response:
        """Do it and go back to the page; if refused, the page again with why and with what was typed."""
        case_id, text = _case_id(visit), visit.form.get("text", "")
        try:
            act(self._services, case_id, visit.who.staff_id, text)
        except NoSuchCase:
            return self._missing(visit)
        except Refused as refused:
            words = self._words(f"error.{refused.code}", most=f"{MAX_WORDS:,}")
            return self._page(visit, problem=Problem(field=field, words=words), typed=text)
        return private(RedirectResponse(f"/staff/cases/{case_id}/records?done={done}", 303))

    def _page(self, visit: Visit, *, problem: Problem | None = None, typed: str = "", done: str = "") -> Response:
        """That it was looked at is recorded before it is shown."""
        case_id = _case_id(visit)
        with self._services.database.read() as session:
            case = session.get(Case, case_id)
            if case is None or not may_see(visit.who.area_id, case.area_id):
                return self._missing(visit)
            person = session.get_one(Person, case.person_id)
            lines = self._holds(session, case_id)
            legal = holds.legal_hold(session, case_id) is not None
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="case.records", subject=f"case:{case_id}"))
        return self._look.page("records.html", 422 if problem else 200, who=visit.who, **{
            "case": case, "person": person, "holds": lines, "legal": legal, "period": self._period(case),
            "problem": problem, "typed": typed, "done": done, "most": MAX_WORDS,
        })  # fmt: skip

    def _period(self, case: Case) -> str:
        return str(self._services.schedule.period("cases", case.area_id))

    def _holds(self, session: Session, case_id: int) -> list[HoldLine]:
        found = holds.of_case(session, case_id)
        names = _names(session, {id_ for hold in found for id_ in (hold.staff_id, hold.lifted_by) if id_ is not None})
        return [
            HoldLine(
                at=hold.at,
                by=names.get(hold.staff_id or 0, ""),
                reason=self._opened(hold.sealed),
                until=hold.until,
                lifted_at=hold.lifted_at,
                lifted_by=names.get(hold.lifted_by or 0, ""),
                lifted_reason=self._opened(hold.lifted_sealed),
            )
            for hold in found
        ]

    def _opened(self, sealed: bytes | None) -> str:
        try:
            return str(self._services.keyring.open_json(sealed)["text"]) if sealed else ""
        except KeyMissing:
            return ""

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_case", 404, who=visit.who)


def _case_id(visit: Visit) -> int:
    case_id: int = visit.request.path_params["case_id"]
    return case_id if case_id < MAX_ID else 0


def _names(session: Session, staff_ids: set[int]) -> dict[int, str]:
    return {staff_id: staff.first_name for staff_id in staff_ids if (staff := session.get(Staff, staff_id)) is not None}
