"""Translators' files: out and in again, and what is said of each text before anything is done."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import BytesIO, StringIO

import pytest
from babel.messages.pofile import read_po, write_po

from bot.desk import interface, store
from bot.desk.exchange import CannotRead, Row, _as_csv, _Entry, _from_csv, export, read
from bot.desk.imports import bring, plan
from bot.desk.rules import Person
from tests.desk.support import BODY_UR, CRYING, EDITOR, HELP_UR, READER, TRANSLATOR, Desk

BREATHE_UR = "آہستہ سانس لیں اور تین تک گنیں۔"


def as_po(content: str, change: Callable[[str, str], str]) -> str:
    """The file as a translator's tool writes it: each translation as `change` (of context, words) has it, and no longer fuzzy."""
    catalog = read_po(BytesIO(content.encode()))
    for message in catalog:
        if message.id:
            new = change(str(message.context), str(message.string))
            if new != message.string:
                message.string = new
                message.flags.discard("fuzzy")
    written = BytesIO()
    write_po(written, catalog, width=76)
    return written.getvalue().decode()


def as_csv(content: str, change: Callable[[str, str], str]) -> str:
    """The same with a spreadsheet."""
    lines = list(csv.DictReader(StringIO(content.removeprefix("\ufeff"))))
    for line in lines:
        new = change(f"{line['id']}#{line['part']}", line["translation"])
        if new != line["translation"]:
            line["translation"], line["native_reviewed"] = new, "yes"
    written = StringIO()
    table = csv.DictWriter(written, lines[0].keys())
    table.writeheader()
    table.writerows(lines)
    return written.getvalue()


WAYS = {"po": as_po, "csv": as_csv}


def to_crying(context: str, words: str) -> str:
    """A translator rewrites one message and leaves the others."""
    return {f"{CRYING}#text": BODY_UR, f"{CRYING}#help_if": HELP_UR}.get(context, words)


def planned(desk: Desk, rows: list[Row], person: Person = TRANSLATOR) -> dict[tuple[str, str], str]:
    with desk.database.read() as session:
        return {
            (one.row.content_id, one.row.language): one.outcome for one in plan(session, desk.texts, person, rows, native=False)
        }


def take(desk: Desk, rows: list[Row], *, native: bool = False) -> list[str]:
    with store.changing(desk.database, desk.texts) as session:
        return [line.outcome for line in bring(session, desk.texts, TRANSLATOR, rows, native=native)]


@pytest.mark.parametrize("form", ["po", "csv"])
@pytest.mark.parametrize("language", ["ur", "cy"])
def test_what_is_taken_out_and_brought_back_as_it_is_changes_nothing(desk: Desk, form: str, language: str) -> None:
    rows = read(export(desk.texts.library, language, form))
    of_messages = [row for row in rows if not row.content_id.startswith("text:")]
    assert len(of_messages) == sum(not id_.startswith("safety/") for id_ in desk.texts.library.messages)
    assert len(rows) - len(of_messages) == len(list(interface.ids(desk.texts.library))) > 300
    assert set(planned(desk, rows).values()) == {"unchanged"}
    held = desk.live(language)
    (mine,) = [row for row in rows if row.content_id == CRYING]
    assert (mine.body, mine.help_if, mine.english_hash) == (held.body, held.help_if, desk.live().hash)


@pytest.mark.parametrize("form", ["po", "csv"])
def test_what_a_translator_changed_becomes_a_draft_and_nothing_else_does(desk: Desk, form: str) -> None:
    rows = read(WAYS[form](export(desk.texts.library, "ur", form), to_crying))
    found = planned(desk, rows)
    assert found.pop((CRYING, "ur")) == "draft" and set(found.values()) == {"unchanged"}
    with desk.database.read() as session:
        assert store.open_version(session, CRYING, "ur") is None  # a look changes nothing
    assert take(desk, rows).count("draft") == 1
    assert (desk.open("ur").body, desk.open("ur").help_if) == (BODY_UR, HELP_UR)
    assert desk.open("ur").translation == "machine-draft" and desk.kinds("ur") == ["imported"]
    assert planned(desk, rows)[CRYING, "ur"] == "busy"


