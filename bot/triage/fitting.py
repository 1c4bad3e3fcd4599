"""Fitting the small models of `bot.triage.model`. Only training imports this: scikit-learn takes seconds to import."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.linear_model import LogisticRegression

from bot.languages import fitting
from bot.languages.tfidf import Features
from bot.triage.model import HEADS, KINDS, Sample, text_of

_IN_AT_LEAST = (1, 2, 2, 2)
"""In how many examples a feature of each kind must stand."""
_PART_WEIGHTS = (1.0, 1.0, 0.5, 0.7)
"""How much words, letter groups, ideas and written words count. Ideas come from lists whose writers knew the examples."""
_LEAST_TELLING = 1.0
_STRENGTH = 8.0


def features_of(samples: Sequence[Sample]) -> tuple[list[Features], csr_matrix]:
    """The features of the samples, and their values, one row each, each part by its weight."""
    found = [
        fitting.fit(grams, [text_of(one, place) for one in samples], in_at_least=_IN_AT_LEAST[place])
        for place, grams in enumerate(KINDS)
    ]
    weighted = [matrix * weight for (_, matrix), weight in zip(found, _PART_WEIGHTS, strict=True)]
    return [features for features, _ in found], hstack(weighted, format="csr")


def part_weights(features: Sequence[Features]) -> NDArray[np.float64]:
    """The weight of each feature's part, shape (features,): a reader's weights hold it already, so that it scores bare features."""
    return np.concatenate([np.full(len(part.columns), weight) for part, weight in zip(features, _PART_WEIGHTS, strict=True)])


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
