"""Taking out of a question what may say who asked it, before it is kept for those who write content."""

from __future__ import annotations

import re

LEFT_OUT = "…"

_ADDRESSES = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|(?<!\w)@\w+", re.IGNORECASE)
_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?(?:\s*\d[A-Z]{2})?\b", re.IGNORECASE)
_DATE = re.compile(r"\b\d{1,4}[./-]\d{1,2}(?:[./-]\d{1,4})?\b")
_LONG_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){4,}")
_KINDS_OF_STREET = "street|st|road|rd|lane|avenue|ave|close|drive|court|way|terrace"
_STREET = re.compile(rf"\b\d{{1,4}}[a-z]?\s+(?:\w+\s+){{1,3}}?(?:{_KINDS_OF_STREET})\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"(?:^|[.!?…:\n])\W*$")
# Written with a capital inside a sentence, and still nobody's name.
_NO_NAMES = frozenset({
    "i", "i'm", "i've", "i'd", "i'll", "im", "ive", "mum", "mam", "mummy", "mom", "dad", "daddy", "nan", "gran", "nanny", "grandma",
    "grandad", "nain", "taid", "ok", "english", "welsh", "polish", "romanian", "urdu", "arabic", "bengali", "ukrainian",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april", "may",
    "june", "july", "august", "september", "october", "november", "december", "christmas", "ramadan", "eid", "calpol", "wren",
})  # fmt: skip


def without_identifiers(text: str) -> str:
    """`text` with links, e-mail addresses, handles, postcodes, dates, long numbers, streets and likely names as "…".

    A name is a word with a capital inside a sentence, where the text has small letters too: scripts without capitals, and names in
    small letters, keep theirs. What is kept must therefore still be treated as a parent's words.
    """
    for pattern in (_ADDRESSES, _STREET, _POSTCODE, _DATE, _LONG_NUMBER):
        text = pattern.sub(LEFT_OUT, text)
    if text == text.upper():
        return text
    return _WORD.sub(lambda match: LEFT_OUT if _is_name(match, text) else match.group(), text)


def _is_name(match: re.Match[str], text: str) -> bool:
    word = match.group()
    if not word[0].isupper() or word.lower().replace("’", "'") in _NO_NAMES or word.isupper():
        return False
    return _SENTENCE_END.search(text, max(0, match.start() - 8), match.start()) is None
