"""How long a text message is: GSM 03.38 in septets with its extension table, everything else UCS-2 in 16-bit units.

One message holds 160 septets or 70 units. A longer text goes out in parts that the phone joins; each gives up room for its place in
the row and holds 153 or 67. No character is torn between two parts: neither the two septets of an extension, nor an emoji's two units.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each."""

EXTENSION = frozenset("\f^{}\\[~]|€")
"""Two septets each: an escape and the character."""

GSM, UCS2 = "gsm", "ucs2"
ALONE = {GSM: 160, UCS2: 70}
JOINED = {GSM: 153, UCS2: 67}

DIRECTIONS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
"""Marks and isolates that say in which direction to read."""

UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
SPACES = re.compile("[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]")
PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼ′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "•": "-",
        "·": "-",
        "×": "x",
        "‹": "<",
        "›": ">",
        "«": '"',
        "»": '"',
    }
)
"""Typography that has a plain equivalent in the GSM alphabet: no letter of any language is among it."""


@dataclass(frozen=True, slots=True)
class Length:
    """`units` are septets or 16-bit units, as `encoding` (gsm or ucs2) has it; `parts` is what the network counts and bills."""

    encoding: str
    units: int
    parts: int


def length(text: str) -> Length:
    """The length of a text as it would be sent."""
    encoding = GSM if is_gsm(text) else UCS2
    sizes = [_units(char, encoding) for char in text]
    units = sum(sizes)
    if units <= ALONE[encoding]:
        return Length(encoding, units, 1)
    parts, room = 1, JOINED[encoding]
    for size in sizes:
        if size > room:
            parts, room = parts + 1, JOINED[encoding]
        room -= size
    return Length(encoding, units, parts)


def is_gsm(text: str) -> bool:
    """Whether every character is in the GSM alphabet or its extension."""
    return all(char in BASIC or char in EXTENSION for char in text)


def _units(char: str, encoding: str) -> int:
    if encoding == GSM:
        return 2 if char in EXTENSION else 1
    return 2 if ord(char) > 0xFFFF else 1


def tidy(text: str) -> str:
    """The same words as a phone should get them: letters composed, odd spaces plain, nothing unseen.

    Where plain quotation marks and dashes are all that it takes, they make the text fit the GSM alphabet, at a third of the parts.
    Directions stay where something is written from right to left; a telephone number would come out in the wrong order there.
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = SPACES.sub(" ", UNSEEN.sub("", text))
    without = DIRECTIONS.sub("", text)
    plain = without.translate(PLAIN)
    if is_gsm(plain):
        return plain
    rightwards = any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
    return text if rightwards else without
