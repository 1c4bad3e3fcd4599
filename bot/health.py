"""Whether a process lives and is ready for work, over HTTP: for a load balancer, a container's health check, `bot work --check`.

`/health/live` is 200 while the event loop runs. `/health/ready` is 200 while the database can be reached and fits this code and these
keys, triage's models are loaded, and the process is not about to stop; else 503 with what is missing. Rasa is told of and not asked
for: without it a parent still gets safety words, menus and a person.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.storage.standing import why_unfit
from bot.wiring import Parts

LIVE, READY = "/health/live", "/health/ready"


class Health:
    """How one process is. `prepared` is set once what a first message needs is loaded, `closing` once it is to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.prepared = False
        self.closing = False

    def missing(self) -> dict[str, str]:
        """What keeps this process from work, in plain words; empty when nothing does. Blocking."""
        found = {}
        if self.closing:
            found["process"] = "It is stopping."
        if not self.prepared:
            found["models"] = "They are still being loaded."
        why = why_unfit(self._parts.database, self._parts.keyring)
        if why is not None:
            found["database"] = why
        return found

    async def rasa(self) -> str:
        """Whether understanding is there: "ready" or "away"."""
        return "ready" if self._parts.rasa is not None and await self._parts.rasa.ready() else "away"

    def routes(self) -> list[BaseRoute]:
        return [Route(LIVE, self._live), Route(READY, self._ready)]

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request) -> Response:
        missing = await run_in_threadpool(self.missing)
        status = "not ready" if missing else "ready"
        return JSONResponse({"status": status, "missing": missing, "rasa": await self.rasa()}, 503 if missing else 200)


def check(url: str, say: Callable[[str], None], *, seconds: float = 10) -> int:
    """Ask the process at `url`, one of this machine, whether it is ready, and say what is missing; returns the exit status."""
    try:
        with urllib.request.urlopen(url + READY, timeout=seconds) as response:  # noqa: S310 - loopback, our own
            told = json.load(response)
    except urllib.error.HTTPError as error:
        told = json.load(error)
    except (OSError, ValueError) as error:
        say(f"Nothing answers at {url} ({type(error).__name__}).")
        return 1
    for part, words in told["missing"].items():
        say(f"{part}: {words}")
    say(f"{told['status']}; Rasa is {told['rasa']}")
    return 0 if told["status"] == "ready" else 1
