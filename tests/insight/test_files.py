"""The owner's files: births, and the headings of the quarterly return. Mistakes are explained, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.insight.births import Births, read_births
from bot.insight.cli import insight_app
from bot.insight.headings import FILE, load_headings
from bot.library.yamlfile import DataError
from bot.settings import ROOT
from services_directory import vocabulary


def births(folder: Path, text: str) -> Path:
    path = folder / "births.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_latest_year_of_each_area_is_taken(tmp_path: Path) -> None:
    path = births(tmp_path, "\ufeffArea,year,births\nnorth,2023,900\nnorth,2024,870\n\nsouth, 2024 ,12\n")
    assert read_births(path, ("north", "south")) == {"north": Births(2024, 870), "south": Births(2024, 12)}


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    path = births(tmp_path, "area,year,births\neast,2024,10\nnorth,24,-3\nnorth,2024\nnorth,2023,5\nnorth,2023,6\n")
    with pytest.raises(DataError) as told:
        read_births(path, ("north",))
    assert str(told.value).splitlines() == [
        "births.csv, line 2, area: “east” is no area of this installation. Use north.",
        "births.csv, line 3, year: “24” is no year. Write it as 2025.",
        "births.csv, line 3, births: “-3” is no number of births. Write digits alone, as 3412.",
        "births.csv, line 4: there are 2 cells. Write area, year, births.",
        "births.csv, line 6, year: north has 2023 twice. Keep one.",
    ]


@pytest.mark.parametrize("text", ["", "north,2024,10\n", "area;year;births\n"])
def test_a_file_without_its_columns_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="must name the columns"):
        read_births(births(tmp_path, text), ("north",))


def test_the_command_checks_a_file(tmp_path: Path) -> None:
    path = births(tmp_path, "area,year,births\ndemonstration,2024,3412\n")
    done = CliRunner().invoke(insight_app, ["births", str(path)])
    assert (done.exit_code, done.stdout) == (0, "demonstration: 3412 in 2024\n")


def test_no_kind_of_help_is_counted_under_two_headings() -> None:
    needs = [need for heading in load_headings(ROOT).headings for need in heading.needs]
    assert len(needs) == len(set(needs)) and set(needs) <= set(vocabulary().terms)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("headings: []\n", "headings: no heading is given."),
        (
            "headings:\n  - {heading: A, needs: [sleep]}\n  - {heading: B, needs: [sleep]}\nnot_held: []\n",
            "sleep: it stands twice",
        ),
        ("headings:\n  - {heading: A, needs: [naps]}\nnot_held: []\n", "A: there is no kind of help “naps”."),
        ("headings:\n  - {needs: [sleep]}\nnot_held: []\n", "heading 1: it needs a heading"),
        ("headings:\n  - {heading: A, needs: [sleep]}\n", "not_held: this is no list"),
    ],
)
def test_mistakes_in_the_headings_are_explained(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        load_headings(tmp_path)
