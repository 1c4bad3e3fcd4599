"""An `Outbound` → the texts of one or more messages. Choices are numbered lines, answered by a number; links are written out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.channels import EMPHASIS, labelled_text
from bot.channels.cutting import pieces
from bot.channels.sms.gsm import length, tidy
from bot.messages import Button, Outbound

MOST_MESSAGES = 99
LONGEST_PLACE = "99/99 "


def render(outbound: Outbound, *, joins: bool, most_parts: int) -> list[str]:
    """The texts in the order in which they must be sent.

    Where the gateway joins parts, each text has at most `most_parts` of them; else each fits one part and begins with its place, `2/3`,
    because the phone may show them in another order. Raises ValueError for what cannot be said: no words, a bad choice or link.
    """
    text = tidy(EMPHASIS.sub(r"\1", _whole(outbound))).strip()
    if not text:
        raise ValueError("a message without words")
    if joins:
        return [piece for piece in pieces(text, most_parts, _parts) if piece.strip()]
    if _parts(text) == 1:
        return [text]
    found = [piece for piece in pieces(text, 1, lambda piece: _parts(LONGEST_PLACE + piece)) if piece.strip()]
    if len(found) > MOST_MESSAGES:
        raise ValueError(f"the text takes more than {MOST_MESSAGES} messages")
    return [f"{place}/{len(found)} {piece}" for place, piece in enumerate(found, start=1)]


def numbered_tokens(outbound: Outbound) -> tuple[str, ...]:
    """The tokens of a message's choices in the order of their numbers."""
    return tuple(choice.token or "" for choice in _choices(outbound))


def _parts(text: str) -> int:
    return length(tidy(text)).parts


def _choices(outbound: Outbound) -> list[Button]:
    return [button for button in (*outbound.rows, *outbound.buttons) if button.url is None]


def _whole(outbound: Outbound) -> str:
    """Words, links, numbered choices, and the words that ask for a number."""
    if not outbound.text.strip():
        raise ValueError("a message without words")
    choices = _choices(outbound)
    if any(not choice.title.strip() or not choice.token for choice in choices):
        raise ValueError("a choice needs a title and a token")
    # Isolated, so that a right-to-left line keeps its number in front; `tidy` takes the isolates off where nothing needs them.
    lines = [f"\u2068{place}.\u2069 {choice.title.strip()}" for place, choice in enumerate(choices, start=1)]
    hint = outbound.number_hint.strip() if choices else ""
    blocks = (labelled_text(outbound).strip(), "\n".join(_links(outbound)), "\n".join(lines), hint)
    return "\n\n".join(block for block in blocks if block)


def _links(outbound: Outbound) -> Iterator[str]:
    for button in (*outbound.rows, *outbound.buttons):
        if button.url is not None:
            parts = urlsplit(button.url)
            if parts.scheme != "https" or not parts.hostname or button.token is not None or not button.title.strip():
                raise ValueError("a link button needs a title, an https address and no token")
            yield f"{button.title.strip()}: {button.url}"
