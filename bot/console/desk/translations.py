"""Translators' files in the console: take a language out, bring it in again after a look at what would become of each text; and what is
published as files for `content/`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.desk.common import HOME, audit, person_of
from bot.console.guard import Guard, Visit
from bot.console.look import Look, private
from bot.console.roles import TAKES_CONTENT_FILES, WRITES_CONTENT
from bot.console.services import ConsoleServices
from bot.desk import checks, writeback
from bot.desk.exchange import FORMS, MEDIA_TYPES, CannotRead, export, read
from bot.desk.imports import BECOMES, Line, bring, plan
from bot.desk.store import Texts, changing
from bot.library.check_files import Tree
from bot.library.strings import SOURCE_LANGUAGE
from bot.settings import ROOT
from bot.storage.tables import TextImport

PAGE, FILES = f"{HOME}/translations", f"{HOME}/files"
MOST_BYTES = 8_000_000


def translation_routes(pages: TranslatorsFiles, guard: Guard) -> list[Route]:
    """The routes of files."""
    brought = f"{PAGE}/brought/{{file_id:int}}"
    return [
        Route(PAGE, guard.page(pages.page, WRITES_CONTENT), methods=["GET"]),
        Route(PAGE, guard.bring(pages.bring, WRITES_CONTENT), methods=["POST"]),
        Route(f"{PAGE}/export/{{language:str}}.{{form:str}}", guard.page(pages.export, WRITES_CONTENT), methods=["GET"]),
        Route(brought, guard.page(pages.report, WRITES_CONTENT), methods=["GET"]),
        Route(f"{brought}/take", guard.act(pages.take, WRITES_CONTENT), methods=["POST"]),
        Route(f"{brought}/discard", guard.act(pages.discard, WRITES_CONTENT), methods=["POST"]),
        Route(FILES, guard.page(pages.files, TAKES_CONTENT_FILES), methods=["GET"]),
        Route(f"{FILES}/content.zip", guard.page(pages.zip, TAKES_CONTENT_FILES), methods=["GET"]),
    ]


class TranslatorsFiles:
    """The handlers behind the guard; they run in a thread. Whoever brought a file sees it, nobody else."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._database, self._look = services.database, look
        self._texts = Texts(services.renderer.library, Tree(ROOT))

    # Pages

    def page(self, visit: Visit) -> Response:
        """What can be taken out, and the form to bring a file."""
        return self._page(visit)

    def export(self, visit: Visit) -> Response:
        """One language as .po or CSV."""
        language, form = str(visit.request.path_params["language"]), str(visit.request.path_params["form"])
        if language not in _translated() or form not in FORMS:
            return self._missing(visit)
        audit(self._database, visit, "content.export", form, language)
        self._texts.library.refresh()
        return _file(export(self._texts.library, language, form).encode(), MEDIA_TYPES[form], f"wren-{language}.{form}")

    def report(self, visit: Visit) -> Response:
        """What would become of each text of a file that was brought."""
        self._texts.library.refresh()
        with self._database.read() as session:
            row = self._mine(session, visit)
            if row is None:
                return self._missing(visit)
            lines = plan(session, self._texts, person_of(visit), read(row.content), native=False)
            return self._show(visit, "brought.html", file=row, lines=lines, number=_drafts(lines))

    def files(self, visit: Visit) -> Response:
        """What `bot content write-back` would write, and the same as a zip."""
        audit(self._database, visit, "content.files")
        return self._show(visit, "files.html", files=self._changed())

    def zip(self, visit: Visit) -> Response:
        """The files as one; the page says where they belong."""
        audit(self._database, visit, "content.zip")
        return _file(writeback.as_zip(self._changed()), "application/zip", "content.zip")

    # Acts

    def bring(self, visit: Visit) -> Response:
        """Read a file and keep it until somebody says yes. Nothing becomes of it yet."""
        if visit.upload is None or not visit.upload.content:
            return self._page(visit, problem=self._look.words("desk.error.file"))
        if len(visit.upload.content) > MOST_BYTES:
            return self._page(visit, problem=self._look.words("desk.error.too_long"))
        try:
            content = visit.upload.content.decode("utf-8").replace("\x00", "")
            read(content)
        except UnicodeDecodeError as error:
            return self._page(visit, problem=self._look.words("desk.error.encoding", byte=error.start))
        except CannotRead as error:
            return self._page(visit, problem=str(error))
        row = TextImport(name=visit.upload.name[:120] or "file", content=content, staff_id=visit.who.staff_id)
        audit(self._database, visit, "content.bring")
        with self._database.write() as session:
            session.add(row)
        return private(RedirectResponse(f"{PAGE}/brought/{row.id}", 303))

    def take(self, visit: Visit) -> Response:
        """Make the drafts."""
        audit(self._database, visit, "content.take")
        with changing(self._database, self._texts) as session:
            row = self._mine(session, visit)
            if row is None:
                return self._missing(visit)
            native = visit.form.get("native") == "yes"
            lines = bring(session, self._texts, person_of(visit), read(row.content), native=native)
            session.delete(row)
        return private(RedirectResponse(f"{HOME}?lang=all&show=open&drafts={_drafts(lines)}", 303))

    def discard(self, visit: Visit) -> Response:
        """Throw a file away."""
        with self._database.write() as session:
            row = self._mine(session, visit)
            if row is None:
                return self._missing(visit)
            session.delete(row)
        return private(RedirectResponse(f"{PAGE}?done=discarded", 303))

    # Parts

    def _page(self, visit: Visit, *, problem: str = "") -> Response:
        with self._database.read() as session:
            waits = session.scalars(select(TextImport).where(TextImport.staff_id == visit.who.staff_id)).all()
        values = {"languages": _translated(), "forms": FORMS, "waits": waits, "problem": problem}
        done = "discarded" if visit.request.query_params.get("done") == "discarded" else ""
        return self._show(visit, "translations.html", 422 if problem else 200, done=done, **values)

    def _changed(self) -> list[writeback.File]:
        self._texts.library.refresh()
        with self._database.read() as session:
            return writeback.files(session, self._texts.library, self._texts.tree.root)

    def _mine(self, session: Session, visit: Visit) -> TextImport | None:
        row = session.get(TextImport, visit.request.path_params["file_id"])
        return row if row is not None and row.staff_id == visit.who.staff_id else None

    def _show(self, visit: Visit, template: str, http: int = 200, **values: Any) -> Response:
        return self._look.page(f"desk/{template}", http, who=visit.who, home=HOME, here=PAGE, **values)

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_text", 404, who=visit.who, back=HOME)


def _translated() -> list[str]:
    return [code for code in checks.tongues() if code != SOURCE_LANGUAGE]


def _drafts(lines: list[Line]) -> int:
    return sum(line.outcome in BECOMES for line in lines)


def _file(content: bytes, media_type: str, name: str) -> Response:
    response = private(Response(content, media_type=media_type))
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
