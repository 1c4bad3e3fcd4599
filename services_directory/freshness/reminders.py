"""Whom to ask by e-mail to check their records, and when: once a cycle, with one follow-up. Sends nothing itself."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.freshness.due import Checked, due, due_on
from services_directory.freshness.policy import Policy
from services_directory.freshness.tables import CheckLink, Reminder, ReviewCycle

LONDON = ZoneInfo("Europe/London")
TRIES = 3
PAUSE = timedelta(hours=1)
CHECKED_STATES = ("active", "temporarily closed")
# Strict on purpose: an address comes from a feed, and stands in the headers of an e-mail.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\.[A-Za-z]{2,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An e-mail that is due to an organisation: the first of a cycle, or its follow-up. ``service_ids`` in order of need."""

    organisation_id: str
    organisation: str
    address: str
    begun_on: date
    number: int
    service_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What went to an organisation last: when its newest cycle began, how many e-mails it had, about which services."""

    begun_on: date
    numbers: frozenset[int]
    service_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A letter as recorded: its row's id, and the link's id for each service."""

    reminder_id: str
    letter: Letter
    link_ids: Mapping[str, str]


def usable(address: str | None) -> str | None:
    """Return an e-mail address that a letter can go to, or ``None``."""
    address = (address or "").strip()
    return address if _ADDRESS.fullmatch(address) else None


def letter_of(records: Sequence[Checked], address: str | None, past: Past | None, today: date, policy: Policy) -> Letter | None:
    """Return the e-mail that one organisation is due today, if any. ``records``: all of its services, at least one."""
    to, waiting = usable(address), due(records, today)
    if to is None or not waiting:
        return None
    first = waiting[0]
    if past is not None and today < past.begun_on + timedelta(days=first.cycle_days):
        asked = tuple(record.service_id for record in waiting if record.service_id in past.service_ids)
        if 2 in past.numbers or not asked or today < past.begun_on + timedelta(days=policy.follow_up_days):
            return None
        begun_on, number, service_ids = past.begun_on, 2, asked
    else:
        soon = due(records, today + timedelta(days=policy.ahead_days))
        ordered = [*waiting, *(record for record in soon if record not in waiting)]
        begun_on, number, service_ids = today, 1, tuple(record.service_id for record in ordered)
    return Letter(
        organisation_id=first.organisation_id,
        organisation=first.organisation,
        address=to,
        begun_on=begun_on,
        number=number,
        service_ids=service_ids,
    )


def letters(session: Session, today: date, policy: Policy) -> list[Letter]:
    """Return the e-mails that are due, no more than the day still allows, the longest overdue first."""
    start = datetime(today.year, today.month, today.day, tzinfo=LONDON)
    written = session.scalar(select(func.count()).select_from(Reminder).where(Reminder.written_at >= start)) or 0
    room = policy.mails_a_day - written
    if room <= 0:
        return []
    by_organisation: dict[str, list[Checked]] = {}
    for record in checked_records(session, policy):
        by_organisation.setdefault(record.organisation_id, []).append(record)
    emails = select(models.Organisation.id, models.Organisation.email).where(models.Organisation.email.is_not(None))
    addresses = dict(session.execute(emails).tuples().all())
    past = _past(session)
    found = [
        (min((due_on(record) or date.min for record in records), default=date.max), letter)
        for organisation_id, records in by_organisation.items()
        if (letter := letter_of(records, addresses.get(organisation_id), past.get(organisation_id), today, policy)) is not None
    ]
    found.sort(key=lambda pair: (pair[0], pair[1].organisation_id))
    return [letter for _, letter in found[:room]]


def checked_records(session: Session, policy: Policy, area_id: str | None = None) -> list[Checked]:
    """Return what is shown to parents or only closed for now, of all areas or of one, with each organisation's cycle."""
    service, organisation = models.Service, models.Organisation
    query = (
        select(
            service.id, service.organisation_id, service.area_id, service.name, organisation.name, service.assured_date,
            ReviewCycle.days,
        )
        .join(organisation, organisation.id == service.organisation_id)
        .outerjoin(ReviewCycle, ReviewCycle.organisation_id == organisation.id)
        .where(service.approval == "approved", service.status.in_(CHECKED_STATES))
    )  # fmt: skip
    if area_id is not None:
        query = query.where((service.area_id == area_id) | service.area_id.is_(None))
    return [
        Checked(
            service_id=service_id,
            organisation_id=organisation_id,
            area_id=area,
            name=name,
            organisation=organisation_name,
            assured=assured,
            cycle_days=days or policy.review_days,
        )
        for service_id, organisation_id, area, name, organisation_name, assured, days in session.execute(query)
    ]


