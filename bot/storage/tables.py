"""The app's tables (SQLAlchemy 2, declarative). All times are UTC; words and addresses are encrypted bytes.

Hard to add later, so here from the first migration: `area_id` wherever work is shared out, a keyed look-up beside each
encrypted address, raw events with an expiry whose dedupe key stays, language, nation and campaign on each turn, the content
version of each sent message, its message class, and staff audit events, reads included.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = BigInteger().with_variant(Integer, "sqlite")

UNANSWERED_DAYS = 90
"""Days that the words of a question without an answer are kept."""

NEVER_AGAIN = {"sqlite_autoincrement": True}
"""SQLite gives the id of a deleted last row to the next one; pages, histories and audits that follow ids must not meet one twice."""


OPEN_ASKED = "open = 1 AND message_class != 'series' AND message_class != 'bulk'"
OPEN_UNASKED = "open = 1 AND (message_class = 'series' OR message_class = 'bulk')"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, always timezone-aware in Python; SQLite stores no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time was given to the database; times are UTC with a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_ahead = timedelta()


def now() -> datetime:
    """The present moment in UTC, plus what a scripted conversation has waited."""
    return datetime.now(UTC) + _ahead


def wait_in_script(duration: timedelta) -> None:
    """Let this process's clock jump ahead, for scripted conversations; running leases end, hours pass."""
    global _ahead
    _ahead += duration


def _only(condition: str) -> dict[str, Any]:
    """What makes an index hold only the rows of which `condition` is true."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


class Area(Base):
    """A council or trust area that people, cases, staff and campaigns belong to."""

    __tablename__ = "area"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    nation: Mapped[str | None] = mapped_column(String(20))
    timezone: Mapped[str] = mapped_column(String(40), default="Europe/London")


class Campaign(Base):
    """A way in: a poster, a page, a link; its code travels in deep links."""

    __tablename__ = "campaign"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(default=now)


class CampaignLink(Base):
    """A link to a campaign that somebody passes on: a parent champion, a practitioner, a place. `label` says who or where, for staff.

    `suffix` is what its code has after the hyphen. How many came by it is counted in `CampaignArrival`; who did is kept nowhere.
    """

    __tablename__ = "campaign_link"
    __table_args__ = (UniqueConstraint("campaign", "suffix", name="uq_campaign_link_campaign"), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign: Mapped[str] = mapped_column(String(64))
    suffix: Mapped[str] = mapped_column(String(8))
    label: Mapped[str] = mapped_column(String(80))
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class CampaignArrival(Base):
    """How many new people came by a campaign in a month ("2026-11"), and by which link; "" for the campaign's own. Numbers alone: no
    row leads to a person, and forgetting somebody changes none."""

    __tablename__ = "campaign_arrival"
    campaign: Mapped[str] = mapped_column(String(64), primary_key=True)
    suffix: Mapped[str] = mapped_column(String(8), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    people: Mapped[int] = mapped_column(Integer, default=0)


class Person(Base):
    """A parent or carer, known by our own id. `pseudonym` is what staff see."""

    __tablename__ = "person"
    __table_args__ = NEVER_AGAIN
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    pseudonym: Mapped[str] = mapped_column(String(20), unique=True)
    language: Mapped[str] = mapped_column(String(8), default="en")
    language_chosen: Mapped[bool] = mapped_column(Boolean, default=False)
    nation: Mapped[str | None] = mapped_column(String(20))
    district: Mapped[str | None] = mapped_column(String(8))
    role: Mapped[str | None] = mapped_column(String(30))
    campaign: Mapped[str | None] = mapped_column(String(64))
    stopped_at: Mapped[datetime | None]
    bereaved_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    """When the person asked to be forgotten: all but the confirmation is gone, and the sweep removes that too."""
    receipt: Mapped[str | None] = mapped_column(String(64))
    """The keyed hash of the receipt for that: while a case keeps the row, it shows who asks after it."""
    quiet_until: Mapped[datetime | None]
    """Until when nothing unasked goes to them: an address of theirs was forgotten before, and they have asked for nothing since."""
    contact_unsafe: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)


class PersonAddress(Base):
    """One way to reach a person. `lookup` is a keyed HMAC of (channel, kind, value); `sealed` is the encrypted value."""

    __tablename__ = "person_address"
    __table_args__ = (Index("ix_person_address_last_seen_at", "last_seen_at"), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(30))
    lookup: Mapped[str] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    unreachable_at: Mapped[datetime | None]
    window_until: Mapped[datetime | None]
    """Until when the provider takes free words for them, where it has such a limit: a day after they last wrote, by its own clock."""
    retired_at: Mapped[datetime | None]
    """Since when it is theirs no more: the number has changed or passed to somebody else, or they asked to be forgotten."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)


