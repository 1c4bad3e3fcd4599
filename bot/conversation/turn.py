"""One turn: what is known when a message is taken up, and what is to be said and done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.conversation.state import DialogueState
from bot.handoff.cases import CaseView
from bot.handoff.hours import Team
from bot.messages import ButtonSpec, Inbound, MessageClass, Reply
from bot.people import PersonView

Args = Mapping[str, Any]
"""What a button or a command carries for its handler, by name."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to write with the turn, proposed by a handler or an action and applied by the commit.

    `kind` is a key of `bot.conversation.effects.APPLY`; `args` are its values.
    """

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Turn:
    """A message being answered. Handlers read it and call `say` and `do`; nothing else is written."""

    inbox_id: int
    turn_id: str
    inbound: Inbound
    person: PersonView
    state: DialogueState
    language: str
    level: str
    reasons: Sequence[Mapping[str, Any]]
    case: CaseView | None
    team: Team | None
    moment: datetime
    first: bool
    """Whether this is the first message ever of this person."""
    given: dict[str, Any] = field(default_factory=dict)
    """Answers of the open form that were given by a button in this turn, by slot."""
    replies: list[Reply] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    topic: str | None = None
    outcome: str | None = None
    useful: bool = False
    """Whether the turn gave the parent something of use (counts towards the later questions)."""
    quiet: bool = False
    """Whether nothing is to be added after the replies: no question about them, no notice."""

    offer_language: bool = False
    """Whether the message was in another language than the person's, for the first time: ask which to go on in."""

    def say(
        self,
        ref: str,
        args: Mapping[str, Any] | None = None,
        *,
        buttons: Sequence[ButtonSpec] = (),
        rows: Sequence[ButtonSpec] = (),
        message_class: MessageClass = MessageClass.REPLY,
    ) -> None:
        """Add a reply."""
        self.replies.append(
            Reply(ref=ref, args=dict(args or {}), buttons=tuple(buttons), rows=tuple(rows), message_class=message_class)
        )

    def do(self, effect: str, /, **args: Any) -> None:
        """Propose an effect by its kind."""
        self.effects.append(Effect(effect, args))

    @property
    def text(self) -> str:
        return self.inbound.text

    @property
    def age_months(self) -> int | None:
        """The child's age: said in this chat, else the only child's by the profile. None where the writer is bereaved or
        seems to be a child."""
        if self.state.writer_child or self.person.bereaved:
            return None
        return self.state.age_months if self.state.age_months is not None else self.person.age_months(self.moment)


FIND = ButtonSpec(label="button.find", action="find_service")
MENU = ButtonSpec(label="button.menu", action="help_menu")
PERSON = ButtonSpec(label="button.person", action="talk_to_person")
HELP_NOW = ButtonSpec(label="button.help_now", action="help_now")
YES = ButtonSpec(label="button.yes", action="yes")
NO = ButtonSpec(label="button.no", action="no")
