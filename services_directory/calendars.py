"""Bank holidays by nation, and school terms by area (``data/term_dates.yml``), with that file's checker.

Bank holidays are worked out by the `holidays` library, offline. Term dates are each council's own: where nobody has
written them down, or not so far ahead, the answer is "not known" and never a guess.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import holidays
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from services_directory.text import words

TERM_DATES_FILE = Path(__file__).parent / "data" / "term_dates.yml"
SUBDIVISIONS = MappingProxyType({"england": "ENG", "northern-ireland": "NIR", "scotland": "SCT", "wales": "WLS"})
LONGEST_TERM_DAYS = 150


@cache
def _bank_holidays(nation: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv=SUBDIVISIONS[nation], years=year))


def is_bank_holiday(day: date, nations: Iterable[str]) -> bool:
    """Tell whether ``day`` is a bank holiday in every one of ``nations``; with none known, it is not.

    A line for the whole United Kingdom closes on Christmas Day, and stays open on Scotland's second of January.
    """
    known = [nation for nation in nations if nation in SUBDIVISIONS]
    return bool(known) and all(day in _bank_holidays(nation, day.year) for nation in known)


@dataclass(frozen=True)
class Terms:
    """An area's school terms, first to last, each ``(first day, last day)``; half-term holidays end one and begin another."""

    name: str
    spells: tuple[tuple[date, date], ...]

    def holds(self, day: date) -> bool | None:
        """Tell whether ``day`` is in term; ``None`` before the first term that is written down and after the last."""
        if not self.spells or not self.spells[0][0] <= day <= self.spells[-1][1]:
            return None
        return any(begin <= day <= end for begin, end in self.spells)


@dataclass(frozen=True)
class TermProblem:
    """One thing wrong in the file of term dates. ``line`` counts from 1."""

    file: str
    line: int
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        """Return the problem in one line."""
        return f"{self.file}, line {self.line}: {self.field + ': ' if self.field else ''}{self.what} {self.mend}"


@lru_cache(maxsize=100_000)
@lru_cache(maxsize=10_000)
def area_key(name: str) -> str:
    """Return what two ways to write one area have in common."""
    return " ".join(words(name))


def read_term_dates(path: Path) -> Mapping[str, Terms]:
    """Read a file of term dates by the key of each of an area's names. Raises ``ValueError`` with its first problem."""
    found = term_problems(path)
    if found:
        raise ValueError(str(found[0]))
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    terms: dict[str, Terms] = {}
    for name, row in data["areas"].items():
        spells = tuple((item["from"], item["to"]) for item in row["terms"])
        for each in (name, *row.get("also", ())):
            terms[area_key(str(each))] = Terms(str(name), spells)
    return MappingProxyType(terms)


@cache
def term_dates() -> Mapping[str, Terms]:
    """Return the term dates that ship with the directory."""
    return read_term_dates(TERM_DATES_FILE)


def in_term(day: date, areas: Iterable[str]) -> bool | None:
    """Tell whether ``day`` is in term in the first of ``areas`` (keys) that has term dates; ``None``: nobody knows."""
    known = term_dates()
    for area in areas:
        if area in known:
            return known[area].holds(day)
    return None


def term_problems(path: Path) -> list[TermProblem]:
    """Return all that is wrong with a file of term dates, by line, each with how to mend it."""
    name = path.name
    try:
        data = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [TermProblem(name, line, "", f"The file cannot be read as YAML ({error.problem}).", "Look at the indents here.")]
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        return [TermProblem(name, 1, "", f"The file cannot be read ({error}).", "Save it as plain text in UTF-8.")]
    if not isinstance(data, dict) or not isinstance(data.get("areas"), dict):
        return [TermProblem(name, 1, "areas", "The file names no areas.", "Begin it with areas: and a name below it.")]
    found: list[TermProblem] = []
    owners: dict[str, str] = {}
    for area, row in data["areas"].items():
        line = data["areas"].lc.key(area)[0] + 1
        _check_area(name, str(area), row, line, owners, found)
    return sorted(found, key=lambda problem: problem.line)


def _check_area(file: str, area: str, row: Any, line: int, owners: dict[str, str], found: list[TermProblem]) -> None:
    def wrong(where: int, field: str, what: str, mend: str) -> None:
        found.append(TermProblem(file, where, f"{area}{field}", what, mend))

    if not isinstance(row, dict) or not isinstance(row.get("terms"), list) or not row["terms"]:
        wrong(line, ".terms", "There are no terms.", "Write terms: and below it - {from: 2026-09-02, to: 2026-10-23}.")
        return
    also = row.get("also", [])
    if not isinstance(also, list):
        wrong(line, ".also", "Other names must be a list.", "Write also: [one, two].")
        also = []
    for each in (area, *also):
        if owners.setdefault(area_key(str(each)), area) != area:
            wrong(line, "", f"“{each}” has terms already.", "Keep it in one place.")
    last: date | None = None
    for number, item in enumerate(row["terms"], start=1):
        where, field = row["terms"].lc.item(number - 1)[0] + 1, f".terms {number}"
        begin, end = (item.get("from"), item.get("to")) if isinstance(item, dict) else (None, None)
        if not isinstance(begin, date) or not isinstance(end, date) or isinstance(begin, datetime) or isinstance(end, datetime):
            wrong(where, field, "This is no pair of dates.", "Write - {from: 2026-09-02, to: 2026-10-23}, without quotes.")
            continue
        if end < begin:
            wrong(where, field, "It ends before it begins.", "Put from and to right.")
        elif (end - begin).days > LONGEST_TERM_DAYS:
            wrong(where, field, f"It lasts more than {LONGEST_TERM_DAYS} days.", "Give each term, split at half-term, a line.")
        if last is not None and begin <= last:
            wrong(where, field, "It begins before the one above has ended.", "Write the terms in order.")
        last = end
