"""Checks of messages and safety texts: what `message.yml` says, and each language's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

from bot.library import style
from bot.library.check_files import MARK, Tree, letters, unwritten
from bot.library.helplines import NATIONS
from bot.library.library import AUDIENCES, load_message, source_hash
from bot.library.strings import SOURCE_LANGUAGE, placeholders
from bot.library.yamlfile import DataError, Problem, read_front_matter, read_yaml

TAGS = (
    "young-parent", "lone-parent", "two-mums", "two-dads", "kinship", "foster", "no-fixed-address", "traveller", "faith",
    "premature", "disability", "little-money", "little-space", "easy-words", "reminder",
)  # fmt: skip
STATUSES = ("draft", "reviewed", "approved")
TRANSLATIONS = ("machine-draft", "native-reviewed")
LONGEST, LONGEST_SAFETY = 600, 700
"""Characters of the words and the `get_help_if` line together."""
OLDEST_SOURCE = 1950
MOST_FOLLOW_UPS = 3
REVIEW_EVERY_DAYS = 366
NEEDS_HELP_LINE = frozenset({"baby/crying", "baby/sleep", "baby/safe-sleep", "baby/feeding", "baby/weaning", "baby/premature"})
NEEDS_NO_SOURCE = frozenset({"safety", "other/out-of-scope"})
WORDS_FIELDS = frozenset({"translation", "source_hash", "get_help_if", "audio", "easy_read", "bsl"})
OWN_PLACEHOLDERS = frozenset({"when", "until", "name", "role"})
"""Filled from the conversation, in safety texts only."""

Shape = Callable[[Any], bool]


@dataclass(slots=True)
class Words:
    """One language's words of a message as written."""

    path: Path
    body: str
    help_if: str | None
    translation: str
    source_hash: str | None

    @property
    def whole(self) -> str:
        return self.body + (f"\n{self.help_if}" if self.help_if else "")

    @property
    def placeholders(self) -> frozenset[str]:
        """Raises ValueError for a broken brace."""
        return placeholders(self.whole)


@dataclass(slots=True)
class Item:
    """One folder: what `message.yml` says (empty if it cannot be read) and the words by language."""

    path: Path
    id: str
    safety: bool
    data: Mapping[str, Any]
    problems: list[Problem]
    words: dict[str, Words] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return str(self.data.get("topic", ""))

    @property
    def stale(self) -> list[str]:
        """Languages whose translation was made from other English words."""
        english = self.words.get(SOURCE_LANGUAGE)
        if english is None:
            return []
        now = source_hash(english.body, english.help_if)
        return [code for code, words in self.words.items() if words.source_hash not in (None, now)]


def read_items(tree: Tree) -> list[Item]:
    """Every message and safety text below the tree, as far as it can be read."""
    content = tree.root / "content"
    items = []
    for base, prefix in ((content / "messages", ""), (content / "safety" / "texts", "safety/")):
        for folder in sorted({path.parent for path in base.rglob("*") if path.name == "message.yml" or path.suffix == ".md"}):
            items.append(_read_item(tree, folder, base, prefix))
    return items


def _read_item(tree: Tree, folder: Path, base: Path, prefix: str) -> Item:
    path = folder / "message.yml"
    item = Item(path, prefix + folder.relative_to(base).as_posix(), bool(prefix), {}, [])
    try:
        data = read_yaml(path, tree.root)
    except DataError as error:
        item.problems += error.problems
    else:
        if isinstance(data, dict):
            item.data = data
            item.problems += _shape_problems(tree, path, data)
        if not item.problems:
            item.problems += _loader_problems(tree, path, base, prefix)
    for file in sorted(folder.glob("*.md")):
        try:
            meta, body = read_front_matter(file, tree.root)
        except DataError as error:
            item.problems += error.problems
            continue
        help_if, made_from = meta.get("get_help_if"), meta.get("source_hash")
        item.words[file.stem] = Words(
            file, body, str(help_if) if help_if else None, str(meta.get("translation", "")), str(made_from) if made_from else None
        )
        item.problems += [
            Problem(tree.name(file), tree.key_line(file, str(key)), str(key), "there is no field of this name.")
            for key in meta
            if key not in WORDS_FIELDS
        ]
    return item


