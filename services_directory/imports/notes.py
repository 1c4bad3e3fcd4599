"""What there is to say about what came in: one note a thing, with where it is and how to mend it.

A sentence is a key with values, so that each reader has it in their own language; ``data/import_sentences.yml`` has the English.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Union

from ruamel.yaml import YAML

SENTENCES_FILE = Path(__file__).parent.parent / "data" / "import_sentences.yml"
Value = Union[str, int, float, "Said", Sequence["Value"]]


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Return the English by key: ``what``, and ``mend`` where there is something to do."""
    data: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load(SENTENCES_FILE)
    return data


@dataclass(frozen=True)
class Said:
    """A sentence, or a name within one, by its key. ``values`` may be such themselves; lists are said with semicolons between."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What is so, in English."""
        return self._filled("what")

    @property
    def mend(self) -> str:
        """How to mend it, in English; empty if there is nothing to do."""
        return self._filled("mend")

    def _filled(self, part: str) -> str:
        texts = {name: in_english(value) for name, value in self.values.items()}
        return sentences()[self.key].get(part, "").format_map(texts)

    def __str__(self) -> str:
        """Return all of it in English."""
        return f"{self.what} {self.mend}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """Return what is stored: the key and values, and the English for whoever does not know the key."""
        return {"said": self.key, "values": {name: stored(value) for name, value in self.values.items()}, "english": str(self)}


def said(key: str, **values: Value) -> Said:
    """Return a sentence."""
    return Said(key, values)


def in_english(value: Value) -> str:
    """Return a value as it stands in an English sentence."""
    return "; ".join(map(in_english, value)) if isinstance(value, list | tuple) else str(value)


def stored(value: Value) -> Any:
    """Return a value as plain JSON."""
    if isinstance(value, Said):
        return value.as_json()
    return [stored(one) for one in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Note:
    """``where`` is the file or address with its row or place; ``record`` the service's name or id; ``field`` may be empty."""

    where: Said | str
    record: str
    field: str
    said: Said

    @property
    def what(self) -> str:
        """What is so, in English."""
        return self.said.what

    @property
    def mend(self) -> str:
        """How to mend it, in English."""
        return self.said.mend

    def __str__(self) -> str:
        """Return the note in one line of English."""
        named = ", ".join(part for part in (str(self.where), self.record, self.field) if part)
        return f"{named}: {self.said}"


class CannotRead(ValueError):
    """Nothing of a file or feed was taken. ``note`` says why, and how to mend it."""

    def __init__(self, where: Said | str, why: Said) -> None:
        """Keep the note."""
        self.note = Note(where, "", "", why)
        super().__init__(str(self.note))
