"""The addresses of a campaign: its pages, and what opens each channel with its code. Only channels that are set up have one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from bot.library.campaigns import Campaign
from bot.settings import Settings

CHANNELS = ("whatsapp", "telegram", "webchat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where this installation can be reached. `base` has no slash at its end."""

    base: str
    whatsapp_number: str | None
    telegram_name: str | None

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        return cls(
            base=settings.url.rstrip("/"),
            whatsapp_number=re.sub(r"\D", "", settings.whatsapp_number or "") or None,
            telegram_name=(settings.telegram_username or "").lstrip("@") or None,
        )

    @property
    def can_be_printed(self) -> bool:
        """Whether other people's phones reach these addresses."""
        return self.base.startswith("https://")

    def page(self, campaign: Campaign, language: str | None = None, link: str | None = None) -> str:
        """The landing page, in one language or in that of the reader's browser."""
        return self.base + page_path(campaign.code, language, link)

    def short(self, campaign: Campaign, link: str | None = None) -> str:
        """The short link, to be read out and typed."""
        return f"{self.base}/{marked(campaign.code, link)}"

    def doors(self, campaign: Campaign, language: str, link: str | None = None) -> dict[str, str]:
        """The address that opens each channel that is set up, in the order of `CHANNELS`. Web chat's is on our own pages."""
        code = marked(campaign.code, link)
        found = {}
        if self.whatsapp_number:
            # A wa.me link keeps nothing but the text: the code has to stand in words that the parent sends.
            text = quote(campaign.words[language].to_send(code), safe="")
            found["whatsapp"] = f"https://wa.me/{self.whatsapp_number}?text={text}"
        if self.telegram_name:
            found["telegram"] = f"https://t.me/{quote(self.telegram_name, safe='')}?start={code}_{language}"
        return found | {"webchat": f"/chat?{urlencode({'lang': language, 'c': code})}"}


def marked(code: str, link: str | None) -> str:
    """A code with whose link it is, as it stands in addresses and messages."""
    return f"{code}-{link}" if link else code


def page_path(code: str, language: str | None = None, link: str | None = None) -> str:
    """The path of a landing page."""
    return f"/c/{marked(code, link)}" + (f"/{language}" if language else "")


def best_first(channels: dict[str, str], user_agent: str, mobile: str) -> list[tuple[str, str]]:
    """The channels in the order for this device: a phone's own messengers first, web chat first where there is a keyboard.

    `user_agent` and `mobile` are the headers User-Agent and Sec-CH-UA-Mobile. Whoever opens the page inside a messenger stays in it.
    """
    order = list(CHANNELS)
    if "Telegram" in user_agent:
        order = ["telegram", "whatsapp", "webchat"]
    elif mobile != "?1" and not re.search(r"Mobi|Android|iPhone|iPad|WhatsApp", user_agent):
        order = ["webchat", "whatsapp", "telegram"]
    return [(channel, channels[channel]) for channel in order if channel in channels]
