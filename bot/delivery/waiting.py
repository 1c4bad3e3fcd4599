"""Telling a parent that a practitioner's answer waits, where the channel takes no free words for them now: by a template, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import String, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from bot.delivery.held import IS_HELD
from bot.delivery.outbox import enqueue
from bot.messages import MessageClass, Reply
from bot.storage.crypto import Keyring
from bot.storage.tables import Outbox, Person

if TYPE_CHECKING:
    from bot.conversation.render import Renderer

TEMPLATE = "reply_waiting"
AT_ONCE = 100

_HELD = (
    select(Outbox.person_id, func.min(Outbox.id).label("first"))
    .where(IS_HELD, Outbox.message_class == MessageClass.PRACTITIONER.value)
    .group_by(Outbox.person_id, Outbox.channel)
    .subquery()
)
_NOTICE = aliased(Outbox)
_UNTOLD = (
    select(_HELD.c.person_id, _HELD.c.first)
    .outerjoin(_NOTICE, _NOTICE.key == literal("held:") + cast(_HELD.c.first, String))
    .where(_NOTICE.id.is_(None))
)


def tell_of_held(session: Session, keyring: Keyring, renderer: Renderer, team_name: Callable[[str | None], str]) -> int:
    """Queue the template for everybody who has held words of a practitioner and was not told of them; returns how many.

    It is keyed by the oldest held message: further ones are not told of again. Whether it may go out, `can_send` says; where it may
    not, staff see why in the case.
    """
    told = 0
    for person_id, first in session.execute(_UNTOLD.limit(AT_ONCE)).all():
        person, row = session.get_one(Person, person_id), session.get_one(Outbox, first)
        templates = renderer.library.templates.by_id
        if person.forgotten_at is not None or TEMPLATE not in templates:
            continue
        language = person.language if person.language in templates[TEMPLATE].words else row.language
        reply = Reply(
            ref=f"template:{TEMPLATE}", args={"team": team_name(person.area_id)}, message_class=MessageClass.PRACTITIONER
        )
        enqueue(
            session,
            keyring,
            renderer,
            reply,
            key=f"held:{first}",
            person_id=person_id,
            address_id=row.address_id,
            channel=row.channel,
            language=language,
            nation=person.nation,
            campaign=person.campaign,
            case_id=row.case_id,
        )
        told += 1
    return told
