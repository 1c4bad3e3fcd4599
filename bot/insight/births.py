"""How many children are born in an area in a year, from a file that the owner supplies: areas, years and births, nothing of anybody."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bot.library.yamlfile import DataError, Problem

COLUMNS = ("area", "year", "births")
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Births:
    """Births of an area in a year."""

    year: int
    number: int


def read_births(path: Path, areas: Collection[str]) -> dict[str, Births]:
    """The latest year of each area. Raises `DataError` with all that is wrong and where."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            [Problem(path.name, None, "", f"the file cannot be read ({type(error).__name__}).", "Save it as CSV UTF-8.")]
        ) from error
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise DataError([Problem(path.name, 1, "", "the first line must name the columns.", f"Write {','.join(COLUMNS)}.")])
    problems: list[Problem] = []
    found: dict[str, Births] = {}
    seen: set[tuple[str, int]] = set()
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        read = _row(path.name, line, [cell.strip() for cell in row], areas, problems)
        if read is None:
            continue
        area, births = read
        if (area, births.year) in seen:
            problems.append(Problem(path.name, line, "year", f"{area} has {births.year} twice.", "Keep one."))
        seen.add((area, births.year))
        if area not in found or births.year > found[area].year:
            found[area] = births
    if problems:
        raise DataError(problems)
    return found


def _row(file: str, line: int, row: list[str], areas: Collection[str], problems: list[Problem]) -> tuple[str, Births] | None:
    if len(row) != len(COLUMNS):
        problems.append(Problem(file, line, "", f"there are {len(row)} cells.", f"Write {', '.join(COLUMNS)}."))
        return None
    area, year, births = row
    before = len(problems)
    if area not in areas:
        known = ", ".join(sorted(areas))
        problems.append(Problem(file, line, "area", f"“{area}” is no area of this installation.", f"Use {known}."))
    if not (year.isdecimal() and year.isascii() and 1990 <= int(year) <= 2100):
        problems.append(Problem(file, line, "year", f"“{year}” is no year.", "Write it as 2025."))
    if not (births.isdecimal() and births.isascii() and 0 < int(births) <= MOST):
        problems.append(Problem(file, line, "births", f"“{births}” is no number of births.", "Write digits alone, as 3412."))
    return (area, Births(int(year), int(births))) if len(problems) == before else None
