"""Reading YAML with line numbers, and saying in plain words where a file is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a data file: where it is, what is wrong, how to mend it."""

    file: str
    line: int | None
    field: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "") + (f", {self.field}" if self.field else "")
        return f"{place}: {self.message}" + (f" {self.mend}" if self.mend else "")


class DataError(ValueError):
    """A data file cannot be used; `problems` says why, all at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def load_all(paths: Iterable[Path], load: Callable[[Path], T]) -> tuple[list[T], list[Problem]]:
    """What `load` makes of each file, in order, and the problems of those that it refuses by `DataError`."""
    found: list[T] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(load(path))
        except DataError as error:
            problems += error.problems
    return found, problems


def read_yaml(path: Path, root: Path) -> Any:
    """The content of a YAML file. Raises `DataError` with file and line when it is missing or is not YAML."""
    return parse_yaml(_read(path, root), str(path.relative_to(root)))


def parse_yaml(text: str, name: str, first_line: int = 1) -> Any:
    """Parse YAML that begins at `first_line` of the file `name`."""
    try:
        return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + first_line if mark else None
        what = error.problem or error.context or "it cannot be read"
        raise DataError(
            [Problem(name, line, "", f"this is not valid YAML: {what}.", "Often a missing quote or indent.")]
        ) from error


def _read(path: Path, root: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError([Problem(str(path.relative_to(root)), None, "", "this file is missing.")]) from error
    except UnicodeDecodeError as error:
        message = f"this file is not saved as UTF-8 (byte {error.start})."
        raise DataError([Problem(str(path.relative_to(root)), None, "", message, "Save it again as UTF-8.")]) from error


def read_front_matter(path: Path, root: Path) -> tuple[dict[str, Any], str]:
    """The front matter (a mapping) and the words of a Markdown file. Raises `DataError`."""
    text = _read(path, root)
    name = str(path.relative_to(root))
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise DataError([Problem(name, 1, "", "the file must begin with front matter between two lines of ---.")])
    meta = parse_yaml(parts[1], name, first_line=2) or {}
    if not isinstance(meta, dict):
        raise DataError([Problem(name, 2, "", "the front matter must be lines of `name: value`.")])
    return meta, parts[2].strip()
