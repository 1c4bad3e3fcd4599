"""Which classifier, and how much data: topics of held-out questions by model, and by share of the training sentences.

    nlu_server/.venv/bin/python -m benchmarks.nlu_models [--only NAME …] [--curve] [--diet]

Runs in Rasa's environment, on `data/nlu` and `tests/evaluation/questions_*.jsonl`, and prints Markdown tables. Accuracy is the share of
questions whose first topic is an acceptable one, by language; time to train is the fit's alone, on this machine; a message's time is
the median of one text at a time through scikit-learn's own `transform` (the shipped component has a quicker way, see `tfidf.py`).
Memory is that of the weights alone; of Rasa's default pipeline, the size of its packed model.
`--diet` compares Rasa's default pipeline with ours on the same English sentences: all of them would take it days.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from nlu_server.components.letters import WORD, normalise, skeleton
from nlu_server.components.linear import complement_naive_bayes, fit, joined
from nlu_server.components.tfidf import TfidfIntentClassifier

ROOT = Path(__file__).resolve().parents[1]
CONFIG = TfidfIntentClassifier.get_default_config()
"""The shipped component's own settings: what is compared must be what runs."""
DIET_EACH = 40
"""English sentences of each label that the default pipeline is given."""

_ENTITY = re.compile(r"\[([^\]]*)\](\([^)]*\)|\{[^}]*\})")


class Sentences(NamedTuple):
    texts: list[str]
    labels: np.ndarray
    languages: np.ndarray

    def where(self, mask: np.ndarray) -> Sentences:
        return Sentences(
            [text for text, kept in zip(self.texts, mask, strict=True) if kept], self.labels[mask], self.languages[mask]
        )


class Question(NamedTuple):
    text: str
    language: str
    accepted: tuple[str, ...]


def training_sentences() -> Sentences:
    texts, labels, languages = [], [], []
    for path in sorted((ROOT / "data" / "nlu").glob("*/*.yml")):
        for line in path.read_text(encoding="utf-8").split("examples: |", 1)[1].splitlines():
            if line.strip().startswith("- "):
                texts.append(normalise(_ENTITY.sub(r"\1", line.strip()[2:])))
                labels.append(path.stem)
                languages.append(path.parent.name)
    return Sentences(texts, np.array(labels), np.array(languages))


