"""An INSERT that says what is to become of a row that is there already, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.dml import ReturningInsert

from bot.storage.tables import Base


def insert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into `table`, with `on_conflict_do_nothing` and `on_conflict_do_update`, for the database of `session`."""
    return _insert(session.get_bind().dialect.name, table)


def insert_new(session: Session, number: InstrumentedAttribute[int], *unique: str) -> ReturningInsert[int]:
    """An INSERT of a row, unless there is one with the same values in the columns `unique`. Gives `number`, of a new row only. Waits for
    whoever is making the same row now."""
    return _insert_new(session.get_bind().dialect.name, number, unique)


def insert_or_update(session: Session, unique: InstrumentedAttribute[int], *updated: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of a row, or, if there is one with the same value of `unique`, an UPDATE of its columns `updated`."""
    return _insert_or_update(session.get_bind().dialect.name, unique, updated)


@lru_cache(maxsize=16)
def _insert_or_update(
    dialect: str, unique: InstrumentedAttribute[int], updated: tuple[str, ...]
) -> postgresql.Insert | sqlite.Insert:
    made = _insert(dialect, unique.class_)
    return made.on_conflict_do_update(index_elements=[unique.key], set_={name: made.excluded[name] for name in updated})


@lru_cache(maxsize=16)
def _insert_new(dialect: str, number: InstrumentedAttribute[int], unique: tuple[str, ...]) -> ReturningInsert[int]:
    """Built once: putting the statement together takes longer than running it."""
    made = _insert(dialect, number.class_)
    return made.on_conflict_do_nothing(index_elements=unique).returning(number)


def _insert(dialect: str, table: Any) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
