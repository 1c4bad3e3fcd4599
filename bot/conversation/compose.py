"""From Rasa's references to replies: what each `ref` of domain.yml and of the actions means on a turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.conversation import services
from bot.conversation.handlers import Handlers
from bot.conversation.rasa import RasaTurn, RasaUnavailable
from bot.conversation.safety import ABUSE_TOPIC
from bot.conversation.state import ANY
from bot.conversation.turn import Turn
from bot.insight.days import month_of
from bot.library import Library
from bot.messages import MAX_ROWS, ButtonSpec

AGES = (("expecting", "-1"), ("baby", "6"), ("toddler", "18"), ("preschool", "42"))
MODES = ("go", "phone", "online", "home")
SEARCHES_REMEMBERED = 60


class Composer:
    """Applies Rasa's answer to a turn. Raises `RasaUnavailable` for a reference it does not know."""

    def __init__(self, handlers: Handlers, library: Library, demonstration: bool) -> None:
        self._handlers = handlers
        self._library = library
        self._demonstration = demonstration

    def apply(self, turn: Turn, answer: RasaTurn) -> None:
        """Say what the references mean, and remember where the form stands."""
        was_in_form, previous = turn.state.form, turn.state.requested_slot
        turn.state.form = answer.form
        turn.state.requested_slot = answer.requested_slot if answer.form else None
        turn.state.slots = {key: value for key, value in answer.slots.items() if key != "requested_slot"} if answer.form else {}
        for message in answer.messages:
            self._one(
                turn, message, again=was_in_form is not None and previous == answer.requested_slot and len(answer.messages) == 1
            )

    def _one(self, turn: Turn, message: Mapping[str, Any], *, again: bool) -> None:
        kind, _, name = str(message["ref"]).partition(":")
        if kind == "do" and self._handlers.knows(name):
            self._do(turn, name)
        elif kind == "give":
            self._give(turn, name, message)
        elif kind == "which":
            turn.topic = message.get("topic")
            self._handlers.ask_which(turn, tuple(message["choices"]))
            turn.do("unanswered", outcome="asked", topics=message["choices"])
        elif kind == "not_followed":
            turn.topic = message.get("topic")
            self._handlers.not_followed(turn)
            turn.do("unanswered", outcome="refused", topics=[turn.topic] if turn.topic else [])
        elif kind == "ask":
            self._ask(turn, name, again=again)
        elif kind == "services":
            self.services(turn, message["items"], bool(message["more"]), message["wanted"])
        else:
            raise RasaUnavailable("an unknown reference")

    def _do(self, turn: Turn, name: str) -> None:
        form, slot, slots = turn.state.form, turn.state.requested_slot, turn.state.slots
        if name in ("yes", "no") and turn.state.last_topic and self._handlers.facts.carries_on(turn.text):
            name = "more"  # "well, and at night?" is no answer to a question of ours
        elif name == "more" and turn.state.search:
            turn.outcome = "find_more"
            return
        self._handlers.run(name, turn)
        if form and not turn.state.form and name in ("greet", "thanks", "feedback_bad", "bot_challenge", "what_data", "source"):
            turn.state.form, turn.state.requested_slot, turn.state.slots = form, slot, slots

    def _give(self, turn: Turn, content_id: str, message: Mapping[str, Any]) -> None:
        turn.outcome = message["outcome"]
        self._handlers.give(turn, content_id, message.get("second"))
        if turn.outcome == "refused":
            turn.useful = False

    def _ask(self, turn: Turn, slot: str, *, again: bool) -> None:
        """Put the form's next question, with choices to press and a way round it."""
        anything = ButtonSpec(label="button.anything", action="form", args={"slot": slot, "value": ANY})
        choices = {
            "need": [
                *self._what_was_asked(turn),
                *(
                    ButtonSpec(label="need", label_args={"term": term}, action="form", args={"slot": "need", "value": term})
                    for term in self._library.needs.first
                ),
            ],
            "age": [ButtonSpec(label=f"age.{name}", action="form", args={"slot": "age", "value": value}) for name, value in AGES],
            "mode": [ButtonSpec(label=f"mode.{mode}", action="form", args={"slot": "mode", "value": mode}) for mode in MODES],
            "place": [],
        }[slot]
        key = f"form.{slot}_again" if again and slot in ("place", "age") else f"form.{slot}"
        if choices:
            turn.say(f"text:{key}", rows=[*choices[: MAX_ROWS - 2], anything])  # one place is kept for help
        else:
            turn.say(f"text:{key}", buttons=(anything, ButtonSpec(label="button.menu", action="help_menu")))
        turn.outcome = turn.outcome or "form"
        turn.quiet = True

    @staticmethod
    def _what_was_asked(turn: Turn) -> list[ButtonSpec]:
        """The topic that was answered last, as a first choice. Not one on abuse: somebody else may see the list."""
        topic = turn.state.last_topic
        if topic is None or topic == ABUSE_TOPIC or not services.answers(topic):
            return []
        value = f"{services.OF_TOPIC}{topic}"
        return [ButtonSpec(label=f"topic.{topic}", action="form", args={"slot": "need", "value": value})]

    def services(self, turn: Turn, items: list[dict[str, Any]], more: bool, wanted: Mapping[str, Any], offset: int = 0) -> None:
        """Show directory records and remember the search for "more"."""
        turn.replies.append(services.reply(items, more, demonstration=self._demonstration, again=offset > 0))
        turn.state.search = {"wanted": dict(wanted), "offset": offset + len(items)} if more else None
        turn.state.shown = services.named(items)
        turn.outcome = "services" if items else "services_none"
        turn.useful = bool(items)
        self._count(turn, wanted, "more" if offset else "offered" if items else "none")

    @staticmethod
    def _count(turn: Turn, wanted: Mapping[str, Any], outcome: str) -> None:
        """Count the search, without its searcher, once a month for each kind of help, place and outcome."""
        need, place = services.looked_for(wanted)
        said = f"{month_of(turn.moment)} {outcome} {need} {place}"
        if said in turn.state.searched:
            return
        turn.state.searched = [*turn.state.searched, said][-SEARCHES_REMEMBERED:]
        turn.do("searched", outcome=outcome, need=need, place=place)
