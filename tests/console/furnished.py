"""A case and one of everything in our area, made once and copied for each test that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.console.guard import COOKIE
from bot.console.roles import ROLES
from bot.library import Library
from bot.storage.crypto import Keyring
from services_directory import models, writing
from services_directory.directory import london_now
from services_directory.editing.tables import Step
from services_directory.freshness import reports
from services_directory.freshness.tables import ProviderNote, QuickAct
from services_directory.imports.one_sheet import template
from services_directory.imports.tables import TermQuestion
from tests.console.support import AREA, URL, Browser, Office, Parent, build_office

IMPORT = "/staff/directory/import"
SECRET = "Nobody else may find this (example)"


def furnish(office: Office, ours: Browser) -> dict[str, object]:
    """One of everything in our area's directory, made as staff make it; by the names that routes have for it."""
    assert office.services.directory_engine is not None
    with writing(office.services.directory_engine) as session:
        service = models.Service(
            organisation=models.Organisation(name=SECRET, area_id=AREA),
            name=SECRET,
            area_id=AREA,
            approval="approved",
            modes=[models.ServiceMode(mode="online")],
        )
        session.add(service)
        session.flush()
        one = service.id
        step = Step(service_id=one, kind="changed", before={"name": "x"}, after={"name": SECRET}, author_id=1, author="Ada")
        note = ProviderNote(service_id=one, address="hello@provider.example", words=SECRET)
        question = TermQuestion(service_id=one, code="sleep", why=SECRET)
        reports.report(session, one, london_now().date())
        session.add_all([step, note, question])
        session.flush()
        found: dict[str, object] = {
            "service_id": one,
            "step_id": step.id,
            "note_id": note.id,
            "question_id": question.id,
            "organisation_id": service.organisation_id,
            "step": "name",
            "form": "csv",
        }
    ours.post(f"/staff/directory/services/{one}/quick", kind="checked")
    change = ours.post(f"/staff/directory/services/{one}/edit").headers["location"].split("/")[4]
    ours.post(f"/staff/directory/changes/{change}/questions/description", description=SECRET)
    ours.post(f"/staff/directory/changes/{change}/send")
    file = {"file": ("services.csv", template().replace("Rhyme time (example)", SECRET).encode())}
    data = {"csrf": ours.csrf, "source": "larkmoor"}
    brought = ours.client.post(IMPORT, data=data, files=file, headers={"Origin": URL})
    with Session(office.services.directory_engine) as session:
        act = session.scalars(select(QuickAct.id)).one()
    return found | {"change_id": change, "import_id": brought.headers["location"].split("/")[-1], "act_id": act}


@dataclass(frozen=True)
class Furnished:
    """A file of SQLite with a case and one of everything, its keys, and how its maker is signed in."""

    file: bytes
    keyring: Keyring
    parent: Parent
    staff_id: int
    csrf: str
    cookie: str
    numbers: dict[str, object]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Furnished:
    folder = tmp_path_factory.mktemp("furnished")
    office = build_office(f"sqlite:///{folder / 'wren.sqlite3'}", folder, library)
    parent = office.parent("Nobody else may read this", channel="telegram")
    ours = office.browser(office.staff("Zacharias", title="Our health visitor", roles=ROLES))
    numbers = furnish(office, ours)
    with office.services.database.engine.connect() as connection:  # one file, so that it can be copied
        connection.exec_driver_sql("COMMIT")
        assert connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0] == 0
    office.close()
    file = (folder / "wren.sqlite3").read_bytes()
    return Furnished(file, office.services.keyring, parent, ours.staff_id, ours.csrf, ours.client.cookies[COOKIE], numbers)


@pytest.fixture
def furnished_office(furnished: Furnished, tmp_path: Path, library: Library) -> Iterator[tuple[Office, Browser]]:
    """A furnished office of this test's own, and its maker's browser."""
    path = tmp_path / "wren.sqlite3"
    path.write_bytes(furnished.file)
    office = build_office(f"sqlite:///{path}", tmp_path, library, migrated=True, keyring=furnished.keyring)
    client = office.client()
    client.cookies.set(COOKIE, furnished.cookie, domain=client.base_url.host, path="/staff")
    yield office, Browser(client, furnished.staff_id, furnished.csrf)
    office.close()
