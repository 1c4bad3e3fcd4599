"""The vocabulary of needs: a small versioned tree in ``data/terms.yml``, and which topics it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TERMS_FILE = Path(__file__).parent / "data" / "terms.yml"


class UnknownTerm(ValueError):
    """A need that is not in the vocabulary."""


@dataclass(frozen=True)
class Term:
    """One need. ``name`` is for staff; ``words`` help text search; ``dfe`` are the DfE category names it maps to."""

    code: str
    name: str
    parent: str | None
    words: tuple[str, ...]
    dfe: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """All needs, and the crosswalk from topic ids to needs (best first)."""

    name: str
    version: str
    description: str
    terms: Mapping[str, Term]
    topics: Mapping[str, tuple[str, ...]]

    def ancestors(self, code: str) -> Iterator[str]:
        """Yield the parent, the parent's parent, and so on. Raises ``UnknownTerm``."""
        if code not in self.terms:
            raise UnknownTerm(code)
        parent = self.terms[code].parent
        while parent is not None:
            yield parent
            parent = self.terms[parent].parent

    def steps(self, need: str, tag: str) -> int | None:
        """Return how far a service's ``tag`` is from ``need``: 0 the same, 1 its child, 2 its grandchild, -1 its
        parent, -2 its grandparent; ``None`` if neither contains the other. Raises ``UnknownTerm``."""
        if need == tag:
            return 0
        for distance, ancestor in enumerate(self.ancestors(tag), start=1):
            if ancestor == need:
                return distance
        for distance, ancestor in enumerate(self.ancestors(need), start=1):
            if ancestor == tag:
                return -distance
        return None


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a terms file. Raises ``KeyError`` or ``ValueError`` where it is not of the right form."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    terms = {
        code: Term(
            code=code,
            name=row["name"],
            parent=row.get("parent"),
            words=tuple(row.get("words", ())),
            dfe=tuple(row.get("dfe", ())),
        )
        for code, row in data["terms"].items()
    }
    _check_tree(terms)
    topics = {topic: tuple(codes) for topic, codes in data["topics"].items()}
    unknown = sorted({code for codes in topics.values() for code in codes} - terms.keys())
    if unknown:
        raise ValueError(f"{path}: topics name unknown terms: {', '.join(unknown)}")
    return Vocabulary(data["name"], str(data["version"]), data["description"], terms, topics)


def _check_tree(terms: Mapping[str, Term]) -> None:
    for code in terms:
        seen = {code}
        parent = terms[code].parent
        while parent is not None:
            if parent not in terms:
                raise ValueError(f"term {code}: its parent {parent} does not exist")
            if parent in seen:
                raise ValueError(f"term {code}: it is its own ancestor")
            seen.add(parent)
            parent = terms[parent].parent


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that ships with the directory."""
    return read_vocabulary(TERMS_FILE)
