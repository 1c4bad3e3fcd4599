"""Words in any script: folding, splitting, and small misspellings. Pure functions."""

import unicodedata

# Letters that have no decomposition but that people type without their stroke.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "ð": "d", "þ": "th", "’": "'"})


def _is_accent(character: str) -> bool:
    """Latin, Greek and Cyrillic accents and Arabic vowel marks. Indic vowel signs are letters in all but name."""
    return "\u0300" <= character <= "\u036f" or "\u064b" <= character <= "\u0652"


def ascii_digits(text: str) -> str:
    """Return ``text`` with full-width letters, and digits of every script, as ASCII."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in normal)


def fold(text: str) -> str:
    """Return ``text`` for comparison: lower case, no accents, digits in ASCII."""
    parts = unicodedata.normalize("NFD", ascii_digits(text).casefold().translate(_STROKES))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not _is_accent(c)))


def words(text: str) -> list[str]:
    """Return the folded words. A word is letters, digits and marks of any script; ``dads'`` and ``dad's`` are ``dads``."""
    found: list[str] = []
    current: list[str] = []
    for character in fold(text) + " ":
        if unicodedata.category(character)[0] in "LNM" or character in "\u200c\u200d":
            current.append(character)
        elif character != "'" and current:
            found.append("".join(current))
            current = []
    return found


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
