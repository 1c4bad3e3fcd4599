"""`bot content check`: every mistake in the words and data of a tree at once, and how far they cover what they should.

Reads only. The parts are in the modules named `check_…`; this one puts them together and says the result in plain words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import TextIO

from babel.messages.catalog import Catalog

from bot.library import (
    approvals,
    check_campaigns,
    check_data,
    check_messages,
    check_nlu,
    check_replies,
    check_series,
    check_strings,
    check_templates,
)
from bot.library.check_files import MARK, STAFF_CATALOGS, Tree
from bot.library.check_messages import Item
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.yamlfile import Problem

HARDEST = 5
"""Messages that the report names as the hardest to read."""


def problems(root: Path) -> list[Problem]:
    """All mistakes below `root` (content/, locales/, data/ and what bot/ asks for), by file and line; empty if there are none."""
    tree = Tree(root)
    return _problems(tree, check_messages.read_items(tree))


def _problems(tree: Tree, items: list[Item]) -> list[Problem]:
    found = dict.fromkeys(
        [
            *check_messages.problems(tree, items),
            *check_strings.problems(tree),
            *check_data.problems(tree),
            *check_replies.problems(tree),
            *check_templates.problems(tree),
            *check_campaigns.problems(tree),
            *check_series.problems(tree),
            *check_nlu.problems(tree),
            *approvals.problems(tree),
        ]
    )
    return sorted(found, key=lambda problem: (problem.file, problem.line or 0, problem.field))


def report(root: Path, out: TextIO) -> int:
    """Write problems, coverage and the state of translations and reviews to `out`. Returns 1 if there are problems, else 0."""
    tree = Tree(root)
    items = check_messages.read_items(tree)
    found = _problems(tree, items)
    lines = [*map(str, found), *([""] if found else []), *_coverage(tree, items), "", *_state(tree, items), ""]
    told = list(approvals.warnings(root))
    lines += [*told, *([""] if told else [])]
    lines.append(f"{len(found)} problem{'' if len(found) == 1 else 's'}." if found else "No problems.")
    out.write("\n".join(lines) + "\n")
    return 1 if found else 0


def _coverage(tree: Tree, items: list[Item]) -> Iterator[str]:
    """Messages by topic and language, then by topic, age and audience."""
    yield from _table("Messages by topic and language", check_messages.coverage(tree, items))
    yield ""
    yield from _table("Messages by topic, age and audience", check_messages.coverage_by_reader(tree, items))


def _table(title: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Rows by topic with their sum last. A topic without a message for a column shows a dot, so that gaps are seen."""
    columns = list(next(iter(counts.values()), {}))
    width = max(30, len(title) + 2, *(len(topic) for topic in counts))
    widths = [max(5, len(column) + 2) for column in columns]
    yield title.ljust(width) + "".join(f"{column:>{wide}}" for column, wide in zip(columns, widths, strict=True))
    rows = {**counts, "all": {column: sum(row[column] for row in counts.values()) for column in columns}}
    for topic, row in rows.items():
        yield topic.ljust(width) + "".join(f"{row[column] or '.':>{wide}}" for column, wide in zip(columns, widths, strict=True))


def _state(tree: Tree, items: list[Item]) -> Iterator[str]:
    """Translations, reading grades and reviews."""
    texts = sum(item.safety for item in items)
    campaigns = len(check_campaigns.files(tree))
    yield (
        f"Messages: {len(items) - texts}. Safety texts: {texts}. Ready replies: {check_replies.count(tree)}. "
        f"Campaigns: {campaigns}. Series: {len(check_series.files(tree))}."
    )
    for language in tree.languages:
        if language != SOURCE_LANGUAGE:
            yield _translations(tree, items, language)
    grades = check_messages.grades(items)
    if grades:
        hardest = sorted(grades, key=lambda id_: -grades[id_])[:HARDEST]
        named = ", ".join(f"{id_} {grades[id_]:.1f}" for id_ in hardest)
        yield f"English reading grade: {mean(grades.values()):.1f} on average. The hardest: {named}."
    reviews = Counter(_review(item) for item in items)
    yield f"Reviews: {reviews['missing']} missing, {reviews['overdue']} overdue, {reviews['done']} up to date."


def _translations(tree: Tree, items: list[Item], language: str) -> str:
    written = [item for item in items if language in item.words and MARK not in item.words[language].whole]
    status = Counter(item.words[language].translation for item in written)
    stale = sum(language in item.stale for item in written)
    missing = len(items) - len(written)
    parts = {part: catalog for (part, code), catalog in tree.catalogs.items() if code == language}
    staff = [catalog for part, catalog in parts.items() if part in STAFF_CATALOGS]
    drafts = _drafts(catalog for part, catalog in parts.items() if part not in STAFF_CATALOGS)
    return (
        f"{language}: {status['machine-draft']} machine drafts, {status['native-reviewed']} checked by a native speaker, "
        f"{stale} stale, {missing} missing; interface: {drafts} machine drafts"
        f"{f'; what staff read: {_drafts(staff)}' if staff else ''}."
    )


def _drafts(catalogs: Iterable[Catalog]) -> int:
    """How many strings nobody has checked."""
    return sum(bool(entry.id) and entry.fuzzy for catalog in catalogs for entry in catalog)


def _review(item: Item) -> str:
    reviewed = item.data.get("reviewed")
    if not isinstance(reviewed, dict) or reviewed.get("date") is None:
        return "missing"
    return "overdue" if check_messages.overdue(item) else "done"
