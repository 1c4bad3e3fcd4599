"""Whose conversation a device means, and how much of it this visit shows: the key, and the visit's mark.

Somebody else may hold the phone next time. So each visit starts clean, and old words are shown only to whoever asks to carry on. A visit
ends by itself `VISIT_SECONDS` after the last look, and at once when somebody leaves quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.channels.webchat.channel import KEY, new_key
from bot.channels.webchat.history import Position

VISIT_SECONDS = 15 * 60
"""Seconds after the last look in which somebody who comes back is on the same visit. An open page looks all the time."""

COOKIE, VISIT_COOKIE = "wren_chat", "wren_visit"
COOKIE_DAYS = 180
VISIT_HEADER = "Wren-Visit"
FIELDS = ("key", "visit")
"""What a form in a frame holds besides what is said."""

WAITS = "w"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a device says: `key` is whose conversation it means; it alone opens anything.

    `since` is the place after which this visit shows words, the beginning for all of them, None while nobody has written or asked.
    `waits`: when the visit began, a practitioner's reply lay among the words it does not show.
    """

    key: str
    since: Position | None = None
    waits: bool = False

    @classmethod
    def new(cls) -> Visit:
        """The visit of somebody who may be about to write for the first time."""
        return cls(key=new_key())

    @classmethod
    def read(cls, key: str, mark: str) -> Visit | None:
        """A visit from its two parts; None without a key. A mark that is none is a new visit."""
        if not KEY.fullmatch(key):
            return None
        return cls(key=key, since=Position.parse(mark.removesuffix(WAITS)), waits=mark.endswith(WAITS))

    @property
    def mark(self) -> str:
        """The visit without its key: "12.40", with a "w" if a reply waits; empty while nothing is shown. No secret, and no lock."""
        return "" if self.since is None else f"{self.since}{WAITS if self.waits else ''}"


class Cookies:
    """On a page of Wren's own: the key in a cookie that scripts cannot read, the visit's mark in one that they can end."""

    base = "/chat"
    framed = False

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def read(self, request: Request, form: Mapping[str, str]) -> Visit | None:
        """The visit of a request, or None for somebody new. A form names no key: another site could have written it."""
        return Visit.read(request.cookies.get(COOKIE, ""), request.cookies.get(VISIT_COOKIE, ""))

    def keep(self, response: Response, visit: Visit) -> None:
        """Have the browser keep the visit, from now on again."""
        self._set(response, COOKIE, visit.key, COOKIE_DAYS * 86_400, httponly=True)
        if visit.since is not None:
            self._set(response, VISIT_COOKIE, visit.mark, VISIT_SECONDS, httponly=False)

    def end_visit(self, response: Response) -> None:
        """Have the next look begin clean; the key stays for whoever asks to carry on."""
        response.delete_cookie(VISIT_COOKIE, path=self.base, samesite="lax")

    def forget(self, response: Response) -> None:
        """Take everything off the device."""
        response.delete_cookie(COOKIE, path=self.base, httponly=True, samesite="lax")
        self.end_visit(response)

    def _set(self, response: Response, name: str, value: str, seconds: int, *, httponly: bool) -> None:
        response.set_cookie(name, value, max_age=seconds, path=self.base, httponly=httponly, samesite="lax", secure=self._secure)


class Frame:
    """In a frame on another site, where browsers keep no cookie of ours: the frame's script keeps both parts and says them each time.

    In the headers of what it fetches, and in the fields of a form that leads on to another page. Never in an address, which gets logged.
    """

    base = "/embed"
    framed = True

    def read(self, request: Request, form: Mapping[str, str]) -> Visit | None:
        """The visit of a request, or None for somebody new."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            return Visit.read(key, request.headers.get(VISIT_HEADER, ""))
        return Visit.read(form.get("key", ""), form.get("visit", ""))

    def keep(self, response: Response, visit: Visit) -> None:
        """Tell the script the visit's mark; it has the key."""
        response.headers[VISIT_HEADER] = visit.mark

    def end_visit(self, response: Response) -> None:
        """Nothing: the script ends it."""

    def forget(self, response: Response) -> None:
        """Nothing: the script forgets by itself, and Clear-Site-Data helps."""
