"""The published tables of insight in the staff's words: each a sheet, which a page shows with its picture and a file holds as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from markupsafe import Markup

from bot.console.bars import Bar, bars
from bot.console.words import StaffWords
from bot.insight.births import Births
from bot.insight.disclosure import FEW, STEP, Figure, Hidden, total
from bot.insight.headings import load_headings
from bot.insight.measures import CAMPAIGN
from bot.insight.tables import LEVELS, Gap, Quarter, Table, Times
from bot.library import Library
from bot.settings import ROOT
from services_directory import vocabulary
from services_directory.imports.one_sheet import safe_cell

PAGES: Mapping[str, tuple[str, ...]] = {
    "time": (),
    "reach": ("people:arrival", "people:role", "people:language", "people:age", "people:channel"),
    "topics": ("topic", "unanswered", "conversation:ending", "conversation:hours"),
    "cases": ("case:level", "case:hours"),
    "gaps": (),
    "series": ("series:joined", "series:left"),
    "return": (),
}
"""The pages, and the tables by month on each."""

OVER_TIME = ("people:role", "people:language", "people:age", "people:channel", "conversation:ending", "case:level")
"""The tables that are shown month beside month: those whose categories are always the same."""

Held = Callable[[str, str | None], str]
"""How many services the directory holds for a kind of help, anywhere or near a place, in words."""

Facts = Callable[[Mapping[str, Table]], Sequence[tuple[str, str]]]
"""The sums of a month in words: what, and how many."""


MOST_COLUMNS = 5
"""Columns for which a small screen has room."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in words: its key, what it is of, its period, its columns and rows, and the bars of its picture."""

    key: str
    title: str
    period: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...] = ()
    total: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it goes sideways on a small screen."""
        return len(self.columns) > MOST_COLUMNS

    def picture(self, description: str) -> Markup:
        return bars(self.key, self.title, description, self.bars)

    def as_csv(self, area: str) -> str:
        """The rows of the page and nothing more, with the area and the period they are of. A spreadsheet runs none of its cells, and a byte
        order mark tells Excel that it is UTF-8."""
        out = io.StringIO(newline="")
        out.write("\ufeff")
        writer = csv.writer(out)
        writer.writerow((*map(safe_cell, self.columns), "area", "period"))
        writer.writerows((*map(safe_cell, row), safe_cell(area), self.period) for row in self.rows)
        return out.getvalue()


class Sheets:
    """Makes sheets of tables."""

    def __init__(self, words: StaffWords, library: Library) -> None:
        self._words, self._library = words, library
        self.headings = load_headings(ROOT)
        self._said: dict[str, Callable[[str], str]] = {
            "people:language": self._language,
            "people:role": self._role,
            "people:arrival": self._arrival,
            "people:channel": lambda code: self._words("insight.other") if code == "other" else self._words.channel(code),
            "topic": self._topic,
            "unanswered": self._topic,
            "series:joined": self._series,
            "series:left": self._left,
        }

    def figure(self, one: Figure) -> str:
        return self._words(f"insight.figure.{one.value}") if isinstance(one, Hidden) else f"{one}"

    def of_month(self, page: str, tables: Mapping[str, Table], month: str) -> list[Sheet]:
        """The sheets by month of a page."""
        return [self._plain(measure, tables.get(measure, {}), month) for measure in PAGES[page]]

    def over_time(self, months: Mapping[str, Mapping[str, Table]], facts: Facts) -> list[Sheet]:
        """What was published of each of some months, newest first, side by side; `facts` gives the sums of a month."""
        columns = tuple(months)
        period = f"{columns[-1]}-to-{columns[0]}"
        sums = [facts(tables) for tables in months.values()]
        rows = [(name, *(one[place][1] for one in sums)) for place, (name, _) in enumerate(sums[0])]
        found = [self._months("sums", period, columns, rows)]
        for measure in OVER_TIME:
            say = self._said.get(measure, partial(self._category, measure))
            categories = dict.fromkeys(category for tables in months.values() for category in tables[measure])
            of_each = [(one, [self.figure(tables[measure][one]) for tables in months.values()]) for one in categories]
            found.append(self._months(measure.replace(":", "-"), period, columns, [(say(one), *said) for one, said in of_each]))
        return found

    def _months(self, key: str, period: str, months: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Sheet:
        title = self._words(f"insight.title.{key}")
        return Sheet(f"time-{key}", title, period, (self._words(f"insight.of.{key}"), *months), tuple(rows))

    def of_quarter(self, page: str, quarter: Quarter, period: str, held: Held) -> list[Sheet]:
        """The sheets by quarter of a page."""
        if page == "topics":
            return [self._useful(quarter, period)]
        if page == "cases":
            times = (self._times("replies", quarter.replies, period), self._times("closings", quarter.closings, period))
            return [self._work(quarter, period), *times]
        if page == "return":
            return [self._return(quarter, period)]
        return list(self._gaps(quarter, period, held)) if page == "gaps" else []

    def births(self, area: str, births: Births, parents: Figure, month: str) -> Sheet:
        """Parents of a child under one who wrote in a month, against the births of a year."""
        share = f"{round(100 * parents / births.number)}" if isinstance(parents, int) else self._words("insight.no_share")
        row = (area, self.figure(parents), f"{births.number}", f"{births.year}", share)
        columns = self._columns("area", "parents", "births", "year", "share")
        return Sheet("births", self._words("insight.title.births"), month, columns, (row,))

    def _work(self, quarter: Quarter, period: str) -> Sheet:
        """What staff worked on, with an estimate of their minutes."""
        rows = []
        for level, cases in quarter.work_cases.items():
            minutes = quarter.work_minutes[level]
            each = self._words("insight.no_share")
            if isinstance(cases, int) and isinstance(minutes, int):
                each = f"{max(round(minutes / cases / STEP), 1) * STEP}"
            rows.append((self._words(f"insight.level.{level}"), self.figure(cases), self.figure(minutes), each))
        columns = self._columns("level", "worked_on", "minutes", "minutes_each")
        return Sheet("work", self._words("insight.title.work"), period, columns, tuple(rows))

    def _plain(self, measure: str, table: Table, month: str) -> Sheet:
        key, say = measure.replace(":", "-"), self._said.get(measure, partial(self._category, measure))
        rows = [(say(category), one) for category, one in table.items()]
        summed = "" if measure in ("topic", "series:joined", "series:left") else self.figure(total(table.values()))
        return self._sheet(key, month, rows, total=summed)

    def _sheet(self, key: str, period: str, rows: Iterable[tuple[str, Figure]], *, total: str = "") -> Sheet:
        drawn = tuple(Bar(label, one if isinstance(one, int) else None, self.figure(one)) for label, one in rows)
        columns = (self._words(f"insight.of.{key}"), self._words(f"insight.number.{key.split('-')[0]}"))
        return Sheet(
            key=key,
            title=self._words(f"insight.title.{key}"),
            period=period,
            columns=columns,
            rows=tuple((bar.label, bar.said) for bar in drawn),
            bars=drawn,
            total=total,
        )

    def _useful(self, quarter: Quarter, period: str) -> Sheet:
        rows = tuple((one.content_id, one.version, self.figure(one.yes), self.figure(one.no)) for one in quarter.useful)
        return Sheet(
            "useful", self._words("insight.title.useful"), period, self._columns("message", "version", "yes", "no"), rows
        )

    def _times(self, key: str, times: Mapping[str, Times], period: str) -> Sheet:
        rows = tuple(
            (
                self._words(f"insight.level.{level}"),
                *(self._within(step) for step in (times[level].median, times[level].nine_in_ten)),
            )
            for level in LEVELS
            if level in times
        )
        return Sheet(key, self._words(f"insight.title.{key}"), period, self._columns("level", "median", "nine"), rows)

    def _gaps(self, quarter: Quarter, period: str, held: Held) -> Iterable[Sheet]:
        needs = [(self._need(gap.need), gap) for gap in quarter.gaps]
        yield Sheet(
            "gaps",
            self._words("insight.title.gaps"),
            period,
            self._columns("need", "nothing", "offered", "directory"),
            tuple((need, self.figure(gap.people), self.figure(gap.offered), held(gap.need, None)) for need, gap in needs),
            tuple(self._bar(need, gap.people) for need, gap in needs),
        )
        yield Sheet(
            "gaps-place",
            self._words("insight.title.gaps-place"),
            period,
            self._columns("need", "place", "nothing", "directory"),
            tuple((need, *row) for need, gap in needs for row in self._places(gap, held)),
            tuple(self._bar(f"{need}, {self._place(place)}", one) for need, gap in needs for place, one in gap.places.items()),
        )
        yield Sheet(
            "gaps-language",
            self._words("insight.title.gaps-language"),
            period,
            self._columns("need", "language", "nothing"),
            tuple((need, self._language(code), self.figure(one)) for need, gap in needs for code, one in gap.languages.items()),
        )
        yield self._sheet("offered", period, [(self._need(need), one) for need, one in quarter.offered.items()])
        yield self._sheet("more", period, [(self._need(need), one) for need, one in quarter.more.items()])

    def _places(self, gap: Gap, held: Held) -> Iterable[tuple[str, str, str]]:
        for place, one in gap.places.items():
            there = held(gap.need, place) if place not in ("any", "other") else ""
            yield self._place(place), self.figure(one), there

    def _return(self, quarter: Quarter, period: str) -> Sheet:
        nothing = {gap.need: gap.people for gap in quarter.gaps}
        rows = tuple(
            (
                heading.name,
                *(self.figure(total([shown.get(need, FEW) for need in heading.needs])) for shown in (quarter.offered, nothing)),
            )
            for heading in self.headings.headings
        )
        columns = self._columns("heading", "offered", "nothing")
        return Sheet("return", self._words("insight.title.return"), period, columns, rows)

    def _bar(self, label: str, one: Figure) -> Bar:
        return Bar(label, one if isinstance(one, int) else None, self.figure(one))

    def _columns(self, *names: str) -> tuple[str, ...]:
        return tuple(self._words(f"insight.column.{name}") for name in names)

    def _within(self, step: str | None) -> str:
        if step is None:
            return self._words("insight.few_done")
        if step == "more":
            return self._words("insight.longer")
        return self._words("insight.within", span=self._words.span(timedelta(minutes=int(step))))

    # Categories

    def _category(self, measure: str, category: str) -> str:
        return self._words(f"insight.{measure.partition(':')[2]}.{category}")

    def _language(self, code: str) -> str:
        return self._words("insight.other") if code == "other" else self._words.language(code)

    def _role(self, role: str) -> str:
        return self._words("insight.unsaid") if role == "unsaid" else self._words(f"role.{role}")

    def _arrival(self, category: str) -> str:
        code = category.removeprefix(CAMPAIGN)
        if code == category:
            return self._words(f"insight.arrival.{category}")
        known = self._library.campaigns.by_code.get(code)
        return self._words("insight.arrival.campaign", name=known.name if known is not None else code)

    def _topic(self, topic: str) -> str:
        return self._words("insight.no_guess") if topic == "unsaid" else self._words.topic(topic)

    def _series(self, series: str) -> str:
        known = self._library.series.by_id.get(series)
        return known.name if known is not None else series

    def _left(self, category: str) -> str:
        series, _, why = category.rpartition(":")
        return self._words("insight.left", series=self._series(series), why=self._words(f"insight.why.{why}"))

    def _need(self, need: str) -> str:
        term = vocabulary().terms.get(need)
        return term.name if term is not None else self._words("insight.any_need") if need == "any" else need

    def _place(self, place: str) -> str:
        return self._words(f"insight.place.{place}") if place in ("any", "other") else place
