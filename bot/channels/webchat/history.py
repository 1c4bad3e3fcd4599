"""Reading one person's own conversation: what they wrote and what they were sent on this channel, in order.

Blocking; every function opens one short read of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.channels.webchat.channel import ADDRESS_KIND, CHANNEL
from bot.languages import direction
from bot.messages import Button, Kind, MessageClass
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import ButtonToken, Inbox, Outbox, Person, PersonAddress, now

PAGE = 50
"""Messages shown at once."""

OVERLAP = timedelta(seconds=10)
"""How far back each look reaches: rows of transactions that overlapped may appear out of the order of their ids."""

JUST_BEFORE = timedelta(seconds=5)
"""The confirmation of being forgotten is written in the same transaction, a moment before or after."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a conversation: ids in the inbox and the outbox, written "12.40"."""

    inbox: int = 0
    outbox: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Position | None:
        """The place that `text` names, or None if it names none."""
        match = re.fullmatch(r"(\d{1,18})\.(\d{1,18})", text or "")
        return cls(int(match[1]), int(match[2])) if match else None

    def __str__(self) -> str:
        return f"{self.inbox}.{self.outbox}"

    def shows(self, entry: Entry) -> bool:
        """Whether `entry` came after this place."""
        return entry.id > (self.inbox if entry.own else self.outbox)

    def after(self, entry: Entry) -> Position:
        """This place once `entry` has been read."""
        if entry.own:
            return Position(max(self.inbox, entry.id), self.outbox)
        return Position(self.inbox, max(self.outbox, entry.id))


BEGINNING = Position()
"""The place before every message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message as the page shows it.

    `voice` is you, wren, practitioner or directory; `label` is the key of the string shown where there is no `text`.
    """

    id: int
    at: datetime
    voice: str
    text: str
    language: str
    direction: str
    label: str = ""
    name: str = ""
    safety: bool = False
    read: bool = True
    buttons: tuple[Button, ...] = ()
    rows: tuple[Button, ...] = ()
    rows_title: str = ""

    @property
    def own(self) -> bool:
        return self.voice == "you"

    @property
    def key(self) -> str:
        return f"{'i' if self.own else 'o'}{self.id}"


SEEN = timedelta(minutes=2)
"""How exactly it is kept when a page was last open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The person behind a key."""

    id: int
    language: str
    forgotten_at: datetime | None
    seen_at: datetime
    """When they last wrote or had the page open, to about `SEEN`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page of a conversation.

    `older`: where the page before it ends; `awaiting`: something was not answered yet. `hidden`: words from before this visit are there
    and not shown; `waits`: a practitioner's reply is among them.
    """

    entries: tuple[Entry, ...] = ()
    position: Position = Position()
    older: Position | None = None
    awaiting: bool = False
    hidden: bool = False
    waits: bool = False


# Built once: these run for every message, and putting a statement together takes longer than running it.
_VISITOR = (
    select(Person.id, Person.language, Person.forgotten_at, PersonAddress.last_seen_at)
    .join(PersonAddress, PersonAddress.person_id == Person.id)
    .where(PersonAddress.lookup == bindparam("lookup"))
)
_OPEN = select(Inbox.open).where(Inbox.id == bindparam("inbox"))


