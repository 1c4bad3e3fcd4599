"""Telling a parent, without being asked, that the time by which a person was to answer has passed. Part of the sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from bot.delivery.can_send import can_send
from bot.delivery.outbox import enqueue_for_case
from bot.delivery.sender import standing
from bot.handoff.hours import Team, Teams
from bot.messages import MessageClass, Reply
from bot.storage.crypto import Keyring
from bot.storage.tables import Case, CaseEvent, Person, PersonAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.conversation.render import Renderer

MOST = 50
"""Cases looked at in one sweep."""

_RAISED = aliased(CaseEvent)
# Nobody has replied, or the case was raised since they did: that is a new promise.
_UNANSWERED = or_(
    Case.last_reply_at.is_(None),
    exists().where(_RAISED.case_id == Case.id, _RAISED.kind == "raised", _RAISED.at > Case.last_reply_at),
)


def tell_late(
    session: Session,
    keyring: Keyring,
    renderer: Renderer,
    teams: Teams,
    moment: datetime,
    words: Callable[[Team, datetime], Reply],
) -> list[int]:
    """Queue `words` for each parent whose case is past its time without a reply, once a promise; returns whose, by person.

    It is a service notice: who wrote "stop" or is not safe to contact is not written to, and hears it when they next write.
    """
    query = (
        select(Case, Person, PersonAddress)
        .join(Person, Person.id == Case.person_id)
        .join(PersonAddress, PersonAddress.id == Case.address_id)
        .where(
            Case.state != "closed",
            Case.not_meant.is_(False),
            Case.late_told_at.is_(None),
            Case.reply_due_at < moment,
            _UNANSWERED,
            Person.stopped_at.is_(None),
            Person.contact_unsafe.is_(False),
            Person.forgotten_at.is_(None),
            PersonAddress.unreachable_at.is_(None),
        )
        .order_by(Case.reply_due_at)
        .limit(MOST)
    )
    told = []
    for case, person, address in session.execute(query).all():
        if can_send(standing(session, person.id, address), MessageClass.SERVICE_NOTICE).decision == "send" and _first(
            session, case, moment
        ):
            _queue(session, keyring, renderer, case, person, words(teams.of(case.area_id), moment))
            told.append(person.id)
    return told


def _first(session: Session, case: Case, moment: datetime) -> bool:
    """Whether this sweep, and none beside it, tells of this case."""
    marked = session.execute(update(Case).where(Case.id == case.id, Case.late_told_at.is_(None)).values(late_told_at=moment))
    return bool(marked.rowcount == 1)  # type: ignore[attr-defined]


def _queue(session: Session, keyring: Keyring, renderer: Renderer, case: Case, person: Person, words: Reply) -> None:
    assert case.reply_due_at is not None
    notice = replace(words, message_class=MessageClass.SERVICE_NOTICE)
    key = f"case{case.id}:late:{int(case.reply_due_at.timestamp())}"
    enqueue_for_case(session, keyring, renderer, notice, case, person, key=key)
