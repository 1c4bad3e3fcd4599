"""The nations and how people write them: ``data/nations.yml``."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML

from services_directory.text import words

NATIONS_FILE = Path(__file__).parent / "data" / "nations.yml"


@cache
def nation_data() -> Mapping[str, Any]:
    """Return the file's contents."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(NATIONS_FILE)
    return MappingProxyType(data)


@cache
def nation_names() -> Mapping[str, str]:
    """Return the key of each name of a nation, or of several of them together, folded."""
    data = nation_data()
    groups = {**data["nations"], **data["whole"]}
    return {" ".join(words(name)): key for key, group in groups.items() for name in group["names"]}


# More than there are venues: a list that is gone through twice would find nothing kept of a cache that is just too small.
@lru_cache(maxsize=300_000)
def key(name: str) -> str:
    """Return what two ways to write the same place have in common: ``"The UK"`` and ``"uk"``, ``"ZZ1"`` and ``"zz1"``."""
    folded = " ".join(words(re.sub(r"\(.*?\)", " ", name) if "(" in name else name))
    return nation_names().get(folded, folded)


def nations_among(areas: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of the nations that names of areas speak of; ``UK`` means all four."""
    data = nation_data()
    found: set[str] = set()
    for area in map(key, areas):
        if area in data["nations"]:
            found.add(area)
        elif area in data["whole"]:
            found.update(data["whole"][area]["nations"])
    return tuple(sorted(found))
