"""An estimate of the minutes that staff work on cases, from the record of what they looked at and did.

Nobody's time is measured. What somebody does on a case counts until the next thing that they do, if that comes soon; else a little. What is
thought, telephoned or spoken of elsewhere is not in it, and a page left open is hardly in it. Whose minutes they are is not kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.insight.measures import Cell, Span
from bot.storage.tables import Case, StaffAudit

SOON = timedelta(minutes=10)
"""A longer gap says that somebody did something else meanwhile."""

ALONE = timedelta(minutes=2)
"""What the last thing before such a gap counts."""

MOST = timedelta(hours=2)
"""Of one case on one day, so that none can outweigh all others of its month."""

CASE = "case:"


def work(session: Session, span: Span) -> Iterator[Cell]:
    """Minutes of a day by level of case, and the cases worked on, each once a month."""
    spent = _spent(session, span)
    if not spent:
        return
    earlier = _earlier_this_month(session, span)
    columns = (Case.id, Case.area_id, Case.level)
    for case_id, area, level in session.execute(select(*columns).where(Case.id.in_(list(spent)))):
        if case_id not in earlier:
            yield Cell(area or "", "work:cases", level)
        minutes = max(1, round(min(spent[case_id], MOST) / timedelta(minutes=1)))
        yield from (Cell(area or "", "work:minutes", level) for _ in range(minutes))


def _spent(session: Session, span: Span) -> dict[int, timedelta]:
    """Time by case, of all staff together."""
    columns = (StaffAudit.staff_id, StaffAudit.subject, StaffAudit.at)
    query = select(*columns).where(span.holds(StaffAudit.at), StaffAudit.staff_id.is_not(None))
    acts: dict[int | None, list[tuple[datetime, str]]] = defaultdict(list)
    for staff_id, subject, at in session.execute(query.order_by(StaffAudit.at, StaffAudit.id)):
        acts[staff_id].append((at, subject))
    spent: Counter[int] = Counter()
    for of_one in acts.values():
        for (at, subject), (after, _) in pairwise([*of_one, (span.end + SOON, "")]):
            if (case_id := _case_of(subject)) is not None:
                spent[case_id] += round((after - at if after - at <= SOON else ALONE).total_seconds())
    return {case_id: timedelta(seconds=seconds) for case_id, seconds in spent.items()}


def _earlier_this_month(session: Session, span: Span) -> set[int | None]:
    query = select(StaffAudit.subject).where(
        StaffAudit.at >= span.month, StaffAudit.at < span.start, StaffAudit.subject.startswith(CASE)
    )
    return {_case_of(subject) for subject in session.scalars(query.distinct())}


def _case_of(subject: str) -> int | None:
    number = subject.removeprefix(CASE)
    return int(number) if number != subject and number.isascii() and number.isdigit() else None
