"""What a way of alarming is, and which this installation has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from bot.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an alarm says. `key` is the same each time it is tried; `to` are e-mail addresses.

    `cause` is unclaimed or late for a case; for a trouble its kind, with no level and no team, and what it is about as `subject`.
    """

    key: str
    cause: str
    level: str
    team: str
    age_minutes: int
    audience: str
    step: int
    link: str
    to: tuple[str, ...]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is sent, retry or failed; `reason` holds no personal data."""

    status: str
    reason: str = ""


class Way(Protocol):
    """Sends one notice. Never raises for what a server says or does."""

    async def send(self, notice: Notice) -> Outcome: ...

    async def close(self) -> None: ...


def ways_of(settings: Settings) -> tuple[str, ...]:
    """The names of the ways that are set: `email`, `hook`."""
    return tuple(name for name, is_set in (("email", settings.smtp_host), ("hook", settings.alarm_hook_url)) if is_set)


def mistakes(settings: Settings) -> Iterator[str]:
    """What of the ways that are set would keep alarms from going out, or send them unsafely, in plain sentences."""
    if settings.smtp_host:
        if not settings.smtp_from:
            yield "Alarms by e-mail have no sender: set WREN_SMTP_FROM."
        if settings.smtp_security == "none" and not on_this_machine(settings.smtp_host):
            yield "The mail server is on another machine: WREN_SMTP_SECURITY may not be none."
        if settings.smtp_user and settings.smtp_password is None:
            yield "WREN_SMTP_USER is set without WREN_SMTP_PASSWORD."
    if settings.alarm_hook_url:
        url = urlsplit(settings.alarm_hook_url)
        if url.scheme != "https" and not on_this_machine(url.hostname or ""):
            yield "WREN_ALARM_HOOK_URL is not an https address."
        if settings.alarm_hook_key is None:
            yield "Alarms that are posted are not signed: set WREN_ALARM_HOOK_KEY."


def on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
