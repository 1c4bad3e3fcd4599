"""Linear one-against-the-rest models, fitted on every core.

Nothing of Rasa's is imported: the processes that fit a share of the labels start in a second or two.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Sequence

import numpy as np
from joblib import Parallel, delayed
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


def _fit_share(features: Any, labels: np.ndarray, share: np.ndarray, C: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    theirs = np.where(np.isin(labels, share), labels, REST)
    model = LinearSVC(C=C, tol=tolerance, random_state=0).fit(features, theirs)
    weights, shifts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row says it for both
        weights, shifts = np.vstack([-weights, weights]), np.concatenate([-shifts, shifts])
    wanted = np.isin(model.classes_, share)
    return weights[wanted].astype(np.float32), shifts[wanted]
