"""The tables: Open Referral UK 3.0 (a profile of HSDS 3.0), with what a parent-support service needs beside it.

Names follow the standard, in British spelling. Beyond the standard: ages are whole months, negative before birth;
level of need; how a family takes part; the route of referral; private addresses; approval; area; and the source of a
record with the id it had there (``id`` is always ours, a UUID, because many feeds have none).
"""

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Text,
    Time,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

PREFIX = "directory_"
VERSION_TABLE = "directory_alembic_version"

STATUSES = ("active", "inactive", "defunct", "temporarily closed")
APPROVALS = ("draft", "pending", "approved", "withdrawn")
LEVELS = ("universal", "targeted", "specialist")
MODES = ("go", "phone", "online", "home")
ROUTES = ("self", "professional", "gp", "other")
NATIONS = ("england", "northern-ireland", "scotland", "wales")
LOCATION_TYPES = ("physical", "postal", "virtual")
FREQUENCIES = ("WEEKLY", "MONTHLY")
EXCEPTIONS = ("cancelled", "extra")


class Base(DeclarativeBase):
    """The directory's own metadata, so that its tables and migrations stay apart from the rest of the application's."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone: guessing one would shift it."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id() -> str:
    """Return a fresh id: a random UUID, as text."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _key() -> Mapped[str]:
    return mapped_column(String(36), primary_key=True, default=new_id)


def _owner(table: str, *, optional: bool = False) -> Mapped[str]:
    foreign_key = ForeignKey(f"{PREFIX}{table}.id", ondelete="CASCADE")
    return mapped_column(String(36), foreign_key, index=True, nullable=optional)


class Sourced:
    """Where a record came from. ``(source, source_id)`` is unique, so that a second import finds the first."""

    source: Mapped[str | None] = mapped_column(String(100))
    source_id: Mapped[str | None] = mapped_column(String(200))
    last_modified: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)


class Organisation(Sourced, Base):
    """Who runs services."""

    __tablename__ = f"{PREFIX}organisation"
    __table_args__ = (UniqueConstraint("source", "source_id"),)

    id: Mapped[str] = _key()
    area_id: Mapped[str | None] = mapped_column(String(36), index=True)
    name: Mapped[str] = mapped_column(Text)
    alternate_name: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str | None] = mapped_column(Text)
    website: Mapped[str | None] = mapped_column(Text)
    logo: Mapped[str | None] = mapped_column(Text)
    uri: Mapped[str | None] = mapped_column(Text)
    parent_organisation_id: Mapped[str | None] = mapped_column(
        String(36), ForeignKey(f"{PREFIX}organisation.id", ondelete="SET NULL")
    )

    parent: Mapped["Organisation | None"] = relationship(remote_side="Organisation.id")
    identifiers: Mapped[list["OrganisationIdentifier"]] = relationship(cascade="all, delete-orphan")
    services: Mapped[list["Service"]] = relationship(back_populates="organisation", cascade="all, delete-orphan")


class OrganisationIdentifier(Base):
    """A registration elsewhere, for example a charity or company number."""

    __tablename__ = f"{PREFIX}organisation_identifier"

    id: Mapped[str] = _key()
    organisation_id: Mapped[str] = _owner("organisation")
    identifier_scheme: Mapped[str | None] = mapped_column(String(50))
    identifier_type: Mapped[str] = mapped_column(String(100))
    identifier: Mapped[str] = mapped_column(String(200))


