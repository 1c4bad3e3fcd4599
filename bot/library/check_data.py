"""Checks of the other files of content: languages, topics, helplines, needs, commands, facts, teams, sample and review, retention, the
quarterly return, thresholds, triage.

The loaders judge first. What they let pass because the bot can live with it (a missing translation, say) is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException

from bot.conversation.commands import APP_ONLY, LEARNT, Commands, learnt_yaml
from bot.conversation.decide import PROBABILITIES, Thresholds, label_of
from bot.conversation.facts import FactWords, simple
from bot.handoff.hours import load_teams
from bot.handoff.sampling import load_reviewing, load_sampling
from bot.insight.headings import load_headings
from bot.languages.catalogue import Catalogue, CatalogueError
from bot.library.check_files import Tree, letters, unwritten
from bot.library.helplines import NATIONS, Helplines
from bot.library.needs import Needs
from bot.library.strings import SOURCE_LANGUAGE, placeholders
from bot.library.yamlfile import DataError, Problem, read_yaml
from bot.messages import MAX_ROW_TITLE, MAX_ROWS
from bot.retention.schedule import load_schedule
from bot.triage import check as triage_check
from bot.triage.measured import NAME as MEASURED
from bot.triage.measured import Measured, MeasuredError

TOPIC = re.compile(r"[a-z]+(-[a-z]+)*(/[a-z]+(-[a-z]+)*)?")
SHORT_CODES = re.compile(r"999|112|111|101|116 ?\d{3}|[678]\d{4,5}")
"""Numbers too short for a numbering plan: emergency, non-emergency, European help lines, and text messages."""

_FIELDS = ("id", "name", "phone", "sms", "web", "hours", "languages", "nations", "source", "confirmed")
_WEB = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w./-]*)?")


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in these files."""
    for path in sorted((tree.root / "content").glob("*.yml")):
        yield from unwritten(tree, path)
    for name in ("content/topics.yml", "domain.yml", "services_directory/data/terms.yml"):
        yield from _unreadable(tree, name)
    yield from _languages(tree)
    yield from _topics(tree)
    yield from _loaded(tree, "content/helplines.yml", lambda: Helplines.load(tree.root / "content"), _helplines)
    yield from _loaded(tree, "content/needs.yml", lambda: Needs.load(tree.root), _needs)
    yield from _loaded(tree, "content/commands.yml", lambda: Commands.load(tree.root), _commands)
    yield from _loaded(tree, "content/facts.yml", lambda: FactWords.load(tree.root), _facts)
    yield from _loaded(tree, "content/team.yml", lambda: load_teams(tree.root), lambda *_: ())
    yield from _loaded(tree, "content/sample.yml", lambda: load_sampling(tree.root), lambda *_: ())
    yield from _loaded(tree, "content/review.yml", lambda: load_reviewing(tree.root), lambda *_: ())
    yield from _loaded(tree, "content/retention.yml", lambda: load_schedule(tree.root), lambda *_: ())
    yield from _loaded(tree, "content/return.yml", lambda: load_headings(tree.root), lambda *_: ())
    yield from _loaded(tree, "content/understanding.yml", lambda: Thresholds.load(tree.root), _understanding)
    yield from _measured(tree)
    yield from _triage(tree)


def _loaded(
    tree: Tree, name: str, load: Callable[[], object], look: Callable[[Tree, Path, Any], Iterable[Problem]]
) -> Iterator[Problem]:
    """The loader's problems; a closer look if there are none."""
    try:
        load()
        path = tree.root / name
        yield from look(tree, path, tree.data(name))
    except DataError as error:
        yield from (_with_line(tree, problem) for problem in error.problems)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"something is missing or has the wrong shape ({error})."
        yield Problem(name, None, "", message, "Compare it with an older version of the file.")


def _unreadable(tree: Tree, name: str) -> list[Problem]:
    try:
        read_yaml(tree.root / name, tree.root)
    except DataError as error:
        return error.problems
    return []


