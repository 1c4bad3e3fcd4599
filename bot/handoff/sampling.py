"""How large the monthly blind sample is, from `content/sample.yml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.library.yamlfile import DataError, Problem, read_yaml

FILE = "content/sample.yml"
MOST = {"messages": 200, "days": 90}
"""The largest that each field may be: nobody reads more in a month, and older words help nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """At most `messages` are drawn a month, area and language, from those of the last `span`."""

    messages: int
    span: timedelta


def load_sampling(root: Path) -> Sampling:
    """The file. Raises `DataError` with all that is wrong and where."""
    data = read_yaml(root / FILE, root)
    if not isinstance(data, dict):
        raise DataError([Problem(FILE, None, "", "this is no list of settings.", f"Use {', '.join(MOST)}.")])
    problems = [
        Problem(FILE, None, key, "this is not known.", f"Use {', '.join(MOST)}.")
        for key in sorted(set(map(str, data)) - set(MOST))
    ]
    for key, most in MOST.items():
        number = data.get(key)
        if type(number) is not int or not 1 <= number <= most:
            problems.append(
                Problem(
                    FILE,
                    None,
                    key,
                    "it is missing." if number is None else f"“{number}” does not fit.",
                    f"Write a whole number, 1 to {most}.",
                )
            )
    if problems:
        raise DataError(problems)
    return Sampling(messages=data["messages"], span=timedelta(days=data["days"]))
