"""An `Outbound` → the arguments of `sendMessage`, one set a message.

Plain text with bold as entities: no parse mode, so that no character of anybody's words is ever read as markup.
"""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity

from bot.channels import EMPHASIS, labelled_text
from bot.channels.cutting import pieces, utf16_units
from bot.messages import Button, Outbound

MAX_TEXT_UNITS = 4096
"""UTF-16 units, the unit in which Telegram measures text; never more than its limit, whichever way it counts."""

MAX_DATA_BYTES = 64
MAX_KEYBOARD = 100
SIDE_BY_SIDE = 12
"""Buttons whose titles all have at most this many characters share a row of up to three; longer ones get a row each."""

TICK = "✓ "
"""Stands before the title of a choice that was pressed."""


class SendMessage(TypedDict):
    """Arguments of `Bot.send_message`, without the chat."""

    text: str
    entities: list[MessageEntity]
    reply_markup: InlineKeyboardMarkup | None
    link_preview_options: LinkPreviewOptions


def render(outbound: Outbound) -> list[SendMessage]:
    """The arguments of each message that `outbound` takes: a text that is too long is cut, and the buttons stand under the last piece.

    Raises ValueError for what Telegram refuses: no words, a bad button.
    """
    marked = labelled_text(outbound)
    keyboard = _keyboard(outbound)
    texts = [_emphasis(piece) for piece in pieces(marked, MAX_TEXT_UNITS, _plain_units) if piece.strip()]
    if not any(text.strip() for text, _ in texts):
        raise ValueError("a message without words")
    return [
        {
            "text": text,
            "entities": entities,
            "reply_markup": keyboard if place == len(texts) else None,
            "link_preview_options": LinkPreviewOptions(is_disabled=True),
        }
        for place, (text, entities) in enumerate(texts, start=1)
    ]


def ticked(keyboard: object, token: str) -> InlineKeyboardMarkup | None:
    """The keyboard of a message as Telegram shows it, with a tick at the choice behind `token` and at no other.

    None if there is no such choice, or it has its tick: then there is nothing to edit.
    """
    try:
        rows = [[InlineKeyboardButton.de_json(dict(button)) for button in row] for row in keyboard]  # type: ignore[attr-defined]
    except (TypeError, ValueError):  # not a keyboard as Telegram describes it
        return None
    changed = [[_with_tick(button, button.callback_data == token) for button in row] for row in rows]
    found = any(button.callback_data == token for row in rows for button in row)
    return InlineKeyboardMarkup(changed) if found and changed != rows else None


def _with_tick(button: InlineKeyboardButton, chosen: bool) -> InlineKeyboardButton:
    title = button.text.removeprefix(TICK)
    return InlineKeyboardButton(TICK + title if chosen else title, callback_data=button.callback_data, url=button.url)


def _plain_units(marked: str) -> int:
    """How long a piece is at most once its marks are off: a beginning that ends inside emphasis keeps its mark."""
    return utf16_units(EMPHASIS.sub(r"\1", marked))


def _emphasis(marked: str) -> tuple[str, list[MessageEntity]]:
    """The text without its marks, and where it is bold (offsets in UTF-16 units)."""
    plain, entities, done = "", [], 0
    for match in EMPHASIS.finditer(marked):
        plain += marked[done : match.start()]
        entities.append(MessageEntity(MessageEntity.BOLD, offset=utf16_units(plain), length=utf16_units(match[1])))
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
