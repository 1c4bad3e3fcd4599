"""Brings the app's tables up to date (Alembic, its own version table beside the directory's)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

VERSION_TABLE = "alembic_version"


def config(engine: Engine) -> Config:
    """Alembic's configuration for `engine`; the scripts lie beside this file."""
    result = Config()
    result.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    result.attributes["engine"] = engine
    return result


def migrate(engine: Engine) -> None:
    """Upgrade to the newest version. Safe to run from several processes at once on PostgreSQL and SQLite."""
    command.upgrade(config(engine), "head")
