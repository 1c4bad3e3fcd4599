"""Made-up families for a made-up year, written into the real tables, and what should be counted of them, reckoned another way.

`Plan` draws who writes when; `write` puts that into the database as the app would have left it; `Plan.truth` counts from the plan
itself, without the database.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bot.insight.days import LONDON
from bot.insight.searches import count_search
from bot.storage.engine import Database
from bot.storage.tables import (
    Area,
    CampaignArrival,
    Case,
    Child,
    Feedback,
    Inbox,
    Person,
    PersonAddress,
    RawEvent,
    SeriesSubscription,
    ServiceSearch,
    StaffAudit,
    UnansweredQuestion,
)

AREAS = ("north", "south", "west")
LANGUAGES = ("en",) * 60 + ("pl",) * 8 + ("ur",) * 6 + ("ro",) * 3 + ("uk", "cy", "ar", "bn")
ROLES = ("mum",) * 40 + (None,) * 40 + ("dad",) * 9 + ("expecting",) * 8 + ("partner", "grandparent", "carer")
CHANNELS = ("whatsapp",) * 60 + ("webchat",) * 30 + ("telegram",) * 8 + ("sms",) * 2
RUNNING = ("dads26", "hello26")
SUFFIXES = ("", "", "", "a2a2", "a2a2", "b3b3", "c4c4")
"""By which link of their campaign families come, in turn; every hundredth by one that hardly anybody has."""
RARE_LINK = "d5d5"
CAMPAIGNS = (None,) * 12 + ("hello26",) * 6 + ("dads26", "made-up-by-somebody")
TOPICS = ("baby/crying",) * 30 + ("baby/sleep",) * 30 + ("wellbeing/low-mood",) * 6 + ("wellbeing/dads",) * 3
NEEDS = ("baby-and-toddler-groups",) * 10 + ("infant-feeding",) * 6 + ("dads-groups",) * 2 + ("any",)
PLACES = ("ZZ1",) * 10 + ("ZZ2",) * 5 + ("ZZ3",) * 2 + ("any",)
CASES = ("urgent", "concern", "emergency")
WORKED = 8
"""Minutes between the two looks that staff take at each case; the second counts two more."""
CHUNK = 5_000


@dataclass(slots=True)
class Family:
    number: int
    area: str
    language: str
    role: str | None
    channel: str
    child: str | None
    campaign: str | None
    days: list[date] = field(default_factory=list)
    turns: dict[date, list[tuple[str | None, str]]] = field(default_factory=dict)

    @property
    def level(self) -> str | None:
        """Of their one case, opened on their first day; None for most, who have none."""
        return None if self.number % 25 else CASES[self.number // 25 % len(CASES)]

    @property
    def suffix(self) -> str:
        """The link by which they came, if they came by a campaign."""
        return RARE_LINK if self.number % 100 == 0 else SUFFIXES[self.number % len(SUFFIXES)]


@dataclass(slots=True)
class Plan:
    """The families of a year. The same seed gives the same ones."""

    families: list[Family]
    year: int
    searches: list[tuple[Family, date, str, str, str]] = field(default_factory=list)

    @classmethod
    def draw(cls, families: int, *, year: int = 2025, seed: int = 1, areas: tuple[str, ...] = AREAS) -> Plan:
        dice = random.Random(seed)
        plan = cls([_family(dice, number, year, areas) for number in range(1, families + 1)], year)
        for family in plan.families:
            months = {day.month: day for day in family.days}
            for day in months.values():
                if dice.random() < 0.5:
                    outcome = "none" if dice.random() < 0.4 else "offered"
                    plan.searches.append((family, day, outcome, dice.choice(NEEDS), dice.choice(PLACES)))
        return plan

    def truth(self) -> dict[str, Counter[tuple[str, str, str]]]:
        """By month ("2025-03"): how many by (area, measure, category), of people and their conversations."""
        found: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
        for family in self.families:
            for month in sorted({f"{day:%Y-%m}" for day in family.days}):
                found[month].update((family.area, *pair) for pair in _counted(family, month))
        return found

    def by_link(self) -> Counter[tuple[str, str, str]]:
        """How many came new by (campaign, link, month)."""
        ours = [family for family in self.families if family.campaign in RUNNING]
        return Counter((str(family.campaign), family.suffix, f"{family.days[0]:%Y-%m}") for family in ours)


def _family(dice: random.Random, number: int, year: int, areas: tuple[str, ...]) -> Family:
    born = dice.choice([None, *range(-8, 60)])
    family = Family(
        number=number,
        area=dice.choice((*areas, *areas[:1])),
        language=dice.choice(LANGUAGES),
        role=dice.choice(ROLES),
        channel=dice.choice(CHANNELS),
        child=None if born is None else _month(year, 6 - born),
        campaign=dice.choice(CAMPAIGNS),
    )
    first = date(year, 1, 1) + timedelta(days=dice.randrange(365))
    family.days = sorted({first, *(first + timedelta(days=dice.randrange(1, 120)) for _ in range(dice.choice((0, 0, 1, 2, 5))))})
    family.days = [day for day in family.days if day.year == year]
    for day in family.days:
        family.turns[day] = [_turn(dice) for _ in range(dice.choice((1, 1, 2, 3)))]
    return family


def _turn(dice: random.Random) -> tuple[str | None, str]:
    roll = dice.random()
    if roll < 0.7:
        return dice.choice(TOPICS), "answered"
    return (None, "refused") if roll < 0.8 else (None, "menu")


def _month(year: int, month: int) -> str:
    index = year * 12 + month - 1
    return f"{index // 12}-{index % 12 + 1:02d}"


def _counted(family: Family, month: str) -> Iterator[tuple[str, str]]:
    """(measure, category) of one family in a month."""
    days = [day for day in family.days if f"{day:%Y-%m}" == month]
    yield "people:language", family.language
    yield "people:role", family.role or "unsaid"
    yield "people:channel", family.channel
    yield "people:age", _band(family.child, days[0])
    new = f"campaign:{family.campaign}" if family.campaign in RUNNING else "new"
    yield "people:arrival", new if family.days[0] == days[0] else "returning"
    if family.level and family.days[0] == days[0]:
        yield "case:level", family.level
        yield "case:hours", "open" if days[0].weekday() < 5 else "closed"
        yield "work:cases", family.level
    for topic in {topic for day in days for topic, outcome in family.turns[day] if topic and outcome == "answered"}:
        yield "topic", topic
    for day in days:
        yield "conversation:hours", "open" if day.weekday() < 5 else "closed"
        outcomes = {outcome for _, outcome in family.turns[day]}
        best = next((name for name in ("answered", "refused") if name in outcomes), "other")
        yield "conversation:ending", {"refused": "unanswered"}.get(best, best)


def _band(child: str | None, day: date) -> str:
    if child is None:
        return "unsaid"
    months = (day.year - int(child[:4])) * 12 + day.month - int(child[5:])
    if months < 0:
        return "expecting"
    years = months // 12
    return ("under-1", "1", "2", "3-4", "3-4")[years] if years < 5 else "5-over"


def is_open(area_id: str | None, moment: datetime) -> bool:
    """On weekdays, at any hour."""
    return moment.astimezone(LONDON).weekday() < 5


# Into the database


def write(plan: Plan, database: Database, *, with_areas: bool = True, with_work: bool = True) -> None:
    """What the app would have left behind of the plan, in the real tables; its areas too, unless they are there, and what staff did."""
    with database.write() as session:
        if with_areas:
            session.add_all(Area(id=area, name=area) for area in sorted({family.area for family in plan.families}))
            session.flush()
        _insert(session, CampaignArrival, _arrivals(plan))
        _insert(session, Person, map(_person, plan.families))
        _insert(session, PersonAddress, map(_address, plan.families))
        _insert(session, Child, (_child(family) for family in plan.families if family.child))
        _insert(session, RawEvent, (_raw(number) for number, _, _, _ in _messages(plan)))
        _insert(session, Inbox, (_inbox(*message) for message in _messages(plan)))
        _search(session, plan)
        _insert(session, Feedback, _feedback(plan))
        _insert(session, Case, _cases(plan))
        _insert(session, StaffAudit, _work(plan) if with_work else ())
        _insert(session, UnansweredQuestion, _questions(plan))
        _insert(session, SeriesSubscription, _series(plan))


def at(day: date, minute: int = 0) -> datetime:
    """Noon, or some minutes later, in London."""
    return (datetime.combine(day, time(12), LONDON) + timedelta(minutes=minute)).astimezone(UTC)


def _insert(session: Session, table: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows in large pieces, past the object layer: that would break a piece in two wherever one row has a value and the next has none."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        session.execute(insert(table.__table__), chunk)


def _search(session: Session, plan: Plan) -> None:
    """January's searches are counted by the real code, one by one; those of the other months are added up first, which is quicker."""
    sums: Counter[tuple[str, ...]] = Counter()
    for family, day, outcome, need, place in plan.searches:
        what = {"area_id": family.area, "language": family.language, "outcome": outcome, "need": need, "place": place}
        if day.month == 1:
            count_search(session, moment=at(day), **what)
        else:
            sums[f"{day:%Y-%m}", *what.values()] += 1
    heads = ("month", "area_id", "language", "outcome", "need", "place")
    _insert(session, ServiceSearch, (dict(zip(heads, key, strict=True)) | {"people": people} for key, people in sums.items()))


