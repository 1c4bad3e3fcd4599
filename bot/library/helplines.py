"""Helplines: which line a placeholder stands for in a nation, and how a number is said in a sentence.

Numbers stand between directional isolates (U+2066, U+2069), or "116 123" would show as "123 116" in a line of Urdu.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.library.yamlfile import DataError, Problem, read_yaml

ISOLATE, POP = "\u2066", "\u2069"
NATIONS = ("england", "scotland", "wales", "northern-ireland")
PLACES = (*NATIONS, "unknown", "outside-uk")
SPOKEN = ("call", "text", "text_free", "call_or_text", "name_only", "or")


def isolate(text: str) -> str:
    """`text` kept in left-to-right order inside any line."""
    return f"{ISOLATE}{text}{POP}"


@dataclass(frozen=True, slots=True)
class Helpline:
    """One line: numbers as the parent dials them, the nations it serves, and who confirmed it when (None: nobody yet)."""

    id: str
    name: Mapping[str, str]
    phone: str | None
    sms_to: str | None
    sms_keyword: str | None
    web: str | None
    hours: Mapping[str, str]
    languages: tuple[str, ...]
    nations: tuple[str, ...]
    confirmed: str | None


@dataclass(frozen=True, slots=True)
class Helplines:
    """All helplines, the placeholders that name them, and the phrases they are said with."""

    lines: Mapping[str, Helpline]
    placeholders: Mapping[str, Mapping[str, tuple[str, ...]]]
    phrases: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, content: Path) -> Helplines:
        """Read `content/helplines.yml`. Raises `DataError` naming every mistake."""
        path = content / "helplines.yml"
        name = str(path.relative_to(content.parent))
        data = read_yaml(path, content.parent)
        problems: list[Problem] = []
        lines = {}
        for index, entry in enumerate(data.get("helplines", []), start=1):
            try:
                line = _line(entry)
            except (KeyError, TypeError, AttributeError) as error:
                problems.append(Problem(name, None, f"helpline {index}", f"the field {error} is missing or has the wrong shape."))
                continue
            if line.id in lines:
                problems.append(Problem(name, None, line.id, "this id is used twice.", "Give each helpline its own id."))
            lines[line.id] = line
        placeholders = {}
        for placeholder, by_place in (data.get("placeholders") or {}).items():
            placeholders[placeholder] = {place: tuple(ids) for place, ids in by_place.items()}
            for place in PLACES:
                if not by_place.get(place):
                    problems.append(Problem(name, None, f"{placeholder}.{place}", "no helpline is given for this place."))
            for place, ids in by_place.items():
                problems += [
                    Problem(name, None, f"{placeholder}.{place}", f"there is no helpline with the id “{id_}”.")
                    for id_ in ids
                    if id_ not in lines
                ]
        phrases = data.get("phrases") or {}
        problems += [Problem(name, None, f"phrases.{key}", "this phrase is missing.") for key in SPOKEN if key not in phrases]
        if problems:
            raise DataError(problems)
        return cls(lines, placeholders, phrases)

    def say(self, placeholder: str, nation: str | None, language: str) -> str:
        """The words for `{placeholder}` in the parent's nation (None: unknown) and language.

        Raises KeyError for an unknown placeholder.
        """
        by_place = self.placeholders[placeholder]
        ids = by_place.get(nation or "unknown", by_place["unknown"])
        joiner = self._phrase("or", language)
        return joiner.join(self._say_line(self.lines[id_], language) for id_ in ids)

    def _say_line(self, line: Helpline, language: str) -> str:
        if line.phone and line.phone in line.name.values():
            return isolate(line.phone)  # 999 is its own name
        if line.phone and line.sms_to:
            how = "call_or_text"
        elif line.phone:
            how = "call"
        elif line.sms_to:
            how = "text" if line.sms_keyword else "text_free"
        else:
            how = "name_only"
        return self._phrase(how, language).format(
            name=_in(line.name, language),
            phone=isolate(line.phone or ""),
            sms=isolate(line.sms_to or ""),
            keyword=isolate(line.sms_keyword or ""),
        )

    def _phrase(self, key: str, language: str) -> str:
        return _in(self.phrases[key], language)


def _in(words: Mapping[str, str], language: str) -> str:
    return words.get(language) or words["en"]


def _line(entry: dict[str, Any]) -> Helpline:
    sms = entry.get("sms") or {}
    return Helpline(
        id=entry["id"],
        name=entry["name"],
        phone=entry["phone"],
        sms_to=sms.get("to"),
        sms_keyword=sms.get("keyword"),
        web=entry.get("web"),
        hours=entry["hours"],
        languages=tuple(entry["languages"]),
        nations=tuple(entry["nations"]),
        confirmed=entry.get("confirmed"),
    )
