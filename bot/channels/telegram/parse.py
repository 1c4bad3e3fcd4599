"""A raw Bot API update → `Inbound`s.

Only private chats count: Wren does not talk in groups, where a family's words would be read by others. Update ids are
unique only within one bot, so `external_id` holds both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.channels import mapping, mappings, moment, number, start_payload, words
from bot.messages import Address, Inbound, Kind

CHANNEL = "telegram"
ADDRESS_KIND = "telegram_id"

READ_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""What the poller asks for. Reactions are read if they come, but not asked for: they need no answer."""

SILENT_UPDATES = {
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
}
"""Updates that are not something a parent said to Wren. `my_chat_member` is for `reachability`."""

MEDIA = {
    "voice": "voice",
    "audio": "voice",
    "video_note": "video",
    "video": "video",
    "animation": "video",
    "sticker": "sticker",
    "photo": "photo",
    "live_photo": "photo",
    "contact": "contact",
    "document": "document",
}
"""Message field → `Inbound.media`, in the order to look: an animation is also given as a document."""

SERVICE_FIELDS = {
    "boost_added",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "chat_shared",
    "checklist_tasks_added",
    "checklist_tasks_done",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price_changed",
    "forum_topic_closed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "gift",
    "gift_upgrade_sent",
    "managed_bot_created",
    "message_auto_delete_timer_changed",
    "new_chat_photo",
    "new_chat_title",
    "paid_message_price_changed",
    "pinned_message",
    "poll_option_added",
    "poll_option_deleted",
    "proximity_alert_triggered",
    "refunded_payment",
    "successful_payment",
    "unique_gift",
    "users_shared",
    "video_chat_ended",
    "video_chat_participants_invited",
    "video_chat_scheduled",
    "video_chat_started",
    "write_access_allowed",
}
"""Telegram's own notes about the chat: nobody said anything."""

COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@[A-Za-z0-9_]+)?(?:\s+(.*))?", re.DOTALL | re.ASCII)
LONG_FORMS = {"forget": "forget me", "forgetme": "forget me", "export": "export me", "exportme": "export me"}
"""Commands that are shorter than the words the router knows them by."""

MAX_DEPTH = 12
"""How deep words are looked for in a message of an unknown shape."""


def external_id(raw: Mapping[str, Any], bot_id: str) -> str | None:
    """The update's id, unique over all bots and the same each time it is delivered; None if it has none."""
    update_id = _id(mapping(raw).get("update_id"))
    return None if update_id is None else f"{bot_id}:{update_id}"


def parse(raw: Mapping[str, Any], *, bot_id: str) -> list[Inbound]:
    """What one update says, at most one `Inbound`; never raises. `bot_id` is the number in front of the token."""
    unique = external_id(raw, bot_id)
    if unique is None:
        return []
    for name, value in raw.items():
        body = mapping(value)
        who = _private_sender(body)
        if name == "update_id" or name in SILENT_UPDATES or not body or who is None:
            continue
        content = _content(name, body)
        if content is None:
            return []
        address = Address(channel=CHANNEL, kind=ADDRESS_KIND, value=str(who))
        sent_at = moment(body.get("edit_date", body.get("date")))
        locale = _locale(body)
        return [Inbound(channel=CHANNEL, external_id=unique, addresses=(address,), locale=locale, sent_at=sent_at, **content)]
    return []


def reachability(raw: Mapping[str, Any]) -> tuple[Address, bool] | None:
    """Has a person just blocked the bot (False) or let it write again (True)? None if the update says neither."""
    member = mapping(mapping(raw).get("my_chat_member"))
    who = _private_sender(member)
    status = mapping(member.get("new_chat_member")).get("status")
    if who is None or status not in ("kicked", "left", "member"):
        return None
    return Address(channel=CHANNEL, kind=ADDRESS_KIND, value=str(who)), status == "member"


