"""The small models: three linear readers over words, letters and ideas, each giving the chance of one level or worse."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.languages import modelfile
from bot.languages.grams import Grams
from bot.languages.tfidf import Features, Scorer
from bot.triage.levels import Level
from bot.triage.rules import Findings, RuleBook
from bot.triage.text import emoji_in, written_words

HEADS = (Level.CONCERN, Level.URGENT, Level.EMERGENCY)
_FIGURE = "figureofspeech"
_FORMAT = 3
KINDS = (Grams("words", 1, 2), Grams("letters", 3, 5), Grams("words", 1, 3, lower=False), Grams("words", 1, 3, lower=False))
"""Words and pairs of words; letter groups inside words; ideas in order; words and marks as written."""
_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """A message as the models see it: its words as read, the ideas (names of word lists) that they belong to, in order, and its
    words and marks as they were written: short forms and figures of speech are telling, too."""

    words: str
    ideas: str
    written: str = ""


def sample(findings: Findings, book: RuleBook) -> Sample:
    """The whole message as one sample."""
    return _sample(findings, book, 0, len(findings.reading.words))


def windows(findings: Findings, book: RuleBook, size: int, most: int) -> list[Sample]:
    """The message as one sample, or, if longer than `size` words, as overlapping pieces of that size, at most `most`."""
    count = len(findings.reading.words)
    if count <= size:
        return [sample(findings, book)]
    step = max(size * 2 // 3, math.ceil(count / most))
    return [_sample(findings, book, start, min(count, start + size)) for start in range(0, count, step)]


def _sample(findings: Findings, book: RuleBook, start: int, end: int) -> Sample:
    reading = findings.reading
    forms = [_FIGURE if place in findings.figures else reading.words[place].form for place in range(start, end)]
    ideas = [*_ideas(forms, book), "|", *_marks(findings)]
    emoji = emoji_in(reading.text[:4000]) if start == 0 else []
    written = " ".join(written_words(reading.quote(start, end)))
    return Sample(" ".join([*forms, *emoji[:10]]), " ".join(ideas), written)


def _marks(findings: Findings) -> Iterator[str]:
    """How far away the message is, in words that mean the same in every language.

    Which rules fit is no feature: rules are written by people who have read the examples, so a model would learn to lean on
    them more than they bear in messages nobody has read.
    """
    if findings.over:
        yield "OVER"
    if findings.distant:
        yield "DISTANT"


def _ideas(forms: Sequence[str], book: RuleBook) -> Iterator[str]:
    for form in forms:
        if form in book.negation:
            yield "NOT"
        yield from book.concepts.get(form, ())


@dataclass
class Reader:
    """Features and linear heads, trained. `scaling` holds, by language and level, the (slope, shift) that turn a score
    into a chance; language "" is for all together."""

    features: Sequence[Features]
    weights: NDArray[np.float64]
    shifts: NDArray[np.float64]
    languages: Sequence[str] = ()
    scaling: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    fingerprint: str = ""

    @cached_property
    def _scorers(self) -> list[Scorer]:
        ends = np.cumsum([len(part.columns) for part in self.features])
        weights = np.split(self.weights, ends[:-1], axis=1)
        learnt = self.features[0].columns  # the words that training saw
        return [Scorer(part, mine, learnt) for part, mine in zip(self.features, weights, strict=True)]

    def score(self, one: Sample) -> NDArray[np.float64]:
        """Raw scores of one sample, shape (3,), in the order of HEADS."""
        parts = [scorer.score(text_of(one, place)) for place, scorer in enumerate(self._scorers)]
        total: NDArray[np.float64] = np.sum(parts, axis=0) + self.shifts
        return total

    def chances(self, samples: Sequence[Sample], lang: str) -> dict[Level, float]:
        """The chance (0 to 1) that a message is of each level or worse: the highest of its samples."""
        highest = np.max([self.score(one) for one in samples], axis=0)
        scaling = self.scaling.get(lang) or self.scaling.get("") or {}
        return {
            head: chance(float(score), *scaling.get(head.value, (1.0, 0.0))) for head, score in zip(HEADS, highest, strict=True)
        }

    def telling_words(self, findings: Findings, book: RuleBook, head: Level) -> str:
        """The writer's words that speak most for a level, at most five, in their order."""
        columns, weights = self.features[0].columns, self.weights[HEADS.index(head)]
        words = findings.reading.words[:_MOST_WORDS]
        weighed = [(float(weights[columns[word.form]]), place) for place, word in enumerate(words) if word.form in columns]
        places = sorted(place for weight, place in sorted(weighed, reverse=True)[:5] if weight > 0)
        return " ".join(findings.reading.quote(place, place + 1) for place in places)

    def save(self, path: Path) -> None:
        """Write to `path`, swapped in as a whole."""
        about = {
            "format": _FORMAT,
            "languages": list(self.languages),
            "scaling": {lang: {level: list(pair) for level, pair in by.items()} for lang, by in self.scaling.items()},
            "fingerprint": self.fingerprint,
        }
        modelfile.write(path, about, {"weights": self.weights, "shifts": self.shifts}, self.features)

    @classmethod
    def load(cls, path: Path) -> "Reader":
        """Read a saved model. Raises ValueError for a file that this version cannot use, OSError where it is not there."""
        try:
            about, arrays, features = modelfile.read(path, KINDS)
            if about["format"] != _FORMAT:
                raise ValueError(f"{path.name} was made by another version")
            return cls(features, arrays["weights"], arrays["shifts"], about["languages"], about["scaling"], about["fingerprint"])
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"{path.name} is not a triage model that can be used: {error}") from error


def chance(score: float, slope: float, shift: float) -> float:
    """Platt scaling: a score to a chance."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, slope * score + shift))))


def text_of(one: Sample, place: int) -> str:
    """The text that the features of one kind (a place in KINDS) are made of."""
    return (one.words, one.words, one.ideas, one.written)[place]
