"""Directories of invented services, for measuring and for tests: the same each time, of any size."""

from __future__ import annotations

import itertools
import random
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from services_directory import migrate, models, open_engine, vocabulary
from services_directory.changes import WATCHED, note_changes, note_no_changes
from services_directory.sheet import sync_vocabulary
from services_directory.triggers import unwatch, watch

NOW = datetime(2026, 11, 24, 9, 30)
TOWNS, BATCH = 400, 2_000
AGES = ((-9, 0), (0, 6), (0, 12), (6, 18), (12, 36), (24, 60), (0, 60), (None, None))
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA")
UNFILLED = ("directory_revision", "directory_change")
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
        self.often = np.cumsum([1 / (n + 10) for n in range(len(self.words))])
        self.numbers = np.random.default_rng(7)
        self.codes = sorted(vocabulary().terms)

    def said(self, length: int) -> str:
        # A word is as likely as its part of a line of all of them.
        chosen = np.searchsorted(self.often, self.numbers.random(length) * self.often[-1])
        return " ".join(map(self.words.__getitem__, chosen.tolist()))

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


@contextmanager
def quiet(engine: Engine) -> Iterator[None]:
    """Take the triggers off meanwhile (what they cost belongs to imports), and have the database count its rows at the end."""
    with engine.begin() as connection:
        for table in models.Base.metadata.tables:
            if table not in UNFILLED:
                unwatch(connection, table)
        for table in WATCHED:
            note_no_changes(connection, table)
    yield
    with engine.begin() as connection:
        for table in models.Base.metadata.tables:
            if table not in UNFILLED:
                watch(connection, table)
        for table, noted in WATCHED.items():
            note_changes(connection, table, *noted)
        connection.exec_driver_sql("UPDATE directory_revision SET revision = revision + 1")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def fill(engine: Engine, invented: Invented) -> None:
    """Write it all."""
    waiting: dict[str, list[Row]] = {}

    def write(connection: Any, least: int) -> None:
        # In the order of the first row of each: what is referred to goes first.
        if any(len(rows) >= least for rows in waiting.values()):
            for table, rows in waiting.items():
                if rows:
                    connection.execute(insert(models.Base.metadata.tables[f"directory_{table}"]), rows)
                    rows.clear()

    with quiet(engine), engine.begin() as connection, Session(connection) as session:
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


def filled(size: int, folder: Path, keep: Path | None) -> Engine:
    """Return an engine on a filled file in ``folder``: a copy of one that was kept, if there is one."""
    file = folder / "directory.sqlite3"
    kept = keep / f"directory-{size}.sqlite3" if keep else None
    if kept and kept.exists():
        shutil.copyfile(kept, file)
        return open_engine(f"sqlite:///{file}")
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    fill(engine, Invented(size))
    if kept:
        # All of it is in one file once nobody has it open.
        engine.dispose()
        shutil.copyfile(file, kept)
    return engine


def copy_over(source: Engine, target: Engine) -> None:
    """Fill PostgreSQL with what the file has: the same rows, and faster than one by one."""
    tables = [table for name, table in models.Base.metadata.tables.items() if name not in UNFILLED]
    with quiet(target), source.connect() as reading, target.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        driver: Any = connection.connection.dbapi_connection
        for table in tables:
            rows = reading.execution_options(yield_per=BATCH).execute(table.select())
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            with driver.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as into:
                for row in rows:
                    into.write_row(row)
