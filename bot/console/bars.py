"""A picture of bars, drawn here: SVG without script or style of its own, told by a title and a description, always beside its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDE, ROW, BAR, TEXT = 320, 38, 12, 14
"""Units of the drawing: its width, the height of a row, of its bar, and how far down its words stand. It is stretched to its place."""

LONGEST = 34
"""Letters of a label; the table has it whole."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is of, how long it is (None: nothing is drawn), and its figure in words."""

    label: str
    number: int | None
    said: str


def bars(key: str, title: str, description: str, rows: Sequence[Bar]) -> Markup:
    """The picture. `key` is the part of its ids that no other picture of the page has."""
    longest = max((bar.number or 0 for bar in rows), default=0) or 1
    drawn = Markup("").join(_row(place, bar, longest) for place, bar in enumerate(rows))
    return Markup(
        '<svg class="bars" viewBox="0 0 {wide} {high}" role="img" aria-labelledby="{key}-t {key}-d" focusable="false">'
        '<title id="{key}-t">{title}</title><desc id="{key}-d">{description}</desc>{drawn}</svg>'
    ).format(wide=WIDE, high=ROW * len(rows), key=key, title=title, description=description, drawn=drawn)


def _row(place: int, bar: Bar, longest: int) -> Markup:
    top = place * ROW
    label = bar.label if len(bar.label) <= LONGEST else f"{bar.label[: LONGEST - 1]}…"
    words = Markup('<text x="0" y="{y}">{label}</text><text x="{wide}" y="{y}" text-anchor="end">{said}</text>').format(
        y=top + TEXT, label=label, wide=WIDE, said=bar.said
    )
    if not bar.number:
        return words
    length = max(1, round(WIDE * bar.number / longest))
    return words + Markup('<rect x="0" y="{y}" width="{length}" height="{high}"/>').format(
        y=top + TEXT + 5, length=length, high=BAR
    )
