"""Checks of the series in `content/series/`: steps in order, each with a message that fits the child, and words for all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

from bot.library.check_files import Tree, unwritten
from bot.library.check_messages import STATUSES, TAGS
from bot.library.helplines import NATIONS
from bot.library.library import AUDIENCES
from bot.library.series import (
    ANCHOR_DAY,
    FOLDER,
    SETTINGS,
    Series,
    SeriesSettings,
    Step,
    load_series,
    load_settings,
)
from bot.library.yamlfile import DataError, Problem

FOR_ALL = frozenset({"little-money", "little-space", "easy-words", "reminder"})
"""Tags of messages that suit every family; others are for those who said that they are such a one."""

NEVER = ("wellbeing/abuse", "wellbeing/baby-loss", "child/loss", "other/")
"""Topics that come to nobody unasked."""

WORDS = ("menu.series", "series.about", "series.closing")
"""The strings of each series in locales/: its title, what it is, and its last words."""


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in these files."""
    folder = tree.root / FOLDER
    if not folder.is_dir():
        return
    try:
        settings = load_settings(folder / SETTINGS, tree.root)
    except DataError as error:
        yield from _with_lines(tree, folder / SETTINGS, error)
        settings = SeriesSettings()
    else:
        yield from _settings(tree, folder / SETTINGS, settings)
    for path in files(tree):
        yield from unwritten(tree, path)
        try:
            series = load_series(path, tree.root, settings)
        except DataError as error:
            yield from _with_lines(tree, path, error)
            continue
        yield from _File(tree, path, series).problems()


def files(tree: Tree) -> list[Path]:
    return [path for path in sorted((tree.root / FOLDER).glob("*.yml")) if path.name != SETTINGS]


def _with_lines(tree: Tree, path: Path, error: DataError) -> Iterator[Problem]:
    return (replace(problem, line=problem.line or _line(tree, path, problem.field)) for problem in error.problems)


def _line(tree: Tree, path: Path, field: str) -> int | None:
    return tree.key_line(path, *field.split(".")) if field else None


def _settings(tree: Tree, path: Path, settings: SeriesSettings) -> Iterator[Problem]:
    for hour in settings.hours:
        if settings.quiet(time(hour)):
            message = f"{hour} o'clock is in the quiet hours."
            yield Problem(tree.name(path), tree.key_line(path, "hours"), "hours", message, "Nothing would ever be sent then.")