class History:
    """The conversations of web chat."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring

    def visitor(self, key: str) -> Visitor | None:
        """The person who holds `key`, if they have ever written."""
        with self._database.read() as session:
            return self._visitor(session, key)

    def page(self, visitor: Visitor, before: Position | None = None, since: Position = BEGINNING) -> View:
        """The last messages, or the last before a place; none from before `since`."""
        with self._database.read() as session:
            inbox, outbox = self._rows(session, visitor, before, since, newest=PAGE + 1)
            entries = self._entries(session, visitor, inbox, outbox)
            awaiting = session.scalar(select(exists().where(Inbox.person_id == visitor.id, Inbox.open == 1)))
        shown = entries[-PAGE:]
        position = Position(
            max((row.id for row in inbox), default=since.inbox), max((row.id for row in outbox), default=since.outbox)
        )
        older = self._first(shown, before or Position(position.inbox + 1, position.outbox + 1)) if len(entries) > PAGE else None
        return View(entries=tuple(shown), position=position, older=older, awaiting=bool(awaiting), hidden=since != BEGINNING)

    def clean(self, visitor: Visitor) -> View:
        """What a new visit starts with: no words, the place where they end, and whether a practitioner's reply came since the last visit."""
        unseen = self._outbox(visitor).where(
            Outbox.message_class == MessageClass.PRACTITIONER.value, Outbox.created_at > visitor.seen_at
        )
        with self._database.read() as session:
            last = [
                session.scalar(rows.with_only_columns(func.max(table.id))) or 0
                for table, rows in ((Inbox, self._inbox(visitor)), (Outbox, self._outbox(visitor)))
            ]
            waits = session.scalar(select(unseen.exists()))
        position = Position(*last)
        return View(position=position, hidden=position != BEGINNING, waits=bool(waits))

    def fresh(self, key: str, person_id: int, position: Position, since: Position = BEGINNING) -> list[Entry] | None:
        """What is new after `position`, and again the last seconds, but none from before `since`; None when the key is now another person's."""
        with self._database.read() as session:
            visitor = self._visitor(session, key)
            if visitor is None or visitor.id != person_id:
                return None
            cut = now() - OVERLAP
            inbox = session.scalars(
                self._inbox(visitor).where(or_(Inbox.id > position.inbox, Inbox.received_at > cut)).order_by(Inbox.id).limit(PAGE)
            ).all()
            recent = or_(Outbox.id > position.outbox, Outbox.created_at > cut, Outbox.sent_at > cut)
            outbox = session.scalars(self._outbox(visitor).where(recent).order_by(Outbox.id).limit(PAGE)).all()
            entries = self._entries(session, visitor, inbox, outbox)
        self.seen(visitor, key)
        return [entry for entry in entries if since.shows(entry)]

    def answered(self, inbox_id: int) -> bool:
        """Whether a message has come to an end."""
        with self._database.read() as session:
            return session.scalar(_OPEN, {"inbox": inbox_id}) != 1

    def _visitor(self, session: Session, key: str) -> Visitor | None:
        row = session.execute(_VISITOR, {"lookup": self._keyring.lookup(CHANNEL, ADDRESS_KIND, key)}).first()
        if row is None:
            return None
        return Visitor(id=row.id, language=row.language, forgotten_at=row.forgotten_at, seen_at=row.last_seen_at)

    def seen(self, visitor: Visitor, key: str) -> None:
        """Keep that their page is open, about every `SEEN`: staff see when a parent was last there."""
        if visitor.seen_at > now() - SEEN:
            return
        with suppress(SQLAlchemyError), self._database.write() as session:  # the page matters more than this
            lookup = self._keyring.lookup(CHANNEL, ADDRESS_KIND, key)
            session.execute(update(PersonAddress).where(PersonAddress.lookup == lookup).values(last_seen_at=now()))

    def _rows(
        self, session: Session, visitor: Visitor, before: Position | None, since: Position, newest: int
    ) -> tuple[Sequence[Inbox], Sequence[Outbox]]:
        inbox = self._inbox(visitor).where(Inbox.id > since.inbox)
        outbox = self._outbox(visitor).where(Outbox.id > since.outbox)
        if before is not None:
            inbox, outbox = inbox.where(Inbox.id < before.inbox), outbox.where(Outbox.id < before.outbox)
        return (
            session.scalars(inbox.order_by(Inbox.id.desc()).limit(newest)).all(),
            session.scalars(outbox.order_by(Outbox.id.desc()).limit(newest)).all(),
        )

    @staticmethod
    def _inbox(visitor: Visitor) -> Any:
        query = select(Inbox).where(Inbox.person_id == visitor.id, Inbox.channel == CHANNEL, Inbox.kind != Kind.START.value)
        # Someone who asked to be forgotten is not shown what staff must still look at first.
        return query.where(Inbox.received_at >= visitor.forgotten_at - JUST_BEFORE) if visitor.forgotten_at else query

    @staticmethod
    def _outbox(visitor: Visitor) -> Any:
        query = select(Outbox).where(
            Outbox.person_id == visitor.id, Outbox.channel == CHANNEL, Outbox.state != "refused", Outbox.due_at <= now()
        )
        return query.where(Outbox.created_at >= visitor.forgotten_at - JUST_BEFORE) if visitor.forgotten_at else query

    def _entries(self, session: Session, visitor: Visitor, inbox: Iterable[Inbox], outbox: Iterable[Outbox]) -> list[Entry]:
        """Both sides merged by time, then id; a person's own message first where the times are equal."""
        opened = [(row, self._keyring.open_json(row.sealed)) for row in inbox]
        titles = self._titles(session, visitor.id, [data["token"] for _, data in opened if data.get("token")])
        entries = [_own(row, data, titles) for row, data in opened]
        entries += [entry_of(row.id, row.created_at, self._keyring.open_json(row.sealed)) for row in outbox]
        return sorted(entries, key=lambda entry: (entry.at, not entry.own, entry.id))

    @staticmethod
    def _titles(session: Session, person_id: int, tokens: list[str]) -> dict[str, str]:
        if not tokens:
            return {}
        rows = session.execute(
            select(ButtonToken.token, ButtonToken.title).where(ButtonToken.person_id == person_id, ButtonToken.token.in_(tokens))
        )
        return dict(rows.tuples().all())

    @staticmethod
    def _first(shown: Sequence[Entry], otherwise: Position) -> Position:
        inbox = min((entry.id for entry in shown if entry.own), default=otherwise.inbox)
        outbox = min((entry.id for entry in shown if not entry.own), default=otherwise.outbox)
        return Position(inbox, outbox)


def _own(row: Inbox, data: dict[str, Any], titles: dict[str, str]) -> Entry:
    text, label = str(data.get("text") or ""), ""
    if row.kind == Kind.BUTTON.value:
        text = titles.get(str(data.get("token")), text)
    if not text:
        label = "webchat.sent_button" if row.kind == Kind.BUTTON.value else "webchat.sent_other"
    return Entry(
        id=row.id,
        at=row.received_at,
        voice="you",
        text=text,
        label=label,
        language=row.language or "en",
        direction="auto",
        read=row.state != "refused",
    )


def entry_of(row_id: int, at: datetime, outbound: dict[str, Any]) -> Entry:
    """A message to a person, from the stored JSON of its `Outbound`."""
    language = str(outbound["language"])
    return Entry(
        id=row_id,
        at=at,
        voice=outbound.get("voice", "wren"),
        name=outbound.get("voice_name", ""),
        text=outbound["text"],
        language=language,
        direction=outbound.get("direction") or direction(language),
        safety=outbound.get("message_class") == MessageClass.SAFETY.value,
        buttons=_buttons(outbound.get("buttons", ())),
        rows=_buttons(outbound.get("rows", ())),
        rows_title=outbound.get("rows_title", ""),
    )


def _buttons(stored: Iterable[dict[str, Any]]) -> tuple[Button, ...]:
    return tuple(Button(title=item["title"], token=item.get("token"), url=_safe(item.get("url"))) for item in stored)


def _safe(url: str | None) -> str | None:
    """A link a page may hold: anything but https, tel, sms and mailto could run code here."""
    return url if url is not None and re.match(r"(https://|tel:|sms:|mailto:)", url, re.IGNORECASE) else None
