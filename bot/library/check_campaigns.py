"""Checks of the campaigns in `content/campaigns/`: dates, languages, what they show and answer, and every language's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from bot.library import style
from bot.library.campaigns import CODE, FOLDER, TASTES, WORDS_FIELDS, Campaign, CampaignWords, load_campaign
from bot.library.check_files import Tree, letters, unwritten
from bot.library.check_messages import STATUSES, TRANSLATIONS
from bot.library.library import version_of
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.yamlfile import DataError, Problem

LONGEST = {"title": 60, "lead": 220, "say": 120}
"""Characters: a title fits a poster in four lines, a lead a phone, and what is sent a message box."""


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in these files."""
    for path in files(tree):
        yield from unwritten(tree, path)
        try:
            campaign = load_campaign(path, tree.root)
        except DataError as error:
            yield from (replace(problem, line=problem.line or _line(tree, path, problem.field)) for problem in error.problems)
            continue
        yield from _File(tree, path, campaign).problems()


def files(tree: Tree) -> list[Path]:
    return sorted((tree.root / FOLDER).glob("*.yml"))


def words_hash(words: CampaignWords) -> str:
    """What a translation records of the English it was made from."""
    return version_of("\n".join((words.title, words.lead, words.say)))


def _line(tree: Tree, path: Path, field: str) -> int | None:
    return tree.key_line(path, *field.split(".")) if field else None


