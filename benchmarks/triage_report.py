"""How well triage does, by cross-validation on data/triage: `python benchmarks/triage_report.py [--folds 5] [--json FILE]`.

Each message is judged by a model that was trained, scaled and fitted without it. The phrase rules are written by people who
see the messages, so what they catch here is more than they will catch in messages that nobody has seen: the column "model
alone" is held out in full, "rules alone" is not.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from bot.languages import Detector  # noqa: E402
from bot.triage import Level, Triage  # noqa: E402
from bot.triage import train as training  # noqa: E402
from bot.triage.model import Reader  # noqa: E402
from bot.triage.rules import RuleBook  # noqa: E402
from bot.triage.thresholds import NAME, Thresholds  # noqa: E402

INNER_FOLDS = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """One message: its label, and what each way of reading it gives. `ms` is the time of the whole."""

    lang: str
    text: str
    label: Level
    joined: Level
    rules: Level
    model: Level
    ms: float


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle, spread = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + z * z / count)), min(1.0, (middle + spread) / (1 + z * z / count))


def cross_validate(root: Path, folds: int, say: Callable[[str], None]) -> list[Judged]:
    """Every labelled message, judged by a model that has not seen it."""
    found = training.examples(root)
    books = training.books_of(root, found)
    samples = training.samples_of(root, found)
    detector = Detector.load(root / "content", root / "models" / "languages.skops")
    limits = root / "content" / "safety" / NAME
    thresholds = Thresholds.load(limits) if limits.is_file() else Thresholds()
    judged: list[Judged] = []
    for number, held in enumerate(training.folds_of(found, folds), 1):
        say(f"fold {number} of {folds}")
        kept = np.setdiff1d(np.arange(len(found)), held)
        reader = training.fit_scaled([found[i] for i in kept], [samples[i] for i in kept], thresholds.share, INNER_FOLDS)
        judged += judge([found[i] for i in held if not found[i].extra], books, detector, reader, thresholds)
    return judged


def judge(
    found: Sequence[training.Example],
    books: dict[str, RuleBook],
    detector: Detector,
    reader: Reader,
    thresholds: Thresholds,
) -> Iterator[Judged]:
    """What the whole, the rules and the model say of each message."""
    triage = Triage(books, detector, reader, thresholds)
    rules_only = Triage(books, detector, None, thresholds)
    for one in found:
        whole = triage.assess(one.text, one.lang)
        model = Level.highest(*(reason.level for reason in whole.reasons if reason.by.startswith("model:")))
        yield Judged(one.lang, one.text, one.level, whole.level, rules_only.assess(one.text, one.lang).level, model, whole.ms)


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """Lines of the report."""
    for lang in sorted({one.lang for one in judged}):
        mine = [one for one in judged if one.lang == lang]
        yield f"\n{lang}: {len(mine)} messages          joined                       rules alone   model alone"
        for name, labels, wanted in _GOALS:
            chosen = [one for one in mine if one.label in labels]
            counts = [sum(wanted(getattr(one, way)) for one in chosen) for way in ("joined", "rules", "model")]
            low, high = wilson(counts[0], len(chosen))
            share = [100 * count / max(1, len(chosen)) for count in counts]
            yield (
                f"  {name:<34} {counts[0]:>4}/{len(chosen):<4} {share[0]:5.1f} % ({100 * low:4.1f}-{100 * high:4.1f})"
                f"   {share[1]:5.1f} %       {share[2]:5.1f} %"
            )
        yield "  given →      none  concern  urgent  emergency"
        for label in reversed(Level):
            row = [sum(one.label is label and one.joined is given for one in mine) for given in Level]
            yield f"  {label:<10} {row[0]:>6} {row[1]:>8} {row[2]:>7} {row[3]:>10}"
    times = np.array([one.ms for one in judged])
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    yield f"\nms a message: p50 {p50:.2f}, p95 {p95:.2f}, p99 {p99:.2f}"


_SERIOUS = (Level.URGENT, Level.EMERGENCY)
_GOALS: list[tuple[str, tuple[Level, ...], Callable[[Level], bool]]] = [
    ("urgent or worse, given urgent+", _SERIOUS, lambda given: given.at_least(Level.URGENT)),
    ("emergency, given emergency", (Level.EMERGENCY,), lambda given: given is Level.EMERGENCY),
    ("emergency, given urgent+", (Level.EMERGENCY,), lambda given: given.at_least(Level.URGENT)),
    ("concern, given concern+", (Level.CONCERN,), lambda given: given.at_least(Level.CONCERN)),
    ("concern, given urgent+ (too high)", (Level.CONCERN,), lambda given: given.at_least(Level.URGENT)),
    ("none, given urgent+ (false alarm)", (Level.NONE,), lambda given: given.at_least(Level.URGENT)),
    ("none, raised at all (false alarm)", (Level.NONE,), lambda given: given is not Level.NONE),
]


def main() -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Cross-validated report of triage on data/triage.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder with content/ and data/ (default: this repository)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write every judged message to this file, one JSON object a line")
    asked = parser.parse_args()
    begun = time.monotonic()
    with threadpool_limits(1):
        judged = cross_validate(asked.root, asked.folds, lambda line: print(line, file=sys.stderr))
    print("\n".join(table(judged)))
    print(f"took {time.monotonic() - begun:.0f} s")
    if asked.json:
        asked.json.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in judged), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
