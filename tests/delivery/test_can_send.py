"""`can_send`, line by line as docs/delivery.md has it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bot.delivery.can_send import Standing, TemplateStanding, can_send
from bot.messages import MessageClass

# Reason, and what it means for safety, reply, practitioner, service notice, series, bulk.
CLASSES = ("safety", "reply", "practitioner", "service_notice", "series", "bulk")
CONSENTED = {"consented": True}
TABLE = [
    ("nothing speaks against it", {}, "send send send send send send"),
    ("the provider makes it impossible", {"reachable": False}, "refuse refuse refuse refuse refuse refuse"),
    ("the provider's window is closed", {"window_closed": True}, "refuse refuse refuse refuse refuse refuse"),
    ("stopped, no case", {"stopped": True}, "send send refuse refuse refuse refuse"),
    ("stopped, case open", {"stopped": True, "case_open": True}, "send send send refuse refuse refuse"),
    ("forgotten before, and nothing asked since", {"forgotten_before": True}, "send send send send refuse refuse"),
    ("quiet hours", {"quiet_hours": True}, "send send send wait wait wait"),
    ("bereavement", {"bereaved": True}, "send send send send refuse refuse"),
    ("a practitioner is talking", {"practitioner_talking": True}, "send refuse send wait wait wait"),
    ("language not approved", {"language_approved": False}, "send send send refuse refuse refuse"),
    ("not safe to contact", {"contact_unsafe": True}, "send send send refuse refuse refuse"),
    ("the writer seems to be a child", {"writer_child": True}, "send send send send refuse refuse"),
    (
        "the window is closed, an approved template",
        {"window_closed": True, "template": "utility"},
        "send send send send send send",
    ),
    ("a template that is not approved in their language", {"template": "missing"}, "refuse refuse refuse refuse refuse refuse"),
    ("a template that is marketing now", {"template": "marketing"}, "refuse refuse refuse refuse refuse refuse"),
    (
        "a template that is marketing now, and they agreed to marketing",
        {"template": "marketing", "marketing_consented": True},
        "send send send send send send",
    ),
    ("a template, and it is not safe to contact them", {"template": "utility", "contact_unsafe": True}, "refuse " * 5 + "refuse"),
    ("a template, and they stopped", {"template": "utility", "stopped": True}, "send send refuse refuse refuse refuse"),
    ("no consent for this category", {"consented": False}, "send send send send refuse refuse"),
]
CELLS = [
    pytest.param({**CONSENTED, **standing}, name, wanted, id=f"{reason}: {name}")
    for reason, standing, row in TABLE
    for name, wanted in zip(CLASSES, row.split(), strict=True)
]


TEMPLATES = {
    "utility": TemplateStanding(approved=True, marketing=False),
    "marketing": TemplateStanding(approved=True, marketing=True),
    "missing": TemplateStanding(approved=False, marketing=False),
}


@pytest.mark.parametrize(("standing", "name", "wanted"), CELLS)
def test_each_cell_of_the_table(standing: dict[str, Any], name: str, wanted: str) -> None:
    given = {**standing, "template": TEMPLATES[standing["template"]]} if "template" in standing else standing
    verdict = can_send(Standing(**given), MessageClass(name))
    assert verdict.decision == wanted
    assert bool(verdict.reason) == (wanted != "send"), "a no always says why"


def test_a_further_reason_never_turns_a_no_into_a_yes() -> None:
    strict = {"send": 0, "wait": 1, "refuse": 2}
    reasons = ("stopped", "forgotten_before", "bereaved", "contact_unsafe", "writer_child", "quiet_hours", "practitioner_talking")
    for flags in itertools.product((False, True), repeat=len(reasons)):
        standing = dict(zip(reasons, flags, strict=True))
        for message_class in MessageClass:
            before = can_send(Standing(consented=True, **standing), message_class).decision
            for reason in reasons:
                after = can_send(Standing(consented=True, **{**standing, reason: True}), message_class).decision
                assert strict[after] >= strict[before], (standing, reason, message_class)


def test_nobody_is_written_to_unasked_unless_they_said_yes() -> None:
    for message_class in (MessageClass.SERIES, MessageClass.BULK):
        assert can_send(Standing(), message_class).decision == "refuse"
