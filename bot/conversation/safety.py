"""What is said first when somebody may be in danger: which safety text, by the kind of danger and who is there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.handoff.hours import Team
from bot.messages import ButtonSpec, MessageClass, Reply
from bot.triage import Assessment, Level

NOT_MEANT = ButtonSpec(label="button.not_meant", action="not_meant")

ABUSE = "abuse"
ABUSE_TOPIC = "wellbeing/abuse"
"""Answers of this kind and on this topic may be read by whoever hurts the parent."""

WRITER_CHILD = "writer-child"
"""The kind of danger of a writer who seems to be a child: it decides the words, whatever else is the matter."""

EMERGENCY_TEXTS = {
    "suicide": "emergency-suicide",
    ABUSE: "emergency-abuse",
    "medical": "emergency-medical",
    WRITER_CHILD: "emergency-child",
}
URGENT_TEXTS = {
    ABUSE: "urgent-abuse",
    "psychosis": "urgent-psychosis",
    WRITER_CHILD: "urgent-child",
    "child-at-risk": "urgent-child-at-risk",
}
"""Safety text by the kind of danger a rule names; anything else gets the general text."""


def kind_of(assessment: Assessment) -> str | None:
    """The kind of danger that the deciding rule names, if it names one."""
    return deciding_kind(assessment.level, ((reason.level, reason.kind) for reason in assessment.reasons))


def deciding_kind(level: str, reasons: Iterable[tuple[str, str | None]]) -> str | None:
    """The kind that decides the words at `level`, from (level, kind) of each reason; who writes goes before what about.

    Below urgent a child's words are no sign of a child: there they are an adult's memory ("when I was ten my dad hit me").
    """
    named = [(of, kind) for of, kind in reasons if kind]
    if any(kind == WRITER_CHILD and Level(of).at_least(Level.URGENT) for of, kind in named):
        return WRITER_CHILD
    return next((kind for of, kind in named if of == level), None)


def emergency_replies(assessment: Assessment, team: Team | None, moment: datetime, *, child: bool = False) -> list[Reply]:
    """Numbers first, then the truth about who is there. Never a menu, a tip or a joke. `child`: the writer is known for one."""
    slug = EMERGENCY_TEXTS.get(WRITER_CHILD if child else kind_of(assessment) or "", "emergency")
    until = team.open_until(moment) if team else None
    presence = (
        Reply(ref="safety:team-watching", args={"until": until}, buttons=(NOT_MEANT,), message_class=MessageClass.SAFETY)
        if until
        else Reply(ref="safety:nobody-watching", buttons=(NOT_MEANT,), message_class=MessageClass.SAFETY)
    )
    return [Reply(ref=f"safety:{slug}", message_class=MessageClass.SAFETY), presence]


def urgent_reply(kind: str | None, team: Team | None, moment: datetime) -> Reply:
    """Warmth, lines, and honestly who is told and by when: the time at which an urgent case is late for staff too."""
    slug = URGENT_TEXTS.get(kind or "", "urgent")
    return Reply(
        ref=f"safety:{slug}",
        args={"when": team.reply_due(moment, Level.URGENT) if team else None},
        buttons=(NOT_MEANT, ButtonSpec(label="button.help_now", action="help_now")),
        message_class=MessageClass.SAFETY,
    )


def waiting_reply(team: Team | None, due: datetime | None, *, late: bool) -> Reply:
    """What the bot says while nobody has claimed a worry; `due` is when the first reply is promised for."""
    return Reply(
        ref=f"safety:{'waiting-late' if late else 'waiting'}",
        args={"when": due.astimezone(team.zone) if team and due else None},
        buttons=(NOT_MEANT, ButtonSpec(label="button.help_now", action="help_now")),
        message_class=MessageClass.SAFETY,
    )
