"""The API over HTTP, to be mounted under a path or served by itself. Everything is public, read-only and open to any origin.

An entity tag is made of the directory's revision, the day in London (services come and go by date) and the form of the
answers; it is read before the records, so that it can be too old for them but never too new.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services_directory.api import pages
from services_directory.api.description import openapi_document
from services_directory.api.filters import Around, areas_around
from services_directory.api.parameters import ENDPOINTS, Asked, Refused, read_parameters
from services_directory.database import read_revision, reading
from services_directory.directory import Directory, london_now
from services_directory.export import Json
from services_directory.nations import key

VERSION = "HSDS-UK-3.0"
PROFILE = "https://docs.openreferraluk.org/"
# Raise it when the same records are written in another form: it is part of every entity tag.
FORM = 1
# Readers at once. The rest of the process keeps its own threads and most of the database's connections.
READERS = 4
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link",
    "X-Content-Type-Options": "nosniff",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Accept-Language, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
ONE = {
    "services": "service",
    "service_at_locations": "service at a location",
    "organizations": "organisation",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy term",
}
_T = TypeVar("_T")


def api_app(
    engine: Engine, directory: Directory, *, public_url: str | None = None, clock: Callable[[], datetime] = london_now
) -> Starlette:
    """Return the API as an application.

    ``directory`` tells where postcodes are. ``public_url``: the API's own address, without a slash at the end; if
    ``None``, that of each request. ``clock``: local time.
    """
    answers = _Answers(engine, directory, public_url, clock)
    routes = [
        Route("/", answers.about),
        Route("/openapi.json", answers.document),
        *(Route(f"/{name}", partial(answers.listing, name)) for name in ENDPOINTS),
        *(Route(f"/{name}/{{id}}", partial(answers.single, name)) for name in ENDPOINTS),
    ]
    handlers: dict[Any, Any] = {Refused: answers.refused, HTTPException: answers.http_error}
    return Starlette(routes=routes, exception_handlers=handlers)


class _Answers:
    def __init__(self, engine: Engine, directory: Directory, public_url: str | None, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._directory = directory
        self._public_url = public_url
        self._clock = clock
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="directory-api")

    async def _blocking(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _today(self) -> date:
        return self._clock().date()

    # ---- Endpoints -----------------------------------------------------------------------------------------------

    async def about(self, request: Request) -> Response:
        """Say which standard this speaks: validators read it first, and take a wrong answer for version 1."""
        address = self._address(request)
        return _json({"version": VERSION, "profile": PROFILE, "openapi_url": f"{address}/openapi.json"})

    async def document(self, request: Request) -> Response:
        """The OpenAPI document."""
        return _json(openapi_document(self._address(request)))

    async def listing(self, name: str, request: Request) -> Response:
        """One page of a list, or all of it as lines."""
        asked = read_parameters(request.query_params.multi_items(), ENDPOINTS[name])
        today = self._today()
        listing = pages.LISTINGS[name]
        if asked.format == "ndjson":
            return await self._stream(request, listing, asked, today)

        def read() -> Response:
            around = self._around(asked, today)
            with reading(self._engine) as session:
                tag = self._tag(session, today)
                if _has(request, tag):
                    return _unchanged(tag)
                return _json(pages.read_page(session, listing, asked, today, around), tag)

        return await self._blocking(read)

    async def single(self, name: str, request: Request) -> Response:
        """One record, whole."""
        one = request.path_params["id"]
        today = self._today()
        find: dict[str, Callable[[Session], Json | None]] = {
            "services": lambda session: pages.find_service(session, one, today),
            "service_at_locations": lambda session: pages.find_at_location(session, one, today),
            "organizations": lambda session: pages.find_organisation(session, one, today, full_service=asked.full_service),
            "taxonomies": lambda session: pages.find_taxonomy(session, one, today),
            "taxonomy_terms": lambda session: pages.find_term(session, one, today),
        }
        known = ("full_service",) if name == "organizations" else ()
        asked = read_parameters(request.query_params.multi_items(), known)

        def read() -> Response:
            with reading(self._engine) as session:
                tag = self._tag(session, today)
                record = find[name](session)
                if record is None:
                    raise Refused(404, "not_found", f"There is no {ONE[name]} with this id here.", "id")
                return _unchanged(tag) if _has(request, tag) else _json(record, tag)

        return await self._blocking(read)

    async def _stream(self, request: Request, listing: pages.Listing, asked: Asked, today: date) -> Response:
        def begin() -> tuple[str, list[str]]:
            around = self._around(asked, today)
            with reading(self._engine) as session:
                tag = self._tag(session, today)
                unwanted = request.method == "HEAD" or _has(request, tag)
                return tag, [] if unwanted else pages.read_ids(session, listing, asked, today, around)

        tag, ids = await self._blocking(begin)
        if _has(request, tag):
            return _unchanged(tag)

        def lines(batch: Any) -> bytes:
            with reading(self._engine) as session:
                records = pages.read_batch(session, listing, asked, today, batch)
            return b"".join(_dump(record) + b"\n" for record in records)

        async def body() -> AsyncIterator[bytes]:
            for batch in pages.batches(ids, asked):
                yield await self._blocking(partial(lines, batch))

        headers = HEADERS | {"ETag": tag, "Cache-Control": "no-cache"}
        return StreamingResponse(body(), media_type="application/x-ndjson", headers=headers)

    def _around(self, asked: Asked, today: date) -> Around | None:
        """Find where a postcode is. Raises ``Refused`` if a distance is asked for from one that cannot be placed."""
        if asked.postcode is None:
            return None
        place = self._directory.find_place(asked.postcode)
        if place is None or (asked.proximity is not None and place.point is None):
            what = f"This directory does not know where {asked.postcode} is, because nothing in it is near there."
            raise Refused(404, "unknown_postcode", f"{what} Try another postcode, or leave out proximity.", "postcode")
        with reading(self._engine) as session:
            return areas_around(place, pages.area_names(session, today), key)

    # ---- Errors, tags, addresses -----------------------------------------------------------------------------------

    async def refused(self, _request: Request, error: Refused) -> Response:
        """What was wrong, in plain words."""
        more = {"parameter": error.parameter} if error.parameter else {}
        return _json({"error": error.code, "message": error.message} | more, status=error.status)

    async def http_error(self, request: Request, error: HTTPException) -> Response:
        """Unknown addresses and methods."""
        if error.status_code == 405:
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=HEADERS | PREFLIGHT)
            body = {"error": "method_not_allowed", "message": "This API only reads. Use GET."}
            return _json(body, status=405, more={"Allow": "GET, HEAD, OPTIONS"})
        address = f"{self._address(request)}/openapi.json"
        body = {"error": "not_found", "message": f"There is nothing at this address. {address} lists what there is."}
        return _json(body, status=error.status_code)

    def _tag(self, session: Session, today: date) -> str:
        return f'W/"{FORM}-{read_revision(session.connection())}-{today:%Y%m%d}"'

    def _address(self, request: Request) -> str:
        if self._public_url is not None:
            return self._public_url
        host = request.url.netloc
        # A made-up Host header must not make an address that is none.
        safe = host if re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", host) else "localhost"
        return f"{request.url.scheme}://{safe}{request.scope.get('root_path', '')}".rstrip("/")


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _json(value: object, tag: str | None = None, *, status: int = 200, more: dict[str, str] | None = None) -> Response:
    headers = HEADERS | ({"ETag": tag, "Cache-Control": "no-cache"} if tag else {}) | (more or {})
    return Response(_dump(value), status, headers, "application/json")


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers=HEADERS | {"ETag": tag, "Cache-Control": "no-cache"})


def _has(request: Request, tag: str) -> bool:
    """Whether the caller has this version already, by the weak comparison of RFC 9110."""
    given = request.headers.get("if-none-match", "")
    wanted = tag.removeprefix("W/")
    return given.strip() == "*" or any(one.strip().removeprefix("W/") == wanted for one in given.split(","))