def _arrivals(plan: Plan) -> Iterator[dict[str, Any]]:
    for (campaign, suffix, month), people in plan.by_link().items():
        yield {"campaign": campaign, "suffix": suffix, "month": month, "people": people}


def _person(family: Family) -> dict[str, Any]:
    moment = at(family.days[0])
    return {
        "id": family.number,
        "area_id": family.area,
        "pseudonym": f"P-{family.number}",
        "language": family.language,
        "role": family.role,
        "campaign": family.campaign,
        "created_at": moment,
        "last_seen_at": moment,
    }


def _address(family: Family) -> dict[str, Any]:
    return {
        "id": family.number,
        "person_id": family.number,
        "channel": family.channel,
        "kind": family.channel,
        "lookup": f"lookup-{family.number}",
        "sealed": b"",
    }


def _child(family: Family) -> dict[str, Any]:
    return {"person_id": family.number, "born_or_due": family.child, "created_at": at(family.days[0])}


def _messages(plan: Plan) -> Iterator[tuple[int, Family, datetime, tuple[str | None, str]]]:
    number = 0
    for family in plan.families:
        for day, turns in family.turns.items():
            for minute, turn in enumerate(turns):
                number += 1
                yield number, family, at(day, minute), turn


def _raw(number: int) -> dict[str, Any]:
    return {"id": number, "channel": "simulated", "external_id": str(number)}


