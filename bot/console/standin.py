"""English words that stand in for a string whose translation is missing: marked as English wherever a page may mark them.

A string is fetched long before it is known whether it will stand in a paragraph, in an attribute or inside of other words. So the
English goes between two characters that no text uses, and the finished page turns them into an element, or drops them.
"""

from __future__ import annotations

import re

BEGINS, ENDS = "\ue00e", "\ue00f"
"""Of the private use area: they mean nothing to anybody else."""

_STAND_IN = re.compile(f"{BEGINS}([^{BEGINS}{ENDS}<>]*){ENDS}")
_NO_ELEMENTS = re.compile(r"(<(title|option|textarea)\b.*?</\2>|<[^>]*>)", re.DOTALL)
"""Tags with their attributes, and elements that hold nothing but text."""


def standing_in(words: str) -> str:
    """`words`, to be marked as English."""
    return f"{BEGINS}{without_marks(words)}{ENDS}"


def without_marks(text: str) -> str:
    """`text` as it is read where it cannot be marked."""
    return text.replace(BEGINS, "").replace(ENDS, "")


def marked(html: str) -> str:
    """A finished page with every English stand-in inside of `<span lang="en">`."""
    if BEGINS not in html:
        return html
    pieces, end = [], 0
    for found in _NO_ELEMENTS.finditer(html):
        pieces += [_spans(html[end : found.start()]), without_marks(found[0])]
        end = found.end()
    return "".join([*pieces, _spans(html[end:])])


def _spans(text: str) -> str:
    return without_marks(_STAND_IN.sub(r'<span lang="en">\1</span>', text))
