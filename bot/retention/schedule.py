"""The periods of `content/retention.yml`: which kinds of data there are, how long each is kept, and what is wrong with the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dateutil.relativedelta import relativedelta

from bot.library.yamlfile import DataError, Problem, read_yaml

FILE = "content/retention.yml"
LATEST_HOUR = 5
"""A later night would meet the morning's parents."""

YEAR = 365
_PERIOD = re.compile(r"([1-9]\d{0,4}) (day|month|year)s?")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time by the calendar: `unit` is day, month or year."""

    number: int
    unit: str

    @classmethod
    def parse(cls, text: object) -> Period | None:
        """What "18 months" says; None for anything else."""
        match = _PERIOD.fullmatch(text) if isinstance(text, str) else None
        return cls(int(match[1]), match[2]) if match else None

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"

    @property
    def _length(self) -> relativedelta:
        return relativedelta(
            days=self.number if self.unit == "day" else 0,
            months=self.number if self.unit == "month" else 0,
            years=self.number if self.unit == "year" else 0,
        )

    def before(self, moment: datetime) -> datetime:
        """The moment this long ago."""
        return moment - self._length

    def after(self, moment: datetime) -> datetime:
        """The moment this far ahead."""
        return moment + self._length

    def is_longer_than(self, other: Period) -> bool:
        return self.after(_EPOCH) > other.after(_EPOCH)

    @property
    def about_days(self) -> int:
        return {"day": self.number, "month": self.number * YEAR // 12, "year": self.number * YEAR}[self.unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of data: the tables whose rows its period ends, and how short and long (in days) the period may be.

    `by_area` says that each area's own night deletes it, `own_period` that an area may have a period of its own.
    """

    name: str
    tables: tuple[str, ...]
    least: int
    most: int
    by_area: bool = False
    own_period: bool = False


KINDS = (
    # First what hangs on a case, then messages, then people: each leaves the next less to do.
    Kind(name="case-history", tables=("case_event",), least=180, most=100 * YEAR, by_area=True, own_period=True),
    Kind(
        name="cases",
        tables=("handoff_case", "case_hold", "rights_check", "case_event", "alarm", "inbox", "outbox", "provider_message"),
        least=180,
        most=100 * YEAR,
        by_area=True,
        own_period=True,
    ),
    # The blind sample may look back 90 days (content/sample.yml), the review list too.
    Kind(name="messages", tables=("inbox", "outbox", "provider_message"), least=90, most=10 * YEAR, by_area=True),
    Kind(
        name="profiles",
        tables=(
            *("person", "person_address", "child", "consent", "dialogue", "series_subscription", "series_step"),
            *("inbox", "outbox", "provider_message", "feedback", "button_token", "concern_review"),
        ),
        least=90,
        most=10 * YEAR,
        by_area=True,
    ),
    # Shorter, and who was forgotten last month could be written to this month.
    Kind(name="tombstones", tables=("tombstone",), least=180, most=10 * YEAR),
    Kind(name="alarms", tables=("alarm",), least=30, most=10 * YEAR),
    Kind(name="feedback", tables=("feedback",), least=30, most=10 * YEAR),
    Kind(name="ended-series", tables=("series_subscription", "series_step"), least=180, most=10 * YEAR),
    Kind(name="review-list", tables=("concern_review",), least=90, most=10 * YEAR),
    Kind(name="triage-marks", tables=("triage_mark",), least=180, most=20 * YEAR),
    Kind(name="samples", tables=("triage_sample",), least=90, most=10 * YEAR),
    Kind(name="questions", tables=("unanswered_question",), least=90, most=10 * YEAR),
    Kind(name="buttons", tables=("button_token",), least=30, most=5 * YEAR),
    # Providers repeat what they could not deliver for about a week.
    Kind(name="event-numbers", tables=("raw_event",), least=30, most=5 * YEAR),
    Kind(name="staff-audit", tables=("staff_audit",), least=YEAR, most=100 * YEAR),
    Kind(name="sign-ins", tables=("staff_login",), least=7, most=5 * YEAR),
    Kind(name="staff-links", tables=("staff_link",), least=1, most=5 * YEAR),
    Kind(name="staff-accounts", tables=("staff", "staff_factor", "staff_recovery_code"), least=YEAR, most=100 * YEAR),
    Kind(name="rota", tables=("rota_shift",), least=30, most=10 * YEAR),
    Kind(name="incidents", tables=("incident",), least=30, most=10 * YEAR),
    Kind(name="troubles", tables=("trouble", "trouble_alarm"), least=30, most=10 * YEAR),
    Kind(name="retention-runs", tables=("retention_run", "retention_night"), least=180, most=10 * YEAR),
)
BY_NAME = {kind.name: kind for kind in KINDS}

AT_ONCE = {
    "pace": "an hour after it was last needed, by the sweep",
    "sign_in_try": "a day after the last wrong try, by the sweep",
}
"""Tables that the sweep clears every few seconds, whatever the file says."""

