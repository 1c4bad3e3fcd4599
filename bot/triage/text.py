"""A message as the rules and models read it: plain words, spelt one way, each knowing where it stood in the message."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

# Marks that people leave out or that a keyboard adds: Latin accents, Arabic vowel signs, hamza and madda, tatweel.
_MARKS = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff\U0001f3fb-\U0001f3ff]"
)
_SAME_LETTER = str.maketrans(
    {
        "ي": "ی",
        "ى": "ی",
        "ئ": "ی",
        "ك": "ک",
        "ہ": "ه",
        "ھ": "ه",
        "ۂ": "ه",
        "ۃ": "ه",
        "ة": "ه",
        "ە": "ه",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ؤ": "و",
        "ں": "ن",
        "ł": "l",
        "đ": "d",
        "ø": "o",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "ʼ": "'",
    }
)
# Letters of any script; the vowel signs of the Indic scripts stand inside words but do not count as letters in `\w`; their full
# stops (\u0964 and \u0965) are none.
_LETTER = "(?:[^\\W\\d_]|(?!\\d)[\u0900-\u0963\u0966-\u0dff])"
_APART = (
    f"(?P<number>\\d+(?:[.,]\\d+)?)|(?P<word>{_LETTER}+(?:['’‘`´ʼ]{_LETTER}+)*)"
    "|(?P<stop>[.!?;\\n\u2026\u06d4\u061f\u061b\u0964\u0965]+)"
    "|(?P<emoji>[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff])"
)
# Letters and digits together: Arabic typed in Latin letters ("3am", "ma7aka"), text-speak ("gr8"), or an age ("2yo").
_MIXED = "(?P<mixed>(?=['a-zA-Z]{0,24}[2-9])(?=[2-9]{0,24}['a-zA-Z])['a-zA-Z2-9]{2,24}(?![a-zA-Z0-9]))"
_TOKEN_APART = re.compile(_APART)
_TOKEN = re.compile(f"{_MIXED}|{_APART}")
_WRITTEN = re.compile(f"(?:{_LETTER}|\\d)+(?:['’]{_LETTER}+)*|[^\\w\\s]")
_RUN = re.compile(r"(.)\1{2,}")
_SHORTEST_MISSPELT = 5


def plain(word: str) -> str:
    """One word without capitals, accents or apostrophes, in one form of each letter."""
    folded = unicodedata.normalize("NFKC", word).lower().translate(_SAME_LETTER)
    bare = _MARKS.sub("", unicodedata.normalize("NFD", folded)).translate(_SAME_LETTER)
    return bare.replace("'", "")


def without_invisible(text: str) -> str:
    """The text without control characters, joiners, direction marks, skin tones and broken halves of characters."""
    return _INVISIBLE.sub("", text)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as read (`form`) and its place in the cleaned message."""

    form: str
    start: int
    end: int
    sentence: int
    emoji: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, cleaned, and its words."""

    text: str
    words: tuple[Word, ...]

    def quote(self, start: int, end: int) -> str:
        """The writer's own words from word `start` up to word `end` (exclusive)."""
        if start >= end:
            return ""
        return self.text[self.words[start].start : self.words[end - 1].end]


