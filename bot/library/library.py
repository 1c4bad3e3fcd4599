"""The library: content items by id and topic, chosen for a parent and rendered into their language."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.kept import Kept, key_of
from bot.library.campaigns import Campaigns
from bot.library.helplines import Helplines
from bot.library.left_to_files import LeftToFiles
from bot.library.needs import Needs
from bot.library.replies import Replies
from bot.library.series import AllSeries
from bot.library.strings import SOURCE_LANGUAGE, Strings, fill, placeholders
from bot.library.templates import Templates
from bot.library.wording import HELP_LABEL, HELP_LINE, Published, Words, with_help_line
from bot.library.yamlfile import DataError, Problem, read_front_matter, read_yaml

log = logging.getLogger(__name__)
BLOCKS = ("respond", "engage", "relax", "play", "talk")
AUDIENCES = ("anyone", "dad-or-partner", "grandparent-or-carer", "expecting")
FIELDS = (
    "id", "topic", "blocks", "ages", "audience", "tags", "nations", "cost", "space", "sources", "reviewed", "parent_tested",
    "status", "follow_ups",
)  # fmt: skip
_PLAIN = ("id", "topic", "reviewed", "status")
_LISTS = ("blocks", "ages", "audience", "tags", "nations", "follow_ups")
SAFETY_PREFIX = "safety/"
GENERAL_SLUG = "start-here"
"""The message of a topic that suits everyone; it goes first when little is known."""


@dataclass(frozen=True, slots=True)
class Message:
    """One content item; `ages` is [from, to) in months from birth, negative before it."""

    id: str
    topic: str
    blocks: tuple[str, ...]
    ages: tuple[int, int]
    audience: tuple[str, ...]
    tags: tuple[str, ...]
    nations: tuple[str, ...]
    sources: tuple[tuple[str, int], ...]
    reviewed: str | None
    status: str
    follow_ups: tuple[str, ...]
    words: Mapping[str, Words]

    @property
    def slug(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def stale(self) -> tuple[str, ...]:
        """Languages whose words were translated from other English ones than today's."""
        body, _, help_if = self.words["en"].text.partition(HELP_LINE)
        today = source_hash(body, help_if or None)
        return tuple(code for code, words in self.words.items() if words.source_hash not in (None, today))

    def suits_age(self, months: int | None) -> bool:
        return months is None or self.ages[0] <= months < self.ages[1]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Words ready to be sent: `version` is 16 hex digits of a hash of `template`, the words before personal values went in."""

    text: str
    template: str
    language: str
    content_id: str
    version: str
    machine_draft: bool


class Library:
    """Approved words in memory. Immutable after `load`, so it may be shared by threads and swapped whole; only what staff have
    published (`overlaid`) changes beneath it, when `refresh` is called."""

    def __init__(
        self,
        messages: Mapping[str, Message],
        strings: Strings,
        helplines: Helplines,
        needs: Needs,
        replies: Replies,
        templates: Templates | None = None,
        campaigns: Campaigns | None = None,
        series: AllSeries | None = None,
        left_to_files: LeftToFiles | None = None,
    ) -> None:
        self.messages = messages
        self.templates = templates or Templates()
        self.campaigns = campaigns or Campaigns()
        self.series = series or AllSeries()
        self.left_to_files = left_to_files or LeftToFiles()
        self.replies = replies
        self.needs = needs
        self.strings = strings
        self.helplines = helplines
        self._published: Published | None = None
        self._by_topic: dict[str, list[Message]] = {}
        for message in messages.values():
            self._by_topic.setdefault(message.topic, []).append(message)

    @classmethod
    def load(cls, root: Path, kept: Kept | None = None) -> Library:
        """Read `content/` and `locales/` below `root`. Raises `DataError` with every mistake found. Messages read before are taken
        from `kept` while none of their files has changed."""
        content = root / "content"
        problems: list[Problem] = []
        messages: Mapping[str, Message] = {}
        try:
            messages = kept_messages(root, kept) if kept is not None else load_messages(root)
        except DataError as error:
            problems += error.problems
        try:
            helplines, needs, replies = Helplines.load(content), Needs.load(root), Replies.load(root)
            templates = Templates.load(root)
            campaigns = Campaigns.load(root)
            series, left = AllSeries.load(root), LeftToFiles.load(root)
        except DataError as error:
            problems += error.problems
        if problems:
            raise DataError(problems)
        return cls(messages, Strings.load(root / "locales"), helplines, needs, replies, templates, campaigns, series, left)

    def overlaid(self, published: Published) -> Library:
        """The same library with published words before those of the files."""
        library = copy(self)
        library._published = published
        library.strings = self.strings.overlaid(published)
        return library

    def published(self, content_id: str, language: str) -> Words | None:
        """What staff have published of a text, whether or not it can be used; None where nothing is."""
        return self._published.words(content_id, language) if self._published is not None else None

    def refresh(self) -> None:
        """Take up what staff have published since, in whatever process. Blocking."""
        if self._published is not None:
            self._published.refresh()

    def words_of(self, content_id: str, language: str) -> Words | None:
        """What is live in one language: what staff have published, else the file's words; None if neither is there.

        Safety texts are always the files': they depend on no database. Published words that the files no longer carry (one of their
        placeholders is gone) step back. Raises KeyError for an unknown id.
        """
        message = self.messages[content_id]
        if not content_id.startswith(SAFETY_PREFIX):
            words = self.published(content_id, language)
            if words is not None and placeholders(words.text) <= {HELP_LABEL, *self.helplines.placeholders}:
                return words
        return message.words.get(language)

    def topics(self) -> Collection[str]:
        """Topic ids that have at least one message."""
        return self._by_topic.keys()

    def choose(
        self,
        topic: str,
        *,
        age_months: int | None = None,
        nation: str | None = None,
        audience: str | None = None,
        seen: Collection[str] = (),
    ) -> Message | None:
        """The best message on `topic` for this parent, unseen ones first; None if the topic has no message for this nation.

        Known age wins over audience, audience over the general message; a message for another nation is never chosen.
        """
        candidates = [m for m in self._by_topic.get(topic, ()) if not m.nations or nation in m.nations]
        fitting = [m for m in candidates if m.suits_age(age_months)] or candidates
        if not fitting:
            return None

        def order(message: Message) -> tuple[Any, ...]:
            for_them = audience is not None and audience in message.audience
            for_others = "anyone" not in message.audience and not for_them
            narrow = message.ages[1] - message.ages[0] if age_months is not None else 0
            general = message.slug != GENERAL_SLUG
            return (
                message.id in seen,
                for_others,
                bool(message.tags),
                not for_them,
                not message.nations,
                narrow,
                general,
                message.id,
            )

        return min(fitting, key=order)

    def render(self, ref: str, language: str, nation: str | None = None, values: Mapping[str, str] | None = None) -> Rendered:
        """The words of `message:<id>`, `safety:<slug>`, `reply:<id>`, `template:<id>` or `text:<key>` in `language`, or in
        English if they are not translated (a template never).

        Raises KeyError for an unknown reference or a placeholder without a value.
        """
        kind, _, name = ref.partition(":")
        if kind == "text":
            template, found = self.strings.template(name, language)
            content_id, draft = ref, found != "en"
        elif kind in ("message", "safety"):
            content_id = name if kind == "message" else f"safety/{name}"
            template, found, draft = self._message_words(content_id, language)
        elif kind == "reply":
            ready = self.replies.by_id[name]
            found = language if language in ready.words else SOURCE_LANGUAGE
            template, content_id, draft = ready.words[found], f"reply/{name}", found in ready.drafts
        elif kind == "template":
            words = self.templates.by_id[name].words[language]
            found, draft = language, words.translation == "machine-draft"
            template, content_id = words.body, f"template/{name}"
        else:
            raise KeyError(ref)
        given = dict(values or {})
        spoken = fill(template, {key: self._standing(key, nation, found) for key in placeholders(template)})
        text = spoken.format_map(given) if "{" in spoken else spoken
        return Rendered(text, spoken, found, content_id, version_of(spoken), draft)

    def _standing(self, placeholder: str, nation: str | None, language: str) -> str:
        """What a placeholder stands for whoever reads it; a personal one stays as it is."""
        if placeholder == HELP_LABEL:
            return self.strings.get("message.get_help_if", language)
        if placeholder in self.helplines.placeholders:
            return self.helplines.say(placeholder, nation, language)
        return "{" + placeholder + "}"

    def _message_words(self, content_id: str, language: str) -> tuple[str, str, bool]:
        words, found = self.words_of(content_id, language), language
        if words is None:
            words, found = self.words_of(content_id, SOURCE_LANGUAGE), SOURCE_LANGUAGE
            assert words is not None  # no message is loaded without its English
        return words.text, found, words.translation == "machine-draft"


def version_of(words: str) -> str:
    """The version of some words: 16 hex digits of their SHA-256."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def source_hash(body: str, get_help_if: str | None) -> str:
    """What a translation records of the English it was made from; differs as soon as the English changes."""
    return version_of(body + (f"\n{get_help_if}" if get_help_if else ""))


