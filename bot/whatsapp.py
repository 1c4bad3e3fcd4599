"""Joins WhatsApp's webhook to intake: verify, store, answer 200; and each event to the part of the app that it concerns.

A 200 is given only when everything that the request holds is stored; else 503, and Meta delivers the whole request again, of which
what is known already changes nothing.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channels.whatsapp import Event, WhatsAppChannel, events, numbered_tokens, verify_signature, verify_token
from bot.channels.whatsapp.events import MarketingChoice, TemplateNews
from bot.channels.whatsapp.parse import CHANNEL
from bot.conversation.intake import Receipt
from bot.delivery.pace import RATES, Rates
from bot.delivery.receipts import apply_receipt, marketing_consented, stop_marketing
from bot.delivery.templates import note_news
from bot.messages import Inbound
from bot.people.people import change_address
from bot.settings import Settings
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, Consent, PersonAddress, RawEvent, now
from bot.webhooks import Arrivals, as_json, bare_number, read_body
from bot.wiring import Parts

log = logging.getLogger(__name__)
PATH = "/webhooks/whatsapp"
MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request: Meta sends up to 3 MB."""


def whatsapp_channel(settings: Settings) -> WhatsAppChannel | None:
    """The channel, if this installation has a token and a number."""
    token, number = settings.whatsapp_token, settings.whatsapp_phone_number_id
    if token is None or not number:
        return None
    return WhatsAppChannel(
        token.get_secret_value(),
        number,
        business_id=settings.whatsapp_business_id,
        base_url=settings.whatsapp_api,
        version=settings.whatsapp_api_version,
    )


def whatsapp_rates(settings: Settings) -> dict[str, Rates]:
    """The rates of all channels, with WhatsApp's as the settings have it."""
    usual = RATES[CHANNEL]
    per_second = settings.whatsapp_per_second
    own = Rates(
        per_second=per_second,
        burst=max(1, int(per_second)),
        pair_seconds=usual.pair_seconds,
        pair_burst=usual.pair_burst,
    )
    return {**RATES, CHANNEL: own}


def whatsapp_routes(parts: Parts) -> list[BaseRoute]:
    """The webhook, if this installation knows the app's secret; without it no request could be told from a forged one."""
    if not parts.settings.whatsapp_secrets():
        return []
    webhook = Webhook(parts, whatsapp_channel(parts.settings))
    return [Route(PATH, webhook.verify, methods=["GET"]), Route(PATH, webhook.receive, methods=["POST"])]


