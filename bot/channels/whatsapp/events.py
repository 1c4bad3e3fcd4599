"""One webhook → its events, each with the slice of the envelope that it came in.

A delivery may hold many messages of many people, receipts, and news of our own account. Each is cut out as an envelope of its own,
with the sender's contact and nobody else's, so that what one person said can be kept, and wiped, without touching another's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels import mapping, mappings, moment, words
from bot.channels.whatsapp.errors import code_of, meaning_of
from bot.channels.whatsapp.parse import CHANNEL, bsuid, contact_of, opaque, parse, phone
from bot.messages import Address, DeliveryReceipt, Inbound

STATES = frozenset({"sent", "delivered", "read", "failed"})
MARK = re.compile(r"(.{1,200})#([0-9]{1,3})/([0-9]{1,3})", re.ASCII | re.DOTALL)
WORRYING = frozenset({"account_update", "account_alerts", "account_review_update", "phone_number_quality_update", "security"})
"""Fields that tell staff something of our account or number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChange:
    """Somebody's identifiers changed: what is known of the old ones and of the new."""

    old: tuple[Address, ...]
    new: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNews:
    """What Meta says of one of our templates; None where it says nothing of it. `language` is Meta's code."""

    name: str
    language: str
    provider_id: str | None = None
    status: str | None = None
    category: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketingChoice:
    """Somebody told WhatsApp whether they want marketing from us."""

    addresses: tuple[Address, ...]
    wanted: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that a webhook said. `key` is the same each time it is delivered and fits `RawEvent.external_id`.

    At most one of the fields after `wamid` is set; with none there is nothing to do but to keep it. `notice` is for staff.
    """

    key: str
    raw: Mapping[str, Any]
    wamid: str = ""
    """Meta's own id of a parent's message, to mark it as read. It holds their number: never stored outside `raw`, never logged."""
    inbound: Inbound | None = None
    receipt: DeliveryReceipt | None = None
    change: AddressChange | None = None
    template: TemplateNews | None = None
    choice: MarketingChoice | None = None
    notice: str = ""


def events(raw: object, *, phone_number_id: str | None = None) -> list[Event]:
    """Everything in one webhook, in its order; never raises. What came to another number of the same app is kept, not read."""
    found: list[Event] = []
    for entry in mappings(mapping(raw).get("entry")):
        for change in mappings(entry.get("changes")):
            found += _of_change(entry, change, phone_number_id)
    return found or [_kept(raw)]


def _of_change(entry: Mapping[str, Any], change: Mapping[str, Any], phone_number_id: str | None) -> Iterator[Event]:
    value = mapping(change.get("value"))
    field = words(change.get("field", "messages"))
    number_id = mapping(value.get("metadata")).get("phone_number_id")

    def envelope(**content: Any) -> dict[str, Any]:
        kept = {name: value[name] for name in ("messaging_product", "metadata") if name in value}
        own = {"field": field, "value": {**kept, **content}}
        return {"object": "whatsapp_business_account", "entry": [{"id": entry.get("id"), "changes": [own]}]}

    whole = {"object": "whatsapp_business_account", "entry": [{"id": entry.get("id"), "changes": [dict(change)]}]}
    if phone_number_id and isinstance(number_id, str) and number_id != phone_number_id:
        yield _kept(whole, notice="whatsapp-another-number")
        return
    match field:
        case "messages":
            yield from _of_messages(value, envelope, whole)
        case "message_template_status_update" | "template_category_update" | "message_template_quality_update":
            yield Event(key=_hash(whole), raw=whole, template=_template_news(value))
        case "user_preferences":
            yield from _choices(value, envelope)
        case "user_id_update":
            yield from _id_updates(value, envelope)
        case _:
            yield _kept(whole, notice=f"whatsapp-{field}"[:60] if field in WORRYING else "")


def _of_messages(value: Mapping[str, Any], envelope: Any, whole: Mapping[str, Any]) -> Iterator[Event]:
    contacts = mappings(value.get("contacts"))
    for message in mappings(value.get("messages")):
        own = contact_of(message, contacts)
        raw = envelope(messages=[dict(message)], **({"contacts": [dict(own)]} if own else {}))
        if message.get("type") == "system":
            yield Event(key=_key("system", message.get("id"), raw), raw=raw, change=_system_change(message, contacts))
            continue
        inbounds = parse(raw)
        nameless = not bsuid(message.get("from_user_id") or own.get("user_id")) and not phone(
            message.get("from") or own.get("wa_id")
        )
        yield Event(
            key=inbounds[0].external_id if inbounds else _hash(raw),
            raw=raw,
            wamid=words(message.get("id")),
            inbound=next(iter(inbounds), None),
            notice="whatsapp-message-of-nobody" if nameless else "",
        )
    for status in mappings(value.get("statuses")):
        raw = envelope(statuses=[dict(status)])
        yield Event(key=_hash(raw), raw=raw, receipt=_receipt(status))
    for error in mappings(value.get("errors")):
        yield _kept(envelope(errors=[dict(error)]), notice=f"whatsapp-{meaning_of(code_of(error)).name}"[:60])
    if not any(mappings(value.get(name)) for name in ("messages", "statuses", "errors")):
        yield _kept(whole)


def _kept(raw: object, notice: str = "") -> Event:
    whole = raw if isinstance(raw, Mapping) else {"unreadable": raw}
    return Event(key=_hash(whole), raw=whole, notice=notice)


def _hash(raw: object) -> str:
    """The same each time that the same JSON is delivered, in whichever order its fields come."""
    return "sha256:" + hashlib.sha256(json.dumps(raw, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def _key(kind: str, wamid: object, raw: object) -> str:
    """By the message's own id where it has one."""
    found = words(wamid)
    return f"{kind}:{opaque(found)}" if found else _hash(raw)