def _loader_problems(tree: Tree, path: Path, base: Path, prefix: str) -> list[Problem]:
    try:
        load_message(path, tree.root, base, prefix)
    except DataError as error:
        own = tree.name(path)
        return [
            Problem(own, tree.key_line(path, p.field) if p.field else p.line, p.field, p.message, p.mend)
            for p in error.problems
            if p.file == own
        ]
    return []


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _is_record(*fields: str) -> Shape:
    return lambda value: isinstance(value, dict) and set(value) == set(fields)


SHAPES: Mapping[str, tuple[Shape, str]] = {
    "id": (lambda value: isinstance(value, str), "the folder's name, such as baby/crying/start-here"),
    "topic": (lambda value: isinstance(value, str), "a topic id of content/topics.yml"),
    "blocks": (_is_names, "a list, such as [respond, relax]"),
    "ages": (_is_record("from", "to"), "{from: months, to: months}"),
    "audience": (_is_names, "a list, such as [anyone]"),
    "tags": (_is_names, "a list, such as [] or [kinship]"),
    "nations": (_is_names, "a list, such as [] or [wales]"),
    "cost": (lambda value: value in ("none", "low"), "none or low"),
    "space": (lambda value: value in ("any", "outdoors"), "any or outdoors"),
    "sources": (
        lambda value: isinstance(value, list) and all(map(_is_record("name", "year"), value)),
        'a list of {name: "…", year: 2021}',
    ),
    "reviewed": (_is_record("date", "role"), "{date: null, role: null}"),
    "parent_tested": (_is_record("date", "how_many"), "{date: null, how_many: null}"),
    "status": (lambda value: value in STATUSES, "draft, reviewed or approved"),
    "follow_ups": (_is_names, "a list of topic ids or message ids"),
}


def _shape_problems(tree: Tree, path: Path, data: Mapping[str, Any]) -> Iterator[Problem]:
    for key, (fits, shape) in SHAPES.items():
        if key in data and not fits(data[key]):
            message = f"“{data[key]}” does not fit here."
            yield Problem(tree.name(path), tree.key_line(path, key), key, message, f"Write {shape}.")


def problems(tree: Tree, items: list[Item]) -> Iterator[Problem]:
    """Everything wrong in the items, by themselves and together."""
    ids = {item.id for item in items}
    for item in items:
        yield from item.problems
        yield from unwritten(tree, item.path)
        if item.data and not item.problems:
            yield from _facts_problems(tree, item, ids)
        yield from _words_problems(tree, item)
    yield from repeated(tree, items)
    yield from _coverage(tree, items)
    yield from mean_grade(items)


# What message.yml says


def _facts_problems(tree: Tree, item: Item, ids: set[str]) -> Iterator[Problem]:
    def wrong(key: str, message: str, mend: str = "") -> Problem:
        return Problem(tree.name(item.path), tree.key_line(item.path, key), key, message, mend)

    data = item.data
    if item.topic not in (("safety",) if item.safety else tree.topics):
        yield wrong("topic", f"there is no topic “{item.topic}”.", "Use one of content/topics.yml.")
    elif not item.safety and not item.id.startswith(f"{item.topic}/"):
        yield wrong("topic", f"the topic is {item.topic} but the folder is {item.id}.", "Make them agree.")
    for key, known in (("tags", TAGS), ("nations", NATIONS)):
        for unknown in sorted(set(data[key]) - set(known)):
            yield wrong(key, f"“{unknown}” is not known.", f"Use one of {', '.join(known)}.")
    for step in data["follow_ups"]:
        if step not in ids and step not in tree.topics:
            yield wrong("follow_ups", f"there is no topic or message “{step}”.", "Use a topic id or a message id.")
        elif step == item.id:
            yield wrong("follow_ups", "the message follows itself.", "Name another one.")
    if not item.safety and not 1 <= len(data["follow_ups"]) <= MOST_FOLLOW_UPS:
        yield wrong("follow_ups", f"there are {len(data['follow_ups'])}.", f"Give 1 to {MOST_FOLLOW_UPS}.")
    for key in ("blocks", "audience", "tags", "nations", "follow_ups"):
        if len(set(data[key])) < len(data[key]):
            yield wrong(key, "something is listed twice.", "Take one of the two out.")
    if not data["audience"]:
        yield wrong("audience", "nobody is named.", "Write [anyone] if it suits everyone.")
    yield from _source_problems(item, wrong)
    yield from _review_problems(data, wrong)


