"""The one function that knows every reason not to send. Every send goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.messages import MessageClass

WINDOWS: Mapping[str, timedelta] = {"whatsapp": timedelta(hours=24)}
"""How long after somebody's last message a provider takes free words for them, by channel."""


def window_until(channel: str, last_wrote_at: datetime, known: datetime | None = None) -> datetime | None:
    """Until when free words may be sent on `channel`; None where there is no such limit.

    `known` is what is kept of it (`PersonAddress.window_until`); without it, it is reckoned from `last_wrote_at`.
    """
    window = WINDOWS.get(channel)
    return (known or last_wrote_at + window) if window else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStanding:
    """How the template that a message is stands with the provider, in the person's language."""

    approved: bool
    marketing: bool
    """Whether the provider takes it for marketing now, whatever it was written as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a person stands at the moment of sending."""

    reachable: bool = True
    window_closed: bool = False
    """Whether the provider no longer takes free words because they wrote too long ago."""
    stopped: bool = False
    forgotten_before: bool = False
    """Whether they asked to be forgotten before, and have asked for nothing since."""
    case_open: bool = False
    practitioner_talking: bool = False
    bereaved: bool = False
    contact_unsafe: bool = False
    writer_child: bool = False
    quiet_hours: bool = False
    consented: bool = False
    language_approved: bool = True
    template: TemplateStanding | None = None
    """Set for a message that is one of the provider's approved templates: those may go out when free words may not."""
    marketing_consented: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`send`, `wait` (later may be right) or `refuse` (never), with the reason."""

    decision: str
    reason: str = ""


SEND = Verdict("send")
WINDOW_CLOSED = "they wrote too long ago for this channel"
ALWAYS_ANSWERED = (MessageClass.SAFETY, MessageClass.REPLY)
UNASKED = (MessageClass.SERIES, MessageClass.BULK)


def can_send(standing: Standing, message_class: MessageClass) -> Verdict:
    """Whether a message of `message_class` may go to a person with this `standing` (the table of docs/delivery.md)."""
    if not standing.reachable:
        return Verdict("refuse", "the channel cannot reach them")
    if standing.template is not None:
        refusal = _template(standing, standing.template)
        if refusal is not None:
            return refusal
    elif standing.window_closed:
        return Verdict("refuse", WINDOW_CLOSED)
    if message_class is MessageClass.SAFETY:
        return SEND
    if message_class is MessageClass.PRACTITIONER:
        if standing.stopped and not standing.case_open:
            return Verdict("refuse", "they wrote stop and no case is open")
        return SEND
    if message_class is MessageClass.REPLY:
        return Verdict("refuse", "a practitioner is talking") if standing.practitioner_talking else SEND
    return _unasked(standing, message_class)


def _template(standing: Standing, template: TemplateStanding) -> Verdict | None:
    """Why a template may not go, if there is a reason. It shows on a locked screen, so never to whom it is not safe to contact."""
    if not template.approved:
        return Verdict("refuse", "no approved template in their language")
    if template.marketing and not standing.marketing_consented:
        return Verdict("refuse", "the provider calls this template marketing, and they did not agree to that")
    if standing.contact_unsafe:
        return Verdict("refuse", "it is not safe to contact them")
    return None


def _unasked(standing: Standing, message_class: MessageClass) -> Verdict:
    """Service notices, series and bulk: nobody is waiting for them."""
    if standing.stopped:
        return Verdict("refuse", "they wrote stop")
    if standing.contact_unsafe:
        return Verdict("refuse", "it is not safe to contact them")
    if not standing.language_approved:
        return Verdict("refuse", "the language is not approved")
    if message_class in UNASKED and standing.forgotten_before:
        return Verdict("refuse", "they asked to be forgotten and have asked for nothing since")
    if message_class in UNASKED and standing.bereaved:
        return Verdict("refuse", "bereavement")
    if message_class in UNASKED and standing.writer_child:
        return Verdict("refuse", "the writer seems to be a child")
    if message_class in UNASKED and not standing.consented:
        return Verdict("refuse", "no consent for this")
    if standing.practitioner_talking:
        return Verdict("wait", "a practitioner is talking")
    if standing.quiet_hours:
        return Verdict("wait", "quiet hours")
    return SEND
