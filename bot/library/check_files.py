"""What all content checks share: the files of one tree with their lines, its languages and topics, and a scaffold's marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

from bot.library.helplines import Helplines
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.yamlfile import DataError, Problem, read_yaml

MARK = "TO-WRITE"
"""What a scaffold leaves where somebody is still to write."""

STAFF_CATALOGS: Mapping[str, tuple[str, ...]] = {"console": ("cy",), "provider": ("cy",)}
"""Parts of the interface that no parent sees, each with the languages that it is in beside English."""

WRONG_LETTERS: Mapping[str, Mapping[str, str]] = {"ur": {"ي": "ی", "ك": "ک", "ى": "ی", "ه": "ہ", "ة": "ۃ"}}
"""Letters of a neighbouring language's keyboard that look alike in print but are other characters, and the right ones."""


class Tree:
    """One tree of content, read only; what cannot be read is left out here and reported where it is checked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[Path, str] = {}
        self._data: dict[str, Any] = {}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Language codes of content/languages.yml, English first."""
        data = self.data("content/languages.yml")
        entries = data.get("languages") if isinstance(data, dict) else None
        codes = [str(entry["code"]) for entry in entries or () if isinstance(entry, dict) and entry.get("code")]
        return tuple(dict.fromkeys([SOURCE_LANGUAGE, *codes]))

    @cached_property
    def topics(self) -> tuple[str, ...]:
        data = self.data("content/topics.yml")
        topics = data.get("topics") if isinstance(data, dict) else None
        return tuple(str(topic) for topic in topics) if isinstance(topics, list) else ()

    @cached_property
    def helplines(self) -> Helplines | None:
        try:
            return Helplines.load(self.root / "content")
        except (DataError, AttributeError, TypeError):
            return None

    @cached_property
    def catalogs(self) -> dict[tuple[str, str], Catalog]:
        """gettext catalogs by (part, language)."""
        found = {}
        for path in sorted((self.root / "locales").glob("*/LC_MESSAGES/*.po")):
            try:
                with path.open("rb") as file:
                    found[path.stem, path.parts[-3]] = read_po(file, locale=path.parts[-3])
            except (PoFileError, ValueError, LookupError):
                continue  # the check of catalogs reads it again and says what is wrong
        return found

    def strings(self, language: str) -> dict[str, str]:
        """The strings of a language by key, a plural one in its last form."""
        return {
            key_of(entry): forms_of(entry)[-1]
            for (_, code), catalog in self.catalogs.items()
            if code == language
            for entry in catalog
            if entry.id
        }

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def data(self, name: str) -> Any:
        """The content of a YAML file, or None if it cannot be read. Not to be changed."""
        if name not in self._data:
            try:
                self._data[name] = read_yaml(self.root / name, self.root)
            except DataError:
                self._data[name] = None
        return self._data[name]

    def text(self, path: Path) -> str:
        if path not in self._texts:
            self._texts[path] = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return self._texts[path]

    def line(self, path: Path, *parts: str) -> int | None:
        """The line, from 1, where the last of `parts` stands, each looked for after the one before; None if it is not there."""
        text, place = self.text(path), 0
        for part in parts:
            place = text.find(part, place)
            if place < 0:
                return None
        return text.count("\n", 0, place) + 1

    def key_line(self, path: Path, *keys: str) -> int | None:
        """The line of a key of a mapping, or of a list's entry with that id, each deeper than the one before."""
        number = 0
        lines = self.text(path).split("\n")
        for key in keys:
            starts = (f"{key}:", f"- {key}:", f'"{key}":', f"'{key}':")
            entry = f"- id: {key}"
            here = range(number, len(lines))
            found = next((at for at in here if lines[at].lstrip().startswith(starts) or lines[at].strip() == entry), None)
            if found is None:
                return number or None
            number = found + 1
        return number


def key_of(entry: Message) -> str:
    """The key of a catalog's entry."""
    return str(entry.id if isinstance(entry.id, str) else entry.id[0])


def forms_of(entry: Message) -> tuple[str, ...]:
    """The words of a catalog's entry: one, or each plural form; "" where there are none."""
    if isinstance(entry.string, str):
        return (entry.string,)
    return tuple(str(form or "") for form in entry.string or ("",))


def letters(text: str, language: str) -> Iterator[str]:
    """What is wrong with the letters of `text`, in words."""
    for wrong, right in WRONG_LETTERS.get(language, {}).items():
        if wrong in text:
            yield f"the letter {wrong} (U+{ord(wrong):04X}) is not the one that {language} uses ({right}, U+{ord(right):04X})."


def unwritten(tree: Tree, path: Path) -> Iterator[Problem]:
    """The marks that a scaffold left in a file."""
    text = tree.text(path)
    if MARK in text:
        times = text.count(MARK)
        more = f" ({times} places)" if times > 1 else ""
        message = f"something is still to be written here{more}."
        yield Problem(tree.name(path), tree.line(path, MARK), "", message, f"Write it in place of {MARK}.")
