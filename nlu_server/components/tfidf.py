"""An intent classifier for Rasa: TF-IDF of words and character n-grams into one linear model for all languages.

Labels of training examples are navigation intents and topics (`topic_baby_crying`). The component answers with a navigation
intent, or with `ask_topic` and the ranked topics in `topic_ranking`, so that one rule in `data/rules.yml` serves every topic.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Dict, List, Text

import numpy as np
import skops.io
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
from sklearn.svm import LinearSVC

from nlu_server.components import ASK_TOPIC, TOPIC_PREFIX
from nlu_server.components.patches import apply_patches

RANKING = 10
_ARABIC = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ۀ": "ہ", "ة": "ہ", "ه": "ہ", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا"})
_STRETCHED = re.compile(r"(.)\1{2,}")


def normalise(text: str) -> str:
    """Lower case, no accents or vowel marks, one shape for each Arabic-script letter, no letter more than twice in a row."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("ʼ", "'"))
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return _STRETCHED.sub(r"\1\1", bare.translate(_ARABIC)).replace("ł", "l")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TfidfIntentClassifier(IntentClassifier, GraphComponent):
    """Reads the raw text: the pipeline needs no tokenizer or featurizer.

    Configuration: `C` (inverse regularisation), `char_ngrams`, `word_ngrams`, `min_df` of character n-grams, and
    `navigation_threshold`, the least probability at which a navigation intent is believed. The margins of the linear model
    become probabilities through a softmax whose sharpness is fitted on a fifth of the examples held back for it.
    """

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            "C": 0.4,
            "word_ngrams": [1, 2],
            "char_ngrams": [2, 5],
            "min_df": 2,
            "navigation_threshold": 0.35,
        }

    @staticmethod
    def required_packages() -> List[Text]:
        return ["sklearn", "skops"]

    def __init__(self, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource) -> None:
        apply_patches()
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._words: TfidfVectorizer = None
        self._chars: TfidfVectorizer = None
        self._model: LinearSVC = None

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
            path = folder / "tfidf.skops"
            # Only models that we trained ourselves are ever loaded, so the types in the file are ours.
            words, chars, model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
        component._use(words, chars, model)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        texts = [normalise(example.get(TEXT)) for example in examples]
        labels = [example.get(INTENT) for example in examples]
        words = TfidfVectorizer(
            ngram_range=tuple(self._config["word_ngrams"]),
            token_pattern=r"[^\W_]+(?:'\w+)?|[^\w\s]",
            sublinear_tf=True,
            lowercase=False,
        )
        chars = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=tuple(self._config["char_ngrams"]),
            sublinear_tf=True,
            min_df=self._config["min_df"],
            lowercase=False,
            dtype=np.float32,
        )
        features = hstack([words.fit_transform(texts), chars.fit_transform(texts)]).tocsr().astype(np.float32)
        model = self._fit(features, labels)
        model.sharpness_ = self._fit_sharpness(features, np.array(labels))
        with self._model_storage.write_to(self._resource) as folder:
            skops.io.dump((words, chars, model), folder / "tfidf.skops")
        self._use(words, chars, model)
        return self._resource

    def _fit(self, features: Any, labels: Any) -> LinearSVC:
        return LinearSVC(C=self._config["C"]).fit(features, labels)

    def _fit_sharpness(self, features: Any, labels: np.ndarray) -> float:
        """The softmax factor that makes the probabilities of held-back examples most likely."""
        kept, held = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=0)
        model = self._fit(features[kept], labels[kept])
        known = np.isin(labels[held], model.classes_)
        margins = model.decision_function(features[held][known])
        margins = np.column_stack([-margins, margins]) if margins.ndim == 1 else margins
        truth = np.searchsorted(model.classes_, labels[held][known])

        def surprise(factor: float) -> float:
            scaled = margins * factor
            scaled -= scaled.max(axis=1, keepdims=True)
            return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]))

        return min(np.arange(1.0, 12.0, 0.25).tolist(), key=surprise)

    def _use(self, words: TfidfVectorizer, chars: TfidfVectorizer, model: LinearSVC) -> None:
        self._words, self._chars, self._model = words, chars, model
        self._labels = list(model.classes_)
        self._is_topic = np.array([label.startswith(TOPIC_PREFIX) for label in self._labels])
        # Weights of one feature lie together in memory, and a short message touches few of them.
        self._weights = np.ascontiguousarray(model.coef_.T, dtype=np.float32)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text and self._model is not None:
                self._classify(message, self._probabilities(normalise(text)))
        return messages

    def _probabilities(self, text: Text) -> np.ndarray:
        scores = self._model.intercept_.copy()
        offset = 0
        for vectorizer in (self._words, self._chars):
            row = vectorizer.transform([text])
            scores += row.data @ self._weights[row.indices + offset]
            offset += row.shape[1]
        powers = np.exp((scores - scores.max()) * self._model.sharpness_)
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


def _named(label: Text, probability: float) -> Dict[Text, Any]:
    return {INTENT_NAME_KEY: label, PREDICTED_CONFIDENCE_KEY: float(probability)}
