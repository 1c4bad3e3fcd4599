"""Short interface strings: gettext catalogs in `locales/`, looked up by key, with plurals through Babel."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

SOURCE_LANGUAGE = "en"


class UnknownString(KeyError):
    """No catalog holds this key."""


class Strings:
    """The interface strings of all languages, read once."""

    def __init__(self, catalogs: dict[str, Translations]) -> None:
        self._catalogs = catalogs

    @classmethod
    def load(cls, locales_dir: Path) -> Strings:
        """Read every `locales/<lang>/LC_MESSAGES/*.po` (one file a part of the product); nothing needs compiling beforehand."""
        catalogs: dict[str, Translations] = {}
        for path in sorted(locales_dir.glob("*/LC_MESSAGES/*.po")):
            catalog = _catalog(path)
            catalogs[path.parts[-3]] = catalogs[path.parts[-3]].merge(catalog) if path.parts[-3] in catalogs else catalog
        return cls(catalogs)

    @property
    def languages(self) -> Iterable[str]:
        return self._catalogs.keys()

    def has(self, key: str, language: str) -> bool:
        """Whether `key` is translated in this very language."""
        catalog = self._catalogs.get(language)
        return catalog is not None and catalog.ugettext(key) != key

    def has_plural(self, key: str, language: str) -> bool:
        """Like `has`, of a string with plural forms."""
        catalog = self._catalogs.get(language)
        return catalog is not None and catalog.ungettext(key, key, 1) != key

    def get(self, key: str, language: str, **values: str) -> str:
        """The words for `key` with its `{placeholders}` filled. Falls back to English. Raises `UnknownString`."""
        return fill(self._find(key, language), values)

    def plural(self, key: str, count: int, language: str, **values: str) -> str:
        """Like `get`, in the plural form of `language` for `count`; `{count}` is filled in."""
        for code in (language, SOURCE_LANGUAGE):
            catalog = self._catalogs.get(code)
            if catalog is not None:
                words = catalog.ungettext(key, key, count)
                if words != key:
                    return fill(words, {"count": str(count), **values})
        raise UnknownString(key)

    def template(self, key: str, language: str) -> tuple[str, str]:
        """The unfilled words of `key` and the language they are in."""
        if self.has(key, language):
            return self._find(key, language), language
        return self._find(key, language), SOURCE_LANGUAGE

    def _find(self, key: str, language: str) -> str:
        for code in (language, SOURCE_LANGUAGE):
            catalog = self._catalogs.get(code)
            if catalog is not None:
                words = catalog.ugettext(key)
                if words != key:
                    return words
        raise UnknownString(key)


def _catalog(path: Path) -> Translations:
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parts[-3])
    compiled = BytesIO()
    write_mo(compiled, catalog, use_fuzzy=True)  # machine drafts are marked fuzzy; they are shown, and marked as drafts
    compiled.seek(0)
    return Translations(fp=compiled)


@lru_cache(maxsize=4096)
def placeholders(words: str) -> frozenset[str]:
    """The names in braces in `words`. Raises ValueError for a broken brace."""
    return frozenset(name for _, name, _, _ in Formatter().parse(words) if name)


def fill(words: str, values: dict[str, str]) -> str:
    """Put `values` into the `{placeholders}` of `words`; a placeholder without a value raises KeyError."""
    return words.format_map(values) if "{" in words else words
