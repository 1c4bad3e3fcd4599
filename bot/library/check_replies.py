"""Checks of the ready replies in `content/replies/`: every one in every language, short, plain, and in step with the English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bot.library import style
from bot.library.check_files import Tree, letters, unwritten
from bot.library.check_messages import STATUSES, TRANSLATIONS
from bot.library.library import version_of
from bot.library.replies import FOLDER, GROUPS, OWN_PLACEHOLDERS, Replies
from bot.library.strings import SOURCE_LANGUAGE, placeholders
from bot.library.yamlfile import DataError, Problem

LONGEST = 400
"""Characters of a reply."""

LONGEST_TITLE = 60
"""Characters of the title in the list that staff choose from."""

_ENGLISH_FIELDS = frozenset({"language", "translation", "status", "reviewed", "replies"})
_FIELDS = frozenset({"language", "translation", "replies"})


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in these files."""
    try:
        Replies.load(tree.root)
    except DataError as error:
        yield from error.problems
        return
    english: dict[str, Any] = tree.data(f"{FOLDER}/{SOURCE_LANGUAGE}.yml")["replies"]
    yield from _english_file(tree, tree.root / FOLDER / f"{SOURCE_LANGUAGE}.yml")
    for path in sorted((tree.root / FOLDER).glob("*.yml")):
        yield from _file(tree, path, english)
    for language in tree.languages:
        path = tree.root / FOLDER / f"{language}.yml"
        if not path.is_file():
            yield Problem(tree.name(path), None, "", f"there are no ready replies in {language}.", "Translate en.yml beside it.")


def count(tree: Tree) -> int:
    """How many replies there are in English."""
    data = tree.data(f"{FOLDER}/{SOURCE_LANGUAGE}.yml")
    return len(data["replies"]) if isinstance(data, dict) and isinstance(data.get("replies"), dict) else 0


def _english_file(tree: Tree, path: Path) -> Iterator[Problem]:
    """The English file's own facts: status, review, titles and groups."""
    data = tree.data(tree.name(path))

    def wrong(message: str, mend: str, *keys: str) -> Problem:
        return Problem(tree.name(path), tree.key_line(path, *keys), ".".join(keys), message, mend)

    if data.get("status") not in STATUSES:
        yield wrong(f"“{data.get('status')}” does not fit here.", f"Write {', '.join(STATUSES)}.", "status")
    review = data.get("reviewed")
    if not isinstance(review, dict) or set(review) != {"date", "role"}:
        yield wrong("it must say who reviewed it, and when.", "Write {date: null, role: null}.", "reviewed")
    elif review["date"] is not None and (type(review["date"]) is not date or review["date"] > date.today()):
        yield wrong(f"“{review['date']}” is not a day in the past.", "Write it as 2026-03-31.", "reviewed")
    elif review["date"] is None and data.get("status") != "draft":
        yield wrong(f"it is “{data.get('status')}” but nobody has reviewed it.", "Fill in `reviewed`, or write draft.", "status")
    for id_, entry in data["replies"].items():
        if entry["group"] not in GROUPS:
            yield wrong(f"there is no group “{entry['group']}”.", f"Use one of {', '.join(GROUPS)}.", "replies", id_, "group")
        if not 0 < len(str(entry["title"])) <= LONGEST_TITLE:
            yield wrong(
                f"the title has {len(str(entry['title']))} characters.", f"Use 1 to {LONGEST_TITLE}.", "replies", id_, "title"
            )


