"""What is published, in memory: the words that the library puts before those of its files, in every process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.desk.store import written_of
from bot.library.wording import Words
from bot.storage.engine import Database
from bot.storage.tables import TextRevision, TextVersion

log = logging.getLogger(__name__)
Texts = Mapping[tuple[str, str], Words]


class PublishedWords:
    """Words by (content id, language). `refresh` compares one number in the database with that of the words in memory and, if somebody
    has published since, in whatever process, reads them again. Safe to share between threads.

    While the database is away the words read last go on being served; a process that has read none serves the files'.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._held: tuple[int | None, Texts] = (None, {})

    def words(self, content_id: str, language: str) -> Words | None:
        """What is published of one text; None where nothing is."""
        return self._held[1].get((content_id, language))

    def refresh(self) -> None:
        """Take up what has been published since. Blocking, about as long as one look at one row."""
        try:
            with self._database.read() as session:
                if _number(session) == self._held[0]:
                    return
            with self._lock, self._database.read() as session:
                # The number first: what is published after it was read is read again at the next look.
                self._held = (_number(session), _read(session))
        except SQLAlchemyError as error:
            log.warning("desk: what is published cannot be read (%s)", type(error).__name__)


def _number(session: Session) -> int | None:
    return session.scalar(select(TextRevision.number))


def _read(session: Session) -> Texts:
    rows = session.scalars(select(TextVersion).where(TextVersion.state == "published"))
    return {(row.content_id, row.language): written_of(row).words() for row in rows}
