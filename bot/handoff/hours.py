"""The teams and when they are there, by area, from `content/team.yml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from bot.handoff.bank_holidays import BankHolidays, load_bank_holidays
from bot.handoff.openings import Closure, Openings, Spell
from bot.library.helplines import NATIONS
from bot.library.yamlfile import DataError, Problem, read_yaml

FILE = "content/team.yml"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LEVELS = ("emergency", "urgent", "concern")
LONGEST_CLOSURE = timedelta(days=92)
"""A longer closure is taken for a slip of the pen in a year."""

LONGEST_ALARM_MINUTES = 24 * 60

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_SPELL = re.compile(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)(\s+next day)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguarding:
    """Whom a practitioner rings who fears for a child: shown to staff only."""

    name: str
    phone: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPlan:
    """How an area's alarms go: `email` gets each besides those on duty, `supervisor` those that nobody took up in `climb`.

    They go every `repeat` until somebody acknowledges; outside the opening hours, while nobody is on duty, only for the levels
    `outside_hours`.
    """

    email: tuple[str, ...] = ()
    supervisor: tuple[str, ...] = ()
    repeat: timedelta = timedelta(minutes=10)
    climb: timedelta = timedelta(minutes=30)
    outside_hours: tuple[str, ...] = ("emergency",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team(Openings):
    """One area's team."""

    area_id: str
    name: str
    nation: str | None
    safeguarding: Safeguarding | None = None
    alarms: AlarmPlan = field(default_factory=AlarmPlan)


class Teams(Mapping[str, Team]):
    """Teams by area id, and the one that answers for every area that has none."""

    def __init__(self, teams: Mapping[str, Team], default: str) -> None:
        self._teams, self.default = dict(teams), teams[default]

    def of(self, area_id: str | None) -> Team:
        """The team of an area; the default one for no area or one that is not in the file."""
        return self._teams.get(area_id or "", self.default)

    def is_open(self, area_id: str | None, moment: datetime) -> bool:
        """Whether an area's team is there."""
        return self.of(area_id).open_until(moment) is not None

    def __getitem__(self, area_id: str) -> Team:
        return self._teams[area_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._teams)

    def __len__(self) -> int:
        return len(self._teams)


def load_teams(root: Path) -> Teams:
    """Teams by area id from `content/team.yml`. Raises `DataError` with all that is wrong and where."""
    data = read_yaml(root / FILE, root)
    holidays = load_bank_holidays(root)
    entries = data.get("areas") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise DataError([Problem(FILE, None, "areas", "no area is given.", "Write areas: and one entry each.")])
    problems: list[Problem] = []
    teams: dict[str, Team] = {}
    for number, entry in enumerate(entries, 1):
        area = AreaEntry(entry, number, problems)
        before = len(problems)
        team = area.team(holidays)
        if len(problems) == before and team.area_id in teams:
            problems.append(Problem(FILE, None, team.area_id, "this area stands twice.", "Keep one."))
        teams[team.area_id] = team
    default = data.get("default_team")
    if default not in teams:
        what = f"“{default}” is none of the areas." if default else "it is not said which team answers for everybody else."
        problems.append(Problem(FILE, None, "default_team", what, f"Write default_team: {next(iter(teams))}, above areas:."))
    for key in sorted(set(map(str, data)) - {"default_team", "areas"}):
        problems.append(Problem(FILE, None, key, "this is not known.", "Use default_team: and areas:."))
    if problems:
        raise DataError(problems)
    return Teams(teams, default)


