"""A strict double of Meta's side of WhatsApp: the Graph API that takes our messages, and the webhooks that parents cause.

It refuses what the documents say Meta refuses: a bad token, a body beyond its limits, free words more than a day after the parent
last wrote, a template that is not approved in that language or filled with the wrong number of values, a parent who has no WhatsApp.
Any error can be asked for. It knows nothing of `bot`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.graph_limits import GraphLimits

TOKEN = "EAAdouble0123456789"
NUMBER_ID, BUSINESS_ID = "100000000000901", "100000000000900"
SECRET = "app-secret-of-the-double"
VERIFY = "a word of our own"
DAY = 24 * 3600
LANGUAGES = {"ar", "bn", "en", "en_GB", "en_US", "pl", "ro", "uk", "ur"}
TICK = 0.02


@dataclass(frozen=True)
class Parent:
    """Someone on WhatsApp. Without `phone` they have a username and hide it; without `user_id` the webhook is of the time before."""

    phone: str | None = "447700900301"
    user_id: str | None = "GB.20260411000000000771"
    name: str = "Parent"

    def contact(self) -> dict[str, Any]:
        found: dict[str, Any] = {"profile": {"name": self.name}}
        if self.phone:
            found["wa_id"] = self.phone
        if self.user_id:
            found["user_id"] = self.user_id
        return found

    def sender(self) -> dict[str, Any]:
        found: dict[str, Any] = {"from": self.phone} if self.phone else {}
        return found | ({"from_user_id": self.user_id} if self.user_id else {})

    def is_addressed(self, body: Mapping[str, Any]) -> bool:
        return str(body.get("to", "")).lstrip("+") == (self.phone or "-") or body.get("recipient") == (self.user_id or "-")


class ApiError(Exception):
    """A refusal, with Meta's number and the HTTP status that it comes with."""

    def __init__(self, code: int, details: str = "", *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(details)
        self.code, self.details, self.status, self.headers = code, details, status, dict(headers or {})


@dataclass
class Fault:
    """What to do with the next message: refuse it, answer other bytes, or answer late; the last two after it had its effect."""

    error: ApiError | None = None
    body: bytes | None = None
    status: int = 200
    hang_seconds: float = 0.0


@dataclass
class Sent:
    """A message of ours that was taken."""

    wamid: str
    body: dict[str, Any]
    at: float = field(default_factory=time.time)

    @property
    def words(self) -> str:
        content = self.body[self.body["type"]].get("body", "")
        return str(content["text"] if isinstance(content, dict) else content)

    @property
    def choices(self) -> dict[str, str]:
        """Title → id of what can be pressed."""
        action = self.body.get("interactive", {}).get("action", {})
        rows = [row for section in action.get("sections", ()) for row in section["rows"]]
        return {one["title"]: one["id"] for one in [*rows, *(button["reply"] for button in action.get("buttons", ()))]}


class GraphServer:
    """One number of one business account, and the parents who write to it."""

    def __init__(self) -> None:
        self.url = ""
        self.webhook_url = ""
        """Where webhooks go, once the app is served."""
        self.secret = SECRET
        self.sent: list[Sent] = []
        self.read: list[dict[str, Any]] = []
        """Accepted `status: read` calls."""
        self.refused: list[tuple[int, str]] = []
        """Every refusal of a message: number and details."""
        self.wrote_at: dict[str, float] = {}
        """Phone number or business-scoped id → when they last wrote, by this server's clock."""
        self.templates: dict[tuple[str, str], dict[str, Any]] = {}
        self.unknown: set[str] = set()
        """Numbers and ids that have no WhatsApp."""
        self.takes_user_ids = True
        self.page_size = 3
        self.clock_ahead = 0.0
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._known_inbound: set[str] = set()
        self._lock = threading.RLock()
        self.app = Starlette(
            routes=[
                Route("/{version}/{id}/messages", self._messages, methods=["POST"]),
                Route("/{version}/{id}/message_templates", self._message_templates, methods=["GET", "POST"]),
                Route("/{version}/{id}", self._number, methods=["GET"]),
            ]
        )

    # Serving

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server, listener = self._uvicorn()
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not task.done():
                await asyncio.sleep(TICK)
            yield self.url
        finally:
            server.should_exit = True
            await task

    @contextmanager
    def in_thread(self) -> Iterator[str]:
        server, listener = self._uvicorn()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(TICK)
            yield self.url
        finally:
            server.should_exit = True
            thread.join(timeout=10)

    def _uvicorn(self) -> tuple[uvicorn.Server, socket.socket]:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return uvicorn.Server(config), listener

    # What parents and Meta do: each gives the webhook's payload, to be delivered once, often, late or never

    def message(self, parent: Parent, *, at: float | None = None, wamid: str | None = None, **content: Any) -> dict[str, Any]:
        """A parent sends `content`: `type` and the field of that name. It opens their day."""
        moment = self.now() if at is None else at
        wamid = wamid or f"wamid.IN{next(self._ids):06d}"
        with self._lock:
            self._known_inbound.add(wamid)
            for who in (parent.phone, parent.user_id):
                if who:
                    self.wrote_at[who] = max(moment, self.wrote_at.get(who, 0))
        one = {**parent.sender(), "id": wamid, "timestamp": str(int(moment)), **content}
        return envelope(contacts=[parent.contact()], messages=[one])

    def says(self, parent: Parent, text: str, **more: Any) -> dict[str, Any]:
        return self.message(parent, type="text", text={"body": text}, **more)

    def presses(self, parent: Parent, title: str) -> dict[str, Any]:
        """A parent presses the latest choice of that title, or the button of a template."""
        for sent in reversed(self.to(parent)):
            if title in sent.choices:
                kind = "list_reply" if sent.body["interactive"]["type"] == "list" else "button_reply"
                reply = {"type": kind, kind: {"id": sent.choices[title], "title": title}}
                return self.message(parent, type="interactive", interactive=reply, context={"id": sent.wamid})
            for component in sent.body.get("template", {}).get("components", ()):
                if component["type"] == "button":
                    payload = component["parameters"][0]["payload"]
                    return self.message(
                        parent, type="button", button={"payload": payload, "text": title}, context={"id": sent.wamid}
                    )
        raise AssertionError(f"no choice {title!r} was sent to this parent")

    def status(self, sent: Sent, state: str, *, error: int | None = None, at: float | None = None) -> dict[str, Any]:
        """A receipt for one of our messages."""
        one: dict[str, Any] = {"id": sent.wamid, "status": state, "timestamp": str(int(at or self.now()))}
        one["recipient_id"] = str(sent.body.get("to", ""))
        if mark := sent.body.get("biz_opaque_callback_data"):
            one["biz_opaque_callback_data"] = mark
        if error is not None:
            one["errors"] = [
                {"code": error, "title": f"error {error}", "message": f"error {error}", "error_data": {"details": "as asked"}}
            ]
        return envelope(statuses=[one])

    def post(self, payload: Any, *, secret: str | None = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Deliver a payload once, signed."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        given = {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body, secret or self.secret), **(headers or {})}
        return httpx.post(self.webhook_url, content=body, headers=given, timeout=30)

    def now(self) -> float:
        return time.time() + self.clock_ahead

    # What tests ask and arrange

    def to(self, parent: Parent) -> list[Sent]:
        """Our messages to this parent, oldest first."""
        with self._lock:
            return [sent for sent in self.sent if parent.is_addressed(sent.body)]

    def fail_next(self, code: int, *, status: int = 400, times: int = 1, headers: Mapping[str, str] | None = None) -> None:
        """Refuse the next messages, which then have no effect."""
        self._faults += [Fault(error=ApiError(code, "as asked", status=status, headers=headers)) for _ in range(times)]

    def answer_next(self, body: bytes, status: int = 200) -> None:
        """Answer the next message with these bytes; with a 2xx it has its effect."""
        self._faults.append(Fault(body=body, status=status))

    def hang_next(self, seconds: float) -> None:
        """Answer the next message so late; it has its effect at once."""
        self._faults.append(Fault(hang_seconds=seconds))

    # The HTTP side

    async def _messages(self, request: Request) -> Response:
        try:
            self._authorise(request, NUMBER_ID)
            body = await request.json()
            if body.get("status") == "read":
                return self._mark_read(body)
            with self._lock:
                fault = self._faults.pop(0) if self._faults else Fault()
            if fault.error is not None:
                raise fault.error
            if fault.body is not None and fault.status >= 300:
                return Response(fault.body, fault.status)
            wamid = self._accept(body)
        except ApiError as error:
            self.refused.append((error.code, error.details))
            return _refusal(error)
        await asyncio.sleep(fault.hang_seconds)
        if fault.body is not None:
            return Response(fault.body, fault.status)
        contact = {"input": body.get("to") or body.get("recipient"), "wa_id": body.get("to", "")}
        return JSONResponse({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]})

    def _authorise(self, request: Request, wanted: str) -> None:
        if not re.fullmatch(r"v[0-9]+\.[0-9]+", request.path_params["version"]):
            raise ApiError(2500, "unknown path", status=400)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise ApiError(190, "Invalid OAuth access token", status=401)
        if request.path_params["id"] != wanted:
            raise ApiError(33, "no such object", status=400)

    def _accept(self, body: Any) -> str:
        for code, details in GraphLimits.mistakes(body):
            raise ApiError(code, details)
        who = [str(body.get("to", "")).lstrip("+"), str(body.get("recipient", ""))]
        if "to" not in body and not self.takes_user_ids:
            raise ApiError(131062, "business-scoped ids are not taken for this message")
        with self._lock:
            if self.unknown & set(who):
                raise ApiError(131026, "the recipient has no WhatsApp")
            if body["type"] == "template":
                self._check_template(body["template"])
            elif self.now() - max((self.wrote_at.get(one, 0) for one in who), default=0) > DAY:
                raise ApiError(131047, "more than 24 hours have passed since the recipient last wrote")
            sent = Sent(f"wamid.OUT{next(self._ids):06d}", body)
            self.sent.append(sent)
        return sent.wamid

    def _check_template(self, content: Mapping[str, Any]) -> None:
        template = self.templates.get((content["name"], content["language"]["code"]))
        if template is None or template["status"] not in ("APPROVED", "PAUSED", "DISABLED"):
            raise ApiError(132001, "no approved template of this name in this language", status=404)
        if template["status"] != "APPROVED":
            raise ApiError({"PAUSED": 132015, "DISABLED": 132016}[template["status"]], template["status"])
        places = _places(template)
        given = [len(part["parameters"]) for part in content.get("components", ()) if part["type"] == "body"]
        if sum(given) != places:
            raise ApiError(132000, f"{sum(given)} values for {places} places")
        buttons = sum(len(part["buttons"]) for part in template["components"] if part["type"] == "BUTTONS")
        if sum(part["type"] == "button" for part in content.get("components", ())) > buttons:
            raise ApiError(132012, "more buttons than the template has")

    def _mark_read(self, body: Mapping[str, Any]) -> Response:
        if body.get("message_id") not in self._known_inbound or body.keys() - {
            "messaging_product", "status", "message_id", "typing_indicator",
        }:  # fmt: skip
            raise ApiError(100, "no such message")
        if body.get("typing_indicator", {"type": "text"}) != {"type": "text"}:
            raise ApiError(131009, "typing_indicator")
        self.read.append(dict(body))
        return JSONResponse({"success": True})

    async def _message_templates(self, request: Request) -> Response:
        try:
            self._authorise(request, BUSINESS_ID)
            if request.method == "POST":
                return JSONResponse(self._submit(await request.json()))
        except ApiError as error:
            return _refusal(error)
        every = list(self.templates.values())
        start = int(request.query_params.get("after", "0") or 0)
        page = every[start : start + self.page_size]
        answer: dict[str, Any] = {"data": page, "paging": {"cursors": {"before": str(start), "after": str(start + len(page))}}}
        if start + len(page) < len(every):
            answer["paging"]["next"] = f"{self.url}/next"
        return JSONResponse(answer)

    def _submit(self, given: Any) -> dict[str, Any]:
        if given.get("language") not in LANGUAGES:
            raise ApiError(100, "this language is not supported")
        if given.get("category") not in ("UTILITY", "MARKETING", "AUTHENTICATION"):
            raise ApiError(100, "category")
        if not re.fullmatch(r"[a-z0-9_]{1,512}", str(given.get("name"))):
            raise ApiError(100, "name")
        if (given["name"], given["language"]) in self.templates:
            raise ApiError(100, "there is already content in this language for this template")
        (body,) = [part for part in given["components"] if part["type"] == "BODY"]
        text, places = body["text"], _places(given)
        if len(text) > 1024 or re.match(r"\s*\{\{", text) or re.search(r"\}\}[\s.!?]*$", text) or re.search(r"\n{3,}", text):
            raise ApiError(100, "the body is too long, or begins or ends with a place")
        if places and [len(row) for row in body.get("example", {}).get("body_text", [])] != [places]:
            raise ApiError(100, "a template with places needs an example of each")
        for part in given["components"]:
            for button in part.get("buttons", ()):
                if button["type"] != "QUICK_REPLY" or not 0 < len(button["text"]) <= 25:
                    raise ApiError(100, "button")
        made = {"id": str(9000 + next(self._ids)), "status": "PENDING", **given}
        self.templates[given["name"], given["language"]] = made
        return {name: made[name] for name in ("id", "status", "category")}

    async def _number(self, request: Request) -> Response:
        try:
            self._authorise(request, NUMBER_ID)
        except ApiError as error:
            return _refusal(error)
        return JSONResponse({"id": NUMBER_ID, "display_phone_number": "+44 7700 900999", "verified_name": "Wren double"})


def envelope(field: str = "messages", number_id: str = NUMBER_ID, **content: Any) -> dict[str, Any]:
    """A webhook with one change."""
    metadata = {"display_phone_number": "447700900999", "phone_number_id": number_id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **content}
    return {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS_ID, "changes": [{"field": field, "value": value}]}]}


def together(*payloads: Mapping[str, Any]) -> dict[str, Any]:
    """Several webhooks as one batch."""
    return {"object": "whatsapp_business_account", "entry": [entry for payload in payloads for entry in payload["entry"]]}


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _places(template: Mapping[str, Any]) -> int:
    texts = [part["text"] for part in template["components"] if part["type"] == "BODY"]
    return len(set(re.findall(r"\{\{(\d+)\}\}", texts[0]))) if texts else 0


def _refusal(error: ApiError) -> Response:
    told = {"message": f"(#{error.code}) refused", "type": "OAuthException", "code": error.code, "fbtrace_id": "A1"}
    told["error_data"] = {"messaging_product": "whatsapp", "details": error.details}
    return JSONResponse({"error": told}, error.status, headers=error.headers)
