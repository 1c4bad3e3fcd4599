"""The data-protection page is held to the code: every table, every encrypted column, every period, and what forgetting removes."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from html import unescape

import pytest
from sqlalchemy import LargeBinary
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.channels.webchat.visits import COOKIE_DAYS, VISIT_SECONDS
from bot.console.logins import ABSOLUTE, IDLE
from bot.delivery.outbox import TOKEN_LIFE
from bot.delivery.pace import forget_old
from bot.delivery.receipts import forget_strangers
from bot.handoff.sampling import load_reviewing, load_sampling
from bot.languages import supported
from bot.library import Library
from bot.pages import PageServices
from bot.pages import routes as page_routes
from bot.people import people
from bot.retention.schedule import AT_ONCE, KINDS, NOBODYS, load_schedule
from bot.settings import ROOT, Settings
from bot.storage import tries
from bot.storage.tables import UNANSWERED_DAYS, Base
from bot.sweep import Sweep
from services_directory.models import PREFIX

PAGE = (ROOT / "docs" / "data-protection.md").read_text(encoding="utf-8")
IMPACT = (ROOT / "docs" / "data-protection-impact.md").read_text(encoding="utf-8")
COMPANIES = {"ur": ("واٹس ایپ", "ٹیلی گرام")}


def rows() -> dict[str, list[str]]:
    """The cells of each row of the table of what is kept, by the name of the database table."""
    section = PAGE.split("## What is kept, where, and until when")[1].split("Outside the database:")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5:
            found |= dict.fromkeys(re.findall(r"`([a-z_*]+)`", cells[1]), cells)
    return found


def written_to(function: object, *verbs: str) -> set[str]:
    """The tables that a function names in `delete(…)` or `update(…)`; those of a loop over tables are counted one by one."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    loops = {
        node.target.id: {name.id for name in node.iter.elts if isinstance(name, ast.Name)}
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple)
    }
    named = {
        node.args[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in verbs
        if node.args and isinstance(node.args[0], ast.Name)
    }
    return set().union(*(loops.get(name, {name}) for name in named))


def test_every_table_is_on_the_page_and_no_other() -> None:
    assert set(rows()) == {*Base.metadata.tables, f"{PREFIX}*"}


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_the_page_names_exactly_the_encrypted_columns(table: str) -> None:
    sealed = {column.name for column in Base.metadata.tables[table].columns if isinstance(column.type, LargeBinary)}
    said = rows()[table][2]
    assert set(re.findall(r"`(\w+)`", said)) == sealed
    assert said.startswith("no") is not bool(sealed)


def test_the_page_gives_the_periods_of_the_code() -> None:
    days = Settings.model_fields["raw_event_days"].default
    assert rows()["raw_event"][4].startswith(f"contents {days} days (`WREN_RAW_EVENT_DAYS`)")
    assert rows()["button_token"][4].startswith(f"{TOKEN_LIFE.days} days of use, then buttons: ")
    assert rows()["unanswered_question"][4].startswith(f"words {UNANSWERED_DAYS} days;")
    signed_in = f"valid {IDLE.seconds // 60} minutes of quiet, {ABSOLUTE.seconds // 3600} hours at most"
    assert rows()["staff_login"][4].startswith(signed_in)
    assert f"{COOKIE_DAYS} days after the last visit" in PAGE
    assert f"{VISIT_SECONDS // 60} minutes after the last look" in PAGE


def test_the_pages_give_the_size_of_the_sample_as_shipped() -> None:
    sampling = load_sampling(ROOT)
    assert f"up to {sampling.messages} messages a language" in PAGE
    safety = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    assert f"up to {sampling.messages} messages of the last {sampling.span.days} days" in safety


def test_the_page_on_safety_gives_the_review_list_as_shipped() -> None:
    reviewing = load_reviewing(ROOT)
    safety = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    assert reviewing.concerns == 3 and f"writes three of them in {reviewing.span.days} days" in safety


def test_the_page_gives_the_periods_of_the_schedule_and_no_other() -> None:
    schedule = load_schedule(ROOT)
    for table, cells in rows().items():
        said = dict(re.findall(r"([a-z-]+): (\d+ (?:days|months|years))", cells[4]))
        assert said == {kind.name: str(schedule.periods[kind.name]) for kind in KINDS if table in kind.tables}, table


def test_what_the_page_says_has_no_end_is_what_leads_to_nobody() -> None:
    """The sweep wipes raw events and the words of questions, deletes rates and strangers' receipts, and removes forgotten people."""
    assert written_to(forget_strangers, "delete", "update") == {"ProviderMessage"}
    assert written_to(forget_old, "delete", "update") == {"Pace"}
    assert written_to(Sweep.once, "delete", "update") == {"RawEvent", "UnansweredQuestion"}
    assert written_to(tries.forget_old, "delete", "update") == {"SignInTry"}
    assert rows()["pace"][4] == "an hour" and rows()["sign_in_try"][4] == "a day after the last wrong try"
    assert set(AT_ONCE) == {"pace", "sign_in_try"}
    assert {table for table, cells in rows().items() if "no end" in cells[4]} == set(NOBODYS)


def test_what_the_page_says_forgetting_removes_is_removed_by_it() -> None:
    said = {table for table, cells in rows().items() if '"forget me"' in cells[4]}
    names = {mapper.class_.__name__: mapper.class_.__tablename__ for mapper in Base.registry.mappers}
    removed = {names[name] for name in written_to(people.forget, "delete") | written_to(people.remove_forgotten, "delete")}
    cascading = {
        table.name
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.ondelete == "CASCADE" and key.column.table.name == "person"
    }
    # A case holds its person: it is not removed, and neither is what belongs to it.
    assert said == (removed | cascading) - {"handoff_case"}


def test_the_settings_that_the_page_names_exist() -> None:
    for name in re.findall(r"`WREN_([A-Z_]+)`", PAGE + IMPACT):
        assert name.lower() in Settings.model_fields


def test_the_chat_and_the_privacy_page_say_what_whatsapp_and_telegram_see(library: Library) -> None:
    for language in supported():
        whatsapp, telegram = COMPANIES.get(language.code, ("WhatsApp", "Telegram"))
        notice = library.strings.get("privacy.notice", language.code, emergency="999")
        (sentence,) = [part for part in notice.split("\n\n") if whatsapp in part]
        assert telegram in sentence
        assert whatsapp in library.strings.get("pages.p_others_1", language.code)
        assert telegram in library.strings.get("pages.p_others_2", language.code)


BILLS = {
    "en": "bill", "cy": "bil", "pl": "rachunku", "ur": "بل", "ar": "فاتورة", "ro": "factura", "bn": "বিলে", "uk": "рахунку"
}  # fmt: skip
NETWORKS = {
    "en": "networks", "cy": "rhwydweithiau", "pl": "sieci", "ur": "نیٹ ورک", "ar": "شبكات", "ro": "rețelele", "bn": "নেটওয়ার্ক", "uk": "мережі"
}  # fmt: skip


def test_the_chat_and_the_privacy_page_say_who_can_read_text_messages(library: Library) -> None:
    for language in (one.code for one in supported()):
        notice = library.strings.get("privacy.notice", language, emergency="999")
        for said in (notice, library.strings.get("pages.p_others_4", language)):
            assert "SMS" in said and NETWORKS[language] in said and BILLS[language] in said, language
        assert library.strings.get("pages.p_others_4", language) in unescape(privacy_page(library, language))


def privacy_page(library: Library, language: str) -> str:
    services = PageServices(
        strings=library.strings, helplines=library.helplines, settings=Settings(), question_days=UNANSWERED_DAYS
    )
    return TestClient(Starlette(routes=page_routes(services))).get(f"/{language}/privacy").text


@pytest.mark.parametrize("page", ["data-protection.md", "data-protection-impact.md"])
def test_what_the_controller_must_settle_is_marked(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert text.count("to be filled in") >= 5
    assert "Nobody with that responsibility has read or signed" in text or "Not done: a beginning" in text
