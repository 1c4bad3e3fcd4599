"""Times in words."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, format_datetime, format_time

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


def say_date(day: date, language: str) -> str:
    """A day as the language writes it, with the month in words."""
    return format_date(day, "long", locale=language)
