"""Lines typed at a terminal, as the vocabulary has them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from bot.channels import mapping, words
from bot.messages import Address, Delivery, Inbound, Kind, Outbound

NAME = "terminal"
LONGEST_ID = 200


class TerminalChannel:
    """Pulled: the terminal reads its replies from the database."""

    name = NAME
    pulled = True

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """One event of `say` or `press`; nothing for anything else."""
        event = mapping(raw)
        unique, person, kind = words(event.get("id")), words(event.get("person")), event.get("kind")
        if not unique or len(unique) > LONGEST_ID or not person or not isinstance(kind, str) or kind not in list(Kind):
            return []
        return [
            Inbound(
                channel=NAME,
                external_id=unique,
                addresses=(Address(channel=NAME, kind=NAME, value=person),),
                kind=Kind(kind),
                text=words(event.get("text")),
                token=words(event.get("token")) or None,
                media=words(event.get("media")) or None,
                language=words(event.get("language")) or None,
            )
        ]

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        return Delivery(status="sent")


def say(person: str, text: str, language: str | None = None) -> dict[str, Any]:
    """The event of a typed line."""
    return {"id": secrets.token_hex(8), "person": person, "kind": Kind.TEXT.value, "text": text, "language": language}


def press(person: str, token: str | None, language: str | None = None) -> dict[str, Any]:
    """The event of a pressed button."""
    return {"id": secrets.token_hex(8), "person": person, "kind": Kind.BUTTON.value, "token": token, "language": language}
