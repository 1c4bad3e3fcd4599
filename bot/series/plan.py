"""What a series sends on a day, and which moment its next day is. Pure: a step is chosen from the data as it is on its day, never before,
so that an edit cannot misfire.

A day is one of those that the parent chose, far enough from the last message for their pace. On it comes the essential step that waits,
else the earliest; a step waits for `for_days` after its place in the series and is then left out for good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.library import Message
from bot.library.series import ANCHOR_DAY, Series, SeriesSettings, Step

PACES: Mapping[str, int] = {"weekly": 6, "fortnightly": 13, "monthly": 27}
"""Days that lie at least between two messages. A day less than the week: one that had to wait a day must not cost the next its place."""

SLOWER = {"weekly": "fortnightly", "fortnightly": "monthly"}
CLOSING = "closing"
BORN = "born"
"""Begins the ids under which the question whether the baby is here is kept as sent."""

FAR = 400
"""Days to look ahead at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """When the parent wants to hear: weekdays (0 is Monday), the hour by the clock on their wall, and how often."""

    days: frozenset[int]
    hour: int
    pace: str = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whom a series is for. `month` is the child's month of birth or due month, or the month named for a series around a date.

    `due` is whether nobody has said yet that the baby is here; `early` how many months before its time it came; `child` the child's
    month where the series counts from another one.
    """

    month: str
    due: bool = False
    early: int = 0
    child: str | None = None
    nation: str | None = None
    audience: str | None = None
    asked_born: date | None = None
    """When it was asked last whether the baby is here and not answered "not yet" since; None for never."""
    ask_from: date | None = None
    """When they may be asked again, after a "not yet"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What has been sent of a series to this person about this child: step ids, message ids, and the day of the last."""

    steps: Collection[str] = ()
    messages: Collection[str] = ()
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What to send: `step` with its `message`, the question whether the baby is here (`born`), or the last words (`closing`)."""

    kind: str
    step: Step | None = None
    message: str = ""

    @property
    def id(self) -> str:
        """What it is known by once sent."""
        return self.step.id if self.step is not None else self.kind


