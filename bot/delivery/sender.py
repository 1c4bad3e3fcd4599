"""The sender: claims outbox rows of pushing channels, asks `can_send`, sends, records the outcome.

One person's messages of one urgency go out in order, one at a time; safety words overtake the rest. A row is marked `sending` and
committed before the provider is called, so that a crash between the provider's acceptance and our mark is known: safety
messages, replies and practitioners' words are then sent again (a double is better than silence), anything unasked is not. Where the
provider's receipts carry our mark, what was accepted after all is known by then and is not sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.channels import Channel, MarkingChannel
from bot.delivery import breaker
from bot.delivery.can_send import UNASKED, WINDOW_CLOSED, Standing, TemplateStanding, Verdict, can_send, window_until
from bot.delivery.held import hold, may_be_held
from bot.delivery.hub import Hub, wait_for
from bot.delivery.pace import RATES, Rates, pause, paused, room_for_bulk, wait_for_rate
from bot.delivery.receipts import (
    close_window,
    furthest,
    marketing_consented,
    note_accepted,
    parts_accepted,
    stop_marketing,
)
from bot.delivery.templates import standing_of
from bot.library.series import SeriesSettings
from bot.logs import about
from bot.messages import Button, Delivery, MessageClass, Outbound
from bot.series.store import consented, end_if_blocked, zone_of
from bot.signals import metrics
from bot.storage.claims import ASKED, Fenced, Lease, claim, finish, let_go
from bot.storage.claims import UNASKED as UNASKED_ROWS
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, Dialogue, Inbox, Outbox, Person, PersonAddress, now

log = logging.getLogger(__name__)
TRIES = 8
LONGEST_WAIT = 300.0
UNKNOWN_WAIT = 30.0
"""Seconds that a receipt has to tell what became of a message whose answer was lost."""

UNKNOWN_TRIES = 3
TAKEN_OUT = Verdict("refuse", "its message has been taken out")
REACHED = frozenset({"sent", "unreachable", "hold", "other_address"})
"""What only a provider that works can have said."""

Complete = Callable[[Session, Outbox, Outbound], Outbound | None]
"""Gives a message what it still lacks before it is sent; None if it is not to be sent any more."""

# Built once: they run for every message.
_OPEN_CASE = and_(Case.person_id == Person.id, Case.state != "closed")
_DIALOGUE = Dialogue.person_id == Person.id
_TO_SEND = (
    select(Outbox, Inbox.received_at, PersonAddress, Person, Case, Dialogue)
    .join(PersonAddress, PersonAddress.id == Outbox.address_id)
    .join(Person, Person.id == Outbox.person_id)
    .outerjoin(Inbox, Inbox.id == Outbox.inbox_id)
    .outerjoin(Case, _OPEN_CASE)
    .outerjoin(Dialogue, _DIALOGUE)
    .where(Outbox.id.in_(bindparam("rows", expanding=True)))
)
_STANDING = (
    select(Person, Case, Dialogue)
    .outerjoin(Case, _OPEN_CASE)
    .outerjoin(Dialogue, _DIALOGUE)
    .where(Person.id == bindparam("person"))
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed row, ready to hand to its channel, or a verdict against it."""

    lease: Lease
    person_id: int
    address_id: int
    channel: str
    address: str
    kind: str
    outbound: Outbound
    attempts: int
    verdict: Verdict
    key: str
    unasked: bool
    inbox_id: int | None
    """The message that it answers, with `received_at`, when that came."""
    received_at: datetime | None
    failing: bool = False
    """Whether the provider's last try had failed when this one was claimed."""
    done: int = 0
    """Parts of it that the provider is known to have accepted."""


@dataclass(frozen=True, slots=True)
class _ToSend:
    """A claimed row with everything that its sending depends on."""

    row: Outbox
    received_at: datetime | None
    address: PersonAddress
    person: Person
    case: Case | None
    dialogue: Dialogue | None


