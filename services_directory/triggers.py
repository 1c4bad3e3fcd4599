"""Triggers that raise the revision on every write, whoever makes it: our code, a tool, or SQL by hand.

Migrations call these. Released migrations must go on doing what they did, so change nothing here: add beside it.
"""

from sqlalchemy import Connection

EVENTS = ("insert", "update", "delete")
_FUNCTION = """
CREATE OR REPLACE FUNCTION directory_raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE directory_revision SET revision = revision + 1;
    RETURN NULL;
END $$
"""


def trigger_name(table: str, event: str) -> str:
    """Return the name of the trigger on ``table`` for ``event``."""
    return f"{table}_{event}_revision"


def watch(connection: Connection, table: str) -> None:
    """Raise the revision on every insert, update and delete in ``table``."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION)
        for event in EVENTS:
            # Once a statement, not once a row: an import of thousands of rows must not update one row thousands of times.
            connection.exec_driver_sql(
                f"CREATE TRIGGER {trigger_name(table, event)} AFTER {event.upper()} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION directory_raise_revision()"
            )
        return
    for event in EVENTS:
        connection.exec_driver_sql(
            f"CREATE TRIGGER {trigger_name(table, event)} AFTER {event.upper()} ON {table} "  # noqa: S608 - our own names
            "BEGIN UPDATE directory_revision SET revision = revision + 1; END"
        )


def unwatch(connection: Connection, table: str) -> None:
    """Take the triggers off ``table`` again, before it is rebuilt or dropped."""
    suffix = f" ON {table}" if connection.dialect.name == "postgresql" else ""
    for event in EVENTS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger_name(table, event)}{suffix}")
