"""Exact words that do something at once, in every language, from `content/commands.yml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from bot.conversation.facts import SIGNS, simple
from bot.library.yamlfile import DataError, Problem, read_yaml

LEARNT = "data/nlu/commands.yml"
"""Where the same words are written for the NLU to learn."""

APP_ONLY = frozenset({"help_now", "source", "skip", "wrong_service", "series_menu", "series_less", "series_apart"})
"""Commands that are no navigation intents of the NLU."""

_EDGES = re.compile(rf"^[^\w{SIGNS}]*(.*?)[^\w{SIGNS}]*$", re.DOTALL)
_SHADES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
"""What makes one emoji out of another: skin tones and variation selectors."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Command by `simple` words; `by_language` prefers the person's own language where two languages share a word."""

    by_words: Mapping[str, str]
    by_language: Mapping[tuple[str, str], str]

    @classmethod
    def load(cls, root: Path) -> Commands:
        """Read the file. Raises `DataError` when one word means two things in one language."""
        data = read_yaml(root / "content" / "commands.yml", root)
        problems: list[Problem] = []
        by_words: dict[str, str] = {}
        by_language: dict[tuple[str, str], str] = {}
        for command, languages in data.items():
            for language, words in languages.items():
                for word in words:
                    key = _bare(str(word))
                    if by_language.setdefault((language, key), command) != command:
                        problems.append(
                            Problem(
                                "content/commands.yml",
                                None,
                                f"{command}.{language}",
                                f"“{word}” already means {by_language[language, key]}.",
                            )
                        )
                    by_words.setdefault(key, command)
        if problems:
            raise DataError(problems)
        return cls(by_words, by_language)

    def find(self, text: str, language: str) -> str | None:
        """The command that `text` is, if it is nothing but a command's words."""
        if len(text) > 60:
            return None
        words = _bare(text)
        return self.by_language.get((language, words)) or self.by_words.get(words)


def _bare(text: str) -> str:
    """Words without surrounding punctuation; an emoji that stands alone is kept."""
    words = simple(_SHADES.sub("", text))
    match = _EDGES.match(words)
    return (match.group(1) if match else "") or words.strip("".join(char for char in words if category(char)[0] in "PZ"))


def learnt_yaml(root: Path) -> str:
    """The NLU training file that holds the same words: what `data/nlu/commands.yml` should be."""
    data = read_yaml(root / "content" / "commands.yml", root)
    lines = ["# Written by `bot content sync` from content/commands.yml: edit that file.", 'version: "3.1"', "nlu:"]
    for command, languages in data.items():
        if command in APP_ONLY:
            continue
        words = dict.fromkeys(str(word) for language in languages.values() for word in language)
        lines += [f"- intent: {command}", "  examples: |", *(f"    - {word}" for word in words)]
    return "\n".join(lines) + "\n"
