"""The custom actions, by Rasa's names for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bot.conversation import services
from bot.conversation.decide import Profile, Thresholds, decide
from bot.conversation.facts import FactWords
from bot.conversation.state import ANY, FORM, SLOTS
from bot.conversation.turn import Turn
from bot.library import Library
from services_directory import Directory


@dataclass(slots=True)
class Answer:
    """What an action gives back: Rasa events and references (custom responses)."""

    events: list[dict[str, Any]] = field(default_factory=list)
    refs: list[dict[str, Any]] = field(default_factory=list)

    def set_slot(self, name: str, value: Any) -> None:
        self.events.append({"event": "slot", "timestamp": None, "name": name, "value": value})

    def say(self, ref: str, **args: Any) -> None:
        self.refs.append({"ref": ref, **args})


class Actions:
    """The actions and what they read. `run` raises KeyError for an unknown action."""

    def __init__(
        self, library: Library, directory: Directory, facts: FactWords, thresholds: Thresholds, topics: tuple[str, ...]
    ) -> None:
        self._library = library
        self._directory = directory
        self._facts = facts
        self._thresholds = thresholds
        self._topics = topics
        self._table: dict[str, Callable[[Turn, Mapping[str, Any]], Awaitable[Answer]]] = {
            "action_answer": self.answer,
            "action_find_services": self.find_services,
            f"validate_{FORM}": self.validate_form,
        }

    def names(self) -> list[str]:
        return sorted(self._table)

    async def run(self, name: str, turn: Turn, tracker: Mapping[str, Any]) -> Answer:
        return await self._table[name](turn, tracker)

    async def answer(self, turn: Turn, tracker: Mapping[str, Any]) -> Answer:
        """Turn the ranked topics into one of: answer, ask which, say no. `decide` judges; this only passes it on."""
        decision = decide(
            tracker["latest_message"],
            library=self._library,
            topics=self._topics,
            thresholds=self._thresholds,
            profile=Profile(age_months=turn.age_months, nation=turn.person.nation, audience=turn.person.audience),
            seen=turn.state.seen,
            follows=turn.state.last_topic if self._facts.carries_on(turn.text) else None,
        )
        result = Answer()
        if decision.message is not None:
            result.say(f"give:{decision.message.id}", outcome=decision.outcome, second=decision.second, topic=decision.topic)
        elif decision.outcome == "asked":
            result.say("which:", choices=list(decision.choices), topic=decision.topic)
        else:
            result.say("not_followed:", topic=decision.topic)
        return result

    async def validate_form(self, turn: Turn, tracker: Mapping[str, Any]) -> Answer:
        """Read the form's answers from the text and the profile. What is read is offered to Rasa as slots; nothing else is."""
        result = Answer()
        slots = tracker["slots"]
        asked = slots.get("requested_slot")
        found = await services.look(partial(self._read, turn, asked, first=asked is None))
        for name in SLOTS:
            if name in found and (slots.get(name) in (None, "") or name == asked or name in turn.given):
                result.set_slot(name, found[name])
        return result

    def _read(self, turn: Turn, asked: str | None, *, first: bool) -> dict[str, Any]:
        """The answers in one message: those of buttons, those in the words, and on opening those the profile knows."""
        text = turn.text
        found: dict[str, Any] = dict(turn.given)
        place = self._directory.find_place(text)
        if place is not None:
            found.setdefault("place", place.name)
        need = self._facts.need(text)
        if need is not None and (first or asked == "need"):
            found.setdefault("need", need)
        age = self._facts.bare_age(text) if asked == "age" else self._facts.age_months(text)
        if age is not None:
            found.setdefault("age", str(age))
        mode = self._facts.mode(text)
        if mode is not None and (asked == "mode" or (first and mode in ("online", "phone", "home"))):
            found.setdefault("mode", mode)
        if asked in SLOTS and asked not in found and self._facts.any_will_do(text):
            found[asked] = ANY
        if first:
            self._from_profile(turn, found)
        return found

    def _from_profile(self, turn: Turn, found: dict[str, Any]) -> None:
        if turn.age_months is not None:
            found.setdefault("age", str(turn.age_months))
        if turn.person.district and self._directory.find_place(turn.person.district):
            found.setdefault("place", turn.person.district)

    async def find_services(self, turn: Turn, tracker: Mapping[str, Any]) -> Answer:
        """Search the directory with the form's answers."""
        wanted = {name: tracker["slots"].get(name) for name in SLOTS}
        items, more = await services.look(services.search, self._directory, wanted, turn.language)
        result = Answer()
        result.say("services:", items=items, more=more, wanted=wanted)
        for name in SLOTS:
            result.set_slot(name, None)
        return result
