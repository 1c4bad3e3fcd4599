"""Words in any script: folding, splitting, and small misspellings. Pure functions."""

import re
import unicodedata
from functools import lru_cache

# Letters that have no decomposition but that people type without their stroke.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "ð": "d", "þ": "th", "’": "'"})


def _is_accent(character: str) -> bool:
    """Latin, Greek and Cyrillic accents and Arabic vowel marks. Indic vowel signs are letters in all but name."""
    return "\u0300" <= character <= "\u036f" or "\u064b" <= character <= "\u0652"


def ascii_digits(text: str) -> str:
    """Return ``text`` with full-width letters, and digits of every script, as ASCII."""
    normal = unicodedata.normalize("NFKC", text)
    return normal if normal.isascii() else "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in normal)


def fold(text: str) -> str:
    """Return ``text`` for comparison: lower case, no accents, digits in ASCII."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", ascii_digits(text).casefold().translate(_STROKES))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not _is_accent(c)))


def words(text: str) -> list[str]:
    """Return the folded words. A word is letters, digits and marks of any script; ``dads'`` and ``dad's`` are ``dads``."""
    folded = fold(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded.replace("'", ""))
    found: list[str] = []
    current: list[str] = []
    for character in folded + " ":
        if _in_word(character):
            current.append(character)
        elif character != "'" and current:
            found.append("".join(current))
            current = []
    return found


_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Chinese, Japanese and Thai are written without spaces between words.
_RUN = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


@lru_cache(maxsize=5_000)
def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" or character in "\u200c\u200d"


def search_words(text: str) -> list[str]:
    """Return the words to search by: as ``words``, but of a script without spaces every two neighbouring letters."""
    found = words(text)
    if text.isascii():
        return found
    return [part for word in found for part in (_pairs(word) if _RUN.search(word) else (word,))]


def _pairs(word: str) -> list[str]:
    """Cut the runs of a script without spaces into pairs that overlap; what stands before, between and after stays whole."""
    parts: list[str] = []
    end = 0
    for run in _RUN.finditer(word):
        parts += [word[end : run.start()]] * (run.start() > end)
        letters = run.group()
        parts += [letters[at : at + 2] for at in range(max(1, len(letters) - 1))]
        end = run.end()
    return parts + [word[end:]] * (end < len(word))


def stem(word: str) -> str:
    """Return an English word without its plural ``s``, so that group finds groups."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def within_edits(one: str, other: str, most: int) -> bool:
    """Tell whether at most ``most`` letters were added, lost, changed or swapped with a neighbour."""
    if abs(len(one) - len(other)) > most:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        following = [i]
        for j, b in enumerate(other, start=1):
            cost = min(row[j] + 1, following[-1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > most:
            return False
        before, row = row, following
    return row[-1] <= most


def edits_allowed(word: str) -> int:
    """Return how many wrong letters a word of this length may have and still be taken for another."""
    if len(word) < 5:
        return 0
    return 1 if len(word) < 8 else 2
