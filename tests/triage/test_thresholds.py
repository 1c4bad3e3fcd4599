"""The chances from which the model is heard."""

from pathlib import Path

import pytest

from bot.triage import Level
from bot.triage.rules import RuleFileError
from bot.triage.thresholds import NEVER_DOUBTED, Thresholds

GOOD = """share: {concern: 0.2, urgent: 0.05, emergency: 0.01}
worth:
  default: {concern: 1, urgent: 3, emergency: 9}
  cy: {concern: 4, urgent: 4, emergency: 4}
doubt: {medical: 0.02}
"""


def load(tmp_path: Path, text: str) -> Thresholds:
    (tmp_path / "thresholds.yml").write_text(text, encoding="utf-8")
    return Thresholds.load(tmp_path / "thresholds.yml")


def test_a_worth_of_three_false_alarms_is_a_chance_of_one_in_four(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert loaded.for_language("en") == {Level.CONCERN: 0.5, Level.URGENT: 0.25, Level.EMERGENCY: 0.1}
    assert loaded.for_language("cy")[Level.URGENT] == 0.2
    assert loaded.share[Level.URGENT] == 0.05
    assert loaded.doubt == {"medical": 0.02}


def test_without_a_line_on_doubt_no_rule_is_doubted(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("doubt: {medical: 0.02}\n", "")).doubt == {}


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        ("urgent: 3", "urgent: many", 3, "not a number"),
        ("urgent: 3", "urgent: 0", 3, "not a number"),
        ("urgent: 3", "urgent: true", 3, "not a number"),
        ("urgent: 3, ", "", 3, "not a number"),
        ("urgent: 0.05", "urgent: 5", 1, "up to 0.5"),
        ("emergency: 9", "emergency: 9, worst: 1", 3, "not known"),
        ("default", "en", 1, "no default"),
        ("medical: 0.02", "medical: 0.2", 5, "up to 0.05"),
        ("medical: 0.02", "medical: often", 5, "not a number"),
        ("medical: 0.02", "weather: 0.02", 5, "not known"),
        *((("medical: 0.02", f"{kind}: 0.02", 5, "not known")) for kind in sorted(NEVER_DOUBTED)),
    ],
)
def test_a_wrong_number_is_named_with_its_line(tmp_path: Path, wrong: str, right: str, line: int, said: str) -> None:
    with pytest.raises(RuleFileError, match=said) as caught:
        load(tmp_path, GOOD.replace(wrong, right, 1))
    assert line in {problem.line for problem in caught.value.problems}


def test_the_shipped_thresholds_can_be_used(root: Path) -> None:
    shipped = Thresholds.load(root / "content" / "safety" / "thresholds.yml")
    for lang in ("en", "cy", "ur", "uk", "ro", "pl", "ar", "bn", "xx"):
        chances = shipped.for_language(lang)
        assert all(0 < chance <= 0.5 for chance in chances.values()), "a miss must not cost less than a false alarm"
        assert chances[Level.EMERGENCY] < 0.5 and chances[Level.URGENT] < 0.5, "a missed danger must cost more"
