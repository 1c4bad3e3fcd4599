"""Interface strings at the desk: the words of buttons, menus and pages that parents see.

A string is a text like a message: its content id is `text:` and its key, it has no line on when to get help, and the forms of a plural one
stand one a line. Which strings are left to the files, and why, `content/desk.yml` says. What only staff or services' contacts read is too.
"""

from __future__ import annotations

from collections.abc import Iterator

from babel.messages.catalog import Message
from babel.messages.plurals import get_plural

from bot.library import Library
from bot.library.check_files import STAFF_CATALOGS, Tree
from bot.library.check_strings import most_characters, string_problems
from bot.library.left_to_files import REASONS
from bot.library.strings import SOURCE_LANGUAGE, STRING, Entry, placeholders
from bot.library.written import MACHINE_DRAFT, NATIVE_REVIEWED, ORIGINAL, Written, written
from bot.library.yamlfile import Problem


def is_string(content_id: str) -> bool:
    """Whether a content id is that of an interface string."""
    return content_id.startswith(STRING)


def ids(library: Library) -> Iterator[str]:
    """The content ids of all strings that the desk changes, by key."""
    keys = sorted(key for key, language in library.strings.entries if language == SOURCE_LANGUAGE)
    return (content_id for key in keys if editable(library, content_id := f"{STRING}{key}"))


def editable(library: Library, content_id: str) -> bool:
    """Whether the desk changes a string."""
    entry = _english(library, content_id)
    return entry is not None and entry.part not in STAFF_CATALOGS and left(library, content_id) is None


def left(library: Library, content_id: str) -> str | None:
    """Why a string that parents read is left to the files; None if it is not."""
    entry = _english(library, content_id)
    if entry is None or entry.part in STAFF_CATALOGS:
        return None
    return library.left_to_files.why(content_id.removeprefix(STRING), entry.words, library.helplines.placeholders)


def left_of_each(library: Library) -> dict[str, list[str]]:
    """The keys of strings that parents read and that are left to the files, by reason."""
    found: dict[str, list[str]] = {reason: [] for reason in REASONS}
    for key, language in sorted(library.strings.entries):
        reason = left(library, f"{STRING}{key}") if language == SOURCE_LANGUAGE else None
        if reason is not None:
            found[reason].append(key)
    return found


def part(library: Library, content_id: str) -> str:
    """The part of the product that a string belongs to, by its file's name. Raises KeyError for an unknown one."""
    return library.strings.entries[content_id.removeprefix(STRING), SOURCE_LANGUAGE].part


def in_file(library: Library, content_id: str, language: str) -> Written | None:
    """What the file says. It does not say which English a translation was made from: the file's own is taken for it."""
    entry, english = library.strings.entries.get((content_id.removeprefix(STRING), language)), _english(library, content_id)
    if entry is None or english is None:
        return None
    if language == SOURCE_LANGUAGE:
        return Written(entry.words, None, ORIGINAL, None)
    source = Written(english.words, None, ORIGINAL, None)
    return Written(entry.words, None, MACHINE_DRAFT if entry.is_draft else NATIVE_REVIEWED, source.hash)


def live(library: Library, content_id: str, language: str) -> Written | None:
    """What parents read in one language; None where it is not translated."""
    words = library.published(content_id, language)
    if words is not None and library.strings.published(content_id.removeprefix(STRING), language) is not None:
        return written(words)
    return in_file(library, content_id, language)


def problems(library: Library, tree: Tree, content_id: str, language: str, one: Written) -> list[Problem]:
    """What is wrong with `one` as the words of a string in a language, by the functions of `bot content check`. Its placeholders are those
    that the file's English has, which the code fills."""
    english = _english(library, content_id)
    assert english is not None  # whoever asks has looked whether the desk changes it
    key, plurals = content_id.removeprefix(STRING), get_plural(language).num_plurals
    path = tree.root / "locales" / language / "LC_MESSAGES" / f"{english.part}.po"
    entry = _message(key, tuple(one.body.split("\n")) if english.is_plural else (one.body,), english.is_plural)
    return list(string_problems(tree, path, language, plurals, entry, _message(key, english.forms, english.is_plural)))


def most(content_id: str) -> int | None:
    """How many characters a title of a button or a row may have; None for all other texts."""
    return most_characters(content_id.removeprefix(STRING)) if is_string(content_id) else None


def names(library: Library, content_id: str) -> tuple[str, ...]:
    """The placeholders of a string, in order."""
    english = _english(library, content_id)
    return tuple(sorted(placeholders(english.words))) if english is not None else ()


def forms(library: Library, content_id: str, language: str) -> int:
    """How many lines a plural string has in a language; 0 for one without plural forms."""
    english = _english(library, content_id)
    return get_plural(language).num_plurals if english is not None and english.is_plural else 0


def _english(library: Library, content_id: str) -> Entry | None:
    return library.strings.entries.get((content_id.removeprefix(STRING), SOURCE_LANGUAGE))


def _message(key: str, forms: tuple[str, ...], is_plural: bool) -> Message:
    return Message((key, key), forms) if is_plural else Message(key, forms[0])
