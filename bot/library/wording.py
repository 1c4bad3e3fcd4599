"""The words of one message in one language as they are kept in memory, and what may go before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

HELP_LABEL = "get_help_if_label"
HELP_LINE = f"\n\n*{{{HELP_LABEL}}}* "
"""What stands between the words of a message and its line on when to get help."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words of a message, as templates, and where they came from."""

    text: str
    translation: str
    source_hash: str | None


class Published(Protocol):
    """Words that staff have published and that go before those of the files."""

    def words(self, content_id: str, language: str) -> Words | None:
        """What is published of one text; None where nothing is. Does not block."""

    def refresh(self) -> None:
        """Take up what has been published since. Blocks; does not raise where the database is away."""


def with_help_line(body: str, help_if: str | None) -> str:
    """The words of a message with its line on when to get help, as they are rendered."""
    return f"{body}{HELP_LINE}{help_if}" if help_if else body
