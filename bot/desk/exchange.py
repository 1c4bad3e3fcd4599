"""Files for translators: one language as .po or CSV, out and in again. A file is hostile until it has been read here.

Both name for each text the English it stands beside (by its hash), so that a translation of older English is seen. There is no XLIFF:
no library for it is among our dependencies, and translators' tools read .po.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po, write_po

from bot.desk import checks, interface
from bot.library import Library
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.written import NATIVE_REVIEWED
from services_directory.imports.one_sheet import safe_cell
from services_directory.imports.tabular import unescaped

FORMS = ("po", "csv")
MEDIA_TYPES = {"po": "text/x-gettext-translation", "csv": "text/csv"}
HEADS = ("id", "part", "language", "english_hash", "english", "translation", "native_reviewed")
PARTS = ("text", "help_if")
MOST_TEXTS = 2_000
MOST_CHARACTERS = 8_000_000
_HASH = "english: "


class CannotRead(ValueError):
    """A file is not what it says; the message says what is wrong, where, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text of a file. `english_hash` names the English that stood beside it, `is_native` what the file says of who checked it."""

    content_id: str
    language: str
    body: str
    help_if: str
    english_hash: str
    is_native: bool
    line: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One part of a text, as both kinds of file hold it."""

    content_id: str
    part: str
    language: str
    english_hash: str
    english: str
    translation: str
    is_native: bool
    line: int = 0
    most: int | None = None
    """Characters that a title may have."""


def export(library: Library, language: str, form: str) -> str:
    """All messages and strings with the English and what is live in `language`, as a file of one of `FORMS`."""
    return (_as_po if form == "po" else _as_csv)(_entries(library, language), language)


def read(content: str) -> list[Row]:
    """The translated texts of a file, .po or CSV as its first line shows. Raises `CannotRead`."""
    content = content.removeprefix("\ufeff")
    if len(content) > MOST_CHARACTERS:
        raise CannotRead("The file is too long. Bring one language at a time.")
    is_csv = content.lstrip().split("\n", 1)[0].replace('"', "").split(",")[0].strip() == HEADS[0]
    rows = _rows(_from_csv(content) if is_csv else _from_po(content))
    if not rows:
        raise CannotRead("There is no translated text in this file. Fill in the translations, and bring it again.")
    if len(rows) > MOST_TEXTS:
        raise CannotRead(f"The file has more than {MOST_TEXTS} texts. Bring one language at a time.")
    return rows


def _entries(library: Library, language: str) -> Iterator[_Entry]:
    for content_id in checks.all_ids(library):
        english = checks.live(library, content_id, SOURCE_LANGUAGE)
        assert english is not None  # no text is loaded without its English
        held = checks.live(library, content_id, language)
        # What is out of date has been checked by nobody, as far as today's English goes.
        native = held is not None and held.translation == NATIVE_REVIEWED and held.source_hash == english.hash
        parts = ((english.body, held.body if held else ""), (english.help_if, held.help_if if held else ""))
        for part, (source, words) in zip(PARTS, parts, strict=True):
            if source:
                yield _Entry(
                    content_id, part, language, english.hash, source, words or "", native, most=interface.most(content_id)
                )


def _rows(entries: Iterable[_Entry]) -> list[Row]:
    """The parts of each text together; texts without words are left out. A text is checked only if each part is."""
    texts: dict[tuple[str, str], dict[str, _Entry]] = {}
    for entry in entries:
        texts.setdefault((entry.content_id, entry.language), {})[entry.part] = entry
    return [
        Row(
            content_id=content_id,
            language=language,
            body=parts["text"].translation,
            help_if=parts["help_if"].translation if "help_if" in parts else "",
            english_hash=parts["text"].english_hash,
            is_native=all(part.is_native for part in parts.values()),
            line=parts["text"].line,
        )
        for (content_id, language), parts in texts.items()
        if "text" in parts and parts["text"].translation.strip()
    ]


# .po


def _as_po(entries: Iterable[_Entry], language: str) -> str:
    """The English is the message id, the text and its part the context. What no native reader has checked is fuzzy, as in `locales/`."""
    catalog = Catalog(locale=language, project="wren", version="1", fuzzy=False)
    for entry in entries:
        flags = ["fuzzy"] if entry.translation and not entry.is_native else []
        notes = [f"{_HASH}{entry.english_hash}", *([f"at most {entry.most} characters"] if entry.most else [])]
        context = f"{entry.content_id}#{entry.part}"
        catalog.add(entry.english, entry.translation, context=context, flags=flags, auto_comments=notes)
    written = BytesIO()
    write_po(written, catalog, width=0)
    return written.getvalue().decode("utf-8")


def _from_po(content: str) -> Iterator[_Entry]:
    try:
        catalog = read_po(BytesIO(content.encode("utf-8", "replace")), abort_invalid=True)
    except (PoFileError, ValueError, LookupError) as error:
        raise CannotRead(f"This is neither a .po file nor our CSV ({error}). Export it anew and fill it in.") from error
    language = str(catalog.locale_identifier or "").split("_")[0]
    for message in catalog:
        content_id, _, part = str(message.context or "").partition("#")
        if part in PARTS and isinstance(message.id, str) and isinstance(message.string, str):
            named = next((note.removeprefix(_HASH) for note in message.auto_comments if note.startswith(_HASH)), "")
            yield _Entry(content_id, part, language, named, message.id, message.string, not message.fuzzy, message.lineno or 0)


# CSV


def _as_csv(entries: Iterable[_Entry], language: str) -> str:
    written = StringIO()
    table = csv.writer(written)
    table.writerow(HEADS)
    for one in entries:
        native = "yes" if one.is_native else "no"
        # A list begins with a hyphen, which a spreadsheet would take for a formula.
        words = (safe_cell(one.english), safe_cell(one.translation))
        table.writerow((one.content_id, one.part, language, one.english_hash, *words, native))
    return "\ufeff" + written.getvalue()  # so that spreadsheets read it as UTF-8


def _from_csv(content: str) -> Iterator[_Entry]:
    reader = csv.DictReader(StringIO(content), restval="")
    missing = [head for head in HEADS if head not in (reader.fieldnames or ())]
    if missing:
        raise CannotRead(f"The first line has no column {', '.join(missing)}. Keep the columns of the export.")
    try:
        for line in reader:
            if line["part"] not in PARTS:
                raise CannotRead(f"Line {reader.line_num}: the part is “{line['part']}”. Write {' or '.join(PARTS)}.")
            native = line["native_reviewed"].strip().casefold() == "yes"
            about = (line["id"].strip(), line["part"], line["language"].strip(), line["english_hash"].strip())
            yield _Entry(*about, unescaped(line["english"]), unescaped(line["translation"]), native, reader.line_num)
    except csv.Error as error:
        raise CannotRead(f"Line {reader.line_num} is not CSV ({error}). Save it again as CSV.") from error
