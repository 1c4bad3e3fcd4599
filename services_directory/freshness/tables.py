"""The tables of freshness: when records are to be checked, who was asked, what parents and providers said, quick changes.

A search reads none but the limits of age, so only those raise the revision. Nothing here says which parent reported what.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services_directory.models import PREFIX, Base, Instant, new_id, now

UNWATCHED = {"watched": False}
REASONS = ("", "closed", "moved", "phone", "full", "other")
"""Why a parent said that a record is wrong; empty where they gave no reason."""

ACTS = ("checked", "cancelled", "full", "closed_now", "closed_good", "open_again")


def _key() -> Mapped[str]:
    return mapped_column(String(36), primary_key=True, default=new_id)


def _of(table: str) -> Mapped[str]:
    return mapped_column(String(36), ForeignKey(f"{PREFIX}{table}.id", ondelete="CASCADE"), index=True)


class ReviewCycle(Base):
    """How many days may pass between two checks of an organisation's records, where it is not the default."""

    __tablename__ = f"{PREFIX}review_cycle"
    __table_args__ = (CheckConstraint("days >= 1", name="days"), {"info": UNWATCHED})

    organisation_id: Mapped[str] = mapped_column(
        String(36), ForeignKey(f"{PREFIX}organisation.id", ondelete="CASCADE"), primary_key=True
    )
    days: Mapped[int] = mapped_column(Integer)
    set_by: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(Instant, default=now)


class AgeLimit(Base):
    """How many days after its last check a record of an area is hidden from parents who have fresher ones to choose from."""

    __tablename__ = f"{PREFIX}age_limit"
    __table_args__ = (CheckConstraint("days >= 1", name="days"),)

    area_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    days: Mapped[int] = mapped_column(Integer)
    set_by: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(Instant, default=now)


class Reminder(Base):
    """One e-mail to an organisation, asking it to check its records: ``number`` 1, or 2 for the one follow-up.

    ``begun_on`` is the day of the first of the two. A row is written before the mail goes out, so that a crash between
    the two sends nothing twice. ``state``: sending, sent, retry or failed.
    """

    __tablename__ = f"{PREFIX}reminder"
    __table_args__ = (
        UniqueConstraint("organisation_id", "begun_on", "number"),
        CheckConstraint("number IN (1, 2)", name="number"),
        {"info": UNWATCHED},
    )

    id: Mapped[str] = _key()
    organisation_id: Mapped[str] = _of("organisation")
    begun_on: Mapped[date] = mapped_column(Date)
    number: Mapped[int] = mapped_column(Integer)
    address: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="sending", index=True)
    tries: Mapped[int] = mapped_column(Integer, default=1)
    reason: Mapped[str | None] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(Instant, default=now)
    tried_at: Mapped[datetime] = mapped_column(Instant, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)


class CheckLink(Base):
    """A link in a reminder, for one service, good once and until ``expires_at``. ``outcome``: right or wrong."""

    __tablename__ = f"{PREFIX}check_link"
    __table_args__ = ({"info": UNWATCHED},)

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _of("service")
    reminder_id: Mapped[str] = _of("reminder")
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(10))


class ProviderNote(Base):
    """What a provider wrote is wrong with what we hold, until a member of staff has dealt with it."""

    __tablename__ = f"{PREFIX}provider_note"
    __table_args__ = ({"info": UNWATCHED},)

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _of("service")
    address: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant, default=now)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_by: Mapped[str | None] = mapped_column(Text)


class ParentReport(Base):
    """How many parents said that a record is wrong, for one reason, since staff last dealt with it.

    Days, not moments, and no id of a message or person: a report cannot be traced to whoever made it.
    """

    __tablename__ = f"{PREFIX}parent_report"
    __table_args__ = (
        CheckConstraint(f"reason IN ({', '.join(repr(reason) for reason in REASONS)})", name="reason"),
        CheckConstraint("count >= 0", name="count"),
        {"info": UNWATCHED},
    )

    service_id: Mapped[str] = mapped_column(String(36), ForeignKey(f"{PREFIX}service.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(10), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    first_on: Mapped[date] = mapped_column(Date)
    last_on: Mapped[date] = mapped_column(Date)


class QuickAct(Base):
    """A change that needed no approver: who, when, what stood there before and after. ``undone_at`` once it is taken back."""

    __tablename__ = f"{PREFIX}quick_act"
    __table_args__ = (Index(f"ix_{PREFIX}quick_act_service_at", "service_id", "at"), {"info": UNWATCHED})

    id: Mapped[str] = _key()
    service_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(20))
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    author_id: Mapped[int | None] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant, default=now)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(Text)


class Translation(Base):
    """A service's name and description in another language than the record's. Either may be missing."""

    __tablename__ = f"{PREFIX}translation"
    __table_args__ = ({"info": UNWATCHED},)

    service_id: Mapped[str] = mapped_column(String(36), ForeignKey(f"{PREFIX}service.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    set_by: Mapped[str] = mapped_column(Text, default="")
    set_at: Mapped[datetime] = mapped_column(Instant, default=now)
