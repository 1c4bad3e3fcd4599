"""Asking for a person: when one will answer, and what that person may read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot.conversation.reach import Reach
from bot.conversation.turn import HELP_NOW, MENU, PERSON, Args, Turn
from bot.messages import ButtonSpec, MessageClass

WORRY_LASTS = timedelta(days=1)
"""How long after a message of concern a person who is asked for may be told of it."""


class PersonTalk:
    """What a parent may say or press on the way to a person."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.table: dict[str, Callable[[Turn, Args], None]] = {
            "talk_to_person": self.talk_to_person,
            "accept_person": self.talk_to_person,
            "share": self.share,
            "keep": self.keep,
            "reply_waiting": self.reply_waiting,
            "not_meant": self.not_meant,
        }

    def talk_to_person(self, turn: Turn, args: Args) -> None:
        """Asking is consent to be answered by a person: the case opens, and the parent is told when."""
        turn.state.close_form()
        turn.state.pending = None
        worry = self._worry(turn)
        turn.do(
            "open_case",
            level="concern",
            reasons=[{"level": "none", "by": "parent", "words": "asked for a person"}],
            consent=True,
            topic=worry.get("topic"),
            withhold=worry.get("inbox"),
        )
        if turn.team and turn.team.open_until(turn.moment):
            turn.say("text:person.coming", {"until": turn.team.open_until(turn.moment)}, buttons=(HELP_NOW, MENU))
        else:
            when = turn.team.next_open(turn.moment) if turn.team else None
            turn.say("text:person.later", {"when": when}, buttons=(HELP_NOW, MENU))
        if worry:
            self._ask_to_share(turn, worry["inbox"])
        elif turn.state.watched:
            self.reach.ask_when_safe(turn)
        turn.quiet = True
        turn.outcome = "person"

    @staticmethod
    def _worry(turn: Turn) -> dict[str, Any]:
        """The message of concern of the last day, which the person may be told of; empty if there is none."""
        worry, turn.state.worry = turn.state.worry, None
        recent = worry is not None and turn.moment - datetime.fromisoformat(worry["at"]) < WORRY_LASTS
        return worry if worry is not None and recent else {}

    @staticmethod
    def _ask_to_share(turn: Turn, inbox_id: int) -> None:
        args = {"inbox": inbox_id}
        turn.state.pending = {"action": "share", "args": args, "otherwise": "keep"}
        turn.say(
            "text:share.ask",
            buttons=(
                ButtonSpec(label="button.yes", action="share", args=args),
                ButtonSpec(label="button.no", action="keep", args=args),
            ),
        )

    def share(self, turn: Turn, args: Args) -> None:
        """The person may read what they wrote."""
        turn.do("share", inbox_id=args["inbox"])
        self._shared(turn, "text:share.yes")

    def keep(self, turn: Turn, args: Args) -> None:
        self._shared(turn, "text:share.no")

    def _shared(self, turn: Turn, ref: str) -> None:
        turn.say(ref, buttons=(HELP_NOW, MENU))
        turn.quiet = True
        turn.outcome = "shared"
        if turn.state.watched:
            self.reach.ask_when_safe(turn)

    def comfort_child(self, turn: Turn) -> None:
        """A worry of a writer who seems to be a child: words and a line for children, the offer of a person, no parent's tips."""
        turn.state.close_form()
        turn.say("safety:concern-child", buttons=(PERSON, HELP_NOW), message_class=MessageClass.SAFETY)
        turn.state.pending = {"action": "accept_person", "args": {}}
        turn.quiet = True
        turn.outcome = "concern_child"

    def reply_waiting(self, turn: Turn, args: Args) -> None:
        """They pressed to read what a practitioner wrote, which has gone out before this."""
        turn.say("text:reply_waiting.here", buttons=(HELP_NOW, MENU))
        turn.quiet = True
        turn.outcome = "reply_waiting"

    def not_meant(self, turn: Turn, args: Args) -> None:
        turn.do("not_meant")
        turn.state.contact = None
        turn.say("safety:not-what-i-meant", buttons=(HELP_NOW, PERSON, MENU), message_class=MessageClass.SAFETY)
        turn.quiet = True
        turn.outcome = "not_meant"
