"""When somebody is there: opening hours by area, from `content/team.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.library.yamlfile import DataError, Problem, read_yaml

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LOOK_AHEAD = 15
"""Days searched for the next opening."""


@dataclass(frozen=True, slots=True)
class Team:
    """One area's team. `spells` are (opens, closes) local times for each weekday, Monday first."""

    area_id: str
    name: str
    nation: str | None
    zone: ZoneInfo
    spells: tuple[tuple[tuple[time, time], ...], ...]
    reply_minutes: Mapping[str, int]

    def open_until(self, moment: datetime) -> datetime | None:
        """When the present spell ends, or None if nobody is there at `moment`."""
        local = moment.astimezone(self.zone)
        for opens, closes in self.spells[local.weekday()]:
            if opens <= local.time() < closes:
                return local.replace(hour=closes.hour, minute=closes.minute, second=0, microsecond=0)
        return None

    def next_open(self, moment: datetime) -> datetime | None:
        """`moment` itself if somebody is there, else the next opening; None if there is none in sight."""
        if self.open_until(moment):
            return moment.astimezone(self.zone)
        local = moment.astimezone(self.zone)
        for ahead in range(LOOK_AHEAD):
            day = local + timedelta(days=ahead)
            for opens, _ in self.spells[day.weekday()]:
                start = day.replace(hour=opens.hour, minute=opens.minute, second=0, microsecond=0)
                if start > local:
                    return start
        return None

    def reply_due(self, moment: datetime, level: str) -> datetime | None:
        """When a first reply to a case of `level` opened at `moment` is aimed at: its minutes count only while somebody is there."""
        left = timedelta(minutes=self.reply_minutes.get(level, 480))
        start = self.next_open(moment)
        while start is not None:
            end = self.open_until(start)
            assert end is not None
            if left <= end - start:
                return start + left
            left -= end - start
            start = self.next_open(end)
        return None


def load_teams(root: Path) -> dict[str, Team]:
    """Teams by area id from `content/team.yml`. Raises `DataError` with what is wrong and where."""
    path = root / "content" / "team.yml"
    data = read_yaml(path, root)
    problems: list[Problem] = []
    teams: dict[str, Team] = {}
    for entry in data.get("areas", []):
        try:
            teams[entry["id"]] = Team(
                entry["id"],
                entry["name"],
                entry.get("nation"),
                ZoneInfo(entry.get("timezone", "Europe/London")),
                tuple(tuple(_spell(text) for text in entry["hours"].get(day) or ()) for day in DAYS),
                dict(entry.get("reply_minutes") or {}),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            problems.append(
                Problem(
                    "content/team.yml",
                    None,
                    str(entry.get("id", "?")),
                    f"this area cannot be read: {error}.",
                    'Hours look like "09:00-17:00".',
                )
            )
    if not teams and not problems:
        problems.append(Problem("content/team.yml", None, "areas", "no area is given."))
    if problems:
        raise DataError(problems)
    return teams


def _spell(text: str) -> tuple[time, time]:
    opens, closes = (time.fromisoformat(part.strip()) for part in text.split("-"))
    if opens >= closes:
        raise ValueError(f"{text} ends before it begins")
    return opens, closes