class Tombstone(Base):
    """An address that was forgotten, as a keyed hash (`id`), until `ends_at`: nothing unasked goes there meanwhile. No person.

    `receipt` is the keyed hash of the receipt that was given.
    """

    __tablename__ = "tombstone"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    receipt: Mapped[str | None] = mapped_column(String(64), index=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(default=now)


class Child(Base):
    """A child's month of birth or due month (first day of the month stored), nothing more."""

    __tablename__ = "child"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    born_or_due: Mapped[str] = mapped_column(String(7))
    arrived_at: Mapped[datetime | None]
    """When the parent said that the baby is here."""
    apart_at: Mapped[datetime | None]
    """Since when the child does not live with them: nothing comes by its age."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class SeriesSubscription(Base):
    """A series that somebody asked for. `state`: active, paused (by them), held (`reason`: danger, person, unsafe, born) or ended
    (`reason`: stop, bereaved, blocked, asked, apart, child, finished, staff).

    `month` is the month that a series around a date counts from, `early` how many months too soon the child came. `days` are weekdays,
    "04" for Monday and Friday. `next_at` is the next moment at which something may come; null for never, or until they answer.
    `agreed_…` is the consent: how, when, in answer to which message, and which words were shown.
    """

    __tablename__ = "series_subscription"
    __table_args__ = (
        Index("ix_series_subscription_next_at", "next_at"),
        Index("ix_series_subscription_person_id", "person_id", "series"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    series: Mapped[str] = mapped_column(String(24))
    month: Mapped[str | None] = mapped_column(String(7))
    early: Mapped[int] = mapped_column(Integer, default=0)
    days: Mapped[str] = mapped_column(String(7))
    hour: Mapped[int] = mapped_column(Integer)
    pace: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(8), default="active")
    reason: Mapped[str | None] = mapped_column(String(12))
    next_at: Mapped[datetime | None]
    asked_born: Mapped[int] = mapped_column(Integer, default=0)
    """How often it was asked whether the baby is here."""
    ask_from: Mapped[datetime | None]
    agreed_at: Mapped[datetime] = mapped_column(default=now)
    agreed_by: Mapped[str] = mapped_column(String(30))
    agreed_inbox_id: Mapped[int | None] = mapped_column(BigId)
    agreed_version: Mapped[str | None] = mapped_column(String(16))
    ended_at: Mapped[datetime | None]


class SeriesStep(Base):
    """One step of a series that came to a person about a child (0 for none), once whatever is edited or started again.

    `state`: sent, or waiting while the channel takes no free words for them; `told` is whether a template went out instead.
    """

    __tablename__ = "series_step"
    __table_args__ = (
        UniqueConstraint("person_id", "child_id", "series", "step", name="uq_series_step_person_id"),
        Index(
            "ix_series_step_waiting",
            "person_id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_series_step_until",
            "until",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("series_subscription.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    child_id: Mapped[int] = mapped_column(BigId)
    series: Mapped[str] = mapped_column(String(24))
    step: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(8))
    told: Mapped[bool] = mapped_column(Boolean, default=False)
    outbox_key: Mapped[str | None] = mapped_column(String(80))
    day: Mapped[str] = mapped_column(String(10))
    """The day by the clock of the area, "2026-03-31"."""
    until: Mapped[str | None] = mapped_column(String(10))
    """The last day on which one that waits may still come."""
    at: Mapped[datetime] = mapped_column(default=now)


class Consent(Base):
    """One consent, given or withdrawn: what for, how, when, and which words were shown."""

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    category: Mapped[str] = mapped_column(String(30))
    given: Mapped[bool] = mapped_column(Boolean)
    method: Mapped[str] = mapped_column(String(30))
    inbox_id: Mapped[int | None] = mapped_column(BigId)
    wording_version: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(default=now)


class RawEvent(Base):
    """A provider's event as it came, encrypted until `expires_at`; the row and its dedupe key stay."""

    __tablename__ = "raw_event"
    __table_args__ = (UniqueConstraint("channel", "external_id", name="uq_raw_event_channel_external_id"), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class Inbox(Base):
    """One message from a parent and what became of it.

    `state`: received → done | failed | refused, with `reason`. A worker holds it while `lease_until` is in the future, and
    only the holder of `lease_token` may commit its turn. `open` is 1 until a final state, so that one partial index serves
    the claim.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_open_person", "person_id", "id", sqlite_where=text("open = 1"), postgresql_where=text("open = 1")),
        Index("ix_inbox_channel_received", "channel", "received_at"),
        UniqueConstraint("raw_event_id", name="uq_inbox_raw_event_id"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    raw_event_id: Mapped[int] = mapped_column(ForeignKey("raw_event.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("person_address.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted JSON of the parsed `Inbound` without its addresses."""
    level: Mapped[str] = mapped_column(String(10))
    triage: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted JSON: the reasons of the level."""
    language: Mapped[str | None] = mapped_column(String(8))
    nation: Mapped[str | None] = mapped_column(String(20))
    campaign: Mapped[str | None] = mapped_column(String(64))
    topic: Mapped[str | None] = mapped_column(String(60))
    outcome: Mapped[str | None] = mapped_column(String(30))
    case_id: Mapped[int | None] = mapped_column(BigId, index=True)
    state: Mapped[str] = mapped_column(String(12), default="received")
    reason: Mapped[str | None] = mapped_column(String(60))
    open: Mapped[int] = mapped_column(Integer, default=1)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    done_at: Mapped[datetime | None]


class Outbox(Base):
    """One message to a parent and what became of it.

    `state`: queued → sending → sent → delivered → read, or held | failed | refused with `reason`; it only climbs, but that what is
    held until the person writes is queued again. `key` makes a
    retried turn write the same message once. `position` orders the messages of one turn.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_open_person", "person_id", "id", sqlite_where=text("open = 1"), postgresql_where=text("open = 1")),
        Index("ix_outbox_person_seq", "person_id", "id"),
        Index("ix_outbox_inbox_id", "inbox_id", **_only("inbox_id IS NOT NULL")),
        Index("ix_outbox_case_id", "case_id", **_only("case_id IS NOT NULL")),
        Index("ix_outbox_asked", "channel", "id", sqlite_where=text(OPEN_ASKED), postgresql_where=text(OPEN_ASKED)),
        Index("ix_outbox_unasked", "channel", "id", sqlite_where=text(OPEN_UNASKED), postgresql_where=text(OPEN_UNASKED)),
        Index("ix_outbox_held", "person_id", "id", sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    address_id: Mapped[int] = mapped_column(ForeignKey("person_address.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(20))
    inbox_id: Mapped[int | None] = mapped_column(BigId)
    case_id: Mapped[int | None] = mapped_column(BigId)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    message_class: Mapped[str] = mapped_column(String(20))
    ref: Mapped[str] = mapped_column(String(120))
    content_id: Mapped[str | None] = mapped_column(String(120))
    content_version: Mapped[str | None] = mapped_column(String(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted JSON of the rendered `Outbound`."""
    language: Mapped[str] = mapped_column(String(8))
    nation: Mapped[str | None] = mapped_column(String(20))
    campaign: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12), default="queued")
    reason: Mapped[str | None] = mapped_column(String(120))
    open: Mapped[int] = mapped_column(Integer, default=1)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]


class ProviderMessage(Base):
    """One message as a provider knows it, and the furthest that it says of it: sent, failed, delivered or read.

    An outbox row has one for each of its `parts`. `outbox_id` is null while only the provider's receipt is known: it may come before
    our own mark is written, or be of a message that is not ours. Holds no address.
    """

    __tablename__ = "provider_message"
    __table_args__ = (
        UniqueConstraint("channel", "provider_id", name="uq_provider_message_channel"),
        Index("ix_provider_message_outbox_id", "outbox_id"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[str] = mapped_column(String(200))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"))
    part: Mapped[int] = mapped_column(Integer, default=0)
    parts: Mapped[int] = mapped_column(Integer, default=1)
    rank: Mapped[int] = mapped_column(Integer, default=0)
    """0 accepted, 1 sent, 2 failed, 3 delivered, 4 read: it only climbs."""
    reason: Mapped[str | None] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(default=now)


class Pace(Base):
    """How fast may be sent, shared by all senders: `at` is the moment up to which what has been sent uses up the rate.

    `name` is `number:<channel>`, `bulk:<channel>`, `pair:<channel>:<address id>`, or `pause:<channel>`, whose `at` is when sending
    begins again.
    """

    __tablename__ = "pace"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(120))


class MessageTemplate(Base):
    """How one template stands with a provider in one language. `name` is the provider's, with the version of the words in it.

    `status` is the provider's word in lower case (approved, pending, rejected, paused, disabled …); `category` is what the provider
    makes of it now, `authored` what it was written as.
    """

    __tablename__ = "message_template"
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    provider_id: Mapped[str | None] = mapped_column(String(60))
    status: Mapped[str] = mapped_column(String(30))
    category: Mapped[str] = mapped_column(String(30))
    authored: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str | None] = mapped_column(String(120))
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Dialogue(Base):
    """What the conversation remembers between turns, saved with each turn (`bot.conversation.state`)."""

    __tablename__ = "dialogue"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class ButtonToken(Base):
    """What an opaque button token means. A row outlives its expiry by a while, so that an old button can still answer."""

    __tablename__ = "button_token"
    token: Mapped[str] = mapped_column(String(16), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    outbox_key: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    args: Mapped[dict[str, Any]]
    title: Mapped[str] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ContentVersion(Base):
    """Every version of every content item ever sent, with its words."""

    __tablename__ = "content_version"
    content_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    version: Mapped[str] = mapped_column(String(16), primary_key=True)
    words: Mapped[str] = mapped_column(Text)
    first_sent_at: Mapped[datetime] = mapped_column(default=now)


class TextVersion(Base):
    """One version of the words of one message in one language, as somebody saved it at the content desk. Words never change in a row.

    `state`: file (the file's words when the desk first changed them), draft, review, approved, published, replaced (by a later version)
    or withdrawn. At most one version of a text is open (draft, review or approved) and at most one published. `hash` is that of the
    words, `source_hash` that of the English they translate, `base_id` the version they were edited from.
    """

    __tablename__ = "text_version"
    __table_args__ = (
        Index("ix_text_version_text", "content_id", "language"),
        Index("uq_text_version_open", "content_id", "language", unique=True, **_only("state IN ('draft', 'review', 'approved')")),
        Index("uq_text_version_published", "content_id", "language", unique=True, **_only("state = 'published'")),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    content_id: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(8))
    body: Mapped[str] = mapped_column(Text)
    help_if: Mapped[str | None] = mapped_column(Text)
    translation: Mapped[str] = mapped_column(String(16))
    source_hash: Mapped[str | None] = mapped_column(String(16))
    hash: Mapped[str] = mapped_column(String(16), index=True)
    state: Mapped[str] = mapped_column(String(10))
    base_id: Mapped[int | None] = mapped_column(BigId)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    author: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=now)
    published_at: Mapped[datetime | None]


class TextEvent(Base):
    """What was done with a text at the content desk, by whom, append-only. `note` is a reason; staff's words, nobody else's."""

    __tablename__ = "text_event"
    __table_args__ = (Index("ix_text_event_text", "content_id", "language"), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("text_version.id"))
    content_id: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(16))
    staff_id: Mapped[int | None] = mapped_column(BigId)
    author: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)


class TextRevision(Base):
    """One row: a number that grows whenever what is published changes. Whoever changes texts holds it until they are done."""

    __tablename__ = "text_revision"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, default=0)


class TextImport(Base):
    """A translator's file that waits for somebody's yes; gone once it is taken or thrown away."""

    __tablename__ = "text_import"
    __table_args__ = NEVER_AGAIN
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    content: Mapped[str] = mapped_column(Text)
    staff_id: Mapped[int] = mapped_column(BigId, index=True)
    brought_at: Mapped[datetime] = mapped_column(default=now)


class UnansweredQuestion(Base):
    """A question that Wren had no good answer to, for those who write content. It belongs to nobody: no person, no message.

    `sealed` is the question without what may identify its writer (`bot.conversation.identifiers`), encrypted, and wiped after
    `UNANSWERED_DAYS`; the guesses at its topic stay.
    """

    __tablename__ = "unanswered_question"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    language: Mapped[str] = mapped_column(String(8))
    outcome: Mapped[str] = mapped_column(String(10))
    topics: Mapped[list[Any]]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    asked_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Feedback(Base):
    """A parent's yes or no to "was this useful?", held against the content version."""

    __tablename__ = "feedback"
    __table_args__ = (UniqueConstraint("person_id", "outbox_key", name="uq_feedback_person_id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    outbox_key: Mapped[str] = mapped_column(String(80))
    content_id: Mapped[str] = mapped_column(String(120))
    content_version: Mapped[str | None] = mapped_column(String(16))
    useful: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(default=now)


class ServiceSearch(Base):
    """How many people looked for a kind of help in a month ("2026-11"), each counted once a month for each kind, place and outcome.

    `outcome`: offered, none (the directory had nothing to show) or more (they asked for more than was shown first). `need` is a term of
    the directory or "any"; `place` the first half of a postcode or the name of a place, or "any". Numbers alone, as `CampaignArrival`.
    """

    __tablename__ = "service_search"
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(8), primary_key=True)
    need: Mapped[str] = mapped_column(String(60), primary_key=True)
    place: Mapped[str] = mapped_column(String(80), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    people: Mapped[int] = mapped_column(Integer, default=0)


class InsightDay(Base):
    """A day ("2026-11-03", by London's clock) that has been counted into `InsightCount`."""

    __tablename__ = "insight_day"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(default=now)


class InsightCount(Base):
    """How many there were on a day: one number an area ("" for none), measure and category (`bot.insight.measures`).

    Outlives the people it counts: no row leads to one, and forgetting somebody changes none. Never shown as it is, only by way of
    `bot.insight.disclosure`.
    """

    __tablename__ = "insight_count"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    measure: Mapped[str] = mapped_column(String(24), primary_key=True)
    category: Mapped[str] = mapped_column(String(160), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)


class Case(Base):
    """A worry handed to people. `state`: open (nobody holds it) → claimed → closed. At most one that is not closed a person."""

    __tablename__ = "handoff_case"
    __table_args__ = (
        Index(
            "uq_handoff_case_one_open",
            "person_id",
            unique=True,
            sqlite_where=text("state != 'closed'"),
            postgresql_where=text("state != 'closed'"),
        ),
        Index("ix_handoff_case_queue", "state", "rank", "opened_at"),
        Index("ix_handoff_case_person_id", "person_id"),
        Index("ix_handoff_case_knows_staff_id", "knows_staff_id"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    level: Mapped[str] = mapped_column(String(10))
    rank: Mapped[int] = mapped_column(Integer)
    """Place in the queue: 0 emergency, 1 urgent, 2 concern or asked for; raised by one when the parent says it was not meant."""
    not_meant: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[str] = mapped_column(String(10), default="open")
    language: Mapped[str] = mapped_column(String(8))
    channel: Mapped[str] = mapped_column(String(20))
    address_id: Mapped[int] = mapped_column(ForeignKey("person_address.id", ondelete="CASCADE"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    knows_staff_id: Mapped[int | None] = mapped_column(BigId)
    """Who held this person's last case when this one was opened; the case is offered to them first."""
    interpreter_at: Mapped[datetime | None]
    """Since when staff say that an interpreter is needed."""
    paused_at: Mapped[datetime | None]
    """Since when whoever holds the case has paused the bot for this conversation."""
    outcome: Mapped[str | None] = mapped_column(String(40))
    opened_at: Mapped[datetime] = mapped_column(default=now)
    reply_due_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    first_reply_at: Mapped[datetime | None]
    last_reply_at: Mapped[datetime | None]
    late_told_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class CaseEvent(Base):
    """The append-only history of a case: opened, raised, message, claimed, acknowledged, replied, note, not_meant, handed_over,
    released, closed, reopened, paused, resumed, other_language, interpreter_needed, interpreter_done, address_seen, bereaved,
    not_bereaved, series_stopped, series_undone, held, hold_lifted, kept, copied; and what the writer said for it: writer_child,
    writer_age, contact_asked, contact, withheld, shared."""

    __tablename__ = "case_event"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("handoff_case.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    staff_id: Mapped[int | None] = mapped_column(BigId)
    inbox_id: Mapped[int | None] = mapped_column(BigId)
    outbox_key: Mapped[str | None] = mapped_column(String(80))
    detail: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted JSON."""
    at: Mapped[datetime] = mapped_column(default=now)


class CaseHold(Base):
    """What keeps a case from being deleted: a legal hold, until somebody lifts it, or a decision to keep it `until` a moment.

    `sealed` is why, `lifted_sealed` why no longer.
    """

    __tablename__ = "case_hold"
    __table_args__ = NEVER_AGAIN
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("handoff_case.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    until: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(default=now)
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[int | None] = mapped_column(BigId)
    lifted_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class RightsCheck(Base):
    """What staff checked before they erased, kept or copied what a parent asked for: `checks` of channel, known, document, receipt, safe.

    `copied_at` is when a copy was made on the strength of it: one each.
    """

    __tablename__ = "rights_check"
    __table_args__ = NEVER_AGAIN
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("handoff_case.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    checks: Mapped[list[Any]]
    at: Mapped[datetime] = mapped_column(default=now)
    copied_at: Mapped[datetime | None]


class CaseCount(Base):
    """What remains of deleted cases: numbers by area ("" for none), month of opening ("2026-11"), level, language, channel and outcome.

    `replied` of them had a reply, after `reply_minutes` in all. No row leads to a person.
    """

    __tablename__ = "case_count"
    area: Mapped[str] = mapped_column(String(40), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    level: Mapped[str] = mapped_column(String(10), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    cases: Mapped[int] = mapped_column(Integer, default=0)
    replied: Mapped[int] = mapped_column(Integer, default=0)
    reply_minutes: Mapped[int] = mapped_column(BigInteger, default=0)


class RetentionNight(Base):
    """One night's deletions of an area ("" for what belongs to none), taken up by one process at a time: whoever holds the lease.

    `day` is the area's own, "2026-11-27".
    """

    __tablename__ = "retention_night"
    area: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class RetentionRun(Base):
    """What became of one kind of data in one night: how many rows were removed, of those that ended before `cut`.

    `held` is how many were due and were kept by a hold; `failed` says why it went wrong, in a word, without personal data.
    """

    __tablename__ = "retention_run"
    __table_args__ = (UniqueConstraint("area", "day", "kind", name="uq_retention_run_area"), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area: Mapped[str] = mapped_column(String(40))
    day: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(20), index=True)
    cut: Mapped[datetime]
    removed: Mapped[int] = mapped_column(Integer, default=0)
    held: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[str | None] = mapped_column(String(120))
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class TriageMark(Base):
    """What staff say of one message's level: `level` is what triage gave, `should_be` what it should have been.

    It outlives the message without a link to it: a language and two levels name nobody.
    """

    __tablename__ = "triage_mark"
    __table_args__ = (UniqueConstraint("inbox_id", name="uq_triage_mark_inbox_id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    inbox_id: Mapped[int | None] = mapped_column(ForeignKey("inbox.id", ondelete="SET NULL"))
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    language: Mapped[str] = mapped_column(String(8))
    level: Mapped[str] = mapped_column(String(10))
    should_be: Mapped[str] = mapped_column(String(10))
    blind: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether it was made in the monthly sample, of the words alone."""
    staff_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(default=now)


class TriageSample(Base):
    """One message drawn by chance for a month's blind sample of an area and a language.

    `month` is "2026-03". (month, area, language, position) is unique, so that whoever draws second finds the draw made. The row
    outlives the message without a link to it, so that forgetting leaves a gap and no new draw.
    """

    __tablename__ = "triage_sample"
    __table_args__ = (
        UniqueConstraint("inbox_id", name="uq_triage_sample_inbox_id"),
        UniqueConstraint("month", "area_id", "language", "position", name="uq_triage_sample_month"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    inbox_id: Mapped[int | None] = mapped_column(ForeignKey("inbox.id", ondelete="SET NULL"))
    month: Mapped[str] = mapped_column(String(7))
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    language: Mapped[str] = mapped_column(String(8))
    position: Mapped[int] = mapped_column(Integer)
    drawn_at: Mapped[datetime] = mapped_column(default=now)


class ConcernReview(Base):
    """What staff did about a parent on the review list, append-only.

    `act`: read (the words, for the sealed reason), nothing, or case. `up_to` is the newest message that had been counted: only later
    ones put the parent on the list again.
    """

    __tablename__ = "concern_review"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    act: Mapped[str] = mapped_column(String(8))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    up_to: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(default=now)


class Staff(Base):
    """Someone who signs in to the console. `demonstration` accounts work on loopback only."""

    __tablename__ = "staff"
    __table_args__ = (Index("uq_staff_sso_id", "sso_id", unique=True), NEVER_AGAIN)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str | None] = mapped_column(ForeignKey("area.id"), index=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    first_name: Mapped[str] = mapped_column(String(60))
    job_title: Mapped[str] = mapped_column(String(80))
    email: Mapped[str | None] = mapped_column(String(254))
    """Where alarms reach them."""
    roles: Mapped[list[Any]] = mapped_column(default=lambda: ["practitioner"])
    """Of editor, approver, practitioner, manager, administrator, commissioner: what they may do in the console."""
    password_hash: Mapped[str] = mapped_column(String(200))
    """Empty for somebody who has only ever come by single sign-on: no password fits it."""
    password_ends_at: Mapped[datetime | None]
    """Until when a one-time password lets its owner choose their own; None for a password that is theirs."""
    sso_id: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the issuer and the subject that single sign-on knows them by."""
    language: Mapped[str | None] = mapped_column(String(8))
    """In which they want to read the console; None as long as they have not chosen."""
    demonstration: Mapped[bool] = mapped_column(Boolean, default=False)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class StaffFactor(Base):
    """A member of staff's second factor. `sealed` is the key in use, `pending` one that nobody has confirmed with a code yet.

    `last_step` is the number of the last half minute whose code was taken, so that no code is taken twice. `failed` counts wrong
    codes since the last right one, `failed_at` is when the last of them came.
    """

    __tablename__ = "staff_factor"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    failed_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class StaffRecoveryCode(Base):
    """A code on paper that replaces the second factor once. `code_hash` is keyed, so that the table alone opens nothing."""

    __tablename__ = "staff_recovery_code"
    __table_args__ = NEVER_AGAIN
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None]


class SignInTry(Base):
    """Wrong tries to sign in with one name, from one day. `key` is a keyed hash of the name that was typed; nobody need have it.

    `until`: before then none is looked at. Rows go after a day, with the sweep.
    """

    __tablename__ = "sign_in_try"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failed: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(index=True)
    until: Mapped[datetime]


class StaffLink(Base):
    """A link by which somebody chooses their password, once. `id` is a SHA-256 of what the link holds."""

    __tablename__ = "staff_link"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class AlarmRow:
    """What every alarm has: its step of a run of alarms, its way, and what became of it: queued → sending → sent, failed or dropped."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    step: Mapped[int] = mapped_column(Integer)
    way: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), default="queued")
    reason: Mapped[str | None] = mapped_column(String(120))
    open: Mapped[int] = mapped_column(Integer, default=1)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]


class Alarm(AlarmRow, Base):
    """One call to staff about a case, on one way, and what became of it.

    The steps of a case are numbered; (case, step, way) is unique, so that any number of processes make each once. `began_at` is
    when the run of alarms began that nobody has acknowledged. Holds no address and nothing of the parent's.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint("case_id", "step", "way", name="uq_alarm_case_id"),
        Index("ix_alarm_state_created", "state", "created_at"),
        Index("ix_alarm_open_due", "due_at", sqlite_where=text("open = 1"), postgresql_where=text("open = 1")),
        NEVER_AGAIN,
    )
    case_id: Mapped[int] = mapped_column(ForeignKey("handoff_case.id", ondelete="CASCADE"))
    cause: Mapped[str] = mapped_column(String(12))
    level: Mapped[str] = mapped_column(String(10))
    audience: Mapped[str] = mapped_column(String(12))
    began_at: Mapped[datetime]


class TroubleAlarm(AlarmRow, Base):
    """One call to whoever looks after Wren about a trouble, on one way. (trouble, step, way) is unique."""

    __tablename__ = "trouble_alarm"
    __table_args__ = (
        UniqueConstraint("trouble_id", "step", "way", name="uq_trouble_alarm_trouble_id"),
        Index("ix_trouble_alarm_open_due", "due_at", sqlite_where=text("open = 1"), postgresql_where=text("open = 1")),
        NEVER_AGAIN,
    )
    trouble_id: Mapped[int] = mapped_column(ForeignKey("trouble.id", ondelete="CASCADE"))


class RotaShift(Base):
    """From when to when a member of staff is on duty for an area: whom its alarms go to."""

    __tablename__ = "rota_shift"
    __table_args__ = (
        UniqueConstraint("area_id", "staff_id", "starts_at", name="uq_rota_shift_area_id"),
        Index("ix_rota_shift_area_ends", "area_id", "ends_at"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)


class StaffLogin(Base):
    """A signed-in browser. `id` is a SHA-256 of the cookie's value, so that the table alone opens nothing.

    `stage` is what is still to be done before it opens anything: factor, enrol, password, or "" for nothing. `way` is how they
    came: password or sso. `proved_at` is when they last showed who they are. `failed` counts wrong codes and passwords since then.
    """

    __tablename__ = "staff_login"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(43))
    stage: Mapped[str] = mapped_column(String(10), default="")
    way: Mapped[str] = mapped_column(String(10), default="password")
    proved_at: Mapped[datetime] = mapped_column(default=now)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class StaffAudit(Base):
    """Who did or looked at what, append-only. `subject` is our own ids, never personal data."""

    __tablename__ = "staff_audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int | None] = mapped_column(BigId, index=True)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class Incident(Base):
    """Something that went wrong and that staff should know of, counted once an hour a kind; holds no personal data."""

    __tablename__ = "incident"
    __table_args__ = (UniqueConstraint("kind", "hour", name="uq_incident_kind"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    hour: Mapped[str] = mapped_column(String(13))
    count: Mapped[int] = mapped_column(Integer, default=1)
    detail: Mapped[str] = mapped_column(String(200), default="")
    first_at: Mapped[datetime] = mapped_column(default=now)
    last_at: Mapped[datetime] = mapped_column(default=now)


class Duty(Base):
    """Work that one process at a time does for all: polling Telegram, the sweep's housekeeping. `holder` has it until `until`."""

    __tablename__ = "duty"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(32))
    until: Mapped[datetime]


class Trouble(Base):
    """Something that does not work, from when to when; at most one of a kind and subject goes on. Holds no personal data.

    `kind` is one of `bot.storage.troubles.KINDS`, `subject` a channel or a machine. `confirmed_at` is when it was last found to go on.
    """

    __tablename__ = "trouble"
    __table_args__ = (
        Index(
            "uq_trouble_goes_on",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_trouble_ended_at", "ended_at"),
        NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(String(120), default="")
    began_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[int | None] = mapped_column(BigId)


class Breaker(Base):
    """How a provider has been failing, shared by all senders: `failures` in a row, the last of the kind `fault` (`bot.messages.FAULTS`).

    The first failure makes the row and the next success removes it. Since `open_since` nothing goes out on the channel but safety
    words, and one message at `probe_at`.
    """

    __tablename__ = "breaker"
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    fault: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(120), default="")
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failed_at: Mapped[datetime]
    open_since: Mapped[datetime | None]
    probe_at: Mapped[datetime | None]


class PollOffset(Base):
    """How far a polled channel has been read; moved in the transaction that stores the events."""

    __tablename__ = "poll_offset"
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger)
