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
        words = self.words(text)
        return self._runs(words) if self.of == "words" else [gram for word in words for gram in self.letters(word)]

    def words(self, text: str) -> list[str]:
        """The words of a text, as features are made of them."""
        return (text.lower() if self.lower else text).split()

    def _runs(self, words: list[str]) -> list[str]:
        found: list[str] = []
        for length in range(self.shortest, min(self.longest, len(words)) + 1):
            found += [" ".join(words[start : start + length]) for start in range(len(words) - length + 1)]
        return found

    def letters(self, word: str) -> list[str]:
        """The groups of letters of one word."""
        found: list[str] = []
        spaced = f" {word} "
        for length in range(self.shortest, self.longest + 1):
            if length >= len(spaced):  # a short word counts once
                found.append(spaced)
                break
            found += [spaced[start : start + length] for start in range(len(spaced) - length + 1)]
        return found
