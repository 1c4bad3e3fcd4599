"""Reading a feed by its web address: page by page, bounded in size and time, and never from an address inside our own network.

The address of every connection is looked up once, checked, and then used as it is, so that a name which answers differently
the second time gains nothing. Pages that have come are kept in a folder, so that a feed which breaks off is taken up again.
"""

import hashlib
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import httpcore
import httpx

from services_directory.imports.notes import CannotRead, Said, said
from services_directory.imports.readers import MAX_SERVICES, Reading, parse_json, read_bytes, reading_of, services_in

MAX_PAGE_BYTES = 50 * 1024 * 1024
MAX_TOTAL_BYTES = 400 * 1024 * 1024
MAX_PAGES = 5000
MAX_REDIRECTS = 3
MAX_SECONDS = 30 * 60.0
REQUEST_SECONDS = 60.0
TRIES = 3
MOST_FAILED = 5
PAUSE_S = 0.5
# What a list gives if it gives more than the outline of a service.
DETAILS = {"service_at_locations", "schedules", "contacts", "cost_options", "eligibilitys", "attributes"}

Progress = Callable[[int, int], None]
Json = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """How much and how long. ``loopback``: let a feed on this machine be read, for tests and for a first try."""

    loopback: bool = False
    page_bytes: int = MAX_PAGE_BYTES
    total_bytes: int = MAX_TOTAL_BYTES
    pages: int = MAX_PAGES
    seconds: float = MAX_SECONDS
    request_seconds: float = REQUEST_SECONDS
    pause: float = PAUSE_S


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Tell whether a numeric address is out on the public internet (or this machine, where ``loopback`` lets it)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inside is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside is not None:
            return is_allowed(str(inside), loopback=loopback)
    if loopback and found.is_loopback:
        return True
    if isinstance(found, ipaddress.IPv6Address) and found.is_site_local:  # withdrawn, and still used within some networks
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class _Guarded(httpcore.NetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} is not known") from error
        addresses = [str(entry[4][0]) for entry in found]
        # One bad address among good ones is a trick, not a mistake.
        if not addresses or not all(is_allowed(address, loopback=self._limits.loopback) for address in addresses):
            raise Inside(host)
        return self._real.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.NetworkStream:
        raise Inside(path)


class Inside(Exception):
    """An address that is not on the public internet."""


def _client(limits: Limits) -> httpx.Client:
    transport = httpx.HTTPTransport(trust_env=False, retries=0)
    pool = httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=_Guarded(limits), max_connections=2)
    # httpx has no door for a network backend; its transport only hands requests to this pool.
    transport._pool = pool
    headers = {
        "User-Agent": "Wren directory import",
        "Accept": "application/json, */*;q=0.5",
        "Accept-Encoding": "gzip, identity",
    }
    return httpx.Client(transport=transport, trust_env=False, headers=headers, timeout=limits.request_seconds)


def is_address(text: str) -> bool:
    """Tell a web address from the name of a file."""
    return "://" in text[:40]


def read_feed(
    address: str, *, keep: Path | None = None, limits: Limits | None = None, progress: Progress | None = None
) -> Reading:
    """Read a whole feed. ``keep`` is a folder for pages that have come, emptied at the end. Raises ``CannotRead``."""
    return _Feed(address, keep, limits or Limits(), progress or (lambda done, total: None)).read()


