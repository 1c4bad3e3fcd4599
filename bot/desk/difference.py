"""What changed between two texts, word by word, for people to read: nothing is hidden and both texts can be read out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"\n+|[^\S\n]+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is the `same` in both, or was `removed` or `added`."""

    kind: str
    text: str


def difference(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in order. Words are whole; spaces stay with what they stand beside."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[Piece] = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(old[old_from:old_to])))
            continue
        pieces += [
            Piece(name, text)
            for name, text in (("removed", "".join(old[old_from:old_to])), ("added", "".join(new[new_from:new_to])))
            if text
        ]
    return pieces
