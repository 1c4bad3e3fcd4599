"""Rasa's action-server protocol over Starlette: one route, on loopback, behind the token shared with Rasa.

POST /webhook {"next_action", "sender_id", "tracker", …} → {"events": […], "responses": […]}. 401 without the token; 404 with
{"error", "action_name"} for an unknown action; 409 for a turn that is not (any longer) in work.
"""

from __future__ import annotations

import hmac
import json
import logging
import zlib
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.actions.actions import Actions
from bot.conversation.registry import TurnRegistry
from bot.logs import about

log = logging.getLogger(__name__)
MOST_UNPACKED = 16 * 1024 * 1024
"""A tracker of a session is some hundred kilobytes."""


def action_app(actions: Actions, registry: TurnRegistry, token: str) -> Starlette:
    """The loopback application that Rasa calls."""

    async def webhook(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
            return JSONResponse({"error": "a loopback token is needed"}, status_code=401)
        call = _call(await request.body(), packed=request.headers.get("content-encoding") == "deflate")
        if call is None:
            return JSONResponse({"error": "this is no call of an action"}, status_code=400)
        name = call["next_action"]
        if name not in actions.names():
            return JSONResponse({"error": f"no action {name}", "action_name": name}, status_code=404)
        turn = registry.find(call["sender_id"])
        if turn is None:
            return JSONResponse({"error": "this turn is over", "action_name": name}, status_code=409)
        with about(message=turn.inbox_id):
            try:
                answer = await actions.run(name, turn, call["tracker"])
            except Exception as error:  # Rasa drops the turn on any failure; the worker then answers without it
                log.error("action %s failed (%s)", name, type(error).__name__)
                return JSONResponse({"error": "the action failed", "action_name": name}, status_code=500)
            log.debug("action %s", name)
        responses = [{"custom": ref} for ref in answer.refs]
        return JSONResponse({"events": answer.events, "responses": responses})

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def known(request: Request) -> Response:
        return JSONResponse([{"name": name} for name in actions.names()])

    return Starlette(routes=[Route("/webhook", webhook, methods=["POST"]), Route("/health", health), Route("/actions", known)])


def _call(body: bytes, *, packed: bool) -> dict[str, Any] | None:
    """What Rasa asks for; None for what is no such call, and for what would unpack to more than `MOST_UNPACKED`."""
    try:
        if packed:
            unpacking = zlib.decompressobj()
            body = unpacking.decompress(body, MOST_UNPACKED)
            if not unpacking.eof:
                return None
        call = json.loads(body)
    except (ValueError, RecursionError, zlib.error):
        return None
    parts = {"next_action": str, "sender_id": str, "tracker": dict}
    whole = isinstance(call, dict) and all(isinstance(call.get(name), kind) for name, kind in parts.items())
    return call if whole else None
