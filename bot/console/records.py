"""A case's records, for managers: what keeps it from being deleted, and what its parent has a right to: erasure, and a copy."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.guard import Guard, Visit
from bot.console.look import Look, private
from bot.console.retention_pages import Keeping
from bot.console.roles import LOOKS_AFTER_RECORDS, SEES_RETENTION
from bot.console.services import ConsoleServices
from bot.handoff.desk import MAX_WORDS, NoSuchCase, Refused, may_see
from bot.people import copy
from bot.retention import acts, holds, rights
from bot.retention.schedule import Period
from bot.storage.crypto import KeyMissing
from bot.storage.tables import Case, Person, Staff, StaffAudit

CASE = "/staff/cases/{case_id:int}"
MAX_ID = 2**53
DONE = ("held", "hold_lifted", "checked", "kept")
IDS = {"hold": "hold", "check": "check-safe", "receipt": "receipt", "keep": "keep", "until": "until"}
FIELDS = {
    "check_identity": "check",
    "check_safe": "check",
    "check_receipt": "receipt",
    "keep_date": "until",
    "unchecked": "check",
    "copied": "check",
    "erase_open": "",
    "erase_held": "hold",
}
"""The field to mend for a refusal that is not about the words of the form's own box."""


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
        Route("/staff/retention/receipt", guard.act(keeping.receipt, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records", guard.page(records.page, LOOKS_AFTER_RECORDS), methods=["GET"]),
        Route(f"{CASE}/records/hold", guard.act(records.hold, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records/lift", guard.act(records.lift, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records/check", guard.act(records.check, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records/keep", guard.act(records.keep, LOOKS_AFTER_RECORDS), methods=["POST"]),
        Route(f"{CASE}/records/erase", guard.act(records.erase, LOOKS_AFTER_RECORDS, again=True), methods=["POST"]),
        Route(f"{CASE}/records/copy", guard.act(records.take_copy, LOOKS_AFTER_RECORDS, again=True), methods=["POST"]),
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
        return self._act(visit, partial(acts.hold_case, reason=visit.form.get("text", "")), "held", field="hold")

    def lift(self, visit: Visit) -> Response:
        """Lift it, for a reason (`text`)."""
        return self._act(visit, partial(acts.lift_hold, reason=visit.form.get("text", "")), "hold_lifted", field="hold")

    def check(self, visit: Visit) -> Response:
        """Record what was checked: fields named for `rights.IDENTITY` and `rights.SAFE`, and a `receipt`."""
        ticked = [one for one in (*rights.IDENTITY, rights.SAFE) if one in visit.form]
        typed = visit.form.get("receipt", "")
        return self._act(visit, partial(rights.record_check, ticked=ticked, receipt=typed), "checked", field="check")

    def keep(self, visit: Visit) -> Response:
        """Keep the case until a day (`until`, "2027-03-31"), for a reason (`text`); the rest is forgotten at once."""
        left: list[rights.Forgotten] = []

        def act(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            until, reason = _end_of(visit.form.get("until", "")), visit.form.get("text", "")
            left.append(rights.keep(services, services.schedule, case_id, staff_id, until, reason))

        answer = self._act(visit, act, "kept", field="keep")
        return self._page(visit, done="kept", receipt=left[0].receipt) if left and left[0].receipt else answer

    def erase(self, visit: Visit) -> Response:
        """Erase the parent and all their cases, now; then the receipt, once, for who did not ask in the chat."""
        left: list[rights.Forgotten] = []

        def act(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            left.append(rights.erase(services, services.schedule, case_id, staff_id))

        answer = self._act(visit, act, "")
        return self._look.page("erased.html", who=visit.who, receipt=left[0].receipt) if left else answer

    def take_copy(self, visit: Visit) -> Response:
        """Everything that is kept of the parent, as a zip of JSON and a page to read. It is made in memory and is nowhere else."""
        found: list[dict[str, list[dict[str, Any]]]] = []

        def act(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            found.append(rights.take_copy(services, case_id, staff_id))

        answer = self._act(visit, act, "")
        if not found:
            return answer
        response = private(Response(self._zipped(found[0]), media_type="application/zip"))
        response.headers["Content-Disposition"] = f'attachment; filename="wren-copy-{_case_id(visit)}.zip"'
        return response

    def _zipped(self, sections: dict[str, list[dict[str, Any]]]) -> bytes:
        page = self._look.text("copy.html", sections=sections, left_out=copy.LEFT_OUT, made=datetime.now(UTC))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("copy.json", json.dumps(sections, ensure_ascii=False, indent=1))
            file.writestr("copy.html", page)
        return out.getvalue()

    def _act(self, visit: Visit, act: Callable[[ConsoleServices, int, int], None], done: str, *, field: str = "") -> Response:
        """Do it and go back to the page; if refused, the page again with why and with what was typed."""
        case_id = _case_id(visit)
        try:
            act(self._services, case_id, visit.who.staff_id)
        except NoSuchCase:
            return self._missing(visit)
        except Refused as refused:
            words = self._words(f"error.{refused.code}", most=f"{MAX_WORDS:,}")
            return self._page(visit, problem=Problem(field=FIELDS.get(refused.code, field), words=words), form=field)
        return private(RedirectResponse(f"/staff/cases/{case_id}/records?done={done}", 303))

    def _page(
        self, visit: Visit, *, problem: Problem | None = None, form: str = "", done: str = "", receipt: str | None = None
    ) -> Response:
        """The page, with what was typed in the refused `form`. That it was looked at is recorded before it is shown."""
        case_id = _case_id(visit)
        with self._services.database.read() as session:
            case = session.get(Case, case_id)
            if case is None or not may_see(visit.who.area_id, case.area_id):
                return self._missing(visit)
            person = session.get_one(Person, case.person_id)
            check = rights.valid_check(session, case_id)
            values = {
                "case": case,
                "person": person,
                "holds": self._holds(session, case_id),
                "legal": holds.legal_hold(session, case_id) is not None,
                "counts": copy.counts(session, person.id),
                "open_cases": rights.open_cases(session, person.id),
                "check": check,
                "checker": _names(session, {check.staff_id or 0}).get(check.staff_id or 0, "") if check else "",
            }
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="case.records", subject=f"case:{case_id}"))
        return self._look.page("records.html", 422 if problem else 200, who=visit.who, **values, **{
            "period": self._period(case), "identity": rights.IDENTITY, "days": rights.CHECK_LASTS.days, "ids": IDS,
            "problem": problem, "typed": visit.form, "form": form, "done": done, "receipt": receipt, "most": MAX_WORDS,
        })  # fmt: skip

    def _period(self, case: Case) -> Period:
        return self._services.schedule.period("cases", case.area_id)

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


def _end_of(day: str) -> datetime | None:
    """The end of a day, "2027-03-31"; None for no day."""
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59), UTC)
    except ValueError:
        return None


def _names(session: Session, staff_ids: set[int]) -> dict[int, str]:
    return {staff_id: staff.first_name for staff_id in staff_ids if (staff := session.get(Staff, staff_id)) is not None}