class _File:
    """One series that can be read."""

    def __init__(self, tree: Tree, path: Path, series: Series) -> None:
        self._tree, self._path, self._series = tree, path, series

    def problems(self) -> Iterator[Problem]:
        yield from self._head()
        yield from self._order()
        for step in self._series.steps:
            yield from self._step(step)
        for part in WORDS:
            key = f"{part}.{self._series.id}"
            for language in self._tree.languages:
                if key not in self._tree.strings(language):
                    yield Problem(f"locales/{language}", None, key, "the words are missing.", f"Add them to locales/{language}.")

    def _wrong(self, field: str, message: str, mend: str = "") -> Problem:
        return Problem(self._tree.name(self._path), _line(self._tree, self._path, field), field, message, mend)

    def _head(self) -> Iterator[Problem]:
        series = self._series
        review = self._tree.data(self._tree.name(self._path))["reviewed"]
        if series.status not in STATUSES:
            yield self._wrong("status", f"“{series.status}” does not fit here.", f"Write {', '.join(STATUSES)}.")
        if not isinstance(review, dict) or set(review) != {"date", "role"}:
            yield self._wrong("reviewed", "it must say who reviewed it, and when.", "Write {date: null, role: null}.")
        elif review["date"] is not None and (type(review["date"]) is not date or review["date"] > date.today()):
            yield self._wrong("reviewed", f"“{review['date']}” is not a day in the past.", "Write it as 2026-03-31.")
        elif review["date"] is None and series.status in STATUSES[1:]:
            yield self._wrong(
                "status", f"it is “{series.status}” but nobody has reviewed it.", "Fill in `reviewed`, or write draft."
            )
        for key, given, known in (("audience", series.audience, AUDIENCES), ("tags", series.tags, TAGS)):
            for one in given:
                if one not in known:
                    yield self._wrong(key, f"“{one}” is not known.", f"Use one of {', '.join(known)}.")
        known_series = {path.stem for path in files(self._tree)}
        for one in series.next:
            if one not in known_series or one == series.id:
                yield self._wrong("next", f"there is no other series “{one}”.", f"Use one of {', '.join(sorted(known_series))}.")

    def _order(self) -> Iterator[Problem]:
        """Ids stand once; steps come in the order of their days; nothing after the end; no message twice by accident."""
        series, seen, told = self._series, set[str](), dict[str, str]()
        last: Step | None = None
        for step in series.steps:
            where = f"steps.{step.id}"
            if step.id in seen:
                yield self._wrong(
                    where, "two steps have this id.", "A step's id is how it is known that it was sent: give a new one."
                )
            seen.add(step.id)
            if last is not None and step.at.about < last.at.about:
                yield self._wrong(
                    f"{where}.at", f"it comes before “{last.id}”, which stands above it.", "Put the steps in order."
                )
            last = step
            if step.at.about >= series.ends.about:
                yield self._wrong(f"{where}.at", "it comes after the series has ended.", "Move it, or let `ends` be later.")
            for message in set(step.messages()):
                if message in told and not step.repeat:
                    mend = "Choose another, or write `repeat: true`."
                    yield self._wrong(f"{where}.message", f"“{message}” is sent by “{told[message]}” too.", mend)
                told.setdefault(message, step.id)

    def _step(self, step: Step) -> Iterator[Problem]:
        where, series = f"steps.{step.id}", self._series
        for nation in step.nations:
            if nation not in NATIONS:
                yield self._wrong(f"{where}.nations", f"“{nation}” is not known.", f"Use one of {', '.join(NATIONS)}.")
        if series.counts_from == "age" and step.at.age < 0 <= (step.at.age * 30 + step.for_days) // 30:
            yield self._wrong(
                f"{where}.for_days", "it could be sent once the baby is here.", "Let it end before the month of birth."
            )
        for audience, message in (("", step.message), *step.instead.items()):
            field = f"{where}.instead" if audience else f"{where}.message"
            if audience and audience not in AUDIENCES[1:]:
                yield self._wrong(field, f"“{audience}” is no audience.", f"Use one of {', '.join(AUDIENCES[1:])}.")
            yield from (self._wrong(field, said, mend) for said, mend in self._message(step, audience, message))

    def _message(self, step: Step, audience: str, id_: str) -> Iterator[tuple[str, str]]:
        series = self._series
        data: Any = self._tree.data(f"content/messages/{id_}/message.yml") if re.fullmatch(r"[a-z0-9/-]+", id_) else None
        if not isinstance(data, dict):
            yield f"there is no message “{id_}”.", "Write its id as content/messages has it."
            return
        if str(data.get("topic", "")).startswith(NEVER):
            yield f"the message “{id_}” is on {data['topic']}: nobody is sent that unasked.", "Choose another."
        for tag in data.get("tags") or ():
            if tag not in FOR_ALL and tag not in series.tags:
                yield f"the message “{id_}” is for some families only ({tag}).", "Choose another, or name the tag in `tags`."
        told = set(data.get("audience") or ())
        fits = {"anyone", audience} if audience else {"anyone", *series.audience}
        if step.at.about < 0 and series.counts_from == "age":
            fits.add("expecting")
        if not told & fits:
            yield f"the message “{id_}” is not written for {audience or 'everybody'}.", "Use `instead` for a message to some."
        nations = set(data.get("nations") or ())
        if nations and not (step.nations and set(step.nations) <= nations):
            yield f"the message “{id_}” is for {', '.join(sorted(nations))} only.", "Name the nations in `nations`."
        yield from self._age(step, id_, data)
        for language in self._tree.languages:
            if not (self._tree.root / "content" / "messages" / id_ / f"{language}.md").is_file():
                yield f"the message “{id_}” has no words in {language}.", "Translate it, or choose another."

    def _age(self, step: Step, id_: str, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
        ages = data.get("ages")
        if not isinstance(ages, dict) or not all(type(ages.get(key)) is int for key in ("from", "to")):
            return  # said where messages are checked
        low, high = ages["from"], ages["to"]
        if self._series.by_age and not low <= step.at.age < high:
            mend = f"Age counts from the {ANCHOR_DAY}th of the month of birth. Choose another, or move the step."
            yield f"the message “{id_}” is for {low} to {high} months; here the child has {step.at.age}.", mend
        first, last = step.ages or self._series.ages
        if not self._series.by_age and not (low < last and first < high):
            yield f"the message “{id_}” is for {low} to {high} months, the step for {first} to {last}.", "Choose another."