def how_many_due(session: Session, policy: Policy, today: date, area_id: str | None = None) -> int:
    """Return how many records are due, as ``due`` over ``checked_records`` would, without reading them."""
    service = models.Service
    cycles = {policy.review_days, *session.scalars(select(ReviewCycle.days).distinct())}
    days = func.coalesce(ReviewCycle.days, policy.review_days)
    over = [and_(days == cycle, service.assured_date <= today - timedelta(days=cycle)) for cycle in sorted(cycles)]
    query = (
        select(func.count())
        .select_from(service)
        .outerjoin(ReviewCycle, ReviewCycle.organisation_id == service.organisation_id)
        .where(service.approval == "approved", service.status.in_(CHECKED_STATES))
        .where(or_(service.assured_date.is_(None), service.assured_date > today, *over))
    )
    if area_id is not None:
        query = query.where((service.area_id == area_id) | service.area_id.is_(None))
    return session.scalar(query) or 0


def begin(session: Session, letter: Letter, moment: datetime, policy: Policy) -> Begun | None:
    """Record a letter and make its links; ``None`` if another process has. Call inside ``writing``: writers take turns."""
    there = select(Reminder.id).where(
        Reminder.organisation_id == letter.organisation_id,
        Reminder.begun_on == letter.begun_on,
        Reminder.number == letter.number,
    )
    if session.scalar(there) is not None:
        return None
    row = Reminder(
        organisation_id=letter.organisation_id,
        begun_on=letter.begun_on,
        number=letter.number,
        address=letter.address,
        written_at=moment,
        tried_at=moment,
    )
    session.add(row)
    session.flush()
    ends = moment + timedelta(days=policy.link_days)
    links = {one: CheckLink(service_id=one, reminder_id=row.id, expires_at=ends) for one in letter.service_ids}
    session.add_all(links.values())
    session.flush()
    return Begun(reminder_id=row.id, letter=letter, link_ids={one: link.id for one, link in links.items()})


def again(session: Session, moment: datetime) -> Begun | None:
    """Take up one letter that a mail server did not take a while ago, if there is one. Call inside ``writing``."""
    row = session.scalars(_untaken(moment)).first()
    if row is None:
        return None
    row.state, row.tries, row.tried_at = "sending", row.tries + 1, moment
    links = session.scalars(select(CheckLink).where(CheckLink.reminder_id == row.id, CheckLink.used_at.is_(None))).all()
    name = session.scalar(select(models.Organisation.name).where(models.Organisation.id == row.organisation_id)) or ""
    letter = Letter(
        organisation_id=row.organisation_id,
        organisation=name,
        address=row.address,
        begun_on=row.begun_on,
        number=row.number,
        service_ids=tuple(link.service_id for link in links),
    )
    return Begun(reminder_id=row.id, letter=letter, link_ids={link.service_id: link.id for link in links})


def waits_again(session: Session, moment: datetime) -> bool:
    """Tell whether there is a letter for ``again``."""
    return session.scalars(_untaken(moment)).first() is not None


def _untaken(moment: datetime) -> Select[Reminder]:
    late = (Reminder.state == "retry", Reminder.tried_at <= moment - PAUSE)
    return select(Reminder).where(*late).order_by(Reminder.tried_at).limit(1)


def record(session: Session, reminder_id: str, status: str, reason: str, moment: datetime) -> None:
    """Write down what came of a letter. ``status``: sent, retry or failed; ``reason`` holds no address."""
    row = session.get(Reminder, reminder_id)
    if row is None:
        return
    row.reason = reason[:200] or None
    if status == "sent":
        row.state, row.sent_at = "sent", moment
    else:
        row.state = "retry" if status == "retry" and row.tries < TRIES else "failed"


def reminders_of(session: Session, organisation_ids: Iterable[str]) -> dict[str, Reminder]:
    """Return the newest e-mail to each organisation that had one."""
    ids = list(dict.fromkeys(organisation_ids))
    found: dict[str, Reminder] = {}
    for start in range(0, len(ids), 500):
        query = select(Reminder).where(Reminder.organisation_id.in_(ids[start : start + 500]))
        for row in session.scalars(query.order_by(Reminder.begun_on, Reminder.number)):
            found[row.organisation_id] = row
    return found


def _past(session: Session) -> dict[str, Past]:
    begun = select(Reminder.organisation_id, func.max(Reminder.begun_on)).group_by(Reminder.organisation_id)
    newest: dict[str, date] = dict(session.execute(begun).tuples().all())
    numbers: dict[str, set[int]] = {}
    services: dict[str, set[str]] = {}
    query = select(Reminder.organisation_id, Reminder.begun_on, Reminder.number, CheckLink.service_id).outerjoin(
        CheckLink, CheckLink.reminder_id == Reminder.id
    )
    for organisation_id, begun_on, number, service_id in session.execute(query):
        if begun_on == newest[organisation_id]:
            numbers.setdefault(organisation_id, set()).add(number)
            services.setdefault(organisation_id, set()).update({service_id} if service_id else ())
    return {
        one: Past(begun_on=day, numbers=frozenset(numbers[one]), service_ids=frozenset(services.get(one, ())))
        for one, day in newest.items()
    }
