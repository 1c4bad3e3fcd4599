"""Typed words as they are kept."""

from __future__ import annotations

import re

_BREAKS = re.compile("\r\n?|[\u2028\u2029\u0085]")
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f]")


def tidy(text: str) -> str:
    """Plain line ends, no control characters, no space around lines, one empty line between paragraphs."""
    lines = (line.strip() for line in _CONTROLS.sub(" ", _BREAKS.sub("\n", text)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def tidied(body: str, help_if: str) -> tuple[str, str | None]:
    """The words and the line on when to get help as they are kept; the line is one line, or None."""
    return tidy(body), " ".join(tidy(help_if).split()) or None