class Service(Sourced, Base):
    """Something a family can use. Ages are whole months since birth, both ends included, negative before birth."""

    __tablename__ = f"{PREFIX}service"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        _one_of("status", STATUSES),
        _one_of("approval", APPROVALS),
        _one_of("level_of_need", LEVELS),
        _one_of("referral_route", ROUTES),
        CheckConstraint("minimum_age_months <= maximum_age_months", name="ages"),
        Index(f"ix_{PREFIX}service_approval_status", "approval", "status"),
    )

    id: Mapped[str] = _key()
    organisation_id: Mapped[str] = _owner("organisation")
    area_id: Mapped[str | None] = mapped_column(String(36), index=True)
    name: Mapped[str] = mapped_column(Text)
    alternate_name: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    url: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default="active")
    approval: Mapped[str] = mapped_column(String(20), default="draft")
    level_of_need: Mapped[str] = mapped_column(String(20), default="universal")
    minimum_age_months: Mapped[int | None] = mapped_column(Integer)
    maximum_age_months: Mapped[int | None] = mapped_column(Integer)
    eligibility_description: Mapped[str | None] = mapped_column(Text)
    referral_route: Mapped[str] = mapped_column(String(20), default="self")
    application_process: Mapped[str | None] = mapped_column(Text)
    fees_description: Mapped[str | None] = mapped_column(Text)
    wait_time: Mapped[str | None] = mapped_column(Text)
    wait_time_date: Mapped[date | None] = mapped_column(Date)
    interpreter: Mapped[bool | None] = mapped_column(Boolean)
    accreditations: Mapped[str | None] = mapped_column(Text)
    alert: Mapped[str | None] = mapped_column(Text)
    visible_from: Mapped[date | None] = mapped_column(Date)
    visible_to: Mapped[date | None] = mapped_column(Date)
    assured_date: Mapped[date | None] = mapped_column(Date)
    assurer_email: Mapped[str | None] = mapped_column(Text)
    full_since: Mapped[date | None] = mapped_column(Date)
    open_on_bank_holidays: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    term_time_only: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    organisation: Mapped[Organisation] = relationship(back_populates="services")
    modes: Mapped[list["ServiceMode"]] = relationship(cascade="all, delete-orphan")
    service_at_locations: Mapped[list["ServiceAtLocation"]] = relationship(cascade="all, delete-orphan")
    schedules: Mapped[list["Schedule"]] = relationship(cascade="all, delete-orphan")
    exceptions: Mapped[list["ServiceException"]] = relationship(cascade="all, delete-orphan")
    phones: Mapped[list["Phone"]] = relationship(cascade="all, delete-orphan")
    contacts: Mapped[list["Contact"]] = relationship(cascade="all, delete-orphan")
    languages: Mapped[list["Language"]] = relationship(cascade="all, delete-orphan")
    cost_options: Mapped[list["CostOption"]] = relationship(cascade="all, delete-orphan")
    service_areas: Mapped[list["ServiceArea"]] = relationship(cascade="all, delete-orphan")
    funding: Mapped[list["Funding"]] = relationship(cascade="all, delete-orphan")
    attributes: Mapped[list["Attribute"]] = relationship(
        primaryjoin="and_(foreign(Attribute.link_id) == Service.id, Attribute.link_entity == 'service')",
        cascade="all, delete-orphan",
    )


class ServiceMode(Base):
    """One way to take part: go there, by phone, online, or somebody comes to your home."""

    __tablename__ = f"{PREFIX}service_mode"
    __table_args__ = (_one_of("mode", MODES),)

    service_id: Mapped[str] = mapped_column(String(36), ForeignKey(f"{PREFIX}service.id", ondelete="CASCADE"), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10), primary_key=True)


class Location(Sourced, Base):
    """A place where services happen. A private one (a refuge) shows only its town and the first half of its postcode."""

    __tablename__ = f"{PREFIX}location"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        _one_of("location_type", LOCATION_TYPES),
        _one_of("nation", NATIONS),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
    )

    id: Mapped[str] = _key()
    area_id: Mapped[str | None] = mapped_column(String(36), index=True)
    location_type: Mapped[str] = mapped_column(String(20), default="physical")
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    transportation: Mapped[str | None] = mapped_column(Text)
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    external_identifier: Mapped[str | None] = mapped_column(String(100))
    external_identifier_type: Mapped[str | None] = mapped_column(String(50))
    nation: Mapped[str | None] = mapped_column(String(20))
    family_hub: Mapped[bool] = mapped_column(Boolean, default=False)
    private: Mapped[bool] = mapped_column(Boolean, default=False)

    addresses: Mapped[list["Address"]] = relationship(cascade="all, delete-orphan")
    accessibility: Mapped[list["Accessibility"]] = relationship(cascade="all, delete-orphan")


