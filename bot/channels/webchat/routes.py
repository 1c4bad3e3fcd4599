"""Everything that web chat answers to."""

from __future__ import annotations

from starlette.routing import Route

from bot.channels.webchat.embed import embed_routes
from bot.channels.webchat.views import FILES, Services, WebChat
from bot.channels.webchat.visits import Cookies
from bot.pages.door import Door


def routes(services: Services) -> list[Route]:
    """The page under `/chat`, the frame under `/embed`, and the fixed files of both."""
    settings = services.settings
    door = Door(per_address=settings.webchat_new_per_minute, in_all=settings.webchat_new_per_minute_all)
    page = WebChat(services, Cookies(secure=settings.url.startswith("https:")), door)
    return [
        Route("/chat", page.page),
        Route("/chat/send", page.send, methods=["POST"]),
        Route("/chat/events", page.events),
        Route("/chat/resume", page.resume, methods=["POST"]),
        Route("/chat/leave", page.leave, methods=["POST"]),
        Route("/chat/exit", page.exit),
        *embed_routes(services, page, door),
        FILES.route(),
    ]
