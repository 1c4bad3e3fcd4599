"""The staff's own words, in the language of the reader: strings by key, and how levels, reasons, times and ages are said."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.core import Locale
from babel.dates import format_skeleton, format_time
from markupsafe import Markup

from bot.console.accounts import AccountError
from bot.console.language import spoken
from bot.console.standin import standing_in
from bot.handoff.hours import Teams
from bot.handoff.marks import verdict
from bot.languages import supported
from bot.library.strings import SOURCE_LANGUAGE, Strings, UnknownString
from bot.pages.words import linked, paragraphs
from bot.people.people import months_since
from bot.retention.schedule import Period
from bot.storage.tables import now

LOCALES = {SOURCE_LANGUAGE: "en_GB"}
"""Whose way of writing days and times a language follows, where that is not its own."""


@dataclass(frozen=True, slots=True)
class StaffWords:
    """For templates: `w("queue.title")` is the string of `console.queue.title`.

    A string that is not translated comes in English, to be marked as English by the finished page (`bot.console.standin`).
    """

    strings: Strings
    teams: Teams

    def __call__(self, key: str, **values: object) -> str:
        language = spoken()
        words = self.strings.get(f"console.{key}", language, **{name: str(value) for name, value in values.items()})
        return words if self.strings.has(f"console.{key}", language) else standing_in(words)

    def count(self, key: str, number: int, **values: object) -> str:
        """A string in the plural form for `number`."""
        language = spoken()
        texts = {name: str(value) for name, value in values.items()}
        words = self.strings.plural(f"console.{key}", number, language, **texts)
        return words if self.strings.has_plural(f"console.{key}", language) else standing_in(words)

    def refusal(self, error: AccountError) -> str:
        """Why an account cannot be made or changed."""
        return self(f"accounts.error.{error.code}", **error.values)

    def either(self, key: str, otherwise: str) -> str:
        """The string of `key`, or `otherwise` if there is none: codes from elsewhere may be newer than these words."""
        try:
            return self(key)
        except UnknownString:
            return otherwise

    def english(self, words: str) -> str:
        """Words that are English whoever reads them, marked as English for those who read another language."""
        return words if spoken() == SOURCE_LANGUAGE else standing_in(words)

    def imported(self, words: object) -> str:
        """What an import says, as its reports keep it: by key with values, a list of such, or a plain name or number.

        A key that these words do not have comes in the English it was kept with.
        """
        if isinstance(words, list):
            return "; ".join(map(self.imported, words))
        if not isinstance(words, Mapping):
            return str(words)
        if not self.strings.has(f"console.import_said.{words['said']}", SOURCE_LANGUAGE):
            return self.english(str(words["english"]))
        return self(f"import_said.{words['said']}", **{name: self.imported(value) for name, value in words["values"].items()})

    def why_asked(self, why: object) -> str:
        """Why an import asked something. One from before there were keys is English."""
        return self.english(why) if isinstance(why, str) else self.imported(why)

    def because(self, reason: str) -> str:
        """Why something was not sent, from the words it was recorded with. What a provider said stays as it said it, in English."""
        key = f"because.{re.sub('[^a-z]+', '_', reason.lower())}"
        return self(key) if self.strings.has(f"console.{key}", SOURCE_LANGUAGE) else self.english(reason)

    def period(self, period: Period) -> str:
        """How long something is kept."""
        return self.count(f"period.{period.unit}", period.number)

    def language(self, code: str) -> str:
        """The name of a language; of one that Wren does not speak, its code."""
        english = next((language.english for language in supported() if language.code == code), code)
        return english if spoken() == SOURCE_LANGUAGE or english == code else _locale().languages.get(code, english)

    def channel(self, code: str) -> str:
        return self.either(f"channel.{code}", code.capitalize())

    def level(self, level: str) -> str:
        return self(f"level.{level}")

    def topic(self, topic: str) -> str:
        """A topic by its title."""
        area, _, rest = topic.partition("/")
        title = self.strings.get(f"topic.{topic}", spoken()) if self.strings.has(f"topic.{topic}", SOURCE_LANGUAGE) else ""
        return f"{title} ({area})" if title and rest else title or topic.replace("/", ": ").replace("-", " ")

    def window(self, until: datetime) -> str:
        """How long free words may still be sent on the channel, or since when no longer."""
        left = until - now()
        return (
            self("reach.window", span=self.span(left))
            if left > timedelta(0)
            else self("reach.window_over", span=self.span(-left))
        )

    def triage(self, level: str) -> str:
        """A level that triage gave, or should have given; `none` is not the same as having asked for a person."""
        return self(f"mark.level.{level}")

    def verdict(self, level: str, should_be: str) -> str:
        """What it means that a message of `level` should have had another, or the same."""
        return self(f"mark.{verdict(level, should_be)}", should=self.triage(should_be))

    def body(self, text: str) -> Markup:
        """A person's words as paragraphs: escaped, https addresses made links, nothing else read into them."""
        return paragraphs(text, linked)

    def chat(self, text: str) -> Markup:
        """Wren's own words as web chat shows them: with emphasis, and numbers to tap."""
        return paragraphs(text)

    def span(self, length: timedelta) -> str:
        """A length of time in the largest fitting unit."""
        minutes = max(0, int(length.total_seconds() // 60))
        if minutes < 1:
            return self("time.moment")
        if minutes < 60:
            return self.count("time.minutes", minutes)
        if minutes < 48 * 60:
            return self.count("time.hours", minutes // 60)
        return self.count("time.days", minutes // 1440)

    def wait(self, length: timedelta) -> str:
        """How long to wait, in whole minutes or hours: never less than it is."""
        minutes = max(1, math.ceil(length / timedelta(minutes=1)))
        return self.span(timedelta(minutes=minutes if minutes < 60 else math.ceil(minutes / 60) * 60))

    def ago(self, moment: datetime) -> str:
        return self.span(now() - moment)

    def clock(self, moment: datetime, area_id: str | None) -> str:
        """The time on the wall of the case's team, with the day unless it is today."""
        local = moment.astimezone(self.teams.of(area_id).zone)
        time = format_time(local, "HH:mm", locale=_locale())
        if local.date() == now().astimezone(local.tzinfo).date():
            return self("time.today", time=time)
        return self("time.day", day=format_skeleton("EEEdMMM", local, locale=_locale()), time=time)

    def day(self, day: date) -> str:
        return format_skeleton("EEEdMMM", day, locale=_locale())

    def month(self, day: date) -> str:
        """The month of `day`, with its year."""
        return format_skeleton("yMMMM", day, locale=_locale())

    def due(self, case: Any) -> str:
        """When a reply is due, or what has become of that, in words. `case` is a queue entry or a case file."""
        if case.first_reply_at is not None:
            return self("due.unanswered" if case.unanswered else "due.replied", ago=self.ago(case.last_reply_at))
        if case.reply_due_at is None:
            return self("due.unknown")
        left = case.reply_due_at - now()
        by = self.clock(case.reply_due_at, case.area_id)
        return (
            self("due.late", span=self.span(-left), by=by) if left < timedelta(0) else self("due.in", span=self.span(left), by=by)
        )

    def is_late(self, case: Any) -> bool:
        return case.first_reply_at is None and case.reply_due_at is not None and bool(case.reply_due_at < now())

    def child(self, month: str) -> str:
        """A child's age from the month of birth, or when it is due."""
        months = months_since(month, now())
        if months < 0:
            return self.count("age.due", -months)
        return self.count("age.months", months) if months < 24 else self.count("age.years", months // 12)

    def reason(self, reason: Mapping[str, Any]) -> str:
        """Which rule, model or person gave a level, in plain words."""
        by = str(reason.get("by", ""))
        kind, _, name = by.partition(":")
        if kind == "together":
            return self("reason.together", inner=self.reason({"by": name}))
        if kind == "model":
            return self("reason.model", name=self.language(name))
        code, _, rest = name.partition("-")
        if kind == "rule" and rest and self.language(code) != code:
            return self("reason.rule_in", speech=self.language(code), name=self.english(rest.replace("-", " ")))
        if kind in ("rule", "further"):
            return self(f"reason.{kind}", name=self.english(name.replace("-", " ").replace("_", " ")))
        if kind in ("parent", "staff"):
            return self(f"reason.{kind}")
        return self("reason.other", name=by)

    def danger(self, reason: Mapping[str, Any]) -> str:
        """The kind of danger a reason names; empty if it names none."""
        kind = str(reason.get("kind") or "")
        return self.either(f"danger.{kind}", kind) if kind else ""


def _locale() -> Locale:
    """Whose way of writing days, times and names the reader's language follows."""
    return Locale.parse(LOCALES.get(spoken(), spoken()))
