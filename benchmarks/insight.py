"""A year of made-up families through the real counting: `python -m benchmarks.insight [--families 100000] [--url postgresql+psycopg://…]`.

Writes the families into an empty database (SQLite in a temporary folder, or the one at `--url`), counts every day, and compares all that is
published with what was made up. Then a reader who knows the rules attacks it:

- each set of tables by itself, any two hidden groups together;
- an area's whole year in one: months against months, people against conversations, topics and series;
- a campaign's links against its months in every area;
- two days of publication, between which people were forgotten;
- and once more with secondary suppression switched off, to see that the attack finds what is not protected.

Areas are of very different size, the smallest with a few families a month. Ends with status 1 if a figure is wrong or somebody is found.
Printed besides: how long each part took, and how long counting a day takes against the plain query that any count begins with, the day's
messages.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import func, select

from bot.insight import campaigns, disclosure, measures
from bot.insight.collect import collect, whole_months
from bot.insight.days import months_of, quarter_of
from bot.insight.measures import Span
from bot.insight.tables import CATEGORIES, TOGETHER, Quarter, Table, month_tables, quarter_tables, tables_of_months
from bot.people import forget
from bot.storage.engine import Database
from bot.storage.tables import Inbox
from tests.databases import migrate_both
from tests.insight.attack import found, read_links, read_year
from tests.insight.simulate import RUNNING, Plan, at, is_open, write
from tests.insight.test_tables import fits, minutes_of

ASKED = 15
FORGOTTEN = 200
SHARES = {
    "city": 500,
    "north": 250,
    "coast": 120,
    "hills": 60,
    "marsh": 30,
    "moor": 20,
    "vale": 10,
    "island": 5,
    "farms": 3,
    "rock": 2,
}
AREAS = tuple(sorted(SHARES))

Published = dict[str, dict[str, dict[str, Table]]]
"""Of each area, of each month, all tables."""


@dataclass(slots=True)
class Report:
    """What took how long, and what was wrong or found."""

    seconds: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    solved: int = 0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begun, used = time.monotonic(), time.process_time()
        yield
        self.seconds[name] = time.monotonic() - begun
        print(
            f"{name}: {self.seconds[name]:.0f} s, {time.process_time() - used:.0f} s of the processor",
            file=sys.stderr,
            flush=True,
        )


def publish(database: Database) -> tuple[Published, dict[str, dict[str, Quarter]]]:
    """All that is published of people by month and by quarter."""
    with database.read() as session:
        months = sorted(whole_months(session))
        quarters = sorted({quarter_of(month) for month in months})
        by_month = {area: {month: month_tables(session, area, month) for month in months} for area in AREAS}
        return by_month, {area: {quarter: quarter_tables(session, area, quarter) for quarter in quarters} for area in AREAS}


def wrong(plan: Plan, published: Published) -> Iterator[str]:
    """Every published figure of people, topics, conversations and cases that does not fit what was made up."""
    truth = plan.truth()
    for area, months in published.items():
        for month, tables in months.items():
            for measure in (*CATEGORIES, "topic"):
                for category, one in tables[measure].items():
                    if not fits(one, truth[month][area, measure, category]):
                        yield f"wrong: {month} {area} {measure} {category}"


def wrong_work(plan: Plan, quarters: dict[str, dict[str, Quarter]]) -> Iterator[str]:
    """The same of the cases that staff worked on, and of their minutes."""
    truth = plan.truth()
    for area, of_area in quarters.items():
        for quarter, tables in of_area.items():
            for level, one in tables.work_cases.items():
                cases = sum(truth[month][area, "work:cases", level] for month in months_of(quarter))
                minutes = minutes_of(cases) if isinstance(one, int) else disclosure.HELD
                if not fits(one, cases) or tables.work_minutes[level] != minutes:
                    yield f"wrong: {quarter} {area} minutes {level}"


def attack_sets(published: Published, quarters: dict[str, dict[str, Quarter]]) -> Iterator[str]:
    """Each set of tables that divides the same people, by itself."""
    for area, months in published.items():
        sets = {
            (month, group[0]): {name: tables[name] for name in group} for month, tables in months.items() for group in TOGETHER
        }
        for quarter, one in quarters[area].items():
            sets |= {(quarter, gap.need): {"place": gap.places, "language": gap.languages} for gap in one.gaps}
        yield from (f"found: {area} {where} {group}" for where, tables in sets.items() for group in found(tables))


def attack_years(published: Published, report: Report) -> Iterator[str]:
    """Each area's year in one."""
    for area, months in published.items():
        reader = read_year(months)
        for month, tables in months.items():
            of_people = {name: tables[name] for group in TOGETHER for name in group}
            yield from (f"found: {area} {group}" for group in reader.finds(of_people, f"{month} "))
        report.solved += reader.solved


