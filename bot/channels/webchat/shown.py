"""How one message looks: what the templates need of an entry of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from bot.channels.webchat.history import Entry, entry_of
from bot.languages import direction
from bot.library.strings import SOURCE_LANGUAGE, Strings
from bot.messages import Outbound
from bot.pages.words import linked, paragraphs, rich
from bot.storage.tables import now

PRESSABLE = 3
"""How many of the latest messages with buttons still show them."""

ZONE = ZoneInfo("Europe/London")


def items(entries: Sequence[Entry], strings: Strings, language: str) -> list[dict[str, Any]]:
    """What the templates need of each message on a page in `language`."""
    return [_item(entry, strings, language) for entry in entries]


def _item(entry: Entry, strings: Strings, language: str) -> dict[str, Any]:
    text = strings.get(entry.label, language) if not entry.text and entry.label else entry.text
    line = rich if entry.voice in ("wren", "directory") else linked
    own_words = bool(entry.text)
    return {
        "entry": entry,
        "html": paragraphs(text, line),
        "language": entry.language if own_words else language,
        "direction": entry.direction if own_words else direction(language),
        "clock": clock(entry.at, language),
        "moment": entry.at.isoformat(timespec="seconds"),
    }


def pressable(entries: Sequence[Entry]) -> frozenset[str]:
    """The keys of the latest few messages with buttons."""
    return frozenset([entry.key for entry in entries if entry.buttons or entry.rows][-PRESSABLE:])


def clock(at: datetime, language: str) -> str:
    """The time of a message, with the day unless it is today."""
    local = at.astimezone(ZONE)
    time = f"{local:%H:%M}"
    if local.date() == now().astimezone(ZONE).date():
        return time
    return f"{format_skeleton('dMMM', local, locale='en_GB' if language == SOURCE_LANGUAGE else language)}, {time}"


def unsent(outbounds: Sequence[Outbound]) -> list[Entry]:
    """Messages that were never stored, as entries: what is said while the store fails."""
    return [
        entry_of(
            place,
            now(),
            {
                "language": outbound.language,
                "direction": outbound.direction,
                "text": outbound.text,
                "message_class": outbound.message_class.value,
            },
        )
        for place, outbound in enumerate(outbounds)
    ]
