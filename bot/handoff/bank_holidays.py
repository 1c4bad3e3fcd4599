"""Bank holidays by nation: the yearly ones by rule, with their substitute days; one-off ones from `content/bank_holidays.yml`.

The rules are those of the Banking and Financial Dealings Act 1971 and the yearly proclamations as the GOV.UK lists show them. A
holiday with a fixed date that falls on a weekend is also kept on the next weekday that is not one itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from dateutil.easter import easter

from bot.library.helplines import NATIONS
from bot.library.yamlfile import DataError, Problem, read_yaml

FILE = "content/bank_holidays.yml"

FIXED: Mapping[str, tuple[tuple[int, int], ...]] = {
    "england": ((1, 1), (12, 25), (12, 26)),
    "wales": ((1, 1), (12, 25), (12, 26)),
    "scotland": ((1, 1), (1, 2), (11, 30), (12, 25), (12, 26)),
    "northern-ireland": ((1, 1), (3, 17), (7, 12), (12, 25), (12, 26)),
}
"""(month, day) of the holidays with a fixed date."""

MOVING: Mapping[str, tuple[Callable[[int], date], ...]] = {
    "england": (
        lambda year: good_friday(year),
        lambda year: easter_monday(year),
        lambda year: first_monday(year, 5),
        lambda year: last_monday(year, 5),
        lambda year: last_monday(year, 8),
    ),
    "scotland": (
        lambda year: good_friday(year),
        lambda year: first_monday(year, 5),
        lambda year: last_monday(year, 5),
        lambda year: first_monday(year, 8),
    ),
}
"""The others by year. Wales and Northern Ireland have England's."""


@dataclass(frozen=True, slots=True)
class BankHolidays:
    """One nation's. `added` are one-off days; `moved` maps a usual day to the one it was held on instead."""

    nation: str
    added: frozenset[date] = frozenset()
    moved: Mapping[date, date] = field(default_factory=dict)

    def __contains__(self, day: date) -> bool:
        """Whether `day` is a bank holiday, the day itself or its substitute."""
        return day in self.of_year(day.year)

    def of_year(self, year: int) -> frozenset[date]:
        """Every holiday of a year, weekend days and their substitutes both."""
        held = {self.moved.get(day, day) for day in yearly(self.nation, year)}
        return frozenset(held | {day for day in self.added if day.year == year})


@lru_cache(maxsize=64)
def yearly(nation: str, year: int) -> frozenset[date]:
    """The holidays of a year that the rules give."""
    fixed = [date(year, month, day) for month, day in FIXED[nation]]
    days = {*fixed, *(rule(year) for rule in MOVING.get(nation, MOVING["england"]))}
    substitutes: set[date] = set()
    for day in fixed:
        substitute = day
        while substitute.weekday() >= 5 or (substitute != day and substitute in days | substitutes):
            substitute += timedelta(days=1)
        substitutes.add(substitute)
    return frozenset(days | substitutes)


def good_friday(year: int) -> date:
    return easter(year) - timedelta(days=2)


def easter_monday(year: int) -> date:
    return easter(year) + timedelta(days=1)


def first_monday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=-first.weekday() % 7)


def last_monday(year: int, month: int) -> date:
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=last.weekday())


def load_bank_holidays(root: Path) -> dict[str, BankHolidays]:
    """By nation. The file may be missing: then the rules alone hold. Raises `DataError` with all that is wrong in it."""
    data = read_yaml(root / FILE, root) if (root / FILE).is_file() else {}
    problems: list[Problem] = []
    if not isinstance(data, dict):
        raise DataError([Problem(FILE, None, "", "it must have the lists added: and moved:.")])
    added: dict[str, set[date]] = {nation: set() for nation in NATIONS}
    moved: dict[str, dict[date, date]] = {nation: {} for nation in NATIONS}
    for number, entry in enumerate(data.get("added") or [], 1):
        for nation in _nations(entry, f"added {number}", ("on",), problems):
            added[nation].add(entry["on"])
    for number, entry in enumerate(data.get("moved") or [], 1):
        field_ = f"moved {number}"
        for nation in _nations(entry, field_, ("from", "to"), problems):
            if entry["from"] not in yearly(nation, entry["from"].year):
                message = f"{entry['from']} is no yearly bank holiday in {nation}."
                problems.append(Problem(FILE, None, field_, message, "Write its usual day in from:."))
            moved[nation][entry["from"]] = entry["to"]
    for key in sorted(set(data) - {"added", "moved"}):
        problems.append(Problem(FILE, None, str(key), "this is not known.", "Use added: and moved:."))
    if problems:
        raise DataError(problems)
    return {nation: BankHolidays(nation, frozenset(added[nation]), moved[nation]) for nation in NATIONS}


def _nations(entry: Any, place: str, days: tuple[str, ...], problems: list[Problem]) -> list[str]:
    """The nations of an entry; none, with the problems noted, if it is wrong."""
    before = len(problems)
    if not isinstance(entry, dict):
        problems.append(Problem(FILE, None, place, "this is no entry.", "Write {on: 2026-06-15, name: …, nations: […]}."))
        return []
    for key in days:
        if type(entry.get(key)) is not date:
            problems.append(Problem(FILE, None, f"{place}.{key}", f"“{entry.get(key)}” is no day.", "Write it as 2026-06-15."))
    if not entry.get("name"):
        problems.append(Problem(FILE, None, f"{place}.name", "it has no name.", "Say what the holiday is for."))
    nations = entry.get("nations")
    if not isinstance(nations, list) or not nations or not set(nations) <= set(NATIONS):
        mend = f"Write a list of {', '.join(NATIONS)}."
        problems.append(Problem(FILE, None, f"{place}.nations", f"“{nations}” does not fit.", mend))
    return [] if len(problems) > before else [str(nation) for nation in nations or ()]
