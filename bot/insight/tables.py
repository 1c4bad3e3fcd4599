"""The fixed set of tables that is shown: by month, and by quarter where numbers are smaller. Made of counts, by way of `disclosure`.

A table is its categories with what may be shown of each. What divides the same people goes through `publish` together; what no
two tables divide is shown by itself. Adding a table here changes what readers can work out: say in docs/insight.md how it fits in,
and add it to the attack of tests/insight/test_tables.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot.insight.days import months_of
from bot.insight.disclosure import FEW, HELD, THRESHOLD, Counts, Figure, figure, fold, publish, total
from bot.insight.measures import AGES, BEST, CAMPAIGN, MINUTES
from bot.languages import supported
from bot.storage.tables import InsightCount, ServiceSearch

Table = dict[str, Figure]
OTHER, ANY, UNSAID = "other", "any", "unsaid"
LEVELS = ("emergency", "urgent", "concern", "none")
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "people:language": (*(language.code for language in supported()), OTHER),
    "people:role": ("mum", "dad", "partner", "grandparent", "carer", "expecting", UNSAID),
    "people:age": (*AGES, UNSAID),
    "people:channel": ("webchat", "whatsapp", "telegram", "sms", OTHER),
    "conversation:hours": ("open", "closed"),
    "conversation:ending": BEST,
    "case:level": LEVELS,
    "case:hours": ("open", "closed"),
}
"""Every category of each table of people, conversations and cases, in order: all are shown always. New people by campaign
(`people:arrival`) are the one table more: nobody can list all campaigns beforehand."""

TOGETHER = (
    ("people:language", "people:role", "people:age", "people:channel", "people:arrival"),
    ("conversation:hours", "conversation:ending"),
    ("case:level", "case:hours"),
)
"""Tables that divide the same people, conversations or cases."""

LISTED = ("topic", "unanswered", "series:joined", "series:left")
"""Tables of categories that nobody can list beforehand: shown from the threshold up."""


@dataclass(frozen=True, slots=True)
class Useful:
    """What people answered of one version of a message."""

    content_id: str
    version: str
    yes: Figure
    no: Figure


@dataclass(frozen=True, slots=True)
class Times:
    """The steps, in minutes, within which half and nine in ten were done ("more": beyond the last); None for fewer than 10."""

    median: str | None
    nine_in_ten: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """What was looked for with nothing to offer: a kind of help, by place and by language, and how many found something."""

    need: str
    places: Table
    languages: Table
    offered: Figure

    @property
    def people(self) -> Figure:
        return total(self.places.values())


@dataclass(frozen=True, slots=True)
class Quarter:
    """What is shown by quarters. `offered` and `more` are by kind of help; `replies` and `closings` by level of case."""

    useful: tuple[Useful, ...] = ()
    gaps: tuple[Gap, ...] = ()
    offered: Table = field(default_factory=dict)
    more: Table = field(default_factory=dict)
    replies: Mapping[str, Times] = field(default_factory=dict)
    closings: Mapping[str, Times] = field(default_factory=dict)


def areas(session: Session, months: Sequence[str]) -> list[str]:
    """The areas that anything was counted in; "" for people of no area."""
    query = select(InsightCount.area_id).where(_within(months)).distinct().order_by(InsightCount.area_id)
    return list(session.scalars(query))


def month_tables(session: Session, area_id: str, month: str) -> dict[str, Table]:
    """All tables of an area and a month, by measure."""
    counts = _counts(session, area_id, (month,))
    found: dict[str, Table] = {}
    for group in TOGETHER:
        found |= publish({measure: _whole(measure, counts[measure]) for measure in group})
    return found | {measure: _listed(counts[measure]) for measure in LISTED}


def quarter_tables(session: Session, area_id: str, quarter: str) -> Quarter:
    """All that is shown of an area and a quarter. Raises ValueError for something that is no quarter."""
    months = months_of(quarter)
    counts, searches = _counts(session, area_id, months), _searches(session, area_id, months)
    offered, more = (_listed(_by_need(searches[outcome])) for outcome in ("offered", "more"))
    return Quarter(
        useful=tuple(_useful(counts["useful"])),
        gaps=tuple(_gaps(searches["none"], offered)),
        offered=offered,
        more=more,
        replies=_times(counts["case:reply"]),
        closings=_times(counts["case:close"]),
    )


def together(tables: Sequence[Mapping[str, Table]]) -> dict[str, Table]:
    """The tables of several areas as one: sums of what is shown of each."""
    found: dict[str, Table] = {}
    for name in dict.fromkeys(name for one in tables for name in one):
        categories = dict.fromkeys(category for one in tables for category in one.get(name, {}))
        found[name] = {
            category: total([one[name][category] for one in tables if category in one.get(name, {})]) for category in categories
        }
    return found


def _within(months: Sequence[str]) -> ColumnElement[bool]:
    """Days are written so that their order is that of their letters."""
    return InsightCount.day.between(f"{months[0]}-01", f"{months[-1]}-31")


def _counts(session: Session, area_id: str, months: Sequence[str]) -> dict[str, Counter[str]]:
    query = (
        select(InsightCount.measure, InsightCount.category, func.sum(InsightCount.number))
        .where(InsightCount.area_id == area_id, _within(months))
        .group_by(InsightCount.measure, InsightCount.category)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for measure, category, number in session.execute(query):
        found[measure][category] = int(number)
    return found


Searches = Mapping[tuple[str, str, str], int]
"""People by (need, place, language)."""


def _searches(session: Session, area_id: str, months: Sequence[str]) -> dict[str, Counter[tuple[str, str, str]]]:
    """Searches of a quarter by outcome."""
    query = select(ServiceSearch).where(ServiceSearch.area_id == area_id, ServiceSearch.month.in_(months))
    found: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for row in session.scalars(query):
        found[row.outcome][row.need, row.place, row.language] += row.people
    return found


def _spread(counts: Counts, categories: Sequence[str]) -> dict[str, int]:
    """`counts` by all of `categories`; what is of none of them goes to the last."""
    found = {category: counts.get(category, 0) for category in categories}
    found[categories[-1]] += sum(number for category, number in counts.items() if category not in found)
    return found


def _whole(measure: str, counts: Counts) -> dict[str, int]:
    """The counts of one of the tables that are reckoned together, by all its categories."""
    if measure in CATEGORIES:
        return _spread(counts, CATEGORIES[measure])
    ours = {name: number for name, number in counts.items() if name.startswith(CAMPAIGN)}
    return {name: counts.get(name, 0) for name in ("returning", "new")} | fold(ours, OTHER)


def _listed(counts: Counts) -> Table:
    """Those from the threshold up, largest first."""
    return {name: figure(number) for name, number in sorted(counts.items(), key=_largest_first) if number >= THRESHOLD}


def _largest_first(pair: tuple[str, int]) -> tuple[int, str]:
    """By what is shown, so that the order tells nothing more."""
    shown = figure(pair[1])
    return (-shown if isinstance(shown, int) else 0), pair[0]


def _by_need(searches: Searches) -> Counter[str]:
    found: Counter[str] = Counter()
    for (need, _, _), number in searches.items():
        found[need] += number
    return found


def _gaps(searches: Searches, offered: Table) -> Iterable[Gap]:
    """The kinds of help of which some place can be shown, most people first. One of which none can is left out, however many there
    were: to be named would tell that there are ten."""
    found = (_gap(need, searches, offered) for need in sorted(_by_need(searches)))
    shown = [(people, gap) for gap in found if isinstance(people := gap.people, int)]
    return [gap for _, gap in sorted(shown, key=lambda pair: (-pair[0], pair[1].need))]


def _gap(need: str, searches: Searches, offered: Table) -> Gap:
    places: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for (of, place, language), number in searches.items():
        if of == need:
            places[place] += number
            languages[language] += number
    # "Any" is named always, so that there are two categories whatever was asked for.
    by_place = fold(Counter({place: number for place, number in places.items() if place != ANY}), OTHER) | {ANY: places[ANY]}
    shown = publish({"place": by_place, "language": _spread(languages, CATEGORIES["people:language"])})
    return Gap(need, shown["place"], shown["language"], offered.get(need, FEW))


def _useful(counts: Counts) -> Iterable[Useful]:
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for category, number in counts.items():
        of, _, answer = category.rpartition(":")
        answers[of][answer] += number
    for of, numbers in sorted(answers.items()):
        if max(numbers.values()) >= THRESHOLD:
            content_id, _, version = of.rpartition("@")
            yield Useful(content_id, version, figure(numbers["yes"]), figure(numbers["no"]))


def _times(counts: Counts) -> dict[str, Times]:
    """Half and nine in ten of each level, from counts by "level:step"."""
    steps = [*map(str, MINUTES), "more"]
    return {
        level: Times(*(_within_which([counts.get(f"{level}:{step}", 0) for step in steps], steps, share) for share in (0.5, 0.9)))
        for level in LEVELS
    }


def _within_which(numbers: Sequence[int], steps: Sequence[str], share: float) -> str | None:
    if sum(numbers) < THRESHOLD:
        return None
    reached = 0
    for number, step in zip(numbers, steps, strict=True):
        reached += number
        if reached >= share * sum(numbers):
            return step
    return steps[-1]


__all__ = ["FEW", "HELD", "Gap", "Quarter", "Table", "Times", "Useful", "areas", "month_tables", "quarter_tables", "together"]
