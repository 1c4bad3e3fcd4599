"""Hostile JSON in commands and answers, hostile values in logs, and texts made to stall the phrase rules."""

from __future__ import annotations

import io
import json
import logging
import time
from typing import Any

import pytest

from bot.jsonlines import as_line, read_line
from bot.logs import configure
from bot.people.forgotten import Line
from bot.triage.lines import run as run_triage
from bot.triage.reader import Triage
from bot.understand import run as run_understanding

DEEP = "[" * 100_000
BAD = (
    DEEP,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 100_000,
    '{"id": NaN, "text": "x"}',
    '{"id": 1, "text": "x", "n": -Infinity}',
    "9" * 5_000,
)


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_what_is_no_json_is_a_mistake_in_words_whatever_it_is(line: str) -> None:
    with pytest.raises(ValueError):
        read_line(line)


def test_a_line_that_goes_out_is_one_line_of_json_in_utf_8() -> None:
    for value in ({"id": "a\nb\u2028\x1b[2J\x00"}, {"id": "\ud800"}, {"id": 10**400}):
        line = as_line(value)
        assert "\n" not in line and "\x1b" not in line
        json.loads(line.encode("utf-8"), parse_constant=pytest.fail)


def test_triage_answers_each_hostile_line_and_goes_on(rules_alone: Triage) -> None:
    out = io.StringIO()
    lines = [*BAD, '{"id": "\\ud800", "text": "\\ud800\\u0000"}', '{"id": 1, "id": 2, "text": "i want to die"}']
    assert run_triage([f"{line}\n" for line in lines], out, rules_alone) == 1
    answers = [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]
    assert ["error" in answer for answer in answers] == [True] * len(BAD) + [False, False]
    assert answers[-1]["level"] == "urgent" and answers[-1]["id"] == 2


class Nothing:
    """Understands everything alike."""

    async def read(self, text: str, language: str | None) -> dict[str, Any]:
        return {"lang": "en"}


async def test_understanding_answers_each_hostile_line_and_goes_on() -> None:
    out = io.StringIO()
    lines = [*BAD, '{"id": "\\ud800", "text": "hello"}']
    assert await run_understanding(Nothing(), lines, out) == 1  # type: ignore[arg-type]
    answers = [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]
    assert ["error" in answer for answer in answers] == [True] * len(BAD) + [False]


@pytest.mark.parametrize("line", [*BAD, '{"act": 1}', "null", '"x"'], ids=range(len(BAD) + 3))
def test_a_hostile_line_in_the_list_of_the_forgotten_is_none(line: str) -> None:
    assert Line.parse(line) is None


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize(
    "value",
    [
        "a\nlevel='critical' event='forged'",
        "\r\n",
        "\x1b[2J\x1b]0;x\x07",
        "\x9b2J",
        "\u2028\u2029\x85",
        "\u202ecod",
        "\ud800",
        "\x00",
    ],
)
def test_a_value_that_is_logged_stays_in_one_line_and_moves_no_cursor(
    form: Any, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure("INFO", form)
        logging.getLogger("bot.test").warning("a name: %s", value)
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
    said = capsys.readouterr().err
    assert said.endswith("\n") and len(said.splitlines()) == 1
    assert said.rstrip("\n").isprintable()
    if form == "json":
        assert json.loads(said)["event"] == f"a name: {value}"


PIECES = (
    *(
        "a",
        "a ",
        "i ",
        "not ",
        "no no ",
        "i feel like i might ",
        "want to ",
        "hurt ",
        "kill my",
        "ki ll ",
        "h.e.l.p ",
        "x\n",
        "' ",
        "- - ",
    ),
    *("1 2 ", "one hundred ", "e\u0301", "\u200b", "👶🏽", "میں ", "я не ", "আমি ", "لا ", "ـ", "\x00", "\ud800"),
)
SHORT, LONG = 1_250, 10_000


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_makes_the_phrase_rules_stall(rules_alone: Triage, piece: str) -> None:
    """Eight times the length takes about eight times the work; with backtracking it would be 64 times, or without end."""

    def work(length: int) -> float:
        text, best = (piece * length)[:length], float("inf")
        for _ in range(3):
            begun = time.process_time()
            rules_alone.assess(text, None)
            best = min(best, time.process_time() - begun)
        return best

    assert work(LONG) < 32 * max(work(SHORT), 0.0005)
