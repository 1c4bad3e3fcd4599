"""The later questions: who they are to the child, the child's month, the place. Each is asked once, and each may be skipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from bot.conversation.facts import FactWords, simple
from bot.conversation.series import SeriesTalk
from bot.conversation.turn import MENU, Args, Turn
from bot.messages import ButtonSpec
from services_directory.places import find_postcode

ROLES = ("mum", "dad", "partner", "grandparent", "carer", "expecting")
NATION_NAMES = ("england", "northern-ireland", "scotland", "wales")
QUESTIONS = ("role", "child", "place")
"""In this order."""


class LaterQuestions:
    """When which question is put, and what an answer changes."""

    def __init__(self, facts: FactWords, series: SeriesTalk) -> None:
        self.facts = facts
        self.series = series
        self.table: dict[str, Callable[[Turn, Args], None]] = {"role": self.role, "nation": self.nation, "skip": self.skip}

    def due(self, turn: Turn) -> str | None:
        """The later question to ask after this turn, if one is due; not before the second useful answer."""
        if turn.state.useful < 2 or turn.state.question or turn.state.form or turn.state.writer_child:
            return None
        known = {"role": turn.person.role, "child": turn.person.children, "place": turn.person.district or turn.person.nation}
        open_to = [name for name in QUESTIONS if not (name == "child" and turn.person.bereaved)]
        due = turn.state.useful - 1
        asked = len([name for name in QUESTIONS if name in turn.state.asked])
        if asked >= due:
            return None
        return next((name for name in open_to if name not in turn.state.asked and not known[name]), None)

    def ask(self, turn: Turn, name: str) -> None:
        """Put one of `QUESTIONS`, with a way to skip it."""
        skip = ButtonSpec(label="button.skip", action="skip")
        turn.state.question = name
        turn.state.asked.append(name)
        if name == "role":
            rows = [ButtonSpec(label=f"role.{role}", action="role", args={"role": role}) for role in ROLES]
            turn.say("text:question.role", rows=[*rows, skip])
        elif name == "place":
            rows = [ButtonSpec(label=f"nation.{nation}", action="nation", args={"nation": nation}) for nation in NATION_NAMES]
            turn.say("text:question.place", rows=[*rows, skip])
        else:
            turn.say("text:question.child", buttons=(skip,))

    def answer(self, turn: Turn) -> bool:
        """Take the text as an answer to the question put last; says whether it was one."""
        if turn.state.question == "child":
            months = _months_named(turn.text, turn.moment) or self._month_of_age(turn)
            if months:
                for month in months:
                    turn.do("add_child", month=month)
                self._told_of_child(turn, months)
                return True
        if turn.state.question == "place":
            place = find_postcode(turn.text)
            if place is not None:
                turn.do("set_profile", district=place.outcode)
                self._answered(turn)
                return True
        turn.state.question = None
        return False

    def _told_of_child(self, turn: Turn, months: list[str]) -> None:
        """Go on with the series that they were choosing, else thank them and offer one."""
        joining, turn.state.joining = turn.state.joining, None
        if joining is not None:
            turn.state.question = None
            self.series.join(turn, {**joining, "child": months[0]})
            return
        self._answered(turn)
        self.series.offer(turn)

    def role(self, turn: Turn, args: Args) -> None:
        if args["role"] in ROLES and not turn.state.writer_child:
            turn.do("set_profile", role=args["role"])
        self._answered(turn)

    def nation(self, turn: Turn, args: Args) -> None:
        if args["nation"] in NATION_NAMES:
            turn.do("set_profile", nation=args["nation"])
        self._answered(turn)

    def skip(self, turn: Turn, args: Args) -> None:
        turn.state.question = turn.state.joining = None
        turn.say("text:question.skipped", buttons=(MENU,))
        turn.quiet = True
        turn.outcome = "skipped"

    def _answered(self, turn: Turn) -> None:
        turn.state.question = None
        turn.say("text:question.thanks", buttons=(MENU,))
        turn.quiet = True
        turn.outcome = "profile"

    def _month_of_age(self, turn: Turn) -> list[str]:
        age = self.facts.bare_age(turn.text)
        if age is None:
            return []
        index = turn.moment.year * 12 + turn.moment.month - 1 - age
        return [f"{index // 12}-{index % 12 + 1:02d}"]


_MONTH = re.compile(r"(?<!\d)(0?[1-9]|1[0-2])\s*[/.-]\s*(20\d\d|\d\d)(?!\d)|(?<!\d)(20\d\d)\s*[/.-]\s*(0?[1-9]|1[0-2])(?!\d)")


def _months_named(text: str, moment: datetime) -> list[str]:
    """Months such as 03/2025 or 2025-03 in `text`, from six years ago to a year ahead."""
    found = []
    for first, second, year_first, month_second in _MONTH.findall(simple(text)):
        year, month = (int(year_first), int(month_second)) if year_first else (int(second), int(first))
        year += 2000 if year < 100 else 0
        if moment.year - 6 <= year <= moment.year + 1:
            found.append(f"{year}-{month:02d}")
    return found
