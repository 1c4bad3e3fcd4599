"""Facts read from text by pure functions: how old a child is, how to take part, what kind of help is meant.

Called at form validation and by `bot understand`. The words come from `content/facts.yml` and `content/needs.yml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.library.yamlfile import DataError, Problem, read_yaml

YOUNGEST, OLDEST = -9, 72
"""Months from birth that Wren speaks of; what lies outside is somebody else's age."""

MOST_WORDS_OF_A_FOLLOW_UP = 8

SIGNS = "\u0900-\u0963\u0966-\u0dff"
"""The Indic scripts without their full stops, for a class of a pattern: their vowel signs stand inside words but are no letters to
`\\w`."""

_START, _END = rf"(?<![\w{SIGNS}])", rf"(?![\w{SIGNS}])"
_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ہ", "ه": "ہ"})


def simple(text: str) -> str:
    """Lower case, no accents, ASCII digits, one space between words: the form in which words are compared."""
    letters = unicodedata.normalize("NFKD", text.replace("½", ".5")).lower().replace("’", "'")
    folded = "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char for char in unicodedata.normalize("NFKD", letters)
    )
    bare = "".join(char for char in folded if not unicodedata.combining(char)).translate(_LETTERS)
    return " ".join(bare.split())


@dataclass(frozen=True, slots=True)
class FactWords:
    """The words for units, numbers and so on, all languages together, in `simple` form, longest first."""

    units: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, float]
    newborn: tuple[str, ...]
    expecting: tuple[str, ...]
    modes: Mapping[str, tuple[str, ...]]
    anything: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    _follow_up: re.Pattern[str]
    _age: re.Pattern[str]
    _whole: re.Pattern[str]
    _aged: re.Pattern[str]
    _turning: re.Pattern[str]
    _bare: re.Pattern[str]
    _not_age: Mapping[str, re.Pattern[str]]
    _own_age: re.Pattern[str]
    _own_ages: Mapping[str, int]
    others_loss: tuple[str, ...]
    contact: tuple[str, ...]

    @classmethod
    def load(cls, root: Path) -> FactWords:
        """Read both files. Raises `DataError`."""
        data = read_yaml(root / "content" / "facts.yml", root)
        needs = read_yaml(root / "content" / "needs.yml", root)
        try:
            units = {unit: _all(words) for unit, words in data["units"].items()}
            numbers = {simple(word): float(value) for value, words in data["numbers"].items() for word in _all(words)}
            unit_words = sorted((word for words in units.values() for word in words), key=len, reverse=True)
            number_words = sorted(numbers, key=len, reverse=True)
            halves = "|".join(map(re.escape, _all(data["half"])))
            # At most three digits: nobody is older, and a long row of them would take seconds to try.
            amount = r"(\d{1,3}(?:[.,]\d{1,2})?|[.,]\d{1,2}|" + "|".join(map(re.escape, number_words)) + ")"
            unit = "|".join(map(re.escape, unit_words))
            # Only digits may touch their unit: "6mo", but "am" is no "a m".
            apart = r"(?:(?<=\d)[\s-]*|[\s-]+)"
            joined = rf"(?:,?\s*(?:{_either(data['and'])}){_END})?\s*"
            months = "|".join(map(re.escape, units["month"]))
            age = re.compile(
                rf"(?<![\w.,{SIGNS}]){amount}(\s*(?:{halves}))?{apart}({unit}){_END}(\s+(?:{halves}){_END})?"
                rf"(?:{joined}{amount}{apart}(?:{months}){_END})?"
            )
            about = "|".join(map(re.escape, _all(data["about"])))
            turning = re.compile(rf"{_START}(?:{about})\s+{amount}(?![\w.:{SIGNS}])")
            return cls(
                units,
                numbers,
                _all(data["newborn"]),
                _all(data["expecting"]),
                {mode: _all(words) for mode, words in data["modes"].items()},
                _all(data["anything"]),
                {
                    term: _all({lang: entry.get("words", []) for lang, entry in by_lang.items()})
                    for term, by_lang in needs["needs"].items()
                },
                re.compile(rf"\W*(?:{_either(data['follow_up']['begins'])}){_END}"),
                age,
                _named_amounts(data["whole"]),
                re.compile(rf"{_START}(?:{_either(data['aged'])})\s+(?:{_named_units(units)}){_END}"),
                turning,
                re.compile(rf"\D{{0,12}}(\d{{1,3}}(?:[.,]\d{{1,2}})?)(\s*(?:{halves}))?\D{{0,3}}"),
                {
                    "before": re.compile(rf"{_START}(?:{_either(data['not_age']['before'])})\s*$"),
                    "before_short": re.compile(rf"{_START}(?:{_either(data['not_age']['before_short'])})\s*$"),
                    "after": re.compile(rf"\s*(?:{_either(data['not_age']['after'])}){_END}"),
                    "old": re.compile(rf"[\s-]*(?:{_either(data['not_age']['old'])}){_END}"),
                },
                _own_age(data["own_age"], units["year"]),
                {word: int(age) for age, words in data["own_age"]["numbers"].items() for word in _all(words)},
                _all(data["others_loss"]),
                _all(data["contact"]),
            )
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise DataError(
                [Problem("content/facts.yml or content/needs.yml", None, "", f"something is missing or misplaced: {error}.")]
            ) from error

    def age_months(self, text: str) -> int | None:
        """The child's age in whole months said in `text` ("18mo", "my two year old", "9 wks", "nearly 3", "28 weeks pregnant").

        Negative before birth; None if no child's age is said. With several, the first.
        """
        words = simple(text)
        expecting = self._has(words, self.expecting)
        for match, amount, unit in self._amounts_of_time(words):
            if self._is_no_age(words, match, unit):
                continue
            if expecting and unit in ("week", "month"):
                weeks = amount if unit == "week" else amount * 4.345
                if 3 <= weeks <= 43:
                    return max(YOUNGEST, -round((40 - weeks) / 4.345)) or -1
            months = round({"day": amount / 30, "week": amount / 4.345, "month": amount, "year": amount * 12}[unit] - 0.25)
            if 0 <= months <= OLDEST:
                return max(0, months)
        turning = self._turning.search(words)
        if turning is not None and 1 <= self._amount(turning.group(1)) <= 5:
            return round(self._amount(turning.group(1)) * 12 - 0.25)
        if expecting:
            return -1
        return 0 if self._has(words, self.newborn) else None

    def _amounts_of_time(self, words: str) -> Iterator[tuple[re.Match[str], float, str]]:
        """Each amount of time in the text with its unit, in its order: "2 weeks", "a year and 3 months", "شهرين"."""
        found = [(match, self._amount_of_age(match), self._unit(match.group(3))) for match in self._age.finditer(words)]
        found += [(match, *_split(match)) for match in self._whole.finditer(words)]
        found += [(match, 1.0, _group(match)) for match in self._aged.finditer(words)]
        yield from sorted(found, key=lambda one: one[0].start())

    def _amount_of_age(self, match: re.Match[str]) -> float:
        amount = self._amount(match.group(1)) + (0.5 if match.group(2) or match.group(4) else 0)
        further = match.group(5)
        return amount + self._amount(further) / 12 if further and self._unit(match.group(3)) == "year" else amount

    def _unit(self, word: str) -> str:
        return next(unit for unit, names in self.units.items() if word in names)

    def bare_age(self, text: str) -> int | None:
        """Like `age_months`, but a bare number counts as years up to 5: an answer to "how old?"."""
        found = self.age_months(text)
        if found is not None:
            return found
        match = self._bare.fullmatch(simple(text))
        amount = self._amount(match.group(1)) + (0.5 if match.group(2) else 0) if match else self.numbers.get(simple(text))
        return round(amount * 12) if amount is not None and 0 < amount <= 5 else None

    def writers_age(self, text: str) -> int | None:
        """The writer's own age in years where they say it and it is under 18 ("im 16 and he wont stop crying"); else None."""
        match = self._own_age.search(simple(text))
        return (self._own_ages.get(match.group(1)) or int(match.group(1))) if match else None

    def of_somebody_else(self, text: str) -> bool:
        """Whether a message about losing a baby names somebody else's loss ("my sister lost her baby")."""
        return self._has(simple(text), self.others_loss)

    def contact_wish(self, text: str) -> bool:
        """Whether a message, right after we asked, says how or when to be contacted: a word for it, or a digit."""
        words = simple(text)
        return any(char.isdigit() for char in words) or self._has(words, self.contact)

    def carries_on(self, text: str) -> bool:
        """Whether a short message begins like a question about what was just answered: "what about at night?"."""
        words = simple(text)
        return len(words.split()) <= MOST_WORDS_OF_A_FOLLOW_UP and self._follow_up.match(words) is not None

    def mode(self, text: str) -> str | None:
        """`go`, `phone`, `online` or `home`, if the text says how they want to take part."""
        words = simple(text)
        return next((mode for mode, names in self.modes.items() if self._has(words, names)), None)

    def any_will_do(self, text: str) -> bool:
        """Whether the text says that it does not matter."""
        return self._has(simple(text), self.anything)

    def need(self, text: str) -> str | None:
        """The directory term whose word stands in the text; the longest word wins."""
        words = simple(text)
        found = [(len(name), term) for term, names in self.needs.items() for name in names if _contains(words, name)]
        return max(found)[1] if found else None

    def _is_no_age(self, words: str, match: re.Match[str], unit: str) -> bool:
        """Whether an amount of time is a duration or a date: "every 3 weeks", "one day", "for two weeks", "a year ago"."""
        if self._not_age["old"].match(words, match.end()):
            return False
        before = words[max(0, match.start() - 24) : match.start()]
        short = unit in ("day", "week")
        return (
            (unit == "day" and not match.group()[0].isdigit())
            or self._not_age["before"].search(before) is not None
            or (short and self._not_age["before_short"].search(before) is not None)
            or self._not_age["after"].match(words, match.end()) is not None
        )

    def _amount(self, text: str) -> float:
        return self.numbers[text] if text in self.numbers else float(text.replace(",", "."))

    @staticmethod
    def _has(words: str, names: tuple[str, ...]) -> bool:
        return any(_contains(words, name) for name in names)


