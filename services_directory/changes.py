"""Triggers that note which record a write has changed, so that readers load that record alone (``models.Change``).

Migrations call these. Released migrations must go on doing what they did, so change nothing here: add beside it.
"""

from sqlalchemy import Connection

from services_directory.triggers import EVENTS

# Each table whose rows a search reads: (the kind of record, the column with its id, a condition on the row or "").
WATCHED: dict[str, tuple[str, str, str]] = {
    "directory_service": ("service", "id", ""),
    **{
        f"directory_{table}": ("service", "service_id", "")
        for table in (
            "service_mode",
            "service_at_location",
            "schedule",
            "exception",
            "language",
            "cost_option",
            "service_area",
        )
    },
    "directory_attribute": ("service", "link_id", "link_entity = 'service'"),
    "directory_location": ("location", "id", ""),
    "directory_address": ("location", "location_id", ""),
    "directory_accessibility": ("location", "location_id", ""),
    "directory_organisation": ("organisation", "id", ""),
    "directory_outcode_points": ("everything", "''", ""),
    "directory_place_alias": ("everything", "''", ""),
    "directory_taxonomy": ("everything", "''", ""),
    "directory_taxonomy_term": ("everything", "''", ""),
}


def trigger_name(table: str, event: str) -> str:
    """Return the name of the trigger on ``table`` for ``event``."""
    return f"{table}_{event}_change"


def note_changes(connection: Connection, table: str, kind: str, column: str, condition: str) -> None:
    """Note every insert, update and delete in ``table``."""
    make = _on_postgresql if connection.dialect.name == "postgresql" else _on_sqlite
    for event in EVENTS:
        make(connection, table, event, kind, column, condition)


def _on_sqlite(connection: Connection, table: str, event: str, kind: str, column: str, condition: str) -> None:
    # Triggers of one table fire in no known order: one more than now is never too low, and at worst read once again.
    rows = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}[event]
    statements = "".join(
        "INSERT INTO directory_change (kind, record_id, revision) "  # noqa: S608 - our own names
        f"SELECT '{kind}', {_of(row, column)}, revision + 1 FROM directory_revision "
        f"WHERE {f'{row}.{condition}' if condition else '1'} "
        "ON CONFLICT (kind, record_id) DO UPDATE SET revision = excluded.revision; "
        for row in rows
    )
    connection.exec_driver_sql(
        f"CREATE TRIGGER {trigger_name(table, event)} AFTER {event.upper()} ON {table} BEGIN {statements}END"
    )


def _of(row: str, column: str) -> str:
    return column if column.startswith("'") else f"{row}.{column}"


def _on_postgresql(connection: Connection, table: str, event: str, kind: str, column: str, condition: str) -> None:
    # The number is raised before it is written down: that takes the turn, so no reader can be past it already.
    tables = {"insert": ("new_rows",), "update": ("old_rows", "new_rows"), "delete": ("old_rows",)}[event]
    where = f" WHERE {condition}" if condition else ""
    rows = " UNION ".join(f"SELECT {column} AS record_id FROM {name}{where}" for name in tables)  # noqa: S608
    function = f"{trigger_name(table, event)}_note"
    connection.exec_driver_sql(
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE reached integer; BEGIN "  # noqa: S608
        "UPDATE directory_revision SET revision = revision + 1 RETURNING revision INTO reached; "
        f"INSERT INTO directory_change (kind, record_id, revision) SELECT DISTINCT '{kind}', changed.record_id, reached "
        f"FROM ({rows}) AS changed WHERE reached IS NOT NULL "
        "ON CONFLICT (kind, record_id) DO UPDATE SET revision = excluded.revision; RETURN NULL; END $$"
    )
    images = {"old_rows": "OLD TABLE AS old_rows", "new_rows": "NEW TABLE AS new_rows"}
    connection.exec_driver_sql(
        f"CREATE TRIGGER {trigger_name(table, event)} AFTER {event.upper()} ON {table} "
        f"REFERENCING {' '.join(images[name] for name in tables)} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )


def note_no_changes(connection: Connection, table: str) -> None:
    """Take the triggers off ``table`` again, before it is rebuilt or dropped."""
    on_postgresql = connection.dialect.name == "postgresql"
    for event in EVENTS:
        name = trigger_name(table, event)
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if on_postgresql else ''}")
        if on_postgresql:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}_note()")
