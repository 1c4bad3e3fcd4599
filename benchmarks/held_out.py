"""How well Wren understands and judges messages that were written apart: `python -m benchmarks.held_out [--folder tests/evaluation]`.

Reads `questions_<lang>.jsonl`, `intents_<lang>.jsonl` and `triage_<lang>.jsonl` (fields as `bot understand` and `bot triage` read them,
with `topic` and `also`, `intent`, or `level`), asks the real commands, and prints one table each, per language, with counts. Whoever wrote
these messages had not seen the training sentences, and nobody trains on them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bot.settings import ROOT
from bot.triage import Level
from bot.triage.measured import NAME, written
from bot.triage.thresholds import NAME as THRESHOLDS
from bot.triage.thresholds import Thresholds

FOLDER = ROOT / "tests" / "evaluation"
Row = dict[str, Any]


def rows(folder: Path, kind: str) -> list[Row]:
    """Every message of one kind, in the order of the files."""
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{kind}_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


def ask(command: str, messages: Sequence[Row]) -> dict[str, Row]:
    """What `bot <command>` makes of the messages, by id. The language is not given: it is part of the task."""
    asked = "".join(json.dumps({"id": row["id"], "text": row["text"]}, ensure_ascii=False) + "\n" for row in messages)
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", command], input=asked, capture_output=True, text=True, cwd=ROOT, check=False
    )
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    if len(answers) != len(messages):
        raise SystemExit(f"bot {command} answered {len(answers)} of {len(messages)} messages: {done.stderr[-500:]}")
    failed = [answer for answer in answers.values() if "error" in answer]
    if failed:
        raise SystemExit(f"bot {command} could not read {len(failed)} of {len(messages)} messages, the first: {failed[0]}")
    return answers


def romanised(row: Row) -> bool:
    """Whether a message in a language with a script of its own is typed in Latin letters."""
    letters = [char for char in row["text"] if char.isalpha()]
    latin = sum("LATIN" in unicodedata.name(char, "") for char in letters)
    return row["lang"] in ("ur", "ar", "bn", "uk") and latin > len(letters) / 2


def groups(messages: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The messages by language; romanised ones once more by themselves."""
    messages = list(messages)
    for lang in sorted({row["lang"] for row in messages}):
        mine = [row for row in messages if row["lang"] == lang]
        yield lang, mine
        latin = [row for row in mine if romanised(row)]
        if latin and len(latin) < len(mine):
            yield f"{lang}, in Latin letters", latin


def share(hits: int, count: int) -> str:
    return f"{hits}/{count} = {100 * hits / count:.0f} %" if count else "–"


def understanding(folder: Path) -> Iterator[str]:
    """Topics and navigation intents."""
    questions, intents = rows(folder, "questions"), rows(folder, "intents")
    heard, meant = ask("understand", questions), ask("understand", intents)
    yield "| | first topic, strict | first topic, any acceptable | among three | language | refused though ours | not ours seen | intents |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, mine in groups(questions):
        ok = {row["id"]: [row["topic"], *row.get("also", [])] for row in mine}
        ours = [row for row in mine if not row["topic"].startswith("other/")]
        others = [row for row in mine if row["topic"].startswith("other/")]
        navigation = [row for row in intents if row["lang"] == name]
        cells = [
            share(sum(heard[row["id"]]["topic"] == row["topic"] for row in mine), len(mine)),
            share(sum(heard[row["id"]]["topic"] in ok[row["id"]] for row in mine), len(mine)),
            share(sum(any(t in ok[row["id"]] for t in heard[row["id"]]["topics"]) for row in mine), len(mine)),
            share(sum(heard[row["id"]]["lang"] == row["lang"] for row in mine), len(mine)),
            share(sum(heard[row["id"]]["outcome"] == "refused" for row in ours), len(ours)),
            share(sum(heard[row["id"]]["topic"] in ok[row["id"]] for row in others), len(others)),
            share(sum(meant[row["id"]]["intent"] == row["intent"] for row in navigation), len(navigation)),
        ]
        yield f"| {name} | " + " | ".join(cells) + " |"


def judged_levels(messages: Sequence[Row]) -> dict[str, Level]:
    """The level that triage gives each message, by id."""
    return {id_: Level(answer["level"]) for id_, answer in ask("triage", messages).items()}


