"""The SMS channel object: hands messages to the gateway that the settings describe, and says truly what became of each."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from bot.channels import mapping
from bot.channels.sms.errors import delivery_of, meaning_of
from bot.channels.sms.gateway import Gateway, at, put
from bot.channels.sms.parse import ADDRESS_KIND, CHANNEL, NOTHING, identifier, opaque, parse
from bot.channels.sms.render import render
from bot.messages import Delivery, Inbound, Outbound

log = logging.getLogger(__name__)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Transport errors that come before a byte of the request has left."""

MAX_REASON = 120
RETRY_SECONDS = 5.0
MAX_RETRY_AFTER = 3600.0


class SmsChannel:
    """One gateway. Close it when done."""

    name = CHANNEL
    pulled = False

    def __init__(self, gateway: Gateway, *, timeout: float = 10.0, connections: int = 32) -> None:
        for name in ("httpx", "httpcore"):  # they log addresses, which may hold a key
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.WARNING))
        self._gateway = gateway
        headers = {}
        if gateway.auth == "bearer":
            headers["Authorization"] = f"Bearer {gateway.secret}"
        elif gateway.auth == "header" and gateway.name:
            headers[gateway.name] = gateway.secret
        self._client = httpx.AsyncClient(
            headers=headers,
            auth=httpx.BasicAuth(gateway.name, gateway.secret) if gateway.auth == "basic" else None,
            timeout=timeout,
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """See `bot.channels.sms.parse`."""
        return parse(raw, self._gateway)

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        """Send one message; see `Channel.send` for what is promised."""
        return await self.send_marked(address, kind, outbound, mark="")

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        """Send one message, from its part number `done` on. A part here is one request, however many the network makes of it.

        Stops at the first that is not accepted; `Delivery.accepted` says which were. Receipts carry `mark` if the gateway has a field for it.
        """
        if kind != ADDRESS_KIND or not address.isascii() or not address.isdigit():
            return Delivery(status="failed", reason="not a telephone number")
        try:
            texts = render(outbound, joins=self._gateway.joins, most_parts=self._gateway.most_parts)
        except ValueError as error:
            return Delivery(status="failed", reason=str(error)[:MAX_REASON])
        accepted: list[str] = []
        for part, text in enumerate(texts[done:], start=done):
            reference = f"{mark}#{part}/{len(texts)}" if mark else ""
            delivery = await self._send_one(self._body(address, text, reference), marked=bool(reference))
            if delivery.status != "sent":
                return replace(delivery, accepted=tuple(accepted), parts=len(texts))
            if delivery.provider_id is not None:
                accepted.append(delivery.provider_id)
        last = accepted[-1] if accepted else None
        return Delivery(status="sent", provider_id=last, accepted=tuple(accepted), parts=len(texts))

    def _body(self, address: str, text: str, reference: str) -> dict[str, Any]:
        gateway, body = self._gateway, copy.deepcopy(dict(self._gateway.constants))
        given = {"to": f"+{address}" if gateway.plus else address, "from": gateway.sender, "text": text, "reference": reference}
        for name, value in given.items():
            if value and gateway.form and gateway.fields[name]:
                body[gateway.fields[name]] = value
            elif value:
                put(body, gateway.fields[name], value)
        return body

    async def _send_one(self, body: Mapping[str, Any], *, marked: bool) -> Delivery:
        may_tell = marked and bool(self._gateway.fields["reference"]) and bool(self._gateway.receipt["reference"])
        content: dict[str, Any] = {"data": body} if self._gateway.form else {"json": body}
        try:
            response = await self._client.post(self._gateway.url, **content)
        except NOT_SENT as error:
            return Delivery(status="retry", reason=f"not sent: {type(error).__name__}", retry_after=RETRY_SECONDS, fault="down")
        except httpx.HTTPError as error:
            return _unknown(type(error).__name__, may_tell, fault="down")
        except (httpx.InvalidURL, TypeError, ValueError) as error:  # an address or a field that no request can be made of
            return Delivery(status="failed", reason=f"no request can be made of the settings ({type(error).__name__})")
        answer = _json(response)
        code = at(answer, self._gateway.answer["error"])
        if response.is_success and code in NOTHING:
            unique = identifier(at(answer, self._gateway.answer["id"]))
            if unique:
                return Delivery(status="sent", provider_id=opaque(unique))
            if not self._gateway.answer["id"]:
                return Delivery(status="sent")
            return _unknown("an answer without an id", may_tell)
        return self._refusal(response, "" if code in NOTHING else identifier(code))

    def _refusal(self, response: httpx.Response, code: str) -> Delivery:
        if response.is_redirect:
            reason = "an answer that is not the gateway's (redirect)"
            return Delivery(status="retry", reason=reason, retry_after=RETRY_SECONDS, fault="down")
        meaning = meaning_of(code, self._gateway.errors, response.status_code)
        return delivery_of(meaning, code, retry_after=_retry_after(response))


def _unknown(what: str, may_tell: bool, fault: str = "") -> Delivery:
    """The request left and nobody knows what became of it: a receipt may tell, where it carries our mark."""
    return Delivery(status="unknown" if may_tell else "failed", reason=f"{what}: outcome unknown", fault=fault)


def _retry_after(response: httpx.Response) -> float:
    header = response.headers.get("retry-after", "")
    return min(float(header), MAX_RETRY_AFTER) if header.isascii() and header.isdigit() and len(header) < 7 else 0.0


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        return mapping(response.json())
    except (ValueError, RecursionError):
        return {}
