"""A case that staff open for a parent who has not asked for one and has not been told. Blocking: call from a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from bot.handoff import cases
from bot.storage.tables import Case, Inbox, Person, PersonAddress, now

if TYPE_CHECKING:
    from bot.handoff.desk import Services


def case_by_staff(session: Session, services: Services, message: Inbox, level: str) -> Case:
    """The person's case, opened at `level` for a message of theirs, or raised to it. Nothing is sent. Does not join the message."""
    person = session.get_one(Person, message.person_id)
    address = session.get_one(PersonAddress, message.address_id)
    team = services.teams.of(person.area_id)
    known = cases.current(session, person.id)
    case = cases.open_or_raise(
        session,
        services.keyring,
        person_id=person.id,
        area_id=team.area_id,
        # The parent is answered where their open case has them, not where an old message came from.
        address_id=known.address_id if known else address.id,
        channel=known.channel if known else address.channel,
        language=known.language if known else person.language,
        level=level,
        reasons=[{"level": level, "by": "staff", "words": "", "kind": None}],
        inbox_id=message.id,
        # What a parent with an open case was promised stays as they were told it.
        team=None if known else team,
    )
    if known is None:
        # The target is for staff alone. Nobody promised the parent a time: they are not told that it has passed.
        case.late_told_at = now()
    session.flush()
    return case
