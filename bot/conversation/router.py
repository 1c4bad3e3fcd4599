"""The router: what can be answered without understanding language. Buttons, exact words, a pending yes or no, the open question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import category

from bot.campaigns import codes
from bot.conversation.commands import Commands
from bot.conversation.handlers import Handlers
from bot.conversation.state import SLOTS
from bot.conversation.turn import MENU, PERSON, Turn
from bot.messages import Kind, MessageClass

TO_RASA = ("find_service",)
"""Handlers that are Rasa's: the form is opened there."""

LASTING = frozenset(
    {
        "help_menu", "help_now", "talk_to_person", "topic", "content", "ideas", "find_service", "change_language", "set_language",
        "privacy", "what_data", "not_meant", "delete_my_data", "more", "useful", "start_messages", "stop_messages", "source", "thanks",
        "read_now", "not_now", "contact", "wrong_service", "wrong_reason", "reply_waiting",
        "series_menu", "series_change", "series_set", "series_born", "series_read",
    }
)  # fmt: skip
"""Buttons that keep their meaning for ever; an old one of another kind gives the menu."""

READ_SIGNS = frozenset("👍👎👌✅❌🙏👋❤💛💙😘")
"""Emoji that mean something when they stand alone: what `content/commands.yml` and `data/nlu` say of them."""

LONGEST_RUN = 5
"""So often may a letter stand alone and still be meant: "xxx" is kisses."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button as stored: what it does and whether it is past its time."""

    action: str
    args: Mapping[str, Any]
    expired: bool


@dataclass(frozen=True, slots=True)
class Routed:
    """`handled`: the turn is done. Else `text` goes to Rasa, with the form's answers that a button gave in `given`."""

    handled: bool
    text: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


class Router:
    """Routes one turn. Pure but for the turn it writes to."""

    def __init__(self, handlers: Handlers, commands: Commands) -> None:
        self._handlers = handlers
        self._commands = commands

    def command(self, turn: Turn) -> str | None:
        """The command that the message is, if any, by word in any language."""
        if turn.inbound.kind not in (Kind.TEXT, Kind.EDIT, Kind.UNSUPPORTED):
            return None
        command = self._commands.find(turn.text, turn.language)
        return command if command is None or self._handlers.series.takes(turn, command) else None

    def route(self, turn: Turn, pressed: Pressed | None, find_words: str) -> Routed:
        """Answer the turn, or say what Rasa is to be given. `find_words` opens the form in words Rasa knows."""
        kind = turn.inbound.kind
        if kind is Kind.BUTTON:
            return self._press(turn, pressed, find_words)
        if codes.is_opening(self._handlers.library.campaigns, turn.inbound):
            self._handlers.run("campaign", turn, {"code": turn.inbound.start_payload})
            return Routed(True)
        if kind is Kind.START:
            return self._start(turn)
        if kind is Kind.UNSUPPORTED:
            turn.say("safety:cannot-hear", buttons=(PERSON, MENU), message_class=MessageClass.SAFETY)
            if not turn.text.strip():
                turn.outcome = "unsupported"
                turn.quiet = True
                return Routed(True)
        if kind is Kind.LOCATION:
            return self._location(turn)
        command = self.command(turn)
        if command is not None and not (command in ("yes", "no", "skip", "more") and turn.state.form):
            return self._command(turn, command)
        if turn.state.form and command in ("skip", "no", "yes"):
            return Routed(
                False, turn.text, {turn.state.requested_slot: "any"} if command != "yes" and turn.state.requested_slot else {}
            )
        if turn.state.question and self._handlers.later.answer(turn):
            return Routed(True)
        if not turn.text.strip():
            self._handlers.not_followed(turn)
            return Routed(True)
        if not turn.state.form and _is_wordless(turn.text):
            self._handlers.wordless(turn)
            return Routed(True)
        return Routed(False, turn.text)

    def _command(self, turn: Turn, command: str) -> Routed:
        if command == "more" and turn.state.search:
            self._find_more(turn)
        elif command == "skip" and not turn.state.question:
            self._handlers.run("no", turn)
        else:
            self._handlers.run(command, turn)
        return Routed(True)

    def _press(self, turn: Turn, pressed: Pressed | None, find_words: str) -> Routed:
        if pressed is None or (pressed.expired and pressed.action not in LASTING):
            turn.say("text:old_button")
            self._handlers.run("help_menu", turn)
            return Routed(True)
        if pressed.action == "find_service":
            turn.state.close_form()
            return Routed(False, find_words, dict(pressed.args))
        if pressed.action == "form":
            slot, value = pressed.args["slot"], pressed.args["value"]
            if turn.state.form and slot in SLOTS:
                return Routed(False, str(value), {slot: value})
            turn.say("text:old_button")
            self._handlers.run("help_menu", turn)
            return Routed(True)
        if pressed.action == "find_more":
            self._find_more(turn)
            return Routed(True)
        if not self._handlers.knows(pressed.action):
            self._handlers.run("help_menu", turn)
            return Routed(True)
        self._handlers.run(pressed.action, turn, pressed.args)
        return Routed(True)

    def _find_more(self, turn: Turn) -> None:
        """Leaves the search to the journey, which may read the directory."""
        turn.outcome = "find_more"

    def _start(self, turn: Turn) -> Routed:
        payload = (turn.inbound.start_payload or "").replace("__", "/")
        if payload and payload in self._handlers.library.messages:
            self._handlers.run("content", turn, {"content_id": payload})
        else:
            self._handlers.run("greet", turn)
        return Routed(True)

    def _location(self, turn: Turn) -> Routed:
        if turn.text.strip():
            return Routed(False, turn.text)
        turn.say("text:location.thanks", buttons=(MENU,))
        turn.outcome = "location"
        return Routed(True)


def _is_wordless(text: str) -> bool:
    """Whether nobody can say what is meant by `text`: emoji alone, or one letter held down. Rasa would guess: a crying face is no
    question to it, and a row of kisses is thanks."""
    signs = [char for char in text.casefold() if char.isalnum()]
    if signs:
        return len(signs) > LONGEST_RUN and len(set(signs)) == 1
    return any(category(char) == "So" for char in text) and READ_SIGNS.isdisjoint(text)
