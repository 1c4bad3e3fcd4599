"""docs/security.md is true in what can be checked: chapters are there, each row names a test or says that there is none, tests are there."""

from __future__ import annotations

import re

from bot.settings import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| heading"))]


def test_every_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE))
    assert len(named) > 80
    for path, name in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(async )?def {name}\(", text, re.M), f"{path} has no {name}"


def test_every_row_names_a_test_or_says_that_there_is_none() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        assert re.search(r"`tests/[^|]*\|$|not (done|applicable) \|$", row), row


def test_every_chapter_is_there_once() -> None:
    heads = " ".join(re.findall(r"^## (.*)$", PAGE, re.M))
    assert sorted(int(number) for number in re.findall(r"V(\d+)", heads)) == list(range(1, 15))