class Address(Base):
    """Where a location is. ``city`` is the town or village, ``state_province`` the district or council."""

    __tablename__ = f"{PREFIX}address"
    __table_args__ = (_one_of("address_type", LOCATION_TYPES),)

    id: Mapped[str] = _key()
    location_id: Mapped[str] = _owner("location")
    attention: Mapped[str | None] = mapped_column(Text)
    address_1: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    state_province: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(String(10), index=True)
    country: Mapped[str] = mapped_column(String(2), default="GB")
    address_type: Mapped[str] = mapped_column(String(20), default="physical")


class Accessibility(Base):
    """What makes a location possible for somebody: step-free, changing place, hearing loop."""

    __tablename__ = f"{PREFIX}accessibility"

    id: Mapped[str] = _key()
    location_id: Mapped[str] = _owner("location")
    description: Mapped[str | None] = mapped_column(Text)
    details: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)


class ServiceAtLocation(Base):
    """A service at one of its locations."""

    __tablename__ = f"{PREFIX}service_at_location"
    __table_args__ = (UniqueConstraint("service_id", "location_id"),)

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    location_id: Mapped[str] = _owner("location")
    description: Mapped[str | None] = mapped_column(Text)

    location: Mapped[Location] = relationship()


class Schedule(Base):
    """When a service runs: the recurrence rule of RFC 5545 in the standard's columns. Times are local (Europe/London)."""

    __tablename__ = f"{PREFIX}schedule"
    __table_args__ = (_one_of("freq", FREQUENCIES), CheckConstraint('"interval" >= 1', name="interval"))

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    service_at_location_id: Mapped[str | None] = mapped_column(
        String(36), ForeignKey(f"{PREFIX}service_at_location.id", ondelete="CASCADE"), index=True
    )
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    dtstart: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    freq: Mapped[str | None] = mapped_column(String(10))
    interval: Mapped[int] = mapped_column(Integer, default=1)
    byday: Mapped[str | None] = mapped_column(String(100))
    bymonthday: Mapped[str | None] = mapped_column(String(100))
    opens_at: Mapped[time | None] = mapped_column(Time)
    closes_at: Mapped[time | None] = mapped_column(Time)
    description: Mapped[str | None] = mapped_column(Text)
    schedule_link: Mapped[str | None] = mapped_column(Text)
    attending_type: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)

    service_at_location: Mapped[ServiceAtLocation | None] = relationship()


class ServiceException(Base):
    """One date that is not as the rules say: cancelled, or extra.

    ``schedule_id`` empty: cancelled for all the service's schedules, or extra beside them. ``opens_at``: of an extra
    date its own times (those of its schedule if empty); of a cancelled one the session meant (the whole day if empty).
    """

    __tablename__ = f"{PREFIX}exception"
    __table_args__ = (_one_of("kind", EXCEPTIONS),)

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    schedule_id: Mapped[str | None] = mapped_column(
        String(36), ForeignKey(f"{PREFIX}schedule.id", ondelete="CASCADE"), index=True
    )
    date: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(10))
    opens_at: Mapped[time | None] = mapped_column(Time)
    closes_at: Mapped[time | None] = mapped_column(Time)
    note: Mapped[str | None] = mapped_column(Text)

    # So that a schedule is written before the exceptions that name it.
    schedule: Mapped[Schedule | None] = relationship()


class Contact(Base):
    """A role to ask for. Real people's names are for the publisher to decide."""

    __tablename__ = f"{PREFIX}contact"

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    name: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    department: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)


class Phone(Base):
    """A number to ring or text."""

    __tablename__ = f"{PREFIX}phone"

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    contact_id: Mapped[str | None] = mapped_column(String(36), ForeignKey(f"{PREFIX}contact.id", ondelete="SET NULL"), index=True)
    number: Mapped[str] = mapped_column(String(50))
    extension: Mapped[int | None] = mapped_column(Integer)
    type: Mapped[str | None] = mapped_column(String(20))
    description: Mapped[str | None] = mapped_column(Text)

    contact: Mapped[Contact | None] = relationship()


