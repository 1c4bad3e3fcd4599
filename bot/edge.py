"""The edge of the web server: how long a request's head may be and how slowly one may come, and headers that no answer goes without.

uvicorn bounds neither a head nor the time that one takes, so that a few slow or endless ones could hold all connections or the memory.
A proxy in front (docs/running-it.md) bounds them too; this holds where there is none, and where it is set up wrongly.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32 * 1024
"""A browser's head is a tenth of it, with cookies."""

HEAD_FIELDS = 100
HEAD_SECONDS = 20.0
BODY_SECONDS = 60.0
"""From the head on: a form over a bad telephone line, or 4 MB of a provider's."""

TOO_LARGE, TOO_SLOW = b"431 Request Header Fields Too Large", b"408 Request Timeout"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""For answers that say nothing of their own: errors, health, webhooks, data. Pages have stricter ones (`bot.pages.web`)."""

ONLY_HTTPS = "max-age=31536000"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which ends a connection whose head is too long or too slow."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._head: int | None = 0
        """Bytes of the head that is being read; None while it is the body's turn."""
        self._mixed = False
        """Whether a head or a message ended in the data at hand: then not all of it is head."""
        self._ended = False
        self._clock = self.loop.call_later(HEAD_SECONDS, self._end, TOO_SLOW)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._mixed = False
        super().data_received(data)
        if self._head is not None and not self._mixed:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._end(TOO_LARGE)

    def on_message_begin(self) -> None:
        self._clock.cancel()
        self._clock = self.loop.call_later(HEAD_SECONDS, self._end, TOO_SLOW)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._clock.cancel()
        self._head, self._mixed = None, True
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES or len(self.headers) > HEAD_FIELDS:
            self._end(TOO_LARGE)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._ended:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._head, self._mixed = 0, True  # the next one's, on this connection
        if not self._ended:
            super().on_message_complete()

    def _end(self, status: bytes) -> None:
        self._ended = True
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


class Edge:
    """What every request and answer of an app passes: a body has a minute, and an answer has at least `HEADERS`."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, "Strict-Transport-Security": ONLY_HTTPS} if https else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, _in_time(receive), answer)


def _in_time(receive: Receive) -> Receive:
    """`receive`, which waits for the body no longer than `BODY_SECONDS` in all; afterwards, for the end, as long as it takes."""
    end = asyncio.get_running_loop().time() + BODY_SECONDS
    whole = False

    async def bounded() -> Any:
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, headers={"Connection": "close"}) from error
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return bounded