def attack_links(plan: Plan, database: Database, report: Report) -> Iterator[str]:
    """Each campaign's links in each quarter; and whether what is shown of them fits what was made up."""
    truth = plan.by_link()
    with database.read() as session:
        tables = tables_of_months(session, whole_months(session))
        arrivals = {month: [one["people:arrival"] for one in of_areas] for month, of_areas in tables.items()}
        for code in RUNNING:
            for quarter, links in campaigns.by_link(session, code).items():
                areas = [arrivals[month] for month in months_of(quarter)]
                reader = read_links(links, areas, code)
                hidden = {name: {code: table.get(f"campaign:{code}", disclosure.FEW)} for name, table in _named(areas)}
                yield from (f"found: {code} {quarter} {group}" for group in reader.finds({**hidden, "links": links}))
                for suffix, one in links.items():
                    if not fits(one, sum(truth[code, suffix, month] for month in months_of(quarter))):
                        yield f"wrong: {code}-{suffix} {quarter}"
                report.solved += reader.solved


def _named(areas: list[list[Table]]) -> Iterator[tuple[str, Table]]:
    for number, of_areas in enumerate(areas):
        yield from ((f"campaign {number} {place}", table) for place, table in enumerate(of_areas))


def attack_days(published: Published, database: Database) -> Iterator[str]:
    """What is published again after some people were forgotten: the same, to the last figure."""
    with database.write() as session:
        for person_id in range(1, FORGOTTEN + 1):
            forget(session, person_id, except_inbox=0)
    collect(database, is_open, at(date(2026, 1, 25)), most=400)
    again, _ = publish(database)
    yield from (
        f"found: {area} {month} tells who was forgotten"
        for area, months in published.items()
        for month, tables in months.items()
        if again[area][month] != tables
    )


def unprotected(database: Database) -> int:
    """In how many sets of tables of people a small group is found when only small cells are hidden."""
    with patch.object(disclosure, "_risky", lambda shown, least: None):
        published, _ = publish(database)
    sets = [
        {name: tables[name] for name in group}
        for months in published.values()
        for tables in months.values()
        for group in TOGETHER
    ]
    return sum(next(found(tables, biggest=1), None) is not None for tables in sets)


def ratio(database: Database, year: int) -> tuple[float, float]:
    """Median seconds of counting a day, and how many times that of reading its messages."""
    counts, reads = [], []
    with database.read() as session:
        for number in range(ASKED):
            span = Span.of(date(year, 6, 1) + timedelta(days=number))
            begun = time.process_time()
            session.execute(select(Inbox.person_id, Inbox.topic, Inbox.received_at).where(span.holds(Inbox.received_at))).all()
            read = time.process_time()
            measures.count(session, span.day, is_open)
            reads.append(read - begun)
            counts.append(time.process_time() - read)
    return statistics.median(counts), statistics.median(counts) / max(statistics.median(reads), 1e-9)


def run(families: int, database: Database) -> Report:
    report = Report()
    with report.part("making up the families"):
        plan = Plan.draw(families, areas=tuple(area for area, share in SHARES.items() for _ in range(share)))
    with report.part("writing them"):
        write(plan, database)
    with report.part("counting the year"):
        days = collect(database, is_open, at(date(plan.year + 1, 1, 20)), most=400)
    with report.part("publishing it"):
        published, quarters = publish(database)
        report.wrong += [*wrong(plan, published), *wrong_work(plan, quarters)]
    with report.part("attacking each set of tables"):
        report.wrong += attack_sets(published, quarters)
    with report.part("attacking each area's year"):
        report.wrong += attack_years(published, report)
    with report.part("attacking links"):
        report.wrong += attack_links(plan, database, report)
    with report.part("attacking without secondary suppression"):
        bare = unprotected(database)
    seconds, times = ratio(database, plan.year)
    with report.part("forgetting some, and publishing again"):
        report.wrong += attack_days(published, database)
    with database.read() as session:
        messages = session.scalar(select(func.count()).select_from(Inbox))
    _say(published, quarters, report, f"{families:,} families, {messages:,} messages, {len(days)} days counted")
    print(f"Without secondary suppression the attack finds somebody in {bare} sets of tables.")
    print(f"Counting a day: {seconds * 1000:.0f} ms of the processor, {times:.1f} times reading its messages.")
    return report


def _say(published: Published, quarters: dict[str, dict[str, Quarter]], report: Report, what: str) -> None:
    tables = [table for months in published.values() for one in months.values() for table in one.values()]
    tables += [
        table for area in quarters.values() for one in area.values() for gap in one.gaps for table in (gap.places, gap.languages)
    ]
    figures = [one for table in tables for one in table.values()]
    held = sum(one is disclosure.HELD for one in figures)
    few = sum(one is disclosure.FEW for one in figures)
    print(
        f"{what}, {len(AREAS)} areas: {len(figures):,} figures in {len(tables):,} tables, {few:,} under 10, {held:,} held back."
    )
    found_ = sum(one.startswith("found") for one in report.wrong)
    print(f"Figures that do not fit: {len(report.wrong) - found_}. Groups of 1 to 9 people found: {found_}.")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{report.solved:,} linear programmes over whole years and links. {sum(report.seconds.values()) / 60:.0f} minutes, {memory:.0f} MB."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", type=int, default=100_000)
    parser.add_argument("--url", help="an empty database; its tables are made")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = asked.url or f"sqlite:///{Path(folder) / 'wren.sqlite3'}"
        migrate_both(url)
        database = Database(url)
        report = run(asked.families, database)
        database.dispose()
    for one in report.wrong[:20]:
        print(one)
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