@pytest.mark.parametrize("form", ["po", "csv"])
def test_a_draft_counts_as_checked_only_if_the_file_and_the_bringer_both_say_so(desk: Desk, form: str) -> None:
    rows = read(WAYS[form](export(desk.texts.library, "ur", form), to_crying))
    take(desk, rows, native=True)
    assert desk.open("ur").translation == "native-reviewed"
    with desk.database.read() as session:
        assert session.query(store.TextVersion).filter_by(translation="native-reviewed").count() == 1


def test_each_hindrance_is_named(desk: Desk) -> None:
    english = desk.live().hash

    def row(content_id: str = CRYING, language: str = "ur", body: str = BODY_UR, english_hash: str = english) -> Row:
        return Row(
            content_id=content_id,
            language=language,
            body=body,
            help_if=HELP_UR,
            english_hash=english_hash,
            is_native=False,
            line=7,
        )

    for one, outcome in (
        (row("baby/no-such"), "unknown"),
        (row("safety/emergency"), "unknown"),
        (row(language="en"), "language"),
        (row(language="xx"), "language"),
        (row(english_hash=""), "no_english"),
        (row(body="x " * 3000), "long"),
        (row(english_hash="0" * 16), "draft_stale"),
        (row(body="فون کریں 0117 496 0123"), "draft_to_mend"),
        (row(), "draft"),
    ):
        assert list(planned(desk, [one]).values()) == [outcome]
    assert list(planned(desk, [row()], READER).values()) == ["role"]
    desk.save(EDITOR, "ur")
    assert list(planned(desk, [row()]).values()) == ["busy"]


def test_what_is_wrong_with_a_text_is_said_with_its_line(desk: Desk) -> None:
    def to_number(context: str, words: str) -> str:
        return words.replace("{urgent_health}", "0117 496 0123") if context == f"{CRYING}#help_if" else words

    content = as_csv(export(desk.texts.library, "ur", "csv"), to_number)
    with desk.database.read() as session:
        lines = plan(session, desk.texts, TRANSLATOR, read(content), native=False)
    (told,) = [str(line) for line in lines if line.outcome == "draft_to_mend"]
    assert told.startswith("line ") and "becomes a draft with something to mend:" in told and "0117 496 0123 stands in" in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no translated text"),
        ("hello there", "neither a .po file nor our CSV"),
        ("id,part,language\nx,text,ur\n", "no column english_hash, english, translation, native_reviewed"),
        (
            "id,part,language,english_hash,english,translation,native_reviewed\nx,words,ur,h,e,t,no\n",
            "Line 2: the part is “words”",
        ),
        ("id,part,language,english_hash,english,translation,native_reviewed\nx\n", "Line 2: the part is “”"),
        ("id,part,language,english_hash,english,translation,native_reviewed\nx,text,ur,h,e,,no\n", "no translated text"),
        ('msgid "x"\nmsgstr "of no text of ours"\n', "no translated text"),
        ("x" * 8_000_001, "too long"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_is_wrong(content: str, said: str) -> None:
    with pytest.raises(CannotRead, match=said):
        read(content)


def test_no_cell_of_a_table_is_a_formula_and_a_list_comes_back_as_it_was() -> None:
    with_list = "- one thing\n- another"
    table = _as_csv([_Entry(CRYING, "text", "ur", "hash", "=1+1", with_list, False)], "ur").removeprefix("\ufeff")
    (line,) = csv.DictReader(StringIO(table))
    assert (line["english"], line["translation"]) == ("'=1+1", f"'{with_list}")
    (back,) = _from_csv(table)
    assert (back.english, back.translation) == ("=1+1", with_list)
