"""Alembic's entry: online only, on the engine that `bot.storage.migrate` hands over."""

from alembic import context
from sqlalchemy import text

from bot.storage.migrate import VERSION_TABLE
from bot.storage.tables import Base, UtcDateTime


def _render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our own column type as plain SQLAlchemy, so that old migrations never import today's code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.execution_options(wren_write=True).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7203)"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table=VERSION_TABLE,
            render_as_batch=True,
            transactional_ddl=True,
            include_name=lambda name, kind, parents: kind != "table" or name in Base.metadata.tables,
            render_item=_render_item,
        )
        context.run_migrations()


run()
