"""What every test may use: a database of its own on SQLite and on PostgreSQL, the real parts wired on it, the time of day,
and no network but this machine's own.

PostgreSQL is the one that WREN_TEST_POSTGRES_URL names (`postgresql+psycopg://…`, an account that may create databases). Both
kinds of database are migrated and filled once a session; each test gets a copy.
"""

from __future__ import annotations

import ipaddress
import os
import pickle
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy import create_engine, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, Engine
from sqlalchemy.util import LRUCache

from bot import wiring
from bot.console import accounts
from bot.conversation.commands import Commands
from bot.conversation.decide import Thresholds
from bot.conversation.facts import FactWords
from bot.kept import Kept
from bot.languages import Detector
from bot.library import Library, yamlfile
from bot.models import triage_model_path
from bot.settings import ROOT, Settings
from bot.storage import tables
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.triage import Triage
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME
from tests.databases import administer, bare_sqlite, create_database, migrate_both
from tests.doubles.rasa_server import TOKEN, RasaDouble

AREA = "demonstration"
KEPT = Kept(Settings().kept_dir)
"""As installed: what is read here was compiled by the program before, if nothing has changed."""


IN_MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
"""A file system without a disk, and the bytes that must be free in it for a run to keep its files there."""


def pytest_configure() -> None:
    """Keep the files of tests in memory where there is room, and where programs may be run from it.

    A database of SQLite waits for the disk at each commit. What a test shows stays the same: none of them cuts the power.
    """
    if not (IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)):
        return
    place = os.statvfs(IN_MEMORY)
    if place.f_bavail * place.f_frsize >= ROOM and not place.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


class NetworkClosed(RuntimeError):
    """A test tried to reach another machine."""


