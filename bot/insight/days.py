"""Days, months and quarters of insight, by the clock in London, as they are written: "2026-11-03", "2026-11", "2026-Q4"."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)


def day_of(moment: datetime) -> date:
    """The day on which a moment falls."""
    return moment.astimezone(LONDON).date()


def month_of(moment: datetime) -> str:
    """The month in which a moment falls."""
    return f"{day_of(moment):%Y-%m}"


def begins(day: date) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime.combine(day, time.min, LONDON).astimezone(UTC)


def last_day(month: str) -> date:
    """The last day of a month. Raises ValueError for something that is no month."""
    first = date.fromisoformat(f"{month}-01")
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - DAY


def quarter_of(month: str) -> str:
    """The quarter of the calendar year that a month belongs to."""
    return f"{month[:4]}-Q{(int(month[5:7]) + 2) // 3}"


def months_of(quarter: str) -> tuple[str, str, str]:
    """The three months of a quarter. Raises ValueError for something that is no quarter."""
    year, mark, number = quarter.partition("-Q")
    if not (mark and year.isdecimal() and len(year) == 4 and number in ("1", "2", "3", "4")):
        raise ValueError(f"{quarter!r} is no quarter")
    first = int(number) * 3 - 2
    return f"{year}-{first:02d}", f"{year}-{first + 1:02d}", f"{year}-{first + 2:02d}"
