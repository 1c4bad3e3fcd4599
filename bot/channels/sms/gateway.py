"""A gateway as the settings describe it: where it listens, what it calls things, and how we know each other.

Names of fields may have dots: `message.text` is the field `text` in the object `message`, and a number is a place in a list
(`messages.0.id`). An empty name means that the gateway has no such field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.settings import Settings

FIELDS = {"to": "to", "from": "from", "text": "text", "reference": "reference"}
ANSWER = {"id": "id", "error": "error"}
INBOUND = {"list": "", "id": "id", "from": "from", "text": "text", "time": "time", "media": "media"}
RECEIPT = {"id": "id", "status": "status", "error": "error", "reference": "reference", "time": "time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`auth` is none, bearer, basic or header; `name` its user or header; `form` whether bodies are forms and not JSON."""

    url: str
    auth: str = "bearer"
    name: str = ""
    secret: str = field(default="", repr=False)
    form: bool = False
    sender: str = ""
    plus: bool = True
    """Whether the gateway wants a plus before a number."""
    joins: bool = True
    """Whether it takes a long text whole and joins its parts; else every message is cut to fit one part."""
    most_parts: int = 10
    fields: Mapping[str, str] = field(default_factory=lambda: FIELDS)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """What every request holds besides."""
    answer: Mapping[str, str] = field(default_factory=lambda: ANSWER)
    errors: Mapping[str, str] = field(default_factory=dict)
    """The gateway's error codes → names of `errors.yml`."""
    inbound: Mapping[str, str] = field(default_factory=lambda: INBOUND)
    receipt: Mapping[str, str] = field(default_factory=lambda: RECEIPT)
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The gateway's words for a state → sent, delivered or failed, beside those that are known."""
    country: str = "GB"
    """Where a number without a country's code is at home (ISO 3166)."""


def gateway_of(settings: Settings) -> Gateway | None:
    """The gateway of an installation, or None if it has none."""
    if not settings.sms_url:
        return None
    return Gateway(
        url=settings.sms_url,
        auth=settings.sms_auth,
        name=settings.sms_auth_name or "",
        secret=settings.sms_secret.get_secret_value() if settings.sms_secret else "",
        form=settings.sms_format == "form",
        sender=settings.sms_from or "",
        plus=settings.sms_plus,
        joins=settings.sms_joins,
        most_parts=settings.sms_most_parts,
        fields=FIELDS | settings.sms_fields,
        constants=settings.sms_constants,
        answer=ANSWER | settings.sms_answer,
        errors=settings.sms_errors,
        inbound=INBOUND | settings.sms_inbound,
        receipt=RECEIPT | settings.sms_receipt,
        statuses=settings.sms_statuses,
        country=settings.sms_country,
    )


def at(data: object, path: str) -> Any:
    """What stands at a dotted path, or None. A name with dots of its own is found too."""
    if not path:
        return None
    if isinstance(data, Mapping) and path in data:
        return data[path]
    for step in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, Sequence) and not isinstance(data, str) and step.isascii() and step.isdigit():
            data = data[int(step)] if int(step) < len(data) else None
        else:
            return None
    return data


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Put `value` at a dotted path, making the objects on the way; an empty path puts nothing."""
    *way, last = path.split(".")
    for step in way:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        data = inner
    if last:
        data[last] = value
