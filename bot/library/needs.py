"""The directory's needs in the parent's words: a title for buttons, and what people call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.library.yamlfile import DataError, Problem, read_yaml


@dataclass(frozen=True, slots=True)
class Needs:
    """Titles by term and language, from `content/needs.yml`; `first` are the terms offered when a parent is asked."""

    titles: Mapping[str, Mapping[str, str]]
    first: Sequence[str]

    @classmethod
    def load(cls, root: Path) -> Needs:
        """Read the file. Raises `DataError`."""
        data = read_yaml(root / "content" / "needs.yml", root)
        try:
            titles = {term: {lang: entry["title"] for lang, entry in by_lang.items()} for term, by_lang in data["needs"].items()}
            first = tuple(data["first"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError([Problem("content/needs.yml", None, "", f"something is missing or misplaced: {error}.")]) from error
        unknown = [term for term in first if term not in titles]
        if unknown:
            raise DataError(
                [Problem("content/needs.yml", None, "first", f"these needs are not listed below: {', '.join(unknown)}.")]
            )
        return cls(titles, first)

    def title(self, term: str, language: str) -> str:
        """The term's title, in English where it has none in `language`. Raises KeyError for an unknown term."""
        titles = self.titles[term]
        return titles.get(language) or titles["en"]
