"""The pages and posts of the web chat, on a page of its own and in a frame on another site."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from bot.campaigns.codes import read_payload
from bot.channels import start_payload
from bot.channels.webchat.channel import EVENT_ID, FIELDS, WebChatChannel, new_event_id
from bot.channels.webchat.events import EventStream
from bot.channels.webchat.history import BEGINNING, Entry, History, Position, View, Visitor
from bot.channels.webchat.shown import items, pressable, unsent
from bot.channels.webchat.visits import FIELDS as VISIT_FIELDS
from bot.channels.webchat.visits import VISIT_SECONDS, Cookies, Frame, Visit
from bot.conversation.intake import Intake, Receipt
from bot.delivery.hub import Hub, wait_for
from bot.library.campaigns import Campaigns
from bot.library.helplines import Helplines
from bot.library.strings import SOURCE_LANGUAGE, Strings
from bot.messages import Inbound, Outbound
from bot.pages.council import council_of
from bot.pages.door import Door, from_our_pages
from bot.pages.web import ASSETS, Assets, Look, chosen, secured, spoken
from bot.settings import Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import now

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
FILES = Assets("/assets/webchat", HERE / "static")
MAX_BODY = 512 * 1024
"""Bytes of a post: 10,000 characters of any script fit, percent-encoded, several times over."""

PLACE_FIELDS = ("before", "c")
"""What a form in a frame says of the page it leads to, as the page of its own says it in its address."""

PATIENCE = 2.0
"""Seconds that a plain form's answer waits for Wren's, so that a page without JavaScript mostly shows both at once."""

LOOKS = 3
"""Times that a page without JavaScript looks again by itself for an answer; more would be in the way of typing."""

EXIT = "https://www.bbc.co.uk/weather"
"""Where "leave quickly" goes: an everyday page."""

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


class WebChat:
    """The handlers. The database is only ever read and written in threads."""

    def __init__(self, services: Services, keeping: Cookies | Frame, door: Door) -> None:
        self._services, self._keeping, self._door = services, keeping, door
        self._channel = WebChatChannel()
        self._history = History(services.database, services.keyring)
        self._languages = spoken(services.strings, "webchat.title")
        self._codes = {language.code for language in self._languages}
        self._look = Look(
            HERE / "templates",
            assets={"pages": ASSETS, "webchat": FILES},
            strings=services.strings,
            helplines=services.helplines,
            demonstration=services.settings.demonstration,
            council=council_of(services.settings),
        )

    async def page(self, request: Request) -> Response:
        """The conversation as far as this visit shows it, or the part of it before a place (`before`). Posted only in a frame."""
        if request.method != "POST":
            return await self._conversation(request, self._keeping.read(request, {}), request.query_params)
        if not from_our_pages(request, self._services.settings.url):
            return self.notice(self.language(request, None), "not_ours", 403)
        form = await read_form(request) or {}
        return await self._conversation(request, self._keeping.read(request, form), form)

    async def send(self, request: Request) -> Response:
        """Take one message: 303 to the conversation, or 204 for the page's own script; 503 if it was not stored."""
        if not from_our_pages(request, self._services.settings.url):
            return self.notice(self.language(request, None), "not_ours", 403)
        form = await read_form(request)
        if form is None:
            return self.notice(self.language(request, None), "too_long", 413)
        known = self._keeping.read(request, form)
        visit = known or Visit.new()
        form = {name: value for name, value in form.items() if name in FIELDS}
        visitor, sure = await self._visitor(visit.key)
        form["lang"] = language = self.language(request, visitor, form.get("lang"))
        if visitor is not None:
            # A choice made on the way in counts for a new person only: later the conversation itself knows better.
            form = {name: value for name, value in form.items() if name not in ("chosen", "code")}
        messages = self._channel.parse({**form, "person": visit.key})
        if not messages:
            return await self._onward(request, visit)
        if visitor is None and sure and not self._door.admit(request.client.host if request.client else None):
            return self._kept(self.notice(language, "busy", 429, form=form), visit)
        visit = await self._begun(visit, visitor, sure)
        receipt = await self._receive(messages[0], form)
        if not receipt.stored:
            return self._kept(self.notice(language, "not_stored", 503, form=form, safety=receipt.safety), visit)
        return await self._sent(request, receipt, visit, cookieless=known is None)

    async def events(self, request: Request) -> Response:
        """New messages as server-sent events, after `Last-Event-ID` (or `?after=`); 204 to a visit to which no words are shown."""
        visit = self._keeping.read(request, {})
        try:
            visitor = await run_in_threadpool(self._history.visitor, visit.key) if visit else None
        except SQLAlchemyError:
            return secured(Response(status_code=503))
        if visit is None or visitor is None or visit.since is None:
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
            stream.run(visit.key, visitor.id, after or visit.since, visit.since),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )
        return self._kept(response, visit)

    async def resume(self, request: Request) -> Response:
        """Carry on: show all that was ever said, because somebody asked."""
        if not from_our_pages(request, self._services.settings.url):
            return self.notice(self.language(request, None), "not_ours", 403)
        visit = self._keeping.read(request, await read_form(request) or {})
        return await self._onward(request, replace(visit, since=BEGINNING, waits=False) if visit else Visit.new())

    async def leave(self, request: Request) -> Response:
        """Take the key off this device; what was written stays until the person asks to be forgotten."""
        if not from_our_pages(request, self._services.settings.url):
            return self.notice(self.language(request, None), "not_ours", 403)
        where = self._keeping.base if self._keeping.framed else "/"
        response = RedirectResponse(where, 303, headers={"Cache-Control": "no-store", "Clear-Site-Data": '"storage"'})
        self._keeping.forget(response)
        return secured(response)

    async def exit(self, request: Request) -> Response:
        """Leave quickly where no script does it: the visit ends, so that the back button finds a page without words."""
        response = RedirectResponse(EXIT, 303, headers={"Cache-Control": "no-store"})
        self._keeping.end_visit(response)
        secured(response)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def _conversation(self, request: Request, visit: Visit | None, asked: Mapping[str, str]) -> Response:
        before = Position.parse(asked.get("before"))
        try:
            visitor, view = await run_in_threadpool(self._read, visit, before)
        except SQLAlchemyError as error:
            log.error("webchat: the store could not be read (%s)", type(error).__name__)
            return self.notice(self.language(request, None), "unavailable", 503)
        language = self.language(request, visitor, asked.get("lang"))
        code, fresh = start_payload(asked.get("c")) or "", Visit.new()
        response = self._look.page(
            "chat.html",
            language,
            script=before is None,
            languages=self._languages,
            known=visitor is not None,
            clean=visitor is None or visit is None or visit.since is None,
            view=view,
            entries=items(view.entries, self._services.strings, language),
            pressable=pressable(view.entries),
            older=before is not None,
            next_look=self._next_look(asked, view),
            cookieless=visit is None and "sent" in asked and not self._keeping.framed,
            base=self._keeping.base,
            framed=self._keeping.framed,
            visit=visit or fresh,
            posted=visit is not None,
            asked=asked.get("lang") in self._codes,
            code=code,
            opening=self._opening(code, language) if visitor is None else "",
            visit_seconds=VISIT_SECONDS,
            mint=new_event_id,
            exit=EXIT,
        )
        return self._kept(response, visit or fresh)

    def _read(self, visit: Visit | None, before: Position | None) -> tuple[Visitor | None, View]:
        visitor = self._history.visitor(visit.key) if visit else None
        if visit is None or visitor is None:
            return None, View()
        if visit.since is None:
            return visitor, self._history.clean(visitor)
        self._history.seen(visitor, visit.key)
        return visitor, replace(self._history.page(visitor, before, visit.since), waits=visit.waits)

    async def _begun(self, visit: Visit, visitor: Visitor | None, sure: bool) -> Visit:
        """The visit of somebody who writes: from here on words are shown, none of those before it unless they ask."""
        if visit.since is not None or not sure:
            return visit
        if visitor is None:
            return replace(visit, since=BEGINNING)
        try:
            view = await run_in_threadpool(self._history.clean, visitor)
        except SQLAlchemyError:
            return visit
        return replace(visit, since=view.position, waits=view.waits)

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

    async def _sent(self, request: Request, receipt: Receipt, visit: Visit, *, cookieless: bool) -> Response:
        """The answer to a stored message."""
        self._services.hub.publish(f"person:{receipt.person_id}")
        if "wren-fetch" in request.headers:
            return self._kept(Response(status_code=204), visit)
        if receipt.inbox_id is not None:
            await self._answered(receipt.inbox_id)
        return await self._onward(request, visit, {"sent": "1"} if cookieless else {"look": "1"})

    async def _onward(self, request: Request, visit: Visit, query: Mapping[str, str] | None = None) -> Response:
        """On to the newest message: by its address, or where no cookie says who comes there, at once."""
        if self._keeping.framed:
            return await self._conversation(request, visit, {})
        where = f"{self._keeping.base}{'?' + urlencode(query) if query else ''}#latest"
        return self._kept(RedirectResponse(where, 303), visit)

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

    def language(self, request: Request, visitor: Visitor | None, asked: str | None = None) -> str:
        """The page's language: the person's own, else the one asked for, else the browser's."""
        if visitor is not None and visitor.language in self._codes:
            return visitor.language
        return (
            chosen(asked or request.query_params.get("lang"), request.headers.get("accept-language", ""), self._codes)
            or SOURCE_LANGUAGE
        )

    def _opening(self, code: str, language: str) -> str:
        """What somebody who came by a running campaign would send first; they may change it. Nothing for any other code."""
        mark = read_payload(self._services.campaigns, code)
        campaign = self._services.campaigns.running(mark.code, now()) if mark is not None else None
        return campaign.words[language].opening if campaign is not None and language in campaign.words else ""

    def _next_look(self, asked: Mapping[str, str], view: View) -> str | None:
        """The address a page without JavaScript moves on to while an answer is awaited, a few times at most."""
        look = asked.get("look", "")
        number = int(look) if re.fullmatch(r"\d", look) else 0
        return f"{self._keeping.base}?{urlencode({'look': number + 1})}#latest" if view.awaiting and 0 < number <= LOOKS else None

    def notice(
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
        event_id = form.get("id", "")
        response = self._look.page(
            "notice.html",
            language,
            status,
            script=self._keeping.framed,
            what=what,
            base=self._keeping.base,
            framed=self._keeping.framed,
            entries=items(unsent(safety), self._services.strings, language),
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
        (item,) = items([entry], self._services.strings, language)
        return self._look.text("message.html", language, item=item, buttons=True, base=self._keeping.base, mint=new_event_id)

    def _kept(self, response: Response, visit: Visit) -> Response:
        """`response` with the visit for the device to keep, never to be cached."""
        self._keeping.keep(response, visit)
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
    known = (*FIELDS, *VISIT_FIELDS, *PLACE_FIELDS)
    return {name: value.replace("\r\n", "\n") for name, value in reversed(pairs) if name in known}
