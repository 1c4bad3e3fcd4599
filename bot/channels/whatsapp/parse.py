"""A Cloud API webhook → `Inbound`s.

One delivery holds entries, each with changes, each with any number of messages. A person is named by a
business-scoped id (`user_id`, kind `whatsapp_bsuid`), a number (`wa_id`, kind `phone`) or both: since usernames came,
the number may be missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bot.channels import mapping, mappings, moment, number, start_payload, words
from bot.messages import Address, Inbound, Kind

CHANNEL = "whatsapp"

MEDIA = {
    "audio": "voice",
    "image": "photo",
    "video": "video",
    "sticker": "sticker",
    "document": "document",
    "contacts": "contact",
}

NOT_FROM_A_PARENT = {"system", "revoke", "ephemeral"}
"""A change of number, a withdrawn message, a change of the disappearing-messages setting: nothing to answer."""


def parse(raw: Mapping[str, Any]) -> list[Inbound]:
    """Every message in one webhook, in its order. Statuses, other fields and groups give nothing; never raises."""
    return [
        inbound
        for entry in mappings(mapping(raw).get("entry"))
        for change in mappings(entry.get("changes"))
        if change.get("field", "messages") == "messages"
        for inbound in _messages(mapping(change.get("value")))
    ]


def _messages(value: Mapping[str, Any]) -> list[Inbound]:
    contacts = mappings(value.get("contacts"))
    found = []
    for message in mappings(value.get("messages")):
        addresses = _addresses(message, contacts)
        external_id = _external_id(message.get("id"))
        content = _content(message)
        if not addresses or not external_id or content is None or "group_id" in message:
            continue
        referral = start_payload(mapping(message.get("referral")).get("source_id"))
        found.append(
            Inbound(
                channel=CHANNEL,
                external_id=external_id,
                addresses=addresses,
                start_payload=referral,
                sent_at=moment(message.get("timestamp")),
                **content,
            )
        )
    return found


def opaque(wamid: str) -> str:
    """What we know a message by: a hash of Meta's id of it, as unique, because the id itself spells the parent's number in another
    way. Nothing leads back: the id has random digits in it, too many to try."""
    return "wa:" + hashlib.sha256(wamid.encode()).hexdigest()


def _external_id(value: object) -> str:
    """Our name of the message; nothing if Meta gives it none."""
    wamid = words(value)
    return opaque(wamid) if wamid else ""


def _addresses(message: Mapping[str, Any], contacts: list[Mapping[str, Any]]) -> tuple[Address, ...]:
    contact = contact_of(message, contacts)
    found = []
    if user_id := bsuid(contact.get("user_id")) or bsuid(message.get("from_user_id")):
        found.append(Address(channel=CHANNEL, kind="whatsapp_bsuid", value=user_id))
    if number_ := phone(contact.get("wa_id")) or phone(message.get("from")):
        found.append(Address(channel=CHANNEL, kind="phone", value=number_))
    return tuple(found)


def contact_of(message: Mapping[str, Any], contacts: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The sender's entry. A lone contact is the sender; among several, only one that has an id of the message is."""
    if len(contacts) == 1:
        return contacts[0]
    for contact in contacts:
        same_id = bsuid(message.get("from_user_id")) and contact.get("user_id") == message.get("from_user_id")
        same_phone = phone(message.get("from")) and phone(contact.get("wa_id")) == phone(message.get("from"))
        if same_id or same_phone:
            return contact
    return {}


def bsuid(value: object) -> str:
    """A business-scoped user id (`GB.` and letters or digits), or nothing."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2}\.[A-Za-z0-9.]{1,150}", value) else ""


def phone(value: object) -> str:
    """A number as WhatsApp writes it, digits without a plus, or nothing."""
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    return digits if re.fullmatch(r"[0-9]{5,20}", digits, re.ASCII) else ""


def _content(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of `Inbound` that say what was sent; None for what needs no answer."""
    kind = message.get("type")
    kind = kind if isinstance(kind, str) else ""
    body = mapping(message.get(kind))
    if kind in NOT_FROM_A_PARENT:
        return None
    match kind:
        case "text":
            return _text(body)
        case "interactive":
            return _interactive(body)
        case "button":
            return _template_button(body)
        case "location":
            return _location(body)
        case "reaction":
            return _reaction(body)
        case "edit":
            return _edit(body)
        case "request_welcome":
            return {"kind": Kind.START}
        case _:
            return _unsupported(kind, body)


def _unsupported(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever words stand where captions and bodies stand are kept: they may be the worry."""
    text = words(body.get("caption")) or words(body.get("body")) or words(body.get("text"))
    return {"kind": Kind.UNSUPPORTED, "media": MEDIA.get(kind, "other"), "text": text}


def _text(body: Mapping[str, Any]) -> dict[str, Any]:
    text = words(body.get("body"))
    return {"kind": Kind.TEXT, "text": text} if text.strip() else _unsupported("", {})


def _interactive(body: Mapping[str, Any]) -> dict[str, Any]:
    for reply in (mapping(body.get("button_reply")), mapping(body.get("list_reply"))):
        if token := words(reply.get("id")):
            return {"kind": Kind.BUTTON, "token": token}
    return _unsupported("", {})


def _template_button(body: Mapping[str, Any]) -> dict[str, Any]:
    """A template's quick reply: its payload is a token of ours; without one, its words are all there is."""
    if token := words(body.get("payload")):
        return {"kind": Kind.BUTTON, "token": token}
    return _text({"body": body.get("text")})


def _location(body: Mapping[str, Any]) -> dict[str, Any]:
    latitude, longitude = number(body.get("latitude")), number(body.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return _unsupported("", {})
    return {"kind": Kind.LOCATION, "latitude": latitude, "longitude": longitude}


def _reaction(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The emoji goes along as text, so that a thumbs-up can mean yes. A reaction without one was taken back."""
    emoji = words(body.get("emoji"))
    return {"kind": Kind.UNSUPPORTED, "media": "other", "text": emoji} if emoji else None


def _edit(body: Mapping[str, Any]) -> dict[str, Any]:
    """The new words of an edited message; an edit without words is a thing Wren cannot read."""
    message = mapping(body.get("message"))
    kind = message.get("type")
    kind = kind if isinstance(kind, str) else ""
    content = mapping(message.get(kind))
    text = words(content.get("body")) if kind == "text" else words(content.get("caption"))
    if not text.strip():
        return _unsupported(kind, content)
    return {"kind": Kind.EDIT, "text": text, "media": MEDIA.get(kind)}
