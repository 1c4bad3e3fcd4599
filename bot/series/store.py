"""Who asked for which series, and what of it has come to them. Functions take an open session and never commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from bot.library.series import AllSeries, Series
from bot.people.people import not_here_yet
from bot.series.plan import BORN, Choices, Sent, Whom, next_slot
from bot.storage.tables import Area, Child, Consent, Outbox, Person, PersonAddress, SeriesStep, SeriesSubscription, now

LIVE = ("active", "paused", "held")
UNDOES = ("stop", "bereaved", "asked", "apart", "blocked", "staff")
"""Reasons of an end that staff may find to be wrong."""

AUDIENCES = {
    "dad": "dad-or-partner",
    "partner": "dad-or-partner",
    "grandparent": "grandparent-or-carer",
    "carer": "grandparent-or-carer",
}
DEFAULT_ZONE = "Europe/London"


class CannotUndo(ValueError):
    """The end is not one that staff may take back; `code` is `ended`, `bereaved`, `apart` or `forgotten`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """How somebody agreed: by which channel, with which message, to which words."""

    by: str
    inbox_id: int | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for. `month` is the month named for a series around a date; `early` months that a child came too soon."""

    series: str
    child_id: int | None
    choices: Choices
    month: str | None = None
    early: int = 0


def zone_of(session: Session, person: Person) -> ZoneInfo:
    """The clock on the person's wall: that of their area."""
    area = session.get(Area, person.area_id) if person.area_id else None
    return ZoneInfo(area.timezone if area is not None else DEFAULT_ZONE)


def choices_of(row: SeriesSubscription) -> Choices:
    return Choices(days=frozenset(int(day) for day in row.days), hour=row.hour, pace=row.pace)


def audience_of(role: str | None, series: Series) -> str | None:
    """For whom the words of a series are to be, by who somebody is."""
    return AUDIENCES.get(role or "") or next(iter(series.audience), None)


def whom_of(session: Session, row: SeriesSubscription, series: Series) -> Whom | None:
    """Whom the series is for, as is known now; None where the child it goes by is not known any more."""
    person = session.get_one(Person, row.person_id)
    child = session.get(Child, row.child_id) if row.child_id else None
    month = child.born_or_due if series.by_age and child is not None else row.month
    if month is None:
        return None
    asked = session.scalar(
        select(SeriesStep.day).where(*_of(row), SeriesStep.step.startswith(BORN)).order_by(SeriesStep.id.desc()).limit(1)
    )
    return Whom(
        month=month,
        due=series.by_age and child is not None and not_here_yet(child),
        early=row.early,
        child=child.born_or_due if child is not None else None,
        nation=person.nation,
        audience=audience_of(person.role, series),
        asked_born=date.fromisoformat(asked) if asked else None,
        ask_from=row.ask_from.astimezone(zone_of(session, person)).date() if row.ask_from else None,
    )


def sent_of(session: Session, row: SeriesSubscription) -> Sent:
    """What has come to them of this series about this child, whenever they joined it."""
    rows = session.execute(select(SeriesStep.step, SeriesStep.message, SeriesStep.day).where(*_of(row))).all()
    last = max((day for _, _, day in rows), default=None)
    return Sent(
        steps=frozenset(step for step, _, _ in rows),
        messages=frozenset(message for _, message, _ in rows),
        last=date.fromisoformat(last) if last else None,
    )


def _of(row: SeriesSubscription) -> tuple[ColumnElement[bool], ...]:
    return (SeriesStep.person_id == row.person_id, SeriesStep.child_id == (row.child_id or 0), SeriesStep.series == row.series)


def live(session: Session, person_id: int) -> Sequence[SeriesSubscription]:
    """What they get, or would if it were not paused or held."""
    query = select(SeriesSubscription).where(SeriesSubscription.person_id == person_id, SeriesSubscription.state.in_(LIVE))
    return session.scalars(query.order_by(SeriesSubscription.id)).all()


def of_person(session: Session, person_id: int) -> Sequence[SeriesSubscription]:
    """All that they ever asked for, newest first."""
    query = select(SeriesSubscription).where(SeriesSubscription.person_id == person_id)
    return session.scalars(query.order_by(SeriesSubscription.id.desc())).all()


def schedule(session: Session, all_series: AllSeries, row: SeriesSubscription, moment: datetime) -> None:
    """Set the next moment at which something may come."""
    zone = zone_of(session, session.get_one(Person, row.person_id))
    row.next_at = next_slot(choices_of(row), sent_of(session, row).last, moment, zone, all_series.settings)


def join(
    session: Session, all_series: AllSeries, person: Person, wanted: Wanted, agreed: Agreed, moment: datetime
) -> SeriesSubscription:
    """Give somebody a series that they asked for. What they have already of it is changed to what they ask for now."""
    for row in live(session, person.id):
        if (row.series, row.child_id) == (wanted.series, wanted.child_id):
            break
    else:
        row = SeriesSubscription(person_id=person.id, child_id=wanted.child_id, series=wanted.series, agreed_by=agreed.by)
        row.early, row.asked_born = 0, 0
        session.add(row)
    row.month, row.early = wanted.month, wanted.early
    row.agreed_at, row.agreed_by, row.agreed_inbox_id, row.agreed_version = moment, agreed.by, agreed.inbox_id, agreed.version
    _choose(row, wanted.choices)
    row.state, row.reason = "active", None
    session.flush()
    schedule(session, all_series, row, moment)
    _note_consent(session, row, given=True, agreed=agreed)
    return row


