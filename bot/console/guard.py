"""Who may come in. Every page but sign-in is wrapped here: whoever is not signed in sees nothing and changes nothing."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bot.console import logins
from bot.console.language import language_for, speaking
from bot.console.logins import SignedIn
from bot.console.look import QUEUE, Look, private
from bot.console.proof import Prover
from bot.console.roles import landing
from bot.console.rules import ANYBODY, Endpoint, Rule, ruled
from bot.console.services import ConsoleServices
from bot.pages.door import from_our_pages
from bot.settings import Settings

log = logging.getLogger(__name__)
COOKIE = "wren_staff"
SIGN_IN = "/staff/sign-in"
MAX_BODY = 256 * 1024
MAX_FIELDS = 250
NUL = "\x00"
PROOF = "proof"
"""The field of a form in which somebody shows again who they are."""

MAX_UPLOAD = 40 * 1024 * 1024
PAGES_OF = (("service_id", "/staff/directory/services"), ("change_id", "/staff/directory/changes"))
PAGES = (
    *("/staff/rota", "/staff/sample", "/staff/review", "/staff/accounts", "/staff/account", "/staff/questions"),
    "/staff/campaigns",
    "/staff/content",
    "/staff/series",
    "/staff/troubles",
    "/staff/retention",
    *(f"/staff/directory{page}" for page in ("/import", "/export", "/todo", "/freshness", "")),
)
"""Pages with forms below them, the more exact first."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was brought with a form: its name as the browser gave it, and its bytes. Hostile both."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request by somebody who is signed in; `form` holds a post's fields, its CSRF token already checked."""

    request: Request
    who: SignedIn
    form: Mapping[str, str] = field(default_factory=dict)
    upload: Upload | None = None


class Guard:
    """Wraps handlers. They run in a thread: they may use the database."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._prover = services, look, Prover(services)

    def anybody(self, endpoint: Endpoint) -> Endpoint:
        """A page that strangers may see: there is no other way for a route to be open."""

        return self._routed(endpoint, Rule(roles=ANYBODY))

    def page(self, handler: Callable[[Visit], Response], roles: frozenset[str]) -> Endpoint:
        """A page to read, for whoever has one of `roles`; strangers are sent to sign in."""

        def show(request: Request) -> Response:
            who = self.who(request)
            if who is None:
                return private(RedirectResponse(f"{SIGN_IN}?{urlencode({'next': request.url.path})}", 303))
            with speaking(language_for(request, who)):
                return handler(Visit(request=request, who=who)) if roles & who.roles else self._no_role(who)

        async def endpoint(request: Request) -> Response:
            return await self._in_thread(show, request, "")

        return self._routed(endpoint, Rule(roles=roles))

    def act(self, handler: Callable[[Visit], Response], roles: frozenset[str], *, again: bool = False) -> Endpoint:
        """A form from our own pages, by somebody signed in who has one of `roles`, with their sign-in's token.

        Refused, it gives back what was typed. With `again` it asks who it is once more where that was not shown for a while.
        """

        def take(request: Request, form: Mapping[str, str]) -> Response:
            who = self.who(request)
            if who is None:
                return self._look.notice("signed_out", 401, kept=form.get("text", ""), back=SIGN_IN)
            with speaking(language_for(request, who)):
                return decide(request, who, form)

        def decide(request: Request, who: SignedIn, form: Mapping[str, str]) -> Response:
            kept = form.get("text", "")
            if not same(form.get("csrf", ""), who.csrf):
                return self._look.notice("old_page", 403, kept=kept, back=_page_of(request), who=who)
            if not roles & who.roles:
                return self._no_role(who, kept)
            if again and self._prover.is_due(who):
                return self._ask_again(handler, Visit(request=request, who=who, form=form))
            return handler(Visit(request=request, who=who, form=form))

        async def endpoint(request: Request) -> Response:
            if not from_our_pages(request, self._services.settings.url):
                return self._look.notice("not_ours", 403)
            form = await read_form(request)
            if form is None:
                return self._look.notice("too_big", 413)
            return await self._in_thread(lambda asked: take(asked, form), request, form.get("text", ""))

        return self._routed(endpoint, Rule(roles=roles, again=again))

    def bring(self, handler: Callable[[Visit], Response], roles: frozenset[str]) -> Endpoint:
        """A form with one file, by somebody signed in who has one of `roles`. Nothing of a stranger's file is read."""

        async def endpoint(request: Request) -> Response:
            if not from_our_pages(request, self._services.settings.url):
                return self._look.notice("not_ours", 403)
            try:
                who = await run_in_threadpool(self.who, request)
            except SQLAlchemyError:
                return self._look.notice("unavailable", 503, back=_page_of(request))
            if who is None:
                return self._look.notice("signed_out", 401, back=SIGN_IN)
            with speaking(language_for(request, who)):
                return await take(request, who)

        async def take(request: Request, who: SignedIn) -> Response:
            found = await read_upload(request)
            if found is None:
                return self._look.notice("too_big", 413, who=who, back=_page_of(request))
            form, upload = found
            kept = form.get("text", "")
            if not same(form.get("csrf", ""), who.csrf):
                return self._look.notice("old_page", 403, kept=kept, back=_page_of(request), who=who)
            if not roles & who.roles:
                return self._no_role(who, kept)
            visit = Visit(request=request, who=who, form=form, upload=upload)
            return await self._in_thread(lambda _: handler(visit), request, kept)

        return self._routed(endpoint, Rule(roles=roles))

    def stream(self, handler: Callable[[Visit], Awaitable[Response]], roles: frozenset[str]) -> Endpoint:
        """A stream for a page's script; strangers get 401 and the wrong role 403, at which a browser stops asking."""

        async def endpoint(request: Request) -> Response:
            try:
                who = await run_in_threadpool(self.who, request, watching=True)
            except SQLAlchemyError:
                return private(PlainTextResponse("", 503))
            if who is None:
                return private(PlainTextResponse("", 401))
            if not roles & who.roles:
                return private(PlainTextResponse("", 403))
            return await handler(Visit(request=request, who=who))

        return self._routed(endpoint, Rule(roles=roles))

    def who(self, request: Request, *, watching: bool = False) -> SignedIn | None:
        """Who is signed in in this browser; their last use is recorded unless a page is only being watched."""
        with self._services.database.read() as session:
            who = logins.find(session, request.cookies.get(COOKIE))
        if who is None or (who.demonstration and not on_this_machine(request, self._services.settings)):
            return None
        if not watching and logins.due_for_touch(who):
            with self._services.database.write() as session:
                logins.touch(session, who)
        return who

    def _routed(self, endpoint: Endpoint, rule: Rule) -> Endpoint:
        """`endpoint` with its rule; until it is known who asks, the browser's language is spoken."""

        async def answer(request: Request) -> Response:
            with speaking(language_for(request)):
                if any(NUL in str(value) for value in (*request.path_params.values(), *request.query_params.values())):
                    return self._look.notice("no_page", 404)
                return await endpoint(request)

        return ruled(answer, rule)

    def _ask_again(self, handler: Callable[[Visit], Response], visit: Visit) -> Response:
        """Ask who it is and keep the form meanwhile; once it is shown, do what the form says under a new cookie."""
        who = visit.who
        form = {name: value for name, value in visit.form.items() if name not in ("csrf", PROOF)}
        value = self._prover.again(who, visit.form[PROOF]) if PROOF in visit.form else None
        with self._services.database.read() as session:
            still = logins.find(session, value or visit.request.cookies.get(COOKIE))
        if still is None:
            return self._look.notice("signed_out", 401, kept=form.get("text", ""), back=SIGN_IN)
        if value is None:
            asks, wrong = self._prover.asks(who), PROOF in visit.form
            back = _page_of(visit.request)
            return self._look.page("again.html", 403, who=who, asks=asks, wrong=wrong, kept=form, back=back)
        answer = handler(replace(visit, who=still, form=form))
        return with_cookie(answer, COOKIE, value, self._services.settings)

    def _no_role(self, who: SignedIn, kept: str = "") -> Response:
        return self._look.notice("no_role", 403, who=who, kept=kept, back=landing(who.roles))

    async def _in_thread(self, handler: Callable[[Request], Response], request: Request, kept: str) -> Response:
        try:
            return await run_in_threadpool(handler, request)
        except SQLAlchemyError as error:
            log.error("console: the store failed (%s)", type(error).__name__)
            return self._look.notice("unavailable", 503, kept=kept, back=_page_of(request))


