"""Approving what imports brought in: choose by source, organisation or what is missing; see a summary; decide on all at once.

Every page works without a script. What was chosen travels in the form, each service with the mark of what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.routing import Route

from bot.console.directory.common import BROUGHT_IN, HOME, person_of
from bot.console.forms import whole_number
from bot.console.guard import Guard, Visit
from bot.console.look import Look
from bot.console.roles import APPROVES_DIRECTORY, SEES_DIRECTORY
from bot.console.services import ConsoleServices
from bot.storage.tables import StaffAudit
from services_directory import writing
from services_directory.directory import london_now
from services_directory.editing.desk import Refusal
from services_directory.freshness.policy import load_policy
from services_directory.imports import approving
from services_directory.imports.approving import Decision, Outcome, Row, Wanted

FILTERS = ("source", "organisation", "problem")


def brought_routes(pages: BroughtIn, guard: Guard) -> list[Route]:
    """The routes of what was brought in."""
    return [
        Route(BROUGHT_IN, guard.page(pages.page, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{BROUGHT_IN}/look", guard.act(pages.look, APPROVES_DIRECTORY), methods=["POST"]),
        Route(f"{BROUGHT_IN}/decide", guard.act(pages.decide, APPROVES_DIRECTORY), methods=["POST"]),
    ]


class BroughtIn:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, engine: Engine, look: Look) -> None:
        self._services, self._engine, self._look, self._words = services, engine, look, look.words
        self._stale_days = load_policy().review_days

    def page(self, visit: Visit) -> Response:
        """What waits, a page at a time, as `?source=`, `?organisation=` and `?problem=` say."""
        self._audit(visit, "directory.brought_in")
        return self._list(visit, visit.request.query_params)

    def look(self, visit: Visit) -> Response:
        """A summary of the ticked services, or with `all` of every one that the filters find."""
        with Session(self._engine) as session:
            if "all" in visit.form:
                ids = approving.ids_of(session, person_of(visit), self._wanted(visit.form))
            else:
                ids = [name.removeprefix("service.") for name in visit.form if name.startswith("service.")]
        if not ids:
            return self._list(visit, visit.form, problem=self._words("brought.error.none"))
        self._audit(visit, "directory.brought_in.look", f"services:{len(ids)}")
        return self._summary(visit, ids)

    def decide(self, visit: Visit) -> Response:
        """Approve or refuse (`decision`) what was shown, with one reason (`text`)."""
        chosen = read_chosen(visit.form.get("chosen", ""))
        approve = visit.form.get("decision") == "approve"
        own = self._services.settings.directory_approve_own
        decision = Decision(approve=approve, reason=visit.form.get("text", ""), own_too=own)
        # Recorded first, as one; then each service that was decided.
        self._audit(visit, f"directory.{'approve' if approve else 'refuse'}_many", f"services:{len(chosen)}")
        try:
            outcome = approving.decide(lambda: writing(self._engine), person_of(visit), chosen, decision)
        except Refusal as refusal:
            return self._summary(visit, list(chosen), problem=self._refusal(refusal.code))
        self._audit_each(visit, "directory.approve" if approve else "directory.refuse", outcome)
        failed = [(id_, name, self._refusal(code)) for id_, name, code in outcome.failed]
        return self._show("brought_done.html", visit, done=len(outcome.done), approved=approve, failed=failed)

    # Parts

    def _list(self, visit: Visit, asked: Mapping[str, str], *, problem: str = "") -> Response:
        person, wanted = person_of(visit), self._wanted(asked)
        chosen = {name: getattr(wanted, name) for name in FILTERS}
        with Session(self._engine) as session:
            total = approving.how_many(session, person, wanted)
            last = max(1, -(-total // approving.PAGE))
            page = min(max(1, whole_number(asked.get("page", "")) or 1), last)
            sources, organisations = approving.choices(session, person)
            return self._show(
                "brought.html",
                visit,
                422 if problem else 200,
                rows=approving.listed(session, person, wanted, page),
                total=total,
                page=page,
                last=last,
                sources=sources,
                organisations=organisations,
                chosen=chosen,
                problem={"field": "services", "words": problem} if problem else None,
                may_decide=bool(APPROVES_DIRECTORY & visit.who.roles),
                all_ticked="tick" in asked,
                link=lambda number, **more: f"{BROUGHT_IN}?{urlencode(chosen | {'page': number} | more)}",
            )

    def _summary(self, visit: Visit, ids: list[str], *, problem: str = "") -> Response:
        own = self._services.settings.directory_approve_own
        with Session(self._engine) as session:
            rows = approving.summary(session, person_of(visit), ids, self._stale_before(), own_too=own)
        # What nobody can decide on now is told, and is not sent along.
        able = [row for row in rows if row.refusal in ("", "own_import")]
        return self._show(
            "brought_look.html",
            visit,
            422 if problem else 200,
            able=able,
            approvable=[row for row in able if not row.refusal],
            unable=[(row, self._refusal(row.refusal)) for row in rows if row.refusal],
            by_problem=[(name, found) for name in approving.PROBLEMS if (found := with_problem(able, name))],
            chosen=" ".join(f"{row.id}.{row.mark}" for row in able),
            most=approving.MOST_AT_ONCE if len(ids) >= approving.MOST_AT_ONCE else 0,
            typed=visit.form.get("text", ""),
            problem={"field": "text", "words": problem} if problem else None,
        )

    def _wanted(self, asked: Mapping[str, str]) -> Wanted:
        return Wanted(stale_before=self._stale_before(), **{name: asked.get(name, "")[:100] for name in FILTERS})

    def _stale_before(self) -> date:
        return london_now().date() - timedelta(days=self._stale_days)

    def _refusal(self, code: str) -> str:
        return self._words.either(f"brought.refusal.{code}", "") or self._words(f"dir.refusal.{code}")

    def _show(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        common = {"who": visit.who, "home": HOME, "here": BROUGHT_IN, "stale_days": self._stale_days}
        return self._look.page(f"directory/{template}", http, **common, problems=approving.PROBLEMS, **values)

    def _audit(self, visit: Visit, action: str, subject: str = "") -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject))

    def _audit_each(self, visit: Visit, action: str, outcome: Outcome) -> None:
        with self._services.database.write() as session:
            session.add_all(
                StaffAudit(staff_id=visit.who.staff_id, action=action, subject=f"service:{id_}") for id_ in outcome.done
            )


def with_problem(rows: list[Row], name: str) -> list[Row]:
    """The rows that have one of the problems."""
    return [row for row in rows if name in row.problems]


def read_chosen(text: str) -> dict[str, str]:
    """What a form carries along: the mark of what was shown, by the id of the service."""
    pairs = (one.partition(".") for one in text.split())
    return {id_: mark for id_, _, mark in pairs if len(id_) == 36}
