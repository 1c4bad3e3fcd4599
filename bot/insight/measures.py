"""What is counted of one day: each measure is a question to the tables, answered as numbers by area and category.

People are counted once a month, on the first day in it on which they write; a topic once a month for each person. So days add up to a
month without anybody being remembered. Conversations (all that one person writes on one day), cases, answers and the rest are
counted each time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.insight.days import DAY, begins
from bot.storage.tables import CampaignArrival, Case, Child, Feedback, Inbox, Person, SeriesSubscription, UnansweredQuestion

IsOpen = Callable[[str | None, datetime], bool]
"""Whether an area's team is there at a moment."""

AGES = ("expecting", "under-1", "1", "2", "3-4", "5-over")
_UP_TO = (-1, 11, 23, 35, 59)
"""The last month of age of each band but the last."""

ENDINGS = {
    "person": "person",
    "urgent": "person",
    "emergency": "person",
    "waiting": "person",
    "answered": "answered",
    "services": "services",
    "asked": "unanswered",
    "refused": "unanswered",
    "services_none": "unanswered",
    "unavailable": "unanswered",
}
"""What became of a turn, by its outcome; everything else is "other"."""

BEST = ("person", "answered", "services", "unanswered", "other")
"""What a conversation counts as: the first of these that any of its turns was."""

CAMPAIGN = "campaign:"
"""What the category of new people who came by a campaign begins with."""

MINUTES = (5, 15, 30, 60, 120, 240, 480, 1_440, 2_880, 4_320, 10_080, 43_200)
"""Upper bounds of the steps in which times are counted; beyond the last, "more"."""

LEFT = {"finished": "finished", "asked": "stopped", "stop": "stopped", "staff": "stopped"}
"""Why somebody gets a series no more; everything else (a birth, a loss, a block) is "other"."""


class Cell(NamedTuple):
    """What one number is of. `area_id` is "" for people of no area."""

    area_id: str
    measure: str
    category: str


