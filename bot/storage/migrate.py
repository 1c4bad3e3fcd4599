"""Brings the app's tables up to date (Alembic, its own version table beside the directory's)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from services_directory import versions

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
    """Upgrade to the newest version. Safe to run from several processes at once on PostgreSQL and SQLite; newer tables stay as they are."""
    if not is_behind(engine):
        return  # Alembic, which would find the same, takes half a second to import.
    from alembic import command

    command.upgrade(config(engine), "head")


def is_behind(engine: Engine) -> bool:
    """Whether the tables are older than this code, or not there."""
    return versions.is_behind(versions.applied(engine, VERSION_TABLE), newest())


def newest() -> str:
    """The newest version there is a script for."""
    return versions.newest(MIGRATIONS / "versions", "[0-9]*.py")
