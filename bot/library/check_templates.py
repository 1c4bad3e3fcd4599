"""Checks of `content/templates/`: each template in every language, within Meta's limits, and in step with its English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bot.library import style
from bot.library.check_files import Tree, letters, unwritten
from bot.library.check_messages import STATUSES, TRANSLATIONS
from bot.library.library import version_of
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.templates import CATEGORIES, FOLDER, LANGUAGES, PLACE, Templates
from bot.library.yamlfile import DataError, Problem
from bot.messages import MAX_BUTTON_TITLE

LONGEST_BODY = 550
"""Characters of a body: Meta takes 1,024, but longer ones lose reviews and readers."""

LONGEST_NAME = 60
_FIELDS = frozenset({"id", "category", "action", "status", "reviewed", "places", "words"})
_ID = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_CODE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?", re.ASCII)


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in these files."""
    try:
        templates = Templates.load(tree.root)
    except DataError as error:
        yield from error.problems
        return
    if not (tree.root / FOLDER).is_dir():
        return
    yield from _languages(tree, templates)
    for path in sorted((tree.root / FOLDER).glob("*.yml")):
        if path.name != LANGUAGES:
            yield from _file(tree, path)


def _languages(tree: Tree, templates: Templates) -> Iterator[Problem]:
    path = tree.root / FOLDER / LANGUAGES
    for language in tree.languages:
        if language not in templates.codes:
            mend = "Write Meta's code, or null where Meta takes no templates in it."
            yield Problem(tree.name(path), None, language, "this language is missing.", mend)
    for language, code in templates.codes.items():
        line = tree.key_line(path, language)
        if language not in tree.languages:
            yield Problem(
                tree.name(path), line, language, "this language is not in content/languages.yml.", "Add it there first."
            )
        if code is not None and not _CODE.fullmatch(str(code)):
            yield Problem(tree.name(path), line, language, f"“{code}” is no code of Meta's.", "Codes look like pl or en_GB.")


def _file(tree: Tree, path: Path) -> Iterator[Problem]:
    data: dict[str, Any] = tree.data(tree.name(path))

    def wrong(message: str, mend: str = "", *keys: str) -> Problem:
        return Problem(tree.name(path), tree.key_line(path, *keys) if keys else None, ".".join(keys), message, mend)

    yield from unwritten(tree, path)
    for key in data:
        if key not in _FIELDS:
            yield wrong("there is no field of this name.", "", str(key))
    identity = str(data["id"])
    if identity != path.stem or not _ID.fullmatch(identity) or len(identity) > LONGEST_NAME:
        yield wrong(f"“{identity}” does not fit the file.", "Use the file's name: small letters, digits and _.", "id")
    if data["category"] not in CATEGORIES:
        yield wrong(f"there is no category “{data['category']}”.", f"Use {' or '.join(CATEGORIES)}.", "category")
    if data.get("status") not in STATUSES:
        yield wrong(f"“{data.get('status')}” does not fit here.", f"Write {', '.join(STATUSES)}.", "status")
    review = data.get("reviewed")
    if not isinstance(review, dict) or set(review) != {"date", "role"}:
        yield wrong("it must say who reviewed it, and when.", "Write {date: null, role: null}.", "reviewed")
    elif review["date"] is None and data.get("status") != "draft":
        yield wrong("nobody has reviewed it.", "Fill in `reviewed`, or write draft.", "status")
    elif review["date"] is not None and (type(review["date"]) is not date or review["date"] > date.today()):
        yield wrong(f"“{review['date']}” is not a day in the past.", "Write it as 2026-03-31.", "reviewed")
    words: dict[str, Any] = data["words"]
    for language in tree.languages:
        if language not in words:
            yield wrong(f"the words in {language} are missing.", "Meta approves each language by itself.", "words")
    for language in words:
        yield from (
            wrong(message, mend, "words", str(language), *where) for where, message, mend in _words(tree, str(language), data)
        )


Found = tuple[tuple[str, ...], str, str]
"""Where (keys below the language), what is wrong, how to mend it."""


def _words(tree: Tree, language: str, data: dict[str, Any]) -> Iterator[Found]:
    entry, places = data["words"][language], data["places"] or {}
    body, button = str(entry["body"]), str(entry["button"])
    original = language == SOURCE_LANGUAGE
    known = ("original",) if original else TRANSLATIONS
    if language not in tree.languages:
        yield (), f"the language “{language}” is not in content/languages.yml.", "Add it there first."
    if entry["translation"] not in known:
        yield ("translation",), f"“{entry['translation']}” is not known here.", f"Write {' or '.join(known)}."
    for key in entry:
        if key not in {"body", "button", "translation", *(() if original else ("source_hash",))}:
            yield (str(key),), "there is no field of this name.", ""
    yield from (((("body",)), message, mend) for message, mend in _body(body, places))
    if not 0 < len(button.strip()) <= MAX_BUTTON_TITLE:
        yield ("button",), f"the button has {len(button)} characters.", f"Use 1 to {MAX_BUTTON_TITLE}."
    if PLACE.search(button):
        yield ("button",), "there is a place in the button.", "Meta takes none there."
    for message in (*letters(body, language), *letters(button, language)):
        yield (), message, ""
    if original:
        yield from ((("body",), message, mend) for message, mend in _english(body))
        return
    english = data["words"].get(SOURCE_LANGUAGE) or {"body": "", "button": ""}
    now = version_of(f"{english['body']}\n{english['button']}")
    if entry.get("source_hash") != now:
        told = (
            "it does not say which English it translates." if not entry.get("source_hash") else "the English has changed since."
        )
        yield ("source_hash",), told, f'Put the words right, then write source_hash: "{now}".'


def _body(body: str, places: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What Meta would refuse, or what no parent should read: (message, how to mend it)."""
    if not body.strip():
        yield "there are no words.", ""
        return
    if len(body) > LONGEST_BODY:
        yield f"the words are {len(body)} characters long.", f"Cut them to {LONGEST_BODY}."
    named = PLACE.findall(body)
    if sorted(named) != sorted(places):
        yield f"the places are {', '.join(named) or 'none'}.", f"Use each once: {', '.join(places) or 'none'}."
    bare = PLACE.sub("\0", body)
    if bare.strip(" .!?,:;–-।۔؟،*").startswith("\0") or bare.rstrip().rstrip(".!?,:;–-।۔؟،* ").endswith("\0"):
        yield "a place stands first or last.", "Meta refuses that: put words around it."
    if re.search("\0\\s*\0", bare):
        yield "two places stand side by side.", "Meta refuses that: put words between them."
    if "{" in bare or "}" in bare:
        yield "a brace is open or stray.", "Places look like {team}."
    if re.search(r"\n{3,}|\t| {5,}", body):
        yield "there are tabs, long gaps or several empty lines.", "Meta refuses that."
    for number in style.bare_numbers(bare):
        yield f"the number {number} stands in the words.", "A template cannot hold a helpline: send it once they have written."
    for mark in style.marks(body):
        yield f"there is {mark} in the words.", "Use plain sentences."


def _english(body: str) -> Iterator[tuple[str, str]]:
    read = style.reading(PLACE.sub("Team", body))
    if read.grade > style.HIGHEST_GRADE:
        yield f"the reading grade is {read.grade:.1f}.", f"Use shorter words and sentences: {style.HIGHEST_GRADE:.0f} at most."
    if read.longest > style.LONGEST_SENTENCE:
        yield f"a sentence has {read.longest} words.", f"Split it: {style.LONGEST_SENTENCE} at most."
    for found, why in style.banned(body):
        yield f"“{found}” must not stand here: {why}.", "Say it in another way."
