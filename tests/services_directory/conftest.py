"""Databases for the directory's tests: every test that takes ``engine`` runs on SQLite and on PostgreSQL.

PostgreSQL is the one that WREN_TEST_POSTGRES_URL names (``postgresql+psycopg://…``); each test gets a schema of its own
in it. Without it those tests are skipped, and say so.
"""

import os
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, create_engine, make_url

from services_directory import Directory, load_demonstration, migrate, open_engine

# A Saturday, so that "this week" and "next week" differ.
TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("Europe/London"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'directory.db'}"
        return
    base = os.environ.get("WREN_TEST_POSTGRES_URL")
    if not base:
        pytest.skip("no PostgreSQL: set WREN_TEST_POSTGRES_URL to run this on it as well")
    schema = f"directory_test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = make_url(base).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    admin.dispose()


@pytest.fixture
def empty_engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on a database without tables."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """Give an engine on a migrated, empty directory."""
    migrate(empty_engine)
    return empty_engine


@pytest.fixture
def demonstration(engine: Engine) -> Directory:
    """Give the demonstration as it is at noon of a Saturday."""
    load_demonstration(engine, today=TODAY)
    return Directory(engine, clock=lambda: NOON)


@pytest.fixture(scope="session")
def shared_demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """Give the demonstration on SQLite, once for all tests that only search it: what a search finds is decided in
    memory, and ``test_both_databases_give_the_same_answers`` holds the two together."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('directory') / 'shared.db'}")
    migrate(engine)
    load_demonstration(engine, today=TODAY)
    yield Directory(engine, clock=lambda: NOON)
    engine.dispose()