class Language(Base):
    """A language in which the service itself works (``code`` is BCP 47, for example ``ur``)."""

    __tablename__ = f"{PREFIX}language"

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    code: Mapped[str] = mapped_column(String(20), index=True)
    name: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class CostOption(Base):
    """One price, in pounds unless ``currency`` says otherwise; 0 is free."""

    __tablename__ = f"{PREFIX}cost_option"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount"),)

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    option: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    currency: Mapped[str] = mapped_column(String(3), default="GBP")
    amount_description: Mapped[str | None] = mapped_column(Text)


class ServiceArea(Base):
    """Where the families live whom a service serves: an outcode, a town, a district, a nation, or UK."""

    __tablename__ = f"{PREFIX}service_area"

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    extent: Mapped[str | None] = mapped_column(Text)
    extent_type: Mapped[str | None] = mapped_column(String(20))
    uri: Mapped[str | None] = mapped_column(Text)


class Funding(Base):
    """Who pays for a service."""

    __tablename__ = f"{PREFIX}funding"

    id: Mapped[str] = _key()
    service_id: Mapped[str] = _owner("service")
    source: Mapped[str] = mapped_column(Text)


class Taxonomy(Base):
    """A vocabulary: ours of needs, or one that came with a feed."""

    __tablename__ = f"{PREFIX}taxonomy"

    id: Mapped[str] = _key()
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(Text)
    uri: Mapped[str | None] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(String(50))


class TaxonomyTerm(Base):
    """One term of a vocabulary."""

    __tablename__ = f"{PREFIX}taxonomy_term"
    __table_args__ = (UniqueConstraint("taxonomy_id", "code"),)

    id: Mapped[str] = _key()
    taxonomy_id: Mapped[str] = _owner("taxonomy")
    parent_id: Mapped[str | None] = mapped_column(String(36), ForeignKey(f"{PREFIX}taxonomy_term.id", ondelete="SET NULL"))
    code: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    term_uri: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(String(20))

    taxonomy: Mapped[Taxonomy] = relationship()
    parent: Mapped["TaxonomyTerm | None"] = relationship(remote_side="TaxonomyTerm.id")


class Attribute(Base):
    """A taxonomy term put on a record (``link_entity`` and ``link_id``), which is how a service gets its needs."""

    __tablename__ = f"{PREFIX}attribute"
    __table_args__ = (Index(f"ix_{PREFIX}attribute_link", "link_entity", "link_id"),)

    id: Mapped[str] = _key()
    link_id: Mapped[str] = mapped_column(String(36))
    link_entity: Mapped[str] = mapped_column(String(30), default="service")
    link_type: Mapped[str | None] = mapped_column(String(50))
    taxonomy_term_id: Mapped[str] = _owner("taxonomy_term")
    value: Mapped[str | None] = mapped_column(Text)

    taxonomy_term: Mapped[TaxonomyTerm] = relationship()


class PlaceAlias(Sourced, Base):
    """Another name for a town, district or location: a nickname, a former name, a name in another language."""

    __tablename__ = f"{PREFIX}place_alias"
    __table_args__ = (UniqueConstraint("source", "source_id"),)

    id: Mapped[str] = _key()
    area_id: Mapped[str | None] = mapped_column(String(36), index=True)
    alias: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text)


class OutcodePoints(Base):
    """Where the postcodes of one outcode are, packed (see ``postcode_files``), from a file that the owner supplied."""

    __tablename__ = f"{PREFIX}outcode_points"

    outcode: Mapped[str] = mapped_column(String(4), primary_key=True)
    points: Mapped[bytes] = mapped_column(LargeBinary)


class Change(Base):
    """The revision at which a record last changed, kept by triggers, so that a reader loads only what changed.

    ``kind``: ``service``, ``location`` or ``organisation`` with its id, or ``everything`` (aliases, terms: no id).
    """

    __tablename__ = f"{PREFIX}change"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, index=True)


class Revision(Base):
    """One row. Triggers raise ``revision`` on every write to any other table here; readers compare it."""

    __tablename__ = f"{PREFIX}revision"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(Integer)
