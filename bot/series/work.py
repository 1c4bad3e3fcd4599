"""Sending what is due: part of the sweep. Most people are queued many at a time (`bot.series.bulk`); whoever is out of the ordinary has a
transaction of their own here. Subscriptions are locked, and a step's key is unique, so that any number of processes send each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, and_, func, literal, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.delivery.can_send import WINDOW_CLOSED, Verdict, can_send
from bot.delivery.outbox import enqueue
from bot.delivery.sender import standing
from bot.delivery.templates import standing_of
from bot.library.series import Series
from bot.messages import MessageClass, Reply
from bot.series import store
from bot.series.bulk import Bulk
from bot.series.plan import BORN, CLOSING, Due, choose, next_slot, on_time, start_of
from bot.series.usual import SERIOUS
from bot.series.words import TEMPLATE, Sending, reply_of, template_reply
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, Inbox, Outbox, Person, PersonAddress, SeriesStep, SeriesSubscription

MOST = 200
"""Subscriptions looked at one by one in one sweep."""

SECONDS = 5.0
"""How long one sweep queues for many at a time: its other work waits meanwhile."""

PAUSE = 0.01
"""Seconds between two batches, in which others get at the database."""

MOST_A_DAY = 2
"""Messages of series that one person gets in a day, however many they asked for."""

ASKED_FOR = timedelta(days=60)
"""How long a question of ours, or last words, wait for somebody to write."""

GIVEN_UP_AT_ONCE = 1_000

IS_WAITING = SeriesStep.state == literal("waiting", literal_execute=True)
"""Written out, not bound, so that the indexes of waiting rows alone may be used: the sweep asks every few seconds."""

Act = Callable[[Session, Sending, int, datetime], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`queued` messages; `people` are those who were looked at one by one, and may have a page open."""

    queued: int
    people: tuple[int, ...]


def send_due(sending: Sending, moment: datetime, seconds: float = SECONDS) -> Done:
    """Send what is due, and what waited for somebody who has written since. Blocking."""
    sending.renderer.library.refresh()
    queued, told, failed = _send_many(sending, moment, seconds)
    with sending.database.read() as session:
        last = select(func.max(SeriesStep.id)).where(SeriesStep.subscription_id == SeriesSubscription.id).scalar_subquery()
        query = select(SeriesSubscription.id).where(SeriesSubscription.next_at <= moment)
        if not failed:  # those who are active are batches' work, in the next sweep if time was up
            query = query.where(SeriesSubscription.state != "active")
        due = session.scalars(query.order_by(SeriesSubscription.next_at, func.coalesce(last, 0)).limit(MOST)).all()
        waiting = session.scalars(_may_have_written(sending, moment)).all()
    told += _one_by_one(_send_one, sending, due, moment) + _one_by_one(_release, sending, waiting, moment)
    _give_up_old(sending, moment)
    return Done(queued=queued + len(told), people=tuple(told))


def _send_many(sending: Sending, moment: datetime, seconds: float) -> tuple[int, list[int], bool]:
    """Batch after batch until nobody is left or time is up: how many were queued, who besides was looked at alone and told, and whether
    a batch failed."""
    bulk, queued, end = Bulk(sending=sending, moment=moment), 0, time.monotonic() + seconds
    told: list[int] = []
    while True:
        try:
            with sending.database.write() as session:
                batch = bulk.batch(session)
        except IntegrityError:
            return queued, told, True  # another process has sent some of them, or they cannot be sent: one by one it shows whom
        queued += batch.queued
        told += _one_by_one(_send_one, sending, batch.left[:MOST], moment)
        if not batch.full or time.monotonic() > end:
            break
        time.sleep(PAUSE)
    return queued, told, False


def _one_by_one(act: Act, sending: Sending, ids: Iterable[int], moment: datetime) -> list[int]:
    told = []
    for row_id in ids:
        try:
            with sending.database.write() as session:
                person_id = act(session, sending, row_id, moment)
        except IntegrityError:  # another process has sent it, or what came once cannot come again
            if act is _send_one:
                _pass_over(sending, row_id, moment)
            continue
        if person_id is not None:
            told.append(person_id)
    return told


def _pass_over(sending: Sending, row_id: int, moment: datetime) -> None:
    """What could not be written, and was not written by another process, must not stand in front of everybody else for ever."""
    with sending.database.write() as session:
        row = session.get(SeriesSubscription, row_id, with_for_update=True)
        if row is not None and row.next_at is not None and row.next_at <= moment:
            store.schedule(session, sending.all_series, row, moment)


def _may_have_written(sending: Sending, moment: datetime) -> Select[int]:
    """What waits for people who have been here since it was kept. Of many thousands who do not write none is looked at."""
    lately = moment - timedelta(days=sending.all_series.settings.hold_days + 1)
    here = (PersonAddress.person_id == SeriesStep.person_id, PersonAddress.last_seen_at > SeriesStep.at)
    query = select(SeriesStep.id).join(PersonAddress, and_(*here)).where(IS_WAITING, PersonAddress.last_seen_at > lately)
    return query.order_by(SeriesStep.id).distinct().limit(MOST)