def _own_age(words: Mapping[str, Any], years: tuple[str, ...]) -> re.Pattern[str]:
    """Matches what a writer of 10 to 17 says of their own age; the group is the number."""
    numbers = "|".join(["1[0-7]", *map(re.escape, _all([word for by in words["numbers"].values() for word in _all(by)]))])
    year = "|".join(map(re.escape, years))
    never = rf"(?!\s+(?:{_either(words['never'])}){_END})"
    followed = rf"(?=\s*$|\s*[.,;:!?)۔،।]|\s+(?:{_either(words['then'])}){_END}|\s*-?(?:{year}){_END}{never})"
    return re.compile(rf"{_START}(?:{_either(words['before'])})\s+({numbers})(?![\d:]){never}{followed}")


def _contains(words: str, name: str) -> bool:
    # Most names are not there at all; the few that are need not be compiled again for every message.
    return name in words and _whole(name).search(words) is not None


@cache
def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"{_START}{re.escape(name)}{_END}")


def _named_units(units: Mapping[str, tuple[str, ...]]) -> str:
    """Alternatives that say in the name of their group which unit they are."""
    return "|".join(f"(?P<{unit}>{'|'.join(map(re.escape, words))})" for unit, words in units.items())


def _named_amounts(whole: Mapping[str, Mapping[Any, Any]]) -> re.Pattern[str]:
    """Words for an amount and a unit together; the name of the group that matches says both ("month_2")."""
    groups = (f"(?P<{unit}_{value}>{_either(words)})" for unit, by_value in whole.items() for value, words in by_value.items())
    return re.compile(rf"{_START}(?:{'|'.join(groups)}){_END}")


def _group(match: re.Match[str]) -> str:
    """The name of the group that matched."""
    return next(name for name, words in match.groupdict().items() if words is not None)


def _split(match: re.Match[str]) -> tuple[float, str]:
    unit, _, value = _group(match).partition("_")
    return float(value), unit


def _either(by_language: Any) -> str:
    return "|".join(map(re.escape, _all(by_language)))


def _all(by_language: Any) -> tuple[str, ...]:
    """Every language's words in `simple` form, longest first."""
    lists = by_language.values() if isinstance(by_language, dict) else [by_language]
    return tuple(sorted({simple(str(word)) for words in lists for word in words or ()}, key=lambda word: (-len(word), word)))
