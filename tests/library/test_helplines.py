"""Helplines: the right line for a nation, said as a phrase, its number between directional isolates."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.library.helplines import ISOLATE, NATIONS, POP, Helplines, isolate
from bot.library.yamlfile import DataError
from tests.library.small import put

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def helplines(root: Path) -> Helplines:
    return Helplines.load(root / "content")


@pytest.mark.parametrize(
    ("placeholder", "nation", "language", "said"),
    [
        ("emergency", "england", "en", "<999>"),
        ("emergency", None, "ur", "<999>"),
        ("urgent_health", "wales", "en", "NHS 111 (call <111>)"),
        ("urgent_health", "wales", "ur", "NHS 111 (فون نمبر <111>)"),
        ("urgent_health", "northern-ireland", "en", "your doctor"),
        ("urgent_health", None, "en", "your doctor or <999>"),
        ("urgent_health", "outside-uk", "ur", "ڈاکٹر"),
        ("crisis", "scotland", "en", "Night Line (call <116 123> or text <85258>)"),
        ("crisis", "england", "en", "Night Line (call <116 123> or text <85258>) or Word Line (text <WORD> to <85258>)"),
        ("crisis", "england", "ur", "نائٹ لائن (فون نمبر <116 123>، یا <85258>) یا ورڈ لائن (<WORD> لکھ کر <85258> پر)"),
        ("crisis", "wales", "pl", "Night Line (call <116 123> or text <85258>)"),
    ],
)
def test_a_placeholder_is_said_for_the_nation_in_the_language(
    helplines: Helplines, placeholder: str, nation: str | None, language: str, said: str
) -> None:
    assert helplines.say(placeholder, nation, language) == said.replace("<", ISOLATE).replace(">", POP)


def test_a_nation_it_does_not_know_gets_what_is_true_in_all(helplines: Helplines) -> None:
    assert helplines.say("urgent_health", "atlantis", "en") == helplines.say("urgent_health", None, "en")


def test_an_unknown_placeholder_is_an_error(helplines: Helplines) -> None:
    with pytest.raises(KeyError):
        helplines.say("lottery", None, "en")


def test_an_isolate_keeps_a_number_in_left_to_right_order() -> None:
    assert isolate("116 123") == "\u2066116 123\u2069"


def test_loading_names_every_mistake_at_once(root: Path) -> None:
    text = (root / "content/helplines.yml").read_text(encoding="utf-8")
    put(root, "content/helplines.yml", text.replace('    phone: "111"\n', "").replace("- id: night-line", "- id: your-doctor"))
    with pytest.raises(DataError) as error:
        Helplines.load(root / "content")
    assert "the field 'phone' is missing" in str(error.value) and "used twice" in str(error.value)


def test_the_health_line_111_is_never_given_to_northern_ireland() -> None:
    real = Helplines.load(REPOSITORY / "content")
    for placeholder in real.placeholders:
        assert isolate("111") not in real.say(placeholder, "northern-ireland", "en")


@pytest.mark.parametrize("nation", [*NATIONS, None])
def test_every_nation_of_the_united_kingdom_gets_999_in_an_emergency(nation: str | None) -> None:
    assert Helplines.load(REPOSITORY / "content").say("emergency", nation, "en") == isolate("999")


def test_outside_the_united_kingdom_the_emergency_number_is_112() -> None:
    assert Helplines.load(REPOSITORY / "content").say("emergency", "outside-uk", "en") == isolate("112")
