"""A web chat on real parts (SQLite, migrations, triage, intake, the approved content), and hands to work it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.channels.webchat import Services, routes
from bot.conversation.intake import Intake
from bot.conversation.render import Renderer
from bot.conversation.spool import Spool
from bot.delivery.hub import Hub
from bot.delivery.outbox import enqueue
from bot.handoff.hours import load_teams
from bot.library import Library
from bot.messages import ButtonSpec, MessageClass, Reply
from bot.pages import PageServices
from bot.pages import routes as page_routes
from bot.settings import ROOT, Settings
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Area, Inbox, Outbox, Person, PersonAddress, now
from bot.triage import Triage
from tests.databases import bare_sqlite

AREA = "demonstration"


@dataclass
class Chat:
    """One running web chat, and hands to do a worker's and a practitioner's part."""

    services: Services
    app: Starlette
    library: Library
    turn: int = 0

    def client(self) -> TestClient:
        """A new browser: nothing kept yet."""
        return TestClient(self.app, base_url="https://wren.test", follow_redirects=False)

    def answer(
        self,
        *replies: Reply,
        person_id: int | None = None,
        language: str | None = None,
        done: bool = True,
        staff_id: int | None = None,
    ) -> list[int]:
        """Write to the newest (or given) person as the worker does, and finish what they wrote; gives outbox ids."""
        with self.services.database.write() as session:
            person = session.get(Person, person_id) if person_id else session.query(Person).order_by(Person.id.desc()).first()
            assert person is not None
            address = session.query(PersonAddress).filter_by(person_id=person.id).one()
            rows = []
            for reply in replies:
                self.turn += 1
                rows.append(
                    enqueue(
                        session,
                        self.services.keyring,
                        Renderer(self.library),
                        reply,
                        key=f"test:{self.turn}",
                        person_id=person.id,
                        address_id=address.id,
                        channel="webchat",
                        language=language or person.language,
                        staff_id=staff_id,
                    )
                )
            session.flush()
            if done:
                session.query(Inbox).filter_by(person_id=person.id, open=1).update({"open": 0, "state": "done", "done_at": now()})
            ids = [row.id for row in rows]
            topic = f"person:{person.id}"
        self.services.hub.publish(topic)
        return ids

    def inbox(self) -> list[Inbox]:
        with self.services.database.read() as session:
            return list(session.query(Inbox).order_by(Inbox.id))

    def outbox(self) -> list[Outbox]:
        with self.services.database.read() as session:
            return list(session.query(Outbox).order_by(Outbox.id))

    def people(self) -> int:
        with self.services.database.read() as session:
            return session.query(Person).count()


def said(text: str, *, name: str = "Sam", role: str = "family worker") -> Reply:
    """A practitioner's own words."""
    return Reply(ref="person:", args={"text": text, "name": name, "role": role}, message_class=MessageClass.PRACTITIONER)


HELLO = Reply(
    ref="text:greet.hello",
    buttons=(ButtonSpec(label="button.menu", action="menu"), ButtonSpec(label="button.person", action="person")),
)


def build_chat(folder: Path, library: Library, triage: Triage, **settings: object) -> Chat:
    values = {"var_dir": folder, "public_url": "https://wren.test", **settings}
    config = Settings.model_validate(values)
    (folder / "wren.sqlite3").write_bytes(bare_sqlite())
    database = Database(f"sqlite:///{folder / 'wren.sqlite3'}")
    with database.write() as session:
        session.add(Area(id=AREA, name=AREA))
    keyring = Keyring([new_key()])
    intake = Intake(
        database=database,
        keyring=keyring,
        triage=triage,
        renderer=Renderer(library),
        teams=load_teams(ROOT),
        guess_language=lambda inbound: inbound.locale if inbound.locale in ("en", "cy", "ur") else "en",
        spool=Spool(folder / "spool", keyring),
        area_id=AREA,
        raw_days=7,
        per_minute=config.person_per_minute,
    )
    services = Services(
        intake=intake,
        database=database,
        keyring=keyring,
        strings=library.strings,
        helplines=library.helplines,
        hub=Hub(),
        settings=config,
        patience=0.0,
    )
    pages = PageServices(strings=library.strings, helplines=library.helplines, settings=config, question_days=42)
    return Chat(services, Starlette(routes=[*routes(services), *page_routes(pages)]), library)


def hidden(page: str, name: str = "id") -> str:
    """The value of the composer's hidden field."""
    form = page[page.index('id="say"') :] if 'id="say"' in page else page
    match = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert match, f"no hidden field {name}"
    return match[1]


@contextmanager
def served(chat: Chat, port: int = 0) -> Iterator[str]:
    """The chat on a real server on loopback; gives its address. On leaving it stops as the app does: streams first."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(chat.app, log_level="error", timeout_graceful_shutdown=10))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve([listener]),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(chat.services.closing.set)
        server.should_exit = True
        thread.join(15)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"
