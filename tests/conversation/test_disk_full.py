"""A full disk, as SQLite meets one: nothing is said to be stored that is not, an emergency is answered, and all is there when there is room."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, func, select, text

from bot.storage.tables import Inbox
from bot.wiring import Parts
from tests.conversation.support import Parent

MOST = 300
"""Messages of a few kilobytes, by which the room that a file keeps in reserve is used up."""


class Disk:
    """Lets the database file grow no further while `full`."""

    def __init__(self, parts: Parts) -> None:
        self.full = True
        with parts.database.engine.connect() as connection:
            self._pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        event.listen(parts.database.engine, "checkout", self._limit)

    def _limit(self, connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._pages if self.full else 1_000_000}")


def stored(parts: Parts) -> int:
    with parts.database.read() as session:
        return session.scalar(select(func.count()).select_from(Inbox)) or 0


def fill(parent: Parent) -> int:
    """Write until not even a short message fits any more; returns how many messages that took, of which two did not fit."""
    sent = 0
    for lines in (100, 1):
        while sent < MOST:
            sent += 1
            if not parent.send("a long evening, and she will not settle. " * lines).stored:
                break
    return sent


def test_what_does_not_fit_is_not_said_to_be_stored_and_comes_in_later(parts: Parts) -> None:
    disk, parent = Disk(parts), Parent(parts)
    sent = fill(parent)
    cry = parent.send("my baby is not breathing")
    assert not cry.stored, "the file did not fill up"
    assert cry.safety, "safety words go out all the same"
    assert stored(parts) == sent - 2
    disk.full = False
    assert parts.intake.import_spooled() == 3
    assert stored(parts) == sent + 1