class Sender:
    """One per process."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        channels: Mapping[str, Channel],
        hub: Hub,
        *,
        lease_seconds: float,
        look_every: float,
        at_once: int = 8,
        rates: Mapping[str, Rates] = RATES,
        series: SeriesSettings | None = None,
        complete: Complete = lambda session, row, outbound: outbound,
    ) -> None:
        self._complete = complete
        self._series = series or SeriesSettings()
        self._rates = rates
        self._database = database
        self._keyring = keyring
        self._channels = channels
        self._hub = hub
        self._lease_seconds = lease_seconds
        self._look_every = look_every
        self._at_once = at_once
        self._stopping = asyncio.Event()
        self._known: list[tuple[Parcel, Delivery, asyncio.Future[None]]] = []
        """What came of messages, not yet written down, and who waits for that."""
        self._recorder: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Send until `stop`. Each channel on its own: a provider that hangs holds up no other's messages."""
        await asyncio.gather(*(self._run(frozenset({name})) for name in self._channels))

    async def _run(self, channels: frozenset[str]) -> None:
        with self._hub.subscription("outbox") as woken:
            while not self._stopping.is_set():
                woken.clear()
                try:
                    parcels = await asyncio.to_thread(self.claim, self._at_once, channels)
                except Exception as error:  # whatever it is, the sender goes on
                    log.error("claiming outgoing messages failed (%s)", type(error).__name__)
                    parcels = []
                if parcels:
                    await asyncio.gather(*(self.send(parcel) for parcel in parcels))
                else:
                    await wait_for(woken, self._look_every)

    def stop(self) -> None:
        self._stopping.set()
        self._hub.wake("outbox")

    def claim(self, limit: int, channels: Collection[str] | None = None) -> list[Parcel]:
        """Take up to `limit` rows that are due, of `channels` or of all, and mark them `sending`."""
        mine = set(self._channels if channels is None else channels)
        if not mine:
            return []
        with self._database.write() as session, session.no_autoflush:  # what changes of many rows is written together, at the end
            free, failing = mine - paused(session, mine, now()), breaker.failing(session)
            sound = free - failing.open
            parcels = self._take(session, limit, failing, Outbox.channel.in_(sound), ASKED) if sound else []
            for channel in sorted(sound):
                parcels += self._take_unasked(session, limit - len(parcels), failing, channel)
            for channel in sorted(free & failing.open):
                parcels += self._take_through_the_breaker(session, limit, failing, channel)
            return parcels

    def _take_unasked(self, session: Session, limit: int, failing: breaker.Failing, channel: str) -> list[Parcel]:
        """What nobody waits for, once nothing else wants the places, and no more than the channel's rate has room for."""
        rates = self._rates.get(channel)
        most = min(limit, room_for_bulk(session, channel, rates, now())) if rates is not None and limit > 0 else limit
        return self._take(session, most, failing, Outbox.channel == channel, UNASKED_ROWS) if most > 0 else []

    def _take(self, session: Session, limit: int, failing: breaker.Failing, *also: ColumnElement[bool]) -> list[Parcel]:
        leases = claim(session, Outbox, limit, self._lease_seconds, Outbox.due_at <= now(), *also)
        rows = [lease.row_id for lease in leases]
        all_of = {one[0].id: _ToSend(*one) for one in session.execute(_TO_SEND, {"rows": rows})} if rows else {}
        found = [self._readable(session, lease, all_of[lease.row_id]) for lease in leases]
        parcels = [parcel for parcel in found if parcel is not None and self._may_go(session, parcel)]
        return [replace(parcel, failing=parcel.channel in failing.channels) for parcel in parcels]

    def _take_through_the_breaker(self, session: Session, limit: int, failing: breaker.Failing, channel: str) -> list[Parcel]:
        """What goes out on a channel whose circuit is open: safety words, else one message when it is time to try."""
        here = Outbox.channel == channel
        parcels = self._take(session, limit, failing, here, Outbox.message_class == MessageClass.SAFETY.value)
        probe = breaker.probe(session, channel, now())
        if probe is None:
            return parcels
        parcels = parcels or self._take(session, 1, failing, here)
        if any(parcel.verdict.decision == "send" for parcel in parcels):
            probe.probe_at = now() + breaker.PROBE
        return parcels

    def _may_go(self, session: Session, parcel: Parcel) -> bool:
        """Whether the channel's rate has room for it; else it is put back until there is."""
        rates = self._rates.get(parcel.channel)
        if rates is None or parcel.verdict.decision != "send":
            return True
        message_class = parcel.outbound.message_class
        seconds = wait_for_rate(session, parcel.channel, parcel.address_id, message_class, rates, now())
        if seconds:
            due = now() + timedelta(seconds=seconds)
            state = {} if parcel.done else {"state": "queued"}
            let_go(session, Outbox, parcel.lease, due_at=due, attempts=parcel.attempts - 1, **state)
        return not seconds

    def _readable(self, session: Session, lease: Lease, found: _ToSend) -> Parcel | None:
        """The row as a parcel. One that cannot be read is failed: it may not hold up its person's other messages."""
        try:
            return self._parcel(session, lease, found)
        except (KeyMissing, KeyError, TypeError, ValueError) as error:
            log.error("an outgoing message cannot be read (%s)", type(error).__name__)
            finish(session, Outbox, lease, state="failed", reason=f"cannot be read: {type(error).__name__}")
            note_incident(session, "outgoing-unreadable", type(error).__name__)
            return None

    def _parcel(self, session: Session, lease: Lease, found: _ToSend) -> Parcel | None:
        row, address = found.row, found.address
        done, parts = parts_accepted(session, row.id) if row.state == "sending" else (0, 0)
        if parts and done >= parts:  # accepted before the crash or the lost answer
            finish(session, Outbox, lease, state=furthest(session, row.id), sent_at=now())
            return None
        outbound = unpack_outbound(self._keyring.open_json(row.sealed))
        unasked = outbound.message_class in UNASKED
        template, key = template_of(session, row, outbound), row.key if unasked else None
        how = _stands(
            session, found.person, found.case, found.dialogue, address, template, unasked=key, quiet=self._series, moment=now()
        )
        verdict = can_send(how, outbound.message_class)
        if row.state == "sending" and unasked:
            verdict = Verdict("refuse", "it may already have been sent")
        if outbound.message_class is MessageClass.SERIES and row.created_at < now() - timedelta(hours=self._series.late_hours):
            verdict = Verdict("refuse", "its hour is over")
        if verdict.decision == "send":
            whole = self._complete(session, row, outbound)
            outbound, verdict = (whole, verdict) if whole is not None else (outbound, TAKEN_OUT)
        row.state = "sending"
        return Parcel(
            lease=lease,
            person_id=row.person_id,
            address_id=address.id,
            channel=row.channel,
            address=self._keyring.open(address.sealed),
            kind=address.kind,
            outbound=outbound,
            attempts=row.attempts,
            verdict=verdict,
            key=row.key,
            unasked=outbound.message_class in UNASKED,
            inbox_id=row.inbox_id,
            received_at=found.received_at,
            done=done,
        )

    async def send(self, parcel: Parcel) -> None:
        """Hand one parcel to its channel and record what came of it."""
        with _about(parcel):
            await self._send(parcel)
        self._hub.publish(f"person:{parcel.person_id}")

    async def _send(self, parcel: Parcel) -> None:
        try:
            if parcel.verdict.decision == "send":
                delivery = await self._hand_over(parcel)
            else:
                delivery = Delivery(status=parcel.verdict.decision, reason=parcel.verdict.reason)
            await self._recorded(parcel, delivery)
            count(parcel, delivery)
        except Fenced:
            log.warning("an outgoing message was taken over by another sender")
        except Exception as error:
            log.error("sending failed (%s); the lease will end and it is tried again", type(error).__name__)

    async def _hand_over(self, parcel: Parcel) -> Delivery:
        channel = self._channels[parcel.channel]
        if isinstance(channel, MarkingChannel):
            return await channel.send_marked(parcel.address, parcel.kind, parcel.outbound, mark=parcel.key, done=parcel.done)
        return await channel.send(parcel.address, parcel.kind, parcel.outbound)

    async def _recorded(self, parcel: Parcel, delivery: Delivery) -> None:
        """Write down what came of a parcel, together with whatever else is known by the time that the database is free."""
        result = asyncio.get_running_loop().create_future()
        self._known.append((parcel, delivery, result))
        if self._recorder is None or self._recorder.done():
            self._recorder = asyncio.create_task(self._record_known(), context=Context())  # it tells of no one message
        await result

    async def _record_known(self) -> None:
        """In a task of its own: whoever waits for it may be cancelled, and the others wait on."""
        while self._known:
            known, self._known = self._known, []
            try:
                errors = await asyncio.to_thread(self.record_all, [(parcel, delivery) for parcel, delivery, _ in known])
            except BaseException:  # this process is ending
                for *_, result in known:
                    result.cancel()
                raise
            for (_, _, result), error in zip(known, errors, strict=True):
                if not result.done():
                    result.set_exception(error) if error is not None else result.set_result(None)

    def record_all(self, known: Sequence[tuple[Parcel, Delivery]]) -> list[Exception | None]:
        """Bring each row to the state that its delivery says, all in one transaction, or, if one fails, each in its own: in its place is
        what it failed by (`Fenced`, if another took it over)."""
        try:
            with self._database.write() as session:
                for parcel, delivery in known:
                    with _about(parcel):
                        self._record(session, parcel, delivery)
        except Exception as error:
            if len(known) == 1:
                return [error]
        else:
            return [None] * len(known)
        errors: list[Exception | None] = []
        for one in known:
            away = errors and isinstance(errors[-1], OperationalError)  # a database that is away is away for the others too
            errors += [errors[-1]] if away else self.record_all([one])
        return errors

    def _record(self, session: Session, parcel: Parcel, delivery: Delivery) -> None:
        """Bring one row to the state that `delivery` says. Raises `Fenced`."""
        is_open = self._watch_provider(session, parcel, delivery)
        row_id, parts = parcel.lease.row_id, delivery.parts
        first = note_accepted(session, parcel.channel, row_id, delivery.accepted, done=parcel.done, parts=parts)
        # Parts that have gone out stay known by the state: only the rest is sent again.
        begun = {"state": "sending"} if parcel.done or delivery.accepted else {"state": "queued"}
        match delivery.status:
            case "retry" | "unknown" | "failed" if is_open and (delivery.status == "retry" or not parcel.unasked):
                self._keep(session, parcel, delivery, begun)
            case "sent":
                # A receipt may have been faster, or have told of a part that went out before.
                state = "sent" if first and not parcel.done else furthest(session, row_id)
                reason = "told by a receipt" if state == "failed" else None
                finish(session, Outbox, parcel.lease, state=state, provider_id=delivery.provider_id, sent_at=now(), reason=reason)
            case "wait":  # not a failure: it may wait a whole night
                due = now() + timedelta(seconds=delivery.retry_after or LONGEST_WAIT)
                let_go(session, Outbox, parcel.lease, due_at=due, attempts=parcel.attempts - 1, **begun)
            case "unknown" if not parcel.unasked and parcel.attempts < UNKNOWN_TRIES:
                due = now() + timedelta(seconds=UNKNOWN_WAIT)
                let_go(session, Outbox, parcel.lease, state="sending", due_at=due)
            case "retry" if parcel.attempts < TRIES:
                seconds = delivery.retry_after or min(delivery.grows**parcel.attempts, LONGEST_WAIT)
                let_go(session, Outbox, parcel.lease, due_at=now() + timedelta(seconds=seconds), **begun)
            case "refuse" | "hold":
                self._refuse(session, parcel, delivery)
            case "other_address" if (other := self._other_address(session, parcel)) is not None:
                let_go(session, Outbox, parcel.lease, address_id=other.id, **begun)
            case _:
                self._fail(session, parcel, delivery)
        self._follow(session, parcel, delivery)

    @staticmethod
    def _watch_provider(session: Session, parcel: Parcel, delivery: Delivery) -> bool:
        """Tell the breaker what this try says of the provider; says whether it failed and the circuit is open."""
        if parcel.verdict.decision != "send":
            return False
        if delivery.fault in breaker.TROUBLES:
            return breaker.failed(session, parcel.channel, delivery.fault, delivery.reason)
        if parcel.failing and delivery.status in REACHED:
            breaker.worked(session, parcel.channel)
        return False

    @staticmethod
    def _keep(session: Session, parcel: Parcel, delivery: Delivery, begun: Mapping[str, str]) -> None:
        """It waits for the provider, however long, and no try is counted. What may have been taken is known by its state."""
        state = begun if delivery.status == "retry" else {"state": "sending"}
        due = now() + timedelta(seconds=delivery.retry_after or UNKNOWN_WAIT)
        let_go(session, Outbox, parcel.lease, due_at=due, attempts=parcel.attempts - 1, **state)

    @staticmethod
    def _refuse(session: Session, parcel: Parcel, delivery: Delivery) -> None:
        """Not sent; what somebody waits for is held if only the provider's window is in the way."""
        row = session.get_one(Outbox, parcel.lease.row_id)
        window = delivery.status == "hold" or delivery.reason == WINDOW_CLOSED
        finish(session, Outbox, parcel.lease, state="refused", reason=delivery.reason[:120])
        if window and may_be_held(row):
            session.refresh(row)
            hold(session, row)
        if row.message_class == MessageClass.SAFETY.value:
            note_incident(session, "safety-not-sent", delivery.reason[:200])

    @staticmethod
    def _fail(session: Session, parcel: Parcel, delivery: Delivery) -> None:
        finish(session, Outbox, parcel.lease, state="failed", reason=(delivery.reason or delivery.status)[:120])
        note_incident(session, f"send-failed:{parcel.channel}", delivery.reason[:200])
        if delivery.status == "unreachable":
            session.get_one(PersonAddress, parcel.address_id).unreachable_at = now()
            end_if_blocked(session, parcel.person_id)

    @staticmethod
    def _other_address(session: Session, parcel: Parcel) -> PersonAddress | None:
        """Another address of the same person on the channel, of another kind, that can be written to."""
        return session.scalar(
            select(PersonAddress).where(
                PersonAddress.person_id == parcel.person_id,
                PersonAddress.channel == parcel.channel,
                PersonAddress.kind != parcel.kind,
                PersonAddress.unreachable_at.is_(None),
            )
        )

    @staticmethod
    def _follow(session: Session, parcel: Parcel, delivery: Delivery) -> None:
        """What else an answer of the provider means, beyond this message."""
        if delivery.pause:
            pause(session, parcel.channel, now() + timedelta(seconds=delivery.pause), delivery.reason)
            note_incident(session, f"{parcel.channel}-{delivery.action or 'paused'}", delivery.reason[:200])
        if delivery.action == "window_closed":
            close_window(session, parcel.person_id, parcel.channel)
        if delivery.action == "marketing_stopped":
            stop_marketing(session, parcel.person_id, parcel.channel)


