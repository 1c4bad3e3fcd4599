"""The engine's edge: opening it, migrating it, and writing so that every reader notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.orm import Session

from services_directory import versions
from services_directory.models import VERSION_TABLE, Revision
from services_directory.sqlite import use_write_ahead_log

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number does, as long as nothing else in the database locks on it ("dirc" in ASCII).
MIGRATION_LOCK = 0x64697263
BUSY_TIMEOUT_MS = 10_000


def open_engine(url: str) -> Engine:
    """Open an engine for tools and tests. On SQLite: foreign keys on, write-ahead log, ten seconds of patience."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    use_write_ahead_log(connection, BUSY_TIMEOUT_MS / 1000)


def alembic_config(connection: Connection) -> "Config":
    """Return the configuration of the directory's own migration branch, bound to ``connection``."""
    from alembic.config import Config

    config = Config()
    # A percent sign in the path would be read as interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the directory's tables to the newest version. Safe to call from several processes at once; newer tables stay as they are."""
    if not is_behind(engine):
        return  # Alembic, which would find the same, takes half a second to import.
    from alembic import command

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        else:
            _begin_immediate(connection)
        command.upgrade(alembic_config(connection), "head")


def is_behind(engine: Engine) -> bool:
    """Whether the directory's tables are older than this code, or not there."""
    return versions.is_behind(versions.applied(engine, VERSION_TABLE), newest_version())


def newest_version() -> str:
    """The newest version there is a script for."""
    return versions.newest(MIGRATIONS / "versions", "d[0-9]*.py")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Give a session for one write: commits at the end, rolls back on any error.

    Writers take turns. The turn is taken first, because the triggers touch the revision row at the first change, and
    two writers that meet there with rows already locked could wait for each other for ever.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            _begin_immediate(connection)
        else:
            session.execute(select(Revision.revision).with_for_update())
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Give a session in which every query sees the same moment, and which cannot write on PostgreSQL. Keep it short."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            # Python's driver begins no transaction for a SELECT, so that each would see a moment of its own.
            driver: Any = connection.connection.dbapi_connection
            if not driver.in_transaction:
                connection.exec_driver_sql("BEGIN")
        with Session(connection) as session:
            yield session


def read_revision(connection: Connection) -> int:
    """Return the number that every write raises. Raises ``sqlalchemy.exc.NoResultFound`` before ``migrate``."""
    return connection.execute(select(Revision.revision)).scalar_one()


def _begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock now, unless the engine's own events have begun a transaction already."""
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
