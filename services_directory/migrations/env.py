"""Alembic's entry. Only tables whose name begins with ``directory_`` belong to this branch: it shares its database."""

from alembic import context

from services_directory.editing import tables as _editing  # noqa: F401 - makes its tables known
from services_directory.freshness import tables as _freshness  # noqa: F401 - makes its tables known
from services_directory.imports import tables as _imports  # noqa: F401 - makes its tables known
from services_directory.models import PREFIX, VERSION_TABLE, Base


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Look only at the directory's own tables when models and database are compared."""
    return type_ != "table" or (name or "").startswith(PREFIX)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_name=include_name,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
