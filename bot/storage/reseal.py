"""Brings everything that is sealed with an older key under the newest, in small steps beside a Wren that is at work.

Each value is judged by whether the newest key opens it, so nothing need be remembered of how far a run came: whoever is killed begins
again and writes only what is left. A value that changed meanwhile is left alone; the next pass looks at it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, bindparam, select, update

from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.tables import Base

BATCH = 500
"""Rows read, and at most written, at a time: a few milliseconds of SQLite's one lock."""

PASSES = 4
"""Whoever still seals with an older key would keep us going for ever."""


@dataclass(slots=True)
class Resealed:
    """What a run found: `changed` values by "table.column", `unreadable` ones likewise, and whether its last pass found nothing older."""

    changed: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    clean: bool = False


def sealed_columns() -> list[tuple[Table, Column[Any]]]:
    """Every column that holds sealed values: the tables keep bytes for nothing else."""
    return [
        (table, column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    ]


def reseal(database: Database, keyring: Keyring, tell: Callable[[str, int], None], batch: int = BATCH) -> Resealed:
    """Seal everything with the newest key, pass after pass until one finds nothing older. Blocking.

    `tell` gets "table.column" and how many values of it have been resealed, after each step that resealed some.
    """
    done = Resealed()
    for _ in range(PASSES):
        done.unreadable.clear()
        before = sum(done.changed.values())
        for table, column in sealed_columns():
            _column(database, keyring, table, column, done, tell, batch)
        if sum(done.changed.values()) == before:
            done.clean = True
            break
    return done


def _column(
    database: Database,
    keyring: Keyring,
    table: Table,
    column: Column[Any],
    done: Resealed,
    tell: Callable[[str, int], None],
    batch: int,
) -> None:
    name, (key,) = f"{table.name}.{column.name}", table.primary_key.columns
    change = update(table).where(key == bindparam("row"), column == bindparam("old")).values({column.name: bindparam("new")})
    for rows in _rows(database, key, column, batch):
        changes = []
        for row, old in rows:
            try:
                new = keyring.resealed(old)
            except KeyMissing:
                done.unreadable[name] = done.unreadable.get(name, 0) + 1
                continue
            if new is not None:
                changes.append({"row": row, "old": old, "new": new})
        if changes:
            with database.write() as session:
                session.connection().execute(change, changes)
            done.changed[name] = done.changed.get(name, 0) + len(changes)
            tell(name, done.changed[name])


def _rows(database: Database, key: Column[Any], column: Column[Any], batch: int) -> Iterator[list[tuple[Any, bytes]]]:
    """The rows that hold a value, `batch` at a time in the order of their keys; no transaction is open between two steps."""
    last: Any = None
    while True:
        query = select(key, column).where(column.is_not(None), column != b"").order_by(key).limit(batch)
        with database.read() as session:
            rows = [(row[0], row[1]) for row in session.execute(query if last is None else query.where(key > last))]
        if not rows:
            return
        yield rows
        last = rows[-1][0]