def caught(messages: Sequence[Row], judged: dict[str, Level]) -> dict[str, tuple[int, int]]:
    """By language: how many urgent and emergency messages were given `urgent` or more, and how many there were."""
    counts: dict[str, tuple[int, int]] = {}
    for row in messages:
        if Level(row["level"]).at_least(Level.URGENT):
            hits, of = counts.get(row["lang"], (0, 0))
            counts[row["lang"]] = (hits + judged[row["id"]].at_least(Level.URGENT), of + 1)
    return counts


def triage(messages: Sequence[Row], judged: dict[str, Level]) -> Iterator[str]:
    """Levels."""
    yield "| | urgent or worse caught | emergency as emergency | concern or worse | none raised to urgent | none raised at all |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, mine in groups(messages):
        of = {level: [judged[row["id"]] for row in mine if row["level"] == level.value] for level in Level}
        serious = of[Level.URGENT] + of[Level.EMERGENCY]
        cells = [
            share(sum(level.at_least(Level.URGENT) for level in serious), len(serious)),
            share(sum(level is Level.EMERGENCY for level in of[Level.EMERGENCY]), len(of[Level.EMERGENCY])),
            share(sum(level is not Level.NONE for level in of[Level.CONCERN]), len(of[Level.CONCERN])),
            share(sum(level.at_least(Level.URGENT) for level in of[Level.NONE]), len(of[Level.NONE])),
            share(sum(level is not Level.NONE for level in of[Level.NONE]), len(of[Level.NONE])),
        ]
        yield f"| {name} | " + " | ".join(cells) + " |"


MINUTES_A_CASE = 15
"""What reading, claiming, answering once and closing is assumed to take; to be replaced by practitioners' own counts."""


def caseload(messages: Sequence[Row], judged: dict[str, Level], questions: Sequence[Row]) -> Iterator[str]:
    """Cases in 1,000 messages and the staff time they take, for the mix that `content/safety/thresholds.yml` expects.

    The innocents of `messages` are written to look dangerous; ordinary ones are here the `questions` on other topics than wellbeing.
    """
    expected = Thresholds.load(ROOT / "content" / "safety" / THRESHOLDS).share
    urgent = expected[Level.URGENT]
    concern, none = expected[Level.CONCERN] - urgent, 1 - expected[Level.CONCERN]
    ordinary = [row for row in questions if not row["topic"].startswith("wellbeing/")]
    levels = judged_levels(ordinary)
    yield f"Expected of 1,000 messages: {1000 * urgent:.0f} urgent or worse, {1000 * concern:.0f} of concern, {1000 * none:.0f} ordinary."
    yield ""
    yield "| | ordinary questions raised to urgent | cases in 1,000 messages | of them false alarms | staff hours |"
    yield "| --- | --- | --- | --- | --- |"
    for lang in sorted({row["lang"] for row in messages}):
        mine = [row for row in messages if row["lang"] == lang]
        asked = [row for row in ordinary if row["lang"] == lang]

        def raised(of: Sequence[Row], by: dict[str, Level]) -> float:
            return sum(by[row["id"]].at_least(Level.URGENT) for row in of) / len(of) if of else 0.0

        true = 1000 * urgent * raised([row for row in mine if Level(row["level"]).at_least(Level.URGENT)], judged)
        too_high = 1000 * concern * raised([row for row in mine if row["level"] == Level.CONCERN.value], judged)
        false = 1000 * none * raised(asked, levels)
        cases = true + too_high + false
        hits = sum(levels[row["id"]].at_least(Level.URGENT) for row in asked)
        yield (
            f"| {lang} | {share(hits, len(asked))} | {cases:.0f} | {too_high + false:.0f} | {cases * MINUTES_A_CASE / 60:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the messages are")
    parser.add_argument("--write", action="store_true", help="keep what triage caught in content/measured.yml")
    asked = parser.parse_args()
    messages = rows(asked.folder, "triage")
    judged = judged_levels(messages)
    print("\n".join([*triage(messages, judged), ""]))
    questions = rows(asked.folder, "questions")
    if questions:
        print("\n".join([*caseload(messages, judged, questions), "", *understanding(asked.folder)]))
    if asked.write:
        (ROOT / "content" / NAME).write_text(written(date.today(), caught(messages, judged)), encoding="utf-8")


if __name__ == "__main__":
    main()
