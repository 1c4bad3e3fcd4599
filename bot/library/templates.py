"""Templates: what may be sent on a channel that takes no free words now, from `content/templates/*.yml`.

Meta approves each in each language before it can be sent. Its name at Meta carries a version of the words, so that changed words are
another template, which is approved anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.library.strings import fill
from bot.library.yamlfile import DataError, Problem, read_yaml

FOLDER = "content/templates"
LANGUAGES = "languages.yml"
CATEGORIES = ("utility", "marketing")
PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class TemplateWords:
    """One language's words: the text with its places, and the title of the button under it."""

    body: str
    button: str
    translation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template. `examples` are what Meta's reviewers see in its places; `action` is what its button does."""

    id: str
    category: str
    action: str
    examples: Mapping[str, str]
    words: Mapping[str, TemplateWords]

    def name(self, language: str) -> str:
        """Its name at the provider: our id and a version of this language's words and its category."""
        words = self.words[language]
        whole = f"{self.category}|{words.body}|{words.button}"
        return f"{self.id}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"

    def places(self, language: str) -> tuple[str, ...]:
        """The names of the places in the order in which this language has them."""
        return tuple(PLACE.findall(self.words[language].body))

    def values(self, language: str, given: Mapping[str, str]) -> tuple[str, ...]:
        """What fills the places, in their order. Raises KeyError for one that is missing."""
        return tuple(given[place] for place in self.places(language))

    def text(self, language: str, given: Mapping[str, str]) -> str:
        """The words as they are read."""
        return fill(self.words[language].body, dict(given))

    def submission(self, language: str, code: str) -> dict[str, Any]:
        """What the Cloud API is handed for approval."""
        words, places = self.words[language], self.places(language)
        numbers = iter(range(1, len(places) + 1))
        body: dict[str, Any] = {"type": "BODY", "text": PLACE.sub(lambda _: f"{{{{{next(numbers)}}}}}", words.body)}
        if places:
            body["example"] = {"body_text": [[self.examples[place] for place in places]]}
        buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": words.button}]}
        return {
            "name": self.name(language),
            "language": code,
            "category": self.category.upper(),
            "components": [body, buttons],
        }


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates by id, and Meta's code of each of our languages; None where Meta takes no templates in it."""

    by_id: Mapping[str, Template] = field(default_factory=dict)
    codes: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Templates:
        """Read the files of `content/templates` below `root`; none if the folder is not there. Raises `DataError`."""
        folder = root / FOLDER
        if not folder.is_dir():
            return cls()
        codes = read_yaml(folder / LANGUAGES, root)
        if not isinstance(codes, dict):
            raise DataError([Problem(f"{FOLDER}/{LANGUAGES}", None, "", "it must say `language: code` line by line.")])
        files = [path for path in sorted(folder.glob("*.yml")) if path.name != LANGUAGES]
        found = [_template(path, root) for path in files]
        return cls({one.id: one for one in found}, {str(language): code for language, code in codes.items()})

    def language_of(self, code: str) -> str | None:
        """Our language of one of Meta's codes."""
        return next((language for language, own in self.codes.items() if own == code), None)


def _template(path: Path, root: Path) -> Template:
    name, data = path.relative_to(root).as_posix(), read_yaml(path, root)
    try:
        return Template(
            id=str(data["id"]),
            category=str(data["category"]),
            action=str(data["action"]),
            examples={str(place): str(example) for place, example in (data["places"] or {}).items()},
            words={
                str(language): TemplateWords(str(words["body"]), str(words["button"]), str(words["translation"]))
                for language, words in data["words"].items()
            },
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"something is missing or misplaced: {error}."
        mend = "A template has id, category, action, places and words, and each language a body, a button and a translation."
        raise DataError([Problem(name, None, "", message, mend)]) from error
