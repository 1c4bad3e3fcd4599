"""Lines typed at a terminal, as the vocabulary has them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from bot.messages import Address, Delivery, Inbound, Kind, Outbound

NAME = "terminal"


class TerminalChannel:
    """Pulled: the terminal reads its replies from the database."""

    name = NAME
    pulled = True

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """One event of `say`, `press` or `locate`."""
        return [
            Inbound(
                channel=NAME,
                external_id=str(raw["id"]),
                addresses=(Address(channel=NAME, kind=NAME, value=str(raw["person"])),),
                kind=Kind(raw["kind"]),
                text=str(raw.get("text", "")),
                token=raw.get("token"),
                media=raw.get("media"),
                language=raw.get("language"),
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
