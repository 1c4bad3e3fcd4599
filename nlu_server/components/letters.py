"""Text as the classifier reads it: one shape for each letter, and the consonants that a word keeps in whatever script it is typed.

Pure functions on plain text; nothing of Rasa's is imported, so that the training curves can use them without it.
"""

from __future__ import annotations

import re
import unicodedata

_ARABIC = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ۀ": "ہ", "ة": "ہ", "ه": "ہ", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا"})
_STRETCHED = re.compile(r"(.)\1{2,}")
# A word in any script. The vowel signs of the Indic scripts stand inside words but are no letters to `\w`; their full stops
# (\u0964, \u0965) are none.
WORD = r"(?:[^\W_]|[\u0900-\u0963\u0966-\u0dff])+(?:'(?:[^\W_]|[\u0900-\u0963\u0966-\u0dff])+)?"
_WORD = re.compile(WORD)

# What parents type for one sound, by script: the same word in its own script and in Latin letters ("بچہ", "bacha", "bachay")
# keeps the same consonants. Vowels, h, w, v and y come and go with the spelling, and are left out.
_BY_SOUND = {
    # Arabic script (Arabic, Urdu), Bengali, Cyrillic (Ukrainian, and the Russian mixed in), Latin once the groups below are read
    "b": "ب" + "বভ" + "б" + "b",
    "c": "چ" + "চছ" + "цчщ" + "c",
    "d": "دڈ" + "ডঢদধ" + "д" + "d",
    "f": "ف" + "ফ" + "ф" + "f",
    "g": "گغ" + "গঘ" + "ґ" + "g",
    "j": "ج" + "জঝ" + "j",
    "k": "کقخ" + "কখ" + "кх" + "kq" + "5",  # the digits are those of Arabic typed in Latin letters
    "l": "ل" + "ল" + "л" + "l",
    "m": "م" + "ম" + "м" + "m",
    "n": "نں" + "ঙঞণনং" + "н" + "n",
    "p": "پ" + "প" + "п" + "p",
    "r": "رڑ" + "র" + "р" + "r",
    "s": "ثسصش" + "শষস" + "сш" + "s" + "9",
    "t": "تطٹ" + "টঠতথৎ" + "т" + "t" + "6",
    "z": "ذزضظژ" + "жз" + "z",
}
_SOUNDS = {letter: sound for sound, letters in _BY_SOUND.items() for letter in letters}
_GROUPS = (
    ("shch", "c"), ("chh", "c"), ("sch", "s"), ("kh", "k"), ("gh", "g"), ("ch", "c"), ("sh", "s"), ("th", "t"), ("dh", "d"),
    ("ph", "f"), ("bh", "b"), ("jh", "j"), ("zh", "z"), ("ck", "k"),
)  # fmt: skip
_TWICE = re.compile(r"(.)\1+")


def normalise(text: str) -> str:
    """Lower case, no accents or vowel marks, one shape for each Arabic-script letter, no letter more than twice in a row."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("ʼ", "'"))
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return _STRETCHED.sub(r"\1\1", bare.translate(_ARABIC)).replace("ł", "l")


def skeleton(text: str) -> str:
    """The consonants of each word of a normalised text, "میرا بچہ" and "mera bacha" both as "mr bc"."""
    return " ".join(bones for word in _WORD.findall(text) if (bones := _bones(word)))


def _bones(word: str) -> str:
    if word.startswith("য"):  # said j at the start of a word, and not at all inside one
        word = "j" + word[1:]
    for written, heard in _GROUPS:
        word = word.replace(written, heard)
    return _TWICE.sub(r"\1", "".join(_SOUNDS.get(char, "") for char in word))
