"""Topics passed between processes by PostgreSQL's LISTEN and NOTIFY, so that what one has stored wakes who waits in another.

A notice is a hint to look, never the news itself: it holds names of topics (`inbox`, `person:7`), no words and no addresses. It goes
out after the commit, in a transaction of its own, because PostgreSQL lets only one transaction with a notice commit at a time. A
notice may be lost, so whoever waits also looks by itself every few seconds.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)
CHANNEL = "wren"
MOST_BYTES = 7_000
"""Bytes of one notice; PostgreSQL takes up to 8,000."""

LOOK_SECONDS = 1.0
"""How soon the listener sees that it is to stop."""

PAUSE_SECONDS = 1.0
"""Between tries to reach a database that is away."""

_NOTIFY = text("SELECT pg_notify(:channel, :notice)")


class Notices:
    """Two threads of one process: one listens on a connection of its own, one passes on what `tell` is given.

    `hear` is called with the topics that other processes told of, `hear_all` when any may have been missed. Both come from a thread.
    """

    def __init__(self, engine: Engine, hear: Callable[..., None], hear_all: Callable[[], None]) -> None:
        self._engine = engine
        self._telling_engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._hear, self._hear_all = hear, hear_all
        self._sender = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}
        self._something = threading.Event()
        self._stopping = threading.Event()
        self._told: set[str] = set()
        self._threads = [
            threading.Thread(target=self._listen, name="notices-listen", daemon=True),
            threading.Thread(target=self._pass_on, name="notices-tell", daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Pass on what waits, then end."""
        self._stopping.set()
        self._something.set()
        for thread in self._threads:
            thread.join(LOOK_SECONDS * 3)

    def tell(self, *topics: str) -> None:
        """Pass `topics` on to all other processes soon. Never blocks and never fails; topics that wait already go once."""
        with self._lock:
            self._waiting.update(dict.fromkeys(topics))
        self._something.set()

    def _pass_on(self) -> None:
        while True:
            self._something.wait()
            self._something.clear()
            with self._lock:
                topics, self._waiting = self._waiting, {}
            try:
                with self._telling_engine.connect() as connection:
                    for notice in notices(self._sender, topics):
                        connection.execute(_NOTIFY, {"channel": CHANNEL, "notice": notice})
                self._now("told", well=True)
            except SQLAlchemyError as error:  # dropped: the slow look finds it
                self._now("told", well=False, why=type(error).__name__)
            if self._stopping.is_set():
                return

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._now("heard", well=True)
                    self._hear_all()
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=LOOK_SECONDS):
                            self._take(notice.payload)
            except psycopg.Error as error:
                self._now("heard", well=False, why=type(error).__name__)
                self._stopping.wait(PAUSE_SECONDS)

    def _connect(self) -> psycopg.Connection[Any]:
        """A connection outside the pool, since it stays with us; a line that died is noticed within a minute."""
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        alive = {"connect_timeout": 5, "keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
        return psycopg.connect(*arguments, **{**options, **alive}, autocommit=True)

    def _take(self, notice: str) -> None:
        sender, *topics = notice.split(" ")
        if sender != self._sender:
            self._hear(*topics)

    def _now(self, what: str, *, well: bool, why: str = "") -> None:
        """Log a change of state once, not at every try."""
        if well and what in self._told:
            self._told.discard(what)
            log.info("notices between processes are %s again", what)
        elif not well and what not in self._told:
            self._told.add(what)
            log.warning("notices between processes are not %s (%s); each process looks by itself meanwhile", what, why)


def notices(sender: str, topics: Iterable[str]) -> Iterator[str]:
    """`topics` as few notices as there is room for, each begun with its sender's name."""
    notice = sender
    for topic in topics:
        if len(notice.encode()) + len(topic.encode()) + 1 > MOST_BYTES:
            yield notice
            notice = sender
        notice += f" {topic}"
    if notice != sender:
        yield notice