@dataclass(frozen=True, slots=True)
class Span:
    """A day: its date, its first moment and the first of the next, and the first moment of its month."""

    day: date
    start: datetime
    end: datetime
    month: datetime

    @classmethod
    def of(cls, day: date) -> Span:
        return cls(day, begins(day), begins(day + DAY), begins(day.replace(day=1)))

    def holds(self, column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        return (column >= self.start) & (column < self.end)


def count(session: Session, day: date, is_open: IsOpen) -> Counter[Cell]:
    """All numbers of a day. Zeros are left out."""
    span = Span.of(day)
    found: Counter[Cell] = Counter()
    for cells in (
        _people(session, span, is_open),
        _cases(session, span, is_open),
        _useful(session, span),
        _unanswered(session, span),
        _series(session, span),
    ):
        found.update(cells)
    return found


@dataclass(slots=True)
class _Today:
    """What one person did on the day."""

    channel: str
    first_at: datetime
    endings: set[str]
    topics: set[str]


def _people(session: Session, span: Span, is_open: IsOpen) -> Iterator[Cell]:
    today = _messages(session, span)
    earlier = _earlier_this_month(session, span)
    bands = _age_bands(session, span)
    # Only these: any other code may have come with something personal in it.
    campaigns = set(session.scalars(select(CampaignArrival.campaign).distinct()))
    columns = (Person.id, Person.area_id, Person.language, Person.role, Person.campaign, Person.created_at)
    for person_id, area, language, role, campaign, created_at in session.execute(
        select(*columns).where(Person.id.in_(_who(span)))
    ):
        did, area_id = today[person_id], area or ""
        if person_id not in earlier:
            yield Cell(area_id, "people:language", language)
            yield Cell(area_id, "people:role", role or "unsaid")
            yield Cell(area_id, "people:age", bands.get(person_id, "unsaid"))
            yield Cell(area_id, "people:channel", did.channel)
            new = f"{CAMPAIGN}{campaign}" if campaign in campaigns else "new"
            yield Cell(area_id, "people:arrival", new if created_at >= span.month else "returning")
        for topic in did.topics - earlier.get(person_id, set()):
            yield Cell(area_id, "topic", topic)
        yield Cell(area_id, "conversation:hours", "open" if is_open(area, did.first_at) else "closed")
        yield Cell(area_id, "conversation:ending", next(best for best in BEST if best in did.endings))


def _who(span: Span) -> Select[int]:
    return select(Inbox.person_id).where(span.holds(Inbox.received_at))


def _messages(session: Session, span: Span) -> dict[int, _Today]:
    columns = (Inbox.person_id, Inbox.channel, Inbox.received_at, Inbox.topic, Inbox.outcome)
    today: dict[int, _Today] = {}
    for person_id, channel, at, topic, outcome in session.execute(
        select(*columns).where(span.holds(Inbox.received_at)).order_by(Inbox.received_at, Inbox.id)
    ):
        did = today.setdefault(person_id, _Today(channel, at, set(), set()))
        did.endings.add(ENDINGS.get(outcome or "", "other"))
        if topic and outcome == "answered":
            did.topics.add(topic)
    return today


def _earlier_this_month(session: Session, span: Span) -> dict[int, set[str]]:
    """Those of the day's people who had written in this month before, with the topics that they had been answered on."""
    query = (
        select(Inbox.person_id, Inbox.topic, Inbox.outcome)
        .where(Inbox.received_at >= span.month, Inbox.received_at < span.start, Inbox.person_id.in_(_who(span)))
        .distinct()
    )
    found: dict[int, set[str]] = defaultdict(set)
    for person_id, topic, outcome in session.execute(query):
        found[person_id] |= {topic} if topic and outcome == "answered" else set()
    return found


def _age_bands(session: Session, span: Span) -> dict[int, str]:
    """The band of each person's youngest child that lives with them. A bereaved parent has none: their child is not counted."""
    query = (
        select(Child.person_id, func.max(Child.born_or_due))
        .join(Person, Person.id == Child.person_id)
        .where(Child.apart_at.is_(None), Person.bereaved_at.is_(None), Child.person_id.in_(_who(span)))
        .group_by(Child.person_id)
    )
    return {person_id: age_band(month, span.day) for person_id, month in session.execute(query)}


def age_band(month: str, day: date) -> str:
    """The band of `AGES` on a day of a child born, or due, in a month."""
    year, number = (int(part) for part in month.split("-"))
    return AGES[bisect_left(_UP_TO, (day.year - year) * 12 + day.month - number)]


def _cases(session: Session, span: Span, is_open: IsOpen) -> Iterator[Cell]:
    opened = select(Case.area_id, Case.level, Case.opened_at).where(span.holds(Case.opened_at))
    for area, level, at in session.execute(opened):
        yield Cell(area or "", "case:level", level)
        yield Cell(area or "", "case:hours", "open" if is_open(area, at) else "closed")
    for measure, column in (("case:reply", Case.first_reply_at), ("case:close", Case.closed_at)):
        query = select(Case.area_id, Case.level, Case.opened_at, column).where(span.holds(column))
        for area, level, at, done_at in session.execute(query):
            if done_at is not None:
                yield Cell(area or "", measure, f"{level}:{step_of(done_at - at)}")


def step_of(length: timedelta) -> str:
    """The upper bound in `MINUTES` of a length of time, or "more"."""
    place = bisect_left(MINUTES, length / timedelta(minutes=1))
    return str(MINUTES[place]) if place < len(MINUTES) else "more"


def _useful(session: Session, span: Span) -> Iterable[Cell]:
    query = (
        select(Person.area_id, Feedback.content_id, Feedback.content_version, Feedback.useful)
        .join(Person, Person.id == Feedback.person_id)
        .where(span.holds(Feedback.at))
    )
    for area, content_id, version, useful in session.execute(query):
        yield Cell(area or "", "useful", f"{content_id}@{version or ''}:{'yes' if useful else 'no'}")


def _unanswered(session: Session, span: Span) -> Iterator[Cell]:
    query = select(UnansweredQuestion.area_id, UnansweredQuestion.topics).where(span.holds(UnansweredQuestion.asked_at))
    for area, topics in session.execute(query):
        yield Cell(area or "", "unanswered", str(topics[0]) if topics else "unsaid")


def _series(session: Session, span: Span) -> Iterator[Cell]:
    joined = select(Person.area_id, SeriesSubscription.series).join(Person, Person.id == SeriesSubscription.person_id)
    for area, series in session.execute(joined.where(span.holds(SeriesSubscription.agreed_at))):
        yield Cell(area or "", "series:joined", series)
    left = select(Person.area_id, SeriesSubscription.series, SeriesSubscription.reason)
    left = left.join(Person, Person.id == SeriesSubscription.person_id).where(SeriesSubscription.state == "ended")
    for area, series, reason in session.execute(left.where(span.holds(SeriesSubscription.ended_at))):
        yield Cell(area or "", "series:left", f"{series}:{LEFT.get(reason or '', 'other')}")
