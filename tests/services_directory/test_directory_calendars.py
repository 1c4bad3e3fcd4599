"""Term dates, and what the checker says of them."""

from datetime import date
from pathlib import Path

import pytest

from services_directory.calendars import TERM_DATES_FILE, in_term, is_bank_holiday, read_term_dates, term_problems


def test_the_term_dates_that_ship_are_right_and_say_that_they_are_invented() -> None:
    assert term_problems(TERM_DATES_FILE) == []
    assert "INVENTED" in TERM_DATES_FILE.read_text(encoding="utf-8")


def test_an_area_is_found_by_any_of_its_names_and_unknown_days_stay_unknown() -> None:
    assert in_term(date(2026, 11, 3), ["larkmoor council"]) is True
    assert in_term(date(2026, 10, 28), ["larkmoor"]) is False
    assert in_term(date(2020, 10, 28), ["larkmoor"]) is None
    assert in_term(date(2026, 11, 3), ["saltmere"]) is None


def test_bank_holidays_come_with_their_substitutes() -> None:
    # Boxing Day 2026 is a Saturday, and Monday is kept for it.
    assert is_bank_holiday(date(2026, 12, 28), ["england"])
    assert not is_bank_holiday(date(2026, 12, 29), ["england"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("areas: {A: {terms: []}}", "There are no terms."),
        ("areas: {A: {terms: [{from: 2026-09-02}]}}", "no pair of dates"),
        ("areas: {A: {terms: [{from: 2026-09-02, to: 2026-09-01}]}}", "ends before it begins"),
        ("areas: {A: {terms: [{from: 2026-01-02, to: 2026-09-01}]}}", "more than 150 days"),
        (
            "areas: {A: {terms: [{from: 2026-09-02, to: 2026-10-01}, {from: 2026-10-01, to: 2026-12-01}]}}",
            "before the one above",
        ),
        (
            "areas: {A: {terms: [{from: 2026-09-02, to: 2026-10-01}]}, B: {also: [a], terms: [{from: 2026-09-02, to: 2026-10-01}]}}",
            "has terms already",
        ),
        ("terms: []", "names no areas"),
        ("areas: [", "cannot be read as YAML"),
    ],
)
def test_the_checker_says_what_is_wrong_and_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "term_dates.yml"
    path.write_text(text, encoding="utf-8")
    found = [str(problem) for problem in term_problems(path)]
    assert any(said in problem and problem.startswith("term_dates.yml, line 1: ") for problem in found), found
    with pytest.raises(ValueError, match=r"term_dates\.yml"):
        read_term_dates(path)