def held_out() -> list[Question]:
    found = []
    for path in sorted((ROOT / "tests" / "evaluation").glob("questions_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            accepted = tuple(_label(topic) for topic in (row["topic"], *row.get("also", [])))
            found.append(Question(normalise(row["text"]), row["lang"], accepted))
    return found


def _label(topic: str) -> str:
    return "topic_" + topic.replace("/", "_").replace("-", "_")


class Features:
    """TF-IDF of words, letter groups and consonants, as many of them as asked for."""

    def __init__(self, parts: Sequence[int] = (0, 1, 2)) -> None:
        common: dict[str, Any] = {"sublinear_tf": True, "lowercase": False}
        self.parts = parts
        self.vectorizers = [
            TfidfVectorizer(ngram_range=tuple(CONFIG["word_ngrams"]), token_pattern=WORD + r"|[^\w\s]", **common),
            TfidfVectorizer(analyzer="char_wb", ngram_range=tuple(CONFIG["char_ngrams"]), min_df=CONFIG["min_df"], **common),
            TfidfVectorizer(
                ngram_range=tuple(CONFIG["consonant_ngrams"]), token_pattern=r"\S+", min_df=CONFIG["min_df"], **common
            ),
        ]

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        return self._joined([self.vectorizers[part].fit_transform(self._read(texts, part)) for part in self.parts])

    def of(self, texts: Sequence[str]) -> csr_matrix:
        return self._joined([self.vectorizers[part].transform(self._read(texts, part)) for part in self.parts])

    def _joined(self, matrices: Sequence[Any]) -> csr_matrix:
        weighed = [matrix * CONFIG["weights"][part] for part, matrix in zip(self.parts, matrices, strict=True)]
        return hstack(weighed).tocsr().astype(np.float32)

    @staticmethod
    def _read(texts: Sequence[str], part: int) -> Sequence[str]:
        return [skeleton(text) for text in texts] if part == 2 else texts


Scorer = Callable[[csr_matrix], np.ndarray]
Model = Callable[[csr_matrix, np.ndarray], tuple[np.ndarray, Scorer]]
"""From features and labels to the labels in order and a scorer, of shape (rows, labels)."""


def svm(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    model = fit(features, labels, CONFIG["C"], CONFIG["tolerance"])
    return model.labels, model.margins


def joint(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    """What the shipped component does: a naive Bayes model's margins added to the support vector machine's."""
    naive = complement_naive_bayes(features, labels, CONFIG["naive_smoothing"])
    model = joined(fit(features, labels, CONFIG["C"], CONFIG["tolerance"]), naive, CONFIG["naive_share"])
    return model.labels, model.margins


def naive_bayes(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    model = complement_naive_bayes(features, labels, CONFIG["naive_smoothing"])
    return model.labels, model.margins


def logistic(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    model = LogisticRegression(C=10.0, solver="liblinear", tol=0.05).fit(features, labels)
    return model.classes_, model.decision_function


def naive_bayes_svm(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    """Each label's features weighed by how much they tell of it (Wang and Manning 2012)."""
    known = np.unique(labels)
    rows, shifts = [], []
    for label in known:
        mine = labels == label
        ours, theirs = 1 + np.asarray(features[mine].sum(0)).ravel(), 1 + np.asarray(features[~mine].sum(0)).ravel()
        telling = np.abs(np.log((ours / ours.sum()) / (theirs / theirs.sum()))) + 0.2
        one = LinearSVC(C=CONFIG["C"], tol=CONFIG["tolerance"]).fit(features @ diags(telling.astype(np.float32)), mine)
        rows.append(one.coef_[0] * telling)
        shifts.append(one.intercept_[0])
    weights, shift = np.vstack(rows), np.array(shifts)
    return known, lambda matrix: np.asarray(matrix @ weights.T) + shift


def hierarchy(features: csr_matrix, labels: np.ndarray) -> tuple[np.ndarray, Scorer]:
    """The family of topics first (baby, child, family, wellbeing …), then the topic within it; the margins are added."""
    families = np.array([_family(label) for label in labels])
    of_family = fit(features, families, CONFIG["C"], CONFIG["tolerance"])
    within = [fit(features[families == family], labels[families == family], CONFIG["C"], CONFIG["tolerance"]) for family in of_family.labels if
              len(set(labels[families == family])) > 1]  # fmt: skip
    known = np.unique(labels)

    def score(matrix: csr_matrix) -> np.ndarray:
        total = np.zeros((matrix.shape[0], len(known)))
        outer = of_family.margins(matrix)
        for place, label in enumerate(known):
            total[:, place] += outer[:, np.searchsorted(of_family.labels, _family(label))]
        for model in within:
            total[:, np.searchsorted(known, model.labels)] += model.margins(matrix)
        return total

    return known, score


def _family(label: str) -> str:
    parts = label.split("_")
    return "_".join(parts[:2]) if parts[0] == "topic" else "navigation"


def accuracy(names: np.ndarray, scores: np.ndarray, questions: Sequence[Question]) -> dict[str, list[bool]]:
    """Whether the first topic of each question is an acceptable one, by language."""
    topics = np.array([name.startswith("topic_") for name in names])
    scores = np.where(topics, scores, -np.inf)
    right: dict[str, list[bool]] = defaultdict(list)
    for question, row in zip(questions, scores, strict=True):
        right[question.language].append(str(names[int(np.argmax(row))]) in question.accepted)
    return right


class Outcome(NamedTuple):
    right: dict[str, list[bool]]
    seconds: float
    features: int
    milliseconds: float
    megabytes: float


def one_for_all(parts: Sequence[int], model: Model, sentences: Sentences, questions: Sequence[Question]) -> Outcome:
    features = Features(parts)
    matrix = features.fit(sentences.texts)
    began = time.perf_counter()
    names, score = model(matrix, sentences.labels)
    seconds = time.perf_counter() - began
    right = accuracy(names, score(features.of([question.text for question in questions])), questions)
    times = []
    for question in questions[:60]:
        start = time.perf_counter()
        score(features.of([question.text]))
        times.append(1000 * (time.perf_counter() - start))
    return Outcome(right, seconds, matrix.shape[1], statistics.median(times), _megabytes(matrix.shape[1], len(names)))


def _megabytes(features: int, labels: int) -> float:
    """What the weights take as the component keeps them, two bytes each."""
    return features * labels * 2 / 1e6


def one_a_language(sentences: Sentences, questions: Sequence[Question]) -> Outcome:
    """A model for each language, the language known beforehand: an upper bound, since detection errs too."""
    outcomes = []
    for language in sorted(set(sentences.languages)):
        mine = [question for question in questions if question.language == language]
        outcomes.append(one_for_all((0, 1, 2), svm, sentences.where(sentences.languages == language), mine))
    return Outcome(
        {language: values for outcome in outcomes for language, values in outcome.right.items()},
        sum(outcome.seconds for outcome in outcomes),
        sum(outcome.features for outcome in outcomes),
        statistics.median(outcome.milliseconds for outcome in outcomes),
        sum(outcome.megabytes for outcome in outcomes),
    )


MODELS: dict[str, Callable[[Sentences, Sequence[Question]], Outcome]] = {
    "words": lambda s, q: one_for_all((0,), svm, s, q),
    "letter groups": lambda s, q: one_for_all((1,), svm, s, q),
    "words and letter groups": lambda s, q: one_for_all((0, 1), svm, s, q),
    "words, letter groups, consonants": lambda s, q: one_for_all((0, 1, 2), svm, s, q),
    "the same and naive Bayes (ours)": lambda s, q: one_for_all((0, 1, 2), joint, s, q),
    "naive Bayes alone": lambda s, q: one_for_all((0, 1, 2), naive_bayes, s, q),
    "support vectors, family then topic": lambda s, q: one_for_all((0, 1, 2), hierarchy, s, q),
    "support vectors, a model a language": one_a_language,
    "logistic": lambda s, q: one_for_all((0, 1, 2), logistic, s, q),
    "support vectors, naive Bayes weights": lambda s, q: one_for_all((0, 1, 2), naive_bayes_svm, s, q),
}


def heading(first: str, languages: Sequence[str]) -> list[str]:
    cells = [first, "all", *languages, "train s", "features", "MB", "message ms"]
    return ["| " + " | ".join(cells) + " |", "|" + " --- |" * len(cells)]


def line(name: str, outcome: Outcome, languages: Sequence[str]) -> str:
    everything = [one for values in outcome.right.values() for one in values]
    shares = [
        f"{100 * float(np.mean(outcome.right[language])):.0f} %" if language in outcome.right else "–" for language in languages
    ]
    cells = [name, f"{100 * float(np.mean(everything)):.1f} %", *shares, f"{outcome.seconds:.0f}", f"{outcome.features:,}",
             f"{outcome.megabytes:.0f}", f"{outcome.milliseconds:.1f}"]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def curve(sentences: Sentences, questions: Sequence[Question], languages: Sequence[str]) -> None:
    """The same model with a share of each language's sentences of each label, drawn once."""
    order = np.random.default_rng(0).permutation(len(sentences.texts))
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in order:
        groups[(sentences.languages[index], sentences.labels[index])].append(int(index))
    print("\n".join(heading("share of the sentences", languages)), flush=True)
    for part in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1):
        kept = np.zeros(len(sentences.texts), dtype=bool)
        for members in groups.values():
            kept[members[: max(1, round(len(members) * part))]] = True
        print(
            line(
                f"1/{round(1 / part)} ({kept.sum():,})",
                one_for_all((0, 1, 2), joint, sentences.where(kept), questions),
                languages,
            ),
            flush=True,
        )


def diet(sentences: Sentences, questions: Sequence[Question]) -> None:
    """Rasa's default pipeline and ours on the same few English sentences."""
    english = sentences.where(sentences.languages == "en")
    kept = np.zeros(len(english.texts), dtype=bool)
    for label in np.unique(english.labels):
        kept[np.random.default_rng(0).permutation(np.flatnonzero(english.labels == label))[:DIET_EACH]] = True
    few, asked = english.where(kept), [question for question in questions if question.language == "en"]
    print("\n".join(heading(f"English, at most {DIET_EACH} sentences a label", ["en"])), flush=True)
    print(line("ours", one_for_all((0, 1, 2), joint, few, asked), ["en"]), flush=True)
    print(line("Rasa's default pipeline (DIET, 100 epochs)", _diet(few, asked), ["en"]), flush=True)


def _diet(sentences: Sentences, questions: Sequence[Question]) -> Outcome:
    from rasa.core.agent import Agent
    from rasa.model_training import train_nlu

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        lines = ['version: "3.1"', "nlu:"]
        for label in np.unique(sentences.labels):
            lines += [f"- intent: {label}", "  examples: |"]
            lines += [f"    - {text}" for text, own in zip(sentences.texts, sentences.labels, strict=True) if own == label]
        (here / "nlu.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (here / "config.yml").write_text(
            "recipe: default.v1\nassistant_id: bare\nlanguage: en\npipeline:\n- name: WhitespaceTokenizer\n- name: RegexFeaturizer\n"
            "- name: LexicalSyntacticFeaturizer\n- name: CountVectorsFeaturizer\n- name: CountVectorsFeaturizer\n  analyzer: char_wb\n"
            "  min_ngram: 1\n  max_ngram: 4\n- name: DIETClassifier\n  epochs: 100\n  constrain_similarities: true\npolicies: []\n",
            encoding="utf-8",
        )
        began = time.perf_counter()
        model = train_nlu(str(here / "config.yml"), str(here / "nlu.yml"), str(here / "models"))
        seconds = time.perf_counter() - began
        agent = Agent.load(model)
        right: list[bool] = []
        times: list[float] = []
        for question in questions:
            start = time.perf_counter()
            parsed = asyncio.get_event_loop().run_until_complete(agent.parse_message(question.text))
            times.append(1000 * (time.perf_counter() - start))
            ranking = [entry["name"] for entry in parsed["intent_ranking"] if entry["name"].startswith("topic_")]
            right.append(bool(ranking) and ranking[0] in question.accepted)
        size = Path(model).stat().st_size / 1e6
    return Outcome({"en": right}, seconds, 0, statistics.median(times), size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(MODELS), help="these models only")
    parser.add_argument("--curve", action="store_true", help="how accuracy grows with data, instead of models")
    parser.add_argument("--diet", action="store_true", help="Rasa's default pipeline on few sentences, instead of models")
    asked = parser.parse_args()
    sentences, questions = training_sentences(), held_out()
    languages = sorted({question.language for question in questions})
    if asked.curve:
        curve(sentences, questions, languages)
    elif asked.diet:
        diet(sentences, questions)
    else:
        print("\n".join(heading("model", languages)), flush=True)
        for name in asked.only or MODELS:
            print(line(name, MODELS[name](sentences, questions), languages), flush=True)


if __name__ == "__main__":
    main()
