"""The numbers of freshness, from ``data/freshness.yml``, with a check that says in plain words what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

POLICY_FILE = Path(__file__).parents[1] / "data" / "freshness.yml"
MOST_DAYS = 3_650


class PolicyWrong(ValueError):
    """The file cannot be used. Says why, a line a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All in days, but ``mails_a_day``. See the file for what each means."""

    review_days: int
    ahead_days: int
    follow_up_days: int
    link_days: int
    mails_a_day: int


NONE_ALLOWED = frozenset({"ahead_days", "mails_a_day"})


def mistakes(path: Path = POLICY_FILE) -> list[str]:
    """Return what is wrong with the file, a sentence a mistake, each with the file and the field."""
    return list(_mistakes(path, _read(path)))


@lru_cache
def load_policy(path: Path = POLICY_FILE) -> Policy:
    """Read the file. Raises ``PolicyWrong``."""
    data = _read(path)
    wrong = list(_mistakes(path, data))
    if wrong:
        raise PolicyWrong("\n".join(wrong))
    return Policy(**data)


def _read(path: Path) -> Any:
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        return error


def _mistakes(path: Path, data: Any) -> Iterator[str]:
    if isinstance(data, Exception):
        yield f"{path.name}: it cannot be read ({type(data).__name__})."
        return
    if not isinstance(data, dict):
        yield f"{path.name}: it must hold lines such as “review_days: 90”."
        return
    known = [field.name for field in fields(Policy)]
    for name in known:
        value, least = data.get(name), 0 if name in NONE_ALLOWED else 1
        if name not in data:
            yield f"{path.name}: {name} is missing."
        elif type(value) is not int or not least <= value <= MOST_DAYS:
            yield f"{path.name}: {name} must be a whole number from {least} to {MOST_DAYS}, and is {value!r}."
    for name in data:
        if name not in known:
            yield f"{path.name}: {name} is not known here; known are {', '.join(known)}."
    if not any(type(data.get(name)) is not int for name in ("follow_up_days", "link_days", "review_days")):
        if data["link_days"] <= data["follow_up_days"]:
            yield f"{path.name}: link_days must be more than follow_up_days, or the first link ends before the second e-mail."
        if data["follow_up_days"] >= data["review_days"]:
            yield f"{path.name}: follow_up_days must be less than review_days, or two cycles run into each other."
