"""Linear one-against-the-rest models, fitted on every core.

Nothing of Rasa's is imported: the processes that fit a share of the labels start in a second or two.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Sequence

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

REST = ""


class Linear(NamedTuple):
    """`weights` has shape (labels, features), `shifts` (labels,), in the order of `labels`."""

    labels: np.ndarray
    weights: np.ndarray
    shifts: np.ndarray

    def margins(self, features: Any) -> np.ndarray:
        """How far each row of `features` lies on each label's side, shape (rows, labels)."""
        return np.asarray(features @ self.weights.T) + self.shifts


def fit(features: Any, labels: Sequence[str], C: float, tolerance: float) -> Linear:
    """Fit one label against all the others, for each label. The same as scikit-learn's LinearSVC of all labels in one process.

    The labels are shared out evenly; in a share, all labels of the others are one, `REST`, whose own model is thrown away.
    """
    labels = np.asarray(labels)
    known = np.unique(labels)
    shares = [share for share in np.array_split(known, os.cpu_count() or 1) if len(share)]
    if len(known) < 3 or len(shares) < 2:
        shares = [known]
    fitted = Parallel(n_jobs=len(shares))(delayed(_fit_share)(features, labels, share, C, tolerance) for share in shares)
    return Linear(known, np.vstack([weights for weights, _ in fitted]), np.concatenate([shifts for _, shifts in fitted]))


def complement_naive_bayes(features: Any, labels: Sequence[str], smoothing: float) -> Linear:
    """How much less each feature tells of all the other labels than of this one (complement naive Bayes, Rennie et al. 2003).

    The same as scikit-learn's ComplementNB up to a number a feature that all labels share, in single precision: there are some
    fifty million weights.
    """
    labels = np.asarray(labels)
    known, places = np.unique(labels, return_inverse=True)
    rows = np.arange(len(labels))
    members = csr_matrix((np.ones(len(labels), dtype=np.float32), (places, rows)), shape=(len(known), len(labels)))
    weights = (members @ features).toarray().astype(np.float32)
    total = weights.sum(axis=0)
    for row in weights:
        others = total - row + smoothing
        row[:] = -np.log(others / others.sum())
    weights -= weights.mean(axis=0)
    return Linear(known, weights, np.zeros(len(known)))


def joined(one: Linear, other: Linear, share: float) -> Linear:
    """The margins of `one`, and `share` times those of `other`, of the same labels, as one model."""
    return Linear(one.labels, one.weights + np.float32(share) * other.weights, one.shifts + share * other.shifts)


def _fit_share(features: Any, labels: np.ndarray, share: np.ndarray, C: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    theirs = np.where(np.isin(labels, share), labels, REST)
    model = LinearSVC(C=C, tol=tolerance, random_state=0).fit(features, theirs)
    weights, shifts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row says it for both
        weights, shifts = np.vstack([-weights, weights]), np.concatenate([-shifts, shifts])
    wanted = np.isin(model.classes_, share)
    return weights[wanted].astype(np.float32), shifts[wanted]
