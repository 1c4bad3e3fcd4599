"""A strict double of an HTTP SMS gateway on loopback, as the settings of a test describe it.

It refuses what no gateway would take: the wrong credentials, a field it does not know or misses, a number that is not E.164, no text, and
more parts than it joins. Lengths are counted by packing real septets from the table of GSM 03.38, written here in the table's own
order; nothing of Wren's counting is used. It posts messages and receipts signed with HMAC-SHA256 or with a secret in a header, as JSON
or as a form, once or many times.

Not covered: how a network really joins and delivers; national shift tables; MMS but for a field that says there is a picture.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå" "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" " !\"#¤%&'()*+,-./" "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO" "PQRSTUVWXYZÄÖÑÜ§" "¿abcdefghijklmno" "pqrstuvwxyzäöñüà"
)  # fmt: skip
"""Septets 0 to 127, sixteen a line; 27 is the escape."""

EXTENDED = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}
TOKEN = "a-token-of-the-gateway"
SECRET = "a-secret-of-the-gateway"


def count_parts(text: str) -> int:
    """How many parts the network makes of a text."""
    pieces = [[27, EXTENDED[c]] if c in EXTENDED else [TABLE.index(c)] if c in TABLE else None for c in text]
    if None in pieces:
        pieces = [list(c.encode("utf-16-be"))[::2] for c in text]
        whole, joined = 70, 67
    else:
        whole, joined = 160, 153
    if sum(len(piece or []) for piece in pieces) <= whole:
        return 1
    parts = [0]
    for piece in pieces:
        if parts[-1] + len(piece or []) > joined:
            parts.append(0)
        parts[-1] += len(piece or [])
    return len(parts)


@dataclass
class Sent:
    """One accepted message, as the gateway read it."""

    id: str
    to: str
    text: str
    reference: str
    parts: int


@dataclass
class SmsGateway:
    """`answers` are what the next requests get in place of the usual: (status, body, headers)."""

    most_parts: int = 10
    form: bool = False
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    lose: int = 0
    """How many of the next messages are accepted without an answer that says so."""
    webhook_url: str = ""
    webhook_secret: str = SECRET

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    @contextmanager
    def in_thread(self) -> Iterator[str]:
        """Serve from a thread of its own; gives the address that takes messages."""
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                given = double._answer({name.lower(): value for name, value in self.headers.items()}, body)
                if given is None:
                    self.close_connection = True
                    return
                status, content, headers = given
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/messages"
        finally:
            server.shutdown()
            server.server_close()

    def to(self, number: str) -> list[str]:
        """The texts that a phone has got, oldest first."""
        return [sent.text for sent in self.sent if sent.to == number]

    # What comes in

    def _answer(self, headers: dict[str, str], body: bytes) -> tuple[int, Any, dict[str, str]] | None:
        with self._lock:
            if self.answers:
                return self.answers.pop(0)
            wrong = self._wrong(headers, body)
            if wrong is not None:
                self.refused.append(wrong[1])
                return wrong[0], {"error": wrong[1]}, {}
            given = self._fields(body)
            found = Sent(
                f"g-{next(self._ids)}", given["to"], given["text"], given.get("reference", ""), count_parts(given["text"])
            )
            self.sent.append(found)
            if self.lose:
                self.lose -= 1
                return None
            return 202, {"id": found.id, "error": None}, {}

    def _fields(self, body: bytes) -> dict[str, str]:
        return dict(parse_qsl(body.decode(), keep_blank_values=True)) if self.form else json.loads(body)

    def _wrong(self, headers: dict[str, str], body: bytes) -> tuple[int, str] | None:
        kind = "application/x-www-form-urlencoded" if self.form else "application/json"
        if headers.get("content-type") != kind:
            return 400, "E_TYPE"
        basic = "Basic " + base64.b64encode(f"wren:{TOKEN}".encode()).decode()
        if headers.get("authorization") not in (f"Bearer {TOKEN}", basic) and headers.get("x-key") != TOKEN:
            return 401, "E_AUTH"
        try:
            given = self._fields(body)
        except ValueError:
            return 400, "E_BODY"
        if set(given) - {"to", "from", "text", "reference"} or not {"to", "text"} <= set(given):
            return 400, "E_FIELDS"
        if not all(isinstance(value, str) for value in given.values()):
            return 400, "E_FIELDS"
        if not (given["to"].startswith("+") and given["to"][1:].isdigit() and 8 <= len(given["to"]) <= 16):
            return 400, "E_NUMBER"
        if not given["text"].strip():
            return 400, "E_EMPTY"
        return (413, "E_LONG") if count_parts(given["text"]) > self.most_parts else None

    # What goes to the webhook

    def says(self, number: str, text: str, **more: Any) -> dict[str, Any]:
        """The message that a phone sends."""
        return {"id": f"in-{next(self._ids)}", "from": number, "text": text, "time": "2026-11-27T08:00:00Z", **more}

    def receipt(self, sent: Sent, status: str, **more: Any) -> dict[str, Any]:
        """What the network says of a message later."""
        return {"id": sent.id, "status": status, "reference": sent.reference, "time": "2026-11-27T08:00:05Z", **more}

    def post(self, payload: Any, *, how: str = "hmac", form: bool = False, **headers: str) -> httpx.Response:
        """Deliver to the webhook; `how` is hmac, base64 or header. A header given by name replaces ours."""
        body = payload if isinstance(payload, bytes) else (urlencode(payload) if form else json.dumps(payload)).encode()
        digest = hmac.new(self.webhook_secret.encode(), body, hashlib.sha256)
        signatures = {
            "hmac": digest.hexdigest(),
            "base64": base64.b64encode(digest.digest()).decode(),
            "header": self.webhook_secret,
        }
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        sent = {"content-type": kind, "X-Signature": signatures[how], **headers}
        return httpx.post(self.webhook_url, content=body, headers=sent, timeout=30, trust_env=False)
