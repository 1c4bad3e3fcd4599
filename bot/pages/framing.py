"""Which other sites may show the chat in a frame, from the settings. Without any, nobody may."""

from __future__ import annotations

import re

from bot.settings import Settings

ORIGIN = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?")
"""A site as browsers name it; without https only this machine."""


class EmbedError(ValueError):
    """The setting cannot be used; the text says how to mend it."""


def origins_of(settings: Settings) -> tuple[str, ...]:
    """The sites that may show the chat in a frame. Raises `EmbedError`."""
    listed = tuple(part.strip() for part in settings.embed_origins.split(",") if part.strip())
    for origin in listed:
        if not ORIGIN.fullmatch(origin):
            raise EmbedError(
                f"WREN_EMBED_ORIGINS has “{origin}”: write https:// and the whole name of one site, in small letters and with "
                "nothing after it, such as https://www.example.gov.uk."
            )
    return listed