def load_messages(root: Path) -> dict[str, Message]:
    """Every message below `root`, by id. Raises `DataError` with every mistake found."""
    problems: list[Problem] = []
    messages: dict[str, Message] = {}
    for base, prefix in message_folders(root):
        for path in sorted(base.rglob("message.yml")):
            try:
                message = load_message(path, root, base, prefix)
            except DataError as error:
                problems += error.problems
            else:
                messages[message.id] = message
    if problems:
        raise DataError(problems)
    return messages


def kept_messages(root: Path, kept: Kept) -> Mapping[str, Message]:
    """What `load_messages` gives, from an earlier time if every file, and this code, is the same. Raises `DataError`."""
    key = _messages_key(root)
    value = kept.get("messages", key)
    if value is not None:
        try:
            return {message.id: message for message in map(_message_from, value)}
        except (ValueError, TypeError, LookupError) as error:  # it was written by another program
            log.warning("library: the kept messages cannot be read (%s)", type(error).__name__)
    messages = load_messages(root)
    if _messages_key(root) == key:  # no file was changed meanwhile
        kept.put("messages", key, [_message_as_list(message) for message in messages.values()])
    return messages


def _messages_key(root: Path) -> str:
    here = Path(__file__).parent
    parts = [(here / name).read_bytes() for name in ("library.py", "strings.py", "wording.py", "yamlfile.py")]
    for base, _ in message_folders(root):
        for folder, folders, files in os.walk(base):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    parts += [os.path.relpath(path, root).encode(), file.read()]
    return key_of(parts)


