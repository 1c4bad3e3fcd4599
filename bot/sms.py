"""Joins the SMS gateway's webhook to intake: verify, store, answer 200. Messages and receipts may come to the same address.

A 200 is given only when everything that the request holds is stored; else 503, and the gateway delivers it again, of which what is
known already changes nothing.
"""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channels.sms import Event, Gateway, SmsChannel, events, gateway_of, numbered_tokens, verify
from bot.channels.sms.parse import CHANNEL
from bot.delivery.pace import Rates
from bot.delivery.receipts import apply_receipt
from bot.settings import Settings
from bot.storage.tables import RawEvent, now
from bot.webhooks import Arrivals, as_json, read_body
from bot.wiring import Parts

log = logging.getLogger(__name__)
PATH = "/webhooks/sms"
MAX_BODY = 256 * 1024
"""Bytes of a request: a message is a few hundred, a batch of receipts a few thousand."""


def sms_channel(settings: Settings) -> SmsChannel | None:
    """The channel, if this installation has a gateway."""
    gateway = gateway_of(settings)
    return SmsChannel(gateway) if gateway is not None else None


def sms_rates(settings: Settings) -> dict[str, Rates]:
    """The gateway's rate. A person gets ten at once, and then one in two seconds."""
    per_second = settings.sms_per_second
    return {CHANNEL: Rates(per_second=per_second, burst=max(1, int(per_second)), pair_seconds=2, pair_burst=10)}


def sms_routes(parts: Parts) -> list[BaseRoute]:
    """The webhook, if there are a gateway and its secret; without it no request could be told from a forged one."""
    gateway = gateway_of(parts.settings)
    if gateway is None or not parts.settings.sms_secrets():
        return []
    return [Route(PATH, SmsWebhook(parts, gateway).receive, methods=["POST"])]


class SmsWebhook:
    """The gateway's requests to one installation."""

    def __init__(self, parts: Parts, gateway: Gateway) -> None:
        self._parts = parts
        self._gateway = gateway
        self._arrivals = Arrivals(parts, CHANNEL, SmsChannel(gateway), numbered_tokens)
        self._secrets = parts.settings.sms_secrets()
        self._header = parts.settings.sms_inbound_header
        self._signed = parts.settings.sms_inbound_auth == "hmac"

    async def receive(self, request: Request) -> Response:
        """One request: 200 once all of it is stored, 503 if any of it is not, 403 or 413 for what is not the gateway's."""
        body = await read_body(request, MAX_BODY)
        if body is None:
            return PlainTextResponse("", 413)
        if not verify(self._secrets, body, request.headers.get(self._header), signed=self._signed):
            return PlainTextResponse("", 403)
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        raw = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else as_json(body)
        stored = True
        for event in events(raw, self._gateway):
            stored = await self._take(event) and stored
        return PlainTextResponse("", 200 if stored else 503)

    async def _take(self, event: Event) -> bool:
        """Store one event; says whether it is stored."""
        try:
            if event.inbound is not None:
                return (await self._arrivals.take(event.inbound, event.raw)).stored
            await run_in_threadpool(self._other, event)
        except SQLAlchemyError as error:
            log.error("sms: the store failed (%s)", type(error).__name__)
            return False
        except Exception as error:  # whatever it is: no 200 for what is not stored, and the rest of the batch goes on
            log.error("sms: an event could not be taken (%s)", type(error).__name__)
            return False
        return True

    def _other(self, event: Event) -> None:
        """Store and follow what nobody is to be answered for. Blocking; raises SQLAlchemyError. Repeating changes nothing."""
        try:
            person_id = self._follow(event)
        except IntegrityError:  # the same event in another process at the same moment: it is stored by now
            person_id = self._follow(event)
        if person_id is not None:
            self._parts.hub.publish(f"person:{person_id}")
        if event.receipt is not None:
            self._parts.hub.publish("outbox")

    def _follow(self, event: Event) -> int | None:
        """Returns whose message a receipt tells of, where we know it."""
        with self._parts.database.write() as session:
            if event.receipt is not None:  # all that it says is kept with the message
                row = apply_receipt(session, CHANNEL, event.receipt)
                return row.person_id if row is not None else None
            known = select(RawEvent.id).where(RawEvent.channel == CHANNEL, RawEvent.external_id == event.key)
            if session.scalar(known) is None:
                sealed = self._parts.keyring.seal_json(event.raw)
                session.add(RawEvent(channel=CHANNEL, external_id=event.key, sealed=sealed, expires_at=now()))
                session.flush()
            return None


__all__ = ["PATH", "SmsWebhook", "sms_channel", "sms_rates", "sms_routes"]
