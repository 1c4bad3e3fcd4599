"""The headings of the quarterly return and the kinds of help under each, from `content/return.yml`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.library.yamlfile import DataError, Problem, read_yaml
from services_directory import vocabulary

FILE = "content/return.yml"
_LIKE_THIS = 'Write {heading: "Parenting support", needs: [parenting-support, sleep]}.'


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading, and the directory's needs that stand under it."""

    name: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Headings:
    """All headings in order, and in words what the return asks for and Wren does not know."""

    headings: tuple[Heading, ...]
    not_held: tuple[str, ...]


def load_headings(root: Path) -> Headings:
    """The file. Raises `DataError` with all that is wrong and where."""
    data = read_yaml(root / FILE, root)
    entries, not_held = (data.get(key) if isinstance(data, dict) else None for key in ("headings", "not_held"))
    if not isinstance(entries, list) or not entries:
        raise DataError([Problem(FILE, None, "headings", "no heading is given.", _LIKE_THIS)])
    problems: list[Problem] = []
    headings = [_heading(entry, number, problems) for number, entry in enumerate(entries, 1)]
    named = Counter(need for heading in headings for need in heading.needs)
    for need in sorted(need for need, times in named.items() if times > 1):
        problems.append(Problem(FILE, None, need, "it stands twice, and would be counted twice.", "Keep one."))
    if not isinstance(not_held, list) or not all(isinstance(one, str) and one.strip() for one in not_held):
        problems.append(Problem(FILE, None, "not_held", "this is no list of sentences.", 'Write - "Waiting times of services".'))
    if problems:
        raise DataError(problems)
    return Headings(tuple(headings), tuple(not_held or ()))


def _heading(entry: Any, number: int, problems: list[Problem]) -> Heading:
    found = entry if isinstance(entry, dict) else {}
    name, needs = found.get("heading"), found.get("needs")
    where = name if isinstance(name, str) and name.strip() else f"heading {number}"
    if where != name or not isinstance(needs, list) or not needs or set(found) - {"heading", "needs"}:
        problems.append(Problem(FILE, None, where, "it needs a heading and a list of needs, and nothing else.", _LIKE_THIS))
        return Heading(where, ())
    for need in needs:
        if need not in vocabulary().terms:
            mend = "Take one of services_directory/data/terms.yml."
            problems.append(Problem(FILE, None, where, f"there is no kind of help “{need}”.", mend))
    return Heading(where, tuple(map(str, needs)))
