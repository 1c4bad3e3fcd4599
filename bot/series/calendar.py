"""The calendar of a series: what would come when to a made-up family, for whoever writes it and for staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from bot.library import Library
from bot.library.series import Series
from bot.series.plan import Choices, Course, Planned, Whom, months_between, start_of
from bot.series.store import DEFAULT_ZONE
from bot.storage.tables import Person, SeriesStep

ZONE = ZoneInfo(DEFAULT_ZONE)
MONDAYS = frozenset({0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The family: `month` of birth, due month or the month named; `early` months; who reads, where, and how often."""

    month: str
    pace: str = "weekly"
    nation: str | None = None
    audience: str | None = None
    early: int = 0
    child: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message: its local day, its place counted from where the series counts, and what it is."""

    day: date
    months: int
    planned: Planned

    @property
    def ref(self) -> str:
        """The reference of the words; empty for last words and questions, which a caller words by kind."""
        return f"message:{self.planned.due.message}" if self.planned.due.message else ""


def calendar_of(library: Library, series: Series, asked: Asked) -> Iterator[Line]:
    """All that comes on Mondays, from the first step to the last words. A pregnancy is shown as if the baby came in its month."""
    whom = Whom(
        month=asked.month,
        early=asked.early,
        nation=asked.nation,
        audience=asked.audience or next(iter(series.audience), None),
        child=asked.child,
    )
    start = start_of(series, whom)
    first = min(step.at.on(start) for step in series.steps)
    course = Course(
        series=series,
        whom=whom,
        choices=Choices(days=MONDAYS, hour=library.series.settings.hours[0], pace=asked.pace),
        zone=ZONE,
        settings=library.series.settings,
        messages=library.messages,
    )
    for planned in course.from_(datetime.combine(first, time(0), UTC)):
        day = planned.at.astimezone(ZONE).date()
        yield Line(day=day, months=months_between(start, day), planned=planned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How many messages of a series wait in a language; `told` of them were announced by a template."""

    series: str
    language: str
    number: int
    told: int


def waiting(session: Session, area_id: str | None) -> list[Waits]:
    """What waits for a template or for somebody to write, in an area (None for all)."""
    told = func.sum(case((SeriesStep.told.is_(True), 1), else_=0))
    query = (
        select(SeriesStep.series, Person.language, func.count(), told)
        .join(Person, Person.id == SeriesStep.person_id)
        .where(SeriesStep.state == "waiting")
        .group_by(SeriesStep.series, Person.language)
        .order_by(SeriesStep.series, Person.language)
    )
    if area_id is not None:
        query = query.where(Person.area_id == area_id)
    rows = session.execute(query)
    return [Waits(series=series, language=language, number=number, told=int(said)) for series, language, number, said in rows]
