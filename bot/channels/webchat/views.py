"""The pages and posts of the web chat."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.campaigns.codes import read_payload
from bot.channels import start_payload
from bot.channels.webchat.channel import EVENT_ID, FIELDS, KEY, WebChatChannel, new_event_id, new_key
from bot.channels.webchat.events import EventStream
from bot.channels.webchat.history import Entry, History, Position, View, Visitor, entry_of
from bot.conversation.intake import Intake, Receipt
from bot.delivery.hub import Hub, wait_for
from bot.languages import direction
from bot.library.campaigns import Campaigns
from bot.library.helplines import Helplines
from bot.library.strings import SOURCE_LANGUAGE, Strings
from bot.messages import Inbound, Outbound
from bot.pages.council import council_of
from bot.pages.door import Door, from_our_pages
from bot.pages.web import ASSETS, Assets, Look, chosen, secured, spoken
from bot.pages.words import linked, paragraphs, rich
from bot.settings import Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import now

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
COOKIE = "wren_chat"
COOKIE_DAYS = 180
MAX_BODY = 512 * 1024
"""Bytes of a post: 10,000 characters of any script fit, percent-encoded, several times over."""

PATIENCE = 2.0
"""Seconds that a plain form's answer waits for Wren's, so that a page without JavaScript mostly shows both at once."""

LOOKS = 3
"""Times that a page without JavaScript looks again by itself for an answer; more would be in the way of typing."""

PRESSABLE = 3
"""How many of the latest messages with buttons still show them."""

EXIT = "https://www.bbc.co.uk/weather"
"""Where "leave quickly" goes: an everyday page."""

ZONE = ZoneInfo("Europe/London")

LOOK_AFTER = (0.25, 0.5, 1.0)
"""Seconds after which a form that waits for its answer looks for it in the store, if nobody has told it; the last again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What web chat needs. Set `closing` when the server is told to stop: open event streams then end."""

    intake: Intake
    database: Database
    keyring: Keyring
    strings: Strings
    helplines: Helplines
    hub: Hub
    settings: Settings
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    patience: float = PATIENCE
    campaigns: Campaigns = field(default_factory=Campaigns)


def routes(services: Services) -> list[Route]:
    """Everything under `/chat`, and the fixed files of the page."""
    chat = WebChat(services)
    return [
        Route("/chat", chat.page),
        Route("/chat/send", chat.send, methods=["POST"]),
        Route("/chat/events", chat.events),
        Route("/chat/leave", chat.leave, methods=["POST"]),
        chat.assets.route(),
    ]


class WebChat:
    """The handlers. The database is only ever read and written in threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._channel = WebChatChannel()
        self._history = History(services.database, services.keyring)
        self._door = Door(
            per_address=services.settings.webchat_new_per_minute, in_all=services.settings.webchat_new_per_minute_all
        )
        self._languages = spoken(services.strings, "webchat.title")
        self._codes = {language.code for language in self._languages}
        self.assets = Assets("/assets/webchat", HERE / "static")
        self._look = Look(
            HERE / "templates",
            assets={"pages": ASSETS, "webchat": self.assets},
            strings=services.strings,
            helplines=services.helplines,
            demonstration=services.settings.demonstration,
            council=council_of(services.settings),
        )

    async def page(self, request: Request) -> Response:
        """The conversation, or the part of it before a place (`?before=`)."""
        key = _key(request)
        before = Position.parse(request.query_params.get("before"))
        try:
            visitor, view = await run_in_threadpool(self._read, key, before)
        except SQLAlchemyError as error:
            log.error("webchat: the store could not be read (%s)", type(error).__name__)
            return self._notice(self._language(request, None), "unavailable", 503)
        language = self._language(request, visitor)
        response = self._look.page(
            "chat.html",
            language,
            script=before is None,
            languages=self._languages,
            known=visitor is not None,
            view=view,
            entries=self._shown(view.entries, language),
            pressable=pressable(view.entries),
            older=before is not None,
            next_look=self._next_look(request, view),
            cookieless=key is None and "sent" in request.query_params,
            asked=request.query_params.get("lang") in self._codes,
            code=_campaign(request),
            opening=self._opening(_campaign(request), language) if visitor is None else "",
            mint=new_event_id,
            exit=EXIT,
        )
        return self._kept(response, key or new_key())

    async def send(self, request: Request) -> Response:
        """Take one message: 303 to the conversation, or 204 for the page's own script; 503 if it was not stored."""
        if not from_our_pages(request, self._services.settings.url):
            return self._notice(self._language(request, None), "not_ours", 403)
        form = await read_form(request)
        if form is None:
            return self._notice(self._language(request, None), "too_long", 413)
        old_key = _key(request)
        key = old_key or new_key()
        visitor, sure = await self._visitor(key)
        form["lang"] = language = self._language(request, visitor, form.get("lang"))
        if visitor is not None:
            # A choice made on the way in counts for a new person only: later the conversation itself knows better.
            form = {name: value for name, value in form.items() if name not in ("chosen", "code")}
        messages = self._channel.parse({**form, "person": key})
        if not messages:
            return self._kept(RedirectResponse("/chat#latest", 303), key)
        if visitor is None and sure and not self._door.admit(request.client.host if request.client else None):
            return self._kept(self._notice(language, "busy", 429, form=form), key)
        receipt = await self._receive(messages[0], form)
        if not receipt.stored:
            return self._kept(self._notice(language, "not_stored", 503, form=form, safety=receipt.safety), key)
        return self._kept(await self._sent(request, receipt, cookieless=old_key is None), key)

    async def events(self, request: Request) -> Response:
        """New messages as server-sent events, after `Last-Event-ID` (or `?after=`); 204 to someone who never wrote."""
        key = _key(request)
        try:
            visitor = await run_in_threadpool(self._history.visitor, key) if key else None
        except SQLAlchemyError:
            return secured(Response(status_code=503))
        if key is None or visitor is None:
            return secured(Response(status_code=204))
        after = Position.parse(request.headers.get("last-event-id")) or Position.parse(request.query_params.get("after"))
        stream = EventStream(
            history=self._history,
            hub=self._services.hub,
            closing=self._services.closing,
            render=lambda entry: self._fragment(entry, visitor.language),
            gone=request.is_disconnected,
        )
        response = StreamingResponse(
            stream.run(key, visitor.id, after or Position()),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        return secured(response)

    async def leave(self, request: Request) -> Response:
        """Take the key off this device; what was written stays until the person asks to be forgotten."""
        if not from_our_pages(request, self._services.settings.url):
            return self._notice(self._language(request, None), "not_ours", 403)
        response = RedirectResponse("/", 303, headers={"Cache-Control": "no-store", "Clear-Site-Data": '"storage"'})
        response.delete_cookie(COOKIE, path="/chat", httponly=True, samesite="lax")
        return secured(response)

    def _read(self, key: str | None, before: Position | None) -> tuple[Visitor | None, View]:
        visitor = self._history.visitor(key) if key else None
        if key is None or visitor is None:
            return None, View(entries=(), position=Position(), older=None, awaiting=False)
        self._history.seen(visitor, key)
        return visitor, self._history.page(visitor, before)

    async def _visitor(self, key: str) -> tuple[Visitor | None, bool]:
        """Who writes, and whether that is sure: a store that fails now must not keep a cry for help from triage."""
        try:
            return await run_in_threadpool(self._history.visitor, key), True
        except SQLAlchemyError:
            return None, False

    async def _receive(self, inbound: Inbound, form: dict[str, str]) -> Receipt:
        try:
            return await run_in_threadpool(self._services.intake.receive, inbound, form)
        except OSError as error:  # neither the store nor the spool could be written
            log.error("webchat: nothing could be stored (%s)", type(error).__name__)
            return Receipt(stored=False)

    async def _sent(self, request: Request, receipt: Receipt, *, cookieless: bool) -> Response:
        """The answer to a stored message."""
        topic = f"person:{receipt.person_id}"
        if "wren-fetch" in request.headers:
            self._services.hub.publish(topic)
            return secured(Response(status_code=204, headers={"Cache-Control": "no-store"}))
        self._services.hub.publish(topic)
        if receipt.inbox_id is not None:
            await self._answered(receipt.inbox_id)
        where = "/chat?sent=1#latest" if cookieless else "/chat?look=1#latest"
        return RedirectResponse(where, 303)

    async def _answered(self, inbox_id: int) -> None:
        """Wait a little for Wren's answer. A worker of this process tells of it; what others answered is looked for, less and less often."""
        loop = asyncio.get_running_loop()
        deadline, looks = loop.time() + self._services.patience, iter(LOOK_AFTER)
        with self._services.hub.subscription(f"answered:{inbox_id}") as told:
            while (left := deadline - loop.time()) > 0:
                if await wait_for(told, min(next(looks, LOOK_AFTER[-1]), left)):
                    return
                try:
                    if await run_in_threadpool(self._history.answered, inbox_id):
                        return
                except SQLAlchemyError:
                    return

    def _language(self, request: Request, visitor: Visitor | None, posted: str | None = None) -> str:
        """The page's language: the person's own, else the one asked for, else the browser's."""
        if visitor is not None and visitor.language in self._codes:
            return visitor.language
        asked = posted or request.query_params.get("lang")
        return chosen(asked, request.headers.get("accept-language", ""), self._codes) or SOURCE_LANGUAGE

    def _opening(self, code: str, language: str) -> str:
        """What somebody who came by a running campaign would send first; they may change it. Nothing for any other code."""
        mark = read_payload(self._services.campaigns, code)
        campaign = self._services.campaigns.running(mark.code, now()) if mark is not None else None
        return campaign.words[language].opening if campaign is not None and language in campaign.words else ""

    def _next_look(self, request: Request, view: View) -> str | None:
        """The address a page without JavaScript moves on to while an answer is awaited, a few times at most."""
        look = request.query_params.get("look", "")
        number = int(look) if re.fullmatch(r"\d", look) else 0
        return f"/chat?{urlencode({'look': number + 1})}#latest" if view.awaiting and 0 < number <= LOOKS else None

    def _notice(
        self,
        language: str,
        what: str,
        status: int,
        *,
        form: dict[str, str] | None = None,
        safety: Sequence[Outbound] = (),
    ) -> Response:
        """A page for something that went wrong: the emergency number, any safety words, and the person's own words."""
        form = form or {}
        entries = [_outbound_entry(place, outbound) for place, outbound in enumerate(safety)]
        event_id = form.get("id", "")
        response = self._look.page(
            "notice.html",
            language,
            status,
            what=what,
            entries=self._shown(entries, language),
            pressable=frozenset(),
            form={name: form[name] for name in ("text", "token", "lang", "chosen", "code") if form.get(name)},
            # The same id again, so that what did get stored is not stored twice.
            event_id=event_id if EVENT_ID.fullmatch(event_id) else new_event_id(),
            mint=new_event_id,
            exit=EXIT,
        )
        response.headers["Cache-Control"] = "no-store"
        if status in (429, 503):
            response.headers["Retry-After"] = "30"
        return response

    def _fragment(self, entry: Entry, language: str) -> str:
        """The HTML of one message, as the page itself shows it."""
        shown = self._shown([entry], language)[0]
        return self._look.text("message.html", language, item=shown, buttons=True, mint=new_event_id)

    def _shown(self, entries: Sequence[Entry], language: str) -> list[dict[str, Any]]:
        return [self._item(entry, language) for entry in entries]

    def _item(self, entry: Entry, language: str) -> dict[str, Any]:
        """What the template needs of one message."""
        text = self._services.strings.get(entry.label, language) if not entry.text and entry.label else entry.text
        line = rich if entry.voice in ("wren", "directory") else linked
        own_words = bool(entry.text)
        return {
            "entry": entry,
            "html": paragraphs(text, line),
            "language": entry.language if own_words else language,
            "direction": entry.direction if own_words else direction(language),
            "clock": clock(entry.at, language),
            "moment": entry.at.isoformat(timespec="seconds"),
        }

    def _kept(self, response: Response, key: str) -> Response:
        """`response` with the key in its cookie, never to be cached."""
        response.set_cookie(
            COOKIE,
            key,
            max_age=COOKIE_DAYS * 86_400,
            path="/chat",
            httponly=True,
            samesite="lax",
            secure=self._services.settings.url.startswith("https:"),
        )
        response.headers["Cache-Control"] = "no-store"
        if "content-security-policy" not in response.headers:
            secured(response)
        return response


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a posted form, the first of each name; None if it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: value.replace("\r\n", "\n") for name, value in reversed(pairs) if name in FIELDS}


def pressable(entries: Sequence[Entry]) -> frozenset[str]:
    """The keys of the latest few messages with buttons."""
    return frozenset([entry.key for entry in entries if entry.buttons or entry.rows][-PRESSABLE:])


def clock(at: datetime, language: str) -> str:
    """The time of a message, with the day unless it is today."""
    local = at.astimezone(ZONE)
    time = f"{local:%H:%M}"
    if local.date() == now().astimezone(ZONE).date():
        return time
    return f"{format_skeleton('dMMM', local, locale='en_GB' if language == SOURCE_LANGUAGE else language)}, {time}"


def _outbound_entry(place: int, outbound: Outbound) -> Entry:
    stored = {
        "language": outbound.language,
        "direction": outbound.direction,
        "text": outbound.text,
        "message_class": outbound.message_class.value,
    }
    return entry_of(place, now(), stored)


def _key(request: Request) -> str | None:
    key = request.cookies.get(COOKIE, "")
    return key if KEY.fullmatch(key) else None


def _campaign(request: Request) -> str:
    return start_payload(request.query_params.get("c")) or ""
