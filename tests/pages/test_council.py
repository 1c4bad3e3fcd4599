"""A council's look: what cannot be used is refused with the setting's name and a reason; what can be is easy to read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.pages.council import DARK_CARD, DARK_PAPER, PAPER, CouncilError, contrast, council_of, parse
from bot.settings import Settings

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def council(**values: object) -> object:
    return council_of(Settings.model_validate({"council_name": "Borsetshire", **values}))


def test_without_a_name_there_is_no_council_and_a_lone_logo_is_a_mistake(tmp_path: Path) -> None:
    assert council_of(Settings(council_name=None)) is None
    with pytest.raises(CouncilError, match="WREN_COUNCIL_NAME is empty"):
        council(council_name=None, council_colour="#1d6153")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"council_colour": "green"}, "WREN_COUNCIL_COLOUR is “green”"),
        ({"council_colour": "#abc"}, "six digits"),
        ({"council_colour": "#ffcc00"}, "too pale to read: its contrast is 1"),
        ({"council_band_colour": "url(x)"}, "WREN_COUNCIL_BAND_COLOUR"),
        ({"council_logo": Path("crest.gif")}, "must be an .svg or a .png"),
        ({"council_logo": Path("/nowhere/crest.svg")}, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(values: dict[str, object], said: str) -> None:
    with pytest.raises(CouncilError, match=re.escape(said)):
        council(**values)


def test_a_heavy_logo_is_refused(tmp_path: Path) -> None:
    logo = tmp_path / "crest.png"
    logo.write_bytes(b"x" * 20_001)
    with pytest.raises(CouncilError, match="20001 bytes"):
        council(council_logo=logo)


@pytest.mark.parametrize("colour", ["#1d6153", "#5b2a86", "#000000", "#0b0c0c", "#003078", "#b1001c", "#5a5a5a"])
def test_text_in_a_council_s_colour_is_readable_by_day_and_by_night(colour: str) -> None:
    found = council_of(Settings(council_name="Borsetshire", council_colour=colour))
    assert found is not None
    css = found.files["council.css"][0].decode()
    day, night = (
        {name: parse(value) for name, value in re.findall(r"--([\w-]+): (#\w{6})", part)} for part in css.split("@media")
    )
    assert css.index(colour) < css.index("@media")
    for ground in (parse(PAPER), WHITE, day["tint"]):
        assert contrast(day["accent"], ground) >= 4.5
    for ground in (parse(DARK_PAPER), parse(DARK_CARD), night["tint"]):
        assert contrast(night["accent"], ground) >= 4.5
    for look in (day, night):
        assert contrast(look["on-accent"], look["accent"]) >= 4.5
        assert contrast(look["on-accent"], look["accent-deep"]) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(parse("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)
