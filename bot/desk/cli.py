"""`bot content export-translations`, `import-translations` and `write-back`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.settings import ROOT, settings

if TYPE_CHECKING:
    from bot.desk.store import Texts
    from bot.storage.engine import Database

ROLE = "translator"
"""What whoever brings a file on the command line may do."""


def add_commands(content_app: typer.Typer) -> None:
    """Put the desk's commands beside the others of `bot content`."""
    content_app.command("export-translations")(export_translations)
    content_app.command("import-translations")(import_translations)
    content_app.command("write-back")(write_back)


@contextmanager
def _desk() -> Iterator[tuple[Database, Texts]]:
    """The database, and the library with what is published in it."""
    from bot.desk.published import PublishedWords
    from bot.desk.store import Texts
    from bot.kept import Kept
    from bot.library import Library
    from bot.library.check_files import Tree
    from bot.storage.engine import Database
    from bot.storage.standing import bring_up

    database = Database(settings().database)
    try:
        settings().var_dir.mkdir(parents=True, exist_ok=True)
        bring_up(database)
        library = Library.load(ROOT, Kept(settings().kept_dir)).overlaid(PublishedWords(database))
        library.refresh()
        yield database, Texts(library, Tree(ROOT))
    finally:
        database.dispose()


def export_translations(
    language: Annotated[str, typer.Argument(help="For example pl.")],
    form: Annotated[str, typer.Option(help="po or csv.")] = "po",
) -> None:
    """Write all messages and strings with their English and what parents read in LANGUAGE, for translators."""
    from bot.desk import checks
    from bot.desk.exchange import FORMS, export
    from bot.library.strings import SOURCE_LANGUAGE

    known = [code for code in checks.tongues() if code != SOURCE_LANGUAGE]
    if language not in known or form not in FORMS:
        _say(f"Languages are {', '.join(known)}; forms are {', '.join(FORMS)}.")
        raise typer.Exit(2)
    with _desk() as (_, texts):
        sys.stdout.write(export(texts.library, language, form))


def import_translations(
    file: Annotated[Path, typer.Argument(help="A .po or CSV of export-translations.", exists=True, dir_okay=False)],
    go: Annotated[bool, typer.Option("--go", help="Make the drafts; without it only say what would be done.")] = False,
    name: Annotated[str, typer.Option(help="Whose words they are, for the history.")] = "a translator's file",
    native: Annotated[
        bool,
        typer.Option(help="A native reader has checked what the file marks as checked; else every draft counts as unchecked."),
    ] = False,
) -> None:
    """Make drafts of a translator's FILE, after saying text by text what would be done. Nothing is published by it."""
    from bot.desk.exchange import CannotRead, read
    from bot.desk.imports import BECOMES, bring, plan
    from bot.desk.rules import Person
    from bot.desk.store import changing

    try:
        rows = read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        _say(f"{file.name} is not saved as UTF-8 (byte {error.start}). Save it again as UTF-8.")
        raise typer.Exit(1) from error
    except CannotRead as error:
        _say(str(error))
        raise typer.Exit(1) from error
    person = Person(None, name, frozenset({ROLE}))
    with _desk() as (database, texts):
        if go:
            with changing(database, texts) as session:
                lines = bring(session, texts, person, rows, native=native)
        else:
            with database.read() as session:
                lines = plan(session, texts, person, rows, native=native)
    for line in lines:
        print(line)
    number = sum(line.outcome in BECOMES for line in lines)
    _say(f"Drafts made: {number}." if go else f"Drafts that would be made: {number}. Nothing was done: add --go.")


def write_back() -> None:
    """Write what staff have published into content/ and locales/, as files. A second time changes nothing."""
    from bot.desk.writeback import files, write

    with _desk() as (database, texts), database.read() as session:
        found = files(session, texts.library, ROOT)
        write(ROOT, found)
    for file in found:
        print(file.path)
        if file.is_overtaken:
            _say(f"{file.path} had been changed since the desk last saw it: look at the difference before you commit it.")
    _say(
        f"Files written: {len(found)}. Run: bot content check" if found else "Nothing to write: the files say what parents read."
    )


def _say(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
