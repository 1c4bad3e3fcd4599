"""The languages that Wren speaks, from `content/languages.yml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Direction = Literal["ltr", "rtl"]
_ROOT = Path(__file__).resolve().parents[2]
_STATUSES = ("machine-draft", "native-reviewed", "approved")


class CatalogueError(ValueError):
    """languages.yml cannot be used; the message says where and why in plain words."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. `script` is the script's Unicode name ("Latin"), `letters` those that set the language apart in it."""

    code: str
    english: str
    name: str
    direction: Direction
    status: str
    script: str
    letters: frozenset[str]
    romanised: bool
    common: frozenset[str]


@dataclass(frozen=True)
class Catalogue:
    """All the languages, in the order of the file."""

    languages: Mapping[str, Language]

    @classmethod
    def load(cls, path: Path) -> "Catalogue":
        """Read languages.yml. Raises CatalogueError."""
        try:
            data = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            raise CatalogueError(f"{path.name} cannot be read: {error}") from error
        entries: Any = data.get("languages") if hasattr(data, "get") else None
        if not isinstance(entries, list) or not entries:
            raise CatalogueError(f"{path.name}, line 1: it needs a list called languages")
        languages = [_language(entry, path.name, _lines(entries).item(place)[0] + 1) for place, entry in enumerate(entries)]
        return cls({language.code: language for language in languages})

    def __iter__(self) -> Iterator[Language]:
        return iter(self.languages.values())

    def __contains__(self, code: object) -> bool:
        return code in self.languages

    def direction(self, code: str) -> Direction:
        """Which way the language is written; left to right for one we do not know."""
        language = self.languages.get(code)
        return language.direction if language else "ltr"


def _lines(entries: Any) -> Any:
    """Where the reader found each entry of a list."""
    return entries.lc


def _language(entry: Any, file: str, line: int) -> Language:
    where = f"{file}, line {line}"
    if not hasattr(entry, "get"):
        raise CatalogueError(f'{where}: a language starts with "- code:"')
    for name in ("code", "english", "name", "direction", "status", "script"):
        if not isinstance(entry.get(name), str):
            raise CatalogueError(f"{where}: this language has no {name} (put no, yes and the like in quotes)")
    if entry["direction"] not in ("ltr", "rtl"):
        raise CatalogueError(f"{where}: direction must be ltr or rtl, not {entry['direction']}")
    if entry["status"] not in _STATUSES:
        raise CatalogueError(f"{where}: status must be one of {', '.join(_STATUSES)}, not {entry['status']}")
    letters = frozenset(str(letter) for letter in entry.get("letters", ()))
    common = frozenset(str(word).replace("'", "") for word in entry.get("common", ()))
    return Language(
        entry["code"],
        entry["english"],
        entry["name"],
        entry["direction"],
        entry["status"],
        entry["script"],
        letters,
        bool(entry.get("romanised", False)),
        common,
    )


@lru_cache(maxsize=1)
def default_catalogue() -> Catalogue:
    """The catalogue of this installation, read once."""
    return Catalogue.load(_ROOT / "content" / "languages.yml")


def supported() -> tuple[Language, ...]:
    """Every language that Wren speaks, in the order in which they are offered."""
    return tuple(default_catalogue())


def direction(lang: str) -> Direction:
    """ "rtl" for a language written from right to left, else "ltr" (also for one we do not know)."""
    return default_catalogue().direction(lang)
