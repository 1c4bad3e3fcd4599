"""Browsers that an account has signed in with before: their wrong tries are counted apart from everybody else's.

So a stranger who keeps guessing somebody's password makes themselves wait, and not its owner at their own desk. The cookie opens
nothing: it is a random number with a keyed hash of it and the user name, and who takes it gets a handful of tries of their own.
"""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from bot.console.accounts import tidy
from bot.console.guard import SIGN_IN, same
from bot.settings import Settings
from bot.storage.crypto import Keyring

KNOWN_COOKIE = "wren_staff_known"
PURPOSE = "known browser"
KEPT_SECONDS = 90 * 24 * 60 * 60


def counted_as(request: Request, keyring: Keyring, username: str) -> str:
    """As what a try with `username` is counted: the name's own key, or for a browser that knows it one of its own."""
    name = tidy(username)
    number, _, proof = request.cookies.get(KNOWN_COOKIE, "").partition(".")
    known = bool(number) and same(proof, _proof(keyring, name, number))
    return keyring.hashed("sign-in", _plain(name), number if known else "")


def remembered(response: Response, keyring: Keyring, username: str, settings: Settings) -> Response:
    """`response`, after which this browser is known to the account; scripts and other sites cannot use the cookie."""
    number = secrets.token_urlsafe(16)
    response.set_cookie(
        KNOWN_COOKIE,
        f"{number}.{_proof(keyring, tidy(username), number)}",
        max_age=KEPT_SECONDS,
        path=SIGN_IN,
        httponly=True,
        samesite="lax",
        secure=settings.url.startswith("https:"),
    )
    return response


def _proof(keyring: Keyring, name: str, number: str) -> str:
    return keyring.hashed(PURPOSE, _plain(name), _plain(number))


def _plain(text: str) -> str:
    """What somebody typed or sent, as text that can be hashed: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode()
