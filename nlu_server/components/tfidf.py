"""An intent classifier for Rasa: TF-IDF of words, letter groups and consonants into one linear model for all languages.

Labels of training examples are navigation intents and topics (`topic_baby_crying`). The component answers with a navigation
intent, or with `ask_topic` and the ranked topics in `topic_ranking`, so that one rule in `data/rules.yml` serves every topic.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split

from nlu_server.components import ASK_TOPIC, TOPIC_PREFIX
from nlu_server.components.letters import WORD, normalise, skeleton
from nlu_server.components.linear import Linear, complement_naive_bayes, fit, joined
from nlu_server.components.patches import apply_patches

RANKING = 10
ABOUT, NUMBERS = "tfidf.json", "tfidf.npz"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TfidfIntentClassifier(IntentClassifier, GraphComponent):
    """Reads the raw text: the pipeline needs no tokenizer or featurizer.

    Configuration: `C` (inverse regularisation), `tolerance` of the fit (a finer one takes twice as long and answers the same),
    `word_ngrams`, `char_ngrams` and `consonant_ngrams` (of words reduced to their consonants, which tie a word's own script to its
    spellings in Latin letters, see `letters.py`), `min_df` of the latter two, `weights` of the three, `naive_share` and
    `naive_smoothing` of the naive Bayes model whose margins are added to those of the support vector machine, and
    `navigation_threshold`, the least probability at which a navigation intent is believed. The margins become probabilities
    through a softmax whose sharpness is fitted on examples held back for it.
    """

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            "C": 0.4,
            "word_ngrams": [1, 2],
            "char_ngrams": [2, 5],
            "consonant_ngrams": [1, 3],
            "tolerance": 0.1,
            "min_df": 2,
            "weights": [0.8, 1.0, 0.6],
            "naive_share": 0.27,
            "naive_smoothing": 0.3,
            "navigation_threshold": 0.35,
        }

    @staticmethod
    def required_packages() -> List[Text]:
        return ["sklearn"]

    def __init__(self, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource) -> None:
        apply_patches()
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._parts: List[_Part] = []
        self._labels: List[Text] = []

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TfidfIntentClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TfidfIntentClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            component._use(component._read_from(folder))
        return component

    def train(self, training_data: TrainingData) -> Resource:
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        texts = [normalise(example.get(TEXT)) for example in examples]
        labels = [example.get(INTENT) for example in examples]
        vectorizers = self._vectorizers()
        features = hstack(
            [
                vectorizer.fit_transform(_read(texts, place)) * weight
                for place, (vectorizer, weight) in enumerate(zip(vectorizers, self._config["weights"], strict=True))
            ]
        )
        features = features.tocsr().astype(np.float32)
        model = self._fit(features, labels)
        trained = {
            "vectorizers": vectorizers,
            # Half precision is exact enough for a sum of some dozen weights, and halves the model, on disk and in memory.
            "weights": model.weights.astype(np.float16),
            "shifts": model.shifts,
            "labels": model.labels.tolist(),
            "sharpness": self._fit_sharpness(features, np.array(labels)),
        }
        with self._model_storage.write_to(self._resource) as folder:
            _write_to(folder, trained)
        self._use(trained)
        return self._resource

    def _read_from(self, folder: Path) -> Dict[Text, Any]:
        """What `_write_to` wrote, vectorizers made anew and filled in."""
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        vectorizers = self._vectorizers()
        with np.load(folder / NUMBERS, allow_pickle=False) as saved:
            for place, (vectorizer, grams) in enumerate(zip(vectorizers, about["grams"], strict=True)):
                vectorizer.vocabulary_ = {gram: index for index, gram in enumerate(grams)}
                vectorizer.idf_ = saved[f"idf{place}"]
            return {
                "vectorizers": vectorizers,
                "weights": saved["weights"],
                "shifts": saved["shifts"],
                "labels": about["labels"],
                "sharpness": about["sharpness"],
            }

    def _vectorizers(self) -> List[TfidfVectorizer]:
        common = {"sublinear_tf": True, "lowercase": False}
        least = self._config["min_df"]
        return [
            TfidfVectorizer(ngram_range=tuple(self._config["word_ngrams"]), token_pattern=WORD + r"|[^\w\s]", **common),
            TfidfVectorizer(analyzer="char_wb", ngram_range=tuple(self._config["char_ngrams"]), min_df=least, **common),
            TfidfVectorizer(ngram_range=tuple(self._config["consonant_ngrams"]), token_pattern=r"\S+", min_df=least, **common),
        ]

    def _fit(self, features: Any, labels: Any) -> Linear:
        support_vectors = fit(features, labels, self._config["C"], self._config["tolerance"])
        naive = complement_naive_bayes(features, labels, self._config["naive_smoothing"])
        return joined(support_vectors, naive, self._config["naive_share"])

    def _fit_sharpness(self, features: Any, labels: np.ndarray) -> float:
        """The softmax factor that makes the probabilities of held-back examples most likely, by a model of a third of the others: a
        second full training would take as long as the first."""
        kept, held = train_test_split(np.arange(len(labels)), train_size=0.3, test_size=0.15, random_state=0)
        model = self._fit(features[kept], labels[kept])
        known = np.isin(labels[held], model.labels)
        margins = model.margins(features[held][known])
        truth = np.searchsorted(model.labels, labels[held][known])

        def surprise(factor: float) -> float:
            scaled = margins * factor
            scaled -= scaled.max(axis=1, keepdims=True)
            return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]))

        return min(np.arange(1.0, 12.0, 0.25).tolist(), key=surprise)

    def _use(self, trained: Dict[Text, Any]) -> None:
        self._labels = [str(label) for label in trained["labels"]]
        self._is_topic = np.array([label.startswith(TOPIC_PREFIX) for label in self._labels])
        self._shifts, self._sharpness = trained["shifts"], trained["sharpness"]
        ends = np.cumsum([len(vectorizer.vocabulary_) for vectorizer in trained["vectorizers"]])
        rows = np.split(trained["weights"].T, ends[:-1])
        self._parts = [_Part(*part) for part in zip(trained["vectorizers"], rows, self._config["weights"], strict=True)]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text and self._parts:
                self._classify(message, self._probabilities(normalise(text)))
        return messages

    def _probabilities(self, text: Text) -> np.ndarray:
        scores = self._shifts.copy()
        for place, part in enumerate(self._parts):
            scores += part.score(_read([text], place)[0])
        powers = np.exp((scores - scores.max()) * self._sharpness)
        return powers / powers.sum()

    def _classify(self, message: Message, probabilities: np.ndarray) -> None:
        order = np.argsort(-probabilities)
        best = order[0]
        topics = [_named(self._labels[i], probabilities[i]) for i in order if self._is_topic[i]][:RANKING]
        navigation = [_named(self._labels[i], probabilities[i]) for i in order if not self._is_topic[i]][:RANKING]
        ask = _named(ASK_TOPIC, probabilities[self._is_topic].sum())
        if not self._is_topic[best] and probabilities[best] >= self._config["navigation_threshold"]:
            intent = navigation[0]
        else:
            intent = ask
        ranking = [intent] + sorted(
            (entry for entry in [*navigation, ask] if entry is not intent), key=lambda entry: -entry[PREDICTED_CONFIDENCE_KEY]
        )
        message.set(INTENT, intent, add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)
        message.set("topic_ranking", topics, add_to_output=True)


def _write_to(folder: Path, trained: Dict[Text, Any]) -> None:
    """As plain arrays and JSON: nothing in them can run when they are read, and half a million letter groups are read in a moment."""
    vectorizers = trained["vectorizers"]
    grams = [sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__) for vectorizer in vectorizers]
    about = {"labels": trained["labels"], "sharpness": trained["sharpness"], "grams": grams}
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    idf = {f"idf{place}": vectorizer.idf_ for place, vectorizer in enumerate(vectorizers)}
    np.savez(folder / NUMBERS, weights=trained["weights"], shifts=trained["shifts"], **idf)


class _Part:
    """One vectorizer and its rows of the model. Scores a short message without building matrices: scikit-learn's own
    `transform` takes a millisecond or two whatever the length."""

    def __init__(self, vectorizer: TfidfVectorizer, rows: np.ndarray, weight: float) -> None:
        self._grams = vectorizer.build_analyzer()
        self._places = {gram: int(place) for gram, place in vectorizer.vocabulary_.items()}
        self._idf = vectorizer.idf_.tolist()
        # Weights of one feature lie together in memory, and a short message touches few of them.
        self._rows = np.ascontiguousarray(rows)
        self._weight = weight

    def score(self, text: Text) -> np.ndarray:
        counts = Counter(place for gram in self._grams(text) if (place := self._places.get(gram)) is not None)
        if not counts:
            return np.zeros(self._rows.shape[1])
        places = list(counts)
        values = np.array([(1.0 + math.log(counts[place])) * self._idf[place] for place in places])
        return (values * (self._weight / math.sqrt(float(values @ values)))) @ self._rows[places].astype(np.float32)


def _read(texts: List[Text], place: int) -> List[Text]:
    """Normalised texts as the vectorizer at `place` reads them: the third one reads consonants."""
    return [skeleton(text) for text in texts] if place == 2 else texts


def _named(label: Text, probability: float) -> Dict[Text, Any]:
    return {INTENT_NAME_KEY: label, PREDICTED_CONFIDENCE_KEY: float(probability)}