def _with_line(tree: Tree, problem: Problem) -> Problem:
    """The problem with the line of its field (such as `crisis.wales`), if the loader could not tell it."""
    path = tree.root / problem.file
    if problem.line is not None or not problem.field or not path.is_file():
        return problem
    line = tree.key_line(path, *problem.field.split("."))
    return Problem(problem.file, line, problem.field, problem.message, problem.mend)


# Languages and topics


def _languages(tree: Tree) -> Iterator[Problem]:
    path = tree.root / "content" / "languages.yml"
    try:
        Catalogue.load(path)
    except CatalogueError as error:
        yield Problem(tree.name(path), None, "", f"{error}.", "Compare it with the other entries.")
        return
    codes = [str(entry["code"]) for entry in tree.data("content/languages.yml")["languages"]]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield Problem(tree.name(path), tree.line(path, f"code: {code}"), code, "this language stands twice.", "Keep one.")
    if SOURCE_LANGUAGE not in codes:
        yield Problem(tree.name(path), None, "", "English is missing: everything falls back to it.")


def _topics(tree: Tree) -> Iterator[Problem]:
    path = tree.root / "content" / "topics.yml"
    if not tree.topics and tree.data("content/topics.yml") is not None:
        yield Problem(tree.name(path), None, "topics", "there is no list of topics.", "Begin it with `topics:`.")
    domain = tree.data("domain.yml")
    intents = set(domain["intents"]) if isinstance(domain, dict) else None
    for topic in tree.topics:
        line = tree.line(path, f"- {topic}\n")
        if not TOPIC.fullmatch(topic):
            yield Problem(tree.name(path), line, topic, "this is no topic id.", "Write area/topic in lower case with hyphens.")
        if tree.topics.count(topic) > 1:
            yield Problem(tree.name(path), line, topic, "this topic stands twice.", "Keep one.")
        if intents is not None and label_of(topic) not in intents:
            yield Problem("domain.yml", None, "intents", f"{label_of(topic)} is missing.", f"Add it: {topic} is a topic.")


# Helplines


def _helplines(tree: Tree, path: Path, data: Any) -> Iterator[Problem]:
    for index, entry in enumerate(data["helplines"], start=1):
        yield from _helpline(tree, path, entry, str(entry.get("id", f"helpline {index}")))
    english = {key: placeholders(words[SOURCE_LANGUAGE]) for key, words in data["phrases"].items()}
    for key, words in data["phrases"].items():
        yield from _in_every_language(tree, path, f"phrases.{key}", words, tree.key_line(path, "phrases", key))
        for language, text in words.items():
            if placeholders(str(text)) != english[key]:
                message = f"the placeholders in {language} are not the English ones."
                yield Problem(tree.name(path), tree.key_line(path, "phrases", key), f"phrases.{key}", message)
    lines = {entry["id"]: entry for entry in data["helplines"]}
    for placeholder, by_place in data["placeholders"].items():
        for place, ids in by_place.items():
            for id_ in ids:
                serves = lines[id_]["nations"]
                if place != "unknown" and place not in serves and not ("all" in serves and place in NATIONS):
                    message = f"{id_} does not serve {place}: its nations are {', '.join(serves)}."
                    line = tree.key_line(path, "placeholders", placeholder, place)
                    yield Problem(tree.name(path), line, f"{placeholder}.{place}", message)


