"""How a parent can be reached, and what may be read over their shoulder: the questions, and what the case is told of the answers.

Answers are the parent's words: they go into the case, encrypted, and never into the dialogue's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.conversation.turn import HELP_NOW, MENU, Turn
from bot.library.strings import Strings
from bot.messages import ButtonSpec, MessageClass

DELETING = {
    "telegram": "text:safe.delete_telegram",
    "whatsapp": "text:safe.delete_whatsapp",
    "webchat": "text:safe.delete_webchat",
}
"""How this chat is taken off the telephone, by channel."""

LONGEST = 500
"""Characters of an answer that the case keeps; the whole message belongs to the case as well."""

LONGEST_WORD = 40
"""Characters of a check word."""

HOW = (
    ButtonSpec(label="button.contact_here", action="contact", args={"choice": "here"}),
    ButtonSpec(label="button.contact_call", action="contact", args={"choice": "call"}),
)

SKIP = ButtonSpec(label="button.skip", action="contact", args={"choice": "skip"})


SAFE = (
    ButtonSpec(label="button.safe_any", action="contact", args={"choice": "any"}),
    ButtonSpec(label="button.safe_times", action="contact", args={"choice": "times"}),
    ButtonSpec(label="button.safe_no", action="contact", args={"choice": "no"}),
)


class Reach:
    """Asks, and tells the case. Holds nothing of a conversation."""

    def __init__(self, strings: Strings, is_wish: Callable[[str], bool]) -> None:
        self._strings = strings
        self._is_wish = is_wish

    # Before and after an answer that somebody else may read

    def ask_if_safe_to_read(self, turn: Turn, action: str, args: Mapping[str, Any]) -> None:
        """One short question that tells nothing, in place of the answer; the answer waits."""
        turn.state.held = {"action": action, "args": dict(args)}
        turn.state.watched = True
        turn.state.pending = {"action": "read_now", "args": {}, "otherwise": "not_now"}
        self._say(
            turn,
            "text:safe.read",
            ButtonSpec(label="button.yes", action="read_now"),
            ButtonSpec(label="button.not_now", action="not_now"),
            HELP_NOW,
        )
        turn.quiet = True
        turn.outcome = "asked_if_safe"

    def ask_again(self, turn: Turn) -> None:
        """The same question for the answer that waits. Raises ValueError if none does."""
        if turn.state.held is None:
            raise ValueError("no answer waits")
        self.ask_if_safe_to_read(turn, turn.state.held["action"], turn.state.held["args"])

    def say_how_to_delete(self, turn: Turn) -> None:
        """One line, for the channel that they write on."""
        ref = DELETING.get(turn.inbound.channel, "text:safe.delete_other")
        leave = {"leave": self._strings.get("webchat.leave", turn.language)} if turn.inbound.channel == "webchat" else {}
        turn.say(ref, leave, buttons=(HELP_NOW, MENU), message_class=MessageClass.SAFETY)

    # When and how to reach them

    def ask_how(self, turn: Turn) -> None:
        """How they would like to be contacted: buttons for the question with which the urgent words end, or words of their own."""
        outcome, turn.state.contact = turn.outcome, "how"
        self._say(turn, "text:contact.how", *HOW)
        turn.outcome = outcome

    def ask_when_safe(self, turn: Turn) -> None:
        """When it is safe to be written to, once a case. Until they say, it counts as not safe."""
        mark = f"safe_contact:{turn.case.id}" if turn.case else ""
        if mark and mark in turn.state.asked:
            return
        if mark:
            turn.state.asked.append(mark)
        turn.state.contact = "safe"
        turn.do("contact_unsafe", unsafe=True)
        turn.do("tell_case", kind="contact_asked", once=True)
        self._say(turn, "text:contact.safe", *SAFE)

    def pressed(self, turn: Turn, choice: str) -> None:
        """A button: `here` or `call` (how), `any`, `times` or `no` (when it is safe), or `skip`."""
        if choice in ("here", "call"):
            self._tell(turn, how=choice)
        if choice in ("any", "times", "no"):
            self._tell(turn, safe=choice)
            turn.do("contact_unsafe", unsafe=choice != "any")
        if choice == "call":
            self._ask(turn, "call", "text:contact.call")
        elif choice == "times":
            self._ask(turn, "times", "text:contact.times")
        elif choice == "no":
            self._ask(turn, "other_way", "text:contact.other_way")
        elif choice == "any" or turn.state.contact in ("times", "other_way"):
            self._ask(turn, "word", "text:contact.word")
        else:
            self._thank(turn)

    def answered(self, turn: Turn) -> bool:
        """Take the text as the answer to what was asked last; says whether it was one."""
        asked, words = turn.state.contact, turn.text.strip()
        if not words or asked is None:
            return False
        if asked in ("how", "safe") and not self._is_wish(words):
            turn.state.contact = None  # they speak of something else
            return False
        if asked in ("how", "call"):
            self._tell(turn, **({"how": "words"} if asked == "how" else {}), how_words=words[:LONGEST])
            self._thank(turn)
        elif asked == "word":
            if len(words) > LONGEST_WORD:
                turn.state.contact = None
                return False
            self._tell(turn, word=words)
            self._thank(turn)
        else:
            if asked == "safe":
                self._tell(turn, safe="times")
                turn.do("contact_unsafe", unsafe=True)
            self._tell(turn, words=words[:LONGEST])
            self._ask(turn, "word", "text:contact.word")
        return True

    def _ask(self, turn: Turn, step: str, ref: str) -> None:
        turn.state.contact = step
        skip = {"skip": self._strings.get("button.skip", turn.language)} if step == "word" else {}
        self._say(turn, ref, SKIP, args=skip)

    def _thank(self, turn: Turn) -> None:
        turn.state.contact = None
        self._say(turn, "text:contact.thanks", HELP_NOW, MENU)

    @staticmethod
    def _tell(turn: Turn, **detail: str) -> None:
        turn.do("tell_case", kind="contact", detail=detail)

    @staticmethod
    def _say(turn: Turn, ref: str, *buttons: ButtonSpec, args: Mapping[str, Any] | None = None) -> None:
        turn.say(ref, args, buttons=buttons, message_class=MessageClass.SAFETY)
        turn.quiet = True
        turn.outcome = "contact"
