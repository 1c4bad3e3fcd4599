"""Bringing services in and taking them out: upload, a report of what would change, then a yes; and the directory as files."""

from __future__ import annotations

import json
import logging
import threading
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from bot.console.directory.common import HOME, person_of
from bot.console.guard import Visit
from bot.console.look import Look, private
from bot.console.roles import APPROVES_DIRECTORY, EDITS_DIRECTORY
from bot.console.services import ConsoleServices
from bot.storage.tables import StaffAudit
from services_directory import writing
from services_directory.editing.desk import Refusal
from services_directory.imports import one_sheet, questions
from services_directory.imports.apply import Blocked, run_import
from services_directory.imports.exporting import FORMS, MEDIA_TYPES, SUFFIXES, export
from services_directory.imports.notes import CannotRead, stored
from services_directory.imports.plan import Options
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import read_bytes
from services_directory.imports.report import as_json
from services_directory.imports.tables import WaitingImport
from services_directory.models import now

log = logging.getLogger(__name__)

PAGE = "/staff/directory/import"
DONE = ("discarded", "answered")
SHOWN = 20
# An import takes a minute; one that has been at it for longer lost its process, and wrote nothing.
STALE = timedelta(minutes=15)
CHOICES = ("approve", "theirs", "gone", "all")
QUIET_CHOICES = ("all",)
"""Those that change nothing that parents see."""

BRINGS = EDITS_DIRECTORY | APPROVES_DIRECTORY
"""Who may bring services in. Whoever else sees the directory sees imports."""


