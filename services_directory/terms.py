"""The vocabulary of needs (``data/terms.yml``, a small versioned tree), and which of them answer a topic and how well
(``data/topics.yml``). ``topic_problems`` says in plain words what is wrong with the latter."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

TERMS_FILE = Path(__file__).parent / "data" / "terms.yml"
TOPICS_FILE = TERMS_FILE.with_name("topics.yml")


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
    """All needs, and the crosswalk from topic ids to needs: ``topics`` best first, ``weights`` above 0 and up to 1."""

    name: str
    version: str
    description: str
    terms: Mapping[str, Term]
    topics: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, Mapping[str, float]]

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
    """Read a terms file, and ``topics.yml`` beside it. Raises ``KeyError`` or ``ValueError`` where one is not of the right
    form."""
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
    topics_file = path.with_name(TOPICS_FILE.name)
    found = topic_problems(topics_file, terms)
    if found:
        raise ValueError(found[0])
    crosswalk: dict[str, Any] = YAML(typ="safe", pure=True).load(topics_file)
    weights = {
        topic: dict(sorted(((code, float(weight)) for code, weight in row.items()), key=lambda pair: -pair[1]))
        for topic, row in crosswalk["topics"].items()
    }
    topics = {topic: tuple(row) for topic, row in weights.items()}
    return Vocabulary(data["name"], str(data["version"]), data["description"], terms, topics, weights)


def topic_problems(path: Path, terms: Collection[str], topics: Collection[str] | None = None) -> list[str]:
    """Return all that is wrong with a crosswalk, a sentence each. ``topics``: the ids that it must have, if they are known."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        return [f"{path.name}: the file cannot be read ({error}). Look at its indents and colons."]
    rows = data.get("topics") if isinstance(data, dict) else None
    if not isinstance(rows, dict):
        return [f"{path.name}: there are no topics. Begin it with topics: and a topic below it."]
    found = []
    for topic, row in rows.items():
        if topics is not None and topic not in topics:
            found.append(f"{path.name}, {topic}: there is no such topic. Take one of content/topics.yml.")
        if not isinstance(row, dict) or not row:
            found.append(f"{path.name}, {topic}: it has no terms. Write {{sleep: 1, health-visiting: 0.6}}.")
            continue
        for code, weight in row.items():
            if code not in terms:
                found.append(f"{path.name}, {topic}: the topic names the unknown term {code}. Take one of terms.yml.")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1:
                found.append(f"{path.name}, {topic}, {code}: the weight must be above 0 and at most 1, as 0.6.")
        if 1 not in row.values():
            found.append(f"{path.name}, {topic}: no term has the weight 1. Give it to the one that answers best.")
    missing = sorted(set(topics or ()) - set(rows))
    return found + [f"{path.name}, {topic}: the topic is not here. Add it with its terms." for topic in missing]


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
