"""What a gateway posts → messages and receipts. Never raises, whatever JSON or form it is given."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import phonenumbers

from bot.channels import mapping, mappings, moment, words
from bot.channels.sms.errors import action_of, meaning_of, reason_of
from bot.channels.sms.gateway import Gateway, at
from bot.messages import Address, DeliveryReceipt, Inbound, Kind

CHANNEL = "sms"
ADDRESS_KIND = "phone"
FEWEST_DIGITS = 7
"""Shorter senders are services, not people."""

STATUSES = {
    **dict.fromkeys(("accepted", "acceptd", "queued", "buffered", "sending", "sent", "submitted", "enroute"), "sent"),
    **dict.fromkeys(("delivered", "delivrd", "success", "received", "read"), "delivered"),
    **dict.fromkeys(("failed", "undelivered", "undeliverable", "undeliv", "expired", "rejected", "rejectd", "deleted"), "failed"),
}
"""Words that gateways have for a state, in small letters."""

NETWORK_STOPS = frozenset({"stopall", "stop all", "optout", "opt out", "opt-out", "quit"})
"""Words that networks take for STOP beside those of `content/commands.yml`."""

MARK = re.compile(r"(.{1,200})#([0-9]{1,3})/([0-9]{1,3})", re.ASCII | re.DOTALL)
NOTHING = (None, "", "0", 0, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that a request said. `key` is the same each time it is delivered and fits `RawEvent.external_id`.

    At most one of `inbound` and `receipt` is set; with none there is nothing to do but to keep it.
    """

    key: str
    raw: Mapping[str, Any]
    inbound: Inbound | None = None
    receipt: DeliveryReceipt | None = None


def parse(raw: Mapping[str, Any], gateway: Gateway) -> list[Inbound]:
    """The messages of one request, in their order."""
    return [event.inbound for event in events(raw, gateway) if event.inbound is not None]


def events(raw: object, gateway: Gateway) -> list[Event]:
    """Everything in one request: what has a text or a picture is a message, what has a state and neither is a receipt."""
    whole = mapping(raw)
    listed = at(whole, gateway.inbound["list"])
    items = mappings(listed) if listed is not None else [whole]
    return [_event(item, gateway) for item in items if item] or [Event(key=_hash(raw), raw=whole or {"unreadable": raw})]


def _event(item: Mapping[str, Any], gateway: Gateway) -> Event:
    names = gateway.inbound
    status = words(at(item, gateway.receipt["status"])).strip().lower()
    said = at(item, names["text"]) is not None or at(item, names["media"]) not in (*NOTHING, [], {})
    if status and not said:
        return Event(key=_hash(item), raw=item, receipt=_receipt(item, gateway, status))
    sender = phone(at(item, names["from"]), gateway.country)
    if not sender:
        return Event(key=_hash(item), raw=item)
    unique = identifier(at(item, names["id"]))
    # Without an id, the same words again may be a new message: rather an answer too many than none.
    key = opaque(unique) if unique else f"none:{secrets.token_hex(16)}"
    inbound = Inbound(
        channel=CHANNEL,
        external_id=key,
        addresses=(Address(channel=CHANNEL, kind=ADDRESS_KIND, value=sender),),
        sent_at=_moment(at(item, names["time"])),
        **_content(item, names),
    )
    return Event(key=key, raw=item, inbound=inbound)


def _content(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    text = words(at(item, names["text"]))
    if at(item, names["media"]) not in (*NOTHING, [], {}):
        return {"kind": Kind.UNSUPPORTED, "media": "photo", "text": text}
    if not text.strip():
        return {"kind": Kind.UNSUPPORTED, "media": "other", "text": ""}
    stops = " ".join(text.lower().strip(" .!\n\t").split()) in NETWORK_STOPS
    return {"kind": Kind.TEXT, "text": "stop" if stops else text}


def _receipt(item: Mapping[str, Any], gateway: Gateway, status: str) -> DeliveryReceipt | None:
    own = {word.lower(): state for word, state in gateway.statuses.items()}
    state = own.get(status) or STATUSES.get(status)
    unique = identifier(at(item, gateway.receipt["id"]))
    if state not in ("sent", "delivered", "failed") or not unique:
        return None
    marked = MARK.fullmatch(words(at(item, gateway.receipt["reference"])))
    mark = (marked[1], int(marked[2]), int(marked[3])) if marked and int(marked[2]) < int(marked[3]) else None
    reason, action, pause, fault = "", "", 0.0, ""
    if state == "failed":
        code = identifier(at(item, gateway.receipt["error"]))
        meaning = meaning_of(code, gateway.errors)
        reason, action, pause, fault = reason_of(meaning, code), action_of(meaning), meaning.wait, meaning.fault
    when = _moment(at(item, gateway.receipt["time"]))
    return DeliveryReceipt(
        provider_id=opaque(unique), state=state, at=when, mark=mark, reason=reason, action=action, pause=pause, fault=fault
    )


def phone(value: object, country: str) -> str:
    """A number as E.164 digits without a plus, or nothing for what is no telephone (a name, a short code)."""
    text = re.sub(r"[\s().-]", "", identifier(value))
    if not re.fullmatch(rf"\+?[0-9]{{{FEWEST_DIGITS},15}}", text, re.ASCII):
        return ""
    if not text.startswith(("+", "0")):
        text = f"+{text}"
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def opaque(identifier: str) -> str:
    """What we know a message by: a hash of the gateway's id of it, which may spell a number."""
    return "sms:" + hashlib.sha256(identifier.encode()).hexdigest()


def identifier(value: object) -> str:
    """A gateway's id or code as text: some write them as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**40 else ""
    return words(value).strip()


def _moment(value: object) -> datetime:
    """A time as ISO 8601, Unix seconds or milliseconds; now, if it is none of them or lies ahead."""
    found = moment(value)
    text = words(value).strip()
    if re.fullmatch(r"[0-9]{12,14}", str(value), re.ASCII):
        found = moment(int(str(value)) // 1000)
    elif text and not text.isdigit():
        try:
            read = datetime.fromisoformat(text)
            found = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    return min(found, datetime.now(UTC))


def _hash(raw: object) -> str:
    """The same each time that the same content is delivered, in whichever order its fields come."""
    return "sha256:" + hashlib.sha256(json.dumps(raw, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()