def _source_problems(item: Item, wrong: Callable[..., Problem]) -> Iterator[Problem]:
    sources = item.data["sources"]
    if not sources and item.topic not in NEEDS_NO_SOURCE:
        yield wrong("sources", "no source is named.", "Name the public guidance or study that the words rest on.")
    for source in sources:
        name, year = source["name"], source["year"]
        if not isinstance(name, str) or len(name.strip()) < 3:
            yield wrong("sources", "a source has no name.", "Write who says it, and in what.")
        if isinstance(name, str) and "://" in name:
            yield wrong("sources", "a source is an address.", "Write its name instead.")
        if not isinstance(year, int) or isinstance(year, bool) or not OLDEST_SOURCE <= year <= date.today().year:
            yield wrong("sources", f"the year {year} cannot be right.", f"Write a year from {OLDEST_SOURCE} to now.")


def _review_problems(data: Mapping[str, Any], wrong: Callable[..., Problem]) -> Iterator[Problem]:
    for key, other in (("reviewed", "role"), ("parent_tested", "how_many")):
        when = data[key]["date"]
        if when is not None and (type(when) is not date or when > date.today()):
            yield wrong(key, f"“{when}” is not a day in the past.", "Write it as 2026-03-31.")
        if (when is None) != (data[key][other] is None):
            yield wrong(key, f"date and {other} belong together.", "Give both, or leave both null.")
    if data["status"] != "draft" and data["reviewed"]["date"] is None:
        yield wrong("status", f"it is “{data['status']}” but nobody has reviewed it.", "Fill in `reviewed`, or write draft.")


# The words


def _words_problems(tree: Tree, item: Item) -> Iterator[Problem]:
    english = item.words.get(SOURCE_LANGUAGE)
    if english is None:
        yield Problem(tree.name(item.path), None, "", "the English words (en.md) are missing or cannot be read.")
    for language in item.words:
        yield from problems_in(tree, item, language)
    if item.safety:
        for language in tree.languages:
            if language not in item.words:
                message = f"this safety text is not there in {language}."
                yield Problem(tree.name(item.path), None, "", message, f"Write {language}.md beside it.")


def problems_in(tree: Tree, item: Item, language: str) -> Iterator[Problem]:
    """Everything wrong with an item's words in one language, beside its English."""
    words, english = item.words[language], item.words.get(SOURCE_LANGUAGE)
    if language not in tree.languages:
        message = f"the language “{language}” is not in content/languages.yml."
        yield Problem(tree.name(words.path), None, "", message, "Add it there first.")
    if MARK in words.whole:
        yield from unwritten(tree, words.path)
        return
    yield from _common_problems(tree, item, words, language)
    if words is english:
        yield from _english_problems(tree, item, words)
    else:
        yield from _translation_problems(tree, words, english)


