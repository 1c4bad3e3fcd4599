"""Databases for tests: migrated ones with nothing in them, made once a process, for migrating takes longer than most tests; and
those of a PostgreSQL, made and dropped."""

from __future__ import annotations

import tempfile
import uuid
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from psycopg import Connection, connect
from sqlalchemy.engine import URL

from bot.storage.engine import Database
from bot.storage.migrate import migrate
from services_directory import migrate as migrate_directory
from services_directory import open_engine


def migrate_both(url: str) -> None:
    """The app's tables and the directory's."""
    database = Database(url)
    migrate(database.engine)
    database.dispose()
    engine = open_engine(url)
    migrate_directory(engine)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":  # one file, so that it can be copied
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


@lru_cache(maxsize=1)
def bare_sqlite() -> bytes:
    """A SQLite file, migrated and with nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wren.sqlite3"
        migrate_both(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def _administrator(url: URL) -> Connection[Any]:
    """One connection for a process: opening one takes longer than what is asked of it."""
    return connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)


def administer(url: URL, statement: str) -> None:
    """Run a statement on the server, outside any transaction."""
    _administrator(url).execute(statement)


def create_database(url: URL, kind: str, template: str | None = None) -> str:
    """Make a database with a name of its own, empty or a copy; returns the name."""
    name = f"wren_{kind}_{uuid.uuid4().hex[:12]}"
    administer(url, f"CREATE DATABASE {name}" + (f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""))
    return name
