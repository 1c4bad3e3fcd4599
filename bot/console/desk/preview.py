"""A message just as each channel shows it: the bot's own rendering and the channels' own, with words that need not be live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from telegram import MessageEntity

from bot.channels.sms import gsm
from bot.channels.sms.render import render as sms_texts
from bot.channels.telegram.render import render as telegram_messages
from bot.channels.whatsapp.render import render as whatsapp_bodies
from bot.console.services import ConsoleServices
from bot.conversation.offers import under_message
from bot.library import Library
from bot.library.wording import Words
from bot.library.written import Written
from bot.messages import Address, Outbound, Reply
from bot.pages.words import paragraphs

NOBODY = Address(channel="whatsapp", kind="phone", value="441632960000")
"""Whom the preview is for: a number kept for drama."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One message on a screen: its words as HTML, the titles of its buttons, and for text messages how the network counts it."""

    html: Markup
    buttons: tuple[str, ...] = ()
    length: gsm.Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What one channel shows."""

    channel: str
    pieces: tuple[Piece, ...]


class _Instead:
    """Some words in place of what is live; all others are as they are."""

    def __init__(self, library: Library, content_id: str, language: str, one: Written) -> None:
        self._library, self._key, self._words = library, (content_id, language), one.words()

    def words(self, content_id: str, language: str) -> Words | None:
        return self._words if (content_id, language) == self._key else self._library.published(content_id, language)

    def refresh(self) -> None:
        """There is nothing newer."""


def screens(
    services: ConsoleServices, content_id: str, language: str, one: Written, nation: str | None = None
) -> tuple[Screen, ...]:
    """The message on every channel, to a parent who has asked nothing else. Raises KeyError and ValueError for words that cannot be
    rendered: an unknown placeholder, an open brace."""
    now = services.renderer.library
    library = now.overlaid(_Instead(now, content_id, language, one))
    if library.words_of(content_id, language) != one.words():
        raise KeyError("a placeholder that there is not")
    renderer = services.renderer.speaking(library)
    reply = Reply(ref=f"message:{content_id}", buttons=under_message(library, library.messages[content_id]))
    plain = renderer.render(reply, language, nation).outbound
    helped = renderer.render(renderer.with_help(reply, language), language, nation).outbound
    return (
        Screen(channel="whatsapp", pieces=_whatsapp(helped)),
        Screen(channel="telegram", pieces=_telegram(helped)),
        Screen(channel="sms", pieces=_sms(services, helped)),
        Screen(channel="webchat", pieces=(Piece(html=paragraphs(plain.text), buttons=_titles(plain)),)),
    )


def _titles(outbound: Outbound) -> tuple[str, ...]:
    return tuple(button.title for button in (*outbound.rows, *outbound.buttons))


def _whatsapp(outbound: Outbound) -> tuple[Piece, ...]:
    return tuple(_whatsapp_piece(body) for body in whatsapp_bodies(outbound, NOBODY))


def _whatsapp_piece(body: dict[str, Any]) -> Piece:
    """WhatsApp shows `*…*` as bold, as our own pages do."""
    if body["type"] == "text":
        return Piece(html=paragraphs(body["text"]["body"]))
    shown = body["interactive"]
    action = shown["action"]
    titles = [button["reply"]["title"] for button in action.get("buttons", ())]
    titles += [row["title"] for section in action.get("sections", ()) for row in section["rows"]]
    return Piece(html=paragraphs(shown["body"]["text"]), buttons=tuple(titles))


def _telegram(outbound: Outbound) -> tuple[Piece, ...]:
    pieces = []
    for message in telegram_messages(outbound):
        keyboard = message["reply_markup"].inline_keyboard if message["reply_markup"] is not None else ()
        titles = tuple(button.text for row in keyboard for button in row)
        pieces.append(Piece(html=_bold(message["text"], message["entities"]), buttons=titles))
    return tuple(pieces)


def _bold(text: str, entities: Sequence[MessageEntity]) -> Markup:
    """Telegram's own marks (in UTF-16 units) as HTML."""
    units, done = text.encode("utf-16-le"), 0
    parts: list[Markup] = []
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        parts += [_lines(units[done:start]), Markup("<strong>{}</strong>").format(_lines(units[start:end]))]
        done = end
    return Markup("<p>{}</p>").format(Markup("").join([*parts, _lines(units[done:])]))


def _sms(services: ConsoleServices, outbound: Outbound) -> tuple[Piece, ...]:
    settings = services.settings
    texts: Iterable[str] = sms_texts(outbound, joins=settings.sms_joins, most_parts=settings.sms_most_parts)
    return tuple(
        Piece(html=Markup("<p>{}</p>").format(_lines(text.encode("utf-16-le"))), length=gsm.length(text)) for text in texts
    )


def _lines(units: bytes) -> Markup:
    """Text in UTF-16 as HTML, with its line breaks."""
    return Markup("<br>").join(escape(line) for line in units.decode("utf-16-le").split("\n"))
