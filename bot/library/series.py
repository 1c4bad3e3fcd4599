"""Series: messages that come by a child's age or around an occasion to those who asked for them, one file each in `content/series/`.

Data alone: when a step comes is in `bot.series.plan`.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from bot.library.yamlfile import DataError, Problem, load_all, read_yaml

FOLDER = "content/series"
SETTINGS = "settings.yml"
COUNTS_FROM = ("age", "corrected", "date")
"""What a step's place counts from: the child's month of birth, the month it was due in for a child born early, or a month that the
parent names."""

ANCHOR_DAY = 15
"""Only months are known of a child: age counts from the middle, so that nobody is more than half a month out."""

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_ID, LONGEST_STEP = 24, 40
FIELDS = ("id", "name", "counts_from", "ages", "audience", "tags", "ends", "next", "status", "reviewed", "steps")
STEP_FIELDS = ("id", "at", "message", "instead", "nations", "ages", "essential", "for_days", "repeat")
SETTINGS_FIELDS = ("quiet", "hours", "for_days", "hold_days", "ask_again_days", "late_hours")


@dataclass(frozen=True, slots=True, order=True)
class Offset:
    """A place in a series: whole months and days from where it counts, negative before it."""

    months: int = 0
    days: int = 0

    def on(self, start: date) -> date:
        """The day that this is, counted from `start`; the last of a month that is too short."""
        index = start.year * 12 + start.month - 1 + self.months
        year, month = index // 12, index % 12 + 1
        return date(year, month, min(start.day, calendar.monthrange(year, month)[1])) + timedelta(days=self.days)

    @property
    def about(self) -> int:
        """In days, near enough to put places in order."""
        return self.months * 30 + self.days + self.months // 2

    @property
    def age(self) -> int:
        """The age in whole months of a child whose age it counts."""
        return self.months + self.days // 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of a series. `instead` is another message for an audience; `ages` limits the child's months, [from, to)."""

    id: str
    at: Offset
    message: str
    instead: Mapping[str, str] = field(default_factory=dict)
    nations: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None
    essential: bool = False
    for_days: int
    repeat: bool = False

    @property
    def version(self) -> str:
        """16 hex digits of a hash of all that the step says."""
        whole = json.dumps({**asdict(self), "instead": dict(self.instead)}, sort_keys=True, default=str)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    def message_for(self, audience: str | None) -> str:
        return self.instead.get(audience or "", self.message)

    def messages(self) -> tuple[str, ...]:
        """Every message that it may be."""
        return (self.message, *self.instead.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series. `ages` are the months of the children whose parents may join, [from, to); `ends` is when its last words come."""

    id: str
    name: str
    counts_from: str
    ages: tuple[int, int]
    audience: tuple[str, ...]
    tags: tuple[str, ...]
    ends: Offset
    next: tuple[str, ...]
    status: str
    steps: tuple[Step, ...]

    @property
    def by_age(self) -> bool:
        """Whether it goes by how old the child is."""
        return self.counts_from != "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSettings:
    """What all series keep to. Nothing is sent from `quiet_from` to `quiet_to`; `hours` are those that a parent may choose.

    `hold_days` is how long nothing comes after an urgent message or an emergency, `ask_again_days` when somebody who said that the
    baby is not here yet is asked again, `late_hours` how long after its hour a step may still go out.
    """

    quiet_from: time = time(20)
    quiet_to: time = time(8)
    hours: tuple[int, ...] = (9, 12, 16, 18)
    for_days: int = 10
    hold_days: int = 7
    ask_again_days: int = 14
    late_hours: int = 3

    def quiet(self, moment: time) -> bool:
        """Whether nothing may be sent at this local time."""
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= moment < self.quiet_to
        return moment >= self.quiet_from or moment < self.quiet_to


@dataclass(frozen=True, slots=True)
class AllSeries:
    """All series by id, in the order of their files, and what they keep to."""

    by_id: Mapping[str, Series] = field(default_factory=dict)
    settings: SeriesSettings = field(default_factory=SeriesSettings)

    @classmethod
    def load(cls, root: Path) -> AllSeries:
        """Read `content/series/*.yml` below `root`; no folder, no series. Raises `DataError` naming every mistake that keeps a file
        from being used (`bot content check` finds more)."""
        folder = root / FOLDER
        if not folder.is_dir():
            return cls()
        shared, problems = load_all([folder / SETTINGS], lambda path: load_settings(path, root))
        settings = shared[0] if shared else SeriesSettings()
        files = (path for path in sorted(folder.glob("*.yml")) if path.name != SETTINGS)
        found, more = load_all(files, lambda path: load_series(path, root, settings))
        if problems or more:
            raise DataError(problems + more)
        return cls({series.id: series for series in found}, settings)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.by_id.values())


def load_settings(path: Path, root: Path) -> SeriesSettings:
    """The settings of all series. Raises `DataError`."""
    name, data = path.relative_to(root).as_posix(), read_yaml(path, root)
    problems = list(_fields(name, data, SETTINGS_FIELDS, SETTINGS_FIELDS))
    if not problems:
        problems += [Problem(name, None, key, message, mend) for key, message, mend in _wrong_settings(data)]
    if problems:
        raise DataError(problems)
    return SeriesSettings(
        quiet_from=time.fromisoformat(data["quiet"]["from"]),
        quiet_to=time.fromisoformat(data["quiet"]["to"]),
        hours=tuple(data["hours"]),
        **{key: data[key] for key in SETTINGS_FIELDS[2:]},
    )


def _wrong_settings(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    quiet = data["quiet"]
    if not isinstance(quiet, dict) or set(quiet) != {"from", "to"} or not all(_is_clock(text) for text in quiet.values()):
        yield "quiet", "it must say from when to when nothing is sent.", 'Write {from: "20:00", to: "08:00"}.'
    hours = data["hours"]
    if not isinstance(hours, list) or not hours or not all(type(hour) is int and 0 <= hour < 24 for hour in hours):
        yield "hours", "it must list hours of the day.", "Write [9, 12, 16, 18]."
    for key in SETTINGS_FIELDS[2:]:
        if type(data[key]) is not int or not 1 <= data[key] <= 60:
            yield key, f"“{data[key]}” does not fit.", "Write a whole number, 1 to 60."


def _is_clock(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text) is not None


def load_series(path: Path, root: Path, settings: SeriesSettings) -> Series:
    """One file. Raises `DataError` with what is missing or of the wrong kind."""
    name, data = path.relative_to(root).as_posix(), read_yaml(path, root)
    problems = list(_fields(name, data, FIELDS, FIELDS))
    if not problems:
        problems += [Problem(name, None, where, message, mend) for where, message, mend in _wrong_kinds(data, path.stem)]
    if problems:
        raise DataError(problems)
    return Series(
        id=data["id"],
        name=data["name"],
        counts_from=data["counts_from"],
        ages=(data["ages"]["from"], data["ages"]["to"]),
        audience=tuple(data["audience"]),
        tags=tuple(data["tags"]),
        ends=Offset(**data["ends"]),
        next=tuple(data["next"]),
        status=data["status"],
        steps=tuple(_step(step, settings) for step in data["steps"]),
    )


def _step(data: Mapping[str, Any], settings: SeriesSettings) -> Step:
    ages = data.get("ages")
    return Step(
        id=data["id"],
        at=Offset(**data["at"]),
        message=data["message"],
        instead=dict(data.get("instead") or {}),
        nations=tuple(data.get("nations") or ()),
        ages=(ages["from"], ages["to"]) if ages else None,
        essential=bool(data.get("essential", False)),
        for_days=data.get("for_days", settings.for_days),
        repeat=bool(data.get("repeat", False)),
    )


def _fields(name: str, data: Any, known: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(data, dict):
        yield Problem(name, 1, "", "the file must be lines of `name: value`.")
        return
    for key in needed:
        if key not in data:
            yield Problem(name, None, key, "this field is missing.")
    for key in data:
        if key not in known:
            yield Problem(name, None, str(key), "there is no field of this name.", f"Use {', '.join(known)}.")


Wrong = Iterator[tuple[str, str, str]]
"""(field, what is wrong, how to mend it)"""


def _wrong_kinds(data: Mapping[str, Any], stem: str) -> Wrong:
    if not isinstance(data["id"], str) or not ID.fullmatch(data["id"]) or len(data["id"]) > LONGEST_ID:
        yield "id", f"“{data['id']}” is no id.", f"Use small letters, digits and hyphens, at most {LONGEST_ID}."
    elif data["id"] != stem:
        yield "id", f"it says “{data['id']}” but the file is {stem}.yml.", "Make them the same."
    for key in ("name", "status"):
        if not isinstance(data[key], str) or not data[key].strip():
            yield key, "it must be words.", ""
    if data["counts_from"] not in COUNTS_FROM:
        yield "counts_from", f"“{data['counts_from']}” is not known.", f"Write {', '.join(COUNTS_FROM)}."
    for key in ("audience", "tags", "next"):
        if not _is_names(data[key]):
            yield key, "it must be a list.", "Write [one, two], or []."
    yield from _wrong_ages("ages", data["ages"])
    yield from _wrong_offset("ends", data["ends"])
    steps = data["steps"]
    if not isinstance(steps, list) or not steps:
        yield "steps", "there are no steps.", "Write at least one."
        return
    for number, step in enumerate(steps, start=1):
        yield from _wrong_step(number, step)


def _wrong_step(number: int, step: Any) -> Wrong:
    if not isinstance(step, dict) or not isinstance(step.get("id"), str):
        yield "steps", f"step {number} has no id.", "Begin it with “- id: a-name”."
        return
    where = f"steps.{step['id']}"
    if not ID.fullmatch(step["id"]) or len(step["id"]) > LONGEST_STEP:
        yield where, f"“{step['id']}” is no id.", f"Use small letters, digits and hyphens, at most {LONGEST_STEP}."
    for key in step:
        if key not in STEP_FIELDS:
            yield f"{where}.{key}", "there is no field of this name.", f"Use {', '.join(STEP_FIELDS)}."
    yield from _wrong_offset(f"{where}.at", step.get("at"))
    if not isinstance(step.get("message"), str):
        yield f"{where}.message", "no message is named.", "Write its id as content/messages has it."
    instead = step.get("instead") or {}
    if not isinstance(instead, dict) or not all(isinstance(one, str) for pair in instead.items() for one in pair):
        yield f"{where}.instead", "it must be audience: message.", "Write {dad-or-partner: play/build-and-bash}."
    if not _is_names(step.get("nations") or []):
        yield f"{where}.nations", "it must be a list.", "Write [england, wales]."
    if step.get("ages") is not None:
        yield from _wrong_ages(f"{where}.ages", step["ages"])
    for key in ("essential", "repeat"):
        if not isinstance(step.get(key, False), bool):
            yield f"{where}.{key}", f"“{step[key]}” does not fit.", "Write true or false."
    days = step.get("for_days", 1)
    if type(days) is not int or not 1 <= days <= 120:
        yield f"{where}.for_days", f"“{days}” does not fit.", "Write a whole number of days, 1 to 120."


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _wrong_ages(where: str, ages: Any) -> Wrong:
    if not isinstance(ages, dict) or set(ages) != {"from", "to"} or not all(type(one) is int for one in ages.values()):
        yield where, "it must say {from: months, to: months}.", ""
    elif ages["from"] >= ages["to"]:
        yield where, f"the range {ages['from']}..{ages['to']} is upside down.", "`from` must be less than `to`."


def _wrong_offset(where: str, value: Any) -> Wrong:
    known = isinstance(value, dict) and value and set(value) <= {"months", "days"}
    if not known or not all(type(one) is int for one in value.values()):
        yield where, "it must say how many months and days.", "Write {months: 3, days: 7} or {days: -30}."
    elif abs(value.get("months", 0)) > 72 or abs(value.get("days", 0)) > 400:
        yield where, "that is too far away.", "Months go to 72, days to 400."
