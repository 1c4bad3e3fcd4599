"""Campaigns: the ways in to Wren that posters, cards and links tell of, one file each in `content/campaigns/`.

Data alone: what a code in a parent's message means is in `bot.campaigns.codes`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.library.strings import SOURCE_LANGUAGE, fill, placeholders
from bot.library.yamlfile import DataError, Problem, load_all, read_yaml

FOLDER = "content/campaigns"
CODE = re.compile(r"[a-z]{3,10}[2-9]{1,2}")
"""A code: a word, then one or two digits, so that no parent writes it by chance. No 0 and no 1: on paper they look like letters."""

FIELDS = (
    "code", "name", "area", "starts", "ends", "languages", "topic", "first_message", "taste", "status", "reviewed", "words",
)  # fmt: skip
WORDS_FIELDS = ("translation", "title", "lead", "say")
TASTES = 3
"""Messages that a landing page shows, so that a parent knows what they will get."""

ZONE = ZoneInfo("Europe/London")
"""Whose days the dates of a campaign are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignWords:
    """One language's words. `title` is the one idea, `lead` a sentence or two under it; `say` is what a parent would send to begin,
    with `{code}` where the code stands in it."""

    title: str
    lead: str
    say: str
    translation: str
    source_hash: str | None = None

    def to_send(self, code: str) -> str:
        """What a link puts into the parent's message box."""
        return fill(self.say, {"code": code})

    @property
    def opening(self) -> str:
        """The same without the code and the brackets around it."""
        return " ".join(re.sub(r"[(\[]?\{code\}[)\]]?", "", self.say).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign. `area` is None where it is for everywhere that this installation serves; `ends` is its last day, or None."""

    code: str
    name: str
    area: str | None
    starts: date
    ends: date | None
    languages: tuple[str, ...]
    topic: str
    first_message: str | None
    taste: tuple[str, ...]
    status: str
    words: Mapping[str, CampaignWords]

    def state(self, moment: datetime) -> str:
        """`planned`, `running` or `ended`."""
        today = moment.astimezone(ZONE).date()
        if today < self.starts:
            return "planned"
        return "ended" if self.ends is not None and today > self.ends else "running"

    def opening_in(self, text: str) -> str | None:
        """The language in which `text` is this campaign's own first sentence and nothing else; None for any other words."""
        said = bare(text)
        return next((language for language in self.languages if bare(self.words[language].opening) == said), None)


@dataclass(frozen=True, slots=True)
class Campaigns:
    """All campaigns by code, in the order of their files."""

    by_code: Mapping[str, Campaign] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Campaigns:
        """Read `content/campaigns/*.yml` below `root`; no folder, no campaigns. Raises `DataError` naming every mistake that keeps a
        file from being used (`bot content check` finds more)."""
        found, problems = load_all(sorted((root / FOLDER).glob("*.yml")), lambda path: load_campaign(path, root))
        if problems:
            raise DataError(problems)
        return cls({campaign.code: campaign for campaign in found})

    def running(self, code: str | None, moment: datetime) -> Campaign | None:
        """The campaign of this code, if it is running."""
        campaign = self.by_code.get(code or "")
        return campaign if campaign is not None and campaign.state(moment) == "running" else None

    def __iter__(self) -> Iterator[Campaign]:
        return iter(self.by_code.values())


def load_campaign(path: Path, root: Path) -> Campaign:
    """One file. Raises `DataError` with what is missing or of the wrong kind."""
    name = path.relative_to(root).as_posix()
    data = read_yaml(path, root)
    if not isinstance(data, dict):
        raise DataError([Problem(name, 1, "", "the file must be lines of `name: value`.")])
    problems = [Problem(name, None, key, "this field is missing.") for key in FIELDS if key not in data]
    problems += [Problem(name, None, str(key), "there is no field of this name.") for key in data if key not in FIELDS]
    if problems:
        raise DataError(problems)
    problems = [Problem(name, None, where, message, mend) for where, message, mend in _wrong_kinds(data, path.stem)]
    if problems:
        raise DataError(problems)
    return Campaign(
        code=data["code"],
        name=data["name"],
        area=data["area"],
        starts=data["starts"],
        ends=data["ends"],
        languages=tuple(data["languages"]),
        topic=data["topic"],
        first_message=data["first_message"],
        taste=tuple(data["taste"]),
        status=data["status"],
        words={
            language: CampaignWords(
                title=words["title"],
                lead=words["lead"],
                say=words["say"],
                translation=words["translation"],
                source_hash=words.get("source_hash"),
            )
            for language, words in data["words"].items()
        },
    )


def _wrong_kinds(data: Mapping[str, Any], stem: str) -> Iterator[tuple[str, str, str]]:
    """What keeps the file from being used: (field, what is wrong, how to mend it)."""
    code = data["code"]
    if not isinstance(code, str) or not CODE.fullmatch(code):
        yield "code", f"“{code}” is no code.", "Write 3 to 10 small letters a to z, then one or two digits from 2 to 9: dads26."
    elif code != stem:
        yield "code", f"it says “{code}” but the file is {stem}.yml.", "Make them the same."
    for key in ("name", "topic", "status"):
        if not isinstance(data[key], str) or not data[key].strip():
            yield key, "it must be words.", ""
    for key in ("area", "first_message"):
        if data[key] is not None and not isinstance(data[key], str):
            yield key, f"“{data[key]}” does not fit here.", "Write one id, or null."
    for key in ("starts", "ends"):
        if not (type(data[key]) is date or (key == "ends" and data[key] is None)):
            yield key, f"“{data[key]}” is not a day.", "Write it as 2026-03-31" + (", or null." if key == "ends" else ".")
    for key in ("languages", "taste"):
        if not isinstance(data[key], list) or not data[key] or not all(isinstance(item, str) for item in data[key]):
            yield key, "it must be a list.", "Write [one, two, three]."
    yield from _wrong_words(data["words"], data["languages"])


def _wrong_words(words: Any, languages: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(words, dict):
        yield "words", "it must hold each language's words.", "Copy a neighbour's."
        return
    if SOURCE_LANGUAGE not in words:
        yield "words", "the English words (en) are missing.", "Every campaign has English, which the others translate."
    for language in languages if isinstance(languages, list) else ():
        if language not in words:
            yield f"words.{language}", f"the words in {language} are missing.", "Write them, or take it out of `languages`."
    for language, entry in words.items():
        where = f"words.{language}"
        if not isinstance(entry, dict):
            yield where, "it must be lines of `name: value`.", "Copy a neighbour's."
            continue
        for key in WORDS_FIELDS:
            if not isinstance(entry.get(key), str) or not entry[key].strip():
                yield f"{where}.{key}", "there are no words.", ""
        if isinstance(entry.get("say"), str):
            yield from ((f"{where}.say", message, mend) for message, mend in _wrong_say(entry["say"]))


def _wrong_say(say: str) -> Iterator[tuple[str, str]]:
    try:
        named = placeholders(say)
    except ValueError as error:
        yield f"a brace is open or stray ({error}).", "Write {code} where the code stands."
        return
    if named != {"code"} or say.count("{code}") != 1:
        yield "the code must stand in it once.", "Write {code} where it stands."


def bare(text: str) -> str:
    """Letters, marks and digits alone, in one form: how two sentences are compared that somebody may have typed by hand."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum() or unicodedata.category(char).startswith("M"))