def _common_problems(tree: Tree, item: Item, words: Words, language: str) -> Iterator[Problem]:
    def wrong(message: str, mend: str = "", at: str = "", key: str = "") -> Problem:
        line = tree.line(words.path, at) if at else tree.key_line(words.path, key) if key else None
        return Problem(tree.name(words.path), line, key, message, mend)

    if not words.body:
        yield wrong("there are no words.")
    longest = LONGEST_SAFETY if item.safety else LONGEST
    length = len(words.body) + len(words.help_if or "")
    if length > longest:
        yield wrong(f"the words are {length} characters long.", f"Cut them to {longest}.")
    try:
        named = words.placeholders
    except ValueError as error:
        yield wrong(f"a brace is open or stray ({error}).", "Placeholders look like {urgent_health}.")
        named = frozenset()
    known = (frozenset(tree.helplines.placeholders) if tree.helplines else named) | (OWN_PLACEHOLDERS if item.safety else set())
    for unknown in sorted(named - known):
        yield wrong(f"there is no placeholder {{{unknown}}}.", f"Use one of {', '.join(sorted(known))}.", at=f"{{{unknown}")
    for number in style.bare_numbers(words.whole):
        yield wrong(f"the number {number} stands in the words.", "Use a placeholder of content/helplines.yml.", at=number)
    for mark in style.marks(words.whole):
        yield wrong(f"there is {mark} in the words.", "Use plain paragraphs; only *…* marks emphasis.")
    for message in letters(words.whole, language):
        yield wrong(message)


def _english_problems(tree: Tree, item: Item, words: Words) -> Iterator[Problem]:
    def wrong(message: str, mend: str = "", at: str = "") -> Problem:
        return Problem(tree.name(words.path), tree.line(words.path, at) if at else None, "", message, mend)

    if words.translation != "original":
        yield wrong(f"`translation` is “{words.translation}”.", "English is the original: write translation: original.")
    read = style.reading(words.whole)
    if read.grade > style.HIGHEST_GRADE:
        mend = f"Use shorter words and sentences: {style.HIGHEST_GRADE:.0f} at most."
        yield wrong(f"the reading grade is {read.grade:.1f}.", mend)
    if read.longest > style.LONGEST_SENTENCE:
        start = read.longest_sentence[:20].strip()
        yield wrong(f"the sentence “{start}…” has {read.longest} words.", f"Split it: {style.LONGEST_SENTENCE} at most.", start)
    for found, why in style.banned(words.whole, item.topic):
        yield wrong(f"“{found}” must not stand here: {why}.", "Say it in another way.", found)
    if item.topic in NEEDS_HELP_LINE and not words.help_if:
        yield wrong("there is no `get_help_if` line.", "Say when to get help, and whose: this topic needs it.")
    holds = style.asks_to_hold(words.whole) if _for_young_babies(item) else None
    if holds and not style.warns_of_sofa(words.whole):
        mend = "Add: not on a sofa or chair if you might fall asleep."
        yield wrong(f"“{holds}”: a baby under 12 months is to be held.", mend, holds)


def _for_young_babies(item: Item) -> bool:
    ages = item.data.get("ages")
    if item.safety or not isinstance(ages, dict) or not all(isinstance(ages.get(key), int) for key in ("from", "to")):
        return False
    return bool(ages["from"] < 12 and ages["to"] > 0)


def _translation_problems(tree: Tree, words: Words, english: Words | None) -> Iterator[Problem]:
    def wrong(key: str, message: str, mend: str = "") -> Problem:
        return Problem(tree.name(words.path), tree.key_line(words.path, key), key, message, mend)

    if words.translation not in TRANSLATIONS:
        yield wrong("translation", f"“{words.translation}” is not known.", f"Write {' or '.join(TRANSLATIONS)}.")
    if english is None:
        return
    now = source_hash(english.body, english.help_if)
    if words.source_hash is None:
        yield wrong("source_hash", "it does not say which English it translates.", f'Write source_hash: "{now}".')
    elif words.source_hash != now:
        yield wrong(
            "source_hash",
            "the translation is stale: the English has changed since.",
            f'Put the words right, then write source_hash: "{now}".',
        )
    if bool(words.help_if) != bool(english.help_if):
        yield wrong("get_help_if", "English and translation must both have this line, or neither.")
    try:
        given, wanted = words.placeholders, english.placeholders
    except ValueError:
        return  # reported with the words themselves
    if given != wanted:
        changes = [f"{{{name}}} is missing" for name in sorted(wanted - given)]
        changes += [f"{{{name}}} is not in the English" for name in sorted(given - wanted)]
        yield Problem(tree.name(words.path), None, "", f"{', '.join(changes)}.", "Use the same placeholders.")