@dataclass
class Spelling:
    """How one language's words are brought to one form. All of it is data, from the language's rule file.

    `short` maps a text-speak form to the word or words it stands for, `emoji` an emoji to words, `sounds` are letter groups
    that are written in several ways (Latin script only), `misspelt` are words to be recognised with one letter wrong.
    """

    short: Mapping[str, str] = field(default_factory=dict)
    emoji: Mapping[str, str] = field(default_factory=dict)
    sounds: Sequence[tuple[str, str]] = ()
    misspelt: Iterable[str] = ()
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._short = {plain(key): tuple(plain(part) for part in value.split()) for key, value in self.short.items()}
        self._emoji = {key: tuple(value.split()) for key, value in self.emoji.items()}
        self._near: dict[str, str] = {}
        for word in self.misspelt:
            form = self.sounded(plain(word))
            if len(form) >= _SHORTEST_MISSPELT:
                for variant in _one_letter_less(form):
                    self._near.setdefault(variant, form)
        self._forms = lru_cache(maxsize=20_000)(self._forms_of)

    def forms(self, word: str) -> tuple[str, ...]:
        """The word or words that one written word stands for ("dont" gives "do", "not")."""
        return self._forms(word)

    def _forms_of(self, word: str) -> tuple[str, ...]:
        bare = self._shorten_runs(plain(word))
        if bare in self._short:
            return tuple(self.sounded(part) for part in self._short[bare])
        sound = self.sounded(bare)
        return (self._mend(sound),) if sound else ()

    def _shorten_runs(self, word: str) -> str:
        """ "helppp" gives "help", "sooo" gives "so", "feeel" gives "feel" where that is a word we know."""
        if not _RUN.search(word):
            return word
        twice = _RUN.sub(r"\1\1", word)
        return twice if twice in self.known or twice in self._short else _RUN.sub(r"\1", word)

    def sounded(self, word: str) -> str:
        """The word with letter groups that are written in several ways brought to one."""
        if self.sounds and word.isascii():
            for written, heard in self.sounds:
                word = word.replace(written, heard)
        return word

    def _mend(self, word: str) -> str:
        if len(word) < _SHORTEST_MISSPELT or word in self.known or not self._near:
            return word
        for variant in (word, *_one_letter_less(word)):
            meant = self._near.get(variant)
            if meant and _one_edit_apart(word, meant):
                return meant
        return word

    def emoji_forms(self, emoji: str) -> tuple[str, ...]:
        """The words that an emoji stands for; nothing for one that has no meaning here."""
        return self._emoji.get(emoji, ())

    def read(self, text: str) -> Reading:
        """Read a message; never raises."""
        clean = without_invisible(text)
        return Reading(clean, tuple(self._words(clean)))

    def _tokens(self, clean: str) -> Iterator[re.Match[str]]:
        """The tokens of a message. Letters and digits together are one where `short` knows them, and else taken apart."""
        for match in _TOKEN.finditer(clean):
            if match.lastgroup != "mixed" or plain(match.group()) in self._short:
                yield match
            else:
                yield from _TOKEN_APART.finditer(clean, *match.span())

    def _words(self, clean: str) -> Iterator[Word]:
        sentence = 0
        for match in self._tokens(clean):
            kind, raw, (start, end) = match.lastgroup, match.group(), match.span()
            if kind == "stop":
                sentence += 1
            elif kind == "number":
                # Tenths never decide a level: 38.6 is read as 38.
                yield Word(str(unicode_digits(re.split("[.,]", raw)[0])), start, end, sentence)
            elif kind == "emoji":
                for form in self.emoji_forms(raw):
                    yield Word(form, start, end, sentence, emoji=True)
            else:
                for form in self.forms(raw) if end - start <= 40 else (plain(raw),):
                    yield Word(form, start, end, sentence)


def unicode_digits(digits: str) -> str:
    """Digits of any script as 0 to 9, at most six of them."""
    return "".join(str(unicodedata.digit(character, 0)) for character in digits[:6])


def written_words(text: str) -> Iterator[str]:
    """The words of a text as they are spelt, in plain letters, and its marks, each by itself."""
    for match in _WRITTEN.finditer(text):
        yield plain(match.group()) or match.group()


def emoji_in(text: str) -> list[str]:
    """The emoji of a text in order: their mood helps the model, and their place does not matter."""
    return [match.group() for match in _TOKEN.finditer(text) if match.lastgroup == "emoji"]


def _one_letter_less(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _one_edit_apart(one: str, other: str) -> bool:
    """At most one letter more, less, different, or two neighbours swapped; the first letter is the same."""
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]
