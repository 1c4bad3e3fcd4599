"""What each command, button and navigation intent does: one function each, on a turn. No Rasa, no database, no words.

Here are getting about, answers, loss, and yes and no; `person`, `wishes`, `questions`, `mistakes` and `series` beside it have the rest.

The router calls them by name for exact words and buttons, and the journey for what Rasa understood (`do:<name>`), so that a word,
a button and a sentence that mean the same do the same.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.conversation.facts import FactWords
from bot.conversation.mistakes import Mistakes
from bot.conversation.offers import under_message
from bot.conversation.person import PersonTalk
from bot.conversation.questions import LaterQuestions
from bot.conversation.reach import Reach
from bot.conversation.safety import ABUSE_TOPIC, urgent_reply
from bot.conversation.series import SeriesTalk
from bot.conversation.turn import FIND, HELP_NOW, MENU, PERSON, YES, Args, Turn
from bot.conversation.wishes import Wishes
from bot.library import Library, Message
from bot.library.library import BLOCKS
from bot.messages import MAX_ROWS, ButtonSpec, MessageClass

MENU_TOPICS = ("baby/crying", "baby/sleep", "baby/feeding")
LOSS_TOPIC = "wellbeing/baby-loss"


class Handlers:
    """The handlers and what they need. One per process; holds no state of a conversation."""

    def __init__(self, library: Library, facts: FactWords) -> None:
        self.library = library
        self.reach = Reach(library.strings, facts.contact_wish)
        self.facts = facts
        self.series = SeriesTalk(library)
        self.person = PersonTalk(self.reach)
        self.wishes = Wishes()
        self.later = LaterQuestions(facts, self.series)
        self._table: dict[str, Callable[[Turn, Args], None]] = {
            "help_menu": self.menu,
            "greet": self.greet,
            "campaign": self.campaign,
            "help_now": self.help_now,
            "source": self.source,
            "more": self.more,
            "yes": self.yes,
            "no": self.no,
            "thanks": self.thanks,
            "feedback_bad": self.feedback_bad,
            "useful": self.useful,
            "bot_challenge": self.bot_challenge,
            "i_am_professional": self.professional,
            "topic": self.topic,
            "content": self.content,
            "ideas": self.ideas,
            "read_now": self.read_now,
            "not_now": self.not_now,
            "contact": self.contact,
            "bereaved": self.bereaved,
            "not_bereaved": self.not_bereaved,
            **self.person.table,
            **self.wishes.table,
            **Mistakes(nothing_shown=self.feedback_bad).table,
            **self.later.table,
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
            self.later.skip(turn, args)
            return
        if pending and pending.get("otherwise"):
            self.run(pending["otherwise"], turn, pending["args"])
            return
        turn.say("text:no.fine" if pending else "text:no.what_then", buttons=(PERSON, MENU))
        turn.quiet = True
        turn.outcome = "no"

    # What is added after an answer

    def afterwards(self, turn: Turn) -> None:
        """The one thing that may follow an answer: the first notice, a language offer, feedback, or a later question."""
        if turn.level == "concern" or turn.case is not None or turn.quiet:
            return
        if turn.offer_language:
            self.wishes.offer_switch(turn)
        elif not turn.state.noticed:
            self._notice(turn)
        elif turn.useful and not turn.person.language_chosen and "language" not in turn.state.asked:
            turn.state.asked.append("language")
            self.wishes.offer_languages(turn)
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
            name = self.later.due(turn)
            if name and turn.useful:
                self.later.ask(turn, name)

    def _notice(self, turn: Turn) -> None:
        turn.state.noticed = True
        turn.say(
            "text:notice.first",
            buttons=(
                ButtonSpec(label="button.privacy", action="privacy"),
                ButtonSpec(label="button.language", action="change_language"),
            ),
        )


__all__ = ["YES", "Handlers"]
