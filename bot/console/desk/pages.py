"""The content desk: find a text, edit it, see it as each channel shows it, send it, approve it, publish it, go back.

Every page works without a script. Handlers run in a thread behind the guard. Texts belong to no area: whoever has the role works on all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.desk import showing
from bot.console.desk.common import HOME, audit, person_of
from bot.console.forms import whole_number
from bot.console.guard import Guard, Visit
from bot.console.look import Look, private
from bot.console.roles import (
    APPROVES_CONTENT,
    PUBLISHES_CONTENT,
    REVIEWS_CONTENT,
    SEES_CONTENT,
    TAKES_CONTENT_FILES,
    WRITES_CONTENT,
)
from bot.console.services import ConsoleServices
from bot.desk import checks, interface, listing, store
from bot.desk.listing import PAGE, SHOWS, Asked
from bot.desk.store import Edit, Refusal, Texts
from bot.library.check_files import Tree
from bot.library.helplines import NATIONS
from bot.settings import ROOT

DONE = frozenset(
    {
        *("saved", "sent", "taken_back", "thrown_away", "approved", "given_back"),
        *("published", "went_back", "withdrawn", "reviewed", "unchanged"),
    }
)


def desk_routes(pages: ContentDesk, guard: Guard) -> list[Route]:
    """The routes of editing."""
    one, version = "{language:str}/{content_id:path}", f"{HOME}/versions/{{version_id:int}}"
    acts: dict[str, tuple[Callable[[Visit], Response], frozenset[str]]] = {
        "send": (pages.send, WRITES_CONTENT),
        "take-back": (pages.take_back, WRITES_CONTENT),
        "throw-away": (pages.throw_away, WRITES_CONTENT),
        "approve": (pages.approve, APPROVES_CONTENT),
        "give-back": (pages.give_back, APPROVES_CONTENT),
        "publish": (pages.publish, PUBLISHES_CONTENT),
        "go-back": (pages.go_back, PUBLISHES_CONTENT),
    }
    return [
        Route(HOME, guard.page(pages.list, SEES_CONTENT), methods=["GET"]),
        Route(f"{HOME}/texts/{one}", guard.page(pages.text, SEES_CONTENT), methods=["GET"]),
        Route(f"{HOME}/edit/{one}", guard.page(pages.edit, WRITES_CONTENT), methods=["GET"]),
        Route(f"{HOME}/edit/{one}", guard.act(pages.save, WRITES_CONTENT), methods=["POST"]),
        Route(f"{HOME}/withdraw/{one}", guard.act(pages.withdraw, PUBLISHES_CONTENT), methods=["POST"]),
        Route(f"{HOME}/reviewed/{one}", guard.act(pages.reviewed, REVIEWS_CONTENT), methods=["POST"]),
        *(Route(f"{version}/{name}", guard.act(act, roles), methods=["POST"]) for name, (act, roles) in acts.items()),
    ]


class ContentDesk:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._database = services, look, services.database
        self._texts = Texts(services.renderer.library, Tree(ROOT))

    # Pages

    def list(self, visit: Visit) -> Response:
        """The texts that `?q=`, `topic`, `lang` and `show` leave, a page at a time."""
        asked, query = self._asked(visit), visit.request.query_params
        audit(self._database, visit, "content.find")
        self._texts.library.refresh()
        with self._database.read() as session:
            found = listing.find(session, self._texts.library, person_of(visit), asked)
            waits = listing.waiting(session, self._texts.library, person_of(visit))
        last = max(1, -(-len(found) // PAGE))
        page = min(whole_number(query.get("page", "")) or 1, last)
        wanted = {"q": asked.words, "kind": asked.kind, "topic": asked.topic, "lang": asked.language or "all", "show": asked.show}
        return self._page(
            visit,
            "list.html",
            found=found[(page - 1) * PAGE : page * PAGE],
            total=len(found),
            page=page,
            last=last,
            asked=asked,
            waits=waits,
            shows=SHOWS,
            kinds=listing.KINDS,
            left=interface.left_of_each(self._texts.library),
            topics=sorted({*self._texts.library.topics()} - {"safety"}),
            link=lambda number: f"{HOME}?{urlencode({**wanted, 'page': number})}",
            drafts=whole_number(query.get("drafts", "")),
            writes=bool(WRITES_CONTENT & visit.who.roles),
            takes_files=bool(TAKES_CONTENT_FILES & visit.who.roles),
        )

    def text(self, visit: Visit) -> Response:
        """One text in one language: what is on its way, how it looks on each channel, what parents read now, and its history."""
        return self._show(visit, *self._named(visit))

    def edit(self, visit: Visit) -> Response:
        """The boxes to change a text in, beside its English where it is a translation."""
        content_id, language = self._named(visit)
        if not self._there(content_id, language):
            return self._missing(visit)
        if not person_of(visit).may_write(language):
            return self._look.notice("no_role", 403, who=visit.who, back=_address(content_id, language))
        self._texts.library.refresh()
        with self._database.read() as session:
            return self._boxes(visit, session, content_id, language)

    # Acts

    def save(self, visit: Visit) -> Response:
        """Keep what was typed, right or wrong, and say what is wrong beside the boxes. Who comes second is told and keeps their words."""
        content_id, language = self._named(visit)
        edit = Edit(
            body=visit.form.get("text", ""),
            help_if=visit.form.get("help_if", ""),
            seen=visit.form.get("seen", ""),
            english=visit.form.get("english") or None,
        )
        audit(self._database, visit, "content.save", content_id, language)
        try:
            with store.changing(self._database, self._texts) as session:
                version = store.save(session, self._texts, person_of(visit), content_id, language, edit)
                if self._texts.problems(version):
                    return self._boxes(visit, session, content_id, language, http=422)
        except Refusal as refusal:
            if refusal.code == "unchanged":
                return self._to(content_id, language, "unchanged")
            if refusal.code in ("missing", "role"):
                return self._refused(visit, refusal, kept=edit.body)
            with self._database.read() as session:
                return self._boxes(visit, session, content_id, language, http=409, typed=edit, refusal=refusal.code)
        return self._to(content_id, language, "saved")

    def send(self, visit: Visit) -> Response:
        """Put a draft before those who approve."""
        return self._moving(visit, "sent", lambda session, number: store.send(session, self._texts, person_of(visit), number))

    def take_back(self, visit: Visit) -> Response:
        """Make what was sent or approved a draft again."""
        return self._moving(visit, "taken_back", lambda session, number: store.take_back(session, person_of(visit), number))

    def throw_away(self, visit: Visit) -> Response:
        """End a draft."""
        return self._moving(visit, "thrown_away", lambda session, number: store.throw_away(session, person_of(visit), number))

    def approve(self, visit: Visit) -> Response:
        """Say that the words are right."""
        native = visit.form.get("native") == "yes"

        def act(session: Session, number: int) -> None:
            store.approve(session, self._texts, person_of(visit), number, native=native)

        return self._moving(visit, "approved", act)

    def give_back(self, visit: Visit) -> Response:
        """Give a text back to its writer with a reason."""

        def act(session: Session, number: int) -> None:
            store.give_back(session, person_of(visit), number, visit.form.get("text", ""))

        return self._moving(visit, "given_back", act)

    def publish(self, visit: Visit) -> Response:
        """Let parents read it."""
        same = visit.form.get("same_meaning") == "yes"

        def act(session: Session, number: int) -> None:
            store.publish(session, self._texts, person_of(visit), number, same_meaning=same)

        return self._moving(visit, "published", act)

    def go_back(self, visit: Visit) -> Response:
        """Publish an earlier version again."""
        return self._moving(
            visit, "went_back", lambda session, number: store.go_back(session, self._texts, person_of(visit), number)
        )

    def withdraw(self, visit: Visit) -> Response:
        """Let the file's words stand again."""
        content_id, language = self._named(visit)
        return self._act(
            visit,
            "withdrawn",
            (content_id, language),
            lambda session: store.withdraw(session, person_of(visit), content_id, language),
        )

    def reviewed(self, visit: Visit) -> Response:
        """Say that a message is still right as it is."""
        content_id, language = self._named(visit)
        return self._act(
            visit,
            "reviewed",
            (content_id, language),
            lambda session: store.reviewed(session, self._texts, person_of(visit), content_id),
        )

    # Parts

    def _moving(self, visit: Visit, done: str, act: Callable[[Session, int], object]) -> Response:
        """One step of a version on its way."""
        number = visit.request.path_params["version_id"]
        with self._database.read() as session:
            try:
                version = store.get(session, number)
            except Refusal:
                return self._missing(visit)
        return self._act(visit, done, (version.content_id, version.language), lambda session: act(session, number))

    def _act(self, visit: Visit, done: str, text: tuple[str, str], act: Callable[[Session], object]) -> Response:
        """Do it and show the text again; refused, with the reason why and nothing changed."""
        audit(self._database, visit, f"content.{done}", *text)
        try:
            with store.changing(self._database, self._texts) as session:
                act(session)
        except Refusal as refusal:
            if refusal.code in ("missing", "role"):
                return self._refused(visit, refusal, kept=visit.form.get("text", ""))
            return self._show(visit, *text, http=422 if refusal.code in ("checks", "reason") else 409, refusal=refusal)
        return self._to(*text, done)

    def _show(self, visit: Visit, content_id: str, language: str, *, http: int = 200, refusal: Refusal | None = None) -> Response:
        if not self._there(content_id, language):
            return self._missing(visit)
        audit(self._database, visit, "content.view", content_id, language)
        self._texts.library.refresh()
        nation = visit.request.query_params.get("nation", "")
        with self._database.read() as session:
            shown = showing.text_page(
                session,
                self._services,
                self._texts,
                person_of(visit),
                content_id,
                language,
                nation if nation in NATIONS else None,
            )
        done = visit.request.query_params.get("done", "")
        return self._page(
            visit,
            "text.html",
            http=http,
            shown=shown,
            refusal=refusal,
            done=done if done in DONE else "",
            nation=nation,
            nations=NATIONS,
            typed=visit.form.get("text", ""),
        )

    def _boxes(
        self,
        visit: Visit,
        session: Session,
        content_id: str,
        language: str,
        *,
        http: int = 200,
        typed: Edit | None = None,
        refusal: str = "",
    ) -> Response:
        boxes = showing.edit_page(session, self._texts, content_id, language, typed)
        return self._page(visit, "edit.html", http=http, boxes=boxes, refusal=refusal, kept=http == 422)

    def _asked(self, visit: Visit) -> Asked:
        query, languages = visit.request.query_params, checks.tongues()
        language = query.get("lang", languages[0])
        show, kind = query.get("show", "all"), query.get("kind", "")
        return Asked(
            kind=kind if kind in listing.KINDS else listing.KINDS[0],
            words=query.get("q", "")[:200],
            topic=query.get("topic", ""),
            language=language if language in languages else "" if language == "all" else languages[0],
            show=show if show in SHOWS else "all",
        )

    def _named(self, visit: Visit) -> tuple[str, str]:
        return visit.request.path_params["content_id"], visit.request.path_params["language"]

    def _there(self, content_id: str, language: str) -> bool:
        return checks.editable(self._texts.library, content_id) and language in checks.tongues()

    def _page(self, visit: Visit, template: str, *, http: int = 200, **values: Any) -> Response:
        person = person_of(visit)
        common = {
            "who": visit.who,
            "person": person,
            "home": HOME,
            "address": _address,
            "tongues": checks.tongues(),
            "is_string": interface.is_string,
        }
        return self._look.page(f"desk/{template}", http, **(common | values))

    def _to(self, content_id: str, language: str, done: str) -> Response:
        return private(RedirectResponse(f"{_address(content_id, language)}?done={done}", 303))

    def _refused(self, visit: Visit, refusal: Refusal, kept: str) -> Response:
        if refusal.code == "missing":
            return self._missing(visit, kept)
        return self._look.notice("no_role", 403, who=visit.who, kept=kept, back=HOME)

    def _missing(self, visit: Visit, kept: str = "") -> Response:
        return self._look.notice("no_text", 404, who=visit.who, kept=kept, back=HOME)


def _address(content_id: str, language: str, what: str = "texts") -> str:
    return f"{HOME}/{what}/{quote(language, safe='')}/{quote(content_id)}"
