"""Every test that takes `office` runs on SQLite and on PostgreSQL (the one that WREN_TEST_POSTGRES_URL names, else skipped)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from bot.library import Library
from bot.settings import ROOT
from tests.console.support import Office, build_office


@pytest.fixture(scope="session")
def library() -> Library:
    return Library.load(ROOT)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'wren.sqlite3'}"
        return
    base = os.environ.get("WREN_TEST_POSTGRES_URL")
    if not base:
        pytest.skip("no PostgreSQL: set WREN_TEST_POSTGRES_URL to run this on it as well")
    schema = f"handoff_test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield make_url(base).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    admin.dispose()


@pytest.fixture
def office(database_url: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(database_url, tmp_path, library)
    yield result
    result.services.database.dispose()
