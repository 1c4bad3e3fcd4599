"""How English words read: the reading grade, sentence lengths, and the words and marks that messages never hold.

Pure functions on plain text. The grade is Flesch-Kincaid's: about the school year (US) in which a child can read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HIGHEST_GRADE = 6.0
MEAN_GRADE = 4.0
LONGEST_SENTENCE = 25
"""Words."""

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_LABEL = re.compile(r"\*[^*\n]{1,30}:\*\s*")
_END = re.compile(r"(?<=[.!?…])[\"”'’)]*\s+|\n+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")
_VOWELS = re.compile(r"[aeiouy]+")
_SPLIT_VOWELS = re.compile(
    r"io(?!u)|ia|[^qg]ua|[^gq]ue(?=[lt])|iet|(?<!t)ie(?=n[ct])|[yeo]ing$|eo(?!u)|uou|eum|(?:rea|dea)$|[a-z]ie(?:r|st)$|crea(?=t)|ism$|[^aeiour]n't$"
)
_JOINED_VOWELS = re.compile(r"[csgt]io|[ct]ia|geo|peo")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])[^*\n]*[^\s*]\*(?![\w*])|(?<![\w*])\*[^\s*]\*(?![\w*])")
_NUMBER = re.compile(r"\d(?:[\s\u00a0]?\d){2,}")
_YEAR = re.compile(r"(?:19|20)\d\d")

MARKS = (
    (re.compile(r"^\s*#{1,6} ", re.MULTILINE), "a heading"),
    (re.compile(r"^\s*(?:[-+•]|\d+[.)]) +\S", re.MULTILINE), "a list"),
    (re.compile(r"\[[^\]\n]*\]\([^)\n]*\)|https?://|www\."), "a link"),
    (re.compile(r"`|(?<!\w)_[^_\n]+_(?!\w)|</?[a-zA-Z]"), "other mark-up"),
)
"""Mark-up that some channels would show as it is."""

JARGON_TOPICS = frozenset({"family/mental-health-meaning"})
"""Topics that exist to explain jargon, and so may name it."""

_JARGON = (
    re.compile(r"\b(?:attachment|serve and return|secure base|infant mental health|attunement|relational)\b", re.I),
    re.compile(r"\b(?:(?:co-?|dys)?regulat|stimulat|neuro)\w+|\bmilestones?\b", re.I),
)
_FATE = (
    re.compile(r"\bACEs?\b", re.ASCII),
    re.compile(r"\badverse childhood\b|\bdamag(?:e|es|ed|ing)\b|\bdestin(?:y|ed)\b|\btoxic\b|\bruin(?:s|ed)?\b", re.I),
)
_BLAME = (
    re.compile(r"\b(?:good|bad|proper|natural|normal) (?:mother|mum|mummy|father|dad|parent)s?\b", re.I),
    re.compile(r"\byou(?: have|[’']ve)? (?:must|should|ought to|failed)\b|\b(?:mums|mothers|parents) (?:must|should)\b", re.I),
    re.compile(r"\b(?:your|my) (?:own )?fault\b", re.I),
)
_DENIED = re.compile(r"\b(?:not?|never|isn[’']t|aren[’']t|don[’']t|doesn[’']t|haven[’']t|no one|nobody)\b[^.!?\n]*$", re.I)

_HOLD = re.compile(
    r"\b(?:hold|cuddle|snuggle|cradle|rock|carry) (?:her|him|them|your baby|the baby|each baby|one baby|baby)\b"
    r"|\bskin[- ]to[- ]skin\b|\b(?:on|against) your (?:bare )?(?:chest|tummy|shoulder)\b|\bin your arms\b"
    r"|\b(?:a|another|some|more) cuddles?\b",
    re.I,
)
_SOFA = re.compile(r"\bsofa\b[^.!?\n]*\bchair\b|\bchair\b[^.!?\n]*\bsofa\b", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading some English text asks: Flesch-Kincaid grade, and its longest sentence with its number of words."""

    grade: float
    longest: int
    longest_sentence: str


def reading(text: str) -> Reading:
    """Measure a message's words. Labels such as `*Why:*` are left out; a placeholder counts as one short word."""
    parts = [(sentence, _WORD.findall(sentence)) for sentence in sentences(text)]
    parts = [(sentence, words) for sentence, words in parts if words]
    if not parts:
        return Reading(0.0, 0, "")
    words = [word for _, found in parts for word in found]
    grade = 0.39 * len(words) / len(parts) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    longest, found = max(parts, key=lambda part: len(part[1]))
    return Reading(grade, len(found), longest)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a message; a new line ends one as well."""
    plain = _PLACEHOLDER.sub("help", _LABEL.sub("", text)).replace("*", "")
    return (sentence for part in _END.split(plain) if (sentence := part.strip()))


def syllables(word: str) -> int:
    """About how many syllables an English word has; at least one."""
    plain = re.sub(r"[’']", "'", word.lower())
    if not plain.isascii() or plain.isdigit():
        return 1
    if "-" in plain:
        return sum(syllables(part) for part in plain.split("-") if part)
    trimmed = _spoken(plain)
    count = len(_VOWELS.findall(trimmed))
    count += len(_SPLIT_VOWELS.findall(trimmed)) - len(_JOINED_VOWELS.findall(trimmed))
    return max(1, count)


def _spoken(word: str) -> str:
    """`word` without an ending that is written but not said: the e of "make", the ed of "asked"."""
    if re.search(r"[^aeiouy]le[sd]?$|(?:[sxzcg]|ch|sh)es$|[dt]ed$|create$", word):
        return re.sub(r"(?<=creat)e$", "", word)
    return re.sub(r"(?:e|es|ed)$", "", word) if len(word) > 3 else word


def banned(text: str, topic: str = "") -> Iterator[tuple[str, str]]:
    """The banned words that stand in an English text, each with the reason. Blame that the sentence denies ("you are not a
    bad parent") is none, and the topics that explain jargon may name it."""
    for patterns, why in ((_JARGON, "it is jargon"), (_FATE, "it frightens, and makes a past sound like a fate")):
        if patterns is _JARGON and topic in JARGON_TOPICS:
            continue
        yield from ((match.group(0), why) for pattern in patterns for match in pattern.finditer(text))
    for pattern in _BLAME:
        for match in pattern.finditer(text):
            if not _DENIED.search(text[: match.start()]):
                yield match.group(0), "it judges or blames"


def marks(text: str) -> Iterator[str]:
    """What there is of mark-up other than `*…*`, in words."""
    for pattern, name in MARKS:
        if pattern.search(text):
            yield name
    if "*" in _EMPHASIS.sub("", text):
        yield "a * without its partner"


def bare_numbers(text: str) -> Iterator[str]:
    """Runs of three or more digits outside placeholders that are no year: telephone numbers, most likely."""
    for match in _NUMBER.finditer(_PLACEHOLDER.sub("", text)):
        if not _YEAR.fullmatch(match.group(0)):
            yield match.group(0)


def asks_to_hold(text: str) -> str | None:
    """The words in an English text that suggest holding a baby, if any do."""
    match = _HOLD.search(text)
    return match.group(0) if match else None


def warns_of_sofa(text: str) -> bool:
    """Whether an English text names sofa and chair in one sentence."""
    return _SOFA.search(text) is not None
