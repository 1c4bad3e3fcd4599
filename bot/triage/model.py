"""The small models: three linear readers over words, letters and ideas, each giving the chance of one level or worse."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from bot.languages import modelfile
from bot.languages.tfidf import Scorer
from bot.triage.levels import Level
from bot.triage.rules import Findings, RuleBook
from bot.triage.text import emoji_in, written_words

HEADS = (Level.CONCERN, Level.URGENT, Level.EMERGENCY)
_FIGURE = "figureofspeech"
_FORMAT = 3
_PART_WEIGHTS = (1.0, 1.0, 0.5, 0.7)
"""How much words, letter groups, ideas and written words count. Ideas come from lists whose writers knew the examples."""
_MOST_WORDS = 400
_LEAST_TELLING = 1.0
_STRENGTH = 8.0
_BY_SPACES = r"\S+"


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
    """Vectorisers and linear heads, trained. `scaling` holds, by language and level, the (slope, shift) that turn a score
    into a chance; language "" is for all together."""

    vectorisers: Sequence[TfidfVectorizer]
    weights: NDArray[np.float64]
    shifts: NDArray[np.float64]
    languages: Sequence[str] = ()
    scaling: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    fingerprint: str = ""

    def scores(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        """Raw scores, shape (samples, 3), in the order of HEADS."""
        scores: NDArray[np.float64] = np.asarray(_matrix(self.vectorisers, samples) @ self.weights.T) + self.shifts
        return scores

    @cached_property
    def _scorers(self) -> list[Scorer]:
        ends = np.cumsum([len(vectoriser.vocabulary_) for vectoriser in self.vectorisers])
        parts = np.split(self.weights, ends[:-1], axis=1)
        return [Scorer(vectoriser, part) for vectoriser, part in zip(self.vectorisers, parts, strict=True)]

    def score(self, one: Sample) -> NDArray[np.float64]:
        """Raw scores of one sample, shape (3,): the same as `scores` gives, sooner."""
        parts = [scorer.score(_text(one, place)) for place, scorer in enumerate(self._scorers)]
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
        vocabulary, weights = self.vectorisers[0].vocabulary_, self.weights[HEADS.index(head)]
        words = findings.reading.words[:_MOST_WORDS]
        weighed = [(float(weights[vocabulary[word.form]]), place) for place, word in enumerate(words) if word.form in vocabulary]
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
        modelfile.write(path, about, {"weights": self.weights, "shifts": self.shifts}, self.vectorisers)

    @classmethod
    def load(cls, path: Path) -> "Reader":
        """Read a saved model. Raises ValueError for a file that this version cannot use, OSError where it is not there."""
        vectorisers = new_vectorisers()
        try:
            about, arrays = modelfile.read(path, vectorisers)
            if about["format"] != _FORMAT:
                raise ValueError(f"{path.name} was made by another version")
            return cls(
                vectorisers, arrays["weights"], arrays["shifts"], about["languages"], about["scaling"], about["fingerprint"]
            )
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"{path.name} is not a triage model that can be used: {error}") from error


def chance(score: float, slope: float, shift: float) -> float:
    """Platt scaling: a score to a chance."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, slope * score + shift))))


def new_vectorisers() -> list[TfidfVectorizer]:
    """Words and pairs of words; letter groups inside words; ideas in order; words and marks as written. See `_PART_WEIGHTS`."""
    return [
        TfidfVectorizer(token_pattern=_BY_SPACES, ngram_range=(1, 2), sublinear_tf=True, min_df=1),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
        TfidfVectorizer(token_pattern=_BY_SPACES, ngram_range=(1, 3), sublinear_tf=True, min_df=2, lowercase=False),
        TfidfVectorizer(token_pattern=_BY_SPACES, ngram_range=(1, 3), sublinear_tf=True, min_df=2, lowercase=False),
    ]


def vectorise(samples: Sequence[Sample]) -> tuple[list[TfidfVectorizer], csr_matrix]:
    """Fitted vectorisers, and the features of the samples, one row each, each part by its weight."""
    vectorisers = new_vectorisers()
    parts = [vectoriser.fit_transform(_texts(samples, place)) for place, vectoriser in enumerate(vectorisers)]
    return vectorisers, hstack([part * weight for part, weight in zip(parts, _PART_WEIGHTS, strict=True)], format="csr")


def part_weights(vectorisers: Sequence[TfidfVectorizer]) -> NDArray[np.float64]:
    """The weight of each feature's part, shape (features,): a reader's weights hold it already, so that it scores bare features."""
    return np.concatenate(
        [np.full(len(part.vocabulary_), weight) for part, weight in zip(vectorisers, _PART_WEIGHTS, strict=True)]
    )


def fit_heads(
    matrix: csr_matrix, ranks: NDArray[np.int64], sample_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights, shape (3, features), and shifts, shape (3,); `ranks` are the levels' ranks (0 to 3), one a row of `matrix`.

    `sample_weights`, shape (rows, 3), is how much each row counts for each head; a row of weight 0 is not looked at.
    """
    weights, shifts = [], []
    for place, head in enumerate(HEADS):
        counted = np.flatnonzero(sample_weights[:, place])
        rows, wanted = matrix[counted], ranks[counted] >= head.rank
        telling = _telling(rows, wanted)
        model = LogisticRegression(C=_STRENGTH, solver="liblinear", class_weight="balanced", random_state=0)
        model.fit(rows @ diags(telling), wanted.astype(int), sample_weight=sample_weights[counted, place])
        weights.append(model.coef_[0] * telling)
        shifts.append(float(model.intercept_[0]))
    return np.vstack(weights), np.array(shifts)


def _telling(matrix: csr_matrix, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much each feature tells of a side (naive Bayes log ratio): rare features that do not tell count less."""
    ours = 1.0 + np.asarray(matrix[wanted].sum(axis=0)).ravel()
    others = 1.0 + np.asarray(matrix[~wanted].sum(axis=0)).ravel()
    telling: NDArray[np.float64] = np.abs(np.log((ours / ours.sum()) / (others / others.sum()))) + _LEAST_TELLING
    return telling


def _texts(samples: Sequence[Sample], place: int) -> list[str]:
    return [_text(one, place) for one in samples]


def _text(one: Sample, place: int) -> str:
    return (one.words, one.words, one.ideas, one.written)[place]


def _matrix(vectorisers: Sequence[TfidfVectorizer], samples: Sequence[Sample]) -> csr_matrix:
    parts = [vectoriser.transform(_texts(samples, place)) for place, vectoriser in enumerate(vectorisers)]
    return hstack(parts, format="csr")


def fit_scaling(scores: NDArray[np.float64], wanted: NDArray[np.int64], share: float) -> tuple[float, float]:
    """The (slope, shift) of Platt scaling for scores of messages held out in training; (1, 0) where one side is missing.

    The examples hold far more serious messages than a day's real ones: the shift is for a mix in which `share` (0 to 1) of
    the messages are wanted.
    """
    if len(set(wanted.tolist())) < 2:
        return 1.0, 0.0
    model = LogisticRegression(C=10.0, solver="lbfgs").fit(scores.reshape(-1, 1), wanted)
    here = float(wanted.mean())
    rarer = math.log(share / (1 - share)) - math.log(here / (1 - here))
    return max(0.05, float(model.coef_[0][0])), float(model.intercept_[0]) + rarer
