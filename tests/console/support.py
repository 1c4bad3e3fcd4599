"""A staff console on real parts: a database, the approved content, three practitioners and parents who have written."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.console import ConsoleServices, routes
from bot.console.accounts import hash_password
from bot.console.guard import COOKIE
from bot.console.logins import start
from bot.conversation.commands import Commands
from bot.conversation.intake import pack
from bot.conversation.render import Renderer
from bot.delivery.hub import Hub
from bot.delivery.outbox import enqueue
from bot.desk.published import PublishedWords
from bot.handoff import cases
from bot.handoff.hours import load_teams
from bot.handoff.sampling import load_reviewing, load_sampling
from bot.library import Library
from bot.messages import Address, Inbound, Kind, Reply
from bot.people import find_or_create
from bot.retention.schedule import load_schedule
from bot.settings import ROOT, Settings
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import (
    Area,
    Case,
    CaseEvent,
    Inbox,
    Outbox,
    Person,
    RawEvent,
    Staff,
    StaffAudit,
    StaffLogin,
)
from services_directory import open_engine
from tests.databases import bare_sqlite

AREA, ELSEWHERE = "demonstration", "elsewhere"
URL = "http://127.0.0.1:8080"
PASSWORD = "three-wet-wellies-drying"


@lru_cache(maxsize=1)
def password_hash() -> str:
    return hash_password(PASSWORD)


def is_command(text: str) -> bool:
    return commands().find(text, "en") is not None


@lru_cache(maxsize=1)
def commands() -> Commands:
    return Commands.load(ROOT)


@dataclass
class Parent:
    """Somebody who has written, and their case."""

    person_id: int
    address_id: int
    pseudonym: str
    channel: str
    case_id: int
    inbox_ids: list[int] = field(default_factory=list)


@dataclass
class Browser:
    """One member of staff at a screen."""

    client: TestClient
    staff_id: int
    csrf: str

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(path, params=query or None)

    def post(self, path: str, **fields: str) -> Any:
        return self.client.post(path, data={"csrf": self.csrf, **fields}, headers={"Origin": URL})

    def reply(self, case_id: int, text: str, form: str | None = None) -> Any:
        return self.post(f"/staff/cases/{case_id}/reply", text=text, form=form or secrets.token_urlsafe(12))


@dataclass
class Office:
    """The console, its database, and hands to do everybody's part."""

    services: ConsoleServices
    app: Starlette
    library: Library

    def client(self, host: str = "127.0.0.1", base_url: str = URL) -> TestClient:
        """A browser nobody has signed in with."""
        return TestClient(self.app, base_url=base_url, follow_redirects=False, client=(host, 50_000))

    def staff(
        self,
        name: str,
        *,
        area: str | None = AREA,
        title: str = "Health visitor",
        demonstration: bool = False,
        roles: Sequence[str] = ("practitioner",),
    ) -> int:
        with self.services.database.write() as session:
            person = Staff(
                area_id=area,
                username=name.casefold(),
                first_name=name,
                job_title=title,
                password_hash=password_hash(),
                demonstration=demonstration,
                roles=list(roles),
            )
            session.add(person)
            session.flush()
            return person.id

    def browser(self, staff_id: int, **where: str) -> Browser:
        """Signed in, without the second that a password takes."""
        with self.services.database.write() as session:
            value = start(session, staff_id)
            session.flush()
            csrf = session.query(StaffLogin.csrf).filter_by(staff_id=staff_id).order_by(StaffLogin.created_at.desc()).first()
        client = self.client(**where)
        client.cookies.set(COOKIE, value, domain=client.base_url.host, path="/staff")
        assert csrf is not None
        return Browser(client, staff_id, csrf[0])

    def parent(
        self,
        text: str = "I can't stop crying and I don't know why",
        *,
        level: str = "urgent",
        channel: str = "webchat",
        language: str = "en",
        area: str | None = AREA,
        reasons: Sequence[dict[str, Any]] = ({"level": "urgent", "by": "rule:hopeless", "words": "can't stop crying"},),
    ) -> Parent:
        """A new person who has just written, with a case opened as intake opens it."""
        parent = self.newcomer(channel=channel, language=language, area=area)
        self.writes(parent, text, level=level, reasons=reasons)
        with self.services.database.write() as session:
            case = cases.open_or_raise(
                session,
                self.services.keyring,
                person_id=parent.person_id,
                area_id=area,
                address_id=parent.address_id,
                channel=channel,
                language=language,
                level=level,
                reasons=list(reasons),
                inbox_id=parent.inbox_ids[0],
                team=self.services.teams.of(area),
            )
            parent.case_id = case.id
            session.get_one(Inbox, parent.inbox_ids[0]).case_id = case.id
        return parent

    def newcomer(self, *, channel: str = "webchat", language: str = "en", area: str | None = AREA) -> Parent:
        """A new person who has written nothing and has no case."""
        address = Address(channel=channel, kind=f"{channel}_key", value=secrets.token_hex(8))
        with self.services.database.write() as session:
            person, row = find_or_create(
                session,
                self.services.keyring,
                [address],
                area_id=area,
                language=language,
                language_chosen=True,
                campaign=None,
            )
            return Parent(person.id, row.id, person.pseudonym, channel, 0)

    def returns(self, parent: Parent, text: str = "It is me again", *, level: str = "urgent") -> Parent:
        """A parent whose case is closed writes again and gets another one."""
        again = Parent(parent.person_id, parent.address_id, parent.pseudonym, parent.channel, 0)
        self.writes(again, text, level=level)
        with self.services.database.write() as session:
            person = session.get_one(Person, parent.person_id)
            case = cases.open_or_raise(
                session,
                self.services.keyring,
                person_id=parent.person_id,
                area_id=person.area_id,
                address_id=parent.address_id,
                channel=parent.channel,
                language=person.language,
                level=level,
                reasons=(),
                inbox_id=again.inbox_ids[0],
                team=self.services.teams.get(person.area_id or ""),
            )
            again.case_id = case.id
            session.get_one(Inbox, again.inbox_ids[0]).case_id = case.id
        return again

    def writes(
        self, parent: Parent, text: str, *, level: str = "none", reasons: Sequence[dict[str, Any]] = (), **more: Any
    ) -> int:
        """A further message from a parent; returns its id."""
        external = secrets.token_hex(8)
        inbound = Inbound(
            channel=parent.channel,
            external_id=external,
            addresses=(Address(channel=parent.channel, kind="x", value="hidden"),),
            text=text,
            **{"kind": Kind.TEXT, **more},
        )
        with self.services.database.write() as session:
            event = RawEvent(channel=parent.channel, external_id=external)
            session.add(event)
            session.flush()
            row = Inbox(
                raw_event_id=event.id,
                person_id=parent.person_id,
                address_id=parent.address_id,
                channel=parent.channel,
                kind=inbound.kind.value,
                sealed=self.services.keyring.seal_json(pack(inbound)),
                level=level,
                triage=self.services.keyring.seal_json(list(reasons)) if reasons else None,
                language=session.get_one(Person, parent.person_id).language,
                case_id=parent.case_id or None,
                state="done",
                open=0,
            )
            session.add(row)
            session.flush()
            parent.inbox_ids.append(row.id)
            return row.id

    def wren_says(self, parent: Parent, reply: Reply, language: str = "en") -> None:
        with self.services.database.write() as session:
            enqueue(
                session,
                self.services.keyring,
                self.services.renderer,
                reply,
                key=secrets.token_hex(8),
                person_id=parent.person_id,
                address_id=parent.address_id,
                channel=parent.channel,
                language=language,
            )

    def case(self, parent: Parent) -> Case:
        with self.services.database.read() as session:
            return session.get_one(Case, parent.case_id)

    def events(self, parent: Parent) -> list[str]:
        with self.services.database.read() as session:
            return [event.kind for event in session.query(CaseEvent).filter_by(case_id=parent.case_id).order_by(CaseEvent.id)]

    def outbox(self, parent: Parent) -> list[Outbox]:
        with self.services.database.read() as session:
            return list(session.query(Outbox).filter_by(person_id=parent.person_id).order_by(Outbox.id))

    def words(self, row: Outbox) -> dict[str, Any]:
        data: dict[str, Any] = self.services.keyring.open_json(row.sealed)
        return data

    def audit(self, staff_id: int) -> list[tuple[str, str]]:
        with self.services.database.read() as session:
            query = session.query(StaffAudit).filter_by(staff_id=staff_id).order_by(StaffAudit.id)
            return [(row.action, row.subject) for row in query]

    def close(self) -> None:
        self.services.database.dispose()
        if self.services.directory_engine is not None:
            self.services.directory_engine.dispose()

    def change(self, table: type[Any], key: Any, **values: Any) -> None:
        with self.services.database.write() as session:
            row = session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)


