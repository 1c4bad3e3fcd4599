"""QR codes are read back by another library than the one that draws them, also small, turned, and with a tenth of them covered."""

from __future__ import annotations

from io import BytesIO

import pytest

from bot.campaigns.prints import Prints
from bot.languages import supported
from bot.library import Library
from bot.settings import Settings

zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp is not installed")
pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed")
draw = pytest.importorskip("PIL.ImageDraw", reason="pillow is not installed")
LANGS = tuple(language.code for language in supported())


@pytest.fixture(scope="module")
def prints(library: Library) -> Prints:
    return Prints(library, Settings.model_validate({"public_url": "https://families.borsetshire.gov.uk"}))


def held(picture: object) -> list[str]:
    """What is in the codes of a picture."""
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("link", [None, "k7m4"])
def test_a_code_holds_the_landing_page_in_the_paper_s_language(
    prints: Prints, library: Library, lang: str, link: str | None
) -> None:
    for campaign in library.campaigns:
        address = prints.address(campaign, lang, link)
        mark = f"{campaign.code}-{link}" if link else campaign.code
        assert address == f"https://families.borsetshire.gov.uk/c/{mark}/{lang}"
        assert held(pillow.open(BytesIO(prints.qr_png(address)))) == [address]


def test_a_code_is_read_small_turned_and_damaged(prints: Prints, library: Library) -> None:
    address = prints.address(library.campaigns.by_code["dads26"], "ur", "k7m4")
    picture = pillow.open(BytesIO(prints.qr_png(address))).convert("L")
    assert held(picture.resize((130, 130))) == [address]
    assert held(picture.rotate(33, expand=True, fillcolor=255)) == [address]
    torn, side = picture.copy(), picture.width
    draw.Draw(torn).rectangle((side * 0.5, side * 0.5, side * 0.72, side * 0.72), fill=255)
    assert held(torn) == [address]
    gone = picture.copy()
    draw.Draw(gone).rectangle((side * 0.2, side * 0.2, side, side), fill=255)
    assert held(gone) == [], "the reader invents nothing"
