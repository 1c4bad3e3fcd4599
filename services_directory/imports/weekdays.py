"""Days of the week as people write them. Pure functions."""

import re
from typing import Any

from services_directory.text import fold

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ORDINALS = {
    "first": "1",
    "second": "2",
    "third": "3",
    "fourth": "4",
    "last": "-1",
    "1st": "1",
    "2nd": "2",
    "3rd": "3",
    "4th": "4",
}
_SEVERAL = {"weekdays": "mo-fr", "weekends": "sa,su", "weekend": "sa,su", "daily": "mo-su", "every day": "mo-su"}


def days(value: Any) -> str:
    """Return ``TU,TH`` from ``Tuesdays and Thursdays``, ``MO,TU,WE`` from ``Mon-Wed`` and ``1MO`` from ``first Monday``; from a
    list, its parts with commas. What it cannot read it returns as it is.
    """
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    plain = _SEVERAL.get(fold(text).strip(), fold(text)).removeprefix("byday=")
    found, ordinal = [], ""
    for word in re.findall(r"[+-]?\d?[a-z]+|\d[a-z]{2}", re.sub(r"\b([a-z]+)\s*(?:-|–|to)\s*([a-z]+)\b", _range, plain)):
        match = re.fullmatch(r"([+-]?[1-5])?([a-z]{2,})", word)
        if word in _ORDINALS:
            ordinal = _ORDINALS[word]
        elif match and (code := _day_code(match[2])):
            found.append((match[1] or ordinal) + code)
            ordinal = ""
        elif word not in ("and", "every", "on", "the", "of", "month", "week", "each"):
            return text
    return ",".join(found) or text


def _range(match: re.Match[str]) -> str:
    first, last = _day_code(match[1]), _day_code(match[2])
    if first is None or last is None:
        return match[0]
    begin, count = _CODES.index(first), (_CODES.index(last) - _CODES.index(first)) % 7 + 1
    return ",".join(_CODES[(begin + step) % 7].casefold() for step in range(count))


def _day_code(word: str) -> str | None:
    for code, name in zip(_CODES, _WEEKDAYS, strict=True):
        if any(one == code.casefold() or (len(one) >= 3 and name.startswith(one)) for one in (word, word.removesuffix("s"))):
            return code
    return None
