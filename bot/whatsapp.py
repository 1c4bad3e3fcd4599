"""Joins WhatsApp's webhook to intake: verify, store, answer 200; and each event to the part of the app that it concerns.

A 200 is given only when everything that the request holds is stored; else 503, and Meta delivers the whole request again, of which
what is known already changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channels.whatsapp import Event, WhatsAppChannel, events, numbered_tokens, verify_signature, verify_token
from bot.channels.whatsapp.events import MarketingChoice, TemplateNews
from bot.channels.whatsapp.parse import CHANNEL
from bot.delivery.pace import RATES, Rates
from bot.delivery.receipts import apply_receipt, marketing_consented, stop_marketing
from bot.delivery.templates import note_news
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


AT_ONCE = 20
"""Events that are stored in one transaction, at most: Meta may deliver a thousand together, and others want to write too."""

_HELD = select(Case.person_id).where(Case.person_id.in_(bindparam("people", expanding=True)), Case.state == "claimed")


def runs(found: Sequence[Event]) -> Iterator[list[Event]]:
    """Neighbours of one kind (messages, or anything else), in their order, up to `AT_ONCE` together."""
    for _, run in groupby(found, key=lambda event: event.inbound is not None):
        left = list(run)
        for start in range(0, len(left), AT_ONCE):
            yield left[start : start + AT_ONCE]


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


def whatsapp_routes(parts: Parts, channel: WhatsAppChannel | None) -> list[BaseRoute]:
    """The webhook, if this installation knows the app's secret; without it no request could be told from a forged one."""
    if not parts.settings.whatsapp_secrets():
        return []
    webhook = Webhook(parts, channel)
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
        stored = True
        found = events(as_json(body), phone_number_id=self._parts.settings.whatsapp_phone_number_id)
        for run in runs(found):
            stored = await self._take(run) and stored
        return PlainTextResponse("", 200 if stored else 503)

    async def _take(self, run: Sequence[Event]) -> bool:
        """Store messages, or other events, in one transaction; says whether all are stored. If that fails, each has one of its own."""
        try:
            if run[0].inbound is not None:
                return await self._messages(run)
            return await run_in_threadpool(self._others, run)
        except SQLAlchemyError as error:
            log.error("whatsapp: the store failed for %d (%s)", len(run), type(error).__name__)
        except Exception as error:  # whatever it is: no 200 for what is not stored, and the rest of the batch goes on
            log.exception("whatsapp: %d could not be taken (%s)", len(run), type(error).__name__)
        return len(run) > 1 and all([await self._take([event]) for event in run])

    async def _messages(self, run: Sequence[Event]) -> bool:
        said = [(event.inbound, event.raw) for event in run if event.inbound is not None]
        receipts = [await self.arrivals.take(*said[0])] if len(said) == 1 else await self.arrivals.take_all(said)
        new = {
            event.wamid: receipt.person_id
            for event, receipt in zip(run, receipts, strict=True)
            if receipt.stored and not receipt.duplicate
        }
        if new and self._channel is not None and self._parts.settings.whatsapp_read_receipts:
            self.arrivals.later(self._acknowledge(self._channel, new))
        return all(receipt.stored for receipt in receipts)

    async def _acknowledge(self, channel: WhatsAppChannel, new: Mapping[str, int | None]) -> None:
        """Blue ticks and "typing" say that Wren is there; where a practitioner is, they would say that a person is.

        `new` is who wrote each message, by Meta's id of it.
        """
        try:
            held = await run_in_threadpool(self._held, [one for one in new.values() if one is not None])
        except SQLAlchemyError:
            return
        wanted = [wamid for wamid, person_id in new.items() if person_id not in held]
        await asyncio.gather(*(channel.acknowledge(wamid, typing=True) for wamid in wanted))

    def _held(self, people: Sequence[int]) -> set[int]:
        """Those of these people with whom a practitioner is talking."""
        with self._parts.database.read() as session:
            return set(session.scalars(_HELD, {"people": people}))

    # What is not a message

    def _others(self, run: Sequence[Event]) -> bool:
        """Store and follow events that nobody is to be answered for. Blocking; raises SQLAlchemyError. Repeating changes nothing."""
        try:
            people = self._follow_all(run)
        except IntegrityError:  # the same event in another process at the same moment: it is stored by now
            people = self._follow_all(run)
        topics = [f"person:{person_id}" for person_id in people]
        if any(event.receipt is not None or event.change is not None for event in run):
            topics.append("outbox")
        if topics:
            self._parts.hub.publish(*topics)
        return True

    def _follow_all(self, run: Sequence[Event]) -> set[int]:
        """Returns whose messages receipts tell of, where we know it."""
        with self._parts.database.write() as session:
            return {person_id for event in run if (person_id := self._follow(session, event)) is not None}

    def _follow(self, session: Session, event: Event) -> int | None:
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
