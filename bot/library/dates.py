"""Times in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import groupby

from babel import localedata
from babel.dates import format_date, format_datetime, format_skeleton, format_time, get_day_names

from bot.languages import supported
from bot.library.helplines import isolate

# Babel (2.18) works names out in the very data that all languages share: a language read from disk after Urdu's weekdays were asked
# for would have Urdu weekdays. Read before anything is asked, each keeps its own.
for _language in supported():
    localedata.load(_language.code)

WEEKDAY_ALONE = 6
"""Days ahead for which a weekday alone says which day is meant."""


def say_time(moment: datetime | None, now: datetime, language: str) -> str:
    """A local time in words: the hour if it is today, else weekday and hour, with the date if it is a week or more away.

    A dash if there is none.
    """
    if moment is None:
        return "–"
    days = (moment.date() - now.astimezone(moment.tzinfo).date()).days
    if days == 0:
        return format_time(moment, "HH:mm", locale=language)
    return format_datetime(moment, "EEEE HH:mm" if 0 < days <= WEEKDAY_ALONE else "EEEE d MMMM HH:mm", locale=language)


def say_hours(week: Sequence[Sequence[tuple[time, time]]], language: str) -> str:
    """Opening hours, Monday first, in words: days in a row with the same hours together; a dash if there are none.

    Times stand between directional isolates, or "09:00–17:00" would show as "17:00–09:00" in a line of Urdu.
    """
    names = get_day_names("wide", "stand-alone", locale=language)
    parts = []
    for spells, days in groupby(range(7), key=lambda day: tuple(week[day])):
        if not spells:
            continue
        row = list(days)
        named = names[row[0]] if len(row) == 1 else f"{names[row[0]]} – {names[row[-1]]}"
        parts.append(named + " " + ", ".join(isolate(f"{opens:%H:%M}–{closes:%H:%M}") for opens, closes in spells))
    return "; ".join(parts) or "–"


def say_date(day: date, language: str) -> str:
    """A day as the language writes it, with the month in words; English as it is written in the UK."""
    return format_date(day, "long", locale=_locale(language))


def say_months(first: date, last: date, language: str) -> str:
    """From one month to another of the same year, in words: "October – December 2026"."""
    locale = _locale(language)
    return f"{format_date(first, 'LLLL', locale=locale)} – {format_date(last, 'LLLL yyyy', locale=locale)}"


def say_day(day: date, language: str) -> str:
    """The same with the day of the week."""
    return format_date(day, "full", locale=_locale(language))


def say_month(month: str, language: str) -> str:
    """A month such as "2026-03" in words, with its year."""
    return format_skeleton("yMMM", date.fromisoformat(f"{month}-01"), locale=_locale(language))


def say_weekday(day: int, language: str) -> str:
    """A day of the week, 0 for Monday, standing alone."""
    return str(get_day_names("wide", "stand-alone", locale=language)[day])


def _locale(language: str) -> str:
    return "en_GB" if language == "en" else language
