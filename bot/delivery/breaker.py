"""A circuit breaker for each provider, kept in the database, so that one sender's failures spare all the others.

Failures in a row that are the provider's (`Delivery.fault`) open the circuit: it does not answer `FAILURES` times, or says once that our
token or our account is not good. Receipts that tell such failures of messages it had accepted are counted apart by the same rules; then
its accepting more is no proof that it works, and a receipt of anything but a failure is. While the circuit is open nothing goes out on the
channel but safety words, which keep trying, and one message every `PROBE` to see whether the provider is back; what it accepts closes the
circuit. Messages wait meanwhile, and no try is counted against them. Staff are told once, by the trouble that begins and ends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.storage import troubles
from bot.storage.tables import Breaker, now
from bot.storage.upsert import insert

FAILURES = 5
PROBE = timedelta(seconds=30)

TROUBLES: Mapping[str, str] = {"down": "provider_down", "auth": "provider_auth", "account": "provider_account"}
"""The trouble that each fault makes. Sending too fast is none: the provider's pause is the answer to it (`bot.delivery.pace`)."""

PROOF = frozenset({"auth", "account"})
"""Faults of which one refusal is proof."""


RECEIPTS = "/receipts"
"""After a channel's name: the row that counts what its receipts tell."""

BELIEVED = timedelta(minutes=10)
"""How long a receipt that tells of failure weighs more than the provider's accepting messages: receipts may stay away for good."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Channels whose last try failed, and those of them whose circuit is open."""

    channels: frozenset[str]
    open: frozenset[str]


def failing(session: Session) -> Failing:
    rows = session.execute(select(Breaker.channel, Breaker.open_since).where(Breaker.channel.not_like(f"%{RECEIPTS}"))).all()
    return Failing(frozenset(row[0] for row in rows), frozenset(row[0] for row in rows if row[1] is not None))


def failed(session: Session, channel: str, fault: str, reason: str, *, proved: bool = False) -> bool:
    """Count a failure that is the provider's; says whether the circuit is open now. `proved` opens it, however few there were."""
    moment = now()
    row = _locked(session, channel, fault, moment)
    row.failures += 1
    row.reason = reason[:120]
    if row.open_since is None and (proved or fault in PROOF or row.failures >= FAILURES):
        row.open_since, row.probe_at = moment, moment + PROBE
    if row.open_since is None:
        return False
    if fault != row.fault:  # it answers again and refuses us, say: another trouble, with other words
        troubles.end(session, [TROUBLES[row.fault]], channel)
    row.fault = fault
    troubles.begin(session, TROUBLES[fault], channel, reason)
    return True


def told_failed(session: Session, channel: str, fault: str, reason: str) -> None:
    """A receipt says that a message which the provider had accepted failed by a fault that is the provider's."""
    row = _locked(session, channel + RECEIPTS, fault, now())
    row.failures += 1
    row.fault, row.reason = fault, reason[:120]
    if _weighs(row):
        failed(session, channel, fault, reason, proved=True)


def told_worked(session: Session, channel: str) -> None:
    """A receipt says that a message got further: what receipts told of failures is over."""
    told = delete(Breaker).where(Breaker.channel == channel + RECEIPTS).returning(Breaker.channel)
    if session.execute(told).first() is not None:
        worked(session, channel)


def worked(session: Session, channel: str) -> None:
    """The provider took something: the circuit closes, unless its receipts tell that it fails what it takes."""
    told = session.get(Breaker, channel + RECEIPTS)
    if told is not None and _weighs(told) and told.failed_at > now() - BELIEVED:
        return
    session.execute(delete(Breaker).where(Breaker.channel == channel))
    troubles.end(session, TROUBLES.values(), channel)


def _weighs(told: Breaker) -> bool:
    return told.fault in PROOF or told.failures >= FAILURES


def probe(session: Session, channel: str, at: datetime) -> Breaker | None:
    """The circuit's row, if it is time to try one message and no other sender is about to; move its `probe_at` once one goes."""
    due = select(Breaker).where(Breaker.channel == channel, Breaker.probe_at <= at).with_for_update(skip_locked=True)
    return session.scalars(due).one_or_none()


def close_idle(session: Session, channel: str, quiet: timedelta) -> None:
    """Close the circuit of a provider that did not answer and for whom nothing has waited for `quiet`: the next message will tell."""
    row = session.get(Breaker, channel, with_for_update=True)
    if row is not None and row.fault == "down" and row.failed_at < now() - quiet:
        worked(session, channel)


def _locked(session: Session, channel: str, fault: str, moment: datetime) -> Breaker:
    """The channel's row, made if new, and ours until the transaction ends: it is written to, so that nobody can remove it meanwhile."""
    fresh = {"channel": channel, "fault": fault, "reason": "", "failures": 0, "failed_at": moment}
    session.execute(
        insert(session, Breaker).values(**fresh).on_conflict_do_update(index_elements=["channel"], set_={"failed_at": moment})
    )
    return session.get_one(Breaker, channel, populate_existing=True)
