"""Migrations are in step with the models, on both databases, and may be run by several processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from bot.settings import ROOT
from bot.storage.engine import Database
from bot.storage.migrate import config, migrate, newest
from bot.storage.tables import Base, Staff, StaffLogin, TriageMark
from services_directory.database import alembic_config, newest_version


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
    code = "import sys; from bot.storage.engine import Database; from bot.storage.migrate import config, migrate; "
    code += "migrate(Database(sys.argv[1]).engine)"
    running = [subprocess.Popen([sys.executable, "-c", code, empty_address], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.wait(60), process.communicate()[1]) for process in running] == [(0, b"")] * 3
    database = Database(empty_address)
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.dispose()


def test_marks_made_before_there_was_a_sample_are_not_of_it(empty_address: str) -> None:
    database = Database(empty_address)
    command.upgrade(config(database.engine), "0004")
    with database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO triage_mark (id, language, level, should_be, at) VALUES (1, 'en', 'none', 'urgent', :at)"),
            {"at": "2026-01-01 00:00:00"},
        )
    migrate(database.engine)
    with database.read() as session:
        assert session.query(TriageMark).one().blind is False
    database.dispose()


def test_accounts_of_one_role_keep_their_work_when_they_get_several(empty_address: str) -> None:
    database = Database(empty_address)
    command.upgrade(config(database.engine), "0001")
    with database.engine.begin() as connection:
        for number, role in enumerate(("practitioner", "supervisor", "administrator"), 1):
            connection.execute(
                text(
                    "INSERT INTO staff (id, username, first_name, job_title, role, password_hash, demonstration, created_at) "
                    "VALUES (:number, :role, 'A', 'B', :role, '', :no, '2026-01-01 00:00:00')"
                ),
                {"number": number, "role": role, "no": False},
            )
        connection.execute(
            text("INSERT INTO staff_login (id, staff_id, csrf, created_at, seen_at) VALUES ('x', 1, 'y', :at, :at)"),
            {"at": "2026-01-01 00:00:00"},
        )
    migrate(database.engine)
    with database.read() as session:
        roles = {staff.username: staff.roles for staff in session.query(Staff)}
        assert session.query(StaffLogin).count() == 1
    database.dispose()
    assert roles == {
        "practitioner": ["practitioner"],
        "supervisor": ["practitioner", "manager"],
        "administrator": ["practitioner", "manager", "administrator"],
    }


def test_the_newest_version_is_the_one_that_alembic_upgrades_to(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    assert newest() == ScriptDirectory.from_config(config(database.engine)).get_current_head()
    with database.engine.connect() as connection:
        head = ScriptDirectory.from_config(alembic_config(connection)).get_current_head()
    database.dispose()
    assert newest_version() == head


def test_a_database_that_is_up_to_date_is_left_alone_without_alembic(empty_address: str) -> None:
    code = "import sys; from bot.storage.engine import Database; from bot.storage.migrate import migrate; "
    code += "from services_directory import migrate as migrate_directory, open_engine; migrate(Database(sys.argv[1]).engine); "
    code += "migrate_directory(open_engine(sys.argv[1])); print('alembic' in sys.modules)"
    said = [
        subprocess.run([sys.executable, "-c", code, empty_address], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]
