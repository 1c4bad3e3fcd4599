"""Scores of one message: what scikit-learn gives, whether or not its words have been seen before; names are not remembered."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.languages.grams import Grams
from bot.languages.tfidf import Features, Scorer

TEXTS = ["my baby cries and cries", "she wont eat", "ok thanks", "żółć gęślą jaźń", "baby baby baby", "x", "Zenobia cries"]


@pytest.mark.parametrize("grams", [Grams("letters", 3, 5), Grams("words", 1, 2)], ids=str)
def test_scores_are_those_of_scikit_learn_again_and_again(grams: Grams) -> None:
    whole = TfidfVectorizer(analyzer=grams, sublinear_tf=True).fit(TEXTS[:-1])
    weights = np.random.default_rng(1).normal(size=(3, len(whole.vocabulary_)))
    scorer = Scorer(Features(grams, whole.vocabulary_, whole.idf_), weights, {"baby", "cries", "eat"})
    for _ in range(2):
        for text in [*TEXTS, "", "nothing known ☂"]:
            assert scorer.score(text) == pytest.approx(np.asarray(whole.transform([text]) @ weights.T)[0], abs=1e-12)


def test_only_words_that_training_saw_are_remembered() -> None:
    grams = Grams("letters", 3, 5)
    whole = TfidfVectorizer(analyzer=grams).fit(TEXTS)
    scorer = Scorer(Features(grams, whole.vocabulary_, whole.idf_), np.ones((1, len(whole.vocabulary_))), {"baby", "cries"})
    scorer.score("Zenobia cries, BABY 07700900123")
    scorer.score("zenobia cries")
    assert set(scorer._remembered) == {"baby", "cries"}
