"""The form in every page's head by which staff choose the console's language."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.guard import Guard, read_form, same, with_cookie
from bot.console.language import LANGUAGE_COOKIE, SPOKEN
from bot.console.look import Look, private
from bot.console.roles import landing
from bot.console.services import ConsoleServices
from bot.console.stages import nearest
from bot.pages.door import from_our_pages
from bot.storage.tables import Staff


class LanguageChoice:
    """Keeps a choice in the account of whoever is signed in, else in a cookie of this browser: never in both."""

    def __init__(self, services: ConsoleServices, look: Look, guard: Guard) -> None:
        self._services, self._look, self._guard = services, look, guard

    async def choose(self, request: Request) -> Response:
        """Take the form of anybody, signed in or not: 303 back to the page that it was on."""
        if not from_our_pages(request, self._services.settings.url):
            return self._look.notice("not_ours", 403)
        form = await read_form(request)
        if form is None:
            return self._look.notice("too_big", 413)
        try:
            return await run_in_threadpool(self._keep, request, form)
        except SQLAlchemyError:
            return self._look.notice("unavailable", 503)

    def _keep(self, request: Request, form: Mapping[str, str]) -> Response:
        """A language that is not ours changes nothing. Before signing in there is no account whose token a form could hold."""
        language, who, before = form.get("language", ""), self._guard.who(request), _page_before(request)
        if who is None:
            back = private(RedirectResponse(before, 303))
            return with_cookie(back, LANGUAGE_COOKIE, language, self._services.settings) if language in SPOKEN else back
        if not same(form.get("csrf", ""), who.csrf):
            return self._look.notice("old_page", 403, who=who, back=before)
        if language in SPOKEN:
            with self._services.database.write() as session:
                session.get_one(Staff, who.staff_id).language = language
        return private(RedirectResponse(landing(who.roles) if before == "/staff" else before, 303))


def _page_before(request: Request) -> str:
    """The page that a form was on, as the browser tells us: ours alone sends it, so that it need not stand in every form."""
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:  # half an address, which no browser sends
        before = urlsplit("")
    page = nearest(before.path)
    return f"{page}?{before.query}" if page == before.path and before.query else page
