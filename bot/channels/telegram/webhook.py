"""Telegram's webhook: is a request really Telegram's, and the calls that set it, take it away and ask how it does."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from bot.channels.telegram.parse import READ_UPDATES

HEADER = "x-telegram-bot-api-secret-token"
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What Telegram takes as a secret."""

PORTS = (443, 80, 88, 8443)
"""The only ports that Telegram delivers to."""

CONNECTIONS = 20
"""Updates that Telegram may deliver at once."""


def verify_secret(secrets: Sequence[str], header: str | None) -> bool:
    """True if `header` is one of our secrets. Constant-time in each, and every one is tried; an empty one fits nothing."""
    said = (header or "").encode("utf-8", "replace")
    fits = False
    for secret in secrets:
        if secret:
            fits = hmac.compare_digest(secret.encode("utf-8", "replace"), said) or fits
    return fits


def mistake(url: str, secrets: Sequence[str]) -> str | None:
    """Why Telegram would not deliver to `url`, in plain words; None if it would."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return "Telegram delivers to an https address only"
    if (parts.port or 443) not in PORTS:
        return f"Telegram delivers to the ports {', '.join(map(str, PORTS))} only"
    if not secrets:
        return "no secret is set"
    if not all(SECRET.fullmatch(secret) for secret in secrets):
        return "a secret has 1 to 256 of A-Z, a-z, 0-9, _ and -"
    return None


async def set_webhook(bot: Bot, url: str, secret: str) -> None:
    """Have updates delivered to `url`. What waits is kept. Raises `TelegramError`; setting it again is harmless."""
    await bot.set_webhook(url, secret_token=secret, allowed_updates=READ_UPDATES, max_connections=CONNECTIONS)


async def delete_webhook(bot: Bot) -> None:
    """No more deliveries: updates wait (a day) for whoever polls. Raises `TelegramError`."""
    await bot.delete_webhook()


async def webhook_info(bot: Bot) -> WebhookInfo:
    """Where Telegram delivers, how much waits and what went wrong last. Raises `TelegramError`."""
    try:
        return await bot.get_webhook_info()
    except (KeyError, TypeError, ValueError) as error:  # an answer that the library could not read
        raise TelegramError(f"an unreadable answer ({type(error).__name__})") from None
