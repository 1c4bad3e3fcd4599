"""Searching the directory at scale: `python -m benchmarks.directory [--sizes 1000 20000 200000] [--postgres postgresql+psycopg://…]`.

Fills an empty database with invented services (two in three at one to two venues around invented towns, 3 needs, ages, weekly to
monthly hours, prices, texts of 94 words) and asks for the nearest five with a need, an age and a session this week: of Wren's index
in memory, of plain SQL on SQLite and, with `--postgres`, of plain SQL on PostgreSQL with earthdistance (or haversine within a box,
where the extension is missing). Printed: median and 95th percentile in milliseconds, and as ratios to the index; the time to build
the index and to take up an edit; and the search for words with one wrong letter. Plain SQL knows no exceptions, bank holidays,
terms or reasons: it does less.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

from sqlalchemy import Engine, create_engine, insert, make_url, text, update
from sqlalchemy.orm import Session

from services_directory import Directory, Place, Query, migrate, models, open_engine, vocabulary
from services_directory.changes import WATCHED, note_changes, note_no_changes
from services_directory.sheet import sync_vocabulary
from services_directory.snapshot import load_snapshot
from services_directory.triggers import unwatch, watch

NOW = datetime(2026, 11, 24, 9, 30)
TOWNS, ASKED, BATCH = 400, 200, 2_000
AGES = ((-9, 0), (0, 6), (0, 12), (6, 18), (12, 36), (24, 60), (0, 60), (None, None))
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA")
Row = dict[str, Any]


class Invented:
    """Towns, words and services that nobody has heard of, the same each time."""

    def __init__(self, count: int) -> None:
        self.chance = random.Random(7)
        self.count = count
        self.towns = [(self.chance.uniform(50.5, 57), self.chance.uniform(-4.5, 1.3), f"Town {n}") for n in range(TOWNS)]
        self.weights = [1 / (n + 3) for n in range(TOWNS)]
        syllables = ["ba", "ke", "li", "mo", "nu", "ra", "si", "to", "ve", "dor", "fen", "gil", "han", "jop", "wes", "yat"]
        self.words = sorted({"".join(self.chance.choices(syllables, k=self.chance.randint(3, 5))) for _ in range(30_000)})
        self.word_weights = list(itertools.accumulate(1 / (n + 10) for n in range(len(self.words))))
        self.codes = sorted(vocabulary().terms)

    def said(self, length: int) -> str:
        return " ".join(self.chance.choices(self.words, cum_weights=self.word_weights, k=length))

    def id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def town(self) -> int:
        return self.chance.choices(range(TOWNS), weights=self.weights)[0]

    def venues(self) -> Iterator[tuple[str, Row]]:
        self.locations: list[tuple[str, int]] = []
        for number in range(max(1, self.count // 2)):
            town, key = self.town(), self.id()
            latitude, longitude, name = self.towns[town]
            self.locations.append((key, town))
            yield (
                "location",
                {
                    "id": key,
                    "location_type": "physical",
                    "name": f"Hall {number}",
                    "latitude": self.chance.gauss(latitude, 0.06),
                    "longitude": self.chance.gauss(longitude, 0.09),
                    "nation": "england",
                    "family_hub": number % 50 == 0,
                    "private": False,
                    "last_modified": models.now(),
                },
            )
            yield (
                "address",
                {
                    "id": self.id(),
                    "location_id": key,
                    "address_1": "1 Example Street",
                    "city": name,
                    "state_province": f"District {town // 4}",
                    "postal_code": f"QQ{town % 99} {number % 10}AA",
                    "country": "GB",
                    "address_type": "physical",
                },
            )

    def services(self, organisation: str, terms: dict[str, str]) -> Iterator[tuple[str, Row]]:
        chance = self.chance
        for number in range(self.count):
            key, located = self.id(), chance.random() < 0.88
            low, high = chance.choice(AGES)
            yield (
                "service",
                {
                    "id": key,
                    "organisation_id": organisation,
                    "name": f"{self.said(3).title()} {number}",
                    "description": self.said(94),
                    "status": "active",
                    "approval": "approved",
                    "level_of_need": chance.choice(models.LEVELS),
                    "minimum_age_months": low,
                    "maximum_age_months": high,
                    "referral_route": "self",
                    "interpreter": chance.random() < 0.2,
                    "assured_date": date.fromordinal(NOW.toordinal() - chance.randint(0, 900)),
                    "open_on_bank_holidays": False,
                    "term_time_only": chance.random() < 0.2,
                    "last_modified": models.now(),
                },
            )
            yield from self.parts(key, located, terms)

    def parts(self, key: str, located: bool, terms: dict[str, str]) -> Iterator[tuple[str, Row]]:
        chance = self.chance
        for mode in ("go",) if located else (chance.choice(("phone", "online", "home")),):
            yield "service_mode", {"service_id": key, "mode": mode}
        at: list[str] = []
        for place in {chance.randrange(len(self.locations)) for _ in range(chance.choice((1, 2)))} if located else ():
            at.append(self.id())
            yield "service_at_location", {"id": at[-1], "service_id": key, "location_id": self.locations[place][0]}
        if not located or chance.random() < 0.2:
            name = "UK" if chance.random() < 0.1 else f"District {self.town() // 4}"
            yield "service_area", {"id": self.id(), "service_id": key, "name": name}
        for code in chance.sample(self.codes, 3):
            yield "attribute", {"id": self.id(), "link_id": key, "link_entity": "service", "taxonomy_term_id": terms[code]}
        for _ in range(chance.choice((1, 1, 2, 3))):
            opens = chance.choice((9, 10, 13, 15, 18))
            monthly, fortnightly = chance.random() < 0.05, chance.random() < 0.1
            yield (
                "schedule",
                {
                    "id": self.id(),
                    "service_id": key,
                    "service_at_location_id": chance.choice(at) if at else None,
                    "freq": "MONTHLY" if monthly else "WEEKLY",
                    "interval": 2 if fortnightly and not monthly else 1,
                    "byday": f"{chance.randint(1, 4)}{chance.choice(DAYS)}" if monthly else chance.choice(DAYS),
                    "dtstart": date(2025, 1, chance.randint(1, 28)) if fortnightly else None,
                    "valid_to": date(2026, 10, 1) if chance.random() < 0.1 else None,
                    "opens_at": clock_time(opens),
                    "closes_at": clock_time(opens + 2),
                },
            )
        yield "cost_option", {"id": self.id(), "service_id": key, "amount": chance.choice((0, 0, 2)), "currency": "GBP"}
        if chance.random() < 0.15:
            yield "language", {"id": self.id(), "service_id": key, "code": chance.choice(("ur", "pl", "cy", "ar"))}


def fill(engine: Engine, invented: Invented) -> None:
    """Write it all. The triggers are off meanwhile: what they cost belongs to imports."""
    with engine.begin() as connection:
        tables = [name for name in models.Base.metadata.tables if name not in ("directory_revision", "directory_change")]
        for table in tables:
            unwatch(connection, table)
        for table in WATCHED:
            note_no_changes(connection, table)
    waiting: dict[str, list[Row]] = {}

    def write(connection: Any, least: int) -> None:
        # In the order of the first row of each: what is referred to goes first.
        if any(len(rows) >= least for rows in waiting.values()):
            for table, rows in waiting.items():
                if rows:
                    connection.execute(insert(models.Base.metadata.tables[f"directory_{table}"]), rows)
                    rows.clear()

    with engine.begin() as connection, Session(connection) as session:
        terms = sync_vocabulary(session)
        session.flush()
        organisation = invented.id()
        owner = {"id": organisation, "name": "Invented", "description": "", "last_modified": models.now()}
        connection.execute(insert(models.Base.metadata.tables["directory_organisation"]), owner)
        for table, row in itertools.chain(invented.venues(), invented.services(organisation, terms)):
            waiting.setdefault(table, []).append(row)
            write(connection, BATCH)
        write(connection, 1)
        session.commit()
    with engine.begin() as connection:
        for table in tables:
            watch(connection, table)
        for table, noted in WATCHED.items():
            note_changes(connection, table, *noted)
        connection.exec_driver_sql("UPDATE directory_revision SET revision = revision + 1")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def questions(invented: Invented) -> list[tuple[Place, str, int]]:
    chance = random.Random(11)
    found = []
    for _ in range(ASKED):
        latitude, longitude, name = invented.towns[chance.choices(range(TOWNS), weights=invented.weights)[0]]
        district = f"district {int(name.split()[1]) // 4}"
        point = (chance.gauss(latitude, 0.05), chance.gauss(longitude, 0.07))
        place = Place("town", name, *point, "exact", frozenset({name.lower(), district, "england", "uk"}))
        found.append((place, chance.choice(invented.codes), chance.choice((-3, 4, 10, 20, 40))))
    return found


Times = tuple[float, float, float, float]


def timed(calls: list[Callable[[], object]]) -> Times:
    """Median and 95th percentile in milliseconds by the clock, then by this thread's processor; one in ten is a warm-up."""
    for call in calls[: len(calls) // 10]:
        call()
    clock, processor = [], []
    for call in calls:
        begun, worked = time.perf_counter(), time.thread_time()
        call()
        clock.append(1000 * (time.perf_counter() - begun))
        processor.append(1000 * (time.thread_time() - worked))
    return (*_middle_and_high(clock), *_middle_and_high(processor))


def _middle_and_high(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


def once(call: Callable[[], object]) -> Times:
    """What one call takes, by the clock and by the processor."""
    begun, worked = time.perf_counter(), time.thread_time()
    call()
    clock, processor = 1000 * (time.perf_counter() - begun), 1000 * (time.thread_time() - worked)
    return clock, clock, processor, processor


# "This week" as plain SQL can have it: some schedule that is in force, weekly or not.
OPEN = """EXISTS (SELECT 1 FROM directory_schedule h WHERE h.service_id = s.id
  AND (h.valid_to IS NULL OR h.valid_to >= :day) AND (h.freq = 'WEEKLY' AND h."interval" = 1))"""
FITS = """s.approval = 'approved' AND s.status = 'active'
  AND (s.minimum_age_months IS NULL OR s.minimum_age_months <= :age)
  AND (s.maximum_age_months IS NULL OR s.maximum_age_months >= :age)"""
TAGGED = """EXISTS (SELECT 1 FROM directory_attribute a JOIN directory_taxonomy_term t ON t.id = a.taxonomy_term_id
  WHERE a.link_entity = 'service' AND a.link_id = s.id AND t.code IN (:need, :parent))"""
MILES = """7917.6 * asin(sqrt(power(sin(radians(l.latitude - :lat) / 2), 2)
  + cos(radians(:lat)) * cos(radians(l.latitude)) * power(sin(radians(l.longitude - :lon) / 2), 2)))"""
JOINED = """directory_location l JOIN directory_service_at_location k ON k.location_id = l.id
  JOIN directory_service s ON s.id = k.service_id"""
BOX = "l.latitude BETWEEN :lat - 0.22 AND :lat + 0.22 AND l.longitude BETWEEN :lon - 0.4 AND :lon + 0.4"
IN_BOX = f"SELECT s.id, {MILES} AS miles FROM {JOINED} WHERE {BOX} AND {FITS} AND {TAGGED} AND {OPEN} ORDER BY miles LIMIT 5"
ON_EARTH = f"""SELECT s.id, earth_distance(ll_to_earth(:lat, :lon), ll_to_earth(l.latitude, l.longitude)) / 1609.344 AS miles
  FROM {JOINED} WHERE earth_box(ll_to_earth(:lat, :lon), 24140) @> ll_to_earth(l.latitude, l.longitude)
  AND {FITS} AND {TAGGED} AND {OPEN} ORDER BY miles LIMIT 5"""


def plain_sql(engine: Engine, asked: list[tuple[Place, str, int]]) -> tuple[str, Times]:
    """Ask the database itself; return how, and the times."""
    how, query = "SQLite, haversine in a box", text(IN_BOX)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            how = "PostgreSQL, haversine in a box"
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS earthdistance CASCADE")
                    connection.exec_driver_sql(
                        "CREATE INDEX IF NOT EXISTS bench_earth ON directory_location USING gist (ll_to_earth(latitude, longitude))"
                    )
                how, query = "PostgreSQL, earthdistance", text(ON_EARTH)
            except Exception as error:
                print(f"earthdistance is not there ({type(error).__name__}): haversine in a box instead")
        connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS bench_place ON directory_location (latitude, longitude)")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    words = vocabulary()
    with engine.connect() as connection:
        calls = [
            lambda p=place, n=need, a=age: connection.execute(
                query,
                {
                    "lat": p.latitude,
                    "lon": p.longitude,
                    "need": n,
                    "parent": words.terms[n].parent or n,
                    "age": a,
                    "day": NOW.date() if engine.dialect.name == "postgresql" else NOW.date().isoformat(),
                },
            ).all()
            for place, need, age in asked
        ]
        return how, timed(calls)


def wren(engine: Engine, invented: Invented, asked: list[tuple[Place, str, int]]) -> dict[str, Times]:
    """Build, ask, edit; return the times of each in milliseconds."""
    results = {}
    directory = Directory(engine, clock=lambda: NOW)
    results["build, without words"] = once(lambda: directory.prepare(texts=False))
    results["words"] = once(directory.prepare)
    snapshot = directory._current_snapshot()
    queries = [Query(place=place, need=need, age_months=age, this_week=True) for place, need, age in asked]

    def rank(query: Query) -> object:
        return snapshot.rank(snapshot.ask(query, NOW.date(), NOW.time()))

    results["nearest five"] = timed([lambda q=query: rank(q) for query in queries])
    results["nearest five, whole records read"] = timed([lambda q=query: directory.search(q) for query in queries[:100]])
    chance = random.Random(13)
    typed = []
    for _ in range(ASKED):
        word = invented.words[min(len(invented.words) - 1, int(chance.expovariate(1 / 3000)))]
        at = chance.randrange(1, len(word) - 1)
        typed.append(word[:at] + "x" + word[at + 1 :])
    results["one word, one wrong letter"] = timed([lambda w=word: rank(Query(text=w)) for word in typed])
    results["the same with a place"] = timed(
        [lambda w=word, p=asked[n][0]: rank(Query(text=w, place=p)) for n, word in enumerate(typed)]
    )
    ids = [snapshot.parts[0].columns.ids[n * 7 % len(snapshot)] for n in range(20)]
    edits = []
    for service_id in ids:
        with engine.begin() as connection:
            changed = update(models.Service).where(models.Service.id == service_id)
            connection.execute(changed.values(interpreter=True, level_of_need="targeted"))

        def take_up() -> None:
            nonlocal snapshot
            snapshot = load_snapshot(engine, snapshot)
            snapshot.rank(snapshot.ask(queries[0], NOW.date(), NOW.time()))

        edits.append(once(take_up))
    results["an edit, until the next answer"] = (
        *_middle_and_high([edit[0] for edit in edits]),
        *_middle_and_high([edit[2] for edit in edits]),
    )
    return results


def measure(size: int, url: str | None) -> None:
    """Print the table of one size."""
    invented = Invented(size)
    asked = questions(invented)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/directory.sqlite3")
        migrate(engine)
        fill(engine, invented)
        results = wren(engine, invented, asked)
        baselines = [plain_sql(engine, asked)]
        engine.dispose()
    if url:
        schema = f"directory_bench_{uuid.uuid4().hex[:8]}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        engine = open_engine(
            make_url(url).update_query_dict({"options": f"-csearch_path={schema},public"}).render_as_string(hide_password=False)
        )
        try:
            migrate(engine)
            fill(engine, Invented(size))
            baselines.append(plain_sql(engine, asked))
            results |= {f"PostgreSQL: {name}": took for name, took in wren(engine, invented, asked).items() if "build" in name}
        finally:
            engine.dispose()
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
            admin.dispose()
    ours = results["nearest five"]
    print(f"\n## {size:,} services\n\n| | p50 ms | p95 ms | processor p50 | p95 | ratio p50 | p95 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, took in [*results.items(), *baselines]:
        plain = (name, took) in baselines
        ratio = f"{took[0] / ours[0]:.1f} | {took[1] / ours[1]:.1f}" if plain else "|"
        processor = f"{took[2]:,.2f} | {took[3]:,.2f}" if "PostgreSQL" not in name else "|"
        print(f"| {name} | {took[0]:,.2f} | {took[1]:,.2f} | {processor} | {ratio} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 20_000, 200_000])
    parser.add_argument("--postgres", help="a database in which a schema may be made and dropped")
    given = parser.parse_args()
    for size in given.sizes:
        measure(size, given.postgres)


if __name__ == "__main__":
    main()
