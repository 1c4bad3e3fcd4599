"""Checks of the training examples in `data/nlu/`: one file a label and language, plain sentences, none taught twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.conversation.commands import LEARNT
from bot.conversation.decide import label_of
from bot.conversation.facts import simple
from bot.library.check_files import MARK, Tree, unwritten
from bot.library.yamlfile import DataError, Problem, read_yaml

FEWEST = 2
"""Examples of one label in one language."""

FILLED_SLOT = 5
"""Words from which on two examples of one label that differ in a single word are taken for a filled-in template."""

_MARKUP = re.compile(r"[\[\]{}]")
_ENDS = re.compile(r"[\s\W]+")


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in the examples."""
    folder = tree.root / "data" / "nlu"
    domain = tree.data("domain.yml")
    intents = set(domain["intents"]) if isinstance(domain, dict) else None
    seen: dict[tuple[str, str], tuple[str, Path, int | None]] = {}
    for path in sorted(folder.glob("*/*.yml")):
        yield from unwritten(tree, path)
        yield from _file_problems(tree, path, intents, seen)
    for language in tree.languages:
        for topic in tree.topics:
            path = folder / language / f"{label_of(topic)}.yml"
            if not path.is_file():
                yield Problem(tree.name(path), None, "", f"there are no examples of {topic} in {language}.", "Write some.")
    for path in sorted(folder.glob("*.yml")):
        if tree.name(path) != LEARNT:
            yield Problem(tree.name(path), None, "", "examples belong in a folder of their language.", "Move the file.")


def _file_problems(
    tree: Tree, path: Path, intents: set[str] | None, seen: dict[tuple[str, str], tuple[str, Path, int | None]]
) -> Iterator[Problem]:
    name, language, label = tree.name(path), path.parent.name, path.stem

    def wrong(message: str, mend: str = "", line: int | None = None) -> Problem:
        return Problem(name, line, label, message, mend)

    if language not in tree.languages:
        yield wrong(f"the language “{language}” is not in content/languages.yml.")
    if intents is not None and label not in intents:
        yield wrong(f"domain.yml has no intent {label}.", "Correct the file's name, or add the intent.")
    try:
        examples = _examples(read_yaml(path, tree.root), label)
    except DataError as error:
        yield from error.problems
        return
    except ValueError as error:
        yield wrong(f"{error}.", "Compare it with another file of this folder.")
        return
    if len(examples) < FEWEST:
        yield wrong(f"there are {len(examples)} examples.", f"Write {FEWEST} or more.")
    lines = _numbered(tree.text(path))
    gaps: dict[tuple[str, ...], str] = {}
    for example in examples:
        if MARK in example:
            continue
        line = lines.get(example)
        if _MARKUP.search(example):
            yield wrong(f"“{example}” holds brackets, which Rasa reads as mark-up.", "Write it without them.", line)
        if example.startswith("/"):
            yield wrong(f"“{example}” begins with a slash, which Rasa reads as a command.", "Leave the slash out.", line)
        first = seen.setdefault((language, _plain(example)), (label, path, line))
        if first[1:] != (path, line):
            what = "stands twice" if first[0] == label else f"is also an example of {first[0]}"
            yield wrong(f"“{example}” {what} ({tree.name(first[1])}, line {first[2]}).", "Keep one.", line)
            continue
        twin = next((gaps[gap] for gap in _with_a_gap(example) if gap in gaps), None)
        if twin is not None:
            message = f"“{example}” differs from “{twin}” in one word only."
            yield wrong(message, "Keep one, or write something that another parent would say.", line)
        gaps.update(dict.fromkeys(_with_a_gap(example), example))


def _examples(data: Any, label: str) -> list[str]:
    """The examples of a file. Raises ValueError in plain words where it is not one block of the file's own label."""
    blocks = data.get("nlu") if isinstance(data, dict) else None
    if not isinstance(blocks, list) or len(blocks) != 1 or not isinstance(blocks[0], dict):
        raise ValueError("the file must hold one label with its examples")
    if blocks[0].get("intent") != label:
        raise ValueError(f"the label is {blocks[0].get('intent')} but the file is {label}.yml")
    text = blocks[0].get("examples")
    if not isinstance(text, str):
        raise ValueError("`examples: |` with a line for each is missing")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    odd = next((line for line in lines if not line.startswith("- ")), None)
    if odd is not None:
        raise ValueError(f"the line “{odd}” does not begin with “- ”")
    return [line[2:].strip() for line in lines]


def _numbered(text: str) -> dict[str, int]:
    """Line numbers by example. An example that stands twice keeps its last line, so that the first one is not blamed."""
    return {line.strip()[2:].strip(): number for number, line in enumerate(text.split("\n"), 1) if line.strip().startswith("- ")}


def _with_a_gap(example: str) -> list[tuple[str, ...]]:
    """The words of an example with each in turn left out, so that two which differ in one word meet in one of them."""
    words = _plain(example).split()
    if len(words) < FILLED_SLOT:
        return []
    return [(*words[:place], "", *words[place + 1 :]) for place in range(len(words))]


def _plain(example: str) -> str:
    """The form in which two examples are the same to the eye: no capitals, accents, spaces at the ends or punctuation."""
    words = " ".join(_ENDS.sub(" ", simple(example)).split())
    return words or example
