"""Which interface strings the content desk leaves to the files in `locales/`, and why, from `content/desk.yml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.library.strings import placeholders
from bot.library.yamlfile import DataError, Problem, read_yaml

FILE = "content/desk.yml"
REASONS = ("safety", "consent", "read_by_wren")


@dataclass(frozen=True, slots=True)
class LeftToFiles:
    """Names of strings by the reason for which they stay in files; None where nothing is said, so that all are left."""

    names: Mapping[str, tuple[str, ...]] | None = None

    @classmethod
    def load(cls, root: Path) -> LeftToFiles:
        """Read the file; without it the desk changes no string. Raises `DataError`."""
        if not (root / FILE).is_file():
            return cls()
        data = read_yaml(root / FILE, root)
        names = data.get("left_to_files") if isinstance(data, dict) else None
        if not isinstance(names, dict) or not all(isinstance(those, list) for those in names.values()):
            raise DataError(
                [Problem(FILE, None, "left_to_files", "there are no lists.", f"Write one for each: {', '.join(REASONS)}.")]
            )
        wrong = [f"{reason}" for reason in names if reason not in REASONS]
        if wrong:
            raise DataError([Problem(FILE, None, wrong[0], "there is no reason of this name.", f"Use {', '.join(REASONS)}.")])
        return cls({reason: tuple(map(str, those)) for reason, those in names.items()})

    def why(self, key: str, words: str, helplines: Collection[str]) -> str | None:
        """The reason for which a string of these English words is left; None if the desk may change it. `helplines` are the names of
        placeholders that stand for helplines."""
        if self.names is None or placeholders(words) & set(helplines):
            return "safety"
        return next((reason for reason, names in self.names.items() if any(_is_named(key, name) for name in names)), None)


def problems(root: Path, keys: Collection[str]) -> Iterator[Problem]:
    """Names in the file that are no string's: what was meant by them would be open to change."""
    try:
        left = LeftToFiles.load(root)
    except DataError as error:
        yield from error.problems
        return
    for name in (name for names in (left.names or {}).values() for name in names):
        if not any(_is_named(key, name) for key in keys):
            lines = (root / FILE).read_text(encoding="utf-8").split("\n")
            line = next((number for number, text in enumerate(lines, start=1) if text.strip() == f"- {name}"), None)
            yield Problem(FILE, line, name, "no string has this name, or begins so.", "Correct it, or take it out.")


def _is_named(key: str, name: str) -> bool:
    return key == name or (name.endswith((".", "_")) and key.startswith(name))
