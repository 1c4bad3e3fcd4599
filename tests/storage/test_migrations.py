"""Migrations are in step with the models, on both databases, and may be run by several processes at once."""

from __future__ import annotations

import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from bot.settings import ROOT
from bot.storage.engine import Database
from bot.storage.migrate import migrate
from bot.storage.tables import Base


def test_migrated_tables_are_what_the_models_say(empty_address: str) -> None:
    database = Database(empty_address)
    migrate(database.engine)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables,
                "target_metadata": Base.metadata,
            },
        )
        differences = compare_metadata(context, Base.metadata)
    database.dispose()
    assert differences == []


def test_at_most_one_case_of_a_person_is_open_by_the_database_itself(empty_address: str) -> None:
    database = Database(empty_address)
    migrate(database.engine)
    indexes = {index["name"]: index for index in inspect(database.engine).get_indexes("handoff_case")}
    database.dispose()
    assert indexes["uq_handoff_case_one_open"]["unique"]


def test_several_processes_may_migrate_at_once_and_again(empty_address: str) -> None:
    code = "import sys; from bot.storage.engine import Database; from bot.storage.migrate import migrate; "
    code += "migrate(Database(sys.argv[1]).engine)"
    running = [subprocess.Popen([sys.executable, "-c", code, empty_address], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.wait(60), process.communicate()[1]) for process in running] == [(0, b"")] * 3
    database = Database(empty_address)
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.dispose()
