"""The landing page and the privacy page of each language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.languages import Language
from bot.library.helplines import Helplines
from bot.library.strings import SOURCE_LANGUAGE, Strings
from bot.pages.council import council_of
from bot.pages.web import ASSETS, Look, chosen, council_routes, secured, spoken
from bot.settings import Settings

CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A campaign code, as every channel's deep links can carry it."""


BEHIND = ("/chat", "/embed", "/links", "/staff")
"""What search engines may not read: they may read the pages that lead to Wren, and nothing behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServices:
    """What the pages need. `question_days` is how long the words of a question without an answer are kept."""

    strings: Strings
    helplines: Helplines
    settings: Settings
    question_days: int


def troubles(services: PageServices) -> dict[Any, Any]:
    """Starlette's exception handlers: whoever meets an address that leads nowhere, or a fault of ours, gets a page and a way on."""
    pages = Pages(services)

    async def missing(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        headers = getattr(error, "headers", None)
        if request.method not in ("GET", "HEAD") or not _wants_a_page(request):
            return secured(Response(status_code=status, headers=headers))
        return pages.trouble(request, "missing", status)

    async def broken(request: Request, _error: Exception) -> Response:
        return pages.trouble(request, "broken", 500) if _wants_a_page(request) else secured(Response(status_code=500))

    return {404: missing, 405: missing, 500: broken}


def _wants_a_page(request: Request) -> bool:
    return bool(re.search(r"text/html|\*/\*", request.headers.get("accept", "*/*")))


def routes(services: PageServices) -> list[Route]:
    """`/`, `/<lang>`, `/<lang>/privacy`, `/robots.txt` and the fixed files of the look."""
    pages = Pages(services)
    result = [
        Route("/", pages.front),
        Route("/robots.txt", robots),
        ASSETS.route(),
        *council_routes(council_of(services.settings)),
    ]
    for language in pages.languages:
        result.append(Route(f"/{language.code}", pages.landing, name=f"landing-{language.code}"))
        result.append(Route(f"/{language.code}/privacy", pages.privacy, name=f"privacy-{language.code}"))
    return result


async def robots(_request: Request) -> Response:
    return secured(PlainTextResponse("\n".join(["User-agent: *", *(f"Disallow: {path}" for path in BEHIND), ""])))


def campaign(request: Request) -> str | None:
    """The campaign code in the address (`?c=`), if it is one."""
    code = request.query_params.get("c", "")
    return code if CODE.fullmatch(code) else None


class Pages:
    """The handlers; they keep nothing."""

    def __init__(self, services: PageServices) -> None:
        self._settings = services.settings
        self._question_days = services.question_days
        self._look = Look(
            assets={"pages": ASSETS},
            strings=services.strings,
            helplines=services.helplines,
            demonstration=services.settings.demonstration,
            council=council_of(services.settings),
        )
        self.languages = spoken(services.strings, "pages.title")
        self._by_code = {language.code: language for language in self.languages}

    async def front(self, request: Request) -> Response:
        """The landing page in the language that the browser asks for; every language is offered on it."""
        code = chosen(None, request.headers.get("accept-language", ""), self._by_code) or SOURCE_LANGUAGE
        response = self._landing(request, self._by_code[code])
        response.headers["Vary"] = "Accept-Language"
        return response

    async def landing(self, request: Request) -> Response:
        return self._landing(request, self._by_code[request.url.path.strip("/")])

    async def privacy(self, request: Request) -> Response:
        language = self._by_code[request.url.path.split("/")[1]]
        days = {"days": str(self._settings.raw_event_days), "question_days": str(self._question_days)}
        return self._page("privacy.html", language, "/privacy", **days)

    def trouble(self, request: Request, what: str, status: int) -> Response:
        """A page for an address that leads nowhere (`missing`) or that failed (`broken`), in the browser's language.

        The way back, the chat and the emergency number are on it: somebody may have come here in need.
        """
        code = chosen(None, request.headers.get("accept-language", ""), self._by_code) or SOURCE_LANGUAGE
        response = self._look.page("trouble.html", code, status, what=what)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _landing(self, request: Request, language: Language) -> Response:
        return self._page("landing.html", language, "", channels=self._channels(language.code, campaign(request)))

    def _page(self, template: str, language: Language, path: str, **values: Any) -> Response:
        response = self._look.page(
            template,
            language.code,
            languages=self.languages,
            base=self._settings.url.rstrip("/"),
            path=path,
            draft=language.code != SOURCE_LANGUAGE and language.status == "machine-draft",
            **values,
        )
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    def _channels(self, language: str, code: str | None) -> dict[str, str]:
        """The address that opens each channel that is set up."""
        chat = {"lang": language} | ({"c": code} if code else {})
        links = {"webchat": f"/chat?{urlencode(chat)}"}
        if self._settings.telegram_username:
            name = quote(self._settings.telegram_username.lstrip("@"), safe="")
            links["telegram"] = f"https://t.me/{name}?start={code or f'web-{language}'}"
        if self._settings.whatsapp_number:
            number = re.sub(r"\D", "", self._settings.whatsapp_number)
            links["whatsapp"] = f"https://wa.me/{number}"
        return links
