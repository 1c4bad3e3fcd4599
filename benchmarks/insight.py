"""A year of made-up families through the real counting: `python -m benchmarks.insight [--families 100000] [--url postgresql+psycopg://…]`.

Writes the families into an empty database (SQLite in a temporary folder, or the one at `--url`), counts every day, and compares all that is
published with what was made up. Then a reader who knows the rules attacks every published table of every area, month and quarter. Ends with
status 1 if a figure is wrong or somebody is found. Printed besides: how long counting a day takes against the plain query that any count
begins with, the day's messages.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from bot.insight import measures
from bot.insight.collect import collect, whole_months
from bot.insight.measures import Span
from bot.insight.tables import CATEGORIES, month_tables
from bot.storage.engine import Database
from bot.storage.tables import Inbox
from tests.databases import migrate_both
from tests.insight.attack import found
from tests.insight.simulate import AREAS, Plan, at, is_open, write
from tests.insight.test_tables import fits, of_the_same_people

ASKED = 15


def wrong(plan: Plan, database: Database) -> Iterator[str]:
    """Every published figure of people and conversations that does not fit what was made up."""
    truth = plan.truth()
    with database.read() as session:
        for month in whole_months(session):
            for area in AREAS:
                tables = month_tables(session, area, month)
                for measure in (name for name in CATEGORIES if not name.startswith("case")):
                    for category, one in tables[measure].items():
                        if not fits(one, truth[month][area, measure, category]):
                            yield f"{month} {area} {measure} {category}"


def ratio(database: Database, year: int) -> tuple[float, float]:
    """Median seconds of counting a day, and how many times that of reading its messages."""
    counts, reads = [], []
    with database.read() as session:
        for number in range(ASKED):
            span = Span.of(date(year, 6, 1) + timedelta(days=number))
            begun = time.perf_counter()
            session.execute(select(Inbox.person_id, Inbox.topic, Inbox.received_at).where(span.holds(Inbox.received_at))).all()
            read = time.perf_counter()
            measures.count(session, span.day, is_open)
            reads.append(read - begun)
            counts.append(time.perf_counter() - read)
    return statistics.median(counts), statistics.median(counts) / statistics.median(reads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", type=int, default=100_000)
    parser.add_argument("--url", help="an empty database; its tables are made")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = asked.url or f"sqlite:///{Path(folder) / 'wren.sqlite3'}"
        migrate_both(url)
        database, plan = Database(url), Plan.draw(asked.families)
        write(plan, database)
        days = collect(database, is_open, at(date(plan.year + 1, 1, 20)), most=400)
        mistakes = list(wrong(plan, database))
        sets = list(of_the_same_people(database))
        people = [(where, *group) for where, tables in sets for group in found(tables)]
        seconds, times = ratio(database, plan.year)
        database.dispose()
    figures = sum(len(table) for _, tables in sets for table in tables.values())
    print(f"{asked.families:,} families, {len(days)} days counted, {figures:,} figures published in {len(sets)} sets of tables.")
    print(f"Figures that do not fit: {len(mistakes)}. Groups of 1 to 9 people found by the attack: {len(people)}.")
    print(f"Counting a day: {seconds * 1000:.0f} ms, {times:.1f} times reading its messages.")
    for one in [*mistakes, *map(str, people)][:20]:
        print(one)
    sys.exit(1 if mistakes or people else 0)


if __name__ == "__main__":
    main()
