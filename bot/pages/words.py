"""From plain text to safe HTML: all is escaped; emphasis, line breaks, telephone numbers and links are put back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

ISOLATED = re.compile("\u2066([^\u2066\u2069]*)\u2069")
EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])")
LINK = re.compile(r"https://[^\s<>\"'\u2066-\u2069]+[^\s<>\"'\u2066-\u2069.,;:!?)\]]")
PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
TELEPHONE = re.compile(r"\+?[\d ()\u00a0-]{3,24}")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
SHORT_CODE = re.compile(r"[678]\d{4,5}")
"""Numbers in the United Kingdom that take text messages only."""

Render = Callable[[str], Markup]


def rich(text: str) -> Markup:
    """Approved words on one line: `*…*` becomes strong, an isolated telephone number can be tapped."""
    return _split(EMPHASIS, text, lambda match: Markup("<strong>{}</strong>").format(_isolates(match[1])), _isolates)


def linked(text: str) -> Markup:
    """A person's own words on one line: https addresses can be tapped, nothing else is read into them."""
    return _split(LINK, text, lambda match: Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(match[0]), escape)


def paragraphs(text: str, line: Render = rich) -> Markup:
    """`text` as paragraphs with line breaks; `line` makes the HTML of one line."""
    blocks = [block for block in PARAGRAPHS.split(text.strip("\n")) if block.strip()]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(line(part) for part in block.split("\n"))) for block in blocks
    )


def _isolates(text: str) -> Markup:
    return _split(ISOLATED, text, lambda match: _isolate(match[1]), escape)


def _isolate(inside: str) -> Markup:
    """A left-to-right run: a number to call or text, an e-mail address, or just kept in one piece."""
    bare = inside.strip()
    words = Markup('<bdi dir="ltr">{}</bdi>').format(inside)
    if TELEPHONE.fullmatch(bare) and any(letter.isdigit() for letter in bare):
        scheme = "sms" if SHORT_CODE.fullmatch(bare) else "tel"
        return Markup('<a class="number" href="{}:{}">{}</a>').format(scheme, re.sub(r"[^\d+]", "", bare), words)
    if EMAIL.fullmatch(bare):
        return Markup('<a href="mailto:{}">{}</a>').format(bare, words)
    return words


def _split(pattern: re.Pattern[str], text: str, inside: Callable[[re.Match[str]], Markup], outside: Render) -> Markup:
    def pieces() -> Iterator[Markup]:
        end = 0
        for match in pattern.finditer(text):
            yield outside(text[end : match.start()])
            yield inside(match)
            end = match.end()
        yield outside(text[end:])

    return Markup("").join(pieces())
