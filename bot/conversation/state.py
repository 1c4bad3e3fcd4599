"""What the conversation remembers between turns. The app owns it; Rasa is handed the part it needs with each message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

FORM = "find_service_form"
SLOTS = ("need", "place", "age", "mode")
"""The form for finding a service and its answers, by Rasa's names."""

ANY = "any"
"""A form's answer that says it does not matter."""

SEEN = 30
"""Content ids remembered, so that "another one" is another one."""


@dataclass(slots=True, kw_only=True)
class DialogueState:
    """One person's dialogue, stored as JSON with each turn.

    `pending` is a question of ours that a plain yes or no answers: {"action": …, "args": {…}}, with "otherwise" the action of a no.
    `form` is the open Rasa form, `slots` its answers, `requested_slot` what was asked last. `search` is the last directory search,
    for "more". `asked` lists the questions put once already; `useful` counts useful answers given.
    """

    last_topic: str | None = None
    last_content: str | None = None
    seen: list[str] = field(default_factory=list)
    pending: dict[str, Any] | None = None
    form: str | None = None
    requested_slot: str | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] | None = None
    shown: list[list[str]] = field(default_factory=list)
    """Services shown last, as [id, name], until something else is given: what "this is wrong" is about."""
    reported: list[str] = field(default_factory=list)
    """What this parent said is wrong, so that it counts once: "<service>" or "<service> <reason>"."""
    searched: list[str] = field(default_factory=list)
    """Searches for services that were counted already, so that each counts once a month: "<month> <outcome> <need> <place>"."""
    noticed: bool = False
    asked: list[str] = field(default_factory=list)
    question: str | None = None
    useful: int = 0
    answers_since_feedback: int = 0
    age_months: int | None = None
    """Age of the child last spoken of in this chat, where the parent said it in passing."""
    held: dict[str, Any] | None = None
    """An answer on abuse that waits until it is safe to read: {"action": "read_content" or "read_urgent", "args": {…}}."""
    watched: bool = False
    """Whether somebody else may be reading along: an answer on abuse was asked for or given."""
    discreet: bool = False
    """Whether it was not safe to read: until it is, nothing here tells of a worry or of a case."""
    contact: str | None = None
    """What was asked last about how to reach them: how, call, safe, times, other_way, word. The answers go to the case, never in here."""
    worry: dict[str, Any] | None = None
    """The last message of concern, which a person may be told of: {"inbox": id, "topic": id or None, "at": ISO time}."""
    joining: dict[str, Any] | None = None
    """A series that they are about to choose, while its child's month is asked for: the answers so far."""
    writer_child: bool = False
    """Whether the writer has seemed to be a child: no question about them, nothing by age, words for children."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> DialogueState:
        """Read a stored state; unknown keys of an older or newer version are left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in (data or {}).items() if key in known})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def remember(self, content_id: str, topic: str) -> None:
        """Note that a content item was given."""
        self.last_topic, self.last_content = topic, content_id
        self.shown = []
        self.seen = [*(seen for seen in self.seen if seen != content_id), content_id][-SEEN:]

    def close_form(self) -> None:
        self.form = self.requested_slot = None
        self.slots = {}
