"""An `Outbound` → the bodies of Cloud API `messages` requests, in the order in which they must be sent.

The words are the `Outbound`'s own, all of them, once, in order: where a body would be too long it is cut between
paragraphs, and the buttons stand under the last piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from bot.channels import EMPHASIS, ISOLATED, labelled_text
from bot.messages import MAX_BUTTON_TITLE, MAX_BUTTONS, MAX_ROW_TITLE, MAX_ROWS, Address, Button, Outbound

MAX_TEXT_BODY = 4096
MAX_INTERACTIVE_BODY = 1024
MAX_BUTTON_ID = 256
MAX_ROW_ID = 200

SEAMS = (r"\n\s*\n", r"\n", r"(?<=[.!?…。।۔؟])[ \t]+", r"[ \t]+")
"""Where a long text may be cut, best first: between paragraphs, lines, sentences, words."""


def render(outbound: Outbound, to: Address) -> list[dict[str, Any]]:
    """One request body or more for one message.

    `to` is an address of kind `phone` or `whatsapp_bsuid`. Raises ValueError for what cannot be said within
    WhatsApp's limits: no words, more than 10 rows (a fourth button makes a list), a title too long or empty or used twice, a link that
    is not https.
    """
    envelope = _envelope(to)
    text = labelled_text(outbound).strip()
    links = [button for button in (*outbound.rows, *outbound.buttons) if button.url is not None]
    choices = [button for button in outbound.buttons if button.url is None]
    rows = [row for row in outbound.rows if row.url is None]
    for link in links:
        _check_link(link)
    if len(links) == 1 and not choices and not rows:
        return _under_last_piece(envelope, text, _link_action(links[0]))
    # WhatsApp shows one link button a message and none beside other buttons; the rest go into the words.
    text = "\n".join([text, *(f"{link.title}: {link.url}" for link in links)]).strip()
    if rows or len(choices) > MAX_BUTTONS:
        return _under_last_piece(envelope, text, _list_action([*rows, *choices], outbound.rows_title))
    if choices:
        return _under_last_piece(envelope, text, _button_action(choices))
    return [_text(envelope, piece) for piece in _pieces(text, MAX_TEXT_BODY)]


def _envelope(to: Address) -> dict[str, Any]:
    """Who it is for. A number goes in `to`, a business-scoped id in `recipient`."""
    field = {"phone": "to", "whatsapp_bsuid": "recipient"}.get(to.kind)
    if field is None or not to.value:
        raise ValueError(f"WhatsApp cannot send to an address of kind {to.kind!r}")
    return {"messaging_product": "whatsapp", "recipient_type": "individual", field: to.value}


def _text(envelope: dict[str, Any], body: str) -> dict[str, Any]:
    return {**envelope, "type": "text", "text": {"preview_url": False, "body": body}}


def _under_last_piece(envelope: dict[str, Any], text: str, action: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive part with the text as its body; of a longer text, with its last paragraph."""
    head, tail = _last_piece(text, MAX_INTERACTIVE_BODY)
    before = [_text(envelope, piece) for piece in _pieces(head, MAX_TEXT_BODY)] if head else []
    return [*before, {**envelope, "type": "interactive", "interactive": {**action, "body": {"text": tail}}}]


def _button_action(buttons: list[Button]) -> dict[str, Any]:
    _check_choices(buttons, what="button", most=MAX_BUTTONS, title=MAX_BUTTON_TITLE, token=MAX_BUTTON_ID)
    replies = [{"type": "reply", "reply": {"id": button.token, "title": button.title}} for button in buttons]
    return {"type": "button", "action": {"buttons": replies}}


def _list_action(rows: list[Button], opener: str) -> dict[str, Any]:
    _check_choices(rows, what="row", most=MAX_ROWS, title=MAX_ROW_TITLE, token=MAX_ROW_ID)
    _check_title(opener, MAX_BUTTON_TITLE, "the title of the button that opens a list")
    section = {"rows": [{"id": row.token, "title": row.title} for row in rows]}
    return {"type": "list", "action": {"button": opener, "sections": [section]}}


def _link_action(link: Button) -> dict[str, Any]:
    _check_title(link.title, MAX_BUTTON_TITLE, "a link's title")
    parameters = {"display_text": link.title, "url": link.url}
    return {"type": "cta_url", "action": {"name": "cta_url", "parameters": parameters}}


def _check_choices(choices: list[Button], *, what: str, most: int, title: int, token: int) -> None:
    if len(choices) > most:
        raise ValueError(f"{len(choices)} {what}s; WhatsApp shows at most {most}")
    for choice in choices:
        _check_title(choice.title, title, f"a {what}'s title")
        if not choice.token or len(choice.token) > token:
            raise ValueError(f"a {what} needs a token of 1 to {token} characters")
    _check_no_repeat((choice.title for choice in choices), f"{what} titles")
    _check_no_repeat((choice.token for choice in choices), f"{what} tokens")


def _check_title(title: str, most: int, what: str) -> None:
    if not title.strip() or len(title) > most:
        raise ValueError(f"{what} has {len(title)} characters; WhatsApp takes 1 to {most}")


def _check_no_repeat(values: Iterable[str | None], what: str) -> None:
    seen = list(values)
    if len(set(seen)) != len(seen):
        raise ValueError(f"two {what} of one message are the same")


def _check_link(link: Button) -> None:
    parts = urlsplit(link.url or "")
    if parts.scheme != "https" or not parts.hostname or link.token is not None:
        raise ValueError("a link button needs an https address and no token")


def _pieces(text: str, most: int) -> list[str]:
    """`text` cut into pieces of at most `most` characters, as few and as whole as the seams allow."""
    if not text:
        raise ValueError("a message without words")
    pieces = []
    while len(text) > most:
        cut = _best_cut(text, lambda start, end: 0 < start <= most, take_last=True) or (most, most)
        pieces.append(text[: cut[0]])
        text = text[cut[1] :]
    return [*pieces, text] if text else pieces


def _last_piece(text: str, most: int) -> tuple[str, str]:
    """`text` in two: what goes before, and its last paragraph (or as much of it as fits in `most` characters)."""
    if not text:
        raise ValueError("a message without words")
    if len(text) <= most:
        return "", text

    def fits(start: int, end: int) -> bool:
        return start > 0 and 0 < len(text) - end <= most

    paragraph = _best_cut(text, fits, take_last=True, seams=SEAMS[:1])
    cut = paragraph or _best_cut(text, fits, take_last=False, seams=SEAMS[1:])
    start, end = cut or (len(text) - most, len(text) - most)
    return text[:start], text[end:]


def _best_cut(
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
