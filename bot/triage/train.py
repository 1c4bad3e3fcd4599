"""Training the triage model, and the language model beside it, from `data/`: `python -m bot.triage.train <folder>`."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bot.languages import Catalogue, Detector
from bot.languages import train as language_training
from bot.languages.detection import LetterModel
from bot.triage import check
from bot.triage.fitting import features_of, fit_heads, fit_scaling, part_weights
from bot.triage.inputs import fingerprint, question_files, triage_files
from bot.triage.levels import Level
from bot.triage.model import HEADS, Reader, Sample, sample
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME, Triage, book
from bot.triage.rules import RuleBook
from bot.triage.thresholds import NAME as THRESHOLDS
from bot.triage.thresholds import Thresholds

FOLDS = 4
_MOST_QUESTIONS = 3_000
"""Of each language, and of each of the two kinds: topics in which nobody worries, and topics in which somebody may."""
_QUESTION_WEIGHT = 0.6
_FEW = 2_000
"""So many examples are read before further processes would be up."""
_EXAMPLE = re.compile(r"^\s*- (.+)$")
_MARKUP = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
# Topics in which an ordinary question may well be a worry, but is no danger: their questions say nothing of none or concern.
_WORRIES = (
    "topic_child_loss",
    "topic_child_hurting",
    "topic_child_development",
    "topic_child_disability",
    "topic_child_fears",
    "topic_child_separated",
    "topic_child_separation",
    "topic_child_speech",
    "topic_family_housing",
    "topic_family_money",
    "topic_family_kinship",
    "topic_family_newly_arrived",
    "topic_family_young_parents",
    "topic_baby_crying",
    "topic_baby_premature",
    "topic_baby_feeding",
    "topic_child_discipline",
    "topic_child_friends",
)


class NeverMissed(ValueError):
    """What was trained misses an example on a never-miss list; the message names each one."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message. `extra` ones are trained on, but neither scaling nor the report counts them; `open` ones are known to
    be no more than their level, and may be less."""

    text: str
    lang: str
    level: Level
    extra: bool = False
    open: bool = False


def examples(root: Path) -> list[Example]:
    """Every labelled message under `root`/data, each once a language; the higher level stays where a message has two."""
    found: dict[tuple[str, str], Example] = {}
    for example in (*_labelled(root), *_never_miss(root), *_some(_questions(root, False)), *_some(_questions(root, True))):
        key = (example.lang, example.text.casefold())
        if key not in found or (not example.extra and example.level.rank > found[key].level.rank):
            found[key] = example
    return list(found.values())


def _labelled(root: Path) -> Iterator[Example]:
    for path in triage_files(root):
        if path.stem in list(Level):
            for _, text in check.lines_of(path):
                yield Example(text, path.parent.name, Level(path.stem))


def _never_miss(root: Path) -> Iterator[Example]:
    for path in check.never_miss_files(root):
        for _, level, text in check.entries_of(path):
            yield Example(text, path.stem, level, extra=True)


def _questions(root: Path, worrying: bool) -> Iterator[Example]:
    level = Level.CONCERN if worrying else Level.NONE
    for path in question_files(root):
        if path.stem.startswith(_WORRIES) != worrying:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            match = _EXAMPLE.match(line)
            if match and not match[1].startswith(("intent:", "lookup:", "synonym:", "regex:")):
                yield Example(_MARKUP.sub(r"\1", match[1]), path.parent.name, level, extra=True, open=worrying)


def _some(questions: Iterator[Example]) -> Iterator[Example]:
    """At most _MOST_QUESTIONS of each language, spread evenly over the topics."""
    by_language: dict[str, list[Example]] = {}
    for one in questions:
        by_language.setdefault(one.lang, []).append(one)
    for asked in by_language.values():
        yield from asked[:: -(-len(asked) // _MOST_QUESTIONS)]


def samples_of(root: Path, found: Sequence[Example]) -> list[Sample]:
    """Each example as the model sees it, read by the rule book of its own language; languages side by side. Raises RuleFileError."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(found):
        places.setdefault(one.lang, []).append(place)
    most_first = sorted(places, key=lambda lang: -len(places[lang]))
    texts = [[found[place].text for place in places[lang]] for lang in most_first]
    safety = repeat(root / "content" / "safety")
    if len(found) < _FEW:
        read = list(map(_read, safety, most_first, texts))
    else:
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            read = list(pool.map(_read, safety, most_first, texts))
    by_place = {
        place: one
        for lang, samples in zip(most_first, read, strict=True)
        for place, one in zip(places[lang], samples, strict=True)
    }
    return [by_place[place] for place in range(len(found))]


def _read(safety: Path, lang: str, texts: Sequence[str]) -> list[Sample]:
    rules = book(safety, lang)
    return [sample(rules.find(text), rules) for text in texts]


def books_of(root: Path, found: Sequence[Example]) -> dict[str, RuleBook]:
    """The rule books of every language that the examples are in. Raises RuleFileError."""
    codes = {one.lang for one in found} | {language.code for language in Catalogue.load(root / "content" / "languages.yml")}
    return {code: book(root / "content" / "safety", code) for code in sorted(codes)}


