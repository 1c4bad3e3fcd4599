"""How well triage does, per language, on messages written apart; it decides where help is offered with every reply."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

NAME = "measured.yml"
ENOUGH = 0.92
"""The share of urgent and emergency messages that a language must catch, at the lower bound, to do without."""
_Z = 1.96


class MeasuredError(ValueError):
    """The file cannot be used; the text says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """By language, how many urgent and emergency messages there were (`of`) and how many were given `urgent` or more."""

    on: date | None = None
    caught: Mapping[str, tuple[int, int]] | None = None
    """By language: (caught, of)."""

    @classmethod
    def load(cls, path: Path) -> "Measured":
        """Read the file; one that is not there says nothing of any language. Raises MeasuredError."""
        if not path.is_file():
            return cls()
        data: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        try:
            counts = {str(lang): (int(entry["caught"]), int(entry["of"])) for lang, entry in data["languages"].items()}
            on = data["measured"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MeasuredError(f"something is missing or misplaced ({error})") from error
        if not isinstance(on, date):
            raise MeasuredError("measured: must be a date such as 2026-11-26")
        for lang, (caught, of) in counts.items():
            if not 0 <= caught <= of:
                raise MeasuredError(f"{lang}: {caught} of {of} cannot be")
        return cls(on, counts)

    def lower_bound(self, lang: str) -> float:
        """The share caught, at the lower end of its 95 % interval (Wilson); 0 for a language that was not measured."""
        caught, of = (self.caught or {}).get(lang, (0, 0))
        return lower_bound(caught, of)

    def needs_help(self, lang: str) -> bool:
        """Whether help is to be offered with every reply in this language."""
        return self.lower_bound(lang) < ENOUGH


def lower_bound(hits: int, count: int) -> float:
    """The lower end of the 95 % Wilson interval of `hits` of `count`; 0 where there was nothing to count."""
    if count == 0:
        return 0.0
    share = hits / count
    middle = share + _Z**2 / (2 * count)
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, (middle - spread) / (1 + _Z**2 / count))


def written(on: date, caught: Mapping[str, tuple[int, int]]) -> str:
    """The file's text."""
    lines = [
        "# Of the urgent and emergency messages in tests/evaluation, how many triage caught. Written by: python -m benchmarks.held_out --write",
        f"# Where the lower end of the 95 % interval is under {100 * ENOUGH:.0f} %, help is offered with every reply.",
        f"measured: {on.isoformat()}",
        "languages:",
        *(f"  {lang}: {{caught: {hits}, of: {count}}}" for lang, (hits, count) in sorted(caught.items())),
    ]
    return "\n".join(lines) + "\n"
