"""In which language the console speaks while it answers a request: as the account says, before signing in as the browser says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.requests import Request

from bot.console.logins import SignedIn
from bot.library.strings import SOURCE_LANGUAGE

SPOKEN = (SOURCE_LANGUAGE, "cy")
"""The languages of the console, each with a catalog `locales/<code>/LC_MESSAGES/console.po`."""

LANGUAGE_COOKIE = "wren_staff_language"
"""Set only by somebody who chooses a language before signing in; it ends with the browser."""

_spoken: ContextVar[str] = ContextVar("language of the console", default=SOURCE_LANGUAGE)


def spoken() -> str:
    """The language of the request that is being answered; English outside of one."""
    return _spoken.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak `language` meanwhile, in threads that are started meanwhile too."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def language_for(request: Request, who: SignedIn | None = None) -> str:
    """What `who` chose, else what was chosen in this browser, else English."""
    asked = (who.language if who else None) or request.cookies.get(LANGUAGE_COOKIE, "")
    return asked if asked in SPOKEN else SOURCE_LANGUAGE
