"""When a service is open, from its recurrence rules, exceptions, bank holidays and terms. Pure functions.

The rules themselves are dateutil's. Times are those of the wall clock in London, through both changes of the clock. A
session that closes at or before the time when it opens goes on past midnight and belongs to the day on which it opens.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import MONTHLY, WEEKLY, rrule, weekday
from dateutil.rrule import weekdays as WEEKDAYS

from services_directory.calendars import in_term, is_bank_holiday
from services_directory.records import Extra, Session, Timetable

LONDON = ZoneInfo("Europe/London")

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


def sessions(timetable: Timetable, start: date, end: date, *, hopeful: bool = False) -> Iterator[Session]:
    """Yield the sessions from ``start`` to ``end``, both included, in order.

    What is cancelled, falls on a bank holiday that closes the service, or out of term is left out; extra dates stand
    whatever else is said. A rule that leaves the day open (every other week, but counted from when?) and days of which
    nobody knows whether they are in term yield nothing rather than a guess; ``hopeful`` takes these as in term.
    """
    extra = sorted((_extra(timetable, item) for item in timetable.extra or () if start <= item.date <= end), key=session_order)
    for session in _ruled(timetable, start, end, hopeful):
        while extra and session_order(extra[0]) <= session_order(session):
            yield extra.pop(0)
        yield session
    yield from extra


def _extra(timetable: Timetable, item: Extra) -> Session:
    own = item.opens is not None
    return Session(
        item.date, item.opens if own else timetable.opens, item.closes if own else timetable.closes, timetable.venue_id
    )


def _ruled(timetable: Timetable, start: date, end: date, hopeful: bool) -> Iterator[Session]:
    for day in rule_days(timetable, start, end):
        if is_on(timetable, day, hopeful=hopeful):
            yield Session(day, timetable.opens, timetable.closes, timetable.venue_id)


def rule_days(timetable: Timetable, start: date, end: date) -> Iterator[date]:
    """Yield the days from ``start`` to ``end`` that the recurrence rule gives, whatever bank holidays and terms say."""
    first = max(day for day in (start, timetable.valid_from, timetable.dtstart) if day is not None)
    last = min(day for day in (end, timetable.valid_to, timetable.until) if day is not None)
    if first <= last:
        yield from _days(timetable, first, last)


def is_on(timetable: Timetable, day: date, *, hopeful: bool = False) -> bool:
    """Tell whether a day that the rule gives stands: not cancelled, no bank holiday, and in term if that matters.

    ``hopeful``: take days of which nobody knows whether they are in term as in term.
    """
    if any(date_ == day and opens in (None, timetable.opens) for date_, opens in timetable.cancelled or ()):
        return False
    # A single date was written down by somebody who knew what day it is.
    if timetable.freq is None:
        return True
    if timetable.closed_for and is_bank_holiday(day, timetable.closed_for):
        return False
    return timetable.term_areas is None or in_term(day, timetable.term_areas) in (True, None if hopeful else True)


def term_unknown(timetables: Iterable[Timetable], start: date, end: date) -> bool:
    """Tell whether a rule for term time only gives a day from ``start`` to ``end`` of which nobody knows if it is in term."""
    return any(
        in_term(day, timetable.term_areas) is None
        for timetable in timetables
        if timetable.term_areas is not None and timetable.freq is not None
        for day in rule_days(timetable, start, end)
    )


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
            if session.date == at and after is not None and session_over(session, after):
                continue
            if best is None or session_order(session) < session_order(best):
                best = session
            break
    return best


def session_over(session: Session, after: time) -> bool:
    """Tell whether a session of the day is over by ``after``."""
    if runs_past_midnight(session.opens, session.closes):
        return False
    ends = session.closes or session.opens
    return ends is not None and ends <= after


def runs_past_midnight(opens: time | None, closes: time | None) -> bool:
    """Tell whether a session that opens and closes then ends on the day after; the same time twice is a whole day."""
    return opens is not None and closes is not None and closes <= opens


def session_order(session: Session) -> tuple[date, time]:
    """Return what sessions are sorted by."""
    return session.date, session.opens or time.min


def open_at(timetables: Iterable[Timetable], moment: datetime, *, venue_id: str | None = None) -> Session | None:
    """Return a session that is going on at ``moment``, or ``None``. A session without both its times never is.

    ``moment`` without a zone is wall-clock time in London. Raises nothing.
    """
    here = (moment if moment.tzinfo else moment.replace(tzinfo=LONDON)).astimezone(UTC)
    today = here.astimezone(LONDON).date()
    for timetable in timetables:
        if venue_id is not None and timetable.venue_id not in (None, venue_id):
            continue
        for session in sessions(timetable, today - timedelta(days=1), today):
            spell = session_spell(session)
            if spell is not None and spell[0] <= here < spell[1]:
                return session
    return None


PARTS = {"morning": (time.min, time(12)), "afternoon": (time(12), time(17)), "evening": (time(17), time.max)}


def fits(
    timetables: Iterable[Timetable], start: date, end: date, *, after: time | None, days: frozenset[str], part: str | None
) -> bool:
    """Tell whether there is a session from ``start`` to ``end`` on one of ``days`` (any if empty) that reaches into
    ``part`` of the day. ``after``: not one of the first day that is over by then. Unknown terms are taken as in term."""
    for timetable in timetables:
        for session in sessions(timetable, start, end, hopeful=True):
            if session.date == start and after is not None and session_over(session, after):
                continue
            if (not days or DAYS[session.date.weekday()] in days) and (part is None or _reaches(session, part)):
                return True
    return False


def _reaches(session: Session, part: str) -> bool:
    begin, end = PARTS[part]
    if session.opens is None or session.opens >= end:
        return False
    return (
        session.opens >= begin or runs_past_midnight(session.opens, session.closes) or (session.closes or session.opens) > begin
    )


def session_spell(session: Session) -> tuple[datetime, datetime] | None:
    """Return when a session begins and ends, in UTC; ``None`` if the record does not say both."""
    if session.opens is None or session.closes is None:
        return None
    closing_day = session.date + timedelta(days=runs_past_midnight(session.opens, session.closes))
    begin = datetime.combine(session.date, session.opens, tzinfo=LONDON)
    # Of an hour that the clock strikes twice, the first to open and the second to close.
    end = datetime.combine(closing_day, session.closes, tzinfo=LONDON).replace(fold=1)
    return begin.astimezone(UTC), end.astimezone(UTC)


def all_over(timetables: Iterable[Timetable], at: date) -> bool:
    """Tell whether there are timetables and every one of them ended before ``at`` (a course that has finished)."""
    ends = [last_day(timetable) for timetable in timetables]
    return bool(ends) and all(end is not None and end < at for end in ends)


def last_day(timetable: Timetable) -> date | None:
    """Return the day after which a timetable has nothing more, or ``None`` if nobody has said."""
    extra = max((item.date for item in timetable.extra or ()), default=date.min)
    if timetable.freq is None:
        single = timetable.dtstart or timetable.valid_to
        return max(single, extra) if single else (extra if timetable.extra else None)
    known = [day for day in (timetable.valid_to, timetable.until) if day is not None]
    return max(min(known), extra) if known else None
