"""What the letter model is trained from. Apart from training itself, so that whoever asks for a hash imports no scikit-learn."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_CODE = ("catalogue.py", "detection.py", "fitting.py", "grams.py", "inputs.py", "modelfile.py", "tfidf.py", "train.py")


def fingerprint(root: Path) -> str:
    """A hash of everything that the trained model depends on: sentences, languages and this code."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    files = [here / name for name in _CODE] + [root / "content" / "languages.yml"] + list(training_files(root))
    for path in files:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def training_files(root: Path) -> Iterator[Path]:
    """The files that hold its sentences, in order."""
    yield from sorted((root / "data" / "nlu").glob("*/*.yml"))
    yield from sorted((root / "data" / "triage").glob("*/*.txt"))