class _Feed:
    def __init__(self, address: str, keep: Path | None, limits: Limits, progress: Progress) -> None:
        self.limits, self.progress = limits, progress
        self.address = self._checked(address.strip())
        self.name = _shown(self.address)
        self.end = time.monotonic() + limits.seconds
        self.bytes = self.failed = 0
        self.promised: int | None = None
        self.folder = keep / hashlib.sha256(self.address.encode()).hexdigest()[:24] if keep else None
        self.kept: list[Path] = []

    def _checked(self, address: str) -> str:
        try:
            parts = urlsplit(address)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            parts, port_is_fine = urlsplit(""), False
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
            raise CannotRead(_shown(address), said("feed.not_an_address"))
        if parts.username or parts.password:
            raise CannotRead(_shown(address), said("feed.password"))
        return urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))

    # ---- the whole feed ----

    def read(self) -> Reading:
        with _client(self.limits) as client:
            content = self._get(client, self.address)
            if content[:4] == b"PK\x03\x04" or content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in (b"{", b"["):
                result = read_bytes(content, self.name)
            else:
                found = list(self._pages(client, parse_json(content, self.name)))
                if len(found) > MAX_SERVICES:
                    raise CannotRead(self.name, said("feed.services", most=f"{MAX_SERVICES:,}"))
                result = reading_of(self._whole(client, found), self._short(found))
        for path in self.kept:
            path.unlink(missing_ok=True)
        return result

    def _pages(self, client: httpx.Client, first: Any) -> Iterator[tuple[Said | str, Any]]:
        found = services_in(first)
        if found is None and isinstance(first, dict) and "version" in first and not _is_services(self.address):
            # The address of the API itself was given: its services are beneath.
            self.address = _joined(self.address, "services")
            first = parse_json(self._get(client, self.address), self.name)
            found = services_in(first)
        if found is None:
            raise CannotRead(self.name, said("feed.no_list"))
        total = pages_in(first)
        if total > self.limits.pages:
            raise CannotRead(self.name, said("feed.pages", most=f"{self.limits.pages:,}"))
        self.promised = items_in(first)
        yield from self._named(1, found)
        before = _fingerprint(found)
        # Most count pages from 1; some from 0, and say so of the first.
        less = 1 if isinstance(first, dict) and 0 in (first.get("number"), first.get("page_number")) else 0
        for number in range(2, total + 1):
            self.progress(number, total)
            address = _with(self.address, {"page": str(number - less)})
            page = parse_json(self._get(client, address), said("where.page", name=self.name, page=number))
            found = services_in(page) or []
            mark = _fingerprint(found)
            # A page that comes twice later on has slipped while the feed changed: what is missing then is told at the end.
            if found and mark == before and number == 2:
                raise CannotRead(self.name, said("feed.no_turning"))
            yield from self._named(number, found)

    def _short(self, found: list[tuple[Said | str, Any]]) -> Said | None:
        """Return that fewer services came than the feed has, or nothing."""
        ids = {str(item.get("id")) for _, item in found if isinstance(item, dict)}
        if self.promised is None or len(ids) >= self.promised:
            return None
        return said("feed.short", promised=f"{self.promised:,}", came=f"{len(ids):,}")

    def _named(self, page: int, found: list[Any]) -> Iterator[tuple[Said | str, Any]]:
        for number, item in enumerate(found, start=1):
            yield said("where.page_service", name=self.name, page=page, number=number), item

    def _whole(self, client: httpx.Client, found: list[tuple[Said | str, Any]]) -> list[tuple[Said | str, Any]]:
        """Fetch each service by itself if the list has only its outline."""
        outline = [item for _, item in found if isinstance(item, dict) and not DETAILS & item.keys()]
        if not outline or len(outline) < len(found):
            return found
        whole: list[tuple[Said | str, Any]] = []
        for number, (where, item) in enumerate(found, start=1):
            self.progress(number, len(found))
            own = item.get("id")
            try:
                detail = self._detail(client, own) if isinstance(own, str | int) and str(own).strip() else None
            except CannotRead as error:
                # One that cannot be had holds up no other; if many cannot, the feed is down.
                self.failed += 1
                if self.failed > MOST_FAILED:
                    raise
                detail = {"_remarks": [("!", said("feed.not_alone", why=error.note.said))]}
            whole.append((where, {**item, **detail} if detail else item))
        return whole

    def _detail(self, client: httpx.Client, own: str | int) -> Json | None:
        address = _joined(self.address, quote(str(own), safe=""))
        try:
            data = parse_json(self._get(client, address, missing_is_fine=True), _shown(address))
        except Missing:
            return None
        return data if isinstance(data, dict) and str(data.get("id")) == str(own) else None

    # ---- one request ----

    def _get(self, client: httpx.Client, address: str, *, missing_is_fine: bool = False) -> bytes:
        path = self._kept_path(address)
        if path is not None and path.exists():
            content = path.read_bytes()
            self._count(len(content))
            return content
        for attempt in range(TRIES):
            try:
                content = self._once(client, address, missing_is_fine=missing_is_fine)
            except _Again as error:
                if attempt == TRIES - 1:
                    again = "feed.again_from_there" if self.folder else "feed.again"
                    raise CannotRead(_shown(address), said(again, why=error.why)) from error
                time.sleep(min(error.wait if error.wait is not None else self.limits.pause * 2**attempt, 30))
                continue
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                part.write_bytes(content)
                part.replace(path)
            return content
        raise AssertionError

    def _kept_path(self, address: str) -> Path | None:
        if self.folder is None:
            return None
        path = self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.page"
        self.kept.append(path)
        # A page of yesterday does not go with those of today.
        if path.exists() and time.time() - path.stat().st_mtime > 12 * 3600:
            path.unlink(missing_ok=True)
        return path

    def _once(self, client: httpx.Client, address: str, *, missing_is_fine: bool) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            if time.monotonic() > self.end:
                raise CannotRead(self.name, said("feed.slow", minutes=f"{self.limits.seconds / 60:g}"))
            try:
                with client.stream("GET", address) as response:
                    if response.is_redirect:
                        address = self._checked(urljoin(address, response.headers.get("location", "")))
                        continue
                    return self._body(response, missing_is_fine=missing_is_fine)
            except Inside as error:
                raise CannotRead(_shown(address), said("feed.inside")) from error
            except httpx.HTTPError as error:
                raise _Again(said("feed.no_answer", why=type(error).__name__)) from error
            except httpx.InvalidURL as error:
                raise CannotRead(_shown(address), said("feed.invalid")) from error
        raise CannotRead(self.name, said("feed.round_and_round"))

    def _body(self, response: httpx.Response, *, missing_is_fine: bool) -> bytes:
        status = response.status_code
        if status in (429, 500, 502, 503, 504):
            wait = response.headers.get("retry-after", "")
            raise _Again(said("feed.status", status=status), float(wait) if wait.isdecimal() and len(wait) < 4 else None)
        if status == 404 and missing_is_fine:
            raise Missing
        if status != 200:
            raise CannotRead(_shown(str(response.url)), said("feed.status_wrong", status=status))
        body = bytearray()
        for chunk in response.iter_bytes(64 * 1024):
            body += chunk
            if len(body) > self.limits.page_bytes:
                most = self.limits.page_bytes / 1024 / 1024
                raise CannotRead(self.name, said("feed.page_large", most=f"{most:g}"))
            if time.monotonic() > self.end:
                raise CannotRead(self.name, said("feed.slow", minutes=f"{self.limits.seconds / 60:g}"))
        self._count(len(body))
        return bytes(body)

    def _count(self, size: int) -> None:
        self.bytes += size
        if self.bytes > self.limits.total_bytes:
            most = self.limits.total_bytes / 1024 / 1024
            raise CannotRead(self.name, said("feed.large", most=f"{most:g}"))


