"""Checks of the interface strings in `locales/`, and of the keys that the code and its templates ask for."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.core import UnknownLocaleError
from babel.messages.catalog import Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po

from bot.library import left_to_files, style
from bot.library.check_files import STAFF_CATALOGS, Tree, forms_of, key_of, letters, unwritten
from bot.library.strings import SOURCE_LANGUAGE, placeholders
from bot.library.yamlfile import Problem
from bot.messages import MAX_BUTTON_TITLE, MAX_ROW_TITLE

TITLES = {
    "button": MAX_BUTTON_TITLE,
    "topic": MAX_BUTTON_TITLE,
    "menu": MAX_ROW_TITLE,
    "role": MAX_ROW_TITLE,
    "nation": MAX_ROW_TITLE,
    "age": MAX_ROW_TITLE,
    "mode": MAX_ROW_TITLE,
    "reason": MAX_ROW_TITLE,
}
"""Characters that a string may have where it titles a button or a row of a list, by the first part of its key."""

NOT_KEYS = frozenset({"need", "template"})
"""Labels that are no keys: a need's title comes from content/needs.yml, a template's button from content/templates."""

NOT_TITLES = frozenset({"menu.intro"})

SPEAKING = frozenset({"actions", "campaigns", "channels", "conversation", "pages"})
"""Rooms where every literal that looks like a key is taken for one."""

_KEY = re.compile(r"[a-z_]+\.(?!html$|yml$)[a-z0-9_./-]*")
_MSGID = re.compile(r'^msgid "(.+)"$', re.MULTILINE)
_TEMPLATE_KEY = re.compile(r"\bw(?:\.(?:plain|rich|block))?\(\s*'([^']+)'\s*(~?)")
_TEMPLATE_COUNT = re.compile(r"\bw\.count\(\s*'([^']+)'\s*(~?)")


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in the catalogs, and keys that are asked for but not there."""
    for path in sorted((tree.root / "locales").glob("*/LC_MESSAGES/*.po")):
        yield from _file_problems(tree, path)
    parts = {part for part, _ in tree.catalogs}
    for part in sorted(parts):
        yield from _part_problems(tree, part)
    english = tree.strings(SOURCE_LANGUAGE)
    path = tree.root / "content" / "topics.yml"
    for topic in tree.topics:
        if f"topic.{topic}" not in english:
            message = f"there is no string topic.{topic} in locales/en."
            yield Problem(tree.name(path), tree.line(path, f"- {topic}\n"), topic, message, "Add its title there.")
    yield from _asked_problems(tree, english)
    yield from left_to_files.problems(tree.root, english)


def _file_problems(tree: Tree, path: Path) -> Iterator[Problem]:
    name, language = tree.name(path), path.parts[-3]
    yield from unwritten(tree, path)
    if language not in tree.languages:
        yield Problem(name, None, "", f"the language “{language}” is not in content/languages.yml.", "Add it there first.")
    try:
        with path.open("rb") as file:
            catalog = read_po(file, locale=language, abort_invalid=True)
        wanted = get_plural(language)
    except PoFileError as error:
        line = getattr(error, "lineno", None)
        yield Problem(name, line, "", f"this is not a valid catalog: {error}.", "Compare it with English.")
        return
    except (ValueError, UnknownLocaleError) as error:
        yield Problem(name, None, "", f"this catalog cannot be read: {error}.")
        return
    if catalog.num_plurals != wanted.num_plurals:
        message = f"the header gives {catalog.num_plurals} plural forms, but the language has {wanted.num_plurals}."
        header = f"nplurals={wanted.num_plurals}; plural={wanted.plural_expr};"
        yield Problem(name, tree.line(path, "Plural-Forms"), "Plural-Forms", message, f"Write {header}")
    for key, times in Counter(_MSGID.findall(tree.text(path))).items():
        if times > 1:
            yield Problem(name, tree.line(path, f'msgid "{key}"'), key, f"this key stands {times} times.", "Keep one.")


def _part_problems(tree: Tree, part: str) -> Iterator[Problem]:
    """One part of the product: all languages against English."""
    english = tree.catalogs.get((part, SOURCE_LANGUAGE))
    if english is None:
        yield Problem(f"locales/en/LC_MESSAGES/{part}.po", None, "", "the English of this part is missing or cannot be read.")
        return
    source = {key_of(entry): entry for entry in english if entry.id}
    for language in tree.languages:
        path = tree.root / "locales" / language / "LC_MESSAGES" / f"{part}.po"
        catalog = tree.catalogs.get((part, language))
        if catalog is None:
            if language in STAFF_CATALOGS.get(part, tree.languages) and not path.is_file():
                message = f"there is no catalog in {language}."
                yield Problem(tree.name(path), None, "", message, f"Translate locales/en/LC_MESSAGES/{part}.po.")
            continue
        found = {key_of(entry): entry for entry in catalog if entry.id}
        for key in sorted(source.keys() - found.keys()):
            yield Problem(tree.name(path), None, key, "this string is missing.", f"English: “{forms_of(source[key])[-1]}”")
        for key, entry in found.items():
            yield from string_problems(tree, path, language, catalog.num_plurals, entry, source.get(key))


