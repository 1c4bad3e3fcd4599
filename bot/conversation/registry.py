"""The turns in work, by turn id: what an action may know beyond the message. A late call of a finished turn finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.conversation.turn import Turn


class TurnRegistry:
    """In the memory of the process whose worker made the turn; actions are served by the same process."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @contextmanager
    def during(self, turn: Turn) -> Iterator[None]:
        """Make `turn` known while Rasa works on it."""
        self._turns[turn.turn_id] = turn
        try:
            yield
        finally:
            self._turns.pop(turn.turn_id, None)

    def find(self, turn_id: str) -> Turn | None:
        return self._turns.get(turn_id)
