"""An `Outbound` → the arguments of `sendMessage`.

Plain text with bold as entities: no parse mode, so that no character of anybody's words is ever read as markup.
"""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity

from bot.channels import EMPHASIS, labelled_text
from bot.messages import Button, Outbound

MAX_TEXT_UNITS = 4096
"""UTF-16 units, the unit in which Telegram measures text; never more than its limit, whichever way it counts."""

MAX_DATA_BYTES = 64
MAX_KEYBOARD = 100
SIDE_BY_SIDE = 12
"""Buttons whose titles all have at most this many characters share a row of up to three; longer ones get a row each."""


class SendMessage(TypedDict):
    """Arguments of `Bot.send_message`, without the chat."""

    text: str
    entities: list[MessageEntity]
    reply_markup: InlineKeyboardMarkup | None
    link_preview_options: LinkPreviewOptions


def render(outbound: Outbound) -> SendMessage:
    """The arguments for one message. Raises ValueError for what Telegram refuses: no words, too many, a bad button."""
    text, entities = _emphasis(labelled_text(outbound))
    if not text.strip():
        raise ValueError("a message without words")
    if _units(text) > MAX_TEXT_UNITS:
        raise ValueError(f"the text is longer than {MAX_TEXT_UNITS} characters")
    return {
        "text": text,
        "entities": entities,
        "reply_markup": _keyboard(outbound),
        "link_preview_options": LinkPreviewOptions(is_disabled=True),
    }


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _emphasis(marked: str) -> tuple[str, list[MessageEntity]]:
    """The text without its marks, and where it is bold (offsets in UTF-16 units)."""
    plain, entities, done = "", [], 0
    for match in EMPHASIS.finditer(marked):
        plain += marked[done : match.start()]
        entities.append(MessageEntity(MessageEntity.BOLD, offset=_units(plain), length=_units(match[1])))
        plain += match[1]
        done = match.end()
    return plain + marked[done:], entities


def _keyboard(outbound: Outbound) -> InlineKeyboardMarkup | None:
    """List rows first, one below the other, then the buttons."""
    if len(outbound.rows) + len(outbound.buttons) > MAX_KEYBOARD:
        raise ValueError(f"more than {MAX_KEYBOARD} buttons")
    keyboard = [[_button(row)] for row in outbound.rows]
    buttons = [_button(button) for button in outbound.buttons]
    if all(len(button.title) <= SIDE_BY_SIDE for button in outbound.buttons):
        keyboard += [buttons[start : start + 3] for start in range(0, len(buttons), 3)]
    else:
        keyboard += [[button] for button in buttons]
    return InlineKeyboardMarkup(keyboard) if keyboard else None


def _button(button: Button) -> InlineKeyboardButton:
    if not button.title.strip():
        raise ValueError("a button without a title")
    if (button.token is None) == (button.url is None):
        raise ValueError("a button needs a token or a link, not both")
    if button.url is not None:
        parts = urlsplit(button.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("a link button needs an https address")
        return InlineKeyboardButton(button.title, url=button.url)
    data = button.token or ""
    if not 1 <= len(data.encode()) <= MAX_DATA_BYTES:
        raise ValueError(f"a button token has 1 to {MAX_DATA_BYTES} bytes")
    return InlineKeyboardButton(button.title, callback_data=data)
