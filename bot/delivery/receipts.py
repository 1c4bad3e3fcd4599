"""What a provider says of messages after it accepted them: sent, delivered, read, failed; in any order, more than once, of any message.

Whoever learns first of a message, the sender or its receipt, makes the row of `ProviderMessage`; the other finds it there, because
both write by the unique (channel, provider id). A message has as many rows as parts; it stands where its slowest part stands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from bot.delivery import breaker
from bot.delivery.held import hold, may_be_held
from bot.delivery.pace import pause
from bot.logs import about
from bot.messages import DeliveryReceipt, MessageClass
from bot.series.store import end_if_blocked
from bot.storage.incidents import note_incident
from bot.storage.tables import Consent, Outbox, PersonAddress, ProviderMessage, now
from bot.storage.upsert import insert_new

log = logging.getLogger(__name__)
RANKS: Mapping[str, int] = {"accepted": 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}
"""A message only climbs. What was delivered was delivered, whatever else is said of it and when."""

STATES = {rank: state for state, rank in RANKS.items()} | {0: "sent"}
UNKNOWN = "outcome unknown"
UNHEARD = -1
"""The rank of what nothing has been said of yet."""

STRANGERS_KEPT = timedelta(days=7)
"""How long a receipt of a message that nobody here sent is kept: it may be on its way from another process."""

# Built once: they run for every message.
_KNOWN = (
    select(ProviderMessage)
    .where(ProviderMessage.channel == bindparam("channel"), ProviderMessage.provider_id == bindparam("provider_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_ADDRESSES = select(PersonAddress).where(
    PersonAddress.person_id == bindparam("person"), PersonAddress.channel == bindparam("channel")
)
_MARKED = select(Outbox.id).where(Outbox.key == bindparam("key"), Outbox.channel == bindparam("channel"))


def note_accepted(
    session: Session, channel: str, outbox_id: int, provider_ids: tuple[str, ...], *, done: int, parts: int
) -> bool:
    """The provider accepted some parts of a message, from part number `done` on; says whether no receipt of them had come before."""
    new = True
    for part, provider_id in enumerate(provider_ids, start=done):
        place = {"outbox_id": outbox_id, "part": part, "parts": parts}
        if not _insert(session, channel, provider_id, rank=RANKS["accepted"], **place):
            new = False
            known = _known(session, channel, provider_id)
            if known is not None and known.outbox_id is None:
                _set(known, place)
    return new


def parts_accepted(session: Session, outbox_id: int) -> tuple[int, int]:
    """How many parts of a message, from the first on without a gap, are known to be accepted, and how many it has (0 if unknown)."""
    known = session.execute(
        select(ProviderMessage.part, ProviderMessage.parts).where(ProviderMessage.outbox_id == outbox_id)
    ).all()
    have = {part for part, _ in known}
    done = next(number for number in range(len(have) + 1) if number not in have)
    return done, max((parts for _, parts in known), default=0)


def furthest(session: Session, outbox_id: int) -> str:
    """The state that the parts of a message allow: that of the slowest."""
    ranks = session.scalars(select(ProviderMessage.rank).where(ProviderMessage.outbox_id == outbox_id)).all()
    if RANKS["failed"] in ranks:
        return "failed"
    return STATES[min(ranks, default=RANKS["sent"])]


def apply_receipt(session: Session, channel: str, receipt: DeliveryReceipt) -> Outbox | None:
    """Keep what a receipt says and bring its message there; gives the message if it is known. Repeating it changes nothing."""
    known = _known(session, channel, receipt.provider_id)
    if known is None:  # the sender or another process may make it at the same moment
        _insert(session, channel, receipt.provider_id, rank=UNHEARD)
        known = session.scalars(_KNOWN, {"channel": channel, "provider_id": receipt.provider_id}).one()
    before = known.rank
    if RANKS[receipt.state] > before:
        known.rank, known.reason = RANKS[receipt.state], receipt.reason or None
    if known.outbox_id is None and receipt.mark is not None:
        key, part, parts = receipt.mark
        marked = session.scalar(_MARKED, {"key": key, "channel": channel})
        if marked is not None:
            _set(known, {"outbox_id": marked, "part": part, "parts": parts})
    session.flush()
    if known.outbox_id is None:
        return None
    row = session.get(Outbox, known.outbox_id, with_for_update=True, populate_existing=True)
    if row is None:
        return None
    with about(message=row.inbox_id, outgoing=row.id, channel=channel):
        log.info("the provider says: %s", receipt.state)
    _climb(session, row, known)
    if receipt.state != "failed" and before < RANKS[receipt.state]:
        breaker.told_worked(session, channel)
    if receipt.state == "failed" and before < RANKS["failed"] and known.rank == RANKS["failed"]:
        _failed(session, row, receipt)
    return row


def _climb(session: Session, row: Outbox, known: ProviderMessage) -> None:
    """Bring a message that the sender has finished to where its parts stand. One in the sender's hands is the sender's."""
    if row.open:
        return
    state = furthest(session, row.id)
    lost = row.state == "failed" and (row.reason or "").endswith(UNKNOWN)
    if row.state not in RANKS or (not lost and RANKS[state] <= RANKS[row.state]):
        return
    if lost and parts_accepted(session, row.id)[0] < known.parts:
        return
    row.state = state
    row.reason = known.reason if state == "failed" else None
    row.provider_id = row.provider_id or known.provider_id
    row.sent_at = row.sent_at or known.at


def _failed(session: Session, row: Outbox, receipt: DeliveryReceipt) -> None:
    """What follows from a failure that is told later."""
    note_incident(session, f"send-failed:{row.channel}", receipt.reason)
    if row.message_class == MessageClass.SAFETY.value:
        note_incident(session, "safety-not-delivered", receipt.reason)
    if receipt.fault in breaker.TROUBLES:
        breaker.told_failed(session, row.channel, receipt.fault, receipt.reason)
    if receipt.pause:
        pause(session, row.channel, now() + timedelta(seconds=receipt.pause), receipt.reason)
    follow = FOLLOWS.get(receipt.action)
    if follow is not None:
        follow(session, row)


def _close_window(session: Session, row: Outbox) -> None:
    """The provider says that the window is over: so it is, and what somebody waits for is held until they write."""
    close_window(session, row.person_id, row.channel)
    if may_be_held(row):
        hold(session, row)


def _unreachable(session: Session, row: Outbox) -> None:
    session.get_one(PersonAddress, row.address_id).unreachable_at = now()
    end_if_blocked(session, row.person_id)


def _marketing_stopped(session: Session, row: Outbox) -> None:
    stop_marketing(session, row.person_id, row.channel)


FOLLOWS: Mapping[str, Callable[[Session, Outbox], None]] = {
    "window_closed": _close_window,
    "unreachable": _unreachable,
    "marketing_stopped": _marketing_stopped,
}


def open_window(session: Session, person_id: int, channel: str, until: datetime) -> None:
    """They have written: free words may be sent until `until`, to each of their addresses here. A later end stays."""
    for address in session.scalars(_ADDRESSES, {"person": person_id, "channel": channel}):
        address.window_until = max(until, address.window_until) if address.window_until else until


def close_window(session: Session, person_id: int, channel: str) -> None:
    """The provider takes no free words for them any more."""
    for address in session.scalars(_ADDRESSES, {"person": person_id, "channel": channel}):
        address.window_until = now()


def stop_marketing(session: Session, person_id: int, channel: str) -> None:
    """They told the provider that they want no marketing: kept as a withdrawn consent, unless that is what is known already."""
    if marketing_consented(session, person_id) is not False:
        session.add(Consent(person_id=person_id, category="marketing", given=False, method=channel))


def marketing_consented(session: Session, person_id: int) -> bool | None:
    """The last word of theirs on marketing; None if they have said none. Stopping everything counts."""
    query = select(Consent.given).where(Consent.person_id == person_id, Consent.category.in_(("marketing", "unasked")))
    return session.scalar(query.order_by(Consent.id.desc()).limit(1))


def forget_strangers(session: Session) -> None:
    """Remove old receipts of messages that nobody here sent."""
    old = now() - STRANGERS_KEPT
    session.execute(delete(ProviderMessage).where(ProviderMessage.outbox_id.is_(None), ProviderMessage.at < old))


def _known(session: Session, channel: str, provider_id: str) -> ProviderMessage | None:
    """The row of a provider's id, ours until the transaction ends. Waits for whoever is writing it now."""
    return session.scalars(_KNOWN, {"channel": channel, "provider_id": provider_id}).one_or_none()


def _insert(session: Session, channel: str, provider_id: str, **values: int) -> bool:
    """Make the row of a provider's id; says whether it was not there yet. Waits for whoever is making it now."""
    row = {"channel": channel, "provider_id": provider_id, "part": 0, "parts": 1, "at": now(), **values}
    made = insert_new(session, ProviderMessage.id, "channel", "provider_id")
    return session.connection().execute(made, row).first() is not None


def _set(known: ProviderMessage, place: Mapping[str, int]) -> None:
    """Say which part of which message it is."""
    for name, value in place.items():
        setattr(known, name, value)