def _helpline(tree: Tree, path: Path, entry: Mapping[str, Any], id_: str) -> Iterator[Problem]:
    line = tree.line(path, f"- id: {id_}\n")

    def wrong(key: str, message: str, mend: str = "") -> Problem:
        at = (line or 1) + next((n for n, text in enumerate(tree.text(path).split("\n")[(line or 1) :], 1)
                                 if text.lstrip().startswith(f"{key}:")), 0)  # fmt: skip
        return Problem(tree.name(path), at, f"{id_}.{key}", message, mend)

    for key in _FIELDS:
        if key not in entry:
            yield Problem(tree.name(path), line, f"{id_}.{key}", "this field is missing.")
    for key in ("name", "hours"):
        yield from _in_every_language(tree, path, f"{id_}.{key}", entry[key], line)
    for key, number in (("phone", entry["phone"]), ("sms", (entry.get("sms") or {}).get("to"))):
        if number is not None and not (isinstance(number, str) and plausible(number)):
            yield wrong(key, f"“{number}” cannot be a number in the UK.", "Write it in quotes, as it is printed.")
    if entry.get("web") is not None and not _WEB.fullmatch(str(entry["web"])):
        yield wrong("web", f"“{entry['web']}” is no web address.", "Write it without https://.")
    for nation in entry["nations"]:
        if nation not in (*NATIONS, "all", "outside-uk"):
            yield wrong("nations", f"“{nation}” is not known.", f"Use all, outside-uk, {', '.join(NATIONS)}.")
    source = entry.get("source")
    if not isinstance(source, dict) or not source.get("name") or not isinstance(source.get("year"), int):
        yield wrong("source", "it must say where the number is from.", 'Write {name: "…", year: 2026}.')
    confirmed = entry.get("confirmed")
    if confirmed is not None and (type(confirmed) is not date or confirmed > date.today()):
        yield wrong("confirmed", f"“{confirmed}” is not a day in the past.", "Write it as 2026-03-31, or null if unchecked.")


def plausible(number: str) -> bool:
    """Whether a UK phone could dial or text it: a valid number of the numbering plan, or a short code."""
    if SHORT_CODES.fullmatch(number):
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, "GB"))
    except NumberParseException:
        return False


def _in_every_language(tree: Tree, path: Path, field: str, words: Any, line: int | None) -> Iterator[Problem]:
    """Problems of a mapping of language to words: missing ones, letters, unknown languages."""
    if not isinstance(words, dict):
        yield Problem(tree.name(path), line, field, "it must give the words by language.", "Write {en: …, cy: …}.")
        return
    for language in tree.languages:
        if not words.get(language):
            yield Problem(tree.name(path), line, field, f"it is not there in {language}.", f"English: “{words.get('en')}”")
    for language, text in words.items():
        if language not in tree.languages:
            yield Problem(tree.name(path), line, field, f"the language “{language}” is not in content/languages.yml.")
        for message in letters(str(text), str(language)):
            yield Problem(tree.name(path), line, field, message)


# Needs, commands, facts


def _needs(tree: Tree, path: Path, data: Any) -> Iterator[Problem]:
    vocabulary = tree.data("services_directory/data/terms.yml")
    terms = set(vocabulary["terms"]) if isinstance(vocabulary, dict) else None
    owners: dict[tuple[str, str], str] = {}
    if len(data["first"]) >= MAX_ROWS:
        yield Problem(tree.name(path), tree.key_line(path, "first"), "first", f"there are {len(data['first'])}.", "Nine at most.")
    for term, by_language in data["needs"].items():
        line = tree.key_line(path, "needs", term)
        if terms is not None and term not in terms:
            yield Problem(tree.name(path), line, term, "the directory has no such need.", "Use one of its terms.yml.")
        titles = {language: entry.get("title") for language, entry in by_language.items()}
        yield from _in_every_language(tree, path, f"{term}.title", titles, line)
        for language, entry in by_language.items():
            here = tree.key_line(path, "needs", term, language)
            title = str(entry.get("title", ""))
            if len(title) > MAX_ROW_TITLE:
                message = f"the title is {len(title)} characters long."
                yield Problem(tree.name(path), here, f"{term}.{language}", message, f"Cut it to {MAX_ROW_TITLE}.")
            for word in entry.get("words") or ():
                owner = owners.setdefault((language, simple(str(word))), term)
                if owner != term:
                    message = f"“{word}” already means {owner}."
                    yield Problem(tree.name(path), here, f"{term}.{language}", message, "Keep it under one of the two.")
    for term in sorted((terms or set()) - set(data["needs"])):
        yield Problem(tree.name(path), None, term, "the directory's need is missing here.", "Add its title and words.")


