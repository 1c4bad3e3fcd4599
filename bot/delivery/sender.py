"""The sender: claims outbox rows of pushing channels, asks `can_send`, sends, records the outcome.

One person's messages of one urgency go out in order, one at a time; safety words overtake the rest. A row is marked `sending` and
committed before the provider is called, so that a crash between the provider's acceptance and our mark is known: safety
messages, replies and practitioners' words are then sent again (a double is better than silence), anything unasked is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.channels import Channel
from bot.delivery.can_send import UNASKED, Standing, Verdict, can_send, window_until
from bot.delivery.hub import Hub, wait_for
from bot.messages import Button, Delivery, MessageClass, Outbound
from bot.storage.claims import Fenced, Lease, claim, finish, let_go
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, Dialogue, Outbox, Person, PersonAddress, now

log = logging.getLogger(__name__)
TRIES = 8
LONGEST_WAIT = 300.0


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
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._channels = channels
        self._hub = hub
        self._lease_seconds = lease_seconds
        self._look_every = look_every
        self._at_once = at_once
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send until `stop`."""
        with self._hub.subscription("outbox") as woken:
            while not self._stopping.is_set():
                woken.clear()
                try:
                    parcels = await asyncio.to_thread(self.claim, self._at_once)
                except Exception as error:  # whatever it is, the sender goes on
                    log.error("claiming outgoing messages failed (%s)", type(error).__name__)
                    parcels = []
                if parcels:
                    await asyncio.gather(*(self.send(parcel) for parcel in parcels))
                else:
                    await wait_for(woken, self._look_every)

    def stop(self) -> None:
        self._stopping.set()
        self._hub.publish("outbox")

    def claim(self, limit: int) -> list[Parcel]:
        """Take up to `limit` rows that are due and mark them `sending`."""
        if not self._channels:
            return []
        with self._database.write() as session:
            due = (Outbox.due_at <= now(), Outbox.channel.in_(list(self._channels)))
            leases = claim(session, Outbox, limit, self._lease_seconds, *due)
            parcels = [self._readable(session, lease) for lease in leases]
        return [parcel for parcel in parcels if parcel is not None]

    def _readable(self, session: Session, lease: Lease) -> Parcel | None:
        """The row as a parcel. One that cannot be read is failed: it may not hold up its person's other messages."""
        try:
            return self._parcel(session, lease)
        except (KeyMissing, KeyError, TypeError, ValueError) as error:
            log.error("an outgoing message cannot be read (%s)", type(error).__name__)
            finish(session, Outbox, lease, state="failed", reason=f"cannot be read: {type(error).__name__}")
            note_incident(session, "outgoing-unreadable", type(error).__name__)
            return None

    def _parcel(self, session: Session, lease: Lease) -> Parcel:
        row = session.get_one(Outbox, lease.row_id)
        address = session.get_one(PersonAddress, row.address_id)
        message_class = MessageClass(row.message_class)
        verdict = can_send(standing(session, row.person_id, address), message_class)
        if row.state == "sending" and message_class in UNASKED:
            verdict = Verdict("refuse", "it may already have been sent")
        row.state = "sending"
        return Parcel(
            lease=lease,
            person_id=row.person_id,
            address_id=address.id,
            channel=row.channel,
            address=self._keyring.open(address.sealed),
            kind=address.kind,
            outbound=unpack_outbound(self._keyring.open_json(row.sealed)),
            attempts=row.attempts,
            verdict=verdict,
        )

    async def send(self, parcel: Parcel) -> None:
        """Hand one parcel to its channel and record what came of it."""
        try:
            if parcel.verdict.decision == "send":
                delivery = await self._channels[parcel.channel].send(parcel.address, parcel.kind, parcel.outbound)
            else:
                delivery = Delivery(status=parcel.verdict.decision, reason=parcel.verdict.reason)
            await asyncio.to_thread(self.record, parcel, delivery)
        except Fenced:
            log.warning("an outgoing message was taken over by another sender")
        except Exception as error:
            log.error("sending failed (%s); the lease will end and it is tried again", type(error).__name__)
        self._hub.publish(f"person:{parcel.person_id}")

    def record(self, parcel: Parcel, delivery: Delivery) -> None:
        """Bring the row to the state that `delivery` says. Raises `Fenced`."""
        with self._database.write() as session:
            if delivery.status == "sent":
                finish(session, Outbox, parcel.lease, state="sent", provider_id=delivery.provider_id, sent_at=now())
            elif delivery.status == "wait":  # not a failure: it may wait a whole night
                due = now() + timedelta(seconds=LONGEST_WAIT)
                let_go(session, Outbox, parcel.lease, state="queued", due_at=due, attempts=parcel.attempts - 1)
            elif delivery.status == "retry" and parcel.attempts < TRIES:
                pause = delivery.retry_after or min(2.0**parcel.attempts, LONGEST_WAIT)
                let_go(session, Outbox, parcel.lease, state="queued", due_at=now() + timedelta(seconds=pause))
            elif delivery.status == "refuse":
                finish(session, Outbox, parcel.lease, state="refused", reason=delivery.reason[:120])
            else:
                finish(session, Outbox, parcel.lease, state="failed", reason=(delivery.reason or delivery.status)[:120])
                note_incident(session, f"send-failed:{parcel.channel}", delivery.reason[:200])
                if delivery.status == "unreachable":
                    session.get_one(PersonAddress, parcel.address_id).unreachable_at = now()


def standing(session: Session, person_id: int, address: PersonAddress) -> Standing:
    """How a person stands now, for `can_send`."""
    person = session.get_one(Person, person_id)
    case = session.scalar(select(Case).where(Case.person_id == person_id, Case.state != "closed"))
    dialogue = session.get(Dialogue, person_id)
    return Standing(
        reachable=address.unreachable_at is None,
        window_closed=(until := window_until(address.channel, address.last_seen_at)) is not None and until < now(),
        stopped=person.stopped_at is not None,
        case_open=case is not None,
        bereaved=person.bereaved_at is not None,
        contact_unsafe=person.contact_unsafe,
        writer_child=bool(dialogue and dialogue.state.get("writer_child")),
    )


def unpack_outbound(data: dict[str, Any]) -> Outbound:
    """An `Outbound` from its stored form."""
    values = dict(data)
    values["buttons"] = tuple(Button(**button) for button in values["buttons"])
    values["rows"] = tuple(Button(**button) for button in values["rows"])
    values["message_class"] = MessageClass(values["message_class"])
    return Outbound(**values)
