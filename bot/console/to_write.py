"""What to write or mend next, for those who write content: questions without an answer, messages that did not help, reviews that are
due, and translations that are missing or made from older words. No version of a message is tried out on some parents and not on others:
versions are compared over time only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session
from starlette.responses import Response

from bot.console.guard import Visit
from bot.console.look import Look
from bot.console.questions import read_questions
from bot.console.services import ConsoleServices
from bot.insight.collect import whole_months
from bot.insight.days import months_of, quarter_of
from bot.insight.tables import Useful, areas, quarter_tables
from bot.languages import supported
from bot.library import Library, Message
from bot.library.check_messages import REVIEW_EVERY_DAYS
from bot.storage.tables import UNANSWERED_DAYS, StaffAudit, now

SHOWN = 50
"""Rows of each list at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translations:
    """One language's messages: ids of those that are missing or stale, and how many no native speaker has checked."""

    language: str
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    drafts: int


class ToWrite:
    """The handler behind the guard; it runs in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look
        self._library = services.renderer.library

    def page(self, visit: Visit) -> Response:
        """The lists, the most urgent first in each."""
        area_id = visit.who.area_id
        with self._services.database.read() as session:
            questions = read_questions(session, self._services.keyring, area_id=area_id)
            quarter, useless = not_useful(session, area_id)
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="to_write.view"))
        return self._look.page(
            "to_write.html",
            who=visit.who,
            days=UNANSWERED_DAYS,
            topics=questions.topics[:SHOWN],
            quarter=quarter,
            useless=useless[:SHOWN],
            overdue=overdue(self._library.messages.values(), now().date())[:SHOWN],
            never=sum(message.reviewed is None for message in self._library.messages.values()),
            translations=[translations(self._library, one.code) for one in supported() if one.code != "en"],
            most=SHOWN,
        )


def not_useful(session: Session, area_id: str | None) -> tuple[str | None, list[Useful]]:
    """The last whole quarter, and the messages that enough people called not useful in it, the most first; of each area by itself."""
    months = whole_months(session)
    quarters = [quarter_of(month) for month in months if month == months_of(quarter_of(month))[-1]]
    if not quarters:
        return None, []
    every = [area_id] if area_id is not None else areas(session, months_of(quarters[0]))
    found = [one for area in every for one in quarter_tables(session, area, quarters[0]).useful if isinstance(one.no, int)]
    return quarters[0], sorted(found, key=lambda one: (-one.no if isinstance(one.no, int) else 0, one.content_id))


def overdue(messages: Iterable[Message], today: date) -> list[Message]:
    """Messages whose last review is too long ago, the oldest first; those that nobody has reviewed are counted elsewhere."""
    before = today - timedelta(days=REVIEW_EVERY_DAYS)
    found = [message for message in messages if message.reviewed and date.fromisoformat(message.reviewed) < before]
    return sorted(found, key=lambda message: (message.reviewed or "", message.id))


def translations(library: Library, language: str) -> Translations:
    """How the messages stand in one language."""
    messages = list(library.messages.values())
    return Translations(
        language=language,
        missing=tuple(message.id for message in messages if language not in message.words),
        stale=tuple(message.id for message in messages if language in message.stale),
        drafts=sum(message.words[language].translation == "machine-draft" for message in messages if language in message.words),
    )