class Webhook:
    """Meta's requests to one installation."""

    def __init__(self, parts: Parts, channel: WhatsAppChannel | None) -> None:
        self._parts = parts
        self._channel = channel
        self._secrets = parts.settings.whatsapp_secrets()
        self.arrivals = Arrivals(parts, CHANNEL, channel, numbered_tokens)

    async def verify(self, request: Request) -> Response:
        """Meta asks whether this address wants its webhooks: the challenge back for whoever knows the verify token, else 403."""
        asked = request.query_params
        token = self._parts.settings.whatsapp_verify_token
        known = verify_token(token.get_secret_value() if token else None, asked.get("hub.verify_token"))
        if asked.get("hub.mode") != "subscribe" or not known or "hub.challenge" not in asked:
            return PlainTextResponse("", 403)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        return PlainTextResponse(asked["hub.challenge"][:200], headers=headers)

    async def receive(self, request: Request) -> Response:
        """One delivery: 200 once all of it is stored, 503 if any of it is not, 403 or 413 for what is not Meta's."""
        body = await read_body(request, MAX_BODY)
        if body is None:
            return PlainTextResponse("", 413)
        if not verify_signature(self._secrets, body, request.headers.get("x-hub-signature-256")):
            return PlainTextResponse("", 403)
        raw = as_json(body)
        stored = True
        for event in events(raw, phone_number_id=self._parts.settings.whatsapp_phone_number_id):
            stored = await self._take(event) and stored
        return PlainTextResponse("", 200 if stored else 503)

    async def _take(self, event: Event) -> bool:
        """Store one event; says whether it is stored."""
        try:
            if event.inbound is not None:
                return await self._message(event, event.inbound)
            return await run_in_threadpool(self._other, event)
        except SQLAlchemyError as error:
            log.error("whatsapp: the store failed (%s)", type(error).__name__)
        except Exception as error:  # whatever it is: no 200 for what is not stored, and the rest of the batch goes on
            log.exception("whatsapp: an event could not be taken (%s)", type(error).__name__)
        return False

    async def _message(self, event: Event, said: Inbound) -> bool:
        receipt = await self.arrivals.take(said, event.raw)
        if receipt.stored and not receipt.duplicate:
            self.arrivals.later(self._acknowledge(receipt, event.wamid))
        return receipt.stored

    async def _acknowledge(self, receipt: Receipt, wamid: str) -> None:
        """Blue ticks and "typing" say that Wren is there; where a practitioner is, they would say that a person is."""
        if self._channel is None or not self._parts.settings.whatsapp_read_receipts:
            return
        try:
            if await run_in_threadpool(self._practitioner_holds, receipt.person_id):
                return
        except SQLAlchemyError:
            return
        await self._channel.acknowledge(wamid, typing=True)

    def _practitioner_holds(self, person_id: int | None) -> bool:
        with self._parts.database.read() as session:
            query = select(Case.id).where(Case.person_id == person_id, Case.state == "claimed")
            return session.scalar(query) is not None

    # What is not a message

    def _other(self, event: Event) -> bool:
        """Store and follow an event that nobody is to be answered for. Blocking; raises SQLAlchemyError. Repeating changes nothing."""
        try:
            person_id = self._follow(event)
        except IntegrityError:  # the same event in another process at the same moment: it is stored by now
            person_id = self._follow(event)
        if person_id is not None:
            self._parts.hub.publish(f"person:{person_id}")
        if event.receipt is not None or event.change is not None:
            self._parts.hub.publish("outbox")
        return True

    def _follow(self, event: Event) -> int | None:
        """Returns whose message a receipt tells of, where we know it."""
        with self._parts.database.write() as session:
            receipt = event.receipt
            row = apply_receipt(session, CHANNEL, receipt) if receipt is not None else None
            person_id = row.person_id if row is not None else None
            if receipt is not None and receipt.state != "failed":
                return person_id  # all that it says is kept with the message
            if not self._keep(session, event):
                return person_id
            if event.change is not None:
                change_address(session, self._parts.keyring, event.change.old, event.change.new)
            if event.template is not None:
                self._template(session, event.template)
            if event.choice is not None:
                self._choice(session, event.choice)
            if event.notice:
                note_incident(session, event.notice)
            return person_id

    def _keep(self, session: Session, event: Event) -> bool:
        """The raw event, once; says whether it is new."""
        known = select(RawEvent.id).where(RawEvent.channel == CHANNEL, RawEvent.external_id == event.key)
        if session.scalar(known) is not None:
            return False
        sealed = self._parts.keyring.seal_json(event.raw)
        # What staff may have to look into is kept for a while; of the rest nothing is left to learn, and it may name somebody.
        looked_into = bool(event.notice) and event.receipt is None and event.change is None and event.choice is None
        expires = now() + timedelta(days=self._parts.settings.raw_event_days if looked_into else 0)
        session.add(RawEvent(channel=CHANNEL, external_id=event.key, sealed=sealed, expires_at=expires))
        session.flush()
        return True

    def _template(self, session: Session, news: TemplateNews) -> None:
        language = self._parts.library.templates.language_of(news.language)
        if language is not None:
            note_news(
                session,
                CHANNEL,
                news.name,
                language,
                status=news.status,
                category=news.category,
                provider_id=news.provider_id,
                reason=news.reason,
            )

    def _choice(self, session: Session, choice: MarketingChoice) -> None:
        keyring = self._parts.keyring
        lookups = [keyring.lookup(address.channel, address.kind, address.value) for address in choice.addresses]
        person_id = session.scalar(select(PersonAddress.person_id).where(PersonAddress.lookup.in_(lookups)).limit(1))
        if person_id is None:
            return
        if not choice.wanted:
            stop_marketing(session, person_id, CHANNEL)
        elif marketing_consented(session, person_id) is False:
            # Taking back a stop gives nothing that was not there before: only who had agreed agrees again.
            had = select(Consent.id).where(Consent.person_id == person_id, Consent.category == "marketing", Consent.given)
            if session.scalar(had.limit(1)) is not None:
                session.add(Consent(person_id=person_id, category="marketing", given=True, method=CHANNEL))


__all__ = ["PATH", "Webhook", "bare_number", "whatsapp_channel", "whatsapp_rates", "whatsapp_routes"]