class Imports:
    """The handlers behind the guard; they run in a thread. `_progress` is of this process: (done, total) by import."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look
        self._progress: dict[str, tuple[int, int]] = {}

    # Pages

    def page(self, visit: Visit) -> Response:
        """The form to bring a file, imports that wait or are done, and how many questions are open."""
        return self._page(visit)

    def _page(self, visit: Visit, *, problem: Mapping[str, str] | None = None, source: str = "") -> Response:
        who, person = visit.who, person_of(visit)
        with self._services.database.read() as session:
            query = select(WaitingImport).order_by(WaitingImport.brought_at.desc()).limit(SHOWN)
            rows = session.scalars(query.where(self._mine(visit))).all()
            asked = len(questions.open_terms(session, person)) + len(questions.open_merges(session, person))
        asked_done = visit.request.query_params.get("done", "")
        return self._look.page(
            "directory/import.html",
            422 if problem else 200,
            who=who,
            rows=[{"id": row.id, "name": row.name, "source": row.source, "state": self._state(row)} for row in rows],
            asked=asked,
            problem=problem,
            source=source,
            may_bring=bool(BRINGS & who.roles),
            done=asked_done if asked_done in DONE else "",
        )

    def _mine(self, visit: Visit) -> Any:
        area = visit.who.area_id
        return or_(WaitingImport.area_id == area, WaitingImport.area_id.is_(None)) if area else WaitingImport.id.is_not(None)

    def _state(self, row: WaitingImport) -> str:
        stale = row.state == "applying" and row.id not in self._progress and now() - row.brought_at > STALE
        return "waiting" if stale else row.state

    def report(self, visit: Visit) -> Response:
        """What an import would do or did, row by row; while it is at work, how far it is."""
        with self._services.database.read() as session:
            row = self._row(session, visit)
        if row is None:
            return self._missing(visit)
        state = self._state(row)
        return self._report(visit, row, state)

    def _report(self, visit: Visit, row: WaitingImport, state: str, *, http: int = 200) -> Response:
        approves, live = self._approves(visit, row), _goes_live(row, [])
        return self._look.page(
            "directory/report.html",
            http,
            who=visit.who,
            one=row,
            state=state,
            report=json.loads(row.report),
            chosen=json.loads(row.options),
            progress=self._progress.get(row.id, (0, 0)),
            may_bring=bool(BRINGS & visit.who.roles),
            may_apply=bool(BRINGS & visit.who.roles) and (approves or not live),
            choices=CHOICES if approves else QUIET_CHOICES,
        )

    def _approves(self, visit: Visit, row: WaitingImport) -> bool:
        """Whether what this import brings may go live on the reader's word: as with editing, somebody else's than the bringer's."""
        own = row.brought_by == str(visit.who.staff_id) and not self._services.settings.directory_approve_own
        return bool(APPROVES_DIRECTORY & visit.who.roles) and not own

    def template(self, visit: Visit) -> Response:
        """The empty sheet."""
        return _file(one_sheet.template().encode(), "csv", "services-template.csv")

    def exports(self, visit: Visit) -> Response:
        """The forms in which the directory can be taken out."""
        return self._look.page("directory/export.html", who=visit.who, forms=FORMS)

    def export(self, visit: Visit) -> Response:
        """The approved services of the reader's area in one form."""
        form = str(visit.request.path_params["form"])
        if form not in FORMS:
            return self._missing(visit)
        with self._services.database.read() as session:
            content = export(session, form, area_id=visit.who.area_id)
        self._audit(visit, "directory.export", form)
        if form == "list":
            response = private(Response(content, media_type=MEDIA_TYPES["html"]))
            # The one page with a style of its own, so that it can be saved and printed alone; it has no script.
            response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
            return response
        suffix = SUFFIXES[form]
        return _file(content, suffix, f"services-{form}.{suffix}")

    def asked(self, visit: Visit) -> Response:
        """What imports asked and nobody has answered."""
        with self._services.database.read() as session:
            terms = questions.open_terms(session, person_of(visit))
            merges = questions.open_merges(session, person_of(visit))
        asked_done = visit.request.query_params.get("done", "")
        done = asked_done if asked_done in ("answered", "waiting") else ""
        may_bring = bool(BRINGS & visit.who.roles)
        return self._look.page("directory/asked.html", who=visit.who, terms=terms, merges=merges, done=done, may_bring=may_bring)

    # Acts

    def bring(self, visit: Visit) -> Response:
        """Read an uploaded file, and keep it with its report until somebody says yes. Nothing is imported."""
        source = " ".join(visit.form.get("source", "").split())[:100]
        if visit.upload is None or not visit.upload.content:
            return self._page(visit, problem=self._problem("file", "directory_import.error.file"), source=source)
        if not source:
            return self._page(visit, problem=self._problem("source", "directory_import.error.source"), source=source)
        name = visit.upload.name[:200] or "file"
        options = Options(source=source, area_id=visit.who.area_id)
        try:
            reading = read_bytes(visit.upload.content, name)
        except CannotRead as error:
            where, why = (self._look.words.imported(stored(part)) for part in (error.note.where, error.note.said))
            words = f"{where}: {why}"
            return self._page(visit, problem={"field": "file", "words": words}, source=source)
        with self._services.database.read() as session:
            report = as_json(make_plan(session, reading, options))
        row = WaitingImport(
            area_id=visit.who.area_id,
            source=source,
            name=name,
            content=zlib.compress(visit.upload.content),
            options=json.dumps({"choices": []}),
            report=json.dumps(report, ensure_ascii=False),
            brought_by=str(visit.who.staff_id),
        )
        with self._services.database.write() as session:
            session.add(row)
            session.flush()
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="directory.import.bring", subject=f"import:{row.id}"))
        return private(RedirectResponse(f"{PAGE}/{row.id}", 303))

    def apply(self, visit: Visit) -> Response:
        """Begin to import; the page tells how far it is."""
        choices = [choice for choice in CHOICES if choice in visit.form]
        with self._services.database.write() as session:
            row = self._row(session, visit)
            if row is None:
                return self._missing(visit)
            if not self._approves(visit, row) and _goes_live(row, choices):
                return self._report(visit, row, self._state(row), http=409)
            if self._state(row) not in ("waiting", "failed") or row.content is None:
                return private(RedirectResponse(f"{PAGE}/{row.id}", 303))
            row.state, row.brought_at, row.options = "applying", now(), json.dumps({"choices": choices})
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="directory.import.apply", subject=f"import:{row.id}"))
            job = (row.id, zlib.decompress(row.content), row.name, self._options(row, visit, choices))
        self._progress[job[0]] = (0, 0)
        threading.Thread(target=self._work, args=job, name="directory import", daemon=True).start()
        return private(RedirectResponse(f"{PAGE}/{job[0]}", 303))

    def _options(self, row: WaitingImport, visit: Visit, choices: list[str]) -> Options:
        return Options(
            source=row.source,
            area_id=visit.who.area_id,
            approve="approve" in choices,
            take_theirs="theirs" in choices,
            mark_gone="gone" in choices,
            all_or_nothing="all" in choices,
            by=visit.who.first_name,
            by_id=visit.who.staff_id,
            brought_by=int(row.brought_by or 0),
        )

    def _work(self, import_id: str, content: bytes, name: str, options: Options) -> None:
        def progress(done: int, total: int) -> None:
            self._progress[import_id] = (done, total)

        state, report = "failed", None
        try:
            reading = read_bytes(content, name)
            write = self._write
            plan = run_import(self._services.database.engine, reading, options, progress=progress, write=write)
            state, report = "applied", as_json(plan)
        except Blocked as error:
            report = as_json(error.plan)
        except Exception as error:  # whatever it was, the page must not wait for ever; nothing has been written
            log.error("directory import failed (%s)", type(error).__name__)
        finally:
            with self._services.database.write() as session:
                row = session.get(WaitingImport, import_id)
                if row is not None:
                    row.state = state
                    row.report = json.dumps(report, ensure_ascii=False) if report else row.report
                    row.applied_at = now() if state == "applied" else None
                    row.content = None if state == "applied" else row.content
            self._progress.pop(import_id, None)

    def _write(self) -> AbstractContextManager[Session]:
        return self._services.database.write()

    def discard(self, visit: Visit) -> Response:
        """Throw a file away that was not imported."""
        with self._services.database.write() as session:
            row = self._row(session, visit)
            if row is None:
                return self._missing(visit)
            if self._state(row) != "applying":
                session.delete(row)
        self._audit(visit, "directory.import.discard", f"import:{visit.request.path_params['import_id']}"[:80])
        return private(RedirectResponse(f"{PAGE}?done=discarded", 303))

    def answer(self, visit: Visit) -> Response:
        """Answer a question: `kind` term or merge, `question` its id, `answer` yes or no. What parents would see waits."""
        yes, question = visit.form.get("answer") == "yes", visit.form.get("question", "")[:36]
        engine, person = self._services.directory_engine, person_of(visit)
        alone = bool(APPROVES_DIRECTORY & visit.who.roles) and self._services.settings.directory_approve_own
        if engine is None:
            return self._missing(visit)
        # Recorded first: the two connections would wait for each other on SQLite.
        self._audit(visit, "directory.answer", f"question:{question}: {'yes' if yes else 'no'}")
        try:
            with writing(engine) as session:
                if visit.form.get("kind") == "merge":
                    became = questions.answer_merge(session, person, question, same=yes, alone=alone)
                else:
                    became = questions.answer_term(session, person, question, yes=yes, alone=alone)
        except questions.NoSuchQuestion:
            return self._missing(visit)
        except Refusal as refusal:
            words = self._look.words(f"dir.refusal.{refusal.code}")
            return self._look.page("directory/refused.html", 409, who=visit.who, home=HOME, words=words)
        return private(RedirectResponse(f"{PAGE}/questions?done={became}", 303))

    # Helpers

    def _row(self, session: Session, visit: Visit) -> WaitingImport | None:
        own = str(visit.request.path_params["import_id"])[:36]
        return session.scalars(select(WaitingImport).where(WaitingImport.id == own, self._mine(visit))).one_or_none()

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_import", 404, who=visit.who, back=PAGE)

    def _problem(self, field: str, key: str) -> Mapping[str, str]:
        return {"field": field, "words": self._look.words(key)}

    def _audit(self, visit: Visit, action: str, subject: str) -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject[:80]))


def _goes_live(row: WaitingImport, choices: list[str]) -> bool:
    """Whether importing this with these choices changes what parents see: new services alone wait for approval."""
    return bool(json.loads(row.report)["counts"]["change"]) or not set(choices) <= set(QUIET_CHOICES)


def _file(content: bytes, suffix: str, name: str) -> Response:
    response = private(Response(content, media_type=MEDIA_TYPES[suffix]))
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
