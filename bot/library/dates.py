"""Times in words."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, format_datetime, format_time


def say_time(moment: datetime | None, now: datetime, language: str) -> str:
    """A local time in words: the hour if it is today, else weekday and hour; a dash if there is none."""
    if moment is None:
        return "–"
    if moment.date() == now.astimezone(moment.tzinfo).date():
        return format_time(moment, "HH:mm", locale=language)
    return format_datetime(moment, "EEEE HH:mm", locale=language)


def say_date(day: date, language: str) -> str:
    """A day as the language writes it, with the month in words."""
    return format_date(day, "long", locale=language)
