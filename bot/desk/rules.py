"""Who may do what at the content desk, by role. Whatever is not said here is refused."""

from __future__ import annotations

from dataclasses import dataclass

from bot.library.strings import SOURCE_LANGUAGE

SEES = frozenset({"editor", "translator", "clinical_lead", "approver", "manager", "administrator"})
WRITES = frozenset({"editor", "translator", "clinical_lead"})
WRITES_ENGLISH = frozenset({"editor", "clinical_lead"})
APPROVES = frozenset({"translator", "clinical_lead"})
APPROVES_ENGLISH = frozenset({"clinical_lead"})
PUBLISHES = frozenset({"editor", "approver", "clinical_lead"})
REVIEWS = frozenset({"clinical_lead"})
TAKES_FILES = frozenset({"administrator"})


@dataclass(frozen=True, slots=True)
class Person:
    """Who is at work: our own number, the name that the history shows, and their roles."""

    id: int | None
    name: str
    roles: frozenset[str]

    def may_write(self, language: str) -> bool:
        return bool(self.roles & (WRITES_ENGLISH if language == SOURCE_LANGUAGE else WRITES))

    def may_approve(self, language: str) -> bool:
        """Whether they may approve others' words; their own never (`bot.desk.store.approve`)."""
        return bool(self.roles & (APPROVES_ENGLISH if language == SOURCE_LANGUAGE else APPROVES))

    def may_publish(self) -> bool:
        return bool(self.roles & PUBLISHES)