def _file(tree: Tree, path: Path, english: Mapping[str, Any]) -> Iterator[Problem]:
    """One language's file."""
    language, data = path.stem, tree.data(tree.name(path))
    original = language == SOURCE_LANGUAGE

    def wrong(message: str, mend: str = "", *keys: str) -> Problem:
        return Problem(tree.name(path), tree.key_line(path, *keys) if keys else None, ".".join(keys), message, mend)

    yield from unwritten(tree, path)
    if language not in tree.languages:
        yield wrong(f"the language “{language}” is not in content/languages.yml.", "Add it there first.")
    if data.get("language") != language:
        yield wrong(f"it says “{data.get('language')}” but the file is {path.name}.", "Make them the same.", "language")
    known = ("original",) if original else TRANSLATIONS
    if data.get("translation") not in known:
        yield wrong(f"“{data.get('translation')}” is not known here.", f"Write {' or '.join(known)}.", "translation")
    for key in data:
        if key not in (_ENGLISH_FIELDS if original else _FIELDS):
            yield wrong("there is no field of this name.", "", str(key))
    for id_ in english.keys() - data["replies"].keys():
        yield wrong(f"the reply {id_} is missing.", f"English: “{english[id_]['words']}”")
    for id_, entry in data["replies"].items():
        where = ("replies", str(id_))
        if id_ not in english:
            yield wrong("English has no such reply.", "Take it out, or add it to en.yml first.", *where)
            continue
        for key in entry:
            if key not in ({"group", "title", "words"} if original else {"source_hash", "words"}):
                yield wrong("there is no field of this name.", "", *where, str(key))
        yield from (wrong(message, mend, *where, "words") for message, mend in _words(tree, language, str(entry["words"])))
        if original:
            yield from (wrong(message, mend, *where, "words") for message, mend in _english(str(entry["words"])))
        else:
            yield from (wrong(message, mend, *where) for message, mend in _translation(entry, str(english[id_]["words"])))


def _words(tree: Tree, language: str, words: str) -> Iterator[tuple[str, str]]:
    """What is wrong with words in any language: (message, how to mend it)."""
    if not words.strip():
        yield "there are no words.", ""
    if len(words) > LONGEST:
        yield f"the words are {len(words)} characters long.", f"Cut them to {LONGEST}."
    try:
        named = placeholders(words)
    except ValueError as error:
        yield f"a brace is open or stray ({error}).", "Placeholders look like {emergency}."
        return
    known = OWN_PLACEHOLDERS | (frozenset(tree.helplines.placeholders) if tree.helplines else named)
    for unknown in sorted(named - known):
        yield f"there is no placeholder {{{unknown}}}.", f"Use one of {', '.join(sorted(known))}."
    for number in style.bare_numbers(words):
        yield f"the number {number} stands in the words.", "Use a placeholder of content/helplines.yml."
    for mark in style.marks(words):
        yield f"there is {mark} in the words.", "Use plain sentences."
    for message in letters(words, language):
        yield message, ""


def _english(words: str) -> Iterator[tuple[str, str]]:
    read = style.reading(words)
    if read.grade > style.HIGHEST_GRADE:
        yield f"the reading grade is {read.grade:.1f}.", f"Use shorter words and sentences: {style.HIGHEST_GRADE:.0f} at most."
    if read.longest > style.LONGEST_SENTENCE:
        yield f"a sentence has {read.longest} words.", f"Split it: {style.LONGEST_SENTENCE} at most."
    for found, why in style.banned(words):
        yield f"“{found}” must not stand here: {why}.", "Say it in another way."


def _translation(entry: Mapping[str, Any], english: str) -> Iterator[tuple[str, str]]:
    now = version_of(english)
    if entry.get("source_hash") is None:
        yield "it does not say which English it translates.", f'Write source_hash: "{now}".'
    elif entry["source_hash"] != now:
        yield "the translation is stale: the English has changed since.", f'Put the words right, then write source_hash: "{now}".'
    try:
        given, wanted = placeholders(str(entry["words"])), placeholders(english)
    except ValueError:
        return  # reported with the words themselves
    if given != wanted:
        changes = [f"{{{name}}} is missing" for name in sorted(wanted - given)]
        changes += [f"{{{name}}} is not in the English" for name in sorted(given - wanted)]
        yield f"{', '.join(changes)}.", "Use the same placeholders."
