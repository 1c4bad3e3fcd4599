"""Opening one new file from several processes at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.storage.engine import make_engine
from services_directory import open_engine
from services_directory.sqlite import use_write_ahead_log

WRITING_S = 0.3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was never switched."""
    path = tmp_path / "new.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE started (id INTEGER)")
    connection.close()
    return path


@pytest.fixture
def writer(file: Path) -> sqlite3.Connection:
    """Another process in the middle of a write, where SQLite refuses a switch at once instead of waiting."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO started VALUES (1)")
    return connection


@pytest.mark.parametrize("open_", [open_engine, make_engine], ids=["directory", "app"])
def test_an_opening_waits_while_another_process_writes_to_the_file(
    file: Path, writer: sqlite3.Connection, open_: Callable[[str], Engine]
) -> None:
    commit = threading.Timer(WRITING_S, writer.commit)
    commit.start()
    engine = open_(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    commit.join()
    writer.close()
    engine.dispose()


def test_patience_has_an_end(file: Path, writer: sqlite3.Connection) -> None:
    connection = sqlite3.connect(file, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        use_write_ahead_log(connection, 0.05)
    connection.close()
    writer.close()


def test_what_no_waiting_mends_is_said_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, " * 100)
    connection = sqlite3.connect(broken)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        use_write_ahead_log(connection, 60)
    connection.close()
