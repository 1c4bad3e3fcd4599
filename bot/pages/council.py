"""A council's own name, logo and colours on the public pages, from the settings. Without a name there is nothing of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings

PREFIX = "/assets/council"
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
MOST_LOGO_BYTES = 20_000
"""Bytes of a logo: a page with all it loads stays under 60 kB."""

PAPER, DARK_PAPER, DARK_CARD = "#faf6ef", "#17211f", "#202d2a"
"""The backgrounds of `static/wren.css`, in daylight and at night."""

ENOUGH = 4.5
"""Contrast that WCAG 2.2 AA asks of text."""

MORE_THAN_ENOUGH = 7.0

Colour = tuple[int, int, int]


class CouncilError(ValueError):
    """A setting of the council's cannot be used; the text says which, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Council:
    """A council: its name, and the fixed files that its look is made of, by name, with their media types."""

    name: str
    files: dict[str, tuple[bytes, str]]

    @property
    def logo(self) -> str | None:
        """The logo's address, if there is one."""
        return next((self.url(name) for name in self.files if name.startswith("logo.")), None)

    @property
    def stylesheet(self) -> str | None:
        """The address of the colours, if they are not Wren's own."""
        return self.url("council.css") if "council.css" in self.files else None

    def url(self, name: str) -> str:
        """The address of a file; it changes with the contents. Raises KeyError."""
        return f"{PREFIX}/{name}?v={hashlib.sha256(self.files[name][0]).hexdigest()[:12]}"


def council_of(settings: Settings) -> Council | None:
    """The council of the settings, or None. Raises `CouncilError`."""
    if not settings.council_name:
        if settings.council_logo or settings.council_colour or settings.council_band_colour:
            raise CouncilError("WREN_COUNCIL_NAME is empty, but a logo or a colour is set: set the name too.")
        return None
    files: dict[str, tuple[bytes, str]] = {}
    if settings.council_logo is not None:
        files[f"logo{settings.council_logo.suffix.lower()}"] = _logo(settings.council_logo)
    css = _stylesheet(settings.council_colour, settings.council_band_colour)
    if css:
        files["council.css"] = (css.encode(), "text/css; charset=utf-8")
    return Council(settings.council_name, files)


def _logo(path: Path) -> tuple[bytes, str]:
    if path.suffix.lower() not in LOGO_TYPES:
        raise CouncilError(f"WREN_COUNCIL_LOGO is {path.name}: it must be an .svg or a .png file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CouncilError(f"WREN_COUNCIL_LOGO cannot be read: {error.strerror}.") from error
    if len(data) > MOST_LOGO_BYTES:
        raise CouncilError(f"WREN_COUNCIL_LOGO has {len(data)} bytes: at most {MOST_LOGO_BYTES}, or the page gets slow.")
    return data, LOGO_TYPES[path.suffix.lower()]


def _stylesheet(colour: str | None, band: str | None) -> str:
    """Rules over those of `wren.css`: by day the colour itself, at night a lighter one of the same kind."""
    rules = []
    if colour:
        day = _colour("WREN_COUNCIL_COLOUR", colour)
        tint = mix(day, (255, 255, 255), 0.9)
        worst = min(contrast(day, ground) for ground in ((255, 255, 255), parse(PAPER), tint))
        if worst < ENOUGH:
            raise CouncilError(
                f"WREN_COUNCIL_COLOUR {colour} is too pale to read: its contrast is {worst:.1f}, {ENOUGH} is needed. Choose a darker one."
            )
        night = day
        while min(contrast(night, parse(ground)) for ground in (DARK_PAPER, DARK_CARD)) < MORE_THAN_ENOUGH:
            night = mix(night, (255, 255, 255), 0.1)
        rules.append(_variables(day, mix(day, (0, 0, 0), 0.25), "#ffffff", tint))
        dark = _variables(night, mix(night, (255, 255, 255), 0.3), "#10201c", mix(parse(DARK_CARD), night, 0.12))
        rules.append(f"@media (prefers-color-scheme: dark) {{ {dark} }}")
    if band:
        rules.append(f".top {{ border-block-start: .4rem solid {write(_colour('WREN_COUNCIL_BAND_COLOUR', band))}; }}")
        rules.append(f".sheet {{ --band: {write(_colour('WREN_COUNCIL_BAND_COLOUR', band))}; }}")
    return "\n".join(rules)


def _variables(accent: Colour, deep: Colour, on: str, tint: Colour) -> str:
    return f":root {{ --accent: {write(accent)}; --accent-deep: {write(deep)}; --on-accent: {on}; --tint: {write(tint)}; }}"


def _colour(setting: str, text: str) -> Colour:
    try:
        return parse(text)
    except ValueError as error:
        raise CouncilError(
            f"{setting} is “{text}”: write a colour as six digits and letters after a #, such as #1d6153."
        ) from error


def parse(text: str) -> Colour:
    """ "#1d6153" as red, green, blue. Raises ValueError."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(text)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def write(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
