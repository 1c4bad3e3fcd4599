"""Channels: one folder each, translating between a provider's own format and `bot.messages`; nothing else.

A channel does not know people, triage, content or the database: it turns a provider's event into `Inbound` and an
`Outbound` into a provider's call, and says what became of it. This room may import `bot.messages` and `bot.settings`,
and nothing else of the app. Every folder has the same few files, as far as its provider needs them: `parse.py` (what
came in), `render.py` (what goes out), `send.py` (the channel object), `poll.py` or a route (how events arrive).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from bot.messages import FAULTS, Delivery, Inbound, Outbound

START_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a deep link may carry: Telegram's rule, which the landing page keeps to for every channel."""

EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
"""`*…*` as `Outbound.text` marks emphasis: within one line, tight, and not inside a word (2*3*4 is a sum)."""

ISOLATED = re.compile(r"[\u2066-\u2068][^\u2069]*\u2069")
"""A telephone number (or other text) between directional isolates: never cut in two."""


class Channel(Protocol):
    """What the rest of the app may ask of a channel."""

    name: str
    """The name stored with every message: `telegram`, `whatsapp`, `webchat`, `terminal`."""

    pulled: bool
    """True when parents fetch their messages themselves (web chat, terminal), so that nothing is pushed."""

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        """What one authenticated provider event says; pure, and never raises, whatever JSON it is given.

        An event that holds several messages gives several. A thing nobody can be told about gives none; a thing Wren
        cannot read gives kind `UNSUPPORTED`, so that the parent hears so.
        """
        ...

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        """Hand one message to the provider. `address` and `kind` are `Address.value` and `Address.kind`.

        Never raises for what a provider or the network does: the `Delivery` says it. Where the outcome cannot be
        known it is `failed`, with "outcome unknown" in the reason, because sending again might double; a `MarkingChannel` says
        `unknown` instead, because a receipt may yet tell.
        """
        ...


@runtime_checkable
class MarkingChannel(Protocol):
    """A channel whose messages may take several requests, so that what was accepted is known part by part.

    Where the provider's receipts carry the mark, a part whose answer was lost is known by its receipt.
    """

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        """As `Channel.send`, from part number `done` on; `Delivery.accepted` names the parts accepted in this call."""
        ...


def mapping(value: object) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one: no provider's JSON is trusted to have its published shape."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects of `value` if it is a list, in order; anything else in it is left out."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def words(value: object) -> str:
    """`value` if it is a string, without what no database stores: NUL and lone surrogates."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def number(value: object) -> float | None:
    """`value` as a finite number, or None; JSON's true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**63:
        return None
    return float(value)


def fault_of(entry: Mapping[str, Any]) -> str:
    """What an entry of an `errors.yml` says is wrong with the provider, "" for nothing. Raises ValueError for an unknown word."""
    fault = entry.get("fault", {"halt": "account", "pause": "rate"}.get(str(entry.get("action")), ""))
    if fault not in ("", *FAULTS):
        raise ValueError(f"errors.yml: {entry.get('name')} has the fault {fault!r}; use one of {', '.join(FAULTS)}")
    return str(fault)


def moment(value: object) -> datetime:
    """A Unix time, as number or digits, in UTC; now, if it is not one."""
    text = str(value) if isinstance(value, str) or number(value) is not None else ""
    if re.fullmatch(r"[0-9]{1,11}", text, re.ASCII):
        return datetime.fromtimestamp(int(text), UTC)
    return datetime.now(UTC)


def start_payload(value: object) -> str | None:
    """`value` if it is a well-formed deep-link payload, else None."""
    return value if isinstance(value, str) and START_PAYLOAD.fullmatch(value) else None


def labelled_text(outbound: Outbound) -> str:
    """The text with the label of who speaks on a line above it, for channels that have no other place to show it."""
    label = outbound.voice_name
    if outbound.voice == "wren" or not label or outbound.text.startswith((label, f"*{label}")):
        return outbound.text
    return f"*{label}*\n{outbound.text}"