def _commands(tree: Tree, path: Path, data: Any) -> Iterator[Problem]:
    domain = tree.data("domain.yml")
    known = {*domain["intents"], *APP_ONLY} if isinstance(domain, dict) else set(data)
    for command, by_language in data.items():
        line = tree.key_line(path, command)
        if command not in known:
            yield Problem(tree.name(path), line, command, "there is no such command.", "Use an intent of domain.yml.")
        for language in tree.languages:
            if not by_language.get(language):
                yield Problem(tree.name(path), line, command, f"there are no words in {language}.")
    learnt = tree.root / LEARNT
    if tree.text(learnt) != learnt_yaml(tree.root):
        message = "it is not what content/commands.yml says now."
        yield Problem(LEARNT, None, "", message, "Run: bot content sync")


def _facts(tree: Tree, path: Path, data: Any) -> Iterator[Problem]:
    for name in ("half", "and", "about", "newborn", "expecting", "anything", "others_loss", "contact"):
        yield from _has_words(tree, path, data[name], name)
    for name in ("units", "modes", "numbers"):
        for key, by_language in data[name].items():
            yield from _has_words(tree, path, by_language, name, str(key))
    yield from _has_words(tree, path, data["follow_up"]["begins"], "follow_up", "begins")
    for name in ("before", "then", "never"):
        yield from _has_words(tree, path, data["own_age"][name], "own_age", name)


def _has_words(tree: Tree, path: Path, by_language: Mapping[str, Any], *keys: str) -> Iterator[Problem]:
    for language in tree.languages:
        if not by_language.get(language):
            yield Problem(tree.name(path), tree.key_line(path, *keys), ".".join(keys), f"there are no words in {language}.")


# Thresholds, triage


def _understanding(tree: Tree, path: Path, data: Any) -> Iterator[Problem]:
    for key in PROBABILITIES:
        if not 0 <= data[key] <= 1:
            yield Problem(tree.name(path), tree.key_line(path, key), key, f"{data[key]} is no probability.", "Write 0 to 1.")
    for key in ("sensitive", "not_ours"):
        for topic in data[key]:
            if topic not in tree.topics:
                line = tree.line(path, f"{key}:", f"- {topic}")
                yield Problem(tree.name(path), line, key, f"there is no topic “{topic}”.", "Use one of content/topics.yml.")


def _measured(tree: Tree) -> Iterator[Problem]:
    name = f"content/{MEASURED}"
    try:
        measured = Measured.load(tree.root / name)
    except MeasuredError as error:
        yield Problem(name, None, "", f"{error}.", "Write it anew: python -m benchmarks.held_out --write")
        return
    for language in measured.caught or {}:
        if language not in tree.languages:
            yield Problem(
                name, tree.key_line(tree.root / name, "languages", language), language, "this is no language of Wren's."
            )


def _triage(tree: Tree) -> Iterator[Problem]:
    safety = tree.root / "content" / "safety"
    examples = (tree.root / "data" / "triage").glob("*/*.txt")
    for path in sorted([*safety.glob("*.yml"), *(safety / "never_miss").glob("*.txt"), *examples]):
        yield from unwritten(tree, path)
    for language in tree.languages:
        if not (safety / f"{language}.yml").is_file():
            message = f"there are no safety phrases in {language}."
            yield Problem(f"content/safety/{language}.yml", None, "", message, "Lay them out: bot content new-language.")
    for problem in triage_check.problems(tree.root):
        file = next((tree.name(path) for path in _named(tree, problem.file)), problem.file)
        yield Problem(file, problem.line, problem.field, f"{problem.message}.", f"{problem.mend}." if problem.mend else "")


def _named(tree: Tree, short: str) -> list[Path]:
    """The file that triage names by the end of its path."""
    return [path for folder in ("content", "data/triage") for path in (tree.root / folder).rglob(Path(short).name)
            if path.as_posix().endswith(f"/{short}")]  # fmt: skip
