"""When the model's chance is enough to raise a level, or to doubt a rule: from `content/safety/thresholds.yml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.triage.levels import KINDS, Level
from bot.triage.model import HEADS
from bot.triage.rules import DataFile, RuleFileError

NAME = "thresholds.yml"
MOST_DOUBT = 0.05
NEVER_DOUBTED = frozenset({"suicide", "self-harm", "harm-to-child", "child-at-risk", "writer-child"})
"""Kinds of danger whose words are taken as they stand, whatever the model makes of the rest of the message."""

_SHARE = {Level.CONCERN: 0.15, Level.URGENT: 0.05, Level.EMERGENCY: 0.02}
_DEFAULT = {Level.CONCERN: 0.18, Level.URGENT: 0.09, Level.EMERGENCY: 0.04}


@dataclass(frozen=True)
class Thresholds:
    """For each language and level, the chance (0 to 1) from which the model may raise a message to that level; the `share` (0
    to 1) of real messages that are expected to be of each level or worse; and for kinds of danger the chance of an urgent message
    under which a rule of that kind is in `doubt`, and raises a message to concern only. A kind that is not there is never doubted."""

    by_language: Mapping[str, Mapping[Level, float]] = field(default_factory=dict)
    share: Mapping[Level, float] = field(default_factory=lambda: _SHARE)
    doubt: Mapping[str, float] = field(default_factory=dict)

    def for_language(self, lang: str) -> Mapping[Level, float]:
        """The thresholds of one language; the default ones where it has none."""
        return self.by_language.get(lang) or self.by_language.get("default") or _DEFAULT

    @classmethod
    def load(cls, path: Path) -> "Thresholds":
        """Read thresholds.yml. Raises RuleFileError, naming every line that cannot be used."""
        file = DataFile(path)
        found: dict[str, dict[Level, float]] = {}
        share: dict[Level, float] = {}
        doubt: dict[str, float] = {}
        if not file.problems:
            if not hasattr(file.data, "items"):
                file.add(1, "the file", "it must start with worth:", 'Write "worth:" and, indented, default: {…}')
            else:
                share = _numbers(file, file.data, "share", 0.5, "Write the share of messages, such as 0.05 for one in twenty")
                worth = file.mapping(file.data, "worth")
                found = {str(lang): _of_language(file, worth, lang) for lang in worth}
                doubt = _doubt(file)
                if "default" not in found:
                    file.add(1, "worth", "there is no default", "Add a line default: with concern, urgent and emergency")
        if file.problems:
            raise RuleFileError(file.problems)
        return cls(found, share, doubt)


def _doubt(file: DataFile) -> dict[str, float]:
    values = file.mapping(file.data, "doubt", set(KINDS) - NEVER_DOUBTED)
    doubt: dict[str, float] = {}
    for kind, value in values.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MOST_DOUBT:
            doubt[str(kind)] = float(value)
        else:
            message = f"{value!r} is not a number above 0 and up to {MOST_DOUBT:g}"
            file.add(
                file.line(values, kind), f"doubt: {kind}", message, "Write a small chance, such as 0.02, or leave the kind out"
            )
    return doubt


def _of_language(file: DataFile, worth: Mapping[str, object], lang: str) -> dict[Level, float]:
    mend = "Write how many false alarms catching one is worth, such as 10"
    return {head: 1.0 / (1.0 + value) for head, value in _numbers(file, worth, lang, 100, mend).items()}


def _numbers(file: DataFile, holder: Mapping[str, object], name: str, most: float, mend: str) -> dict[Level, float]:
    values = file.mapping(holder, name, {head.value for head in HEADS})
    numbers: dict[Level, float] = {}
    for head in HEADS:
        value = values.get(head.value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= most:
            numbers[head] = float(value)
        else:
            file.add(file.line(holder, name), f"{name}: {head}", f"{value!r} is not a number above 0 and up to {most:g}", mend)
    return numbers
