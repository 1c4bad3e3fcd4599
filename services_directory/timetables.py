"""When a service is next open, from its recurrence rules. Pure functions; the rules themselves are dateutil's.

Not yet known here: bank holidays, term dates, and single cancelled dates. The ``text`` of a timetable may tell of them.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from dateutil.rrule import MONTHLY, WEEKLY, rrule, weekday
from dateutil.rrule import weekdays as WEEKDAYS

from services_directory.records import Session, Timetable

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
HORIZON = timedelta(days=120)
_BYDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")


def parse_byday(text: str) -> tuple[weekday, ...]:
    """Read ``"TU,TH"`` or ``"2MO,-1FR"``. Raises ``ValueError`` on anything else."""
    found = []
    for part in text.upper().replace(" ", "").split(","):
        match = _BYDAY.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not a day such as MO or 2MO")
        day = WEEKDAYS[DAYS.index(match[2])]
        found.append(day(int(match[1])) if match[1] else day)
    return tuple(found)


def parse_bymonthday(text: str) -> tuple[int, ...]:
    """Read ``"1,15,-1"``. Raises ``ValueError`` on anything that is not a day of a month."""
    days = tuple(int(part) for part in text.split(","))
    if any(day == 0 or abs(day) > 31 for day in days):
        raise ValueError(f"{text!r} is not a list of days of the month")
    return days


def sessions(timetable: Timetable, start: date, end: date) -> Iterator[Session]:
    """Yield the sessions from ``start`` to ``end``, both included, in order.

    A rule that leaves the day open (every other week, but counted from when?) yields nothing rather than a guess.
    """
    first = max(day for day in (start, timetable.valid_from, timetable.dtstart) if day is not None)
    last = min(day for day in (end, timetable.valid_to, timetable.until) if day is not None)
    if first > last:
        return
    for day in _days(timetable, first, last):
        yield Session(day, timetable.opens, timetable.closes, timetable.venue_id)


def _days(timetable: Timetable, first: date, last: date) -> Iterator[date]:
    if timetable.freq is None:
        if timetable.dtstart is not None and first <= timetable.dtstart <= last:
            yield timetable.dtstart
        return
    rule = _rule(timetable, first)
    if rule is None:
        return
    for moment in rule.between(datetime.combine(first, time.min), datetime.combine(last, time.min), inc=True):
        yield moment.date()


def _rule(timetable: Timetable, first: date) -> rrule | None:
    anchor = timetable.dtstart or timetable.valid_from
    if anchor is None and timetable.interval > 1:
        return None
    try:
        days = parse_byday(timetable.byday) if timetable.byday else None
        month_days = parse_bymonthday(timetable.bymonthday) if timetable.bymonthday else None
    except ValueError:
        return None
    if days is None and month_days is None:
        if timetable.dtstart is None:
            return None
        if timetable.freq == "WEEKLY":
            days = (WEEKDAYS[timetable.dtstart.weekday()],)
        else:
            month_days = (timetable.dtstart.day,)
    begin = _moved_forward(anchor or first, first, timetable)
    return rrule(
        WEEKLY if timetable.freq == "WEEKLY" else MONTHLY,
        dtstart=datetime.combine(begin, time.min),
        interval=timetable.interval,
        byweekday=days,
        bymonthday=month_days,
    )


def _moved_forward(anchor: date, first: date, timetable: Timetable) -> date:
    """Bring the start near ``first`` by whole intervals: dateutil counts from it, and years of weeks are slow."""
    if timetable.freq == "WEEKLY":
        monday = anchor - timedelta(days=anchor.weekday())
        period = 7 * timetable.interval
        return monday + timedelta(days=max(0, (first - monday).days // period) * period)
    months = (first.year - anchor.year) * 12 + first.month - anchor.month
    months = max(0, months // timetable.interval) * timetable.interval
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, 1)


def next_session(
    timetables: Iterable[Timetable], at: date, *, after: time | None = None, venue_id: str | None = None
) -> Session | None:
    """Return the first session on or after ``at`` within 120 days.

    ``after``: leave out what has closed by then on the day itself. ``venue_id``: only what holds at that venue.
    """
    best: Session | None = None
    for timetable in timetables:
        if venue_id is not None and timetable.venue_id not in (None, venue_id):
            continue
        end = best.date if best else at + HORIZON
        for session in sessions(timetable, at, end):
            if session.date == at and after is not None and _over(session, after):
                continue
            if best is None or _order(session) < _order(best):
                best = session
            break
    return best


def _over(session: Session, after: time) -> bool:
    ends = session.closes or session.opens
    return ends is not None and ends <= after


def _order(session: Session) -> tuple[date, time]:
    return session.date, session.opens or time.min


def all_over(timetables: Iterable[Timetable], at: date) -> bool:
    """Tell whether there are timetables and every one of them ended before ``at`` (a course that has finished)."""
    ends = [_end(timetable) for timetable in timetables]
    return bool(ends) and all(end is not None and end < at for end in ends)


def _end(timetable: Timetable) -> date | None:
    if timetable.freq is None:
        return timetable.dtstart or timetable.valid_to
    known = [day for day in (timetable.valid_to, timetable.until) if day is not None]
    return min(known) if known else None
