"""Short interface strings: gettext catalogs in `locales/`, looked up by key, with plurals through Babel. What staff have published at the
content desk goes before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from bot.library.wording import Published

SOURCE_LANGUAGE = "en"

STRING = "text:"
"""What the content id of a string begins with, before its key."""


class UnknownString(KeyError):
    """No catalog holds this key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A string of one language as its file holds it: the file's name (a part of the product), its forms (one, if it has no plural), and
    whether nobody has checked it."""

    part: str
    forms: tuple[str, ...]
    is_plural: bool
    is_draft: bool

    @property
    def words(self) -> str:
        """The words; of plural ones each form on a line of its own, in the order of the file."""
        return "\n".join(self.forms)


class Strings:
    """The interface strings of all languages, read once. `entries` are those of the files, by (key, language)."""

    def __init__(self, catalogs: dict[str, Translations], entries: Mapping[tuple[str, str], Entry]) -> None:
        self._catalogs, self.entries = catalogs, entries
        self._published: Published | None = None

    @classmethod
    def load(cls, locales_dir: Path) -> Strings:
        """Read every `locales/<lang>/LC_MESSAGES/*.po` (one file a part of the product); nothing needs compiling beforehand."""
        catalogs: dict[str, Translations] = {}
        entries: dict[tuple[str, str], Entry] = {}
        for path in sorted(locales_dir.glob("*/LC_MESSAGES/*.po")):
            language = path.parts[-3]
            with path.open("rb") as file:
                read = read_po(file, locale=language)
            catalog = _compiled(read)
            catalogs[language] = catalogs[language].merge(catalog) if language in catalogs else catalog
            entries |= {(key, language): entry for key, entry in _entries(read, path.stem)}
        return cls(catalogs, entries)

    def overlaid(self, published: Published) -> Strings:
        """The same strings with published words before those of the files."""
        strings = copy(self)
        strings._published = published
        return strings

    @property
    def languages(self) -> Iterable[str]:
        return self._catalogs.keys()

    def has(self, key: str, language: str) -> bool:
        """Whether `key` is translated in this very language."""
        return self._words(key, language) is not None

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
                published = self.published(key, code)
                forms = published.split("\n") if published is not None else []
                words = forms[min(catalog.plural(count), len(forms) - 1)] if forms else catalog.ungettext(key, key, count)
                if words != key:
                    return fill(words, {"count": str(count), **values})
        raise UnknownString(key)

    def template(self, key: str, language: str) -> tuple[str, str]:
        """The unfilled words of `key` and the language they are in."""
        if self.has(key, language):
            return self._find(key, language), language
        return self._find(key, language), SOURCE_LANGUAGE

    def published(self, key: str, language: str) -> str | None:
        """What staff have published of a string, each plural form on a line of its own; None where the file's words stand.

        Words that the files no longer carry step back: their string is gone, or has fewer placeholders.
        """
        words = self._published.words(f"{STRING}{key}", language) if self._published is not None else None
        source = self.entries.get((key, SOURCE_LANGUAGE))
        if words is None or source is None or not placeholders(words.text) <= placeholders(source.words):
            return None
        return words.text

    def _find(self, key: str, language: str) -> str:
        for code in (language, SOURCE_LANGUAGE):
            words = self._words(key, code)
            if words is not None:
                return words
        raise UnknownString(key)

    def _words(self, key: str, language: str) -> str | None:
        """What is live in this very language; None where it is not translated."""
        published = self.published(key, language)
        if published is not None:
            return published
        catalog = self._catalogs.get(language)
        words = catalog.ugettext(key) if catalog is not None else key
        return words if words != key else None


def _entries(catalog: Catalog, part: str) -> Iterator[tuple[str, Entry]]:
    for message in catalog:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            if forms and all(forms):
                yield str(key), Entry(part, tuple(map(str, forms)), bool(message.pluralizable), bool(message.fuzzy))


def _compiled(catalog: Catalog) -> Translations:
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