def _about(parcel: Parcel) -> AbstractContextManager[None]:
    """Whose log lines are written meanwhile."""
    return about(message=parcel.inbox_id, outgoing=parcel.lease.row_id, channel=parcel.channel)


def count(parcel: Parcel, delivery: Delivery) -> None:
    """Count and log one try, with what was in the way: our own rules, the provider's fault, or the message's own."""
    reason = reason_class(parcel, delivery)
    metrics.SENDS.labels(parcel.channel, delivery.status, reason).inc()
    log.info("handed over: %s (%s)", delivery.status, reason)
    if delivery.status == "sent" and parcel.received_at is not None:
        metrics.ANSWER_SECONDS.labels(parcel.channel).observe((now() - parcel.received_at).total_seconds())


def reason_class(parcel: Parcel, delivery: Delivery) -> str:
    """none, rules, message, or one of `FAULTS`: a few words for the many reasons that a message did not go."""
    if delivery.status == "sent":
        return "none"
    return "rules" if parcel.verdict.decision != "send" else delivery.fault or "message"


def template_of(session: Session, row: Outbox, outbound: Outbound) -> TemplateStanding | None:
    """How the template that a message is stands in its language; None for free words."""
    return standing_of(session, row.channel, outbound.template, row.language) if outbound.template is not None else None


