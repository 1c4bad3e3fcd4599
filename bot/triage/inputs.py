"""What the triage model is trained from. Apart from training itself, so that whoever asks for a hash imports no scikit-learn."""

import hashlib
from pathlib import Path

from bot.languages import inputs as language_inputs
from bot.triage.rules import APPROVALS

# Topics in which an ordinary question may be anything: their questions are no examples.
_ANYTHING = ("topic_wellbeing_", "topic_other_", "talk_to_person", "feedback_bad")
_CODE = (
    "levels.py", "text.py", "phrases.py", "rules.py", "fitting.py", "inputs.py", "model.py", "reader.py", "thresholds.py", "train.py",
    "check.py",
)  # fmt: skip


def triage_files(root: Path) -> list[Path]:
    """The files of labelled messages."""
    return sorted((root / "data" / "triage").glob("*/*.txt"))


def question_files(root: Path) -> list[Path]:
    """The files of ordinary questions, which understanding learns from and triage too."""
    return [path for path in sorted((root / "data" / "nlu").glob("*/*.yml")) if not path.stem.startswith(_ANYTHING)]


def fingerprint(root: Path) -> str:
    """A hash of everything that the trained models depend on: examples, rules, languages, thresholds and this code."""
    digest = hashlib.sha256(language_inputs.fingerprint(root).encode())
    here = Path(__file__).parent
    safety = root / "content" / "safety"
    # An approval changes no judgement: recording one trains nothing anew.
    inputs = [path for path in safety.glob("*.yml") if path.name != APPROVALS]
    inputs += (safety / "never_miss").glob("*.txt")
    for path in [*(here / name for name in _CODE), *sorted(inputs), *triage_files(root), *question_files(root)]:
        digest.update(f"{path.parent.name}/{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
