"""Cuts a text that is too long for one message, at the best seam and never inside a telephone number or emphasis."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

from bot.channels import EMPHASIS, ISOLATED

SEAMS = (r"\n\s*\n", r"\n", r"(?<=[.!?…。।۔؟])[ \t]+", r"[ \t]+")
"""Where a long text may be cut, best first: between paragraphs, lines, sentences, words."""

Size = Callable[[str], int]
"""How a provider measures text. Never less for a longer beginning of the same text."""


def pieces(text: str, most: int, size: Size = len) -> list[str]:
    """`text` cut into pieces of at most `most` units, as few and as whole as the seams allow. Raises ValueError for no words."""
    if not text:
        raise ValueError("a message without words")
    found = []
    while size(text) > most:
        room = _longest_beginning(text, most, size)
        # An empty room (one character that alone is too big) would never end.
        cut = best_cut(text, lambda start, end: 0 < start <= room, take_last=True) or (max(room, 1), max(room, 1))  # noqa: B023
        found.append(text[: cut[0]])
        text = text[cut[1] :]
    return [*found, text] if text else found


def best_cut(
    text: str, fits: Callable[[int, int], bool], *, take_last: bool, seams: tuple[str, ...] = SEAMS
) -> tuple[int, int] | None:
    """Start and end of the seam to cut at: of the best kind that fits somewhere outside numbers and emphasis."""
    whole = [match.span() for pattern in (EMPHASIS, ISOLATED) for match in pattern.finditer(text)]
    for seam in seams:
        cuts = [match.span() for match in re.finditer(seam, text) if fits(*match.span())]
        cuts = [cut for cut in cuts if not any(start < cut[0] < end for start, end in whole)]
        if cuts:
            return cuts[-1] if take_last else cuts[0]
    return None


def utf16_units(text: str) -> int:
    """The length in UTF-16 units, as Telegram and text messages count: two for an emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _longest_beginning(text: str, most: int, size: Size) -> int:
    """How many characters from the start are at most `most` units."""
    return bisect_right(range(1, len(text) + 1), most, key=lambda end: size(text[:end]))
