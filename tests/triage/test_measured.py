"""What was measured decides where help is offered with every reply: by the lower bound, and always where nothing was measured."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.doctor import _measured
from bot.settings import ROOT
from bot.triage.measured import ENOUGH, NAME, Measured, MeasuredError, lower_bound, written

IMPOSSIBLE = "measured: 2026-01-02\nlanguages: {en: {caught: 3, of: 2}}"


@pytest.mark.parametrize(
    ("hits", "count", "bound"),
    # By the formula of Wilson (1927); 0.8175 for 50 of 55 is the textbook's 0.804 to 0.961 at its lower end.
    [(0, 0, 0.0), (0, 10, 0.0), (10, 10, 0.722), (50, 55, 0.804), (81, 263, 0.255)],
)
def test_the_lower_bound_is_wilsons(hits: int, count: int, bound: float) -> None:
    assert lower_bound(hits, count) == pytest.approx(bound, abs=0.001)


@pytest.mark.parametrize(
    ("caught", "needs"),
    [({"en": (64, 65)}, True), ({"en": (65, 65)}, False), ({"en": (980, 1000)}, False), ({"pl": (65, 65)}, True), ({}, True)],
)
def test_help_is_needed_unless_enough_was_caught_for_sure(caught: dict[str, tuple[int, int]], needs: bool) -> None:
    assert Measured(date(2026, 1, 1), caught).needs_help("en") is needs


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(written(date(2026, 1, 2), {"pl": (3, 4), "en": (1, 2)}), encoding="utf-8")
    assert Measured.load(path) == Measured(date(2026, 1, 2), {"en": (1, 2), "pl": (3, 4)})


def test_without_the_file_every_language_needs_help(tmp_path: Path) -> None:
    assert Measured.load(tmp_path / NAME).needs_help("en")


@pytest.mark.parametrize("text", ["", "measured: soon\nlanguages: {}", IMPOSSIBLE, "languages: []"])
def test_a_spoilt_file_is_refused_in_plain_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / NAME
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MeasuredError):
        Measured.load(path)


def test_our_own_file_can_be_read_and_asks_for_what_it_says() -> None:
    measured = Measured.load(ROOT / "content" / NAME)
    assert measured.caught
    for lang in measured.caught:
        assert measured.needs_help(lang) is (measured.lower_bound(lang) < ENOUGH)


def test_the_doctor_names_each_language_that_offers_help_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    caught = {"en": (65, 65), "cy": (45, 65)}
    (tmp_path / "content" / NAME).write_text(written(date(2026, 1, 2), caught), encoding="utf-8")
    findings = list(_measured(tmp_path))
    assert [finding for finding in findings if finding.startswith("English")] == []
    assert any("45 of 65" in finding and finding.startswith("Welsh") for finding in findings)
    assert any("has not been measured" in finding and finding.startswith("Polish") for finding in findings)
