"""Whether a practitioner's reply would reach somebody now, and what is known of when they were last there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.delivery.can_send import WINDOW_CLOSED, Verdict, can_send, window_until
from bot.delivery.sender import standing
from bot.messages import MessageClass
from bot.storage.tables import PersonAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`seen_at`: when they last wrote from this address or had its page open. `window_until`: until when the provider lets us
    answer freely; None for channels without such a window."""

    verdict: Verdict
    seen_at: datetime
    window_until: datetime | None

    @property
    def kept(self) -> bool:
        """Whether a reply would be kept until they write, because only the provider's window is in the way."""
        return self.verdict.reason == WINDOW_CLOSED


def reach(session: Session, person_id: int, address: PersonAddress) -> Reach:
    """How a reply by a practitioner would fare now. The sender asks the same question again before it sends."""
    return Reach(
        verdict=can_send(standing(session, person_id, address), MessageClass.PRACTITIONER),
        seen_at=address.last_seen_at,
        window_until=window_until(address.channel, address.last_seen_at, address.window_until),
    )