def build_office(
    url: str,
    folder: Path,
    library: Library,
    *,
    tries: tuple[int, int] = (30, 120),
    migrated: bool = False,
    keyring: Keyring | None = None,
    **settings: Any,
) -> Office:
    """An office on the database at `url`; on a new file of SQLite's where it is not migrated. Without a keyring: a new one."""
    config = Settings.model_validate({"var_dir": folder, "demonstration": False, **settings})
    if not migrated:
        Path(str(make_url(url).database)).write_bytes(bare_sqlite())
    database = Database(url)
    directory_engine = open_engine(url)
    with database.write() as session:
        known = set(session.scalars(select(Area.id)))
        session.add_all(Area(id=name, name=name) for name in (AREA, ELSEWHERE) if name not in known)
    services = ConsoleServices(
        database=database,
        keyring=keyring or Keyring([new_key()]),
        renderer=Renderer(library.overlaid(PublishedWords(database))),
        strings=library.strings,
        hub=Hub(),
        settings=config,
        teams=load_teams(ROOT),
        sampling=load_sampling(ROOT),
        reviewing=load_reviewing(ROOT),
        schedule=load_schedule(ROOT),
        is_command=is_command,
        directory_engine=directory_engine,
        tries_per_address=tries[0],
        tries_in_all=tries[1],
    )
    return Office(services, Starlette(routes=routes(services)), library)


def text_of(page: str) -> str:
    """What a page says, without its marks and with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S))).split())


def filled(path: str, **values: object) -> str:
    """A route's path with its parts filled in: those given, 1 for all others."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: str(values.get(part[1], 1)), path)


def hidden(page: str, name: str) -> str:
    """The value of a page's first hidden field of that name."""
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match, f"no hidden field {name}"
    return match[1]
