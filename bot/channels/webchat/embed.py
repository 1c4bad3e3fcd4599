"""The chat inside a council's own site: the script that the site loads, and who may show the frame. See `docs/embedding.md`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.webchat.views import Services, WebChat
from bot.channels.webchat.visits import Frame
from bot.languages import Language
from bot.library.strings import Strings
from bot.pages.door import Door
from bot.pages.framing import origins_of
from bot.pages.web import framed, secured, spoken

HERE = Path(__file__).parent / "templates"
COLOUR = "#1d6153"
"""Wren's own, as in `wren.css` by day."""

Handler = Callable[[Request], Awaitable[Response]]


def embed_routes(services: Services, page: WebChat, door: Door) -> list[Route]:
    """The script at `/embed.js`, and the frame under `/embed`: for the sites of the settings, or for nobody.

    `page` is the chat on a page of its own, to which whoever may not see the frame is sent.
    """
    origins = origins_of(services.settings)
    frame = WebChat(services, Frame(), door)

    def inside(handler: Handler) -> Handler:
        async def handled(request: Request) -> Response:
            return framed(await handler(request), origins)

        return handled

    async def refused(request: Request) -> Response:
        return page.notice(page.language(request, None), "not_embedded", 403)

    script = Route("/embed.js", serve_script(services, origins))
    if not origins:
        return [script, Route("/embed", refused)]
    return [
        script,
        Route("/embed", inside(frame.page), methods=["GET", "POST"]),
        Route("/embed/send", inside(frame.send), methods=["POST"]),
        Route("/embed/events", inside(frame.events)),
        Route("/embed/resume", inside(frame.resume), methods=["POST"]),
        Route("/embed/leave", inside(frame.leave), methods=["POST"]),
    ]


def serve_script(services: Services, origins: tuple[str, ...]) -> Handler:
    """The handler of the site's script. It holds its styles and its words in every language: a strict site lets it fetch nothing."""
    languages = spoken(services.strings, "webchat.close")
    css, script = _file("embed.css").replace("WREN_COLOUR", services.settings.council_colour or COLOUR), _file("embed.js")

    async def serve(request: Request) -> Response:
        words = {language.code: _words(services.strings, language) for language in languages}  # staff may have changed them
        facts = {"origins": origins, "css": css, "words": words}
        text = script.replace("WREN_FACTS", json.dumps(facts, ensure_ascii=False))
        response = secured(Response(text, media_type="text/javascript", headers={"Cache-Control": "public, max-age=3600"}))
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it is for other sites
        return response

    return serve


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _words(strings: Strings, language: Language) -> dict[str, str]:
    return {
        "open": strings.get("webchat.title", language.code),
        "close": strings.get("webchat.close", language.code),
        "dir": language.direction,
    }
