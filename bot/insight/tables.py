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
from bot.insight.disclosure import FEW, HELD, THRESHOLD, Counts, Figure, figure, fold, known, publish, publish_nested, total
from bot.insight.measures import AGES, BEST, CAMPAIGN, MINUTES
from bot.languages import supported
from bot.storage.tables import InsightCount, InsightDay, ServiceSearch

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

NESTED = (TOGETHER[0], TOGETHER[1])
"""Every person counted in a month has had a conversation in it, or more."""

LISTED = ("topic", "unanswered", "series:joined", "series:left")
"""Tables of categories that nobody can list beforehand: shown from the threshold up."""

OF_PEOPLE = ("topic", "series:joined")
"""Those whose every category counts people of the month, each once: there are as many people as the largest has."""


HALF_HOUR = 30


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
    """What is shown by quarters. `offered` and `more` are by kind of help; `replies`, `closings`, the cases worked on and the minutes by
    level of case."""

    useful: tuple[Useful, ...] = ()
    gaps: tuple[Gap, ...] = ()
    offered: Table = field(default_factory=dict)
    more: Table = field(default_factory=dict)
    replies: Mapping[str, Times] = field(default_factory=dict)
    closings: Mapping[str, Times] = field(default_factory=dict)
    work_cases: Table = field(default_factory=dict)
    work_minutes: Table = field(default_factory=dict)


def areas(session: Session, months: Sequence[str]) -> list[str]:
    """The areas that anything was counted in; "" for people of no area."""
    query = select(InsightCount.area_id).where(_within(months)).distinct().order_by(InsightCount.area_id)
    return list(session.scalars(query))


def month_tables(session: Session, area_id: str, month: str) -> dict[str, Table]:
    """All tables of an area and a month, by measure."""
    return _published(_counts(session, area_id, (month,)), first=month == _first_month(session))


def tables_of_months(session: Session, months: Sequence[str], areas: Sequence[str] = ()) -> dict[str, list[dict[str, Table]]]:
    """All tables of several months: of each month, those of each of `areas`; where none is named, of each that anything was counted in."""
    month = func.substr(InsightCount.day, 1, 7)
    key = (month, InsightCount.area_id, InsightCount.measure, InsightCount.category)
    query = select(*key, func.sum(InsightCount.number)).where(month.in_(months)).group_by(*key)
    counts: dict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    if areas:
        query = query.where(InsightCount.area_id.in_(areas))
        counts.update({(of, area_id): defaultdict(Counter) for of in months for area_id in areas})
    for of, area_id, measure, category, number in session.execute(query):
        counts[of, area_id][measure][category] = int(number)
    found: dict[str, list[dict[str, Table]]] = {one: [] for one in months}
    begun = _first_month(session)
    for (of, _), numbers in sorted(counts.items()):
        found[of].append(_published(numbers, first=of == begun))
    return found


def _first_month(session: Session) -> str:
    return (session.scalar(select(func.min(InsightDay.day))) or "")[:7]


def _published(counts: Mapping[str, Counter[str]], *, first: bool) -> dict[str, Table]:
    """The tables of one area and month. In the `first` of all nobody can return, which everybody knows: "under 10" would hide nothing."""
    counts = defaultdict(Counter, counts)
    found = {measure: _listed(counts[measure]) for measure in LISTED}
    least = max((known(one).low for measure in OF_PEOPLE for one in found[measure].values()), default=0)
    nested = [{measure: _whole(measure, counts[measure]) for measure in group} for group in NESTED]
    if first:
        nested[0]["people:arrival"].pop("returning")
    for shown in publish_nested(nested, least):
        found |= shown
    for group in (group for group in TOGETHER if group not in NESTED):
        found |= publish({measure: _whole(measure, counts[measure]) for measure in group})
    return found


def _work(cases: Counts, minutes: Counts) -> tuple[Table, Table]:
    """Cases worked on by level, and the minutes, to the nearest half hour, where there are enough cases."""
    shown = {level: figure(cases.get(level, 0)) for level in LEVELS}
    hidden = dict.fromkeys(LEVELS, HELD)
    rounded = {
        level: max(round(minutes.get(level, 0) / HALF_HOUR), 1) * HALF_HOUR
        for level, one in shown.items()
        if isinstance(one, int)
    }
    return shown, hidden | rounded


def quarter_tables(session: Session, area_id: str, quarter: str) -> Quarter:
    """All that is shown of an area and a quarter. Raises ValueError for something that is no quarter."""
    months = months_of(quarter)
    counts, searches = _counts(session, area_id, months), _searches(session, area_id, months)
    offered, more = (_listed(_by_need(searches[outcome])) for outcome in ("offered", "more"))
    cases, minutes = _work(counts["work:cases"], counts["work:minutes"])
    return Quarter(
        useful=tuple(_useful(counts["useful"])),
        gaps=tuple(_gaps(searches["none"], offered)),
        offered=offered,
        more=more,
        replies=_times(counts["case:reply"]),
        closings=_times(counts["case:close"]),
        work_cases=cases,
        work_minutes=minutes,
    )


def together(tables: Sequence[Mapping[str, Table]]) -> dict[str, Table]:
    """The tables of several areas as one: sums of what is shown of each."""
    found: dict[str, Table] = {}
    for name in dict.fromkeys(name for one in tables for name in one):
        categories = dict.fromkeys(category for one in tables for category in one.get(name, {}))
        found[name] = {
            category: total([one[name][category] for one in tables if category in one.get(name, {})]) for category in categories
        }
        if name in LISTED:
            found[name] = dict(sorted(found[name].items(), key=_most_first))
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
    return _most_first((pair[0], figure(pair[1])))


def _most_first(pair: tuple[str, Figure]) -> tuple[int, str]:
    """The largest figure first, those that are alike by name."""
    return (-pair[1] if isinstance(pair[1], int) else 0), pair[0]


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


__all__ = [
    "FEW",
    "HELD",
    "Gap",
    "Quarter",
    "Table",
    "Times",
    "Useful",
    "areas",
    "month_tables",
    "quarter_tables",
    "tables_of_months",
    "together",
]
