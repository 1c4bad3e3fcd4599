"""Copies for safety: the whole database into one file while Wren goes on, and back into an empty one.

SQLite is copied by its own online backup, PostgreSQL by pg_dump and pg_restore (PostgreSQL's client programs, of the server's version
or newer). The keys are not in a copy: without WREN_SECRET_KEYS nobody can read the words in it, and neither can the council.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import func, inspect, make_url, select, update
from sqlalchemy.orm import Session

from bot.people.forgotten import Line, forget_listed, read_list
from bot.people.people import remove_forgotten
from bot.settings import Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.standing import why_unfit
from bot.storage.tables import Case, Inbox, Outbox, Person
from bot.storage.unfit import Unfit
from bot.wiring import prepare_database

Say = Callable[[str], None]
OURS = frozenset({"alembic_version", "person", "person_address", "inbox", "outbox"})
"""Tables by which a copy of Wren's is known."""

SQLITE_MARK, POSTGRES_MARK = b"SQLite format 3\0", b"PGDMP"
"""How the files begin."""


class Refused(RuntimeError):
    """A copy was not made or not taken in, and nothing was changed; the message says why and what to do."""


def back_up(settings: Settings, file: Path, say: Say) -> None:
    """Copy the database into `file`, readable by its owner alone. Raises `Refused`; a file by that name is then not there."""
    if file.exists():
        raise Refused(f"{file} is there already. Give the copy a new name.")
    if not file.parent.is_dir():
        raise Refused(f"There is no folder {file.parent}.")
    database = Database(settings.database)
    try:
        with _written_whole(file) as part:
            if database.is_sqlite:
                _copy_sqlite(Path(database.engine.url.database or ""), part)
            else:
                _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", "--file", str(part)], settings.database)
        with database.read() as session:
            say(f"{file}: {_summary(session)}.")
    finally:
        database.dispose()


def restore(settings: Settings, file: Path, say: Say, lists: Sequence[Path] = ()) -> None:
    """Take a copy into the empty database that the settings name, bring it to this version, check it, and forget whom the lists name:
    this machine's, and `lists` of others.

    Raises `Refused`, and the database is then as empty as before; `Unfit` if the copy is in but does not fit these keys.
    """
    kind = _kind_of(file)
    lines = _listed(settings, lists, say)
    database = Database(settings.database)
    try:
        if (kind == "SQLite") is not database.is_sqlite:
            raise Refused(f"{file} is a copy of {kind}, and WREN_DATABASE_URL names another kind of database.")
        if inspect(database.engine).get_table_names():
            raise Refused("The database is not empty. Name an empty one in WREN_DATABASE_URL; nothing is ever overwritten.")
        database.dispose()
        if database.is_sqlite:
            _take_in_sqlite(file, Path(database.engine.url.database or ""))
        else:
            _look_through_postgres(file)
            options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
            _run("pg_restore", options, settings.database, str(file))
        prepare_database(settings, database)
        keyring = Keyring(settings.keys())
        why = why_unfit(database, keyring)
        if why is not None:
            raise Unfit(f"The copy is in the database. {why}")
        with database.write() as session:
            again = settle(session, keyring, lines)
        say(f"{again} people who asked to be forgotten after the copy was made are forgotten again.")
        with database.read() as session:
            say(f"Restored: {_summary(session)}.")
    finally:
        database.dispose()


def settle(session: Session, keyring: Keyring, forgotten: list[Line]) -> int:
    """Make a restored database safe to go on with: what happened after the copy was made is not known to it. Returns how many people
    the lines `forgotten` made us forget again.

    What waited to go out may have gone since. Marked as begun, the sender repeats safety words, replies and practitioners' words (a
    double is better than silence) and refuses what nobody waits for.
    """
    again = forget_listed(session, keyring, forgotten)
    session.execute(update(Outbox).where(Outbox.open == 1, Outbox.state == "queued").values(state="sending"))
    remove_forgotten(session)
    return again


