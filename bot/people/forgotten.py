"""The list of who was forgotten: a file beside the database that only grows, for the day when an older copy is put back.

A line holds a keyed hash of the person's own number and pseudonym, when it was, the receipt's keyed hash, and until when the line is
needed. Nobody without the keys can read or make one. It is on the disk before the erasure is committed. A line that was cut short by a
power cut therefore belongs to an erasure that never was.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bot.people.people import forget, wipe_events
from bot.people.tombstones import bury
from bot.storage.crypto import Keyring
from bot.storage.tables import Case, Inbox, Outbox, Person, now

PURPOSE = "forgotten-person"
FORGET, ERASE = "forget", "erase"
"""`forget` leaves what belongs to a case; `erase` leaves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One erasure. `at` and `until` are moments in UTC as ISO text; `receipt` is the keyed hash of the receipt, if one was given."""

    act: str
    who: str
    at: str
    until: str
    receipt: str | None

    @classmethod
    def parse(cls, text: str) -> Line | None:
        """The line that `text` is; None for a piece of one, or anything else."""
        try:
            line = cls(**json.loads(text))
            whole = line.act in (FORGET, ERASE) and datetime.fromisoformat(line.until).tzinfo is not None
        except (ValueError, TypeError, RecursionError):
            return None
        return line if whole else None


class ForgottenList:
    """The list in the file at `path`, which is made with the first line. Any number of processes may write. Blocking."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path = path
        self._keyring = keyring

    def add(self, act: str, person: Person, until: datetime) -> None:
        """Keep that `person` is being forgotten; it is on the disk when this returns. Raises `OSError` if it cannot be."""
        line = Line(
            act=act,
            who=who(self._keyring, person.id, person.pseudonym),
            at=now().isoformat(),
            until=until.isoformat(),
            receipt=person.receipt,
        )
        with self._locked() as handle:
            kept = _unended(handle)
            if kept is not None:
                self._replace(kept + _written(line))
                return
            # A line that a power cut has left unfinished ends here, so that this one begins its own.
            torn = (size := os.fstat(handle).st_size) > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if torn else b"") + _written(line))
            os.fsync(handle)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The open file, ours alone; the one that is there now, should another process have replaced it while we waited."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            new = not self._path.exists()
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if new:
                    _sync_folder(self._path)
                fcntl.flock(handle, fcntl.LOCK_EX)
                if self._path.exists() and os.path.samestat(os.fstat(handle), self._path.stat()):
                    yield handle
                    return
            finally:
                os.close(handle)

    def _replace(self, text: bytes) -> None:
        part = self._path.with_name(f".{self._path.name}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, text)
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(self._path)
        _sync_folder(self._path)


def read_list(path: Path) -> tuple[list[Line], int]:
    """The lines of a list, and how many are none: a last one may have been cut short. Raises `OSError` if it cannot be read."""
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [Line.parse(text) for text in texts if text.strip()]
    whole = [line for line in lines if line is not None]
    return whole, len(lines) - len(whole)


def forget_listed(session: Session, keyring: Keyring, lines: list[Line]) -> int:
    """Forget again whom `lines` name and this database still knows; returns how many. Wren must not be running."""
    by_who: dict[str, Line] = {}
    for line in lines:
        if line.who not in by_who or line.act == ERASE:
            by_who[line.who] = line
    again = 0
    for person_id, pseudonym in session.execute(select(Person.id, Person.pseudonym)).all():
        found = by_who.get(who(keyring, person_id, pseudonym))
        if found is not None:
            again += _again(session, keyring, session.get_one(Person, person_id), found)
    return again


def _again(session: Session, keyring: Keyring, person: Person, line: Line) -> bool:
    """Do once more what a line says was done. What still waited for them is ended unanswered: they have had their last word from us."""
    if line.act == FORGET and person.forgotten_at is not None:
        return False
    if person.forgotten_at is None:
        bury(session, keyring, person, until=datetime.fromisoformat(line.until), receipt_kept=line.receipt)
    in_case = select(Case.id).where(Case.person_id == person.id)
    theirs = (Outbox.person_id == person.id, Outbox.case_id.is_(None) | Outbox.case_id.not_in(in_case))
    session.execute(delete(Outbox).where(*theirs))
    waiting = update(Inbox).where(Inbox.person_id == person.id, Inbox.open == 1)
    session.execute(waiting.values(open=0, state="refused", reason="forgotten", lease_until=None, lease_token=None))
    forget(session, person.id, except_inbox=0)
    session.flush()
    if line.act == ERASE:
        wipe_events(session, Inbox.person_id == person.id)
        session.execute(delete(Person).where(Person.id == person.id).execution_options(synchronize_session=False))
    return True


def who(keyring: Keyring, person_id: int, pseudonym: str) -> str:
    """A keyed hash of a person as this database knows them: whoever comes back later is somebody else."""
    return keyring.hashed(PURPOSE, str(person_id), pseudonym)


def _written(line: Line) -> bytes:
    return json.dumps(asdict(line), separators=(",", ":")).encode() + b"\n"


def _unended(handle: int) -> bytes | None:
    """What of the file is still needed; None unless its first line has had its time."""
    text = os.pread(handle, os.fstat(handle).st_size, 0).decode("utf-8", "replace").splitlines(keepends=True)
    first = Line.parse(text[0]) if text else None
    if first is None or datetime.fromisoformat(first.until) > now():
        return None
    lines = [line for one in text if (line := Line.parse(one)) is not None]
    return b"".join(_written(line) for line in lines if datetime.fromisoformat(line.until) > now())


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
