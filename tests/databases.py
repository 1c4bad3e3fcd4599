"""Migrated databases with nothing in them, made once a process: migrating takes longer than most tests."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

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
