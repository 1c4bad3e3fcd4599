"""Rule books as plain lists, to be kept and read again: compiling the phrases of a language takes a second, reading them a moment.

A book read back is the book that was compiled. Words that stand in many phrases are written once: phrases name their places, and
places their sets of words, by number.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.kept import Kept, key_of
from bot.triage import rules
from bot.triage.levels import Level
from bot.triage.phrases import Phrase, Place, Words
from bot.triage.rules import Rule, RuleBook
from bot.triage.text import Spelling

log = logging.getLogger(__name__)
_CODE = ("levels.py", "text.py", "phrases.py", "rules.py", "compiled.py")


def load(path: Path, kept: Kept | None = None) -> RuleBook:
    """The rule book in one file: as `kept` from an earlier time where the file, and this code, are the same, else compiled.

    Raises RuleFileError, as `rules.load` does.
    """
    if kept is None:
        return rules.load(path)
    name, key = f"phrases-{path.stem}", _key(path)
    value = kept.get(name, key) if key else None
    if value is not None:
        try:
            return read(value)
        except (ValueError, TypeError, LookupError) as error:  # it was written by another program
            log.warning("triage: the kept phrases of %s cannot be read (%s)", path.stem, type(error).__name__)
    book = rules.load(path)
    # An edit while it was being compiled would be kept under the hash of the text before it.
    if key and _key(path) == key:
        kept.put(name, key, write(book))
    return book


def _key(path: Path) -> str | None:
    """A hash of the file and of the code that compiles it; None where it cannot be read (compiling says why)."""
    here = Path(__file__).parent
    try:
        return key_of([path.name.encode(), path.read_bytes(), *((here / name).read_bytes() for name in _CODE)])
    except OSError:
        return None


class _Numbers:
    """Things by number, each once."""

    def __init__(self) -> None:
        self.found: dict[Any, int] = {}

    def of(self, thing: Any) -> int:
        return self.found.setdefault(thing, len(self.found))


def write(book: RuleBook) -> dict[str, Any]:
    """The book as values that JSON can say."""
    phrases, places, sets = _Numbers(), _Numbers(), _Numbers()

    def numbers(several: Sequence[Phrase]) -> list[int]:
        return [phrases.of(phrase) for phrase in several]

    written_rules = [
        [
            rule.id, rule.level.value, rule.why, numbers(rule.says), numbers(rule.with_), numbers(rule.without),
            rule.when_past.value, rule.firm, rule.negation, rule.kind,
        ]
        for rule in book.rules
    ]  # fmt: skip
    cues = {name: numbers(several) for name, several in book.cues.items()}
    written_phrases = [
        [
            phrase.written, [places.of(place) for place in phrase.places], [sets.of(need) for need in phrase.needs],
            phrase.at_start, phrase.at_end,
        ]
        for phrase in phrases.found
    ]  # fmt: skip
    written_places = [
        [
            sets.of(place.singles), [[sets.of(forms) for forms in entry] for entry in place.several], list(place.beginnings),
            place.gap, place.optional,
        ]
        for place in places.found
    ]  # fmt: skip
    spelling = book.spelling
    return {
        "lang": book.lang,
        "spelling": [
            dict(spelling.short), dict(spelling.emoji), [list(pair) for pair in spelling.sounds], list(spelling.misspelt),
            sorted(spelling.known),
        ],
        "sets": [sorted(words) for words in sets.found],
        "places": written_places,
        "phrases": written_phrases,
        "rules": written_rules,
        "cues": cues,
        "negation": sorted(book.negation),
        "reaches_over": sorted(book.reaches_over),
        "concepts": {word: list(names) for word, names in book.concepts.items()},
        "known": sorted(book.known),
    }  # fmt: skip


def read(value: Any) -> RuleBook:
    """The book that `write` wrote. Raises ValueError, TypeError or LookupError for anything else."""
    numbering = Words()
    sets = [frozenset(words) for words in value["sets"]]
    places = [
        Place(sets[singles], tuple(tuple(sets[forms] for forms in entry) for entry in several), tuple(beginnings), gap, optional)
        for singles, several, beginnings, gap, optional in value["places"]
    ]
    phrases = [
        Phrase(written, tuple(sets[need] for need in needs), numbering, tuple(places[place] for place in mine), at_start, at_end)
        for written, mine, needs, at_start, at_end in value["phrases"]
    ]

    def of(numbers: Sequence[int]) -> tuple[Phrase, ...]:
        return tuple(phrases[number] for number in numbers)

    short, emoji, sounds, misspelt, known = value["spelling"]
    return RuleBook(
        lang=value["lang"],
        spelling=Spelling(short, emoji, [(written, heard) for written, heard in sounds], misspelt, set(known)),
        numbering=numbering,
        rules=tuple(
            Rule(name, Level(level), why, of(says), of(with_), of(without), Level(when_past), firm, negation, kind)
            for name, level, why, says, with_, without, when_past, firm, negation, kind in value["rules"]
        ),
        cues={name: of(numbers) for name, numbers in value["cues"].items()},
        negation=frozenset(value["negation"]),
        reaches_over=frozenset(value["reaches_over"]),
        concepts={word: tuple(names) for word, names in value["concepts"].items()},
        known=frozenset(value["known"]),
    )
