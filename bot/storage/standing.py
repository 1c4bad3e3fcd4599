"""Whether a database fits this code and these keys: asked at the start, by health checks and after a restore."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.storage import migrate
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.tables import PersonAddress
from bot.storage.unfit import Unfit
from services_directory import is_behind as directory_is_behind


def bring_up(database: Database) -> None:
    """Make the app's tables ready for one command: those of an embedded database are migrated, those of one that several machines may
    share must have been, by `bot migrate`. Raises `Unfit`. Blocking."""
    if database.is_sqlite:
        migrate.migrate(database.engine)
        return
    why = why_behind(database)
    if why is not None:
        raise Unfit(why)


def why_behind(database: Database) -> str | None:
    """Why this code cannot work on the tables of `database`; None if it can. Newer tables fit. Blocking."""
    try:
        with database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"The database cannot be reached ({type(error).__name__})."
    if migrate.is_behind(database.engine) or directory_is_behind(database.engine):
        return "The database is older than this version of Wren. Run `bot migrate` once, on one machine; then start again."
    return None


def why_unfit(database: Database, keyring: Keyring) -> str | None:
    """Why this code cannot work on `database` with these keys; None if it can. A schema newer than the code fits. Blocking."""
    why = why_behind(database)
    if why is not None:
        return why
    try:
        with database.read() as session:
            fit = keys_fit(session, keyring)
    except SQLAlchemyError as error:
        return f"The database cannot be read ({type(error).__name__})."
    if not fit:
        return (
            "WREN_SECRET_KEYS does not fit this database: with these keys stored addresses cannot be opened or found again. "
            "Give every machine the same keys, a new one in front and the oldest last (docs/running-it.md)."
        )
    return None


def keys_fit(session: Session, keyring: Keyring) -> bool:
    """Whether `keyring` opens the oldest and the newest stored address, and finds each by its look-up."""
    in_use = select(PersonAddress).where(PersonAddress.retired_at.is_(None))
    for order in (PersonAddress.id, PersonAddress.id.desc()):
        row = session.scalar(in_use.order_by(order).limit(1))
        if row is None:
            return True
        try:
            value = keyring.open(row.sealed)
        except KeyMissing:
            return False
        if keyring.lookup(row.channel, row.kind, value) != row.lookup:
            return False
    return True
