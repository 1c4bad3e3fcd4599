"""Talking to Rasa on loopback: one POST a turn, short time-outs, nothing kept between turns.

By aiohttp, not httpx as elsewhere: this call is made for every message, and httpx's pool took a quarter of the app's time under 32 parents.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.signals import metrics

log = logging.getLogger(__name__)
LONGEST = 2_000
"""Characters of a message that Rasa is given."""


class RasaUnavailable(Exception):
    """Rasa did not answer in time, or answered something that is not a turn. The text of the error holds no message text.

    `kind` is what went wrong in one word: away, timeout, unreachable, status or answer.
    """

    def __init__(self, reason: str, kind: str = "answer") -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RasaTurn:
    """What Rasa made of one message: the parse, references to say in order, and where the form stands."""

    parse: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Mapping[str, Any], ...] = ()
    slots: Mapping[str, Any] = field(default_factory=dict)
    form: str | None = None
    requested_slot: str | None = None


class RasaClient:
    """One per event loop. `url` is a loopback address; `token` the secret shared with Rasa."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._open: aiohttp.ClientSession | None = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made at its first use, inside the loop it belongs to."""
        if self._open is None:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=aiohttp.ClientTimeout(total=self._timeout),  # of the whole call: an answer that drips is cut off too
            )
        return self._open

    async def turn(
        self, turn_id: str, text: str, *, slots: Mapping[str, Any], form: str | None, requested_slot: str | None
    ) -> RasaTurn:
        """Hand over one message. Raises `RasaUnavailable`; an empty list of messages is an error too."""
        body = {
            "turn": turn_id,
            "text": safe_text(text),
            "slots": dict(slots),
            "form": form,
            "requested_slot": requested_slot,
        }
        with metrics.RASA_SECONDS.time():
            answer = await self._post("/webhooks/turn/turn", body)
        log.debug("Rasa has answered")
        try:
            result = RasaTurn(
                parse=dict(answer["parse"]),
                messages=tuple(dict(message) for message in answer["messages"]),
                slots=dict(answer["slots"]),
                form=answer["form"],
                requested_slot=answer["requested_slot"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RasaUnavailable("the answer is not a turn") from error
        if not result.messages or not all(isinstance(message.get("ref"), str) for message in result.messages):
            raise RasaUnavailable("no reference came back: an action failed")
        return result

    async def parse(self, text: str) -> dict[str, Any]:
        """What one text means, without a conversation. Raises `RasaUnavailable`."""
        answer = await self._post(f"/model/parse?token={self._token}", {"text": safe_text(text)})
        if not isinstance(answer.get("intent"), dict):
            raise RasaUnavailable("the answer is not a parse")
        return answer

    async def ready(self) -> bool:
        """Whether Rasa answers and has a model."""
        try:
            async with self._session.get(f"{self._url}/status", params={"token": self._token}) as response:
                return response.status == 200 and bool((await response.json(content_type=None)).get("model_file"))
        except (aiohttp.ClientError, AttributeError, TimeoutError, ValueError):
            return False

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with self._session.post(self._url + path, json=body, allow_redirects=False) as response:
                if response.status != 200:
                    raise RasaUnavailable(f"status {response.status}", "status")
                answer = await response.json(content_type=None)
        except TimeoutError as error:
            raise RasaUnavailable(type(error).__name__, "timeout") from error
        except aiohttp.ClientError as error:
            raise RasaUnavailable(type(error).__name__, "unreachable") from error
        except (ValueError, RecursionError) as error:
            raise RasaUnavailable(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise RasaUnavailable("the answer is not an object")
        return answer

    async def close(self) -> None:
        """Give up the connections."""
        if self._open is not None:
            await self._open.close()


def safe_text(text: str) -> str:
    """`text` as Rasa may have it: never with a leading "/" (Rasa would run it as a command), not longer than `LONGEST`."""
    return text.strip().lstrip("/").strip()[:LONGEST] or "…"
