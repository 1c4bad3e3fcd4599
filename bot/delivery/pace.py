"""How fast may be sent: one rate a number and one a person, kept in the database, so that all senders share them.

Each is a token bucket written as one moment (the generic cell rate algorithm): what has been sent uses up the rate until `at`; more
may go while `at` is not further ahead than the burst. Bulk goes through a second, slower bucket, which leaves a fifth for replies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from bot.messages import MessageClass
from bot.storage.tables import Pace
from bot.storage.upsert import insert

LEFT_FOR_REPLIES = 0.2
"""The share of a number's rate that bulk never takes."""

KEPT = timedelta(hours=1)

# Built once: it runs for every message.
_BUCKET = select(Pace).where(Pace.name == bindparam("name")).with_for_update().execution_options(populate_existing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A provider's limits: messages a second and at once for the whole number, seconds a message and messages at once for one person."""

    per_second: float
    burst: int
    pair_seconds: float
    pair_burst: int


RATES: Mapping[str, Rates] = {
    "telegram": Rates(per_second=25, burst=25, pair_seconds=1, pair_burst=20),
    "whatsapp": Rates(per_second=80, burst=80, pair_seconds=6, pair_burst=45),
}
"""By channel; a channel that is not here is not held back. A setting may lower WhatsApp's first number. Telegram's true limits are its
secret (about 30 a second, one a second in a chat, bursts allowed); what it says of itself by 429 comes on top."""


BULK = (MessageClass.SERIES, MessageClass.BULK)


def room_for_bulk(session: Session, channel: str, rates: Rates, at: datetime) -> int:
    """How many messages that nobody waits for may go out on `channel` now, as far as the number's rate and bulk's share of it go.

    A look, not a claim: `wait_for_rate` decides for each. It spares those from being taken up that would only be put back.
    """
    buckets = _number_buckets(channel, rates, bulk=True)
    names = [name for name, _, _ in buckets]
    used = {row.name: row.at for row in session.scalars(select(Pace).where(Pace.name.in_(names)))}
    ahead = [max(0.0, (used[name] - at).total_seconds()) if name in used else 0.0 for name in names]
    return min(int(burst - left / seconds + 1e-9) for left, (_, seconds, burst) in zip(ahead, buckets, strict=True))


def _number_buckets(channel: str, rates: Rates, *, bulk: bool) -> list[tuple[str, float, int]]:
    """The buckets of the whole number: name, seconds a message, burst. The number's own is first: whoever holds it may take the others, so
    that no two senders wait for each other."""
    buckets = [(f"number:{channel}", 1 / rates.per_second, rates.burst)]
    if bulk:
        share = 1 - LEFT_FOR_REPLIES
        buckets.append((f"bulk:{channel}", 1 / (rates.per_second * share), max(1, int(rates.burst * share))))
    return buckets


def wait_for_rate(
    session: Session, channel: str, address_id: int, message_class: MessageClass, rates: Rates, at: datetime
) -> float:
    """Seconds until one more message may go to this person on this channel; 0 if it may go now, which is then counted.

    Safety words never wait: they are counted and go.
    """
    buckets = _number_buckets(channel, rates, bulk=message_class in BULK)
    buckets.append((f"pair:{channel}:{address_id}", rates.pair_seconds, rates.pair_burst))
    rows = [_locked(session, name, at) for name, _, _ in buckets]
    waits = [_wait(row, seconds, burst, at) for row, (_, seconds, burst) in zip(rows, buckets, strict=True)]
    if max(waits) > 0 and message_class is not MessageClass.SAFETY:
        return max(waits)
    for row, (_, seconds, _) in zip(rows, buckets, strict=True):
        row.at = max(row.at, at) + timedelta(seconds=seconds)
    return 0.0


def _wait(row: Pace, seconds: float, burst: int, at: datetime) -> float:
    ahead = (row.at - at).total_seconds()
    return max(0.0, ahead + seconds - burst * seconds)


def _locked(session: Session, name: str, at: datetime) -> Pace:
    """The bucket's row, made if new, and ours until the transaction ends: asked for again in the same one, it is not read again."""
    held: dict[str, Pace] = session.info.setdefault("pace", {})
    if name not in held:
        held[name] = session.scalars(_BUCKET, {"name": name}).one_or_none() or _made(session, name, at)
    return held[name]


def _made(session: Session, name: str, at: datetime) -> Pace:
    """A new bucket; another sender may make it at the same moment."""
    session.execute(insert(session, Pace).values(name=name, at=at).on_conflict_do_nothing())
    return session.scalars(_BUCKET, {"name": name}).one()


def pause(session: Session, channel: str, until: datetime, reason: str) -> None:
    """Let nothing go out on `channel` before `until`; a longer pause that is running stays."""
    row = _locked(session, f"pause:{channel}", until)
    if until >= row.at:
        row.at, row.reason = until, reason[:120]


def paused(session: Session, channels: Collection[str], at: datetime) -> set[str]:
    """Which of `channels` are paused now."""
    names = {f"pause:{channel}": channel for channel in channels}
    running = session.scalars(select(Pace.name).where(Pace.name.in_(list(names)), Pace.at > at))
    return {names[name] for name in running}


def forget_old(session: Session, at: datetime) -> None:
    """Remove buckets that have long been empty: a new one begins the same."""
    session.execute(delete(Pace).where(Pace.at < at - KEPT))
