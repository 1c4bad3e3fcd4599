"""Small series to plan with, and a parent's years day by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.library import Message
from bot.library.series import Offset, Series, SeriesSettings, Step
from bot.series.plan import Choices, Due, Sent, Whom, choose, next_slot, on_time

LONDON = ZoneInfo("Europe/London")
SETTINGS = SeriesSettings()


def message(id_: str, ages: tuple[int, int] = (-9, 60), audience: tuple[str, ...] = ("anyone",)) -> Message:
    """A message without words: planning reads none."""
    return Message(
        id=id_, topic="t", blocks=(), ages=ages, audience=audience, tags=(), nations=(), sources=(), reviewed=None, status="draft",
        follow_ups=(), words={},
    )  # fmt: skip


def step(id_: str, months: int = 0, days: int = 0, **more: object) -> Step:
    values: dict[str, object] = {"for_days": 10, "message": f"m/{id_}", **more}
    return Step(id=id_, at=Offset(months, days), **values)  # type: ignore[arg-type]


def series(steps: Iterable[Step], counts_from: str = "age", ends: Offset = Offset(60)) -> Series:  # noqa: B008 - frozen
    return Series(
        id="tips", name="Tips", counts_from=counts_from, ages=(-9, 60), audience=(), tags=(), ends=ends, next=(), status="draft",
        steps=tuple(steps),
    )  # fmt: skip


def messages_of(*all_series: Series) -> Mapping[str, Message]:
    return {id_: message(id_) for one in all_series for a_step in one.steps for id_ in a_step.messages()}


@dataclass
class Life:
    """One subscription, as the worker treats it: looked at whenever the worker runs, each look at the data of that moment."""

    series: Series
    whom: Whom
    choices: Choices
    settings: SeriesSettings = SETTINGS
    zone: ZoneInfo = LONDON
    stopped: bool = False
    sent: dict[str, datetime] = field(default_factory=dict)
    log: list[tuple[datetime, Due]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    next_at: datetime | None = None

    @property
    def last(self) -> datetime | None:
        return self.log[-1][0] if self.log else None

    def plan(self, moment: datetime) -> None:
        last = self.last.astimezone(self.zone).date() if self.last else None
        self.next_at = next_slot(self.choices, last, moment, self.zone, self.settings)

    def look(self, moment: datetime) -> None:
        """What the worker does at `moment`."""
        if self.stopped or self.next_at is None or self.next_at > moment:
            return
        at = self.next_at
        if on_time(at, moment, self.zone, self.settings):
            day = at.astimezone(self.zone).date()
            last = self.last.astimezone(self.zone).date() if self.last else None
            sent = Sent(steps=self.sent.keys(), messages=self.told, last=last)
            due = choose(self.series, self.whom, sent, day, messages_of(self.series))
            if due is not None:
                self.log.append((moment, due))
                self.sent[due.id] = moment
                self.told.add(due.message)
        self.plan(moment)


def moments(begin: datetime, days: int, every: timedelta = timedelta(hours=1)) -> Iterable[datetime]:
    """Times at which the worker runs."""
    at = begin
    while at < begin + timedelta(days=days):
        yield at
        at += every


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
