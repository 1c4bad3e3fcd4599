"""Searching the directory at scale: `python -m benchmarks.directory [--sizes 1000 20000 200000] [--postgres postgresql+psycopg://…]`.

With `--keep FOLDER` what was filled stays there for the next run: filling 200,000 services takes longer than all that is measured.

Fills an empty database with invented services (seven in eight at one to two venues around invented towns, 3 needs, ages, weekly to
monthly hours, prices, texts of 94 words) and asks for the nearest five with a need, an age and a session this week: of Wren's index
in memory, of plain SQL on SQLite and, with `--postgres`, of plain SQL on PostgreSQL with earthdistance (or haversine within a box,
where the extension is missing). Printed: median and 95th percentile in milliseconds, by the clock and by the processor of this
thread (which other work on the machine lengthens less, and which says nothing of what a server of its own does), and as ratios to
the index; the time to build the index and to take up an edit of a service and of a venue; and the search for words with one wrong
letter. The first time that a question's need or age is asked for, its masks are made; both times are told. Plain SQL knows no
exceptions, bank holidays, terms or reasons: it does less.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text, update

from benchmarks.directory_filling import NOW, TOWNS, Invented, copy_over, filled
from services_directory import Directory, Place, Query, migrate, models, open_engine, vocabulary
from services_directory.snapshot import Snapshot, load_snapshot

ASKED, PLAIN_ASKED, EDITS = 200, 100, 40
OURS = "nearest five"


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
    how, query = "plain SQL on SQLite, haversine in a box", text(IN_BOX)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            how = "plain SQL on PostgreSQL, haversine in a box"
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS earthdistance CASCADE")
                    connection.exec_driver_sql(
                        "CREATE INDEX IF NOT EXISTS bench_earth ON directory_location USING gist (ll_to_earth(latitude, longitude))"
                    )
                how, query = "plain SQL on PostgreSQL, earthdistance", text(ON_EARTH)
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
            for place, need, age in asked[:PLAIN_ASKED]
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

    results["nearest five, asked for the first time"] = timed([lambda q=query: rank(q) for query in queries])
    results[OURS] = timed([lambda q=query: rank(q) for query in queries])
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
    results |= edits(engine, snapshot, lambda held: held.rank(held.ask(queries[0], NOW.date(), NOW.time())))
    snapshot = directory._current_snapshot()
    results["nearest five, after these edits"] = timed([lambda q=query: rank(q) for query in queries])
    return results


def edits(engine: Engine, snapshot: Snapshot, answer: Callable[[Snapshot], object]) -> dict[str, Times]:
    """Edit services and venues, one after the other; return how long each takes to be in an answer."""
    held = snapshot
    columns = snapshot.parts[0].columns
    chosen = {
        "an edit of a service, until the next answer": (
            models.Service,
            columns.ids,
            {"interpreter": True, "level_of_need": "targeted"},
        ),
        "an edit of a venue, until the next answer": (
            models.Location,
            columns.venue_ids,
            {"name": "Another Hall", "latitude": 52.1},
        ),
    }
    results = {}
    for name, (table, ids, values) in chosen.items():
        took = []
        for number in range(EDITS):
            with engine.begin() as connection:
                connection.execute(update(table).where(table.id == ids[number * 7 % len(ids)]).values(**values))

            def take_up() -> None:
                nonlocal held
                held = load_snapshot(engine, held)
                answer(held)

            took.append(once(take_up))
        results[name] = (*_middle_and_high([one[0] for one in took]), *_middle_and_high([one[2] for one in took]))
    return results


def on_postgresql(
    url: str, source: Engine, invented: Invented, asked: list[tuple[Place, str, int]]
) -> tuple[str, Times, dict[str, Times]]:
    """Fill a schema of its own; return how plain SQL was asked and its times, and those of building the index and of edits."""
    schema = f"directory_bench_{uuid.uuid4().hex[:8]}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    engine = open_engine(
        make_url(url).update_query_dict({"options": f"-csearch_path={schema},public"}).render_as_string(hide_password=False)
    )
    try:
        migrate(engine)
        copy_over(source, engine)
        how, plain = plain_sql(engine, asked)
        ours = wren(engine, invented, asked)
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        admin.dispose()
    return how, plain, {f"with PostgreSQL: {name}": took for name, took in ours.items() if "build" in name or "edit of" in name}


def measure(size: int, url: str | None, keep: Path | None) -> None:
    """Print the table of one size."""
    invented = Invented(size)
    asked = questions(invented)
    with tempfile.TemporaryDirectory() as folder:
        engine = filled(size, Path(folder), keep)
        baselines = []
        if url:
            how, plain, built = on_postgresql(url, engine, invented, asked)
            baselines.append((how, plain))
        results = wren(engine, invented, asked)
        baselines.append(plain_sql(engine, asked))
        engine.dispose()
    results |= built if url else {}
    ours = results[OURS]
    print(f"\n## {size:,} services\n\n| | p50 ms | p95 ms | processor p50 | p95 | ratio p50 | p95 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, took in [*results.items(), *baselines]:
        plain = (name, took) in baselines
        ratio = f"{took[0] / ours[0]:.1f} | {took[1] / ours[1]:.1f}" if plain else "|"
        processor = "|" if name.startswith("plain SQL on PostgreSQL") else f"{took[2]:,.2f} | {took[3]:,.2f}"
        print(f"| {name} | {took[0]:,.2f} | {took[1]:,.2f} | {processor} | {ratio} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 20_000, 200_000])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a folder for filled databases, used again by the next run")
    parser.add_argument("--postgres", help="a database in which a schema may be made and dropped")
    given = parser.parse_args()
    for size in given.sizes:
        measure(size, given.postgres, given.keep)


if __name__ == "__main__":
    main()
