"""Names and descriptions in other languages than the record's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services_directory.editing.tables import Step
from services_directory.freshness.tables import Translation
from services_directory.models import now
from services_directory.records import plain_text

LONGEST_NAME, LONGEST_DESCRIPTION = 150, 2_000


@dataclass(frozen=True, slots=True)
class Wording:
    """A service's name and description in one language, in plain text; ``None`` where only the record's own is held."""

    name: str | None
    description: str | None


def wordings(session: Session, service_ids: Sequence[str], language: str) -> dict[str, Wording]:
    """Return what is held in ``language`` (BCP 47; ``cy`` answers ``cy-GB``) of some services, a page of them."""
    base = language.lower().replace("_", "-").split("-")[0]
    query = select(Translation).where(Translation.service_id.in_(list(service_ids)), Translation.language == base)
    return {row.service_id: Wording(_plain(row.name), _plain(row.description)) for row in session.scalars(query)}


def translations_of(session: Session, service_id: str) -> dict[str, Wording]:
    """Return all that is held of one service, by language."""
    query = select(Translation).where(Translation.service_id == service_id).order_by(Translation.language)
    return {row.language: Wording(_plain(row.name), _plain(row.description)) for row in session.scalars(query)}


def outrun(session: Session, service_id: str) -> frozenset[str]:
    """Return the languages in which a service is worded as it was before its own name or description changed."""
    steps = session.scalars(select(Step).where(Step.service_id == service_id))
    reworded = max((step.at for step in steps if _rewords(step)), default=None)
    if reworded is None:
        return frozenset()
    older = select(Translation.language).where(Translation.service_id == service_id, Translation.set_at < reworded)
    return frozenset(session.scalars(older))


def _rewords(step: Step) -> bool:
    """An import tells its changes by field, and what it brought in first changed nothing."""
    imported = {_field(change["field"]) for change in step.after.get("changes", ())} if step.kind == "imported" else set()
    return bool({"name", "description"} & (imported or step.after.keys()))


def _field(kept: Any) -> str:
    """Return the field of a change as an import keeps it: by key, or, from before there were keys, by its English name. Of a name
    and a description these are the same."""
    return str(kept["said"]).removeprefix("field.") if isinstance(kept, dict) else str(kept)


def set_translation(session: Session, service_id: str, language: str, name: str, description: str, by: str) -> None:
    """Hold a name and description in ``language``; both empty takes the language away. Markup is taken out."""
    name, description = plain_text(name)[:LONGEST_NAME], plain_text(description)[:LONGEST_DESCRIPTION]
    row = session.get(Translation, (service_id, language))
    if not name and not description:
        if row is not None:
            session.delete(row)
        return
    if row is None:
        row = Translation(service_id=service_id, language=language)
        session.add(row)
    row.name, row.description, row.set_by, row.set_at = name or None, description or None, by, now()


def _plain(text: str | None) -> str | None:
    return (plain_text(text) or None) if text else None
