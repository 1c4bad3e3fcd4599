"""What may be shown of a number of people, so that nobody can be found in it. The one door through which counts leave.

The promise: **nobody who reads everything that is published can be certain that some group of 1 to 9 people is there.**

- A number below `THRESHOLD`, nought included, is shown as `FEW`; all others are rounded to the nearest `STEP`.
- No total is published beside its parts: whoever shows one adds up what is shown (`total`).
- Several tables may divide the same people (by language, by role …). The sum of one then tells something of what another hides. Where
  that would be enough to be certain of a small group, a further cell of that table becomes `HELD` (or, if that is not enough, the
  whole table): secondary suppression, by reckoning what a reader could reckon.
- Some sets of tables bound others: whoever is counted as a person has had a conversation. Such sets are reckoned together (`publish_nested`).
- Parts of a group that is shown already (links of a campaign) may together tell of no more of it than it shows itself (`publish_parts`).

Pure functions; docs/insight.md explains them to readers of the figures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

THRESHOLD = 10
STEP = 5
MOST_FEW = THRESHOLD - 1


class Hidden(Enum):
    """What is shown where there is no number."""

    FEW = "few"
    """Fewer than `THRESHOLD`, perhaps nobody."""
    HELD = "held"
    """Held back, so that a smaller number cannot be worked out. It may be of any size."""
    UNADDED = "unadded"
    """A sum of which no part is shown."""


FEW, HELD, UNADDED = Hidden.FEW, Hidden.HELD, Hidden.UNADDED
Figure = int | Hidden
Counts = Mapping[str, int]
"""How many there are of each category of a table. Categories must be known beforehand, or be folded (`fold`): that a category is
named at all must tell nothing."""


def figure(number: int) -> Figure:
    """A number as it may be shown by itself."""
    return FEW if number < THRESHOLD else (number + STEP // 2) // STEP * STEP


def total(figures: Collection[Figure]) -> Figure:
    """The sum of what is shown. It knows no more than its parts: what is hidden adds nothing."""
    numbers = [one for one in figures if isinstance(one, int)]
    if numbers:
        return sum(numbers)
    return next(iter(figures)) if len(figures) == 1 else UNADDED


def fold(counts: Counts, into: str) -> dict[str, int]:
    """`counts` of categories that nobody can list beforehand, by name, so that their order tells nothing: those too small to show are put
    together as `into`, at the end."""
    kept = {category: number for category, number in sorted(counts.items()) if number >= THRESHOLD and category != into}
    return {**kept, into: sum(counts.values()) - sum(kept.values())}


def publish(tables: Mapping[str, Counts]) -> dict[str, dict[str, Figure]]:
    """Tables that each divide the same people, as they may be shown together.

    Every table needs two categories at least, or its one cell would be the total of the others. Raises ValueError otherwise.
    """
    return publish_nested([tables])[0]


def publish_nested(groups: Sequence[Mapping[str, Counts]], least: float = 0) -> list[dict[str, dict[str, Figure]]]:
    """Groups of tables as they may be shown together. The tables of each group divide the same people (or conversations), and each group
    has as many as the one before it, or more; of the first there are `least`, as other figures tell. Raises as `publish`.
    """
    if any(len(counts) < 2 for tables in groups for counts in tables.values()):
        raise ValueError("a table of one category is a total, and totals are not published")
    shown = [
        {name: {category: figure(number) for category, number in counts.items()} for name, counts in tables.items()}
        for tables in groups
    ]
    while (risky := _risky(shown, least)) is not None:
        place, name = risky
        _hold_back(shown[place][name], groups[place][name])
    return shown


def publish_parts(counts: Counts, least: float) -> dict[str, Figure]:
    """Parts of a group that do not make up the whole of it, when what is shown of the group tells that there are `least` at the least.

    As long as the parts tell of no more than that, nothing can be learned from them of what the group hides. What is not shown is
    `HELD`, small or not: that a part is held back for its size would tell that it is large.
    """
    shown: dict[str, Figure] = {part: one if isinstance(one := figure(number), int) else HELD for part, number in counts.items()}
    while sum(known(one).low for one in shown.values()) > least:
        _hold_back(shown, counts)
    return shown


def _hold_back(figures: dict[str, Figure], counts: Counts) -> None:
    """Hide the smallest number of a table; where there is none left, all of it."""
    numbers = [category for category, one in figures.items() if isinstance(one, int)]
    for category in [min(numbers, key=lambda name: (counts[name], name))] if numbers else list(figures):
        figures[category] = HELD


@dataclass(frozen=True, slots=True)
class Range:
    """What a reader knows of a number: it is from `low` to `high`, both included."""

    low: float
    high: float


def known(one: Figure) -> Range:
    """What a figure by itself tells."""
    if one is FEW:
        return Range(0, MOST_FEW)
    if isinstance(one, Hidden):
        return Range(0, inf)
    return Range(max(one - STEP // 2, THRESHOLD), one + STEP // 2)


def how_many(tables: Mapping[str, Mapping[str, Figure]]) -> Range:
    """How many people all the tables divide, as far as they tell together."""
    sums = [
        Range(sum(known(one).low for one in figures.values()), sum(known(one).high for one in figures.values()))
        for figures in tables.values()
    ]
    return Range(max(one.low for one in sums), min(one.high for one in sums))


def _risky(groups: Sequence[Mapping[str, Mapping[str, Figure]]], least: float) -> tuple[int, str] | None:
    """The first table that, with all others, tells of a small group: the place of its group, and its name."""
    ranges = [how_many(tables) for tables in groups]
    for place, tables in enumerate(groups):
        low = max(least, *(one.low for one in ranges[: place + 1]))
        high = min(one.high for one in ranges[place:])
        for name, figures in tables.items():
            if _tells(figures, Range(low, high)):
                return place, name
    return None


def _tells(figures: Mapping[str, Figure], people: Range) -> bool:
    """Whether it is certain that some of those whom a table shows as `FEW` are there, and fewer than 10, if it divides so many `people`."""
    few = sum(one is FEW for one in figures.values())
    if not few:
        return False
    rest = [known(one) for one in figures.values() if one is not FEW]
    low = people.low - sum(one.high for one in rest)
    high = people.high - sum(one.low for one in rest)
    someone_in_each = low > MOST_FEW * (few - 1)
    some_and_few_in_all = low > 0 and high <= MOST_FEW
    return someone_in_each or some_and_few_in_all
