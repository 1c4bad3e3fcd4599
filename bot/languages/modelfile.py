"""A trained model as one file of plain arrays: numpy's npz, in which nothing can run when it is read.

A vocabulary of some hundred thousand letter groups is one array of bytes here. Formats that keep each entry as an object take
many seconds to read what this reads in a fraction of one.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.languages.grams import Grams
from bot.languages.tfidf import Features

_ABOUT, _GRAMS, _IDF = "about", "grams", "idf"


def write(path: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], features: Sequence[Features]) -> None:
    """Write to `path`, swapped in as a whole. `about` is anything JSON can say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    saved: dict[str, NDArray[Any]] = {_ABOUT: _bytes(json.dumps(about)), **arrays}
    for place, part in enumerate(features):
        grams = sorted(part.columns, key=part.columns.__getitem__)
        saved[f"{_GRAMS}{place}"] = _bytes(json.dumps(grams, ensure_ascii=False))
        saved[f"{_IDF}{place}"] = part.idf
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        np.savez(file, allow_pickle=False, **saved)
    new.replace(path)


def read(path: Path, kinds: Sequence[Grams]) -> tuple[Any, dict[str, NDArray[Any]], list[Features]]:
    """Read what `write` wrote: `about`, the arrays, and the features, whose `kinds` are those of the written ones.

    Raises OSError where the file is not there, and ValueError, KeyError or zipfile.BadZipFile for one that `write` did not make.
    """
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    about = json.loads(arrays.pop(_ABOUT).tobytes())
    features = []
    for place, grams in enumerate(kinds):
        names = json.loads(arrays.pop(f"{_GRAMS}{place}").tobytes())
        features.append(Features(grams, {name: column for column, name in enumerate(names)}, arrays.pop(f"{_IDF}{place}")))
    return about, arrays, features


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)