def _give_up_old(sending: Sending, moment: datetime) -> None:
    """What has waited past its last day is missed. A day later than need be, so that it is over on every clock."""
    yesterday = (moment - timedelta(days=1)).date().isoformat()
    old = select(SeriesStep.id).where(IS_WAITING, SeriesStep.until < yesterday).limit(GIVEN_UP_AT_ONCE)
    with sending.database.read() as session:
        ids = session.scalars(old).all()
    if ids:
        with sending.database.write() as session:
            session.execute(
                update(SeriesStep).where(SeriesStep.id.in_(ids), SeriesStep.state == "waiting").values(state="missed")
            )


def _send_one(session: Session, sending: Sending, row_id: int, moment: datetime) -> int | None:
    """What is due of one subscription; returns the person, if something was queued for them."""
    query = select(SeriesSubscription).where(SeriesSubscription.id == row_id, SeriesSubscription.next_at <= moment)
    row = session.scalar(query.with_for_update(skip_locked=True))
    if row is None or row.next_at is None:
        return None
    person = session.scalar(select(Person).where(Person.id == row.person_id).with_for_update())
    assert person is not None
    if (over := _over(session, row, person)) is not None:
        store.end(session, row, over, moment)
        return None
    series, zone = sending.all_series.by_id.get(row.series), store.zone_of(session, person)
    at, settings = row.next_at, sending.all_series.settings
    day = at.astimezone(zone).date()
    held = _held(session, sending, row, moment)
    if held is not None or series is None or not on_time(at, moment, zone, settings) or _enough(session, row, day):
        if held is not None:
            row.state, row.reason = "held", held[0]
        store.schedule(session, sending.all_series, row, held[1] if held is not None else moment)
        return None
    row.state, row.reason = "active", None
    whom = store.whom_of(session, row, series)
    if whom is None:
        store.end(session, row, "child", moment)
        return None
    due = choose(series, whom, store.sent_of(session, row), day, sending.renderer.library.messages)
    if due is None:
        row.next_at = next_slot(store.choices_of(row), store.sent_of(session, row).last, moment, zone, settings)
        return None
    until = (
        due.step.at.on(start_of(series, whom)) + timedelta(days=due.step.for_days) if due.step is not None else day + ASKED_FOR
    )
    return _give(session, sending, row, person, series, due, day, until, moment)


def _over(session: Session, row: SeriesSubscription, person: Person) -> str | None:
    """Why nothing of it comes ever again, if so; `can_send` would refuse too, but this ends it."""
    if person.stopped_at is not None or person.forgotten_at is not None:
        return "stop"
    if person.bereaved_at is not None:
        return "bereaved"
    return "blocked" if address_of(session, person.id) is None else None


def address_of(session: Session, person_id: int) -> PersonAddress | None:
    """Where they last wrote from and can be reached."""
    query = select(PersonAddress).where(
        PersonAddress.person_id == person_id, PersonAddress.unreachable_at.is_(None), PersonAddress.retired_at.is_(None)
    )
    return session.scalar(query.order_by(PersonAddress.last_seen_at.desc(), PersonAddress.id.desc()).limit(1))


def _held(session: Session, sending: Sending, row: SeriesSubscription, moment: datetime) -> tuple[str, datetime] | None:
    """Why nothing may come now although it is due, and until when to wait before looking again."""
    since = moment - timedelta(days=sending.all_series.settings.hold_days)
    query = select(func.max(Inbox.received_at)).where(Inbox.person_id == row.person_id, Inbox.level.in_(SERIOUS))
    last = session.scalar(query)
    if last is not None and last > since:
        return "danger", last + timedelta(days=sending.all_series.settings.hold_days)
    case = select(Case.id).where(
        Case.person_id == row.person_id, Case.state != "closed", or_(Case.state == "claimed", Case.level.in_(SERIOUS))
    )
    if session.scalar(case.limit(1)) is not None:
        return "person", moment
    return ("unsafe", moment) if session.get_one(Person, row.person_id).contact_unsafe else None


def _enough(session: Session, row: SeriesSubscription, day: date) -> bool:
    query = select(func.count()).select_from(SeriesStep).where(SeriesStep.person_id == row.person_id)
    return (session.scalar(query.where(SeriesStep.day == day.isoformat())) or 0) >= MOST_A_DAY


