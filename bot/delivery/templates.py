"""How the provider's approved templates stand: what it says of each, in each language, kept from its answers and webhooks."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.delivery.can_send import TemplateStanding
from bot.storage.incidents import note_incident
from bot.storage.tables import MessageTemplate, now

APPROVED = "approved"
MARKETING = "marketing"


def standing_of(session: Session, channel: str, name: str | None, language: str) -> TemplateStanding:
    """How a template stands in a language; not approved if the provider has said nothing of it."""
    row = session.get(MessageTemplate, (channel, name, language)) if name else None
    if row is None:
        return TemplateStanding(approved=False, marketing=False)
    return TemplateStanding(approved=row.status == APPROVED, marketing=row.category == MARKETING)


def note_news(
    session: Session,
    channel: str,
    name: str,
    language: str,
    *,
    authored: str | None = None,
    status: str | None = None,
    category: str | None = None,
    provider_id: str | None = None,
    reason: str = "",
) -> MessageTemplate | None:
    """Keep what the provider says of a template; None is what it says nothing of. A template that is not known and was not written
    by us (`authored` is None) is left out.

    Staff are told when one can no longer be sent, and when the provider has made it something that it was not written as.
    """
    row = session.get(MessageTemplate, (channel, name, language), with_for_update=True)
    if row is None:
        if authored is None:
            return None
        row = MessageTemplate(
            channel=channel, name=name, language=language, status="unknown", category=authored, authored=authored
        )
        session.add(row)
    before = (row.status, row.category)
    row.authored = authored or row.authored
    row.status = (status or row.status)[:30]
    row.category = (category or row.category)[:30]
    row.provider_id = provider_id[:60] if provider_id else row.provider_id
    row.reason = reason[:120] or (row.reason if row.status == before[0] else None)
    row.updated_at = now()
    if row.category != row.authored and row.category != before[1]:
        note_incident(session, f"{channel}-template-category", f"{name} {language}: {row.authored} became {row.category}")
    if before[0] == APPROVED and row.status != APPROVED:
        note_incident(session, f"{channel}-template-lost", f"{name} {language}: {row.status}")
    session.flush()
    return row


def known(session: Session, channel: str) -> list[MessageTemplate]:
    """All that is known, by name and language."""
    query = select(MessageTemplate).where(MessageTemplate.channel == channel)
    return list(session.scalars(query.order_by(MessageTemplate.name, MessageTemplate.language)))
