"""`bot whatsapp templates` against the strict double: handed in, synced, per language; drift and loss told to staff."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from bot import cli
from bot.channels.whatsapp import GraphError, WhatsAppChannel
from bot.commands import common
from bot.delivery.templates import note_news, standing_of
from bot.doctor import report
from bot.library import Library
from bot.library.templates import Templates
from bot.settings import ROOT, Settings
from bot.storage.engine import Database
from bot.storage.tables import Incident, MessageTemplate
from bot.whatsapp import bare_number
from bot.whatsapp_templates import NO_TEMPLATES, NOT_THERE, as_lines, missing, submit, sync, write_lines
from tests.doubles.graph_server import BUSINESS_ID, NUMBER_ID, TOKEN, GraphServer

ALL = Templates.load(ROOT)
TEMPLATES = replace(ALL, by_id={"reply_waiting": ALL.by_id["reply_waiting"]})
"""One of them, so that what is counted does not change with the number of templates."""


@pytest.fixture
def double() -> Iterator[GraphServer]:
    server = GraphServer()
    with server.in_thread():
        yield server


def channel(double: GraphServer, token: str = TOKEN) -> WhatsAppChannel:
    return WhatsAppChannel(token, NUMBER_ID, business_id=BUSINESS_ID, base_url=double.url)


def do(double: GraphServer, database: Database, *, hand_in: bool = False) -> list[str]:
    async def go() -> list[str]:
        asked = channel(double)
        try:
            if hand_in:
                return await submit(asked, database, TEMPLATES)
            await sync(asked, database, TEMPLATES)
            return []
        finally:
            await asked.close()

    return asyncio.run(go())


def stand(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {language: status for _, language, _, status, *_ in as_lines(session, TEMPLATES)}


def test_each_language_is_handed_in_once_and_stands_as_meta_says(double: GraphServer, database: Database) -> None:
    assert stand(database)["pl"] == NOT_THERE
    for _ in range(2):
        assert do(double, database, hand_in=True) == []
    assert len(double.templates) == 7
    assert stand(database) == dict.fromkeys(("en", "ur", "uk", "ro", "pl", "ar", "bn"), "pending") | {"cy": NO_TEMPLATES}
    for (_, code), template in double.templates.items():
        template["status"] = "REJECTED" if code == "ar" else "APPROVED"
    do(double, database)
    after = stand(database)
    assert (after["pl"], after["ar"], after["cy"]) == ("approved", "rejected", NO_TEMPLATES)
    with database.read() as session:
        name = TEMPLATES.by_id["reply_waiting"].name
        assert standing_of(session, "whatsapp", name("pl"), "pl").approved
        assert not standing_of(session, "whatsapp", name("ar"), "ar").approved
        assert not standing_of(session, "whatsapp", name("cy"), "cy").approved


def test_a_category_that_meta_changed_is_seen_and_staff_are_told_once(double: GraphServer, database: Database) -> None:
    do(double, database, hand_in=True)
    for template in double.templates.values():
        template |= {"status": "APPROVED", "category": "MARKETING" if template["language"] == "pl" else "UTILITY"}
    for _ in range(2):
        do(double, database)
    with database.read() as session:
        assert standing_of(session, "whatsapp", TEMPLATES.by_id["reply_waiting"].name("pl"), "pl").marketing
        assert missing(session, TEMPLATES) == {
            NO_TEMPLATES: ["reply_waiting cy"],
            "utility became marketing": ["reply_waiting pl"],
        }
        (told,) = session.scalars(select(Incident).where(Incident.kind == "whatsapp-template-category")).all()
        assert told.count == 1 and "utility became marketing" in told.detail


def test_a_template_that_is_gone_at_meta_is_not_sent_and_can_be_handed_in_again(double: GraphServer, database: Database) -> None:
    do(double, database, hand_in=True)
    for template in double.templates.values():
        template["status"] = "APPROVED"
    do(double, database)
    del double.templates[TEMPLATES.by_id["reply_waiting"].name("pl"), "pl"]
    do(double, database)
    assert stand(database)["pl"] == "deleted"
    with database.read() as session:
        assert "whatsapp-template-lost" in session.scalars(select(Incident.kind)).all()
    do(double, database, hand_in=True)
    assert stand(database)["pl"] == "pending"


def test_every_template_is_handed_in_in_every_language_that_meta_takes(double: GraphServer, database: Database) -> None:
    async def go() -> None:
        asked = channel(double)
        try:
            assert await submit(asked, database, ALL) == []
        finally:
            await asked.close()

    asyncio.run(go())
    taken = {language for language, code in ALL.codes.items() if code is not None}
    assert len(taken) == 7
    assert {(name, language) for name, language in double.templates} == {
        (one.name(language), ALL.codes[language]) for one in ALL.by_id.values() for language in taken
    }


def test_news_of_a_template_that_we_did_not_write_is_left_out(database: Database) -> None:
    with database.write() as session:
        assert note_news(session, "whatsapp", "someone_elses", "pl", status="approved") is None
        assert session.scalars(select(MessageTemplate)).all() == []


def test_a_refusal_of_one_language_is_said_and_the_others_are_handed_in(double: GraphServer, database: Database) -> None:
    from tests.doubles import graph_server

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_server, "LANGUAGES", graph_server.LANGUAGES - {"bn"})
        (problem,) = do(double, database, hand_in=True)
    assert problem.startswith("reply_waiting in bn was not taken: bad-parameter (100)")
    assert stand(database)["bn"] == NOT_THERE and stand(database)["pl"] == "pending"


def test_a_bad_token_is_said_by_name(double: GraphServer, database: Database) -> None:
    async def go() -> None:
        asked = channel(double, "wrong")
        try:
            await sync(asked, database, TEMPLATES)
        finally:
            await asked.close()

    with pytest.raises(GraphError, match="token-expired"):
        asyncio.run(go())


def test_the_table_is_csv_with_a_line_for_each_language(database: Database) -> None:
    out = StringIO()
    with database.read() as session:
        write_lines(as_lines(session, TEMPLATES), out)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("template,language,name at Meta,status") and len(lines) == 9


# The commands and the doctor


def command(settings: Settings, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr(common, "settings", lambda: settings)
    done = CliRunner().invoke(cli.app, ["whatsapp", *arguments])
    return done.exit_code, done.output


def test_the_commands_hand_in_show_and_say_what_is_not_set(
    double: GraphServer, sqlite_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Settings(var_dir=tmp_path, database_url=sqlite_address)
    assert command(bare, "templates", monkeypatch=monkeypatch)[0] == 2
    assert "WREN_WHATSAPP_TOKEN" in command(bare, "number", monkeypatch=monkeypatch)[1]
    given = {"whatsapp_token": TOKEN, "whatsapp_phone_number_id": NUMBER_ID, "whatsapp_business_id": BUSINESS_ID}
    whole = Settings.model_validate({"var_dir": tmp_path, "database_url": sqlite_address, "whatsapp_api": double.url, **given})
    code, said = command(whole, "templates", "--submit", monkeypatch=monkeypatch)
    assert code == 1 and "reply_waiting,pl,reply_waiting_" in said and "pending" in said
    for template in double.templates.values():
        template["status"] = "APPROVED"
    assert command(whole, "templates", monkeypatch=monkeypatch)[0] == 0, "Welsh is no fault of ours"
    assert command(whole, "templates", "--offline", monkeypatch=monkeypatch)[0] == 0
    code, said = command(whole, "number", monkeypatch=monkeypatch)
    assert code == 0 and "verified_name: Wren double" in said and TOKEN not in said


def test_the_doctor_says_in_plain_words_what_whatsapp_lacks_and_nothing_where_nobody_wants_it(
    tmp_path: Path, sqlite_address: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "load", lambda _: library)

    def said(**settings: str) -> list[str]:
        out = StringIO()
        chosen = Settings.model_validate({"var_dir": tmp_path, "database_url": sqlite_address, **settings})
        report(chosen, ROOT, out)
        return [line for line in out.getvalue().splitlines() if "WhatsApp" in line]

    assert said() == []
    begun = said(whatsapp_token="t", whatsapp_phone_number_id="1")
    for name in ("APP_SECRET", "VERIFY_TOKEN", "BUSINESS_ID", "NUMBER"):
        assert any(f"WREN_WHATSAPP_{name} " in line for line in begun), name
    assert any("https address only" in line for line in begun)
    assert any("templates that cannot be sent" in line and "reply_waiting pl" in line for line in begun)


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("٢", 2), ("۲", 2), ("২", 2), (" 11. ", 11), ("(3)", 3), ("١١", 11), ("², ", None), ("2 months", None),
     ("", None), ("123", None), ("-2", None), ("two", None), ("2.5", None)],
)  # fmt: skip
def test_a_bare_number_is_read_in_the_digits_of_any_script(text: str, number: int | None) -> None:
    assert bare_number(text) == number
