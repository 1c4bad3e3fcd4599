"""The small language in which safety phrases are written, and its compiler to spaCy matchers.

One phrase is words with spaces between them. A word may be

    stop/stopped        one of these; a list or a number may be among them
    <child>             any entry of the list "child" (entries may have several words)
    [in love/fond]      one of these, each of one or more words
    (really/so very)    there or not: one of these, each of one or more words
    ..    ...           a gap of up to 3, or up to 7, words
    breath*             any word that begins so; not as the last of several in brackets
    #1-12               a number, in figures or in words
    |                   the start of a sentence, or at the end of the phrase the end of one

Everything is compared as `bot.triage.text` reads it, so capitals, accents, apostrophes and text-speak never matter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from threading import Lock
from typing import TYPE_CHECKING, Any

from bot.triage.text import Reading, Spelling, plain

if TYPE_CHECKING:
    from spacy.matcher import Matcher
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

_MOST_VARIANTS = 400
_GAPS = {"..": 3, "...": 7}
_PART = re.compile(r"\([^()]*\)(?=\s|$)|\[[^\[\]]*\](?=\s|$)|\S+")


class PhraseError(ValueError):
    """A phrase that cannot be read; the message is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a phrase was found: words `start` up to `end` (exclusive)."""

    start: int
    end: int


@dataclass(frozen=True)
class Heard:
    """A message as phrases are looked for in it.

    `forms` are its words as the phrases know them, one for each word of `reading`; `words` is what may be among them.
    """

    reading: Reading
    forms: Sequence[str]
    words: frozenset[str]
    numbering: Words

    @cached_property
    def doc(self) -> Doc:
        """The words as spaCy numbers them: made when the first phrase comes near to fitting."""
        return self.numbering.doc(self.forms)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, form in enumerate(self.forms):
            places.setdefault(form, []).append(place)
        return places

    def places(self, words: frozenset[str]) -> Iterator[int]:
        """Where any of `words` stands."""
        return (place for word in words & self.words for place in self._places.get(word, ()))

    def begins(self, entry: Sequence[frozenset[str]]) -> Iterator[int]:
        """Where one word of each of `entry` stands, one after the other."""
        later = tuple(enumerate(entry))[1:]
        return (
            place
            for place in self.places(entry[0])
            if place + len(entry) <= len(self.forms) and all(self.forms[place + step] in forms for step, forms in later)
        )


class Words:
    """The words of one language, as spaCy numbers them. spaCy is imported when a message is first read: that takes a second or two,
    which no command that only loads phrases should wait for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._vocab: Vocab | None = None

    @property
    def vocab(self) -> Vocab:
        """One for all threads: what matches and what is matched must number alike."""
        if self._vocab is None:
            with self._lock:
                if self._vocab is None:
                    import spacy

                    self._vocab = spacy.blank("xx").vocab
        return self._vocab

    def doc(self, forms: Sequence[str]) -> Doc:
        """A message's words, for matchers."""
        vocab = self.vocab
        from spacy.tokens import Doc

        return Doc(vocab, words=list(forms))

    def matcher(self, patterns: list[list[dict[str, Any]]]) -> Matcher:
        """A matcher of any of the patterns."""
        vocab = self.vocab
        from spacy.matcher import Matcher

        matcher = Matcher(vocab, validate=False)
        matcher.add("phrase", patterns)
        return matcher


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a phrase: the ways to fill it, each a sequence of word sets, or a gap."""

    singles: frozenset[str] = frozenset()
    several: tuple[tuple[frozenset[str], ...], ...] = ()
    beginnings: tuple[str, ...] = ()
    gap: int = 0
    optional: bool = False

    def ways(self) -> list[list[dict[str, Any]]]:
        if self.gap:
            return [[{"OP": f"{{0,{self.gap}}}"}]]
        ways: list[list[dict[str, Any]]] = [[_one_of(forms) for forms in entry] for entry in self.several]
        if self.singles:
            ways.append([_one_of(self.singles)])
        if self.beginnings:
            choice = "|".join(re.escape(beginning) for beginning in self.beginnings)
            ways.append([{"TEXT": {"REGEX": f"^(?:{choice})"}}])
        if self.optional:
            ways.append([])
        return ways

    def begins(self, heard: Heard) -> set[int]:
        """Every word of the message at which this place may begin, if it is filled."""
        found = set(heard.places(self.singles))
        for entry in self.several:
            found.update(heard.begins(entry))
        if self.beginnings:
            found.update(place for place, form in enumerate(heard.forms) if form.startswith(self.beginnings))
        return found

    def lengths(self) -> tuple[int, int]:
        """The fewest and the most words that may fill it."""
        ways = [len(entry) for entry in self.several] + [1] * bool(self.singles or self.beginnings)
        return (0 if self.optional else min(ways, default=0)), max([*ways, self.gap])

    def all_words(self) -> frozenset[str]:
        """Every word that may stand here."""
        return self.singles.union(*(forms for entry in self.several for forms in entry))

    def needs(self) -> frozenset[str] | None:
        """Words of which at least one must be in the message; None where that cannot be said."""
        if self.gap or self.optional or self.beginnings:
            return None
        return self.singles.union(*(entry[0] for entry in self.several))


def _ways(places: Iterable[Place]) -> list[list[list[dict[str, Any]]]]:
    return [place.ways() for place in places]


def _joined(places: Sequence[Place]) -> Place:
    """One place that may be filled in any of the ways of several."""
    several = {entry for place in places for entry in place.several}
    return Place(
        frozenset[str]().union(*(place.singles for place in places)),
        tuple(sorted(several, key=_by_letters)),
        tuple(sorted({beginning for place in places for beginning in place.beginnings})),
    )


def _by_letters(entry: Sequence[frozenset[str]]) -> list[list[str]]:
    return [sorted(forms) for forms in entry]


def _one_of(forms: frozenset[str]) -> dict[str, Any]:
    return {"ORTH": next(iter(forms))} if len(forms) == 1 else {"ORTH": {"IN": sorted(forms)}}


@dataclass(frozen=True, eq=False)
class Phrase:
    """A compiled phrase."""

    written: str
    needs: tuple[frozenset[str], ...]
    numbering: Words
    places: tuple[Place, ...]
    at_start: bool
    at_end: bool

    @cached_property
    def _matcher(self) -> Matcher:
        # Made when a message first has all the words that the phrase needs: most phrases never come up.
        return self.numbering.matcher([[token for way in chosen for token in way] for chosen in product(*_ways(self.places))])

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word that may stand in it."""
        return frozenset(word for place in self.places for word in place.all_words())

    @property
    def beginnings(self) -> Iterator[str]:
        """Every beginning of a word that may stand in it."""
        return (beginning for place in self.places for beginning in place.beginnings)

    @cached_property
    def _steps(self) -> tuple[tuple[Place, int, int], ...]:
        """The places that must be filled, each with how many words at least and at most lie between its beginning and that of the one
        before."""
        steps = []
        least = most = 0
        for place in self.places:
            if not (place.gap or place.optional):
                steps.append((place, least, most))
                least = most = 0
            shortest, longest = place.lengths()
            least, most = least + shortest, most + longest
        return tuple(steps)

    def find(self, heard: Heard) -> list[Span]:
        """Every place in the message that this phrase fits, longest first from each start."""
        for need in self.needs:  # a plain loop: most phrases end here, hundreds of times a message
            if need.isdisjoint(heard.words):
                return []
        if not self._in_order(heard):
            return []
        spans = [Span(start, end) for _, start, end in self._matcher(heard.doc)]
        return [span for span in spans if self._fits(span, heard.reading)]

    def _in_order(self, heard: Heard) -> bool:
        """Whether what must be there stands in order and near enough. Nearly all phrases that share words with a message by chance end
        here, in a tenth of the time that matching takes."""
        before: set[int] = set()
        for number, (place, least, most) in enumerate(self._steps):
            found = place.begins(heard)
            if number:
                found = {here for here in found if any(least <= here - start <= most for start in before)}
            if not found:
                return False
            before = found
        return True

    def _fits(self, span: Span, reading: Reading) -> bool:
        words = reading.words
        if self.at_start and span.start and words[span.start - 1].sentence == words[span.start].sentence:
            return False
        return not self.at_end or span.end == len(words) or words[span.end].sentence != words[span.end - 1].sentence


