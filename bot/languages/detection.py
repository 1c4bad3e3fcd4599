"""Which language is this message in?"""

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.languages import modelfile
from bot.languages.catalogue import Catalogue, Language, default_catalogue
from bot.languages.grams import Grams
from bot.languages.tfidf import Features, Scorer

MODEL_NAME = "languages.npz"
_ROOT = Path(__file__).resolve().parents[2]
_MOST_CHARACTERS = 600
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LINK = re.compile(r"https?://\S+|\S+@\S+")
_SURE = 0.75
_POSSIBLE = 0.12
# "Al", "ok", "no": too little to leave the language that somebody chose.
_LEAST_LETTERS = 4
LETTERS = Grams("letters", 1, 3)
"""Letter groups inside words are enough to tell languages apart."""


@dataclass(frozen=True, slots=True)
class Detected:
    """The language of a message. `confidence` is 0 to 1; below 0.75 it rests on the hint where there was one.

    `script` is the script most of its letters are in ("Latin", "Arabic"; "" where it has no letters); `romanised` is True
    for a language typed in Latin letters that has a script of its own. `others` are further languages that it may well be, or
    that stand in it too.
    """

    lang: str
    confidence: float
    script: str
    romanised: bool
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class LetterModel:
    """A linear model over letter groups. Its labels are "<code>" or "<code>-latin" for a romanised language."""

    labels: tuple[str, ...]
    features: Features
    weights: NDArray[np.float64]
    shifts: NDArray[np.float64]
    fingerprint: str = ""

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.features, self.weights)

    def chances(self, text: str) -> dict[str, float]:
        """The chance of each label."""
        scores = self._scorer.score(text) + self.shifts
        powers = np.exp(scores - scores.max())
        return dict(zip(self.labels, (powers / powers.sum()).tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Write as one file, swapped in as a whole."""
        about = {"labels": list(self.labels), "fingerprint": self.fingerprint}
        modelfile.write(path, about, {"weights": self.weights, "shifts": self.shifts}, [self.features])

    @classmethod
    def load(cls, path: Path) -> "LetterModel":
        """Read a saved model. Raises OSError or ValueError."""
        try:
            about, arrays, [features] = modelfile.read(path, [LETTERS])
            return cls(tuple(about["labels"]), features, arrays["weights"], arrays["shifts"], about["fingerprint"])
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"{path.name} is not a language model that can be used: {error}") from error


class Detector:
    """Finds the language of a message: script first, then common words and the letter model, then the hint."""

    def __init__(self, catalogue: Catalogue, model: LetterModel | None = None) -> None:
        self.catalogue = catalogue
        self.model = model
        self._latin = [language for language in catalogue if language.script == "Latin" or language.romanised]

    @classmethod
    def load(cls, content_dir: Path, model_path: Path | None = None) -> "Detector":
        """From `content_dir`/languages.yml and a model file; without that file the common words decide alone."""
        catalogue = Catalogue.load(content_dir / "languages.yml")
        model = LetterModel.load(model_path) if model_path is not None and model_path.is_file() else None
        return cls(catalogue, model)

    def detect(self, text: str, hint: str | None = None) -> Detected:
        """The language of `text`; `hint` is the language the parent chose, used when the text is short or unclear.

        Never raises, whatever the text.
        """
        clean = _LINK.sub(" ", text[:_MOST_CHARACTERS])
        script = main_script(clean)
        if script not in ("Latin", ""):
            return self._by_script(clean, script, hint)
        chances = self.chances(clean)
        if not chances:
            return Detected(self._fallback(hint), 0.0, script, False)
        best = max(chances, key=lambda label: chances[label])
        others = tuple(dict.fromkeys(_code(label) for label, chance in chances.items() if chance >= _POSSIBLE))
        brief = sum(character.isalpha() for character in clean) < _LEAST_LETTERS
        if hint is not None and hint in self.catalogue and (brief or chances[best] < _SURE):
            own = max((label for label in chances if _code(label) == hint), key=lambda label: chances[label], default=hint)
            return Detected(hint, chances.get(own, 0.0), script, own.endswith("-latin"), others)
        return Detected(_code(best), chances[best], script, best.endswith("-latin"), others)

    def chances(self, text: str) -> dict[str, float]:
        """For a text in Latin letters, the chance of each language ("ur-latin" for romanised Urdu); empty without words."""
        words = [_bare(word) for word in _WORD.findall(text)]
        if not words:
            return {}
        by_letters = self.model.chances(plain_letters(text)) if self.model else {}
        scores = {label: math.log(chance + 1e-4) for label, chance in by_letters.items()}
        for language in self._latin:
            known = sum(word in language.common for word in words)
            label = language.code if language.script == "Latin" else f"{language.code}-latin"
            scores[label] = scores.get(label, -4.0 if self.model else 0.0) + 1.2 * known
        # A word or two says little: the fewer words, the flatter the chances.
        doubt = min(1.0, 0.35 + 0.16 * len(words))
        highest = max(scores.values())
        powers = {label: math.exp(doubt * (score - highest)) for label, score in scores.items()}
        whole = sum(powers.values())
        return {label: power / whole for label, power in powers.items()}

    def _by_script(self, text: str, script: str, hint: str | None) -> Detected:
        candidates = [language for language in self.catalogue if language.script == script]
        if not candidates:
            return Detected(self._fallback(hint), 0.0, script, False)
        if len(candidates) == 1:
            return Detected(candidates[0].code, 0.95, script, False)
        found = {language.code: self._own_letters(language, candidates, text) for language in candidates}
        best = max(found, key=lambda code: found[code])
        if not found[best]:
            code = hint if hint in found else next(iter(found))
            return Detected(code, 0.5, script, False)
        return Detected(best, 0.9, script, False)

    @staticmethod
    def _own_letters(language: Language, candidates: list[Language], text: str) -> int:
        others = frozenset[str]().union(*(other.letters for other in candidates if other.code != language.code))
        return sum(letter in language.letters - others for letter in text)

    def _fallback(self, hint: str | None) -> str:
        return hint if hint is not None and hint in self.catalogue else next(iter(self.catalogue)).code


def main_script(text: str) -> str:
    """The script of most letters of the text, by its Unicode name with a capital; "" where there are no letters."""
    scripts = Counter(_script(character) for character in text if character.isalpha())
    return scripts.most_common(1)[0][0] if scripts else ""


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "Unknown").split()[0].capitalize()


def plain_letters(text: str) -> str:
    """Words in small letters without accents, as the model sees them."""
    return " ".join(_bare(word) for word in _WORD.findall(text))


def _bare(word: str) -> str:
    split = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in split if not unicodedata.combining(letter) and letter not in "'’")


def _code(label: str) -> str:
    return label.removesuffix("-latin")


@lru_cache(maxsize=1)
def _default() -> Detector:
    path = _ROOT / "models" / MODEL_NAME
    return Detector(default_catalogue(), LetterModel.load(path) if path.is_file() else None)


def detect(text: str, hint: str | None = None) -> Detected:
    """The language of a text, by this installation's catalogue and model (see Detector.detect)."""
    return _default().detect(text, hint)