def _receipt(status: Mapping[str, Any]) -> DeliveryReceipt | None:
    wamid, state = words(status.get("id")), words(status.get("status"))
    if not wamid or state not in STATES:
        return None
    marked = MARK.fullmatch(words(status.get("biz_opaque_callback_data")))
    mark = (marked[1], int(marked[2]), int(marked[3])) if marked and int(marked[2]) < int(marked[3]) else None
    reason, action, pause, fault = "", "", 0.0, ""
    if state == "failed":
        found = meaning_of(code_of(next(iter(mappings(status.get("errors"))), {})))
        reason, action, pause, fault = found.reason, found.action, found.wait, found.fault
    at = moment(status.get("timestamp"))
    return DeliveryReceipt(
        provider_id=opaque(wamid), state=state, at=at, mark=mark, reason=reason, action=action, pause=pause, fault=fault
    )


def _addresses(user_id: object, number: object) -> tuple[Address, ...]:
    found = []
    if value := bsuid(user_id):
        found.append(Address(channel=CHANNEL, kind="whatsapp_bsuid", value=value))
    if value := phone(number):
        found.append(Address(channel=CHANNEL, kind="phone", value=value))
    return tuple(found)


def _system_change(message: Mapping[str, Any], contacts: list[Mapping[str, Any]]) -> AddressChange | None:
    """A new number (`user_changed_number`, in old versions `customer_changed_number` with `customer` and `new_wa_id`) or a new
    business-scoped id (`user_changed_user_id`)."""
    system = mapping(message.get("system"))
    if system.get("type") not in ("user_changed_number", "customer_changed_number", "user_changed_user_id"):
        return None
    contact = contact_of(message, contacts)
    old = _addresses(message.get("from_user_id"), phone(system.get("customer")) or message.get("from") or contact.get("wa_id"))
    new_number = system.get("wa_id") or system.get("new_wa_id")
    new = _addresses(system.get("user_id"), new_number)
    return _change(old, new)


def _id_updates(value: Mapping[str, Any], envelope: Any) -> Iterator[Event]:
    for update in mappings(value.get("user_id_update")):
        ids = mapping(update.get("user_id"))
        raw = envelope(user_id_update=[dict(update)])
        old, new = _addresses(ids.get("previous"), None), _addresses(ids.get("current"), None)
        yield Event(key=_hash(raw), raw=raw, change=_change(old, new))


def _change(old: tuple[Address, ...], new: tuple[Address, ...]) -> AddressChange | None:
    """Only what really differs; None if nothing of it helps."""
    gone = tuple(address for address in old if address not in new)
    return AddressChange(old=gone, new=new) if gone and new else None


def _template_news(value: Mapping[str, Any]) -> TemplateNews | None:
    name, language = words(value.get("message_template_name")), words(value.get("message_template_language"))
    if not name or not language:
        return None
    # Of a change that is still to come, `correct_category` says what the template will be: nobody waits for it.
    category = words(value.get("correct_category")) or words(value.get("new_category"))
    category = category or words(value.get("message_template_category"))
    identifier = value.get("message_template_id")
    status, reason = words(value.get("event")), words(value.get("reason"))
    return TemplateNews(
        name=name,
        language=language,
        provider_id=str(identifier) if isinstance(identifier, int | str) and not isinstance(identifier, bool) else None,
        status=status.lower() or None,
        category=category.lower() or None,
        reason="" if reason == "NONE" else reason[:120],
    )


def _choices(value: Mapping[str, Any], envelope: Any) -> Iterator[Event]:
    contacts = mappings(value.get("contacts"))
    for preference in mappings(value.get("user_preferences")):
        raw = envelope(user_preferences=[dict(preference)])
        contact = contacts[0] if len(contacts) == 1 else {}
        addresses = _addresses(
            preference.get("user_id") or contact.get("user_id"), preference.get("wa_id") or contact.get("wa_id")
        )
        said = preference.get("value")
        about = str(preference.get("category", "marketing_messages"))
        choice = None
        if addresses and said in ("stop", "resume") and about.startswith("marketing"):
            choice = MarketingChoice(addresses=addresses, wanted=said == "resume", at=moment(preference.get("timestamp")))
        yield Event(key=_hash(raw), raw=raw, choice=choice)
