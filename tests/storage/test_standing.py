"""Whether a database fits the code and the keys: an older schema does not, a newer one does, and old code can go on beside it."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import inspect, text

from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.migrate import MIGRATIONS, config, is_behind, migrate, newest
from bot.storage.standing import why_unfit
from services_directory import migrate as migrate_directory
from tests.storage.support import add_person

FIRST_KEPT = "0011"
"""Since when migrations only add, so that old code can go on beside the new tables."""


def versions() -> list[str]:
    """All versions in order."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def before(version: str) -> str:
    return versions()[versions().index(version) - 1]


def test_an_empty_and_an_older_database_are_refused_and_the_way_out_is_said(empty_address: str, keyring: Keyring) -> None:
    database = Database(empty_address)
    assert "bot migrate" in (why_unfit(database, keyring) or "")
    command.upgrade(config(database.engine), before(newest()))
    migrate_directory(database.engine)
    assert is_behind(database.engine)
    assert "bot migrate" in (why_unfit(database, keyring) or "")
    migrate(database.engine)
    assert why_unfit(database, keyring) is None
    database.dispose()


def test_newer_tables_are_used_as_they_are_and_left_alone(database_address: str, keyring: Keyring) -> None:
    database = Database(database_address)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE person ADD COLUMN of_tomorrow VARCHAR(10)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert why_unfit(database, keyring) is None
    migrate(database.engine)
    with database.write() as session:
        add_person(session, keyring)
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.dispose()


@pytest.mark.parametrize("version", [version for version in versions() if version >= FIRST_KEPT])
def test_old_code_can_go_on_beside_a_migration(version: str, empty_address: str) -> None:
    """Nothing that old code reads is gone, and nothing that it does not write is demanded."""
    database = Database(empty_address)
    command.upgrade(config(database.engine), before(version))
    old = {table: inspect(database.engine).get_columns(table) for table in inspect(database.engine).get_table_names()}
    command.upgrade(config(database.engine), version)
    looked = inspect(database.engine)
    for table, columns in old.items():
        now_there = {column["name"]: column for column in looked.get_columns(table)}
        for column in columns:
            assert column["name"] in now_there, f"{table}.{column['name']} is gone"
            assert str(now_there[column["name"]]["type"]) == str(column["type"]), f"{table}.{column['name']}"
        for name in now_there.keys() - {column["name"] for column in columns}:
            assert now_there[name]["nullable"] or now_there[name]["default"] is not None, f"{table}.{name} is demanded"
    database.dispose()


def test_a_database_that_is_away_is_said_to_be(keyring: Keyring) -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert "cannot be reached" in (why_unfit(database, keyring) or "")
    database.dispose()


def test_keys_must_open_what_is_stored_and_find_it_again(database_address: str) -> None:
    database = Database(database_address)
    old, fresh = new_key(), new_key()
    with database.write() as session:
        add_person(session, Keyring([old]))
    assert why_unfit(database, Keyring([old])) is None
    assert why_unfit(database, Keyring([fresh, old])) is None
    for wrong in ([fresh], [old, fresh]):  # the oldest key finds addresses: it must stay last
        assert "WREN_SECRET_KEYS" in (why_unfit(database, Keyring(wrong)) or ""), wrong
    database.dispose()