def start_of(series: Series, whom: Whom) -> date:
    """The day from which the places of the series count."""
    year, month = _year_month(whom.month)
    if series.counts_from == "date":
        return date(year, month, 1)
    index = year * 12 + month - 1 + (whom.early if series.counts_from == "corrected" else 0)
    return date(index // 12, index % 12 + 1, ANCHOR_DAY)


def instant(day: date, hour: int, zone: tzinfo) -> datetime:
    """The moment at which it is `hour` on `day`: one, whether the clocks leave that hour out or have it twice."""
    return datetime.combine(day, time(hour), zone).replace(fold=0).astimezone(UTC)


def is_day(choices: Choices, day: date, last: date | None) -> bool:
    """Whether this is a day on which the parent may hear."""
    return day.weekday() in choices.days and (last is None or (day - last).days >= PACES[choices.pace])


def next_slot(choices: Choices, last: date | None, after: datetime, zone: tzinfo, settings: SeriesSettings) -> datetime | None:
    """The next moment after `after` at which something may come; None if there is none, as where the hour lies in the quiet hours."""
    if not choices.days:
        return None
    day = after.astimezone(zone).date()
    for _ in range(FAR):
        if is_day(choices, day, last):
            moment = instant(day, choices.hour, zone)
            if moment > after and not settings.quiet(moment.astimezone(zone).time()):
                return moment
        day += timedelta(days=1)
    return None


def choose(series: Series, whom: Whom, sent: Sent, day: date, messages: Mapping[str, Message]) -> Due | None:
    """What to send on `day`, if anything."""
    if CLOSING in sent.steps:
        return None
    start = start_of(series, whom)
    if whom.due and series.by_age:
        if day >= due_question_day(whom):
            return Due(BORN) if _may_ask(whom, day) else None
        if day >= date(*_year_month(whom.month), 1):
            return None  # the baby may have come any day: nothing by its age until somebody says
    elif day >= series.ends.on(start):
        return Due(CLOSING)
    waiting = [
        Due("step", step, step.message_for(whom.audience))
        for step in series.steps
        if step.id not in sent.steps
        and step.at.on(start) <= day <= step.at.on(start) + timedelta(days=step.for_days)
        and not (whom.due and step.at.about >= 0 and series.by_age)
        and _suits(series, step, whom, day, messages)
        and (step.repeat or step.message_for(whom.audience) not in sent.messages)
    ]
    return (
        min(waiting, key=lambda due: (not due.step.essential, due.step.at.about, due.step.id) if due.step else ())
        if waiting
        else None
    )


def due_question_day(whom: Whom) -> date:
    """From when they may be asked whether the baby is here: the middle of the due month."""
    return date(*_year_month(whom.month), ANCHOR_DAY)


def _may_ask(whom: Whom, day: date) -> bool:
    """Once; again only some time after they have said "not yet"."""
    if whom.ask_from is not None:
        return day >= whom.ask_from
    return whom.asked_born is None


def _suits(series: Series, step: Step, whom: Whom, day: date, messages: Mapping[str, Message]) -> bool:
    """Whether the step is for them: nation, the child's age, and words that are written for who they are."""
    if step.nations and whom.nation not in step.nations:
        return False
    message = messages.get(step.message_for(whom.audience))
    if message is None:
        return False
    age = _age(series, whom, day)
    if age is not None and not message.suits_age(age):
        return False
    if step.ages is not None and not (age is not None and step.ages[0] <= age < step.ages[1]):
        return False
    return whom.audience is None or bool({"anyone", whom.audience} & set(message.audience)) or whom.audience in step.instead


def _age(series: Series, whom: Whom, day: date) -> int | None:
    """The child's age in whole months that day, as the series counts it; None where no child is known."""
    if series.by_age:
        start = start_of(series, whom)
    elif whom.child is not None:
        start = date(*_year_month(whom.child), ANCHOR_DAY)
    else:
        return None
    return months_between(start, day)


def months_between(start: date, day: date) -> int:
    """The whole months from `start` to `day`; below zero before it."""
    return (day.year - start.year) * 12 + day.month - start.month - (day.day < start.day)


def _year_month(month: str) -> tuple[int, int]:
    year, number = month.split("-")
    return int(year), int(number)


@dataclass(frozen=True, slots=True)
class Planned:
    """One message of a calendar: when, and what."""

    at: datetime
    due: Due


@dataclass(slots=True, kw_only=True)
class Course:
    """What would come if nothing changed, message by message: the calendar that staff and the person's page show."""

    series: Series
    whom: Whom
    choices: Choices
    zone: tzinfo
    settings: SeriesSettings
    messages: Mapping[str, Message]
    sent: Sent = field(default_factory=Sent)

    def from_(self, moment: datetime) -> Iterator[Planned]:
        """All that comes after `moment`, to the last words or to the question whether the baby is here."""
        steps, told, last = set(self.sent.steps), set(self.sent.messages), self.sent.last
        idle = 0
        while idle < FAR:
            at = next_slot(self.choices, last, moment, self.zone, self.settings)
            if at is None:
                return
            idle += (at - moment).days + 1
            moment, day = at, at.astimezone(self.zone).date()
            due = choose(self.series, self.whom, Sent(steps=steps, messages=told, last=last), day, self.messages)
            if due is None:
                continue
            idle, last = 0, day
            steps.add(due.id)
            told.add(due.message)
            yield Planned(at, due)
            if due.kind != "step":
                return


def on_time(at: datetime, moment: datetime, zone: tzinfo, settings: SeriesSettings) -> bool:
    """Whether what was meant for `at` may still go out at `moment`: the same day, not much later, and not in the quiet hours."""
    wall, meant = moment.astimezone(zone), at.astimezone(zone)
    soon = at <= moment <= at + timedelta(hours=settings.late_hours)
    return soon and wall.date() == meant.date() and not settings.quiet(wall.time())