def change(session: Session, all_series: AllSeries, row: SeriesSubscription, choices: Choices, moment: datetime) -> None:
    """Another day, hour or pace."""
    _choose(row, choices)
    if row.state == "active":
        schedule(session, all_series, row, moment)


def _choose(row: SeriesSubscription, choices: Choices) -> None:
    row.days, row.hour, row.pace = "".join(map(str, sorted(choices.days))), choices.hour, choices.pace


def pause(row: SeriesSubscription) -> None:
    """Nothing comes until they say so."""
    if row.state in LIVE:
        row.state, row.reason, row.next_at = "paused", None, None


def resume(session: Session, all_series: AllSeries, row: SeriesSubscription, moment: datetime) -> None:
    if row.state == "paused":
        row.state, row.reason = "active", None
        schedule(session, all_series, row, moment)


def end(session: Session, row: SeriesSubscription, reason: str, moment: datetime | None = None) -> None:
    """End one, with what is queued of it. Repeating it changes nothing."""
    if row.state not in LIVE:
        return
    row.state, row.reason, row.next_at, row.ended_at = "ended", reason, None, moment or now()
    if reason == "finished":
        return
    queued = (
        Outbox.person_id == row.person_id,
        Outbox.state == "queued",
        Outbox.key.startswith(f"series:{row.id}:", autoescape=True),
    )
    session.execute(update(Outbox).where(*queued).values(state="refused", open=0, reason="they no longer get this series"))
    if reason in ("stop", "asked", "apart", "staff"):
        _note_consent(session, row, given=False, agreed=Agreed(by=reason))


def end_all(session: Session, person_id: int, reason: str) -> int:
    """End all that they get; returns how many."""
    rows = live(session, person_id)
    for row in rows:
        end(session, row, reason)
    return len(rows)


def end_if_blocked(session: Session, person_id: int) -> None:
    """End all, where they cannot be reached any more in any way."""
    reachable = select(PersonAddress.id).where(
        PersonAddress.person_id == person_id, PersonAddress.unreachable_at.is_(None), PersonAddress.retired_at.is_(None)
    )
    session.flush()
    if session.scalar(reachable.limit(1)) is None:
        end_all(session, person_id, "blocked")


def apart(session: Session, child: Child, moment: datetime, reason: str = "apart") -> None:
    """The child does not live with them now, or (`reason` child) something has gone wrong: all that is about it ends."""
    child.apart_at = child.apart_at or moment
    for row in live(session, child.person_id):
        if row.child_id == child.id:
            end(session, row, reason, moment)


def born(session: Session, all_series: AllSeries, child: Child, month: str, moment: datetime) -> None:
    """The baby is here, born in `month`: what waited for that goes on."""
    child.born_or_due, child.arrived_at = month, moment
    for row in live(session, child.person_id):
        if row.child_id == child.id and (row.state, row.reason) == ("held", "born"):
            row.state, row.reason = "active", None
            schedule(session, all_series, row, moment)


def not_yet(session: Session, all_series: AllSeries, child: Child, moment: datetime) -> None:
    """The baby is not here yet: asked again after a while."""
    for row in live(session, child.person_id):
        if row.child_id == child.id and (row.state, row.reason) == ("held", "born"):
            row.ask_from = moment + timedelta(days=all_series.settings.ask_again_days)
            row.state, row.reason = "active", None
            schedule(session, all_series, row, row.ask_from)


def undo_end(session: Session, all_series: AllSeries, row: SeriesSubscription, moment: datetime) -> None:
    """Take back an end that was wrong. A parent's stop is taken back with it. Raises `CannotUndo`."""
    person = session.get_one(Person, row.person_id)
    if (
        row.state != "ended"
        or row.reason not in UNDOES
        or any((one.series, one.child_id) == (row.series, row.child_id) for one in live(session, row.person_id))
    ):
        raise CannotUndo("ended")
    if person.forgotten_at is not None:
        raise CannotUndo("forgotten")
    if person.bereaved_at is not None:
        raise CannotUndo("bereaved")
    child = session.get(Child, row.child_id) if row.child_id else None
    if child is not None and row.reason == "apart":
        child.apart_at = None
    if row.reason == "stop":
        person.stopped_at = None
    row.state, row.reason, row.ended_at = "active", None, None
    schedule(session, all_series, row, moment)
    _note_consent(session, row, given=True, agreed=Agreed(by="staff"))


def _note_consent(session: Session, row: SeriesSubscription, *, given: bool, agreed: Agreed) -> None:
    session.add(
        Consent(
            person_id=row.person_id,
            category=f"series:{row.series}"[:30],
            given=given,
            method=agreed.by,
            inbox_id=agreed.inbox_id,
            wording_version=agreed.version,
        )
    )


def consented(session: Session, outbox_key: str) -> bool:
    """Whether who is to get an outgoing message of a series still gets that series, or is to get its last words."""
    _, _, rest = outbox_key.partition(":")
    number = rest.partition(":")[0]
    row = session.get(SeriesSubscription, int(number)) if number.isdigit() else None
    if row is None:
        return False
    return row.state == "active" or (row.state, row.reason) in (("ended", "finished"), ("held", "born"))


def this_day(moment: datetime, zone: ZoneInfo) -> str:
    """The day by the clock of the area."""
    return moment.astimezone(zone).date().isoformat()
