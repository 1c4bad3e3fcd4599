"""The engine and its two kinds of transaction.

`Database.write()` takes the writer's lock at once (BEGIN IMMEDIATE on SQLite), so that a transaction that reads and then
writes can never fail half-way with "database is locked"; within this process writers queue in order instead of spinning.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from services_directory.sqlite import use_write_ahead_log

BUSY_TIMEOUT_MS = 5_000
CONNECT_SECONDS = 5
"""How long a PostgreSQL that does not answer is waited for."""


def make_engine(url: str, **options: Any) -> Engine:
    """An engine for SQLite (WAL, full sync, foreign keys) or PostgreSQL."""
    if not url.startswith("sqlite"):
        alive = {"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
        return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True, connect_args=alive, **options)
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        pool_size=20,
        max_overflow=20,
        **options,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        use_write_ahead_log(connection, BUSY_TIMEOUT_MS / 1000)
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")  # "stored" must survive a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA cache_size=-4000")  # KiB, and each connection of the pool fills its own
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("wren_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class Database:
    """Short transactions on one engine. Blocking: call from a thread, never from the event loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing_engine = self.engine.execution_options(wren_write=True)
        self._writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only view; nothing is committed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block and rolls back on any exception."""
        if not self.is_sqlite:
            with Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
                yield session
            return
        with self._writer, Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def dispose(self) -> None:
        self.engine.dispose()
