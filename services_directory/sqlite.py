"""What SQLite needs told about itself, for every package that opens it."""

import sqlite3
import time

PAUSE_S = 0.005


def use_write_ahead_log(connection: sqlite3.Connection, patience_s: float) -> None:
    """Put the file behind ``connection`` in write-ahead logging, waiting up to ``patience_s`` seconds for the lock.

    SQLite does not call its busy handler while a file is switched (two connections that both read it and both want to
    write would wait for each other for ever), so of several processes that first open a file together all but one
    would be told "database is locked" at once. Raises ``sqlite3.OperationalError`` when the patience is at an end.
    """
    end = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(PAUSE_S)
        else:
            return