class _File:
    """One campaign that can be read."""

    def __init__(self, tree: Tree, path: Path, campaign: Campaign) -> None:
        self._tree, self._path, self._campaign = tree, path, campaign
        self._data: dict[str, Any] = tree.data(tree.name(path))

    def problems(self) -> Iterator[Problem]:
        yield from self._dates()
        yield from self._review()
        yield from self._places()
        yield from self._messages()
        for language, words in self._campaign.words.items():
            yield from self._words(language, words)

    def _wrong(self, field: str, message: str, mend: str = "") -> Problem:
        return Problem(self._tree.name(self._path), _line(self._tree, self._path, field), field, message, mend)

    def _dates(self) -> Iterator[Problem]:
        starts, ends = self._campaign.starts, self._campaign.ends
        if ends is not None and ends < starts:
            yield self._wrong("ends", f"it ends on {ends}, before it starts on {starts}.", "Put the days the right way round.")

    def _review(self) -> Iterator[Problem]:
        status, review = self._campaign.status, self._data["reviewed"]
        if status not in STATUSES:
            yield self._wrong("status", f"“{status}” does not fit here.", f"Write {', '.join(STATUSES)}.")
        if not isinstance(review, dict) or set(review) != {"date", "role"}:
            yield self._wrong("reviewed", "it must say who reviewed it, and when.", "Write {date: null, role: null}.")
        elif review["date"] is not None and (type(review["date"]) is not date or review["date"] > date.today()):
            yield self._wrong("reviewed", f"“{review['date']}” is not a day in the past.", "Write it as 2026-03-31.")
        elif review["date"] is None and status in STATUSES[1:]:
            yield self._wrong("status", f"it is “{status}” but nobody has reviewed it.", "Fill in `reviewed`, or write draft.")

    def _places(self) -> Iterator[Problem]:
        campaign = self._campaign
        areas = _areas(self._tree)
        if campaign.area is not None and campaign.area not in areas:
            yield self._wrong("area", f"there is no area “{campaign.area}”.", f"Use one of content/team.yml: {', '.join(areas)}.")
        for language in campaign.languages:
            if language not in self._tree.languages:
                yield self._wrong(
                    "languages", f"the language “{language}” is not in content/languages.yml.", "Add it there first."
                )
            if campaign.languages.count(language) > 1:
                yield self._wrong("languages", f"the language “{language}” stands here twice.", "Keep one.")
        for language in campaign.words.keys() - set(campaign.languages):
            yield self._wrong(
                f"words.{language}", "`languages` does not name this language.", "Add it there, or take its words out."
            )
        if campaign.topic not in self._tree.topics:
            yield self._wrong("topic", f"there is no topic “{campaign.topic}”.", "Use one of content/topics.yml.")
        if _stands_in_examples(self._tree, campaign.code):
            yield self._wrong("code", f"a parent might write “{campaign.code}”: it stands in data/.", "Choose another.")

    def _messages(self) -> Iterator[Problem]:
        campaign = self._campaign
        if len(set(campaign.taste)) != TASTES or len(campaign.taste) != TASTES:
            yield self._wrong("taste", f"it names {len(set(campaign.taste))} messages.", f"Name {TASTES} different ones.")
        shown = [("taste", id_) for id_ in dict.fromkeys(campaign.taste)]
        if campaign.first_message is not None:
            shown.append(("first_message", campaign.first_message))
        for field, id_ in shown:
            name = f"content/messages/{id_}/message.yml"
            data = self._tree.data(name) if re.fullmatch(r"[a-z0-9/-]+", id_) else None
            if not isinstance(data, dict):
                yield self._wrong(field, f"there is no message “{id_}”.", "Write its id as content/messages has it.")
                continue
            if data.get("nations"):
                yield self._wrong(field, f"the message “{id_}” is for some nations only.", "Choose one that is for all.")
            for language in campaign.languages:
                if not (self._tree.root / "content" / "messages" / id_ / f"{language}.md").is_file():
                    yield self._wrong(
                        field, f"the message “{id_}” has no words in {language}.", "Translate it, or choose another."
                    )
            if field == "first_message" and data.get("topic") != campaign.topic:
                yield self._wrong(field, f"the message “{id_}” is on {data.get('topic')}.", "Make `topic` the same.")

    def _words(self, language: str, words: CampaignWords) -> Iterator[Problem]:
        where = f"words.{language}"
        original = language == SOURCE_LANGUAGE
        entry = self._data["words"][language]
        for key in entry:
            if key not in WORDS_FIELDS and not (key == "source_hash" and not original):
                yield self._wrong(f"{where}.{key}", "there is no field of this name.")
        known = ("original",) if original else TRANSLATIONS
        if words.translation not in known:
            yield self._wrong(f"{where}.translation", f"“{words.translation}” is not known here.", f"Write {' or '.join(known)}.")
        if not original:
            yield from self._translation(where, words)
        for key, text in (("title", words.title), ("lead", words.lead), ("say", words.say.replace("{code}", ""))):
            wrong = partial(self._wrong, f"{where}.{key}")
            if len(text) > LONGEST[key]:
                yield wrong(f"it is {len(text)} characters long.", f"Cut it to {LONGEST[key]}.")
            if "{" in text or "}" in text:
                yield wrong("a brace stands in it.", "Only `say` has one, around code.")
            for number in style.bare_numbers(text):
                yield wrong(f"the number {number} stands in the words.", "Numbers come from content/helplines.yml.")
            for mark in style.marks(text):
                yield wrong(f"there is {mark} in the words.", "Use plain sentences.")
            for message in letters(text, language):
                yield wrong(message)
            if original:
                yield from (wrong(message, mend) for message, mend in _english(text))

    def _translation(self, where: str, words: CampaignWords) -> Iterator[Problem]:
        now = words_hash(self._campaign.words[SOURCE_LANGUAGE])
        if words.source_hash is None:
            yield self._wrong(where, "it does not say which English it translates.", f'Write source_hash: "{now}".')
        elif words.source_hash != now:
            mend = f'Put the words right, then write source_hash: "{now}".'
            yield self._wrong(where, "the translation is stale: the English has changed since.", mend)


def _english(text: str) -> Iterator[tuple[str, str]]:
    read = style.reading(text)
    if read.grade > style.HIGHEST_GRADE:
        yield f"the reading grade is {read.grade:.1f}.", f"Use shorter words and sentences: {style.HIGHEST_GRADE:.0f} at most."
    if read.longest > style.LONGEST_SENTENCE:
        yield f"a sentence has {read.longest} words.", f"Split it: {style.LONGEST_SENTENCE} at most."
    for found, why in style.banned(text):
        yield f"“{found}” must not stand here: {why}.", "Say it in another way."


def _areas(tree: Tree) -> list[str]:
    data = tree.data("content/team.yml")
    areas = data.get("areas") if isinstance(data, dict) else None
    return [str(area.get("id")) for area in areas or () if isinstance(area, dict)]


def _stands_in_examples(tree: Tree, code: str) -> bool:
    """Whether the code is a word of what the models learn from, and so of what parents write."""
    word = re.compile(rf"(?<!\w){re.escape(code)}(?!\w)", re.IGNORECASE)
    return bool(CODE.fullmatch(code)) and any(
        word.search(tree.text(path)) for path in sorted((tree.root / "data").rglob("*")) if path.is_file()
    )
