"""bot triage: JSON lines in and out."""

import io
import json

from bot.triage import Triage
from bot.triage.lines import run


def lines(triage: Triage, *given: str) -> tuple[int, list[dict[str, object]]]:
    out = io.StringIO()
    status = run(io.StringIO("\n".join(given) + "\n"), out, triage)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_line_is_answered_in_order(rules_only: Triage) -> None:
    status, answers = lines(
        rules_only, '{"id": "a", "text": "my baby is not breathing"}', '{"id": 2, "text": "helo", "lang": "cy"}'
    )
    assert status == 0
    assert [(answer["id"], answer["level"], answer["lang"]) for answer in answers] == [
        ("a", "emergency", "en"),
        (2, "none", "cy"),
    ]
    assert set(answers[0]) == {"id", "level", "reasons", "lang", "ms"}
    reasons = answers[0]["reasons"]
    assert isinstance(reasons, list)
    assert set(reasons[0]) == {"level", "by", "words"}


def test_a_bad_line_is_told_and_the_rest_goes_on(rules_only: Triage) -> None:
    bad = [
        '{"id": 1',
        "[]",
        '{"text": "hi"}',
        '{"id": 4}',
        '{"id": 5, "text": 5}',
        '{"id": 6, "text": "x", "lang": 6}',
        "[" * 20_000,
    ]
    status, answers = lines(rules_only, *bad, "", '{"id": 7, "text": "hi"}')
    assert status == 1
    assert [answer.get("id") for answer in answers] == [None, None, None, 4, 5, 6, None, 7]
    assert all(isinstance(answer["error"], str) for answer in answers[:-1])
    assert answers[-1]["level"] == "none"


def test_half_a_character_does_not_stop_the_output(rules_only: Triage) -> None:
    status, answers = lines(rules_only, r'{"id": "\ud800", "text": "\ud800 i want to die"}')
    assert status == 0
    assert answers[0]["level"] == "urgent"