def _id(value: object) -> int | None:
    """A Telegram identifier: a positive whole number (of a private chat or a person; groups are negative)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None


def _private_sender(body: Mapping[str, Any]) -> int | None:
    """The id of the person, which is also that of their private chat, or None if this came from anywhere else."""
    sender = mapping(body.get("from") or body.get("user"))
    chat = mapping(body.get("chat") or mapping(body.get("message")).get("chat"))
    if sender.get("is_bot") is True or chat.get("type") != "private":
        return None
    return _id(chat.get("id"))


def _locale(body: Mapping[str, Any]) -> str | None:
    code = mapping(body.get("from")).get("language_code")
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9-]{2,35}", code) else None


def _content(name: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of `Inbound` that say what was sent; None for what needs no answer."""
    match name:
        case "message":
            return _message(body)
        case "edited_message":
            return _edit(body)
        case "callback_query":
            token = words(body.get("data"))
            return {"kind": Kind.BUTTON, "token": token} if token else _unsupported("other")
        case "message_reaction":
            return _reaction(body)
        case _:
            return _unsupported("other", _any_words(body))


def _unsupported(media: str, text: str = "") -> dict[str, Any]:
    return {"kind": Kind.UNSUPPORTED, "media": media, "text": text}


def _message(body: Mapping[str, Any]) -> dict[str, Any] | None:
    text = words(body.get("text"))
    if text.strip():
        return _text(text)
    if (location := _location(body)) is not None:
        return location
    for field, media in MEDIA.items():
        if field in body:
            return _unsupported(media, words(body.get("caption")))
    if SERVICE_FIELDS & body.keys():
        return None
    return _unsupported("other", _any_words(body))


def _text(text: str) -> dict[str, Any]:
    """Words, or a command: `/start` with at most a payload opens the chat, any other is the same as typing its word.

    Words after a command are the parent's own and are never dropped.
    """
    command = COMMAND.fullmatch(text.strip())
    if command is None:
        return {"kind": Kind.TEXT, "text": text}
    word, rest = command[1].lower(), (command[2] or "").strip()
    if word == "start":
        payload = start_payload(rest)
        return {"kind": Kind.START, "start_payload": payload} if payload or not rest else {"kind": Kind.TEXT, "text": rest}
    if rest:
        return {"kind": Kind.TEXT, "text": f"{word.replace('_', ' ')} {rest}"}
    return {"kind": Kind.TEXT, "text": LONG_FORMS.get(word, word.replace("_", " "))}


def _location(body: Mapping[str, Any]) -> dict[str, Any] | None:
    place = mapping(body.get("location"))
    latitude, longitude = number(place.get("latitude")), number(place.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return {"kind": Kind.LOCATION, "latitude": latitude, "longitude": longitude}


def _edit(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The new words. A live location moves by edits, many a minute: those need no answer."""
    text = words(body.get("text")) or words(body.get("caption"))
    media = next((media for field, media in MEDIA.items() if field in body), None)
    if text.strip():
        return {"kind": Kind.EDIT, "text": text, "media": media}
    if "location" in body or SERVICE_FIELDS & body.keys():
        return None
    return _unsupported(media or "other", _any_words(body))


def _reaction(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The emoji goes along as text, so that a thumbs-up can mean yes. One taken back says nothing."""
    emoji = "".join(words(reaction.get("emoji")) for reaction in mappings(body.get("new_reaction")))
    return _unsupported("other", emoji) if body.get("new_reaction") else None


def _any_words(value: object, depth: int = 0) -> str:
    """The strings called `text` or `caption` anywhere in a message of unknown shape: they may hold the worry."""
    if depth > MAX_DEPTH:
        return ""
    found: list[str] = []
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in ("text", "caption") and isinstance(item, str):
                found.append(words(item))
            elif name not in ("from", "chat", "reply_to_message", "external_reply", "quote", "reply_markup"):
                found.append(_any_words(item, depth + 1))
    elif isinstance(value, list):
        found = [_any_words(item, depth + 1) for item in value]
    return "\n".join(part for part in found if part)
