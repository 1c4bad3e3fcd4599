"""Brings the app's tables up to date (Alembic, its own version table beside the directory's)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "alembic_version"
MIGRATIONS = Path(__file__).parent / "migrations"


def config(engine: Engine) -> Config:
    """Alembic's configuration for `engine`; the scripts lie beside this file."""
    from alembic.config import Config

    result = Config()
    result.set_main_option("script_location", str(MIGRATIONS))
    result.attributes["engine"] = engine
    return result


def migrate(engine: Engine) -> None:
    """Upgrade to the newest version. Safe to run from several processes at once on PostgreSQL and SQLite."""
    if _versions(engine) == [newest()]:
        return  # Alembic, which would find the same, takes half a second to import.
    from alembic import command

    command.upgrade(config(engine), "head")


def newest() -> str:
    """The newest version there is a script for: scripts are named by their versions, in order."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _versions(engine: Engine) -> list[str]:
    """The versions that the database says it has; none where it has never been migrated."""
    try:
        with engine.connect() as connection:
            return list(connection.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608 - our own name
    except SQLAlchemyError:
        return []
