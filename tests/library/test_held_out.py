"""Messages held out for measuring are not among those that anything learns from."""

from __future__ import annotations

import json
from pathlib import Path

from bot.settings import ROOT

MARKS = "?!.,…؟،।:;\"'()"


def plain(text: str) -> str:
    return " ".join(word for word in (part.strip(MARKS) for part in text.casefold().split()) if word)


def held_out() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "tests" / "evaluation").rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found[plain(json.loads(line)["text"])] = path
    return found


def learnt() -> set[str]:
    texts = set()
    for path in [*(ROOT / "data" / "triage").rglob("*.txt"), *(ROOT / "data" / "nlu").rglob("*.yml")]:
        texts |= {plain(line.strip().removeprefix("- ")) for line in path.read_text(encoding="utf-8").splitlines()}
    return texts


def test_nothing_longer_than_a_greeting_is_both_learnt_and_measured() -> None:
    # "aye go for it" is said by everybody: such short ones may be in both.
    both = [text for text in held_out().keys() & learnt() if len(text.split()) > 4]
    assert both == []


def test_every_held_out_message_says_what_is_right() -> None:
    for path in (ROOT / "tests" / "evaluation").rglob("*.jsonl"):
        wanted = {"triage": "level", "questions": "topic", "intents": "intent"}[path.stem.split("_")[0]]
        ids = set()
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert row["text"].strip() and row[wanted], (path, row)
            assert row["lang"] == path.stem.split("_")[1], (path, row)
            ids.add(row["id"])
        assert len(ids) == len(path.read_text(encoding="utf-8").splitlines()), path
