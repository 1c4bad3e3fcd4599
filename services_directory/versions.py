"""How far a database has been migrated, told without Alembic, which takes half a second to import."""

from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError


def newest(scripts: Path, names: str) -> str:
    """The newest version there is a script for in `scripts`: those named by the pattern `names`, by their versions, in order."""
    return max(path.name.split("_")[0] for path in scripts.glob(names))


def applied(engine: Engine, table: str) -> list[str]:
    """The versions that the database says it has in `table`, a name of ours; none where it has never been migrated."""
    try:
        with engine.connect() as connection:
            return list(connection.scalars(text(f"SELECT version_num FROM {table}")))  # noqa: S608 - our own name
    except SQLAlchemyError:
        return []


def is_behind(applied: list[str], newest: str) -> bool:
    """Whether a database with the versions `applied` is older than scripts up to `newest`; one that is newer is not."""
    return not applied or max(applied) < newest
