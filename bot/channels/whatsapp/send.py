"""The WhatsApp channel object: hands messages to the Cloud API, and says truly what became of each.

By aiohttp, as the calls to Rasa are: two are made for every message, and by httpx they took a tenth of the app's time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

from bot.channels import mapping, mappings, number, words
from bot.channels.whatsapp.errors import code_of, delivery_of, meaning_of
from bot.channels.whatsapp.parse import CHANNEL, opaque, parse
from bot.channels.whatsapp.render import MAX_MARK, render
from bot.messages import Address, Delivery, Inbound, Outbound

log = logging.getLogger(__name__)

PUBLIC_API = "https://graph.facebook.com"
FAILED = (aiohttp.ClientError, TimeoutError)
"""What a request that has no answer raises."""

NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
"""Transport errors that come before a byte of the request has left."""

MAX_REASON = 120
RETRY_SECONDS = 5.0
MAX_RETRY_AFTER = 3600.0
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API: `body` is the JSON object in it, empty if it holds none."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class GraphError(Exception):
    """The API refused a call that is not a message, or did not answer. The text holds no secret."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        self.code = code
        super().__init__(reason)


class WhatsAppChannel:
    """One number. `base_url` is the Graph API without version and path, Meta's own by default. Close it when done."""

    name = CHANNEL
    pulled = False

    def __init__(
        self,
        token: str,
        phone_number_id: str,
        *,
        business_id: str | None = None,
        base_url: str | None = None,
        version: str = "v26.0",
        timeout: float = 10.0,
        connections: int = 32,
    ) -> None:
        self.phone_number_id = phone_number_id
        self.business_id = business_id
        self._url = f"{(base_url or PUBLIC_API).rstrip('/')}/{version}/"
        self._token = token
        self._timeout = timeout
        self._connections = connections
        self._open: aiohttp.ClientSession | None = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made at its first use, inside the loop it belongs to."""
        if self._open is None:
            # Certificates as httpx has them, for all that is called on the internet.
            context = httpx.create_ssl_context()
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Authorization": f"Bearer {self._token}"},
                # Of getting a connection, of each wait for bytes, and of the whole call: an answer that drips is cut off too.
                timeout=aiohttp.ClientTimeout(connect=self._timeout, sock_read=self._timeout, total=2 * self._timeout),
                proxy=proxy_for(self._url),
            )
        return self._open

    async def close(self) -> None:
        """Close the connections."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _ask(self, method: str, path: str, **arguments: Any) -> Answer:
        """One call. Raises one of `FAILED` if no answer came."""
        async with self._session.request(method, self._url + path, allow_redirects=False, **arguments) as response:
            return Answer(response.status, response.headers, _json(await response.read()))

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """See `bot.channels.whatsapp.parse`."""
        return parse(raw)

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        """Send one message; see `Channel.send` for what is promised."""
        return await self.send_marked(address, kind, outbound, mark="")

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        """Send one message, from its part number `done` on. Receipts will carry `mark`, so that a part whose answer was lost is known.

        Stops at the first part that is not accepted; `Delivery.accepted` says which were.
        """
        try:
            bodies = render(outbound, Address(channel=CHANNEL, kind=kind, value=address))
        except ValueError as error:
            return Delivery(status="failed", reason=str(error)[:MAX_REASON])
        accepted: list[str] = []
        for part, body in enumerate(bodies[done:], start=done):
            marked = f"{mark}#{part}/{len(bodies)}"
            if mark and len(marked) <= MAX_MARK:
                body = {**body, "biz_opaque_callback_data": marked}
            delivery = await self._send_one(body)
            if delivery.provider_id is None:
                return _after(delivery, accepted, len(bodies))
            accepted.append(delivery.provider_id)
        last = accepted[-1] if accepted else None
        return Delivery(status="sent", provider_id=last, accepted=tuple(accepted), parts=len(bodies))

    async def _send_one(self, body: Mapping[str, Any]) -> Delivery:
        try:
            answer = await self._ask("POST", f"{self.phone_number_id}/messages", json=dict(body))
        except FAILED as error:
            return _delivery_of_transport(error)
        if answer.is_success:
            wamid = words(next(iter(mappings(answer.body.get("messages"))), {}).get("id"))
            if wamid:
                return Delivery(status="sent", provider_id=opaque(wamid))
            return Delivery(status="unknown", reason="an answer without an id: outcome unknown")
        return _delivery_of_refusal(answer)

    async def acknowledge(self, message_id: str, *, typing: bool) -> None:
        """Mark a parent's message as read, and show that an answer is being written. Best effort: never raises."""
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        try:
            answer = await self._ask("POST", f"{self.phone_number_id}/messages", json=body)
        except FAILED as error:
            log.info("a message was not marked as read: %s", type(error).__name__)
            return
        if not answer.is_success:
            log.info("a message was not marked as read: status %s", answer.status)

    # Our own account

    async def templates(self) -> list[Mapping[str, Any]]:
        """Every template of the business account, as the API describes it. Raises `GraphError`."""
        parameters = {"fields": "id,name,language,status,category,rejected_reason,components", "limit": "100"}
        found: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            answer = await self._call("GET", f"{self._business()}/message_templates", params=parameters)
            found += mappings(answer.get("data"))
            paging = mapping(answer.get("paging"))
            after = words(mapping(paging.get("cursors")).get("after"))
            if not after or "next" not in paging:
                break
            parameters["after"] = after
        return found

    async def submit_template(self, template: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hand one template in for approval; gives `id`, `status` and `category`. Raises `GraphError`."""
        return await self._call("POST", f"{self._business()}/message_templates", json=dict(template))

    async def number(self) -> Mapping[str, Any]:
        """What Meta says of our number: is the token good, is the name approved, how fast may be sent. Raises `GraphError`."""
        fields = "id,display_phone_number,verified_name,quality_rating,throughput,name_status"
        return await self._call("GET", self.phone_number_id, params={"fields": fields})

    def _business(self) -> str:
        if not self.business_id:
            raise GraphError("WREN_WHATSAPP_BUSINESS_ID is not set")
        return self.business_id

    async def _call(self, method: str, path: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer = await self._ask(method, path, **arguments)
        except FAILED as error:
            raise GraphError(f"no answer ({type(error).__name__})") from None
        if not answer.is_success:
            error_ = mapping(answer.body.get("error"))
            if not error_:
                raise GraphError(f"status {answer.status}")
            code = code_of(error_)
            told = words(error_.get("error_user_msg")) or words(error_.get("message"))
            raise GraphError(f"{meaning_of(code).reason}: {told[:200]}", code)
        return answer.body


def proxy_for(url: str) -> str | None:
    """The proxy that this machine's environment names for `url` (HTTPS_PROXY, NO_PROXY), if any."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _after(delivery: Delivery, accepted: list[str], parts: int) -> Delivery:
    """The refusal of a part, with the parts before it that were accepted."""
    return replace(delivery, accepted=tuple(accepted), parts=parts)


def _delivery_of_transport(error: Exception) -> Delivery:
    """Not sent → retry; a request whose answer never came → unknown: its receipt may yet tell."""
    if isinstance(error, NOT_SENT):
        return Delivery(status="retry", reason=f"not sent: {type(error).__name__}", retry_after=RETRY_SECONDS, fault="down")
    return Delivery(status="unknown", reason=f"{type(error).__name__}: outcome unknown", fault="down")


def _delivery_of_refusal(answer: Answer) -> Delivery:
    asked = retry_after(answer)
    error = mapping(answer.body.get("error"))
    if error:
        return delivery_of(meaning_of(code_of(error)), retry_after=asked)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = asked or RETRY_SECONDS
        return Delivery(status="wait", reason="too many requests (429)", retry_after=wait, pause=wait, fault="rate")
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return delivery_of(meaning_of(190), retry_after=asked)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = f"the server has a fault ({answer.status})"
        return Delivery(status="retry", reason=reason, retry_after=asked or RETRY_SECONDS, fault="down")
    reason = f"an answer that is not the API's ({answer.status})"
    return Delivery(status="retry", reason=reason, retry_after=RETRY_SECONDS, fault="down")


def retry_after(answer: Answer) -> float:
    """Seconds that the server asks us to wait: `Retry-After`, else Meta's own usage header (minutes); 0 if it asks nothing."""
    header = answer.headers.get("retry-after", "")
    if header.isascii() and header.isdigit() and len(header) < 7:
        return min(float(header), MAX_RETRY_AFTER)
    usage = answer.headers.get("x-business-use-case-usage", "")
    try:
        entries = json.loads(usage) if usage else {}
    except (ValueError, RecursionError):
        return 0.0
    minutes = [
        number(item.get("estimated_time_to_regain_access")) or 0.0
        for items in mapping(entries).values()
        for item in mappings(items)
    ]
    return min(max(minutes, default=0.0) * 60, MAX_RETRY_AFTER)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}
