"""What is offered under a message: its next step, a person, the menu."""

from __future__ import annotations

from collections.abc import Collection

from bot.conversation.turn import MENU, PERSON
from bot.library import Library, Message
from bot.messages import ButtonSpec


def under_message(
    library: Library, message: Message, *, seen: Collection[str] = (), second: str | None = None
) -> tuple[ButtonSpec, ...]:
    """The buttons under `message` for a parent who has `seen` these; `second` is a topic or message that goes before its follow-ups."""
    return _next_step(library, message, seen, second), PERSON, MENU


def _next_step(library: Library, message: Message, seen: Collection[str], second: str | None) -> ButtonSpec:
    for step in (second, *message.follow_ups):
        if step is None or step in seen:
            continue
        if step in library.messages:
            return ButtonSpec(label=f"topic.{library.messages[step].topic}", action="content", args={"content_id": step})
        if step != message.topic and step in library.topics():
            return ButtonSpec(label=f"topic.{step}", action="topic", args={"topic": step})
    return ButtonSpec(label="button.more", action="topic", args={"topic": message.topic})
