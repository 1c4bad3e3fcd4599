"""The channel-neutral vocabulary: what comes in, what Wren means to say, and what goes out.

Channels translate between a provider's own format and these types; nothing else crosses that line. This module
imports nothing of the app, so that every room may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

MAX_TEXT = 4_000
"""Characters of a parent's message that are kept and read; the rest is cut and the cut is recorded."""

MAX_BUTTONS = 3
"""Buttons under one message, WhatsApp's limit."""

MAX_BUTTON_TITLE = 20
"""Characters of a button title, WhatsApp's limit."""

MAX_ROWS = 10
"""Rows of a list message, WhatsApp's limit over all sections."""

MAX_ROW_TITLE = 24
"""Characters of a list row's title, WhatsApp's limit."""

MAX_TOKEN = 16
"""Characters of a button token: fits every provider's payload with room to spare."""


class Kind(StrEnum):
    """What sort of thing a parent sent."""

    TEXT = "text"
    BUTTON = "button"
    START = "start"
    """The chat was opened, possibly through a deep link; no words of the parent's own."""
    LOCATION = "location"
    EDIT = "edit"
    """An edited earlier message; `text` holds the new words."""
    UNSUPPORTED = "unsupported"
    """Something Wren cannot read: `media` says what (voice, photo, video, sticker, document, contact, other)."""


FAULTS = ("down", "auth", "account", "rate")
"""What can be wrong with a provider, whoever the message is for: it does not answer or has a fault of its own; it refuses our token;
it has stopped our account; we send too fast."""


class MessageClass(StrEnum):
    """Why a message is sent; it decides which reasons not to send bind (see `bot.delivery.can_send`)."""

    SAFETY = "safety"
    REPLY = "reply"
    PRACTITIONER = "practitioner"
    SERVICE_NOTICE = "service_notice"
    SERIES = "series"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a person can be reached on one channel.

    `kind` is the provider's name for the identifier (`telegram_id`, `phone`, `whatsapp_bsuid`, `webchat_key`, `terminal`);
    `value` is the identifier itself, personal data: never log it.
    """

    channel: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One event from a parent, authenticated and parsed, before anything is known of the person.

    `external_id` is unique within the channel and is the same when the provider repeats the event.
    `addresses` has at least one entry; more than one when the provider names the person in several ways.
    """

    channel: str
    external_id: str
    addresses: tuple[Address, ...]
    kind: Kind = Kind.TEXT
    text: str = ""
    token: str | None = None
    """The token of a pressed button (`Button.token`)."""
    media: str | None = None
    locale: str | None = None
    """The language the provider says the person's app is set to (BCP 47), a guess only."""
    language: str | None = None
    """A language the person has chosen before the chat began (a landing page's, the terminal's `--lang`)."""
    start_payload: str | None = None
    """What a deep link carried: a campaign code or content id, at most 64 of `A-Za-z0-9_-`."""
    latitude: float | None = None
    longitude: float | None = None
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonSpec:
    """A button before rendering: which short interface string it shows and what pressing it does.

    `label` is a key of `locales/`, with `label_args` for its placeholders. `action` and `args` are stored in a row behind
    an opaque token; a channel never sees them.
    """

    label: str
    action: str
    args: Mapping[str, Any] = field(default_factory=dict)
    label_args: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Something Wren means to say, as a reference to approved words.

    `ref` is one of `message:<content id>`, `safety:<slug>`, `text:<locales key>` or `service:` (one directory record in
    `args`), or `template:<name>`. `args` are the values of the declared placeholders. Up to three `buttons`, or up to ten as `rows` of a list.
    """

    ref: str
    args: Mapping[str, Any] = field(default_factory=dict)
    buttons: tuple[ButtonSpec, ...] = ()
    rows: tuple[ButtonSpec, ...] = ()
    message_class: MessageClass = MessageClass.REPLY
    ask_location: bool = False
    """Whether the channel should offer its own way to send a place, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A rendered button: a title in the parent's language and either an opaque token or an https link."""

    title: str
    token: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A rendered message, ready for a channel to translate into its provider's format.

    `text` is plain text in which `*…*` marks emphasis and telephone numbers stand between directional isolates.
    `voice` is who speaks: `wren`, `practitioner` (then `voice_name` holds the label shown) or `directory`.
    """

    text: str
    language: str
    direction: str = "ltr"
    buttons: tuple[Button, ...] = ()
    rows: tuple[Button, ...] = ()
    rows_title: str = ""
    """Title of the button that opens the list, where a channel hides rows behind one (at most 20 characters)."""
    message_class: MessageClass = MessageClass.REPLY
    voice: str = "wren"
    voice_name: str = ""
    content_id: str | None = None
    number_hint: str = ""
    """The words that ask for a number as the answer, for a channel that must show the choices as numbered lines."""
    ask_location: bool = False
    template: str | None = None
    """The provider's name of the approved template whose words these are, where only such a one may be sent."""
    template_language: str = ""
    """The provider's code of the template's language."""
    template_values: tuple[str, ...] = ()
    """What fills the template's places, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a provider said to one send. `status`:

    sent           accepted
    retry          try again: after `retry_after` seconds, or `grows` to the power of the number of tries
    wait           no failure, but not now: again after `retry_after` seconds, however often
    unknown        the request left and no answer came
    hold           kept until the person writes again
    other_address  not to this kind of address of theirs
    refuse         not sent, for a reason that is not a fault
    failed, unreachable
    """

    status: str
    provider_id: str | None = None
    reason: str = ""
    retry_after: float = 0.0
    grows: float = 2.0
    pause: float = 0.0
    """Seconds for which nothing may go out on the whole channel."""
    action: str = ""
    """What else follows: window_closed, marketing_stopped, halt, template_fault; empty for nothing."""
    fault: str = ""
    """What is wrong with the provider (one of `FAULTS`), where the failure is not this message's own."""
    accepted: tuple[str, ...] = ()
    """The provider's ids of the parts accepted in this call, in order, where one message takes several requests."""
    parts: int = 1
    """How many parts the whole message has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReceipt:
    """What a provider says later of a message it accepted. `state` is sent, delivered, read or failed.

    `mark` is what the sender gave the message to be known by: outbox key, part and number of parts. `action` is as in `Delivery`,
    and `unreachable` or `another_day` too. `fault` is as in `Delivery`.
    """

    provider_id: str
    state: str
    at: datetime
    mark: tuple[str, int, int] | None = None
    reason: str = ""
    action: str = ""
    pause: float = 0.0
    fault: str = ""
