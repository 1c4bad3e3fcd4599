"""Who may come in: new people are limited by address and in all; nobody who has written before is held up here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

MINUTE = 60.0


class Door:
    """Counts new people in windows of a minute, in this process. Addresses are kept that long only and never logged."""

    def __init__(self, *, per_address: int, in_all: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_address, self._in_all, self._clock = per_address, in_all, clock
        self._window = -1
        self._counts: Counter[str] = Counter()
        self._total = 0

    def admit(self, host: str | None) -> bool:
        """Whether one more new person may be made from `host`; counts them if so."""
        window = int(self._clock() // MINUTE)
        if window != self._window:
            self._window, self._total = window, 0
            self._counts.clear()
        block = address_block(host)
        if self._total >= self._in_all or self._counts[block] >= self._per_address:
            return False
        self._counts[block] += 1
        self._total += 1
        return True


def address_block(host: str | None) -> str:
    """The address, or for IPv6 the /64 that one household or mast is given."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.exploded[:19]
    return str(getattr(address, "ipv4_mapped", None) or address)


def from_our_pages(request: Request, public_url: str) -> bool:
    """Whether a POST comes from our own page: by Sec-Fetch-Site, else Origin.

    A browser that sends neither is let through: its cookie's SameSite guards it alone.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        ours, theirs = urlsplit(public_url), urlsplit(origin)
    except ValueError:  # half an address, which no browser sends
        return False
    if (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc):
        return True
    return bool(theirs.netloc) and theirs.netloc == request.headers.get("host")