def _listed(settings: Settings, lists: Sequence[Path], say: Say) -> list[Line]:
    """Who was forgotten, by this machine's list and others. Raises `Refused` for a list that is named and cannot be read."""
    own = settings.forgotten_path
    if not own.exists():
        say(f"There is no list of who was forgotten at {own}.")
    found: list[Line] = []
    for path in [*([own] if own.exists() else []), *lists]:
        try:
            lines, torn = read_list(path)
        except OSError as error:
            raise Refused(f"The list {path} cannot be read ({error.strerror}).") from error
        say(f"{path}: {len(lines)} lines" + (f", and {torn} that cannot be read." if torn else "."))
        found += lines
    return found


def _summary(session: Session) -> str:
    """What is in a database, for whoever has to judge whether it is all there."""
    people, messages = (session.scalar(select(func.count()).select_from(table)) for table in (Person, Inbox))
    cases = session.scalar(select(func.count()).select_from(Case).where(Case.state != "closed"))
    newest = session.scalar(select(func.max(Inbox.received_at)))
    last = f"the last of {newest:%Y-%m-%d %H:%M:%S} UTC" if newest is not None else "none yet"
    return f"{people} people, {messages} messages ({last}), {cases} open cases"


def _kind_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(len(SQLITE_MARK))
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}).") from error
    if start == SQLITE_MARK:
        return "SQLite"
    if start.startswith(POSTGRES_MARK):
        return "PostgreSQL"
    raise Refused(f"{file} is no copy that `bot backup` made.")


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """A file beside `file`, which takes its place once it is whole and on the disk; gone if the block fails."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # for its owner alone
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as opened:
            os.fsync(opened.fileno())
        part.rename(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        part.unlink(missing_ok=True)


def _copy_sqlite(source: Path, target: Path) -> None:
    """An online copy: whoever writes meanwhile is not held up. Raises `Refused` if it is not whole."""
    if not source.is_file():
        raise Refused(f"There is no database at {source}.")
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written)
            written.execute("PRAGMA journal_mode = DELETE")  # one file
            sound = written.execute("PRAGMA integrity_check").fetchone()[0]
            strays = written.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise Refused(f"{source} could not be copied ({error}).") from error
    if sound != "ok" or strays:
        raise Refused(f"{source} is damaged: {sound}; {len(strays)} rows belong to rows that are not there.")


def _take_in_sqlite(file: Path, database: Path) -> None:
    """Put a copy of `file` where the database belongs, once it is found sound."""
    database.parent.mkdir(parents=True, exist_ok=True)
    for beside in ("", "-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)  # an empty database, as was made sure
    with _written_whole(database) as part:
        _copy_sqlite(file, part)
        _look_through_sqlite(part)


def _look_through_sqlite(copy: Path) -> None:
    """Raises `Refused` for a database that is not Wren's: it would be given our tables and be called restored, with nobody in it."""
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as read:
        tables = {name for (name,) in read.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= OURS:
        raise Refused("That is a database, but not one of Wren's. Nothing was taken in.")


def _look_through_postgres(file: Path) -> None:
    """The same for a dump, by its list of contents."""
    listed = _program("pg_restore", ["--list", str(file)], dict(os.environ))
    if not all(f" TABLE public {name} " in listed for name in OURS):
        raise Refused("That is a dump, but not one of Wren's. Nothing was taken in.")


def _run(program: str, options: list[str], url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database at `url`; the password does not show among the processes. Raises `Refused`."""
    parsed = make_url(url)
    address = parsed.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = dict(os.environ)
    if parsed.password is not None:
        environment["PGPASSWORD"] = str(parsed.password)
    _program(program, [*options, "--dbname", address, *arguments], environment)


def _program(program: str, options: list[str], environment: dict[str, str]) -> str:
    """What one of PostgreSQL's programs says. Raises `Refused` if it fails."""
    done = subprocess.run([_found(program), *options], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # Its own words name tables and files; a row that cannot be stored it would quote, so only the first line is passed on.
        first = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise Refused(f"{program} failed: {first[:200]}")
    return done.stdout


def _found(program: str) -> str:
    """Where `program` is; on Debian the newest version's, since the one in the path may be older than the server."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(program)
    if found is None:
        raise Refused(f"{program} is not on this machine: install PostgreSQL's client programs.")
    return found
