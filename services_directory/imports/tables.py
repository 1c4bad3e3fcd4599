"""The tables of importing: what each feed last said, the questions that it raised, and files that wait for a yes."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services_directory.models import PREFIX, Base, Instant, new_id, now

KINDS = ("organisation", "location", "service")
TERM_ANSWERS = ("open", "yes", "no")
MERGE_ANSWERS = ("open", "same", "different")
STATES = ("waiting", "applying", "applied", "failed")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _service() -> Mapped[str]:
    return mapped_column(String(36), ForeignKey(f"{PREFIX}service.id", ondelete="CASCADE"), index=True)


class ImportedForm(Base):
    """What its source last said of a record (``form``: JSON), so that a later import can tell its changes from staff's."""

    __tablename__ = f"{PREFIX}imported_form"
    __table_args__ = (CheckConstraint(f"kind IN ({_listed(KINDS)})", name="kind"),)

    record_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    form: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(Instant, default=now)


class TermQuestion(Base):
    """Whether a service answers a need, suggested by its words. A person says yes or no; nothing is tagged before.

    ``why``: as ``questions.why_of`` reads it. ``change_id``: the change in which a yes waits for an approver, or waited.
    """

    __tablename__ = f"{PREFIX}term_question"
    __table_args__ = (
        UniqueConstraint("service_id", "code"),
        CheckConstraint(f"state IN ({_listed(TERM_ANSWERS)})", name="state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    service_id: Mapped[str] = _service()
    code: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=now)
    answered_by: Mapped[str | None] = mapped_column(String(100))
    change_id: Mapped[str | None] = mapped_column(String(36))


class MergeQuestion(Base):
    """Whether two services are the same one. ``other_id`` was there before. Nothing is merged before a person says so.

    ``why``: as ``questions.why_of`` reads it. ``change_id``: the change in which a yes waits for an approver, or waited.
    """

    __tablename__ = f"{PREFIX}merge_question"
    __table_args__ = (
        UniqueConstraint("service_id", "other_id"),
        CheckConstraint(f"state IN ({_listed(MERGE_ANSWERS)})", name="state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    service_id: Mapped[str] = _service()
    other_id: Mapped[str] = _service()
    why: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=now)
    answered_by: Mapped[str | None] = mapped_column(String(100))
    change_id: Mapped[str | None] = mapped_column(String(36))


class WaitingImport(Base):
    """A file that was brought in the console and shown, and waits to be applied. ``content`` is packed, and goes once applied."""

    __tablename__ = f"{PREFIX}waiting_import"
    __table_args__ = (CheckConstraint(f"state IN ({_listed(STATES)})", name="state"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    area_id: Mapped[str | None] = mapped_column(String(36), index=True)
    source: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    options: Mapped[str] = mapped_column(Text)
    report: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    brought_by: Mapped[str | None] = mapped_column(String(100))
    brought_at: Mapped[datetime] = mapped_column(Instant, default=now)
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