class AreaEntry:
    """One entry of the file. Reading it notes every mistake in `problems`; what could not be read has a harmless value."""

    KEYS = ("id", "name", "nation", "timezone", "hours", "closures", "bank_holidays", "reply_minutes", "safeguarding", "alarms")

    def __init__(self, entry: Any, number: int, problems: list[Problem]) -> None:
        self._entry: dict[str, Any] = entry if isinstance(entry, dict) else {}
        self._problems = problems
        self.id = str(self._entry.get("id") or f"area {number}")

    def team(self, holidays: Mapping[str, BankHolidays]) -> Team:
        for key in ("id", "name"):
            if not isinstance(self._entry.get(key), str) or not self._entry[key].strip():
                self._wrong("", f"it has no {key}.", f"Write {key}: and a word or two in it.")
        for key in sorted(set(map(str, self._entry)) - set(self.KEYS)):
            self._wrong(key, "this is not known.", f"Use {', '.join(self.KEYS)}.")
        nation = self._nation("nation")
        named = "bank_holidays" in self._entry
        keeps = None if self._entry.get("bank_holidays") == "none" else self._nation("bank_holidays") if named else nation
        return Team(
            area_id=self.id,
            name=str(self._entry.get("name", "")),
            nation=nation,
            zone=self._zone(),
            spells=self._hours(),
            closures=tuple(self._closures()),
            bank_holidays=holidays[keeps] if keeps else None,
            reply_minutes=self._minutes(),
            safeguarding=self._safeguarding(),
            alarms=self._alarms(),
        )

    def _wrong(self, field: str, message: str, mend: str = "") -> None:
        self._problems.append(Problem(FILE, None, f"{self.id}.{field}" if field else self.id, message, mend))

    def _nation(self, key: str) -> str | None:
        nation = self._entry.get(key)
        if nation is not None and nation not in NATIONS:
            also = "none" if key == "bank_holidays" else "null"
            self._wrong(key, f"“{nation}” is no nation.", f"Use {also}, {', '.join(NATIONS)}.")
            return None
        return nation

    def _zone(self) -> ZoneInfo:
        name = self._entry.get("timezone", "Europe/London")
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, TypeError, OSError):
            self._wrong("timezone", f"“{name}” is no time zone.", "Write Europe/London.")
            return ZoneInfo("Europe/London")

    def _hours(self) -> tuple[tuple[Spell, ...], ...]:
        hours = self._entry.get("hours")
        if not isinstance(hours, dict):
            self._wrong("hours", "there are no opening hours.", 'Write hours: {monday: ["09:00-17:00"], …}.')
            return ((),) * 7
        for day in sorted(set(map(str, hours)) - set(DAYS)):
            self._wrong(f"hours.{day}", "this is no weekday.", f"Use {', '.join(DAYS)}.")
        days = tuple(tuple(sorted(self._spells(day, hours.get(day)), key=lambda spell: spell.opens)) for day in DAYS)
        for number, name in enumerate(DAYS):
            self._no_overlap(name, days[number], days[number - 1])
        return days

    def _spells(self, day: str, spells: Any) -> Iterator[Spell]:
        if not isinstance(spells, list | None):
            self._wrong(f"hours.{day}", f"“{spells}” is no list.", 'Write ["09:00-12:30", "13:30-17:00"], or [] for nobody.')
            return
        for text in spells or ():
            match = _SPELL.fullmatch(str(text).strip())
            clocks = _clocks(match) if match else None
            if match is None or clocks is None:
                self._wrong(f"hours.{day}", f"“{text}” cannot be read.", 'Hours look like "09:00-17:00".')
                continue
            opens, closes, midnight = clocks
            if match[3] and closes > opens:
                self._wrong(f"hours.{day}", f"“{text}” is longer than a day.", "Leave out “next day”.")
            elif not match[3] and not midnight and closes <= opens:
                mend = 'Hours look like "09:00-17:00". If people are there past midnight, write "22:00-06:00 next day".'
                self._wrong(f"hours.{day}", f"“{text}” ends before it begins.", mend)
            else:
                yield Spell(opens, closes, bool(match[3]) or midnight)

    def _no_overlap(self, day: str, spells: tuple[Spell, ...], before: tuple[Spell, ...]) -> None:
        spans = sorted((spell.opens, time.max if spell.next_day else spell.closes) for spell in spells)
        spans = [(time.min, spell.closes) for spell in before if spell.next_day and spell.closes > time.min] + spans
        for (_, earlier), (later, _) in pairwise(spans):
            if later < earlier:
                self._wrong(f"hours.{day}", f"two spells overlap at {later:%H:%M}.", "Let one end before the next begins.")

    def _closures(self) -> Iterator[Closure]:
        closures = self._entry.get("closures") or []
        if not isinstance(closures, list):
            self._wrong("closures", "this is no list.", 'Write - {name: "Christmas", from: 2026-12-24, to: 2027-01-03}.')
            return
        for number, closure in enumerate(closures, 1):
            found = self._closure(f"closures {number}", closure if isinstance(closure, dict) else {})
            if found is not None:
                yield found

    def _closure(self, field: str, closure: Mapping[str, Any]) -> Closure | None:
        days = {key: closure[key] for key in ("on", "from", "to") if key in closure}
        if set(days) not in ({"on"}, {"from", "to"}) or set(closure) - {"name", *days}:
            mend = 'Write {name: "Training", on: 2026-11-27} or {name: "Christmas", from: 2026-12-24, to: 2027-01-03}.'
            self._wrong(field, "it needs a name and either on: or both from: and to:.", mend)
            return None
        for key, day in days.items():
            if type(day) is not date:
                self._wrong(f"{field}.{key}", f"“{day}” is no day.", "Write it as 2026-12-24, without quotes.")
                return None
        if not isinstance(closure.get("name"), str) or not closure["name"].strip():
            self._wrong(field, "it has no name.", "Staff should see why nobody is there.")
            return None
        first, last = days.get("on") or days["from"], days.get("on") or days["to"]
        if last < first or last - first > LONGEST_CLOSURE:
            wrong = "it ends before it begins." if last < first else "it is longer than three months."
            self._wrong(field, wrong, f"Is the year right? It says {first} to {last}.")
            return None
        return Closure(closure["name"].strip(), first, last)

    def _minutes(self) -> dict[str, int]:
        minutes = self._entry.get("reply_minutes") or {}
        if not isinstance(minutes, dict):
            self._wrong("reply_minutes", "this is no list of levels.", "Write {emergency: 10, urgent: 60, concern: 480}.")
            return {}
        for level, number in minutes.items():
            if level not in LEVELS or type(number) is not int or number <= 0:
                self._wrong("reply_minutes", f"“{level}: {number}” does not fit.", "Write a level and minutes.")
        return dict(minutes)

    def _safeguarding(self) -> Safeguarding | None:
        contact = self._entry.get("safeguarding")
        if contact is None:
            return None
        keys = ("name", "phone", "hours")
        words = [contact.get(key) if isinstance(contact, dict) else None for key in keys]
        if not all(isinstance(word, str) and word.strip() for word in words) or set(contact) - set(keys):
            self._wrong("safeguarding", "it needs a name, a phone and hours.", 'Write {name: "…", phone: "0113 …", hours: "…"}.')
            return None
        if not is_phone(contact["phone"]):
            self._wrong("safeguarding.phone", f"“{contact['phone']}” cannot be a number in the UK.", "Write it as it is dialled.")
            return None
        return Safeguarding(name=contact["name"], phone=contact["phone"], hours=contact["hours"])

    def _alarms(self) -> AlarmPlan:
        plan = self._entry.get("alarms") or {}
        known = ("email", "supervisor", "repeat_minutes", "supervisor_after_minutes", "outside_hours")
        if not isinstance(plan, dict):
            self._wrong("alarms", "this is no list of settings.", f"Use {', '.join(known)}.")
            return AlarmPlan()
        for key in sorted(set(map(str, plan)) - set(known)):
            self._wrong(f"alarms.{key}", "this is not known.", f"Use {', '.join(known)}.")
        levels = plan.get("outside_hours", list(AlarmPlan().outside_hours))
        if not isinstance(levels, list) or not set(map(str, levels)) <= set(LEVELS):
            self._wrong("alarms.outside_hours", f"“{levels}” does not fit.", f"Write a list of {', '.join(LEVELS)}, or [].")
            levels = []
        return AlarmPlan(
            email=self._addresses(plan, "email"),
            supervisor=self._addresses(plan, "supervisor"),
            repeat=self._span(plan, "repeat_minutes", AlarmPlan().repeat),
            climb=self._span(plan, "supervisor_after_minutes", AlarmPlan().climb),
            outside_hours=tuple(map(str, levels)),
        )

    def _addresses(self, plan: Mapping[str, Any], key: str) -> tuple[str, ...]:
        given = plan.get(key) or []
        wrong = [address for address in given if not is_email(address)] if isinstance(given, list) else [given]
        for address in wrong:
            self._wrong(f"alarms.{key}", f"“{address}” is no e-mail address.", 'Write a list: ["duty@council.example"].')
        return () if wrong else tuple(given)

    def _span(self, plan: Mapping[str, Any], key: str, otherwise: timedelta) -> timedelta:
        minutes = plan.get(key, otherwise // timedelta(minutes=1))
        if type(minutes) is not int or not 1 <= minutes <= LONGEST_ALARM_MINUTES:
            self._wrong(f"alarms.{key}", f"“{minutes}” does not fit.", f"Write minutes, 1 to {LONGEST_ALARM_MINUTES}.")
            return otherwise
        return timedelta(minutes=minutes)


def is_email(address: object) -> bool:
    """Whether something looks like an e-mail address that any mail server takes."""
    return isinstance(address, str) and len(address) <= 254 and _EMAIL.fullmatch(address) is not None


def is_phone(number: str) -> bool:
    """Whether a UK phone could dial it."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, "GB"))
    except phonenumbers.NumberParseException:
        return False


def _clocks(match: re.Match[str]) -> tuple[time, time, bool] | None:
    """(opens, closes, whether it closes at 24:00), None if one is no time of day."""
    midnight = match[2] == "24:00" and not match[3]
    try:
        return time.fromisoformat(match[1]), time.min if midnight else time.fromisoformat(match[2]), midnight
    except ValueError:
        return None
