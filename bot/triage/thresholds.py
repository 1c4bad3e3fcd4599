"""When the model's chance is enough to raise a level: from what a miss is worth, in `content/safety/thresholds.yml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.triage.levels import Level
from bot.triage.model import HEADS
from bot.triage.rules import DataFile, RuleFileError

NAME = "thresholds.yml"
_SHARE = {Level.CONCERN: 0.15, Level.URGENT: 0.05, Level.EMERGENCY: 0.02}
_DEFAULT = {Level.CONCERN: 0.18, Level.URGENT: 0.09, Level.EMERGENCY: 0.04}


@dataclass(frozen=True)
class Thresholds:
    """For each language and level, the chance (0 to 1) from which the model may raise a message to that level; and the
    `share` (0 to 1) of real messages that are expected to be of each level or worse."""

    by_language: Mapping[str, Mapping[Level, float]] = field(default_factory=dict)
    share: Mapping[Level, float] = field(default_factory=lambda: _SHARE)

    def for_language(self, lang: str) -> Mapping[Level, float]:
        """The thresholds of one language; the default ones where it has none."""
        return self.by_language.get(lang) or self.by_language.get("default") or _DEFAULT

    @classmethod
    def load(cls, path: Path) -> "Thresholds":
        """Read thresholds.yml. Raises RuleFileError, naming every line that cannot be used."""
        file = DataFile(path)
        found: dict[str, dict[Level, float]] = {}
        share: dict[Level, float] = {}
        if not file.problems:
            if not hasattr(file.data, "items"):
                file.add(1, "the file", "it must start with worth:", 'Write "worth:" and, indented, default: {…}')
            else:
                share = _numbers(file, file.data, "share", 0.5, "Write the share of messages, such as 0.05 for one in twenty")
                worth = file.mapping(file.data, "worth")
                found = {str(lang): _of_language(file, worth, lang) for lang in worth}
                if "default" not in found:
                    file.add(1, "worth", "there is no default", "Add a line default: with concern, urgent and emergency")
        if file.problems:
            raise RuleFileError(file.problems)
        return cls(found, share)


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
