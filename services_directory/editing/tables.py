"""The tables of editing: changes on their way, and what has been done. A parent's search reads neither.

Staff's ids and names are the caller's: accounts live elsewhere, and a history must outlast them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services_directory.models import PREFIX, Base, Instant, new_id, now

STATES = ("draft", "pending", "applied", "refused", "thrown away")
# A draft is written at every answer. Raising the revision each time would make every search load the directory anew.
UNWATCHED = {"watched": False}


class Change(Base):
    """One person's change to one service: the answers as typed, against the record's answers when it was begun.

    ``service_id`` is the service's future id for a new one, whose ``base`` is empty. ``undoes``: a step of the history.
    ``withdraws``: a double of the service, which is taken out of parents' sight when the change is approved.
    """

    __tablename__ = f"{PREFIX}proposed_change"
    __table_args__ = (Index(f"ix_{PREFIX}proposed_change_state_area", "state", "area_id"), {"info": UNWATCHED})

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    service_id: Mapped[str] = mapped_column(String(36), index=True)
    area_id: Mapped[str | None] = mapped_column(String(36))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    new: Mapped[bool] = mapped_column(default=False)
    base: Mapped[dict[str, Any]] = mapped_column(JSON)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    author_id: Mapped[int] = mapped_column(Integer, index=True)
    author: Mapped[str] = mapped_column(Text)
    step: Mapped[str | None] = mapped_column(String(40))
    undoes: Mapped[str | None] = mapped_column(String(36))
    withdraws: Mapped[str | None] = mapped_column(String(36))
    begun_at: Mapped[datetime] = mapped_column(Instant, default=now)
    saved_at: Mapped[datetime] = mapped_column(Instant, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decider_id: Mapped[int | None] = mapped_column(Integer)
    decider: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)


class Step(Base):
    """One step of a service's history: only added to. ``before`` and ``after`` hold the fields that changed.

    ``kind``: added, changed, undone, imported, answered (a question of an import, where no parent saw it), merged (a double
    was withdrawn) or withdrawn (as a double): ``after`` of these two names the other record: ``other``, ``other_id``. What
    was brought in is approved or refused; ``after`` may hold the ``reason``.
    """

    __tablename__ = f"{PREFIX}history"
    __table_args__ = (Index(f"ix_{PREFIX}history_service_at", "service_id", "at"), {"info": UNWATCHED})

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    service_id: Mapped[str] = mapped_column(String(36))
    change_id: Mapped[str | None] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(20))
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    author_id: Mapped[int] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(Text)
    approver: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant, default=now)
