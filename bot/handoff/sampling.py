"""How large the monthly blind sample is (`content/sample.yml`) and who comes on the review list (`content/review.yml`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.library.yamlfile import DataError, Problem, read_yaml

SAMPLE, REVIEW = "content/sample.yml", "content/review.yml"
_SAMPLE_MOST = {"messages": 200, "days": 90}
"""The largest that each field may be: nobody reads more in a month, and older words help nobody."""
_REVIEW_MOST = {"concerns": 20, "days": 90}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """At most `messages` are drawn a month, area and language, from those of the last `span`."""

    messages: int
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewing:
    """Whoever has written `concerns` messages of level concern in the last `span` comes on the list."""

    concerns: int
    span: timedelta


def load_sampling(root: Path) -> Sampling:
    """The file of the sample. Raises `DataError` with all that is wrong and where."""
    numbers = _whole_numbers(root, SAMPLE, _SAMPLE_MOST)
    return Sampling(messages=numbers["messages"], span=timedelta(days=numbers["days"]))


def load_reviewing(root: Path) -> Reviewing:
    """The file of the review list. Raises `DataError` with all that is wrong and where."""
    numbers = _whole_numbers(root, REVIEW, _REVIEW_MOST)
    return Reviewing(concerns=numbers["concerns"], span=timedelta(days=numbers["days"]))


def _whole_numbers(root: Path, file: str, most: dict[str, int]) -> dict[str, int]:
    """The file's settings: each of `most`, from 1 to its largest, and nothing else."""
    data = read_yaml(root / file, root)
    if not isinstance(data, dict):
        raise DataError([Problem(file, None, "", "this is no list of settings.", f"Use {', '.join(most)}.")])
    problems = [
        Problem(file, None, key, "this is not known.", f"Use {', '.join(most)}.")
        for key in sorted(set(map(str, data)) - set(most))
    ]
    for key, largest in most.items():
        number = data.get(key)
        if type(number) is not int or not 1 <= number <= largest:
            problems.append(
                Problem(
                    file,
                    None,
                    key,
                    "it is missing." if number is None else f"“{number}” does not fit.",
                    f"Write a whole number, 1 to {largest}.",
                )
            )
    if problems:
        raise DataError(problems)
    return {key: data[key] for key in most}
