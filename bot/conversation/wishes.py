"""What parents decide for themselves at any moment: stopping and starting, the language, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable

from bot.conversation.turn import HELP_NOW, MENU, NO, Args, Turn
from bot.languages import supported
from bot.library.helplines import isolate
from bot.messages import MAX_ROWS, ButtonSpec
from bot.people.tombstones import new_receipt


class Wishes:
    """The handlers of stopping, languages and data."""

    def __init__(self) -> None:
        self.table: dict[str, Callable[[Turn, Args], None]] = {
            "stop_messages": self.stop,
            "start_messages": self.start,
            "change_language": self.change_language,
            "set_language": self.set_language,
            "keep_language": self.keep_language,
            "privacy": self.privacy,
            "what_data": self.what_data,
            "delete_my_data": self.ask_forget,
            "forget": self.forget,
        }

    def stop(self, turn: Turn, args: Args) -> None:
        turn.do("stop")
        turn.state.pending = None
        turn.state.close_form()
        turn.say("text:stop.done", buttons=(HELP_NOW,))
        turn.quiet = True
        turn.outcome = "stopped"

    def start(self, turn: Turn, args: Args) -> None:
        turn.do("start")
        turn.say("text:start.done", buttons=(ButtonSpec(label="button.series", action="series_menu"), MENU))
        turn.outcome = "started"

    def change_language(self, turn: Turn, args: Args) -> None:
        turn.state.close_form()
        self.offer_languages(turn)
        turn.quiet = True
        turn.outcome = "language"

    def offer_languages(self, turn: Turn) -> None:
        """Every language by its own name."""
        rows = [
            ButtonSpec(
                label="language.own_name", label_args={"name": entry.name}, action="set_language", args={"language": entry.code}
            )
            for entry in supported()
        ]
        turn.say("text:language.choose", rows=rows[:MAX_ROWS])

    def set_language(self, turn: Turn, args: Args) -> None:
        language = args["language"]
        turn.do("set_language", language=language)
        turn.language = language
        turn.state.pending = None
        turn.say("text:language.set", buttons=(MENU,))
        turn.outcome = "language"

    def offer_switch(self, turn: Turn) -> None:
        """Ask once, in the language just written, whether to go on in it."""
        names = {entry.code: entry.name for entry in supported()}
        turn.say(
            "text:language.switch",
            {"language": names[turn.language]},
            buttons=(
                ButtonSpec(
                    label="language.own_name",
                    label_args={"name": names[turn.language]},
                    action="set_language",
                    args={"language": turn.language},
                ),
                ButtonSpec(label="language.own_name", label_args={"name": names[turn.person.language]}, action="keep_language"),
            ),
        )

    def keep_language(self, turn: Turn, args: Args) -> None:
        turn.language = turn.person.language
        turn.do("set_language", language=turn.person.language)
        turn.say("text:language.kept", buttons=(MENU,))
        turn.quiet = True
        turn.outcome = "language"

    def privacy(self, turn: Turn, args: Args) -> None:
        turn.state.noticed = True
        turn.say(
            "text:privacy.notice",
            buttons=(
                ButtonSpec(label="button.what_data", action="what_data"),
                ButtonSpec(label="button.forget", action="delete_my_data"),
                MENU,
            ),
        )
        turn.quiet = True
        turn.outcome = "privacy"

    def what_data(self, turn: Turn, args: Args) -> None:
        """Kinds of data only: someone else may be holding the phone."""
        turn.say("text:know.kinds", buttons=(ButtonSpec(label="button.forget", action="delete_my_data"), MENU))
        turn.quiet = True
        turn.outcome = "privacy"

    def ask_forget(self, turn: Turn, args: Args) -> None:
        turn.state.close_form()
        turn.state.pending = {"action": "forget", "args": {}}
        turn.say("text:forget.sure", buttons=(ButtonSpec(label="button.forget_yes", action="forget"), NO))
        turn.quiet = True
        turn.outcome = "forget_asked"

    def forget(self, turn: Turn, args: Args) -> None:
        receipt = new_receipt()
        turn.do("forget", receipt=receipt)
        turn.say("text:forget.done", {"receipt": isolate(receipt)})
        turn.quiet = True
        turn.outcome = "forgotten"