def standing(
    session: Session,
    person_id: int,
    address: PersonAddress,
    template: TemplateStanding | None = None,
    *,
    unasked: str | None = None,
    quiet: SeriesSettings | None = None,
    moment: datetime | None = None,
) -> Standing:
    """How a person stands now, for `can_send`; with `template`, for a message that is one.

    `unasked` is the outbox key of a message that nobody waits for: then the quiet hours of `quiet`, a practitioner's talk and their
    consent are looked at too.
    """
    person, case, dialogue = session.execute(_STANDING, {"person": person_id}).one()
    return _stands(session, person, case, dialogue, address, template, unasked=unasked, quiet=quiet, moment=moment or now())


def _stands(
    session: Session,
    person: Person,
    case: Case | None,
    dialogue: Dialogue | None,
    address: PersonAddress,
    template: TemplateStanding | None,
    *,
    unasked: str | None,
    quiet: SeriesSettings | None,
    moment: datetime,
) -> Standing:
    until = window_until(address.channel, address.last_seen_at, address.window_until)
    return Standing(
        reachable=address.unreachable_at is None,
        window_closed=until is not None and until < moment,
        stopped=person.stopped_at is not None,
        forgotten_before=person.quiet_until is not None and person.quiet_until > moment,
        case_open=case is not None,
        bereaved=person.bereaved_at is not None,
        contact_unsafe=person.contact_unsafe,
        writer_child=bool(dialogue and dialogue.state.get("writer_child")),
        template=template,
        marketing_consented=bool(template and template.marketing and marketing_consented(session, person.id)),
        practitioner_talking=unasked is not None and case is not None and case.state == "claimed",
        quiet_hours=unasked is not None and quiet is not None and quiet.quiet(moment.astimezone(zone_of(session, person)).time()),
        consented=unasked is not None and consented(session, unasked),
    )


def unpack_outbound(data: dict[str, Any]) -> Outbound:
    """An `Outbound` from its stored form."""
    values = dict(data)
    values["buttons"] = tuple(Button(**button) for button in values["buttons"])
    values["rows"] = tuple(Button(**button) for button in values["rows"])
    values["message_class"] = MessageClass(values["message_class"])
    values["template_values"] = tuple(values.get("template_values", ()))
    return Outbound(**values)