def _is_here(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a socket in the file system
    host = str(address[0]).split("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "")


@pytest.fixture(scope="session", autouse=True)
def network_closed() -> Iterator[None]:
    """Tests reach no host but this one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            real = getattr(socket.socket, name)

            def guarded(self: socket.socket, address: Any, _real: Any = real) -> Any:
                if not _is_here(address):
                    raise NetworkClosed(f"a test tried to reach {address!r}")
                return _real(self, address)

            patch.setattr(socket.socket, name, guarded)
        yield


class _Compiled(BytecodeCache):
    """Templates of pages, compiled once a process: each test has an application of its own."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.load_bytecode(BytesIO(self._code[bucket.key]))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    cache, real = _Compiled(), Environment.__init__

    def with_cache(self: Environment, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **{"bytecode_cache": cache, **options})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "__init__", with_cache)
        yield


@pytest.fixture(scope="session", autouse=True)
def yaml_parsed_once() -> Iterator[None]:
    """What is in a file of YAML, kept by its text: each test that builds an application reads the same files again."""
    kept: dict[tuple[str, str, int], bytes] = {}
    real = yamlfile.parse_yaml

    def parse(text: str, name: str, first_line: int = 1) -> Any:
        key = (text, name, first_line)
        if key not in kept:
            kept[key] = pickle.dumps(real(text, name, first_line))
        return pickle.loads(kept[key])  # a copy of one's own, as reading would give

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yamlfile, "parse_yaml", parse)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """SQL, compiled once a process for each kind of database: each test has engines of its own, and SQLAlchemy keeps statements
    by engine.

    All databases of one kind are of one version here and set up alike, so what was compiled for one fits each other.
    """
    kinds = (SQLiteDialect_pysqlite, PGDialect_psycopg)
    kept: dict[type, LRUCache[Any, Any]] = {kind: LRUCache(2_000) for kind in kinds}
    real = Engine.__init__

    def with_kept(self: Engine, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        if type(self.dialect) in kept:
            self._compiled_cache = kept[type(self.dialect)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", with_kept)
        for kind in kinds:
            patch.setattr(kind, "__hash__", lambda self: hash(type(self)))
            patch.setattr(kind, "__eq__", lambda self, other: type(self) is type(other))
        yield


@pytest.fixture(scope="session", autouse=True)
def production_hasher() -> Iterator[PasswordHasher]:
    """The hasher of passwords as the program has it; in tests a quick one of the same kind takes its place.

    Only this process is touched: a program that a test starts hashes as in production.
    """
    real = accounts._hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield real


# Databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the area and the demonstration directory."""
    folder = tmp_path_factory.mktemp("template")
    path = folder / "wren.sqlite3"
    _prepare(f"sqlite:///{path}", folder)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:  # one file, so that it can be copied
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def bare_postgres_template() -> Iterator[tuple[URL, str] | None]:
    """The server's address and a migrated database in it with nothing in it; None where no server is named."""
    base = os.environ.get("WREN_TEST_POSTGRES_URL")
    if not base:
        yield None
        return
    url = make_url(base)
    name = create_database(url, "bare")
    migrate_both(url.set(database=name).render_as_string(hide_password=False))
    yield url, name
    administer(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[URL, str] | None]:
    """The server's address and a prepared database in it to copy; None where no server is named."""
    base = os.environ.get("WREN_TEST_POSTGRES_URL")
    if not base:
        yield None
        return
    url = make_url(base)
    name = create_database(url, "template")
    _prepare(url.set(database=name).render_as_string(hide_password=False), tmp_path_factory.mktemp("template"))
    yield url, name
    administer(url, f"DROP DATABASE {name} WITH (FORCE)")


def _prepare(url: str, folder: Path) -> None:
    database = Database(url)
    wiring.prepare_database(Settings(var_dir=folder, database_url=url), database)
    database.dispose()


@pytest.fixture
def sqlite_address(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a SQLite file of this test's own."""
    shutil.copyfile(sqlite_template, tmp_path / "wren.sqlite3")
    return f"sqlite:///{tmp_path / 'wren.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a prepared database of this test's own, once on each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_address")
        return
    yield from _copy_of(request.getfixturevalue("postgres_template"))


def _copy_of(template: tuple[URL, str] | None) -> Iterator[str]:
    """The address of a copy of a database of PostgreSQL, which is dropped afterwards."""
    if template is None:
        pytest.skip("no PostgreSQL: set WREN_TEST_POSTGRES_URL to run this on it as well")
    url, source = template
    name = create_database(url, "test", source)
    yield url.set(database=name).render_as_string(hide_password=False)
    administer(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_address(postgres_template: tuple[URL, str] | None) -> Iterator[str]:
    """The address of a prepared database of this test's own on PostgreSQL, for what only that can do."""
    yield from _copy_of(postgres_template)


@pytest.fixture
def bare_sqlite_address(tmp_path: Path) -> str:
    """The address of a SQLite file of this test's own, migrated and with nothing in it."""
    (tmp_path / "wren.sqlite3").write_bytes(bare_sqlite())
    return f"sqlite:///{tmp_path / 'wren.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a migrated database with nothing in it, of this test's own, once on each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("bare_sqlite_address")
    else:
        yield from _copy_of(request.getfixturevalue("bare_postgres_template"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    yield from _empty(request.param, tmp_path)


@pytest.fixture
def empty_beside(database_address: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, of the same kind as `database_address`."""
    yield from _empty("sqlite" if database_address.startswith("sqlite") else "postgresql", tmp_path)


def _empty(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'empty.sqlite3'}"
        return
    base = os.environ.get("WREN_TEST_POSTGRES_URL")
    if not base:
        pytest.skip("no PostgreSQL: set WREN_TEST_POSTGRES_URL to run this on it as well")
    url = make_url(base)
    name = create_database(url, "test")
    yield url.set(database=name).render_as_string(hide_password=False)
    administer(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """A prepared database, on SQLite and on PostgreSQL."""
    result = Database(database_address)
    yield result
    result.dispose()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([new_key()])


# What is only read, loaded once


@pytest.fixture(scope="session")
def library() -> Library:
    return Library.load(ROOT, KEPT)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """Where this checkout's triage and language models are; nothing is there before `make run` or `bot train`."""
    return triage_model_path(Settings())


@pytest.fixture(scope="session")
def triage(models_folder: Path) -> Triage:
    """The real triage: rules, and the model where it has been trained."""
    return Triage.load(ROOT / "content", models_folder / MODEL_NAME, kept=KEPT)


@pytest.fixture(scope="session")
def rules_alone() -> Triage:
    """Triage as it is where no model has been trained: what a conversation's tests see must not change with each training."""
    return Triage.load(ROOT / "content", kept=KEPT)


@pytest.fixture(scope="session")
def detector(models_folder: Path) -> Detector:
    return Detector.load(ROOT / "content", models_folder / LANGUAGE_MODEL)


@pytest.fixture(scope="session")
def facts() -> FactWords:
    return FactWords.load(ROOT)


@pytest.fixture(scope="session")
def commands() -> Commands:
    return Commands.load(ROOT)


@pytest.fixture(scope="session")
def thresholds() -> Thresholds:
    return Thresholds.load(ROOT)


@pytest.fixture(scope="session")
def topics() -> tuple[str, ...]:
    return wiring.topic_ids()


# The parts of a process


@dataclass(frozen=True)
class ReadOnce:
    """Loaded data that every process would read again."""

    library: Library
    triage: Triage
    detector: Detector
    facts: FactWords
    commands: Commands
    thresholds: Thresholds


@pytest.fixture(scope="session")
def read_once(
    library: Library, rules_alone: Triage, detector: Detector, facts: FactWords, commands: Commands, thresholds: Thresholds
) -> ReadOnce:
    return ReadOnce(library, rules_alone, detector, facts, commands, thresholds)


@pytest.fixture
def build_parts(read_once: ReadOnce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., wiring.Parts]]:
    """Make the parts of a process on an address of a prepared database, with any settings; content is not read again."""
    for owner, value in (
        (Library, read_once.library),
        (Triage, read_once.triage),
        (Detector, read_once.detector),
        (FactWords, read_once.facts),
        (Commands, read_once.commands),
        (Thresholds, read_once.thresholds),
    ):
        monkeypatch.setattr(owner, "load", lambda *_, _value=value, **__: _value)
    made: list[wiring.Parts] = []

    def build(address: str, **settings: Any) -> wiring.Parts:
        values = {"var_dir": tmp_path / "var", "database_url": address, "rasa_token": TOKEN, "rasa_timeout": 0.5, **settings}
        made.append(wiring.build(Settings.model_validate(values), migrated=True))
        return made[-1]

    yield build
    for parts in made:
        parts.dispose()


@pytest.fixture
def parts(build_parts: Callable[..., wiring.Parts], sqlite_address: str) -> wiring.Parts:
    """Everything one process needs, on SQLite; Rasa is not running unless the test starts one."""
    return build_parts(sqlite_address)


@pytest.fixture
def parts_on_both(build_parts: Callable[..., wiring.Parts], database_address: str) -> wiring.Parts:
    """The same on SQLite and on PostgreSQL."""
    return build_parts(database_address)


@pytest.fixture
def rasa() -> Iterator[RasaDouble]:
    """A Rasa that answers as told, on loopback."""
    double = RasaDouble().start()
    yield double
    double.stop()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time that the app goes by; it runs on from there."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(tables, "_ahead", moment - datetime.now(UTC))

    return set_clock
