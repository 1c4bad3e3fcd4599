"""The channel itself: from a posted form to an `Inbound`. Nothing is ever pushed: the page fetches its messages."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any

from bot.channels import mapping, start_payload, words
from bot.messages import MAX_TOKEN, Address, Delivery, Inbound, Kind, Outbound

CHANNEL = "webchat"
ADDRESS_KIND = "webchat_key"
KEY = re.compile(r"[A-Za-z0-9_-]{43}")
EVENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
TOKEN = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_TOKEN}}}")
FIELDS = ("id", "text", "token", "lang", "chosen", "code")
"""What a form of the page may hold."""


def new_key() -> str:
    """A key for a new person: 256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)


def new_event_id() -> str:
    """An id for one form: 96 random bits, 16 characters."""
    return secrets.token_urlsafe(12)


class WebChatChannel:
    """Parses what the page posts. Pulled: a stored message has been handed over, the page reads it."""

    name = CHANNEL
    pulled = True

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """The message in a posted form, or none if it holds neither words nor a button.

        `raw` has `person` (the key), `text` or `token`, the form's `id`, and the page's language `lang`, which is the
        person's own choice if `chosen` is there; `code` is a campaign's.
        """
        raw = mapping(raw)
        key, text, token = words(raw.get("person")), words(raw.get("text")).strip(), words(raw.get("token"))
        if not KEY.fullmatch(key):
            return []
        if TOKEN.fullmatch(token):
            kind, text = Kind.BUTTON, ""
        elif text:
            kind, token = Kind.TEXT, ""
        else:
            return []
        language = words(raw.get("lang")) or None
        return [
            Inbound(
                channel=CHANNEL,
                external_id=_external_id(key, words(raw.get("id")), f"{token}\n{text}"),
                addresses=(Address(channel=CHANNEL, kind=ADDRESS_KIND, value=key),),
                kind=kind,
                text=text,
                token=token or None,
                locale=language,
                language=language if raw.get("chosen") else None,
                start_payload=start_payload(raw.get("code")),
            )
        ]

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        """Nothing to do: the row is what the page reads."""
        return Delivery(status="sent")


def _external_id(key: str, event_id: str, said: str) -> str:
    """The same for a double tap or a reload; another for other words sent from a page that the browser brought back.

    Hashed under the person's key: a bare hash of a short message could be guessed.
    """
    if not EVENT_ID.fullmatch(event_id):
        event_id = new_event_id()
    holder = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"{holder}:{event_id}:{hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest()[:32]}"