def _inbox(number: int, family: Family, moment: datetime, turn: tuple[str | None, str]) -> dict[str, Any]:
    return {
        "id": number,
        "raw_event_id": number,
        "person_id": family.number,
        "address_id": family.number,
        "channel": family.channel,
        "kind": "text",
        "sealed": b"",
        "level": "none",
        "language": family.language,
        "topic": turn[0],
        "outcome": turn[1],
        "state": "done",
        "open": 0,
        "received_at": moment,
        "done_at": moment,
    }


def _feedback(plan: Plan) -> Iterator[dict[str, Any]]:
    for family in plan.families:
        if family.number % 4 == 0:
            yield {
                "person_id": family.number,
                "outbox_key": f"{family.number}:0",
                "content_id": "baby/crying/start-here",
                "content_version": "0123456789abcdef",
                "useful": family.number % 16 != 0,
                "at": at(family.days[-1]),
            }


def _cases(plan: Plan) -> Iterator[dict[str, Any]]:
    for family in plan.families:
        if family.level:
            opened = at(family.days[0])
            yield {
                "id": family.number,
                "area_id": family.area,
                "person_id": family.number,
                "level": family.level,
                "rank": 1,
                "state": "closed",
                "language": family.language,
                "channel": family.channel,
                "address_id": family.number,
                "opened_at": opened,
                "first_reply_at": opened + timedelta(minutes=family.number % 90),
                "closed_at": opened + timedelta(hours=6),
            }


def _work(plan: Plan) -> Iterator[dict[str, Any]]:
    """Each case has a member of staff of its own, so that nobody's looks at one end those at another."""
    for family in plan.families:
        for minute in (0, WORKED) if family.level else ():
            moment = at(family.days[0], minute)
            yield {"staff_id": family.number, "action": "case.view", "subject": f"case:{family.number}", "at": moment}


def _questions(plan: Plan) -> Iterator[dict[str, Any]]:
    for family in plan.families:
        for day, turns in family.turns.items():
            for _, outcome in turns:
                if outcome == "refused":
                    topics = ["baby/sleep"] if family.number % 3 else []
                    yield {
                        "area_id": family.area,
                        "language": family.language,
                        "outcome": "refused",
                        "topics": topics,
                        "asked_at": at(day),
                    }


def _series(plan: Plan) -> Iterator[dict[str, Any]]:
    for family in plan.families:
        if family.number % 6 == 0:
            left = family.number % 18 == 0
            yield {
                "person_id": family.number,
                "series": "by-age",
                "days": "0",
                "hour": 10,
                "pace": "weekly",
                "state": "ended" if left else "active",
                "reason": "asked" if left else None,
                "agreed_at": at(family.days[0]),
                "agreed_by": family.channel,
                "ended_at": at(family.days[-1]) if left else None,
            }