def _message_as_list(message: Message) -> list[Any]:
    words = {lang: [one.text, one.translation, one.source_hash] for lang, one in message.words.items()}
    return [
        *(getattr(message, name) for name in _PLAIN),
        *(list(getattr(message, name)) for name in _LISTS),
        message.sources,
        words,
    ]


def _message_from(value: list[Any]) -> Message:
    plain, lists, (sources, words) = value[: len(_PLAIN)], value[len(_PLAIN) : -2], value[-2:]
    named: dict[str, Any] = dict(zip(_PLAIN, plain, strict=True))
    named |= {name: tuple(entries) for name, entries in zip(_LISTS, lists, strict=True)}
    named["sources"] = tuple((name, year) for name, year in sources)
    named["words"] = {lang: Words(text, translation, source) for lang, (text, translation, source) in words.items()}
    return Message(**named)


def message_folders(root: Path) -> tuple[tuple[Path, str], ...]:
    """The folders in which messages are, and what their ids begin with."""
    content = root / "content"
    return (content / "messages", ""), (content / "safety" / "texts", SAFETY_PREFIX)


def load_message(path: Path, root: Path, base: Path, prefix: str = "") -> Message:
    """One folder's `message.yml` and its `<lang>.md` files. Raises `DataError`."""
    name = str(path.relative_to(root))
    data = read_yaml(path, root)
    if not isinstance(data, dict):
        raise DataError([Problem(name, 1, "", "the file must be lines of `name: value`.")])
    expected = prefix + str(path.parent.relative_to(base)).replace("\\", "/")
    problems = [Problem(name, None, key, "this field is missing.") for key in FIELDS if key not in data]
    problems += [Problem(name, None, str(key), "there is no field of this name.") for key in data if key not in FIELDS]
    if problems:
        raise DataError(problems)
    if data["id"] != expected:
        problems.append(
            Problem(name, None, "id", f"it says “{data['id']}” but the folder says “{expected}”.", "Make them the same.")
        )
    if not set(data["blocks"]) <= set(BLOCKS):
        problems.append(Problem(name, None, "blocks", f"{data['blocks']} holds something that is no building block."))
    if not set(data["audience"]) <= set(AUDIENCES):
        problems.append(
            Problem(name, None, "audience", f"{data['audience']} holds an unknown audience.", f"Use {', '.join(AUDIENCES)}.")
        )
    ages = data["ages"]
    if not isinstance(ages, dict) or not all(isinstance(ages.get(k), int) for k in ("from", "to")):
        problems.append(Problem(name, None, "ages", "it must say {from: months, to: months}."))
    elif ages["from"] >= ages["to"]:
        problems.append(
            Problem(
                name, None, "ages", f"the range {ages['from']}..{ages['to']} is upside down.", "`from` must be less than `to`."
            )
        )
    words: dict[str, Words] = {}
    for file in sorted(path.parent.glob("*.md")):
        try:
            words[file.stem] = _load_words(file, root)
        except DataError as error:
            problems += error.problems
    if "en" not in words and not problems:
        problems.append(Problem(name, None, "", "the English words (en.md) are missing."))
    if problems:
        raise DataError(problems)
    return Message(
        id=data["id"],
        topic=data["topic"],
        blocks=tuple(data["blocks"]),
        ages=(ages["from"], ages["to"]),
        audience=tuple(data["audience"]),
        tags=tuple(data["tags"] or ()),
        nations=tuple(data["nations"] or ()),
        sources=tuple((source["name"], source["year"]) for source in data["sources"] or ()),
        reviewed=str(data["reviewed"]["date"]) if data["reviewed"].get("date") else None,
        status=data["status"],
        follow_ups=tuple(data["follow_ups"] or ()),
        words=words,
    )


def _load_words(file: Path, root: Path) -> Words:
    meta, body = read_front_matter(file, root)
    name = str(file.relative_to(root))
    help_if = meta.get("get_help_if")
    text = with_help_line(body, help_if)
    try:
        placeholders(text)
    except ValueError as error:
        raise DataError(
            [Problem(name, None, "", f"a brace is open or stray ({error}).", "Placeholders look like {urgent_health}.")]
        ) from error
    return Words(text, str(meta.get("translation", "")), meta.get("source_hash"))