class _Again(Exception):
    """A failure that may pass. ``wait``: seconds that the feed asks for."""

    def __init__(self, why: Said, wait: float | None = None) -> None:
        self.why, self.wait = why, wait
        super().__init__(str(why))


class Missing(Exception):
    """One service that the list names and that is not there by itself."""


def pages_in(page: Any) -> int:
    """Return how many pages a feed says it has; 1 if it does not say."""
    return max(1, _count_in(page, "total_pages", "totalPages", "pages") or 1)


def items_in(page: Any) -> int | None:
    """Return how many services a feed says it has, or ``None`` if it does not say."""
    return _count_in(page, "total_items", "totalElements", "total")


def _count_in(page: Any, *keys: str) -> int | None:
    for key in keys:
        value = page.get(key) if isinstance(page, Mapping) else None
        if isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdecimal() and len(str(value)) < 10:
            return int(value)
    return None


def _fingerprint(found: list[Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _is_services(address: str) -> bool:
    return urlsplit(address).path.rstrip("/").endswith("services")


def _with(address: str, query: Mapping[str, str]) -> str:
    parts = urlsplit(address)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in query]
    return urlunsplit(parts._replace(query=urlencode([*kept, *query.items()])))


def _joined(address: str, name: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}", query=""))


def _shown(address: str) -> str:
    """Return an address for a message: without a password, and not long."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:120] if host else address[:60]
