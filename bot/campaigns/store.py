"""Links that people pass on, and how many came by them. Counts are kept by month and shown by fives; who came is kept nowhere here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.storage.crypto import Keyring
from bot.storage.tables import CampaignArrival, CampaignLink, now

FEWEST = 5
"""Below this a number is not shown, and above it only in steps of this: one more person never changes what is seen by one."""

LONGEST_LABEL = 80
TRIES = 20
LETTERS, DIGITS = "abcdefghjkmnpqrstuvwxyz", "23456789"
KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """One link, and how many people came by it as it may be shown: None for fewer than `FEWEST`."""

    id: int
    campaign: str
    suffix: str
    label: str
    area_id: str | None
    created_at: datetime
    ended: bool
    people: int | None


def shown(people: int) -> int | None:
    """A number of people as anybody may see it: None below `FEWEST`, else rounded down to a multiple of it."""
    return people - people % FEWEST if people >= FEWEST else None


def count_arrival(session: Session, campaign: str, link: str | None, *, moment: datetime) -> None:
    """One new person more. A link that nobody made, or that has ended, counts as the campaign's own."""
    known = link is not None and _live(session, campaign, link) is not None
    key = {"campaign": campaign, "suffix": (link or "") if known else "", "month": f"{moment:%Y-%m}"}
    row = [getattr(CampaignArrival, name) == value for name, value in key.items()]
    raised = session.execute(update(CampaignArrival).where(*row).values(people=CampaignArrival.people + 1))
    if raised.rowcount == 0:  # type: ignore[attr-defined]
        # Two first ones at once: the second breaks on the key, and intake stores its message anew.
        session.add(CampaignArrival(**key, people=1))
        session.flush()


def people_by_campaign(session: Session) -> dict[str, int | None]:
    """How many came by each campaign, by all its links, as it may be shown; a campaign nobody came by is not in it."""
    total = func.sum(CampaignArrival.people)
    rows = session.execute(select(CampaignArrival.campaign, total).group_by(CampaignArrival.campaign))
    return {campaign: shown(int(people)) for campaign, people in rows}


def people_by_month(session: Session, campaign: str) -> list[tuple[str, int | None]]:
    """How many came by a campaign in each month, latest first, as it may be shown."""
    total = func.sum(CampaignArrival.people)
    month = CampaignArrival.month
    rows = session.execute(
        select(month, total).where(CampaignArrival.campaign == campaign).group_by(month).order_by(month.desc())
    )
    return [(month, shown(int(people))) for month, people in rows]


def links_of(session: Session, campaign: str) -> list[LinkView]:
    """All links of a campaign, ended ones last, then by name."""
    rows = session.scalars(select(CampaignLink).where(CampaignLink.campaign == campaign).order_by(CampaignLink.label)).all()
    return sorted(_views(session, rows), key=lambda view: view.ended)


def link_by_id(session: Session, link_id: int) -> LinkView | None:
    """One link."""
    row = session.get(CampaignLink, link_id)
    return _views(session, [row])[0] if row is not None else None


def live_link(session: Session, campaign: str, suffix: str) -> LinkView | None:
    """The link with this suffix, if it has not ended."""
    row = _live(session, campaign, suffix)
    return _views(session, [row])[0] if row is not None else None


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


def _views(session: Session, rows: Sequence[CampaignLink]) -> list[LinkView]:
    total = func.sum(CampaignArrival.people)
    key = (CampaignArrival.campaign, CampaignArrival.suffix)
    query = select(*key, total).where(CampaignArrival.campaign.in_({row.campaign for row in rows})).group_by(*key)
    people = {(campaign, suffix): int(number) for campaign, suffix, number in session.execute(query)}
    return [
        LinkView(
            id=row.id,
            campaign=row.campaign,
            suffix=row.suffix,
            label=row.label,
            area_id=row.area_id,
            created_at=row.created_at,
            ended=row.ended_at is not None,
            people=shown(people.get((row.campaign, row.suffix), 0)),
        )
        for row in rows
    ]


def _new_suffix() -> str:
    return "".join(secrets.choice(kind) for kind in (LETTERS, DIGITS, LETTERS, DIGITS))
