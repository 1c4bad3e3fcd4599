"""Talking to Rasa on loopback: one POST a turn, short time-outs, nothing kept between turns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

LONGEST = 2_000
"""Characters of a message that Rasa is given."""


class RasaUnavailable(Exception):
    """Rasa did not answer in time, or answered something that is not a turn. The text of the error holds no message text."""


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
        self._token = token
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout,
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            trust_env=False,
        )

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
        answer = await self._post("/webhooks/turn/turn", body)
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
            response = await self._client.get(f"/status?token={self._token}")
            return response.status_code == 200 and bool(response.json().get("model_file"))
        except (httpx.HTTPError, ValueError):
            return False

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(
                self._timeout
            ):  # httpx counts each read alone: an answer that drips would outlive the lease
                response = await self._client.post(path, json=body)
            if response.status_code != 200:
                raise RasaUnavailable(f"status {response.status_code}")
            answer = response.json()
        except (httpx.HTTPError, ValueError, TimeoutError) as error:
            raise RasaUnavailable(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise RasaUnavailable("the answer is not an object")
        return answer

    async def close(self) -> None:
        await self._client.aclose()


def safe_text(text: str) -> str:
    """`text` as Rasa may have it: never with a leading "/" (Rasa would run it as a command), not longer than `LONGEST`."""
    return text.strip().lstrip("/").strip()[:LONGEST] or "…"
