"""Links that people pass on, and how many came by them, by month; who came is kept nowhere here. Numbers are shown by `bot.insight.campaigns`
alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.insight.days import month_of
from bot.storage.crypto import Keyring
from bot.storage.tables import CampaignArrival, CampaignLink, now

LONGEST_LABEL = 80
TRIES = 20
LETTERS, DIGITS = "abcdefghjkmnpqrstuvwxyz", "23456789"
KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """One link."""

    id: int
    campaign: str
    suffix: str
    label: str
    area_id: str | None
    created_at: datetime
    ended: bool


def count_arrival(session: Session, campaign: str, link: str | None, *, moment: datetime) -> None:
    """One new person more. A link that nobody made, or that has ended, counts as the campaign's own."""
    known = link is not None and _live(session, campaign, link) is not None
    key = {"campaign": campaign, "suffix": (link or "") if known else "", "month": month_of(moment)}
    row = [getattr(CampaignArrival, name) == value for name, value in key.items()]
    raised = session.execute(update(CampaignArrival).where(*row).values(people=CampaignArrival.people + 1))
    if raised.rowcount == 0:  # type: ignore[attr-defined]
        # Two first ones at once: the second breaks on the key, and intake stores its message anew.
        session.add(CampaignArrival(**key, people=1))
        session.flush()


def links_of(session: Session, campaign: str) -> list[LinkView]:
    """All links of a campaign, ended ones last, then by name."""
    rows = session.scalars(select(CampaignLink).where(CampaignLink.campaign == campaign).order_by(CampaignLink.label)).all()
    return sorted(map(_view, rows), key=lambda view: view.ended)


def link_by_id(session: Session, link_id: int) -> LinkView | None:
    """One link."""
    row = session.get(CampaignLink, link_id)
    return _view(row) if row is not None else None


def live_link(session: Session, campaign: str, suffix: str) -> LinkView | None:
    """The link with this suffix, if it has not ended."""
    row = _live(session, campaign, suffix)
    return _view(row) if row is not None else None


def add_link(session: Session, campaign: str, label: str, *, area_id: str | None, staff_id: int | None) -> CampaignLink:
    """Make a link. `label` says who passes it on, for staff. Raises ValueError for a label of no or too many letters."""
    name = " ".join(label.split())
    if not 0 < len(name) <= LONGEST_LABEL:
        raise ValueError(f"a name of 1 to {LONGEST_LABEL} letters is wanted")
    for _ in range(TRIES):
        link = CampaignLink(campaign=campaign, suffix=_new_suffix(), label=name, area_id=area_id, staff_id=staff_id)
        try:
            with session.begin_nested():
                session.add(link)
        except IntegrityError:  # somebody has this suffix
            continue
        return link
    raise RuntimeError(f"no free suffix was found for {campaign}")


def end_link(session: Session, link_id: int) -> None:
    """End a link: whoever still comes by it counts as come by the campaign."""
    link = session.get_one(CampaignLink, link_id)
    link.ended_at = link.ended_at or now()


def count_key(keyring: Keyring, link_id: int) -> str:
    """What opens the page that shows a link's number, and that alone: for whoever passes it on. Nothing of it is stored."""
    return f"{link_id}-{keyring.lookup('campaign-link', str(link_id))[:KEY_LENGTH]}"


def link_of_key(session: Session, keyring: Keyring, key: str) -> LinkView | None:
    """The link whose number `key` may see; None for any other key."""
    number = key.partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    if not secrets.compare_digest(count_key(keyring, int(number)).encode(), key.encode("utf-8", "surrogatepass")):
        return None
    return link_by_id(session, int(number))


def _live(session: Session, campaign: str, suffix: str) -> CampaignLink | None:
    query = select(CampaignLink).where(
        CampaignLink.campaign == campaign, CampaignLink.suffix == suffix, CampaignLink.ended_at.is_(None)
    )
    return session.scalar(query)


def _view(row: CampaignLink) -> LinkView:
    return LinkView(
        id=row.id,
        campaign=row.campaign,
        suffix=row.suffix,
        label=row.label,
        area_id=row.area_id,
        created_at=row.created_at,
        ended=row.ended_at is not None,
    )


def _new_suffix() -> str:
    return "".join(secrets.choice(kind) for kind in (LETTERS, DIGITS, LETTERS, DIGITS))
