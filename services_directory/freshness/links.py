"""The "still right" link of a provider: signed, ending, good once. It needs no account and says nothing of itself."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.freshness.acts import note_act
from services_directory.freshness.reports import LONGEST_WORDS
from services_directory.freshness.tables import CheckLink, ProviderNote, Reminder

SIGNATURE_BYTES = 18


class Signer:
    """Signs the ids of links. ``keys``: secrets of this installation, the newest first; older ones still open."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raise ``ValueError`` without a key."""
        if not keys:
            raise ValueError("a key is needed to sign links")
        self._keys = [hashlib.sha256(b"wren directory check link" + key.encode()).digest() for key in keys]

    def token(self, link_id: str) -> str:
        """Return what stands in the address of a link."""
        return f"{link_id}.{self._signature(self._keys[0], link_id)}"

    def link_id(self, token: str) -> str | None:
        """Return the id of a token that we signed, or ``None``."""
        link_id, _, given = token.partition(".")
        signatures = [self._signature(key, link_id).encode() for key in self._keys]
        matches = [hmac.compare_digest(given.encode("utf-8", "surrogatepass"), signature) for signature in signatures]
        return link_id if any(matches) else None

    @staticmethod
    def _signature(key: bytes, link_id: str) -> str:
        digest = hmac.new(key, link_id.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode()


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to. ``state``: open, used, ended or gone; a link that is gone has no service."""

    state: str
    link: CheckLink | None = None
    service: models.Service | None = None
    reminder: Reminder | None = None


def open_link(session: Session, signer: Signer, token: str, moment: datetime) -> Opened:
    """Look at a link without using it: programs that look for bad addresses open every link of an e-mail."""
    link_id = signer.link_id(token)
    link = session.get(CheckLink, link_id) if link_id else None
    if link is None:
        return Opened("gone")
    service, reminder = session.get(models.Service, link.service_id), session.get(Reminder, link.reminder_id)
    if service is None or reminder is None or service.approval != "approved" or service.status in ("defunct", "inactive"):
        return Opened("gone")
    if link.used_at is not None:
        return Opened("used", link, service, reminder)
    return Opened("ended" if link.expires_at <= moment else "open", link, service, reminder)


def say_right(session: Session, signer: Signer, token: str, moment: datetime, today: date) -> Opened:
    """The provider says that all is right: the record was checked today, by them. The state tells whether it was counted."""
    opened = _use(session, open_link(session, signer, token, moment), "right", moment)
    if opened.state == "open" and opened.service is not None and opened.reminder is not None:
        service, address = opened.service, opened.reminder.address
        before = {"assured_date": _iso(service.assured_date), "assurer_email": service.assurer_email}
        service.assured_date, service.assurer_email = today, address
        after = {"assured_date": today.isoformat(), "assurer_email": address}
        note_act(session, service.id, "checked", before, after, author=address)
    return opened


def say_wrong(session: Session, signer: Signer, token: str, moment: datetime, words: str) -> Opened:
    """The provider writes what is wrong: it goes on staff's list, and the record stays as it is until they have looked.

    Raises ``ValueError`` without words, and then the link is still good.
    """
    said = words.replace("\0", "").strip()[:LONGEST_WORDS]
    if not said:
        raise ValueError("words are needed")
    opened = _use(session, open_link(session, signer, token, moment), "wrong", moment)
    if opened.state == "open" and opened.service is not None and opened.reminder is not None:
        session.add(ProviderNote(service_id=opened.service.id, address=opened.reminder.address, words=said))
        session.flush()
    return opened


def _use(session: Session, opened: Opened, outcome: str, moment: datetime) -> Opened:
    """Use the link up. Of two that try at once, one finds it used."""
    if opened.state != "open" or opened.link is None:
        return opened
    used = session.execute(
        update(CheckLink)
        .where(CheckLink.id == opened.link.id, CheckLink.used_at.is_(None))
        .values(used_at=moment, outcome=outcome)
        .returning(CheckLink.id)
    ).all()
    return opened if used else Opened("used", opened.link, opened.service, opened.reminder)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