def with_cookie(response: Response, name: str, value: str, settings: Settings) -> Response:
    """`response` with a cookie that scripts and other sites cannot use and that ends with the browser."""
    secure = settings.url.startswith("https:")
    response.set_cookie(name, value, path="/staff", httponly=True, samesite="lax", secure=secure)
    return private(response)


def on_this_machine(request: Request, settings: Settings) -> bool:
    """Whether nobody but this machine can be asking: the only place where the demonstration account works.

    A proxy on this machine would make everybody look local, so its headers and a foreign name in the address count against.
    """
    names = [request.client.host if request.client else "", settings.host, request.url.hostname or ""]
    if settings.public_url:
        names.append(urlsplit(settings.public_url).hostname or "")
    return all(is_loopback(name) for name in names) and not any(header in request.headers for header in FORWARDED)


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only be this machine."""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def same(given: str, expected: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a posted form, the first of each name; None if it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        return _fields(body)
    except ValueError:
        return None


def _fields(body: bytes | bytearray) -> dict[str, str]:
    """The fields of a form's body, without characters that no database keeps. Raises `ValueError` if there are too many."""
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    return {name: value.replace(NUL, "\ufffd") for name, value in reversed(pairs)}


async def read_upload(request: Request) -> tuple[dict[str, str], Upload | None] | None:
    """The fields of a posted form and its one file; None if it is too long or broken."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_UPLOAD:
            return None

    async def whole() -> AsyncGenerator[bytes, None]:
        yield bytes(body)

    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            return _fields(body[:MAX_BODY]), None
        except ValueError:
            return None
    try:
        form = await MultiPartParser(request.headers, whole(), max_files=1, max_fields=20).parse()
    except (MultiPartException, KeyError, ValueError):
        return None
    fields: dict[str, str] = {}
    upload = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            upload = Upload(name=value.filename or "", content=await value.read())
        else:
            fields.setdefault(name, value.replace(NUL, "\ufffd"))
    await form.close()
    return fields, upload


def _page_of(request: Request) -> str:
    """The page that a form was on: its case, its service or change, the rota, the sample and so on, else the queue."""
    case_id = request.path_params.get("case_id")
    for name, page in PAGES_OF:
        if name in request.path_params:
            return f"{page}/{quote(str(request.path_params[name]), safe='')}"
    for page in PAGES:
        if request.url.path == page or request.url.path.startswith(f"{page}/"):
            return page
    return f"/staff/cases/{case_id}" if isinstance(case_id, int) else QUEUE
