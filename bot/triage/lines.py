"""`bot triage`: JSON lines in, JSON lines out."""

from collections.abc import Iterable
from typing import Any, TextIO

from bot.jsonlines import as_line, read_line
from bot.triage.levels import Assessment
from bot.triage.reader import Triage


def run(stdin: Iterable[str], stdout: TextIO, triage: Triage) -> int:
    """Judge each line {"id", "text", "lang"?} and write {"id", "level", "reasons", "lang", "ms"}, in the same order.

    A line that cannot be judged gives {"id", "error"} (id null where it has none) and the rest goes on. Returns the exit
    status: 0, or 1 where any line was bad. Empty lines are passed over.
    """
    status = 0
    for line in stdin:
        if not line.strip():
            continue
        answer = _answer(line, triage)
        status = 1 if "error" in answer else status
        stdout.write(as_line(answer) + "\n")
        stdout.flush()
    return status


def _answer(line: str, triage: Triage) -> dict[str, Any]:
    try:
        message = read_line(line)
    except ValueError:
        return {"id": None, "error": "this line is not JSON"}
    if not isinstance(message, dict):
        return {"id": None, "error": "this line is not a JSON object"}
    name, text, lang = message.get("id"), message.get("text"), message.get("lang")
    if "id" not in message:
        return {"id": None, "error": "this line has no id"}
    if not isinstance(text, str):
        return {"id": name, "error": "text must be a string"}
    if not (lang is None or isinstance(lang, str)):
        return {"id": name, "error": "lang must be a string"}
    return {"id": name, **_said(triage.assess(text, lang))}


def _said(assessment: Assessment) -> dict[str, Any]:
    reasons = [{"level": reason.level.value, "by": reason.by, "words": reason.words} for reason in assessment.reasons]
    return {"level": assessment.level.value, "reasons": reasons, "lang": assessment.lang, "ms": round(assessment.ms, 3)}
