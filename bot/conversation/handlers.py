"""What each command, button and navigation intent does: one function each, on a turn. No Rasa, no database, no words.

The router calls them by name for exact words and buttons, and the journey for what Rasa understood (`do:<name>`), so that a word,
a button and a sentence that mean the same do the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.conversation.facts import FactWords, simple
from bot.conversation.offers import under_message
from bot.conversation.reach import Reach
from bot.conversation.safety import ABUSE_TOPIC, urgent_reply
from bot.conversation.series import SeriesTalk
from bot.conversation.turn import FIND, HELP_NOW, MENU, NO, PERSON, YES, Turn
from bot.languages import supported
from bot.library import Library, Message
from bot.library.helplines import isolate
from bot.library.library import BLOCKS
from bot.messages import MAX_ROWS, ButtonSpec, MessageClass
from bot.people.tombstones import new_receipt
from services_directory.places import find_postcode

Args = Mapping[str, Any]
MENU_TOPICS = ("baby/crying", "baby/sleep", "baby/feeding")
ROLES = ("mum", "dad", "partner", "grandparent", "carer", "expecting")
NATION_NAMES = ("england", "northern-ireland", "scotland", "wales")
WORRY_LASTS = timedelta(days=1)
"""How long after a message of concern a person who is asked for may be told of it."""

WRONG_REASONS = ("closed", "moved", "phone", "full", "other")
"""What a parent may say is wrong with a service."""

REPORTS_REMEMBERED = 60
LOSS_TOPIC = "wellbeing/baby-loss"
QUESTIONS = ("role", "child", "place")
"""The later questions, in order: each asked once, each skippable."""


class Handlers:
    """The handlers and what they need. One per process; holds no state of a conversation."""

    def __init__(self, library: Library, facts: FactWords) -> None:
        self.library = library
        self.reach = Reach(library.strings, facts.contact_wish)
        self.facts = facts
        self.series = SeriesTalk(library)
        self._table: dict[str, Callable[[Turn, Args], None]] = {
            "help_menu": self.menu,
            "greet": self.greet,
            "campaign": self.campaign,
            "help_now": self.help_now,
            "talk_to_person": self.talk_to_person,
            "stop_messages": self.stop,
            "start_messages": self.start,
            "change_language": self.change_language,
            "set_language": self.set_language,
            "keep_language": self.keep_language,
            "delete_my_data": self.ask_forget,
            "forget": self.forget,
            "what_data": self.what_data,
            "privacy": self.privacy,
            "source": self.source,
            "more": self.more,
            "yes": self.yes,
            "no": self.no,
            "thanks": self.thanks,
            "feedback_bad": self.feedback_bad,
            "useful": self.useful,
            "wrong_service": self.wrong_service,
            "wrong_reason": self.wrong_reason,
            "bot_challenge": self.bot_challenge,
            "i_am_professional": self.professional,
            "topic": self.topic,
            "content": self.content,
            "ideas": self.ideas,
            "not_meant": self.not_meant,
            "skip": self.skip,
            "role": self.role,
            "nation": self.nation,
            "accept_person": self.accept_person,
            "read_now": self.read_now,
            "not_now": self.not_now,
            "contact": self.contact,
            "bereaved": self.bereaved,
            "not_bereaved": self.not_bereaved,
            "share": self.share,
            "reply_waiting": self.reply_waiting,
            "keep": self.keep,
            **self.series.table,
        }

    def knows(self, name: str) -> bool:
        return name in self._table

    def run(self, name: str, turn: Turn, args: Args | None = None) -> None:
        """Run one handler. Raises KeyError for an unknown name."""
        if name not in ("yes", "no"):
            turn.state.pending = None  # a yes that comes later is not meant for a question that has been passed over
        self._table[name](turn, args or {})

    # Getting about

    def menu(self, turn: Turn, args: Args) -> None:
        turn.state.close_form()
        turn.state.pending = None
        rows = [
            ButtonSpec(label="menu.find", action="find_service"),
            *(ButtonSpec(label=f"topic.{topic}", action="topic", args={"topic": topic}) for topic in MENU_TOPICS),
            ButtonSpec(label="menu.ideas", action="ideas"),
            ButtonSpec(label="menu.me", action="topic", args={"topic": "wellbeing/low-mood"}),
            ButtonSpec(label="menu.person", action="talk_to_person"),
            ButtonSpec(label="menu.help_now", action="help_now"),
            ButtonSpec(label="menu.language", action="change_language"),
            ButtonSpec(label="menu.privacy", action="privacy"),
        ]
        turn.say("text:menu.intro", rows=rows[:MAX_ROWS])
        turn.outcome = turn.outcome or "menu"

    def greet(self, turn: Turn, args: Args) -> None:
        turn.say("text:greet.hello", buttons=(FIND, PERSON, MENU))
        turn.outcome = "greeted"

    def campaign(self, turn: Turn, args: Args) -> None:
        """What a campaign begins with, while it runs; before and after, hello."""
        campaign = self.library.campaigns.running(args["code"], turn.moment)
        if campaign is None:
            self.greet(turn, {})
        elif campaign.first_message is not None:
            self.give(turn, campaign.first_message)
        else:
            self.answer(turn, campaign.topic)

    def ideas(self, turn: Turn, args: Args) -> None:
        rows = [ButtonSpec(label=f"topic.{block}", action="topic", args={"topic": block}) for block in BLOCKS]
        turn.say("text:ideas.intro", rows=[*rows, ButtonSpec(label="menu.series", action="series_menu")])
        turn.outcome = "menu"

    def help_now(self, turn: Turn, args: Args) -> None:
        turn.say("text:help_now", buttons=(PERSON, MENU), message_class=MessageClass.SAFETY)
        turn.quiet = True
        turn.outcome = "help_now"

    def bot_challenge(self, turn: Turn, args: Args) -> None:
        turn.say("text:bot.challenge", buttons=(PERSON, MENU))
        turn.outcome = "answered"

    def professional(self, turn: Turn, args: Args) -> None:
        turn.say("text:professional", buttons=(FIND, MENU))
        turn.quiet = True
        turn.outcome = "professional"

    def thanks(self, turn: Turn, args: Args) -> None:
        turn.say("text:thanks", buttons=(MENU,))
        turn.quiet = True
        turn.outcome = "thanked"

    # A person

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

    def accept_person(self, turn: Turn, args: Args) -> None:
        self.talk_to_person(turn, args)

    def not_meant(self, turn: Turn, args: Args) -> None:
        turn.do("not_meant")
        turn.state.contact = None
        turn.say("safety:not-what-i-meant", buttons=(HELP_NOW, PERSON, MENU), message_class=MessageClass.SAFETY)
        turn.quiet = True
        turn.outcome = "not_meant"

    # Stopping, starting, language

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

    def _offer_switch(self, turn: Turn) -> None:
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

    # What is known of them

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

    # Answers

    def topic(self, turn: Turn, args: Args) -> None:
        self.answer(turn, args["topic"])

    def content(self, turn: Turn, args: Args) -> None:
        self.give(turn, args["content_id"])

    def answer(self, turn: Turn, topic: str, second: str | None = None) -> None:
        """The best message on a topic, with one next step."""
        message = self.library.choose(
            topic,
            age_months=turn.age_months,
            nation=turn.person.nation,
            audience=turn.person.audience,
            seen=turn.state.seen,
        )
        if message is None:
            self.not_followed(turn)
        else:
            self.give(turn, message.id, second)

    def give(self, turn: Turn, content_id: str, second: str | None = None) -> None:
        """One message by id, its next step, "talk to a person" and the menu."""
        message = self.library.messages.get(content_id)
        if message is None:
            self.menu(turn, {})
            return
        if message.topic == ABUSE_TOPIC:
            turn.topic = message.topic
            self.reach.ask_if_safe_to_read(turn, "read_content", {"content_id": content_id})
            return
        self._give(turn, message, second)

    def _give(self, turn: Turn, message: Message, second: str | None) -> None:
        content_id = message.id
        turn.say(f"message:{content_id}", buttons=under_message(self.library, message, seen=turn.state.seen, second=second))
        turn.state.remember(content_id, message.topic)
        turn.state.answers_since_feedback += 1
        turn.topic = message.topic
        turn.outcome = turn.outcome or "answered"
        turn.useful = True
        if message.topic == LOSS_TOPIC:
            self._ask_about_loss(turn)

    # After a bereavement

    def _ask_about_loss(self, turn: Turn) -> None:
        """Once, and only after an answer on losing a baby that was asked for: whether to stop speaking of the baby's age."""
        known = turn.person.bereaved or LOSS_TOPIC in turn.state.asked or turn.state.writer_child
        if known or self.facts.of_somebody_else(turn.text):
            return
        turn.quiet = True
        turn.state.asked.append(LOSS_TOPIC)
        turn.state.pending = {"action": "bereaved", "args": {}, "otherwise": "not_bereaved"}
        turn.say(
            "text:loss.ask",
            buttons=(ButtonSpec(label="button.yes", action="bereaved"), ButtonSpec(label="button.no", action="not_bereaved")),
        )

    def bereaved(self, turn: Turn, args: Args) -> None:
        """They say yes: no age is used, asked for or sent by from now on; people who know the pain are offered."""
        turn.do("bereaved")
        turn.state.age_months = None
        turn.state.question = None
        turn.state.close_form()
        turn.say("text:loss.yes", buttons=(PERSON, HELP_NOW, MENU))
        turn.state.pending = {"action": "accept_person", "args": {}}
        turn.quiet = True
        turn.outcome = "bereaved"

    def not_bereaved(self, turn: Turn, args: Args) -> None:
        turn.say("text:loss.no", buttons=(PERSON, MENU))
        turn.quiet = True
        turn.outcome = "no"

    # Where somebody may be reading along

    def read_now(self, turn: Turn, args: Args) -> None:
        """It is safe to read: the answer that waited, and how to take this chat away again."""
        held, turn.state.held, turn.state.discreet = turn.state.held, None, False
        if held is None:
            self.menu(turn, {})
            return
        if held["action"] == "read_urgent":
            turn.replies.append(urgent_reply(held["args"].get("kind"), turn.team, turn.moment))
            turn.outcome = "urgent"
        else:
            message = self.library.messages.get(held["args"]["content_id"])
            if message is not None:
                self._give(turn, message, None)
        self.reach.say_how_to_delete(turn)
        if turn.case is not None:
            self.reach.ask_when_safe(turn)
        turn.quiet = True

    def not_now(self, turn: Turn, args: Args) -> None:
        """It is not safe to read: something that anyone may see. The answer waits until it is asked for."""
        turn.state.discreet = turn.state.held is not None
        self.menu(turn, {})
        turn.quiet = True
        turn.outcome = "not_now"

    def contact(self, turn: Turn, args: Args) -> None:
        """A button under a question about how to reach them."""
        self.reach.pressed(turn, str(args["choice"]))

    def ask_which(self, turn: Turn, choices: tuple[str, ...]) -> None:
        """Unsure: offer up to three topics in the parent's language."""
        rows = [ButtonSpec(label=f"topic.{topic}", action="topic", args={"topic": topic}) for topic in choices]
        if not rows:
            self.not_followed(turn)
            return
        turn.say(
            "text:ask.which",
            rows=[
                *rows,
                ButtonSpec(label="menu.person", action="talk_to_person"),
                ButtonSpec(label="menu.other", action="help_menu"),
            ],
        )
        turn.outcome = "asked"

    def not_followed(self, turn: Turn) -> None:
        """Honest, with what Wren can do; never silence."""
        turn.say("text:not_followed", buttons=(FIND, PERSON, MENU))
        turn.outcome = "refused"

    def wordless(self, turn: Turn) -> None:
        """Emoji alone, which may come from somebody who has no words left: ask for a few, with the numbers beside."""
        turn.say("text:wordless", buttons=(HELP_NOW, PERSON, MENU))
        turn.quiet = True
        turn.outcome = "unsupported"

    def unavailable(self, turn: Turn) -> None:
        """The understanding part does not answer: say so, with what still works."""
        turn.say("text:unavailable", buttons=(HELP_NOW, PERSON, MENU))
        turn.quiet = True
        turn.outcome = "unavailable"

    def source(self, turn: Turn, args: Args) -> None:
        message = self.library.messages.get(args.get("content_id") or turn.state.last_content or "")
        if message is None:
            turn.say("text:source.none", buttons=(MENU,))
        else:
            names = "; ".join(f"{name} ({year})" for name, year in message.sources)
            key = "text:source.reviewed" if message.reviewed else "text:source.draft"
            turn.say(
                key if names else "text:source.own",
                {"sources": names, "date": message.reviewed or ""} if names else {},
                buttons=(MENU,),
            )
        turn.outcome = "source"

    def more(self, turn: Turn, args: Args) -> None:
        if turn.state.last_topic:
            self.answer(turn, turn.state.last_topic)
        else:
            self.ideas(turn, args)

    def feedback_bad(self, turn: Turn, args: Args) -> None:
        if turn.state.last_content:
            turn.do("feedback", content_id=turn.state.last_content, useful=False)
        turn.say("text:feedback.bad", buttons=(ButtonSpec(label="button.more", action="more"), PERSON, MENU))
        turn.quiet = True
        turn.outcome = "feedback"

    def useful(self, turn: Turn, args: Args) -> None:
        turn.do("feedback", content_id=args["content_id"], useful=bool(args["useful"]))
        if args["useful"]:
            turn.say("text:feedback.good", buttons=(MENU,))
        else:
            turn.say("text:feedback.bad", buttons=(ButtonSpec(label="button.more", action="more"), PERSON, MENU))
        turn.quiet = True
        turn.outcome = "feedback"

    # What the directory has wrong

    def wrong_service(self, turn: Turn, args: Args) -> None:
        """A service that was shown is not as the directory says: ask which, if several were, thank them, and offer reasons."""
        services = args.get("services") or turn.state.shown
        if not services:
            self.feedback_bad(turn, args)
            return
        turn.state.close_form()
        turn.quiet = True
        turn.outcome = "wrong_service"
        if len(services) > 1:
            rows = [
                ButtonSpec(
                    label="service.choice",
                    label_args={"number": str(number), "name": name},
                    action="wrong_service",
                    args={"services": [[service_id, name]]},
                )
                for number, (service_id, name) in enumerate(services, start=1)
            ]
            names = "\n".join(f"{number}. {name}" for number, (_, name) in enumerate(services, start=1))
            turn.say("text:wrong.which", {"names": names}, rows=[*rows, MENU])
            return
        ((service_id, name),) = services
        self._report(turn, service_id)
        rows = [
            ButtonSpec(label=f"reason.{reason}", action="wrong_reason", args={"service": service_id, "reason": reason})
            for reason in WRONG_REASONS
        ]
        turn.say("text:wrong.thanks", {"name": name}, rows=[*rows, MENU])

    def wrong_reason(self, turn: Turn, args: Args) -> None:
        """Why it is wrong, by a choice."""
        self._report(turn, args["service"], args["reason"])
        turn.say("text:wrong.reason_thanks", buttons=(FIND, PERSON, MENU))
        turn.quiet = True
        turn.outcome = "wrong_service"

    @staticmethod
    def _report(turn: Turn, service_id: str, reason: str = "") -> None:
        """Count it, once for this parent."""
        said = f"{service_id} {reason}".strip()
        if said in turn.state.reported:
            return
        turn.state.reported = [*turn.state.reported, said][-REPORTS_REMEMBERED:]
        turn.do("report_service", service_id=service_id, reason=reason)

    # Yes and no

    def yes(self, turn: Turn, args: Args) -> None:
        pending, turn.state.pending = turn.state.pending, None
        if pending is not None:
            self.run(pending["action"], turn, pending["args"])
        elif turn.state.held:
            self.reach.ask_again(turn)
        else:
            self.greet(turn, {})

    def no(self, turn: Turn, args: Args) -> None:
        pending, turn.state.pending = turn.state.pending, None
        if turn.state.question:
            self.skip(turn, args)
            return
        if pending and pending.get("otherwise"):
            self.run(pending["otherwise"], turn, pending["args"])
            return
        turn.say("text:no.fine" if pending else "text:no.what_then", buttons=(PERSON, MENU))
        turn.quiet = True
        turn.outcome = "no"

    # The later questions

    def next_question(self, turn: Turn) -> str | None:
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

    def ask_question(self, turn: Turn, name: str) -> None:
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

    def answer_question(self, turn: Turn) -> bool:
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

    # What is added after an answer

    def afterwards(self, turn: Turn) -> None:
        """The one thing that may follow an answer: the first notice, a language offer, feedback, or a later question."""
        if turn.level == "concern" or turn.case is not None or turn.quiet:
            return
        if turn.offer_language:
            self._offer_switch(turn)
        elif not turn.state.noticed:
            self._notice(turn)
        elif turn.useful and not turn.person.language_chosen and "language" not in turn.state.asked:
            turn.state.asked.append("language")
            self.offer_languages(turn)
        elif turn.useful and turn.state.answers_since_feedback >= 4 and turn.state.last_content:
            turn.state.answers_since_feedback = 0
            args = {"content_id": turn.state.last_content}
            turn.say(
                "text:feedback.ask",
                buttons=(
                    ButtonSpec(label="button.yes", action="useful", args={**args, "useful": True}),
                    ButtonSpec(label="button.no", action="useful", args={**args, "useful": False}),
                ),
            )
        else:
            name = self.next_question(turn)
            if name and turn.useful:
                self.ask_question(turn, name)

    def _notice(self, turn: Turn) -> None:
        turn.state.noticed = True
        turn.say(
            "text:notice.first",
            buttons=(
                ButtonSpec(label="button.privacy", action="privacy"),
                ButtonSpec(label="button.language", action="change_language"),
            ),
        )


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


__all__ = ["YES", "Handlers"]
