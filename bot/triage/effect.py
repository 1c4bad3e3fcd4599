"""What an edit of safety phrases would change: two versions of one language's file, over messages whose level is known.

The messages are the never-miss list, the project's own examples in `data/triage/`, and, where they are there, held-out ones in
`tests/evaluation/`. Held-out messages are counted and never shown: who reads them writes phrases for them, and then they measure
nothing any more.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bot.triage import check
from bot.triage.levels import Level
from bot.triage.reader import Triage
from bot.triage.rules import RuleBook

HELD_OUT = "held-out"
_EVERY = 1000
_ORDER = tuple(reversed(Level))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message whose level is known. `source` names its set, `chosen` is the language that its writer has chosen, if any."""

    source: str
    text: str
    level: Level
    chosen: str | None
    line: int = 0

    @property
    def never_miss(self) -> bool:
        return self.source.startswith("never_miss/")

    @property
    def may_be_shown(self) -> bool:
        return self.source != HELD_OUT


@dataclass(frozen=True, slots=True)
class Judged:
    """A message and the level that each version gives it."""

    message: Labelled
    before: Level
    after: Level

    @property
    def raised(self) -> bool:
        return self.after.rank > self.before.rank

    @property
    def lowered(self) -> bool:
        return self.after.rank < self.before.rank

    @property
    def newly_caught(self) -> bool:
        """The edit gives it its level, or a higher one, for the first time."""
        return self.after.at_least(self.message.level) and not self.before.at_least(self.message.level)

    @property
    def newly_missed(self) -> bool:
        return self.before.at_least(self.message.level) and not self.after.at_least(self.message.level)

    @property
    def newly_too_high(self) -> bool:
        """The edit lifts it over its level: a false alarm, or a louder one."""
        return self.raised and self.after.rank > self.message.level.rank


COLUMNS: Sequence[tuple[str, Callable[[Judged], bool]]] = (
    ("raised", lambda one: one.raised),
    ("lowered", lambda one: one.lowered),
    ("newly caught", lambda one: one.newly_caught),
    ("newly missed", lambda one: one.newly_missed),
    ("newly too high", lambda one: one.newly_too_high),
)


def messages(root: Path, lang: str) -> list[Labelled]:
    """Every message in `lang` whose level is known, the most serious first within each set."""
    found = [
        Labelled(f"never_miss/{path.name}", text, level, lang, line)
        for path in check.never_miss_files(root)
        if path.stem == lang
        for line, level, text in check.entries_of(path)
    ]
    for level in _ORDER:
        path = root / "data" / "triage" / lang / f"{level}.txt"
        if path.is_file():
            found += [Labelled(f"examples, {level}", text, level, lang, line) for line, text in check.lines_of(path)]
    return found + list(_held_out(root / "tests" / "evaluation" / f"triage_{lang}.jsonl"))


def _held_out(path: Path) -> Iterator[Labelled]:
    """Messages written apart. Which language they are in is part of the task, so none is given as chosen."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.strip():
            row = json.loads(line)
            yield Labelled(HELD_OUT, str(row["text"]), Level(row["level"]), None)


def with_book(triage: Triage, book: RuleBook) -> Triage:
    """The same triage with another rule book for that book's language."""
    return Triage({**triage.books, book.lang: book}, triage.detector, triage.model, triage.thresholds, triage.further_reader)


def judge(found: Sequence[Labelled], before: Triage, after: Triage, say: Callable[[str], None]) -> list[Judged]:
    """Every message judged by both versions."""
    judged: list[Judged] = []
    for number, one in enumerate(found, 1):
        levels = [triage.assess(one.text, one.chosen).level for triage in (before, after)]
        judged.append(Judged(one, *levels))
        if number % _EVERY == 0:
            say(f"  {number} of {len(found)} messages")
    return judged


def write(judged: Sequence[Judged], examples: int, out: TextIO) -> int:
    """Write counts, then never-miss messages that are newly missed, then at most `examples` of the project's own that change.

    Returns 1 where a never-miss message is newly missed, else 0.
    """
    out.writelines(line + "\n" for line in (*_table(judged), *_changes(judged)))
    missed = [one for one in judged if one.message.never_miss and one.newly_missed]
    if missed:
        out.write("\nMessages that must never be missed, and would be now:\n")
        out.writelines(f"  {one.message.source}, line {one.message.line}: {_shown(one)}\n" for one in missed)
    # The worst first: what would be missed, then what would be raised too high.
    changed = [one for one in judged if one.before is not one.after and one.message.may_be_shown and one not in missed]
    changed.sort(key=lambda one: (not one.newly_missed, not one.newly_too_high))
    if changed and examples:
        out.write(
            f"\nExamples of what changes ({min(examples, len(changed))} of {len(changed)}; held-out messages are never shown):\n"
        )
        out.writelines(f"  {_shown(one)}  [{one.message.source}]\n" for one in changed[:examples])
    return 1 if missed else 0


def _shown(one: Judged) -> str:
    return f"{one.before} → {one.after}: {one.message.text}"


def _table(judged: Sequence[Judged]) -> Iterator[str]:
    sources = list(dict.fromkeys(one.message.source for one in judged))
    width = max((len(source) for source in (*sources, "together")), default=0) + 2
    yield " " * width + f"{'messages':>10}" + "".join(f"{name:>16}" for name, _ in COLUMNS)
    for source in sources:
        yield _row(source, [one for one in judged if one.message.source == source], width)
    yield _row("together", judged, width)


def _row(name: str, judged: Sequence[Judged], width: int) -> str:
    counts = (sum(map(wanted, judged)) for _, wanted in COLUMNS)
    return f"{name:<{width}}{len(judged):>10}" + "".join(f"{count:>16}" for count in counts)


def _changes(judged: Iterable[Judged]) -> Iterator[str]:
    """How many go from which level to which."""
    counts: dict[tuple[Level, Level], int] = {}
    for one in judged:
        if one.before is not one.after:
            counts[one.before, one.after] = counts.get((one.before, one.after), 0) + 1
    if not counts:
        yield "\nNo message of these sets changes its level."
    for (before, after), count in sorted(counts.items(), key=lambda item: -item[1]):
        yield f"{before} → {after}: {count}"
