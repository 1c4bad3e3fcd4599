"""One language's words of a message as somebody writes them: the words, the line on when to get help, and the file they stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bot.library.library import source_hash
from bot.library.wording import HELP_LINE, Words, with_help_line

ORIGINAL, MACHINE_DRAFT, NATIVE_REVIEWED = "original", "machine-draft", "native-reviewed"


@dataclass(frozen=True, slots=True)
class Written:
    """`source_hash` is the hash of the English that a translation was made from; None for English."""

    body: str
    help_if: str | None
    translation: str
    source_hash: str | None

    @property
    def hash(self) -> str:
        """The hash of these words, by which a translation of them names them."""
        return source_hash(self.body, self.help_if)

    @property
    def whole(self) -> str:
        """Words and line together, as a reader of the source sees them."""
        return f"{self.body}\n\n{self.help_if}" if self.help_if else self.body

    def words(self) -> Words:
        """The same as the library renders them."""
        return Words(with_help_line(self.body, self.help_if), self.translation, self.source_hash)


def written(words: Words) -> Written:
    """What the library renders, as it was written."""
    body, _, help_if = words.text.partition(HELP_LINE)
    return Written(body, help_if or None, words.translation, words.source_hash)


def as_file(one: Written, more: Mapping[str, str] | None = None) -> str:
    """The text of `<lang>.md`; `more` are the fields of front matter that the desk does not know. The same words always give the same
    text, byte for byte."""
    lines = [f"translation: {one.translation}"]
    if one.source_hash is not None:
        lines.append(f'source_hash: "{one.source_hash}"')
    if one.help_if:
        lines.append(f"get_help_if: {_quoted(one.help_if)}")
    lines += [f"{name}: {_quoted(value)}" for name, value in (more or {}).items()]
    return "\n".join(["---", *lines, "---", one.body, ""])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
