"""Alarms by an HTTP hook: a POST of JSON with a keyed signature, for a gateway to text messages or a pager."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import httpx

from bot.alarms.ways import Notice, Outcome
from bot.settings import Settings

TIMEOUT = 10.0
RETRY_AT = frozenset({408, 409, 425, 429})
"""Answers below 500 after which trying again may help."""


class HookWay:
    """2xx is taken for done. Redirects are not followed."""

    def __init__(self, settings: Settings, *, timeout: float = TIMEOUT) -> None:
        self._url = settings.alarm_hook_url or ""
        self._key = settings.alarm_hook_key
        self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)

    async def send(self, notice: Notice) -> Outcome:
        body, moment = body_of(notice), str(int(time.time()))
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.key, "Wren-Timestamp": moment}
        if self._key is not None:
            headers["Wren-Signature"] = "sha256=" + signature(self._key.get_secret_value(), moment, body)
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                status = response.status_code  # what it says beyond that is not read
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome("retry", f"the hook could not be reached ({type(error).__name__})")
        if 200 <= status < 300:
            return Outcome("sent")
        return Outcome("retry" if status >= 500 or status in RETRY_AT else "failed", f"the hook said {status}")

    async def close(self) -> None:
        await self._client.aclose()


def body_of(notice: Notice) -> bytes:
    """The JSON that is posted: no address, nothing of the parent's."""
    values = {
        "id": notice.key,
        "cause": notice.cause,
        "level": notice.level,
        "team": notice.team,
        "age_minutes": notice.age_minutes,
        "for": notice.audience,
        "step": notice.step,
        "link": notice.link,
    } | ({"subject": notice.subject} if notice.subject else {})
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def signature(key: str, moment: str, body: bytes) -> str:
    """HMAC-SHA256 of the timestamp, a full stop and the body, in hexadecimal; whoever receives it makes it anew and compares."""
    return hmac.new(key.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
