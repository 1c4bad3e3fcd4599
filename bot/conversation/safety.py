"""What is said first when somebody may be in danger: which safety text, by the kind of danger and who is there."""

from __future__ import annotations

from datetime import datetime

from bot.handoff.hours import Team
from bot.messages import ButtonSpec, MessageClass, Reply
from bot.triage import Assessment

NOT_MEANT = ButtonSpec(label="button.not_meant", action="not_meant")

EMERGENCY_TEXTS = {"suicide": "emergency-suicide", "abuse": "emergency-abuse", "medical": "emergency-medical"}
URGENT_TEXTS = {
    "abuse": "urgent-abuse",
    "psychosis": "urgent-psychosis",
    "writer-child": "urgent-child",
    "child-at-risk": "urgent-child-at-risk",
}
"""Safety text by the kind of danger a rule names; anything else gets the general text."""


def kind_of(assessment: Assessment) -> str | None:
    """The kind of danger that the deciding rule names, if it names one."""
    kinds = [getattr(reason, "kind", None) for reason in assessment.reasons if reason.level == assessment.level]
    return next((kind for kind in kinds if kind), None)


def emergency_replies(assessment: Assessment, team: Team | None, moment: datetime) -> list[Reply]:
    """Numbers first, then the truth about who is there. Never a menu, a tip or a joke."""
    slug = EMERGENCY_TEXTS.get(kind_of(assessment) or "", "emergency")
    until = team.open_until(moment) if team else None
    presence = (
        Reply(ref="safety:team-watching", args={"until": until}, buttons=(NOT_MEANT,), message_class=MessageClass.SAFETY)
        if until
        else Reply(ref="safety:nobody-watching", buttons=(NOT_MEANT,), message_class=MessageClass.SAFETY)
    )
    return [Reply(ref=f"safety:{slug}", message_class=MessageClass.SAFETY), presence]


def urgent_reply(kind: str | None, team: Team | None, moment: datetime) -> Reply:
    """Warmth, lines, and honestly who is told and when."""
    slug = URGENT_TEXTS.get(kind or "", "urgent")
    return Reply(
        ref=f"safety:{slug}",
        args={"when": team.next_open(moment) if team else None},
        buttons=(NOT_MEANT, ButtonSpec(label="button.help_now", action="help_now")),
        message_class=MessageClass.SAFETY,
    )


def waiting_reply(team: Team | None, moment: datetime, *, late: bool) -> Reply:
    """What the bot says while nobody has claimed a worry."""
    return Reply(
        ref=f"safety:{'waiting-late' if late else 'waiting'}",
        args={"when": team.next_open(moment) if team else None},
        buttons=(NOT_MEANT, ButtonSpec(label="button.help_now", action="help_now")),
        message_class=MessageClass.SAFETY,
    )
