"""Checks of everything that triage reads, for the people who edit it: plain words, with the file and the line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.languages import Catalogue, CatalogueError
from bot.triage import rules
from bot.triage.levels import Level
from bot.triage.reader import MODEL_NAME, Triage
from bot.triage.rules import Problem, RuleFileError
from bot.triage.thresholds import NAME as THRESHOLDS
from bot.triage.thresholds import Thresholds

_LONGEST = 1000


def problems(root: Path) -> list[Problem]:
    """Everything wrong in languages.yml, the rule files, the thresholds, the examples and the never-miss lists under `root`.

    The never-miss lists are judged with the trained models in `root`/models where they are there, else by the rules alone
    only in so far as a list can be read.
    """
    found: list[Problem] = []
    try:
        Catalogue.load(root / "content" / "languages.yml")
    except CatalogueError as error:
        return [Problem("languages.yml", 1, "the file", str(error), "Compare it with the other entries")]
    found += _rule_problems(root / "content" / "safety")
    for path in sorted((root / "data" / "triage").glob("*/*.txt")):
        found += _example_problems(path)
    found += [problem for path in never_miss_files(root) for problem in _list_problems(path)]
    model = root / "models" / MODEL_NAME
    if not found and model.is_file():
        try:
            triage = Triage.load(root / "content", model)
        except ValueError as error:
            return [Problem(model.name, 1, "the file", str(error), "Train again: python -m bot.triage.train models")]
        found += never_missed(root, triage)
    return found


def never_missed(root: Path, triage: Triage) -> list[Problem]:
    """The messages on the never-miss lists that `triage` gives a lower level than the list says."""
    found: list[Problem] = []
    for path in never_miss_files(root):
        found += _list_problems(path)
        for line, level, text in entries_of(path):
            given = triage.assess(text, path.stem).level
            if not given.at_least(level):
                found.append(
                    Problem(
                        f"never_miss/{path.name}",
                        line,
                        level.value,
                        f'"{text}" is given {given}',
                        "Put back, or write, a rule or an example that catches it",
                    )
                )
    return found


def never_miss_files(root: Path) -> list[Path]:
    """The never-miss lists: one message a line, its level before a tab."""
    return sorted((root / "content" / "safety" / "never_miss").glob("*.txt"))


def lines_of(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file with their numbers from 1, without empty ones and comments (#)."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]


def entries_of(path: Path) -> Iterator[tuple[int, Level, str]]:
    """The messages of a never-miss list: line number, level, text. Lines that are not of that form are left out."""
    for number, line in lines_of(path):
        level, _, text = line.partition("\t")
        if level in list(Level) and text.strip():
            yield number, Level(level), text.strip()


def _list_problems(path: Path) -> Iterator[Problem]:
    for number, line in lines_of(path):
        level, tab, text = line.partition("\t")
        if level not in list(Level) or not tab or not text.strip():
            yield Problem(
                f"never_miss/{path.name}",
                number,
                "the line",
                "it is not a level, a tab and a message",
                f"Begin with one of {', '.join(level.value for level in Level)}, press Tab, then the message",
            )


def _rule_problems(safety: Path) -> list[Problem]:
    found: list[Problem] = []
    for path in sorted(safety.glob("*.yml")):
        try:
            if path.name == THRESHOLDS:
                Thresholds.load(path)
            elif path.name != rules.APPROVALS:
                rules.load(path)
        except RuleFileError as error:
            found += error.problems
    return found


def _example_problems(path: Path) -> Iterator[Problem]:
    name = f"{path.parent.name}/{path.name}"
    if path.stem not in list(Level):
        yield Problem(name, 1, "the file", "its name is not a level", f"Name it one of {', '.join(Level)}")
        return
    try:
        lines = lines_of(path)
    except UnicodeDecodeError:
        yield Problem(name, 1, "the file", "it is not saved as UTF-8", "Save it again, choosing UTF-8")
        return
    yield from _line_problems(path, name, lines)


def _line_problems(path: Path, name: str, lines: Sequence[tuple[int, str]]) -> Iterator[Problem]:
    higher = [level for level in Level if level.rank > Level(path.stem).rank]
    above = {text: level for level in higher for text in _texts(path.with_name(f"{level}.txt"))}
    for number, text in lines:
        if len(text) > _LONGEST:
            yield Problem(
                name, number, "the line", f"it is longer than {_LONGEST} characters", "Keep one message a line, and short"
            )
        if text in above:
            yield Problem(name, number, "the line", f'"{text}" also stands in {above[text]}.txt', "Keep it in one of the two")


def _texts(path: Path) -> list[str]:
    return [text for _, text in lines_of(path)] if path.is_file() else []
