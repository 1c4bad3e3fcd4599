"""Talking about series: choosing one, its day, hour and pace, changing it, pausing, stopping. On a turn; no database.

Each button carries all that has been chosen so far, so that nothing is kept between turns but the question for a child's month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.conversation.turn import HELP_NOW, MENU, NO, PERSON, Args, Turn
from bot.library import Library
from bot.library.dates import say_month, say_weekday
from bot.library.library import version_of
from bot.library.series import Series
from bot.messages import MAX_ROWS, ButtonSpec
from bot.people.people import Kid, Subscription, months_since
from bot.series.plan import PACES, SLOWER

ANY_DAY = "0123456"
MONTHS_AHEAD, MONTHS_BACK = 8, 4
EARLY = (1, 2, 3)
OFFERED = "series"
TYPED = {"series_less": "less", "series_apart": "apart"}
"""What a command's words change of a series."""


class SeriesTalk:
    """The handlers of series; `table` names them for buttons and words."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.table = {
            "series_menu": self.menu,
            "series_join": self.join,
            "series_change": self.change,
            "series_set": self.set,
            "series_less": lambda turn, args: self.set_typed(turn, "series_less"),
            "series_apart": lambda turn, args: self.set_typed(turn, "series_apart"),
            "series_when": self.when,
            "series_born": self.born,
            "series_read": self.read,
        }

    # Choosing

    def menu(self, turn: Turn, args: Args) -> None:
        """What they get, to change it, and what else there is."""
        turn.state.close_form()
        turn.quiet, turn.outcome = True, "series"
        if turn.state.writer_child:
            turn.say("text:series.nothing_waits", buttons=(PERSON, MENU))
            return
        mine = [
            ButtonSpec(label=f"menu.series.{one.series}", action="series_change", args={"id": one.id})
            for one in turn.person.subscriptions
            if one.series in self._library.series.by_id
        ]
        have = {one.series for one in turn.person.subscriptions}
        more = [
            ButtonSpec(label=f"menu.series.{one.id}", action="series_join", args={"series": one.id})
            for one in self._library.series
            if self._fits(turn, one) and (one.id not in have or len(self._kids(turn, one)) > 1)
        ]
        turn.say("text:series.which", rows=[*[*mine, *more][: MAX_ROWS - 1], MENU])

    @staticmethod
    def _fits(turn: Turn, series: Series) -> bool:
        if turn.person.bereaved:
            return False
        return not series.audience or turn.person.audience is None or turn.person.audience in series.audience

    @staticmethod
    def _kids(turn: Turn, series: Series) -> list[Kid]:
        """Their children whom the series is for now."""
        return [
            kid
            for kid in turn.person.kids
            if not kid.apart
            and series.ages[0] <= months_since(kid.month, turn.moment) < series.ages[1]
            and not (kid.due and series.counts_from == "corrected")
        ]

    def join(self, turn: Turn, args: Args) -> None:
        """The next question on the way to a series, or the series itself once they have agreed. `args` are the answers so far."""
        series = self._library.series.by_id.get(str(args["series"]))
        turn.quiet, turn.outcome = True, "series"
        if series is None or turn.state.writer_child or turn.person.bereaved:
            self.menu(turn, {})
            return
        draft = dict(args)
        if "child" not in draft and not self._choose_child(turn, series, draft):
            return
        if series.counts_from == "corrected" and "early" not in draft:
            self._ask(turn, "series.early", "early", draft, [(f"menu.early_{number}", {}, number) for number in EARLY])
        elif series.counts_from == "date" and "month" not in draft:
            months = [_month(turn.moment, ahead) for ahead in range(MONTHS_AHEAD)]
            self._ask(
                turn, "series.date", "month", draft, [("menu.choice", {"name": self._say(turn, one)}, one) for one in months]
            )
        elif "pace" not in draft:
            self._ask(turn, "series.pace", "pace", draft, [(f"button.pace_{pace}", {}, pace) for pace in PACES])
        elif "days" not in draft:
            self._ask(turn, "series.day", "days", draft, self._days(turn))
        elif "hour" not in draft:
            self._ask(turn, "series.hour", "hour", draft, self._hours())
        elif not draft.get("agreed"):
            self._ask_to_agree(turn, series, draft)
        else:
            turn.do("series_join", **draft)
            turn.say("text:series.joined", buttons=(ButtonSpec(label="button.series_change", action="series_menu"), MENU))

    def _choose_child(self, turn: Turn, series: Series, draft: dict[str, Any]) -> bool:
        """Put the child into the draft, by month, if that is plain; else ask. A series around a date does without one."""
        kids = self._kids(turn, series)
        if len(kids) == 1 or (not kids and not series.by_age):
            draft["child"] = kids[0].month if kids else ""
            return True
        if kids:
            self._ask(
                turn,
                "series.child",
                "child",
                draft,
                [("menu.choice", {"name": self._say(turn, kid.month)}, kid.month) for kid in kids],
            )
        elif turn.person.kids:
            turn.say("text:series.too_old", buttons=(PERSON, MENU))
        else:
            turn.state.joining, turn.state.question = draft, "child"
            turn.say("text:question.child", buttons=(ButtonSpec(label="button.skip", action="skip"),))
        return False

    def _ask_to_agree(self, turn: Turn, series: Series, draft: dict[str, Any]) -> None:
        strings, language = self._library.strings, turn.language
        words = {
            "name": strings.get(f"menu.series.{series.id}", language),
            "about": strings.get(f"series.about.{series.id}", language),
            "pace": strings.get(f"button.pace_{draft['pace']}", language),
            "day": strings.get("menu.any_day", language)
            if draft["days"] == ANY_DAY
            else say_weekday(int(draft["days"]), language),
            "hour": f"{draft['hour']:02d}:00",
        }
        agreed = {**draft, "agreed": True, "version": version_of(strings.get("series.agree", language, **words))}
        turn.state.pending = {"action": "series_join", "args": agreed}
        turn.say("text:series.agree", words, buttons=(ButtonSpec(label="button.yes", action="series_join", args=agreed), NO))

    def _ask(
        self, turn: Turn, ref: str, key: str, draft: Mapping[str, Any], choices: Sequence[tuple[str, Mapping[str, str], Any]],
        action: str = "series_join",
    ) -> None:  # fmt: skip
        rows = [
            ButtonSpec(label=label, label_args=values, action=action, args={**draft, key: value})
            for label, values, value in choices
        ]
        turn.say(f"text:{ref}", rows=[*rows, MENU])

    def _days(self, turn: Turn) -> list[tuple[str, Mapping[str, str], Any]]:
        named = [("menu.choice", {"name": say_weekday(day, turn.language)}, str(day)) for day in range(7)]
        return [*named, ("menu.any_day", {}, ANY_DAY)]

    def _hours(self) -> list[tuple[str, Mapping[str, str], Any]]:
        return [("menu.choice", {"name": f"{hour:02d}:00"}, hour) for hour in self._library.series.settings.hours]

    @staticmethod
    def _say(turn: Turn, month: str) -> str:
        return say_month(month, turn.language)

    # Changing

    def change(self, turn: Turn, args: Args) -> None:
        """What can be changed of one that they get."""
        mine = _mine(turn, args)
        turn.quiet, turn.outcome = True, "series"
        if mine is None or mine.series not in self._library.series.by_id:
            self.menu(turn, {})
            return
        own, series = {"id": mine.id}, self._library.series.by_id[mine.series]
        rows = [ButtonSpec(label="menu.series_when", action="series_when", args=own)]
        if mine.pace in SLOWER:
            rows.insert(0, ButtonSpec(label="menu.series_less", action="series_set", args={**own, "what": "less"}))
        if mine.state == "paused":
            rows.append(ButtonSpec(label="button.series_resume", action="series_set", args={**own, "what": "resume"}))
        else:
            rows.append(ButtonSpec(label="menu.series_pause", action="series_set", args={**own, "what": "pause"}))
        if series.by_age:
            rows.append(ButtonSpec(label="menu.series_apart", action="series_set", args={**own, "what": "apart"}))
        rows.append(ButtonSpec(label="menu.series_stop", action="series_set", args={**own, "what": "stop"}))
        rows.append(ButtonSpec(label="menu.series", action="series_menu"))
        name = self._library.strings.get(f"menu.series.{mine.series}", turn.language)
        turn.say("text:series.change", {"name": name}, rows=rows)

    def set(self, turn: Turn, args: Args) -> None:
        """Less often, pause, go on, the child is not here, stop."""
        mine, what = _mine(turn, args), str(args["what"])
        turn.quiet, turn.outcome = True, "series"
        if mine is None:
            self.menu(turn, {})
            return
        turn.do("series_set", id=mine.id, what=what)
        more = ButtonSpec(label="button.series", action="series_menu")
        if what == "pause":
            resume = ButtonSpec(label="button.series_resume", action="series_set", args={"id": mine.id, "what": "resume"})
            turn.say("text:series.paused", buttons=(resume, MENU))
        elif what == "resume":
            turn.say("text:series.resumed", buttons=(more, MENU))
        elif what == "stop":
            turn.say("text:series.stopped", buttons=(PERSON, MENU))
        elif what == "apart":
            turn.say("text:series.apart", buttons=(PERSON, HELP_NOW, MENU))
            turn.state.age_months = None
        else:
            turn.say("text:series.changed", buttons=(more, MENU))

    def takes(self, turn: Turn, command: str) -> bool:
        """Whether a command's words mean anything here: "not living with me now" of somebody who gets nothing is a story of its own.

        "Less often" always does, but for somebody who is answering a question.
        """
        asked = bool(turn.state.form or turn.state.question)
        return command not in TYPED or bool(self._meant(turn, command)) or (command == "series_less" and not asked)

    def set_typed(self, turn: Turn, command: str) -> None:
        """ "Less often" or "not living with me now", in words: done at once where there is one to do it to, else it is asked which."""
        meant, what = self._meant(turn, command), TYPED[command]
        if len(meant) == 1:
            self.set(turn, {"id": meant[0].id, "what": what})
            return
        turn.quiet, turn.outcome = True, "series"
        if not meant:
            self._no_less(turn)
            return
        rows = [
            ButtonSpec(label=f"menu.series.{one.series}", action="series_set", args={"id": one.id, "what": what}) for one in meant
        ]
        turn.say("text:series.which", rows=[*rows[: MAX_ROWS - 1], MENU])

    @staticmethod
    def _no_less(turn: Turn) -> None:
        """They get nothing, or nothing that could come less often. Nothing is offered: they asked for less."""
        if turn.person.subscriptions:
            turn.say("text:series.slowest", buttons=(ButtonSpec(label="button.series", action="series_menu"), MENU))
        else:
            turn.say("text:series.none", buttons=(PERSON, MENU))

    def _meant(self, turn: Turn, command: str) -> list[Subscription]:
        """Which of what they get a typed command can be about."""
        mine = [one for one in turn.person.subscriptions if one.series in self._library.series.by_id]
        if command == "series_less":
            return [one for one in mine if one.pace in SLOWER]
        return [one for one in mine if self._library.series.by_id[one.series].by_age]

    def when(self, turn: Turn, args: Args) -> None:
        """Another day and hour."""
        mine = _mine(turn, args)
        turn.quiet, turn.outcome = True, "series"
        if mine is None:
            self.menu(turn, {})
        elif "days" not in args:
            self._ask(turn, "series.day", "days", args, self._days(turn), "series_when")
        elif "hour" not in args:
            self._ask(turn, "series.hour", "hour", args, self._hours(), "series_when")
        else:
            turn.do("series_set", id=mine.id, what="when", days=args["days"], hour=args["hour"])
            turn.say("text:series.changed", buttons=(ButtonSpec(label="button.series", action="series_menu"), MENU))

    # The birth

    def born(self, turn: Turn, args: Args) -> None:
        """Their answer whether the baby is here."""
        mine, said = _mine(turn, args), str(args["said"])
        turn.quiet, turn.outcome = True, "series"
        if mine is None:
            self.menu(turn, {})
        elif said == "lost":
            turn.do("series_set", id=mine.id, what="child")
            turn.say("text:series.lost", buttons=(PERSON, HELP_NOW))
            turn.state.pending = {"action": "bereaved", "args": {}, "otherwise": "not_bereaved"}
            turn.say(
                "text:loss.ask",
                buttons=(ButtonSpec(label="button.yes", action="bereaved"), ButtonSpec(label="button.no", action="not_bereaved")),
            )
        elif said == "not_yet":
            turn.do("series_set", id=mine.id, what="not_yet")
            here = ButtonSpec(label="button.born_yes", action="series_born", args={"id": mine.id, "said": "yes"})
            turn.say("text:series.not_yet", buttons=(here, PERSON, MENU))
        elif "month" not in args:
            months = [_month(turn.moment, -back) for back in range(MONTHS_BACK)]
            choices = [("menu.choice", {"name": self._say(turn, one)}, one) for one in months]
            self._ask(turn, "series.born_month", "month", args, choices, "series_born")
        else:
            turn.do("series_set", id=mine.id, what="born", month=args["month"])
            turn.say("text:series.born_done", buttons=(ButtonSpec(label="button.series", action="series_menu"), MENU))

    def read(self, turn: Turn, args: Args) -> None:
        """They pressed to read what waited for them."""
        turn.quiet, turn.outcome = True, "series"
        if turn.person.waiting is None or turn.person.waiting.message not in self._library.messages:
            turn.say("text:series.nothing_waits", buttons=(PERSON, MENU))
            return
        waiting = turn.person.waiting
        change = ButtonSpec(label="button.series_change", action="series_change", args={"id": waiting.subscription_id})
        turn.do("series_given", step=waiting.id)
        turn.say(f"message:{waiting.message}", buttons=(change, PERSON, MENU))

    # The offer

    def offer(self, turn: Turn) -> None:
        """Once, after they have told of a child."""
        if OFFERED in turn.state.asked or turn.state.writer_child or turn.person.bereaved or turn.person.subscriptions:
            return
        turn.state.asked.append(OFFERED)
        turn.state.pending = {"action": "series_menu", "args": {}}
        turn.say("text:series.offer", buttons=(ButtonSpec(label="button.yes", action="series_menu"), NO))


def _mine(turn: Turn, args: Args) -> Subscription | None:
    return next((one for one in turn.person.subscriptions if one.id == args.get("id")), None)


def _month(moment: datetime, ahead: int) -> str:
    index = moment.year * 12 + moment.month - 1 + ahead
    return f"{index // 12}-{index % 12 + 1:02d}"
