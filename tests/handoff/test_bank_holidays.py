"""Bank holidays by rule, against the lists that GOV.UK published, and one-off ones from the file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.handoff.bank_holidays import load_bank_holidays
from bot.library.helplines import NATIONS
from bot.library.yamlfile import DataError
from bot.settings import ROOT

PUBLISHED = {
    ("england", 2020): "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    ("england", 2021): "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28",
    ("england", 2022): "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    ("wales", 2023): "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    ("wales", 2026): "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    ("scotland", 2022): "01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27",
    ("scotland", 2023): "01-02 01-03 04-07 05-01 05-08 05-29 08-07 11-30 12-25 12-26",
    ("scotland", 2024): "01-01 01-02 03-29 05-06 05-27 08-05 12-02 12-25 12-26",
    ("scotland", 2026): "01-01 01-02 04-03 05-04 05-25 06-15 08-03 11-30 12-25 12-28",
    ("northern-ireland", 2024): "01-01 03-18 03-29 04-01 05-06 05-27 07-12 08-26 12-25 12-26",
    ("northern-ireland", 2026): "01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28",
}
"""The weekdays that were, by nation and year."""


@pytest.mark.parametrize(("nation", "year"), PUBLISHED)
def test_the_weekdays_are_those_that_were_published(nation: str, year: int) -> None:
    holidays = load_bank_holidays(ROOT)[nation]
    weekdays = [f"{day:%m-%d}" for day in sorted(holidays.of_year(year)) if day.weekday() < 5]
    assert weekdays == PUBLISHED[nation, year].split()


def test_christmas_day_itself_is_one_even_on_a_saturday() -> None:
    assert date(2027, 12, 25) in load_bank_holidays(ROOT)["england"]


def test_a_substitute_is_always_a_weekday_of_its_own_for_fifty_years() -> None:
    for nation, holidays in load_bank_holidays(Path("/nowhere")).items():
        usual = {"england": 8, "wales": 8, "scotland": 9, "northern-ireland": 10}[nation]
        for year in range(2024, 2074):
            assert sum(day.weekday() < 5 for day in holidays.of_year(year)) == usual, (nation, year)


def test_without_the_file_the_rules_alone_hold(tmp_path: Path) -> None:
    holidays = load_bank_holidays(tmp_path)
    assert set(holidays) == set(NATIONS)
    assert date(2023, 5, 8) not in holidays["england"]
    assert date(2023, 5, 8) - timedelta(days=7) in holidays["england"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("added:\n  - {on: someday, name: A, nations: [wales]}", "added 1.on: “someday” is no day"),
        ("added:\n  - {on: 2027-05-03, nations: [wales]}", "added 1.name: it has no name"),
        ("added:\n  - {on: 2027-05-03, name: A, nations: [cornwall]}", "added 1.nations: .* does not fit. Write a list of"),
        ("added:\n  - tomorrow", "added 1: this is no entry"),
        (
            "moved:\n  - {from: 2027-05-04, to: 2027-05-05, name: A, nations: [wales]}",
            "2027-05-04 is no yearly bank holiday in wales",
        ),
        ("extra: []", "extra: this is not known"),
        ("[]", "it must have the lists"),
    ],
)
def test_a_mistake_in_the_file_is_explained(tmp_path: Path, words: str, says: str) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "bank_holidays.yml").write_text(words + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"content/bank_holidays.yml.*{says}"):
        load_bank_holidays(tmp_path)
