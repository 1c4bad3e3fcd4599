"""The list of ready replies on a case's page, and the one that was chosen, in the parent's language and in English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.console.casefile import CaseFile
from bot.console.logins import SignedIn
from bot.console.services import ConsoleServices
from bot.handoff.desk import ready_args, ready_ids
from bot.languages import direction
from bot.library.replies import GROUPS, ReadyReply
from bot.library.strings import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A ready reply as the parent would read it. `draft` says that no native speaker has checked the words."""

    id: str
    title: str
    text: str
    language: str
    direction: str
    english: str
    draft: bool


def offered(services: ConsoleServices, area_id: str | None) -> list[tuple[str, Sequence[ReadyReply]]]:
    """The replies that can be sent in a case of an area, by group."""
    replies = services.renderer.library.replies.by_id
    usable = [replies[id_] for id_ in ready_ids(services, area_id)]
    return [(group, [ready for ready in usable if ready.group == group]) for group in GROUPS]


def chosen(services: ConsoleServices, file: CaseFile, who: SignedIn, ready_id: str) -> Chosen | None:
    """The reply of that id for this case; None if there is none."""
    if ready_id not in ready_ids(services, file.area_id):
        return None

    def said(language: str) -> tuple[str, str, bool]:
        args = ready_args(services, who.first_name, who.job_title, file.area_id, language)
        words = services.renderer.library.render(f"reply:{ready_id}", language, file.person.nation, args)
        return words.text, words.language, words.machine_draft

    text, language, draft = said(file.language)
    return Chosen(
        id=ready_id,
        title=services.renderer.library.replies.by_id[ready_id].title,
        text=text,
        language=language,
        direction=direction(language),
        english=said(SOURCE_LANGUAGE)[0],
        draft=draft,
    )
