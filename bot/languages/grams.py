"""Taking a text apart for the linear models: into words and their neighbours, or into groups of letters.

Training and judging use these same few lines. scikit-learn has analysers of its own that give the same, but importing it takes
seconds, and only training needs it.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Grams:
    """How one kind of feature is made: runs of `shortest` to `longest` words (whatever stands between spaces), or of letters inside
    words, each word with a space before and after it."""

    of: Literal["words", "letters"]
    shortest: int
    longest: int
    lower: bool = True

    def __call__(self, text: str) -> list[str]:
        """The features of a text, in order, as often as they come."""
        if self.lower:
            text = text.lower()
        return self._words(text.split()) if self.of == "words" else self._letters(text.split())

    def _words(self, words: list[str]) -> list[str]:
        found: list[str] = []
        for length in range(self.shortest, min(self.longest, len(words)) + 1):
            found += [" ".join(words[start : start + length]) for start in range(len(words) - length + 1)]
        return found

    def _letters(self, words: list[str]) -> list[str]:
        found: list[str] = []
        for word in words:
            spaced = f" {word} "
            for length in range(self.shortest, self.longest + 1):
                if length >= len(spaced):  # a short word counts once
                    found.append(spaced)
                    break
                found += [spaced[start : start + length] for start in range(len(spaced) - length + 1)]
        return found
