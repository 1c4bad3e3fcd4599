"""What a campaign's code means where it arrives: in a deep link, or in the words of a message, written by hand or by a link.

Pure. A code is found whatever script and letter case stand around it; in what a parent wrote, nothing but the code is taken away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.library.campaigns import CODE, Campaigns
from bot.messages import Inbound, Kind

LINK = re.compile(r"[abcdefghjkmnpqrstuvwxyz][2-9][abcdefghjkmnpqrstuvwxyz][2-9]")
"""Whose link it was, after the code and a hyphen: "k7m4". No word has this shape, and no letter or digit that is misread."""

PAYLOAD = re.compile(rf"({CODE.pattern})(?:-({LINK.pattern}))?(?:_([a-z]{{2,8}}))?", re.IGNORECASE)
"""What a deep link carries: code, whose link, language."""

HYPHENS = "\u002d\u2010\u2011\u2012\u2013\u2014\u2212"
BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", "«": "»", "“": "”", "„": "”", '"': '"', "'": "'", "*": "*"}
LOOKALIKES = str.maketrans("авекмнорстухіјѕһԁαεικνορτυχ", "abekmhopctyxijshdaeikvoptux")
"""Cyrillic and Greek small letters by the Latin ones that they look like: somebody copies a poster on the keyboard they have."""

INDIC = "\u0900-\u0963\u0966-\u0dff"
"""Letters and vowel signs of the Indic scripts; the signs are no letters to `\\w`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where somebody came from: a campaign's code, and whose link they followed, if it was one of somebody's own."""

    code: str
    link: str | None = None
    language: str | None = None

    def __str__(self) -> str:
        return f"{self.code}-{self.link}" if self.link else self.code


def read_payload(campaigns: Campaigns, payload: str | None) -> Mark | None:
    """The mark that a deep link carried; None for anything that is no campaign's."""
    match = PAYLOAD.fullmatch(payload or "")
    if match is None or match[1].lower() not in campaigns.by_code:
        return None
    code, link, language = (part.lower() if part else None for part in match.groups())
    assert code is not None
    return Mark(code, link, language if language in campaigns.by_code[code].languages else None)


def find(campaigns: Campaigns, text: str) -> tuple[Mark | None, str]:
    """The first campaign's mark in the words of a message, and the words without any campaign's code. Never raises.

    Without a code the words are what they were, to the letter. With one, what is taken is the code, the brackets or # that stand right
    around it, and one of the two gaps beside it.
    """
    if not campaigns.by_code:
        return None, text
    folded, places = _folded(text)
    codes = "|".join(sorted(map(re.escape, campaigns.by_code), key=len, reverse=True))
    pattern = rf"(?<![\w{INDIC}])({codes})(?:[{HYPHENS}]({LINK.pattern}))?(?![\w{INDIC}])"
    found = list(re.finditer(pattern, folded))
    if not found:
        return None, text
    rest = text
    for match in reversed(found):
        rest = _without(rest, places[match.start()], places[match.end() - 1] + 1)
    return Mark(found[0][1], found[0][2]), rest.strip()


def opened(campaigns: Campaigns, inbound: Inbound) -> Inbound:
    """`inbound` with a campaign's code read out of its words and into `start_payload`, before anybody else reads them.

    The language of a landing page travels in a link, or in its campaign's first sentence. A payload that is no campaign's stays as it is.
    """
    mark, text = read_payload(campaigns, inbound.start_payload), inbound.text
    if inbound.kind in (Kind.TEXT, Kind.EDIT, Kind.UNSUPPORTED):
        written, text = find(campaigns, inbound.text)
        mark = written or mark
    if mark is None:
        return inbound
    spoken = campaigns.by_code[mark.code].opening_in(text) if text.strip() else None
    return replace(inbound, text=text, start_payload=str(mark), language=inbound.language or mark.language or spoken)


def is_opening(campaigns: Campaigns, inbound: Inbound) -> bool:
    """Whether the message says no more than that somebody came by a campaign: its code, or its own first sentence."""
    mark = read_payload(campaigns, inbound.start_payload)
    if mark is None or inbound.kind not in (Kind.START, Kind.TEXT, Kind.EDIT):
        return False
    # A page's campaign goes with each first message; empty words are an opening only where a code was taken out of them.
    return not inbound.text.strip() or campaigns.by_code[mark.code].opening_in(inbound.text) is not None


def _folded(text: str) -> tuple[str, list[int]]:
    """Small letters, ASCII digits, look-alikes as Latin, nothing invisible; and where in `text` each character came from."""
    letters, places = [], []
    for place, char in enumerate(text):
        for letter in _fold(char):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def _fold(char: str) -> Iterator[str]:
    if unicodedata.category(char) == "Cf":
        return
    for letter in unicodedata.normalize("NFKC", char).lower().translate(LOOKALIKES):
        yield str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


def _without(text: str, start: int, end: int) -> str:
    """`text` without what is between `start` and `end`, its brackets, and one of the gaps beside it."""
    if start > 0 and text[start - 1] == "#":
        start -= 1
    while start > 0 and end < len(text) and _belong_together(text[start - 1], text[end]):
        start, end = start - 1, end + 1
    if end < len(text) and text[end].isspace() and (start == 0 or text[start - 1].isspace()):
        end += 1
    return text[:start] + text[end:]


def _belong_together(left: str, right: str) -> bool:
    """A pair of brackets, or of the direction marks that messengers put around Latin words in a line of Arabic."""
    return BRACKETS.get(left) == right or unicodedata.category(left) == unicodedata.category(right) == "Cf"