def example_weights(found: Sequence[Example]) -> NDArray[np.float64]:
    """How much each example counts for each head, shape (examples, 3): languages with few examples a little more each, ordinary
    questions less, and open ones nothing for the heads at or below their level."""
    counts: dict[str, int] = {}
    for one in found:
        if not one.extra:
            counts[one.lang] = counts.get(one.lang, 0) + 1
    most = max(counts.values(), default=1)
    boost = {lang: min(2.5, (most / count) ** 0.5) for lang, count in counts.items()}
    questions = [one.extra and (one.open or one.level is Level.NONE) for one in found]
    each = [
        boost.get(one.lang, 1.0) * (_QUESTION_WEIGHT if question else 1.0) for one, question in zip(found, questions, strict=True)
    ]
    counts_for = [[not one.open or head.rank > one.level.rank for head in HEADS] for one in found]
    return np.outer(each, np.ones(len(HEADS))) * np.array(counts_for, dtype=np.float64)


def folds_of(found: Sequence[Example], count: int) -> list[NDArray[np.int64]]:
    """Places of the examples held out in each fold, balanced by language and level."""
    order = np.random.default_rng(7).permutation(len(found))
    strata = np.array([f"{one.lang} {one.level} {one.extra}" for one in found])[order]
    # Neighbours in this order are alike: dealing them out in turn gives each fold its part of every kind, however few there are.
    dealt = order[np.argsort(strata, kind="stable")]
    return [np.sort(dealt[start::count]) for start in range(count)]


def fit_scaled(found: Sequence[Example], samples: Sequence[Sample], share: Mapping[Level, float], folds: int = FOLDS) -> Reader:
    """A reader whose chances are scaled, by language, on scores of messages that were held out in training.

    `share` is the share of real messages that are expected to be of each level or worse.
    """
    ranks = np.array([one.level.rank for one in found])
    counts = example_weights(found)
    features, matrix = features_of(samples)
    everything = np.arange(len(found))
    held_out = folds_of(found, folds)
    kept = [np.setdiff1d(everything, held) for held in held_out]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # The solver runs outside Python's lock.
        *parts, whole = pool.map(lambda rows: fit_heads(matrix[rows], ranks[rows], counts[rows]), [*kept, everything])
    scores = np.zeros((len(found), len(HEADS)))
    for held, (weights, shifts) in zip(held_out, parts, strict=True):
        scores[held] = matrix[held] @ weights.T + shifts
    weights, shifts = whole[0] * part_weights(features), whole[1]
    langs = sorted({one.lang for one in found if not one.extra})
    scaling = {lang: _scaling(found, scores, ranks, lang, share) for lang in ["", *langs]}
    return Reader(features, weights, shifts, langs, scaling)


def _scaling(
    found: Sequence[Example], scores: NDArray[np.float64], ranks: NDArray[np.int64], lang: str, share: Mapping[Level, float]
) -> dict[str, tuple[float, float]]:
    counted = np.array([not one.extra and (one.lang == lang or not lang) for one in found])
    return {
        head.value: fit_scaling(scores[counted, place], (ranks[counted] >= head.rank).astype(int), share[head])
        for place, head in enumerate(HEADS)
    }


def train(root: Path, out: Path) -> Path:
    """Train both models from `root`, write them into the folder `out` (each swapped in whole), and return the triage file.

    Raises RuleFileError for a rule file that cannot be used, ValueError for data that cannot be trained on, and NeverMissed,
    before anything is swapped in, where the result misses a message on a never-miss list.
    """
    # On matrices this small, more threads only wait for one another.
    with threadpool_limits(1):
        return _train(root, out)


def _train(root: Path, out: Path) -> Path:
    found = examples(root)
    if len({one.level for one in found}) < len(Level):
        raise ValueError("data/triage needs messages of all four levels: emergency, urgent, concern and none")
    out.mkdir(parents=True, exist_ok=True)
    letters_new = language_training.train(root, out / f"{LANGUAGE_MODEL}.next")
    books = books_of(root, found)
    limits = root / "content" / "safety" / THRESHOLDS
    thresholds = Thresholds.load(limits) if limits.is_file() else Thresholds()
    reader = replace(fit_scaled(found, samples_of(root, found), thresholds.share), fingerprint=fingerprint(root))
    detector = Detector(Catalogue.load(root / "content" / "languages.yml"), LetterModel.load(letters_new))
    triage = Triage(books, detector, reader, thresholds)
    missed = check.never_missed(root, triage)
    if missed:
        letters_new.unlink()
        raise NeverMissed("\n".join(str(problem) for problem in missed))
    reader.save(out / MODEL_NAME)
    letters_new.replace(out / LANGUAGE_MODEL)
    return out / MODEL_NAME


def main(arguments: Sequence[str]) -> int:
    """Train from the current folder into the folder named."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("Usage: python -m bot.triage.train <folder to write the models into>", file=sys.stderr)
        return 2
    try:
        written = train(Path.cwd(), Path(arguments[0]))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{written} ({written.stat().st_size // 1024} kB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