def _give(
    session: Session,
    sending: Sending,
    row: SeriesSubscription,
    person: Person,
    series: Series,
    due: Due,
    day: date,
    until: date,
    moment: datetime,
) -> int | None:
    """Queue it, or keep it until they write where only the channel's window is in the way."""
    address = address_of(session, person.id)
    assert address is not None
    reply = reply_of(row, series, due)
    key = f"series:{row.id}:{due.id}{row.asked_born + 1 if due.kind == BORN else ''}"
    verdict = _verdict(session, sending, row, address, moment)
    if verdict.decision != "send" and verdict.reason != WINDOW_CLOSED:
        row.next_at = next_slot(
            store.choices_of(row),
            store.sent_of(session, row).last,
            moment,
            store.zone_of(session, person),
            sending.all_series.settings,
        )
        return None
    waits = verdict.reason == WINDOW_CLOSED
    step = SeriesStep(
        subscription_id=row.id,
        person_id=person.id,
        child_id=row.child_id or 0,
        series=row.series,
        step=f"{due.id}-{row.asked_born + 1}" if due.kind == BORN else due.id,
        version=due.step.version if due.step is not None else "",
        message=due.message,
        state="waiting" if waits else "sent",
        outbox_key=None if waits else key,
        day=day.isoformat(),
        until=until.isoformat(),
        at=moment,
    )
    session.add(step)
    session.flush()
    if waits:
        _tell(session, sending, row, person, address, step, moment)
    else:
        _queue(session, sending, person, address, reply, key)
    _afterwards(session, sending, row, due, moment)
    return person.id


def _afterwards(session: Session, sending: Sending, row: SeriesSubscription, due: Due, moment: datetime) -> None:
    if due.kind == BORN:
        row.asked_born += 1
        row.state, row.reason, row.next_at, row.ask_from = "held", "born", None, None
    elif due.kind == CLOSING:
        store.end(session, row, "finished", moment)
    else:
        store.schedule(session, sending.all_series, row, moment)


def _verdict(session: Session, sending: Sending, row: SeriesSubscription, address: PersonAddress, moment: datetime) -> Verdict:
    found = standing(
        session, row.person_id, address, unasked=f"series:{row.id}:", quiet=sending.all_series.settings, moment=moment
    )
    return can_send(found, MessageClass.SERIES)


def _queue(session: Session, sending: Sending, person: Person, address: PersonAddress, reply: Reply, key: str) -> Outbox:
    row = enqueue(
        session, sending.keyring, sending.renderer, reply, key=key, person_id=person.id, address_id=address.id,
        channel=address.channel, language=person.language, nation=person.nation, campaign=person.campaign,
    )  # fmt: skip
    session.flush()
    return row


def _tell(
    session: Session,
    sending: Sending,
    row: SeriesSubscription,
    person: Person,
    address: PersonAddress,
    step: SeriesStep,
    moment: datetime,
) -> None:
    """The channel takes no free words: an approved template says that something is here, once until they write; else it waits."""
    session.execute(
        update(SeriesStep)
        .where(SeriesStep.person_id == person.id, SeriesStep.state == "waiting", SeriesStep.id != step.id)
        .where(SeriesStep.subscription_id == row.id)
        .values(state="missed")
    )
    query = select(func.count()).select_from(SeriesStep)
    unread = query.where(SeriesStep.person_id == person.id, SeriesStep.told.is_(True), SeriesStep.at > address.last_seen_at)
    templates = sending.renderer.library.templates.by_id
    if TEMPLATE not in templates or person.language not in templates[TEMPLATE].words or session.scalar(unread):
        return
    name = templates[TEMPLATE].name(person.language)
    template = standing_of(session, address.channel, name, person.language)
    found = standing(
        session, person.id, address, template, unasked=f"series:{row.id}:", quiet=sending.all_series.settings, moment=moment
    )
    if can_send(found, MessageClass.SERIES).decision != "send":
        note_incident(session, "series-template", f"{person.language}: {can_send(found, MessageClass.SERIES).reason}")
        return
    _queue(session, sending, person, address, template_reply(sending, person.area_id), f"series:{row.id}:{step.step}:t")
    step.told = True


def _release(session: Session, sending: Sending, step_id: int, moment: datetime) -> int | None:
    """Send what waited, if they have written since and it is still of use; give it up once its days are over."""
    step = session.scalar(
        select(SeriesStep).where(SeriesStep.id == step_id, SeriesStep.state == "waiting").with_for_update(skip_locked=True)
    )
    if step is None:
        return None
    row, person = session.get_one(SeriesSubscription, step.subscription_id), session.get_one(Person, step.person_id)
    zone = store.zone_of(session, person)
    if step.until is not None and store.this_day(moment, zone) > step.until:
        step.state = "missed"
        return None
    series = sending.all_series.by_id.get(row.series)
    due = waiting_due(series, step) if series is not None else None
    address = address_of(session, person.id)
    if series is None or due is None or (row.state not in ("active", "held") and due.kind != CLOSING) or address is None:
        step.state = "missed"
        return None
    if _over(session, row, person) is not None or _held(session, sending, row, moment) is not None:
        return None
    if _verdict(session, sending, row, address, moment).decision != "send":
        return None
    step.state, step.outbox_key = "sent", f"series:{row.id}:{step.step}"
    _queue(session, sending, person, address, reply_of(row, series, due), step.outbox_key)
    return person.id


def waiting_due(series: Series, step: SeriesStep) -> Due | None:
    """What a step that waits is by the data of now; None where it has been taken out."""
    if step.step == CLOSING:
        return Due(CLOSING)
    if step.step.startswith(f"{BORN}-"):
        return Due(BORN)
    return next(
        (Due("step", one, step.message) for one in series.steps if one.id == step.step and step.message in one.messages()), None
    )