@dataclass
class Compiler:
    """Turns written phrases of one language into matchers. `lists` are as written in the rule file.

    `mutations` maps the first letters of a word to what they may become (Welsh): every word of four letters or more in a
    phrase then stands for its mutated forms too. `numbers` are the language's words for 0, 1, 2 …
    """

    spelling: Spelling
    numbering: Words
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mutations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._compiled_lists: dict[str, Place] = {}
        self._compiled: dict[str, Phrase] = {}

    def phrase(self, written: str) -> Phrase:
        """Compile one phrase. Raises PhraseError, in plain words."""
        if written not in self._compiled:
            self._compiled[written] = self._phrase(written)
        return self._compiled[written]

    def phrases(self) -> Iterable[Phrase]:
        """Every phrase compiled so far, each once."""
        return self._compiled.values()

    def _phrase(self, written: str) -> Phrase:
        parts = _PART.findall(written)
        at_start, at_end = bool(parts) and parts[0] == "|", len(parts) > 1 and parts[-1] == "|"
        parts = parts[1 if at_start else 0 : -1 if at_end else None]
        places = [place for part in parts for place in self._places(part)]
        needs = [need for place in places if (need := place.needs()) is not None]
        if all(place.gap or place.optional for place in places):
            raise PhraseError("it has no word that must be there")
        if places[0].gap or places[-1].gap:
            raise PhraseError("a gap (..) can only stand between words")
        if math.prod(len(ways) for ways in _ways(places)) > _MOST_VARIANTS:
            raise PhraseError("it combines too many lists of several words; write it as two shorter phrases")
        return Phrase(written, tuple(sorted(needs, key=len)), self.numbering, tuple(places), at_start, at_end)

    def _places(self, part: str) -> list[Place]:
        if part in _GAPS:
            return [Place(gap=_GAPS[part])]
        optional = part.startswith("(") and part.endswith(")")
        grouped = part.startswith("[") and part.endswith("]")
        inner = part[1:-1] if optional or grouped else part
        place = _joined([self._choice(choice.strip()) for choice in inner.split("/") if choice.strip()])
        if not optional and len(place.several) == 1 and not place.singles and not place.beginnings:
            # A single contraction ("can't") is simply two words.
            return [Place(forms) for forms in place.several[0]]
        if not (place.singles or place.several or place.beginnings):
            raise PhraseError(f'"{part}" has no letters')
        return [Place(place.singles, place.several, place.beginnings, optional=optional)]

    def _choice(self, choice: str) -> Place:
        """One of the things that may stand in a place: a list, a number, or words."""
        if number := re.fullmatch(r"#(\d+)-(\d+)", choice):
            return Place(self._numbers(int(number[1]), int(number[2])))
        if choice.startswith("<") and choice.endswith(">"):
            return self.list_place(choice[1:-1])
        if stray := re.search(r"[()<>#|\[\]]", choice):
            raise PhraseError(f'"{choice}" has a {stray.group()} that does not belong there')
        return self._place([choice])

    def list_place(self, name: str) -> Place:
        """The words of one list. Raises PhraseError for an unknown list."""
        if name not in self.lists:
            raise PhraseError(f'there is no list called "{name}"')
        if name not in self._compiled_lists:
            self._compiled_lists[name] = self._place(self.lists[name])
        return self._compiled_lists[name]

    def _place(self, entries: Iterable[str]) -> Place:
        singles: set[str] = set()
        several: set[tuple[frozenset[str], ...]] = set()
        beginnings: set[str] = set()
        for entry in entries:
            if entry.endswith("*") and " " in entry:
                raise PhraseError(f'"{entry}" ends in * after several words; only a single word can be a beginning')
            if entry.endswith("*"):
                beginnings |= {self.spelling.sounded(form) for form in self._with_mutations(plain(entry[:-1]))}
                continue
            forms = tuple(form for word in entry.split() for form in self._forms(word))
            if len(forms) == 1:
                singles |= self._with_mutations(forms[0])
            elif forms:
                several.add(tuple(self._with_mutations(form) for form in forms))
        return Place(frozenset(singles), tuple(sorted(several, key=_by_letters)), tuple(sorted(beginnings)))

    def _forms(self, word: str) -> tuple[str, ...]:
        if word.isdigit():
            return (word,)
        return self.spelling.emoji_forms(word) or self.spelling.forms(word)

    def _numbers(self, low: int, high: int) -> frozenset[str]:
        figures = {str(number) for number in range(low, high + 1)}
        words = {form for word in self.numbers[low : high + 1] for form in self._forms(word)}
        return frozenset(figures | words)

    def _with_mutations(self, word: str) -> frozenset[str]:
        forms = {word}
        if len(word) > 3:
            longest_first = sorted(self.mutations, key=len, reverse=True)
            start = next((letters for letters in longest_first if word.startswith(letters)), None)
            if start is not None:
                forms |= {new + word[len(start) :] for new in self.mutations[start]}
        return frozenset(forms)
