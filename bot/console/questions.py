"""Questions that Wren had no good answer to, for those who write content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.handoff.desk import in_area
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import UNANSWERED_DAYS, UnansweredQuestion, now
from services_directory.imports.one_sheet import safe_cell

SHOWN = 200
"""Questions on the page, latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. `words` are without what may identify its writer; `topics` are the guesses, best first."""

    asked_at: datetime
    language: str
    outcome: str
    topics: tuple[str, ...]
    words: str
    area_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """The latest questions of one language or of all, how many there are by language, and the topics they came near."""

    shown: tuple[Question, ...]
    languages: dict[str, int]
    topics: tuple[tuple[str, int], ...]


def read_questions(session: Session, keyring: Keyring, *, area_id: str | None, language: str = "") -> Questions:
    """Questions of the last `UNANSWERED_DAYS`, of the area's own parents and of nobody's; of all for staff without an area."""
    rows = session.scalars(
        select(UnansweredQuestion)
        .where(
            UnansweredQuestion.asked_at > now() - timedelta(days=UNANSWERED_DAYS), in_area(UnansweredQuestion.area_id, area_id)
        )
        .order_by(UnansweredQuestion.id.desc())
    ).all()
    wanted = [row for row in rows if language in ("", row.language)]
    return Questions(
        shown=tuple(_question(row, keyring) for row in wanted[:SHOWN]),
        languages=dict(sorted(Counter(row.language for row in rows).items())),
        topics=tuple(Counter(topic for row in wanted for topic in row.topics[:1]).most_common()),
    )


def as_lines(questions: Sequence[Question]) -> list[list[str]]:
    """For a CSV file: a heading, then a line for each question. A spreadsheet runs none of the words, which are a parent's."""
    heading = ["asked_at", "language", "outcome", "topics", "words"]
    return [
        heading,
        *(
            [f"{one.asked_at:%Y-%m-%d}", one.language, one.outcome, " ".join(one.topics), safe_cell(one.words)]
            for one in questions
        ),
    ]


def _question(row: UnansweredQuestion, keyring: Keyring) -> Question:
    try:
        words = str(keyring.open_json(row.sealed)) if row.sealed is not None else ""
    except KeyMissing:
        words = ""
    return Question(
        asked_at=row.asked_at,
        language=row.language,
        outcome=row.outcome,
        topics=tuple(str(topic) for topic in row.topics),
        words=words,
        area_id=row.area_id,
    )