NOBODYS = {
    "area": "the areas themselves",
    "campaign": "ways in, of nobody",
    "campaign_link": "the name of a link is a role or a place",
    "campaign_arrival": "numbers by month; no row leads to a person",
    "case_count": "numbers of deleted cases by month; no row leads to a person",
    "content_version": "approved words, the same for everybody",
    "message_template": "how templates stand with a provider",
    "poll_offset": "how far a channel has been read",
    "duty": "which process does what for all",
    "breaker": "how providers fail",
    "service_search": "numbers by month; no row leads to a person",
    "insight_day": "which days have been counted",
    "insight_count": "numbers by day; no row leads to a person",
    "text_version": "words for parents, the same for everybody; they stay as long as somebody may ask where words came from",
    "text_event": "who among the staff wrote and approved those words, for as long as the words",
    "text_revision": "when published words changed",
    "text_import": "a translator's file of words for parents, until whoever brought it takes or throws it away",
}
"""Tables without personal data, which nothing deletes, and why they hold none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long each kind is kept, by its name; `areas` has the periods that are an area's own. Nights begin at `hour`, local time."""

    hour: int
    periods: Mapping[str, Period]
    areas: Mapping[str, Mapping[str, Period]] = field(default_factory=dict)

    def period(self, kind: str, area_id: str | None = None) -> Period:
        """How long `kind` is kept in an area. Raises KeyError for an unknown kind."""
        return self.areas.get(area_id or "", {}).get(kind, self.periods[kind])


def load_schedule(root: Path) -> Schedule:
    """The schedule of a tree. Raises `DataError` with all that is wrong and where."""
    data = read_yaml(root / FILE, root)
    if not isinstance(data, dict):
        raise DataError([Problem(FILE, None, "", "this is no schedule.", "Begin with hour: and kinds:.")])
    problems = [
        Problem(FILE, None, key, "this is not known.", "Use hour:, kinds: and areas:.")
        for key in sorted(set(map(str, data)) - {"hour", "kinds", "areas"})
    ]
    hour = data.get("hour")
    if type(hour) is not int or not 0 <= hour <= LATEST_HOUR:
        problems.append(Problem(FILE, None, "hour", f"“{hour}” does not fit.", f"Write a whole hour, 0 to {LATEST_HOUR}."))
    periods = _periods(data.get("kinds"), "kinds", tuple(BY_NAME), problems)
    problems += [
        Problem(FILE, None, "kinds", f"{name} is missing.", "Write how long it is kept, such as 12 months.")
        for name in BY_NAME
        if not isinstance(data.get("kinds"), dict) or name not in data["kinds"]
    ]
    areas = _areas(data.get("areas"), problems)
    problems += _too_long_histories(periods, areas)
    if problems:
        raise DataError(problems)
    return Schedule(hour=data["hour"], periods=periods, areas=areas)


def _areas(data: Any, problems: list[Problem]) -> dict[str, dict[str, Period]]:
    """The periods that areas have of their own. Whether there is such an area is the database's to know."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        problems.append(Problem(FILE, None, "areas", "this is no list of areas.", "Write areas: {} for none."))
        return {}
    own = tuple(kind.name for kind in KINDS if kind.own_period)
    return {str(area): _periods(entry, f"areas.{area}", own, problems) for area, entry in data.items()}


def _periods(data: Any, where: str, known: tuple[str, ...], problems: list[Problem]) -> dict[str, Period]:
    """The periods of one part of the file, those that can be read; what is wrong goes into `problems`."""
    if not isinstance(data, dict):
        problems.append(Problem(FILE, None, where, "there are no periods.", "Write lines such as cases: 6 years."))
        return {}
    found: dict[str, Period] = {}
    for name, text in data.items():
        period, at = Period.parse(text), f"{where}.{name}"
        if name not in known:
            mend = f"Here there may be {', '.join(known)}." if name in BY_NAME else f"Use {', '.join(known)}."
            what = "this kind has one period for all areas." if name in BY_NAME else f"there is no kind “{name}”."
            problems.append(Problem(FILE, None, at, what, mend))
        elif period is None:
            problems.append(Problem(FILE, None, at, f"“{text}” is no period.", "Write a whole number and days, months or years."))
        else:
            problems += _out_of_bounds(BY_NAME[name], period, at)
            found[name] = period
    return found


def _out_of_bounds(kind: Kind, period: Period, at: str) -> list[Problem]:
    if period.about_days < kind.least:
        return [
            Problem(FILE, None, at, f"{period} is too short: what still needs it would break.", f"{kind.least} days at least.")
        ]
    if period.about_days > kind.most:
        return [Problem(FILE, None, at, f"{period} is taken for a slip of the pen.", f"{kind.most // YEAR} years at most.")]
    return []


def _too_long_histories(periods: Mapping[str, Period], areas: Mapping[str, Mapping[str, Period]]) -> list[Problem]:
    """A history goes with its case at the latest: a longer period would promise what is not so."""
    problems = []
    for where, own in {"kinds": periods, **{f"areas.{area}": own for area, own in areas.items()}}.items():
        history, case = (own.get(name, periods.get(name)) for name in ("case-history", "cases"))
        if history is not None and case is not None and history.is_longer_than(case):
            named = "case-history" if "case-history" in own else "cases"
            mend = f"Write {case} for case-history, or less."
            problems.append(Problem(FILE, None, f"{where}.{named}", "the history would outlive its case.", mend))
    return problems