def string_problems(
    tree: Tree, path: Path, language: str, plurals: int, entry: Message, english: Message | None
) -> Iterator[Problem]:
    """Everything wrong with one string of the catalog at `path`, whose language has so many `plurals`, beside its English."""
    key, forms = key_of(entry), forms_of(entry)

    def wrong(message: str, mend: str = "") -> Problem:
        return Problem(tree.name(path), tree.line(path, f'msgid "{key}"') or entry.lineno, key, message, mend)

    if english is None:
        yield wrong("English has no such key.", "Take it out, or add it to English first.")
        return
    if not all(forms):
        yield wrong("there are no words.", f"English: “{forms_of(english)[-1]}”")
        return
    if entry.pluralizable != english.pluralizable:
        yield wrong("it has plural forms in only one of English and this language.", "Write msgid_plural in both.")
    elif entry.pluralizable and len(forms) != plurals:
        yield wrong(f"it has {len(forms)} plural forms.", f"Write {plurals}: msgstr[0] and on, at the content desk one a line.")
    yield from (wrong(message) for message in _placeholder_problems(forms, forms_of(english)))
    if path.stem in STAFF_CATALOGS:
        return
    for form in forms:
        for number in style.bare_numbers(form):
            yield wrong(f"the number {number} stands in the words.", "Use a placeholder.")
        yield from (wrong(f"there is {mark} in the words.", "Only *…* marks emphasis.") for mark in style.marks(form))
        yield from (wrong(message) for message in letters(form, language))
    most = most_characters(key)
    if most and any("\n" in form for form in forms):
        yield wrong("a title is one line.", "Take the line break out.")
    longest = max(len(_filled(tree, form)) for form in forms)
    if most and longest > most:
        yield wrong(f"the title is {longest} characters long.", f"Cut it to {most}: more is not shown.")


def most_characters(key: str) -> int | None:
    """How long a string may be that titles a button or a row; None for all others."""
    return None if key in NOT_TITLES else TITLES.get(key.partition(".")[0])


def _placeholder_problems(forms: Iterable[str], english: Iterable[str]) -> Iterator[str]:
    """A plural form may leave out {count}, where the words say it themselves ("a mile")."""
    try:
        wanted = frozenset().union(*map(placeholders, english))
        for form in forms:
            given = placeholders(form)
            for name in sorted(wanted - given - {"count"}):
                yield f"{{{name}}} is missing."
            for name in sorted(given - wanted):
                yield f"{{{name}}} is not in the English."
    except ValueError as error:
        yield f"a brace is open or stray ({error})."


def _filled(tree: Tree, title: str) -> str:
    """A title with the longest value it can hold: only languages' own names go into titles."""
    data = tree.data("content/languages.yml")
    entries = data.get("languages") if isinstance(data, dict) else ()
    names = [str(entry.get("name", "")) for entry in entries or () if isinstance(entry, dict)]
    longest = max(names, key=len, default="")
    return title.replace("{language}", longest).replace("{name}", longest)


# What the code asks for


@dataclass(frozen=True, slots=True)
class Asked:
    """A key that a file asks for; with `prefix`, any key that begins so."""

    path: Path
    line: int
    key: str
    prefix: bool = False


def asked(tree: Tree) -> list[Asked]:
    """The keys of strings, and the safety texts, that the Python and the templates of `bot/` name."""
    found: list[Asked] = []
    areas = {key.partition(".")[0] for key in tree.strings(SOURCE_LANGUAGE) if "." in key}
    for path in sorted((tree.root / "bot").rglob("*.py")):
        try:
            module = ast.parse(tree.text(path))
        except SyntaxError:
            continue  # not content: the linter says so
        room = path.relative_to(tree.root / "bot").parts[0]
        keys = _python_keys(module, areas if room in SPEAKING else ())
        found += [Asked(path, line, key, prefix) for line, key, prefix in keys]
    for path in sorted((tree.root / "bot").rglob("templates/*.html")):
        staff = "console." if "console" in path.parts else ""
        text = tree.text(path)
        for pattern in (_TEMPLATE_KEY, _TEMPLATE_COUNT):
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(Asked(path, line, staff + match.group(1), bool(match.group(2))))
    return found


def _python_keys(module: ast.Module, areas: Collection[str]) -> Iterator[tuple[int, str, bool]]:
    """(line, key, whether more may follow): literals that look like a reference or a key, and what is passed as one."""
    inner = {id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inner:
            start, whole = _start(node)
            if _KEY.fullmatch(start) and start.partition(".")[0] in areas and (whole or start.endswith((".", "_"))):
                yield node.lineno, start, not whole
            kind, colon, rest = start.partition(":")
            if colon and kind in ("text", "safety") and (rest or not whole) and " " not in start:
                key = rest if kind == "text" else start
                if key and not (kind == "safety" and not rest):
                    yield node.lineno, key, not whole
        elif isinstance(node, ast.Call):
            values = [keyword.value for keyword in node.keywords if keyword.arg == "label"]
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "plural", "has", "template") and node.args:
                owner = node.func.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                values += [node.args[0]] if name.lstrip("_") == "strings" else []
            for value in values:
                for choice in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                    start, whole = _start(choice)
                    if start and start not in NOT_KEYS:
                        yield choice.lineno, start, not whole


def _start(node: ast.expr) -> tuple[str, bool]:
    """The text that a literal begins with, and whether that is all of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, True
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value), False
    return "", False


def _asked_problems(tree: Tree, english: dict[str, str]) -> Iterator[Problem]:
    texts = tree.root / "content" / "safety" / "texts"
    known = {*english, *(f"safety:{path.parent.name}" for path in texts.glob("*/message.yml"))}
    for ask in asked(tree):
        there = any(key.startswith(ask.key) for key in known) if ask.prefix else ask.key in known
        if not there:
            what = f"no string begins with “{ask.key}”" if ask.prefix else f"there is no string “{ask.key}”"
            where = "content/safety/texts" if ask.key.startswith("safety:") else "locales/en"
            yield Problem(tree.name(ask.path), ask.line, "", f"{what} in {where}.", "Add it, or correct the name.")
