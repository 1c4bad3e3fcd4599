"""QR codes, posters and pocket cards: what a campaign looks like on paper. Pages made for printing; why, says decision 12."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO

import phonenumbers
import segno
from markupsafe import Markup

from bot.campaigns.links import Addresses, marked
from bot.campaigns.pages import FILES, HERE, campaign_look, is_draft
from bot.library import Library
from bot.library.campaigns import Campaign
from bot.library.helplines import isolate
from bot.pages.council import council_of
from bot.pages.words import rich
from bot.settings import Settings

ERROR = "q"
"""A quarter of a QR code may be dirty or torn."""

QUIET_ZONE = 4
"""Modules of white around a QR code that cameras need."""

KINDS = ("poster", "card")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page made for printing: `html` is whole. `kind` is one of `KINDS`."""

    kind: str
    html: str


class Prints:
    """Makes sheets and QR codes of campaigns."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._strings = library.strings
        self._addresses = Addresses.of(settings)
        self._council = council_of(settings)
        self._look = campaign_look(library, settings)

    def address(self, campaign: Campaign, language: str, link: str | None = None) -> str:
        """What the QR code holds: the landing page in the language that the paper is in."""
        return self._addresses.page(campaign, language, link)

    def sheet(self, kind: str, campaign: Campaign, language: str, link: str | None = None, *, alone: bool = False) -> Sheet:
        """A poster (A4) or a pocket card (85 by 55 mm, two sides). With `alone`, everything it loads is in it, for a file."""
        short = self._addresses.short(campaign, link).removeprefix("https://").removeprefix("http://")
        shown = isolate(short.replace("/", "/\u200b"))  # where it may go on in the next line
        text = self._look.text(
            f"{kind}.html",
            language,
            words=campaign.words[language],
            qr=Markup(self.qr_inline(self.address(campaign, language, link))),  # noqa: S704 - segno's own, of an address of ours
            open_line=rich(self._strings.get("campaign.or_open", language, address=shown)),
            send_line=self._send_line(campaign, language, link),
            draft=is_draft(campaign, language),
            styles=self._styles(kind) if alone else "",
            kind=kind,
            logo=self._logo(alone),
            band=self._band() if alone else "",
        )
        return Sheet(kind, text)

    def _send_line(self, campaign: Campaign, language: str, link: str | None) -> Markup | None:
        """ "or send DADS26 on WhatsApp to …", where there is a number."""
        number = self._addresses.whatsapp_number
        if number is None:
            return None
        code = isolate(marked(campaign.code, link).upper())
        return rich(self._strings.get("campaign.or_send", language, code=code, number=isolate(_spaced(number))))

    def qr_inline(self, address: str) -> str:
        """The QR code of an address as an `<svg>` to stand in a page."""
        return str(_qr(address).svg_inline(border=QUIET_ZONE, omitsize=True, svgclass="qr", lineclass=None))

    def qr_svg(self, address: str) -> bytes:
        """The QR code as an SVG file, black on white."""
        return _saved(address, "svg", scale=10)

    def qr_png(self, address: str) -> bytes:
        """The QR code as a PNG file, about 800 pixels wide: sharp on paper up to 7 cm at 300 dots an inch."""
        return _saved(address, "png", scale=20)

    @staticmethod
    def _styles(kind: str) -> str:
        return "\n".join((HERE / "static" / name).read_text(encoding="utf-8") for name in ("print.css", f"{kind}.css"))

    def _logo(self, alone: bool) -> str | None:
        """The council's logo: its address, or in a file all of it."""
        council = self._council
        if council is None or council.logo is None or not alone:
            return council.logo if council is not None else None
        data, media_type = next(file for name, file in council.files.items() if name.startswith("logo."))
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

    def _band(self) -> str:
        css = self._council.files.get("council.css") if self._council is not None else None
        return css[0].decode() if css is not None else ""


def _spaced(number: str) -> str:
    """A number in groups that can be read and typed: "+44 1632 960000"."""
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return f"+{number}"
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _qr(address: str) -> segno.QRCode:
    return segno.make(address, error=ERROR, micro=False)


def _saved(address: str, kind: str, scale: int) -> bytes:
    buffer = BytesIO()
    _qr(address).save(buffer, kind=kind, scale=scale, border=QUIET_ZONE, dark="#000", light="#fff")
    return buffer.getvalue()


__all__ = ["FILES", "KINDS", "Prints", "Sheet"]
