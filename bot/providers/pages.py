"""The page behind a provider's link: what we hold, two ways to answer, no account.

To open it changes nothing, however often: programs that guard mailboxes open every link. Only a posted form is an answer, and the
first is the only one that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.languages import supported
from bot.library.dates import say_date
from bot.library.helplines import Helplines
from bot.library.strings import Strings
from bot.pages.door import from_our_pages
from bot.pages.web import ASSETS, Look, chosen, secured
from bot.providers.letters import LANGUAGES, PATH, checked_words
from bot.settings import Settings
from bot.storage.crypto import opening
from services_directory import writing
from services_directory.directory import LONDON
from services_directory.freshness import links
from services_directory.freshness.held import held
from services_directory.freshness.links import Opened, Signer
from services_directory.freshness.reports import LONGEST_WORDS
from services_directory.models import now

HERE = Path(__file__).parent
MAX_BODY = 32 * 1024
STATUS: Mapping[str, int] = {"open": 200, "used": 200, "ended": 410, "gone": 404, "unavailable": 503}


def routes(
    engine: Engine, strings: Strings, helplines: Helplines, settings: Settings, *, clock: Callable[[], datetime] = now
) -> list[Route]:
    """The page and its two forms."""
    pages = ProviderPages(engine, strings, helplines, settings, clock)
    link = f"{PATH}/{{token:str}}"
    return [
        Route(link, pages.show, methods=["GET"]),
        Route(f"{link}/right", pages.right, methods=["POST"]),
        Route(f"{link}/wrong", pages.wrong, methods=["POST"]),
    ]


class ProviderPages:
    """The handlers; what blocks runs in a thread."""

    def __init__(
        self, engine: Engine, strings: Strings, helplines: Helplines, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._strings, self._settings, self._clock = engine, strings, settings, clock
        self._signer = Signer(opening(settings.keys()))
        self._look = Look(
            HERE / "templates",
            assets={"pages": ASSETS},
            strings=strings,
            helplines=helplines,
            demonstration=settings.demonstration,
        )

    async def show(self, request: Request) -> Response:
        return await self._answered(request, lambda: self._show(request))

    async def right(self, request: Request) -> Response:
        """All is still right."""

        def say() -> Response:
            with writing(self._engine) as session:
                moment = self._clock()
                today = moment.astimezone(LONDON).date()
                opened = links.say_right(session, self._signer, request.path_params["token"], moment, today)
                return self._said(request, opened)

        return await self._posted(request, lambda form: say())

    async def wrong(self, request: Request) -> Response:
        """Something is wrong: `text` says what."""

        def say(form: Mapping[str, str]) -> Response:
            try:
                with writing(self._engine) as session:
                    token, words = request.path_params["token"], form.get("text", "")
                    return self._said(request, links.say_wrong(session, self._signer, token, self._clock(), words))
            except ValueError:
                return self._show(request, missing=True)

        return await self._posted(request, say)

    async def _posted(self, request: Request, act: Callable[[Mapping[str, str]], Response]) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return self._page(request, Opened("gone"), status=413)
        if not from_our_pages(request, self._settings.url):
            return self._page(request, Opened("gone"), status=403)
        try:
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10))
        except ValueError:
            form = {}
        return await self._answered(request, lambda: act(form))

    async def _answered(self, request: Request, act: Callable[[], Response]) -> Response:
        try:
            return await run_in_threadpool(act)
        except SQLAlchemyError:
            return self._page(request, Opened("unavailable"))

    def _show(self, request: Request, *, missing: bool = False) -> Response:
        with Session(self._engine) as session:
            opened = links.open_link(session, self._signer, request.path_params["token"], self._clock())
            return self._page(request, opened, status=422 if missing and opened.state == "open" else None, missing=missing)

    def _said(self, request: Request, opened: Opened) -> Response:
        """To the page of what was answered: to load it again answers nothing twice."""
        if opened.state not in ("open", "used"):
            return self._page(request, opened)
        now_said = "&done=1" if opened.state == "open" else ""
        where = f"{PATH}/{request.path_params['token']}?lang={self._language(request)}{now_said}"
        return _private(RedirectResponse(where, 303))

    def _page(self, request: Request, opened: Opened, *, status: int | None = None, missing: bool = False) -> Response:
        language = self._language(request)
        used_on = opened.link.used_at.astimezone(LONDON).date() if opened.link and opened.link.used_at else None
        parts = held(opened.service) if opened.service is not None and opened.state == "open" else []
        response = self._look.page(
            "provider.html",
            language,
            status or STATUS[opened.state],
            state=opened.state,
            name=opened.service.name if opened.service else "",
            parts=parts,
            checked=checked_words(self._strings, language, opened.service.assured_date) if opened.service else "",
            used_on=say_date(used_on, language) if used_on else "",
            outcome=(opened.link.outcome or "") if opened.link else "",
            done="done" in request.query_params,
            missing=missing,
            most=str(LONGEST_WORDS),
            here=f"{PATH}/{request.path_params['token']}",
            languages=[one for one in supported() if one.code in LANGUAGES],
        )
        return _private(response)

    @staticmethod
    def _language(request: Request) -> str:
        return chosen(request.query_params.get("lang"), request.headers.get("accept-language", ""), LANGUAGES) or LANGUAGES[0]


def _private(response: Response) -> Response:
    """For one reader only: never stored, never found by search engines, the address told to nobody."""
    secured(response)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