# All together


def repeated(tree: Tree, items: Iterable[Item]) -> Iterator[Problem]:
    """Words that stand in two items, told of the later one."""
    seen: dict[tuple[str, str], Path] = {}
    for item in items:
        for language, words in item.words.items():
            if MARK in words.body:
                continue
            first = seen.setdefault((language, " ".join(words.body.split())), words.path)
            if first != words.path and words.body:
                yield Problem(tree.name(words.path), None, "", f"the words are the same as in {tree.name(first)}.", "Keep one.")


def coverage(tree: Tree, items: Iterable[Item]) -> dict[str, dict[str, int]]:
    """How many messages each topic of content/topics.yml has in each language."""
    table = {topic: dict.fromkeys(tree.languages, 0) for topic in tree.topics}
    for item in items:
        for language in item.words:
            if item.topic in table and language in tree.languages:
                table[item.topic][language] += 1
    return table


BANDS = {"bump": (-9, 0), "0-3 m": (0, 3), "3-12 m": (3, 12), "1-2 y": (12, 24), "2-3 y": (24, 36), "3-5 y": (36, 60)}
"""Age bands in months from birth, the end not included; the same for every language and topic."""


def coverage_by_reader(tree: Tree, items: Iterable[Item]) -> dict[str, dict[str, int]]:
    """How many messages each topic has for each age band and each audience. One for several ages or audiences counts in each."""
    table = {topic: dict.fromkeys((*BANDS, *AUDIENCES), 0) for topic in tree.topics}
    for item in items:
        if item.topic not in table:
            continue
        ages = item.data.get("ages") or {}
        for band, (start, end) in BANDS.items():
            table[item.topic][band] += ages.get("from", 0) < end and ages.get("to", 0) > start
        for audience in item.data.get("audience") or ():
            if audience in AUDIENCES:
                table[item.topic][audience] += 1
    return table


def _coverage(tree: Tree, items: list[Item]) -> Iterator[Problem]:
    path = tree.root / "content" / "topics.yml"
    everywhere = {item.topic for item in items if not item.data.get("nations")}
    for topic, counts in coverage(tree, items).items():
        line = tree.line(path, f"- {topic}\n")
        for language, count in counts.items():
            if not count:
                message = f"there is no message in {language}."
                yield Problem(tree.name(path), line, topic, message, f"Write one under content/messages/{topic}/.")
        if counts[SOURCE_LANGUAGE] and topic not in everywhere:
            message = "every message is for some nations only, and a parent may not have said where they are."
            yield Problem(tree.name(path), line, topic, message, "Write one that is true everywhere, with nations: [].")


def grades(items: Iterable[Item]) -> dict[str, float]:
    """The reading grade of the English words by message id."""
    return {item.id: style.reading(words.whole).grade for item in items if (words := item.words.get(SOURCE_LANGUAGE))}


def mean_grade(items: Iterable[Item]) -> Iterator[Problem]:
    """Whether the English is too hard to read on the whole."""
    measured = list(grades(items).values())
    if measured and mean(measured) > style.MEAN_GRADE:
        message = f"the mean reading grade of the English is {mean(measured):.1f}."
        mend = f"It should be {style.MEAN_GRADE:.0f} at most: shorten the hardest ones."
        yield Problem("content/messages", None, "", message, mend)


def overdue(item: Item) -> bool:
    """Whether the last review is too long ago; False for one that was never reviewed."""
    reviewed = item.data.get("reviewed")
    when = reviewed.get("date") if isinstance(reviewed, dict) else None
    return type(when) is date and (date.today() - when).days > REVIEW_EVERY_DAYS
