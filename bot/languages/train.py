"""Training the letter model that tells languages in Latin letters apart, from our own sentences."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from bot.languages.catalogue import Catalogue
from bot.languages.detection import LETTERS, LetterModel, main_script, plain_letters
from bot.languages.fitting import fit
from bot.languages.inputs import fingerprint, training_files

_EXAMPLE = re.compile(r"^\s*- (.+)$")
_MARKUP = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
# Enough to tell languages apart; more only makes training slower and the model larger.
_MOST_A_LABEL = 2000
_ENGLISH = "en"
_ENGLISH_AT = 5
"""In how many English sentences a word must stand to be taken for English."""
_NO_EXAMPLES = ("intent:", "lookup:", "synonym:", "regex:")
_MOST_GROUPS = 15_000
"""The most frequent letter groups are enough to tell languages apart."""


def train(root: Path, out: Path) -> Path:
    """Train from data/nlu and data/triage under `root`, save to `out`, and return it.

    Raises ValueError where there are sentences of fewer than two languages.
    """
    texts, labels = _some(root)
    if len(set(labels)) < 2:
        raise ValueError("there are sentences of fewer than two languages in data/: nothing to tell apart")
    features, matrix = fit(LETTERS, texts, most=_MOST_GROUPS)
    names = sorted(set(labels))
    weights, shifts = [], []
    for name in names:
        wanted = np.array([label == name for label in labels])
        model = LogisticRegression(C=20.0, class_weight="balanced", solver="liblinear", random_state=0).fit(matrix, wanted)
        weights.append(model.coef_[0])
        shifts.append(float(model.intercept_[0]))
    trained = LetterModel(tuple(names), features, np.vstack(weights), np.array(shifts), fingerprint(root))
    trained.save(out)
    return out


def _some(root: Path) -> tuple[list[str], list[str]]:
    """Sentences and their labels, at most _MOST_A_LABEL of each, spread evenly over the files."""
    by_label: dict[str, list[str]] = {}
    for text, label in sentences(root):
        by_label.setdefault(label, []).append(plain_letters(text))
    kept = {label: texts[:: -(-len(texts) // _MOST_A_LABEL)] for label, texts in by_label.items()}
    return [text for texts in kept.values() for text in texts], [label for label, texts in kept.items() for _ in texts]


def sentences(root: Path) -> Iterator[tuple[str, str]]:
    """Every sentence in Latin letters with its label: the code, or "<code>-latin" for a romanised language.

    Sentences of other languages that are plain English are left out: people borrow "delete my data" whole, and understanding
    must learn it in every language, but it tells nothing about the language they speak.
    """
    catalogue = Catalogue.load(root / "content" / "languages.yml")
    english = _english_words(root)
    for path in training_files(root):
        language = catalogue.languages.get(path.parent.name)
        if language is None:
            continue
        label = language.code if language.script == "Latin" else f"{language.code}-latin"
        for text in _texts(path):
            if main_script(text) == "Latin" and (label == _ENGLISH or not english.issuperset(plain_letters(text).split())):
                yield text, label


def _english_words(root: Path) -> frozenset[str]:
    """Words that stand in several English sentences."""
    texts = (text for path in training_files(root) if path.parent.name == _ENGLISH for text in _texts(path))
    count = Counter(word for text in texts for word in set(plain_letters(text).split()))
    return frozenset(word for word, times in count.items() if times >= _ENGLISH_AT)


def _texts(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if path.suffix == ".txt":
            if line.strip() and not line.startswith("#"):
                yield line.strip()
        elif (match := _EXAMPLE.match(line)) and not match[1].startswith(_NO_EXAMPLES):
            yield _MARKUP.sub(r"\1", match[1])
