"""Single values as they really come, made into what the tables hold. Pure functions.

Each returns ``(value, remark)``: the value, or ``None`` if there is none or it cannot be understood; and a remark in plain
words if it is not what was written. Only what is certain is mended. The key of a remark begins with ``left_out`` if a value
was lost.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from services_directory.imports.notes import Said, said
from services_directory.places import read_postcode
from services_directory.records import plain_text, safe_url
from services_directory.text import fold

LONGEST_TEXT = 10_000
LONGEST_WRITTEN = 200_000
# Ages from here on mean that there is no upper end: feeds write 99, 100, 110, 120.
NO_UPPER_AGE = 99
NOTHING = {"", "null", "none", "n/a", "na", "nan", "-", "--", "not applicable", "undefined", "tbc"}

Mended = tuple[Any, Said | None]


def written(value: Any) -> str | None:
    """Return a value as trimmed text, or ``None`` if it says nothing."""
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    text = str(value)[:LONGEST_WRITTEN].encode("utf-8", "ignore").decode().replace("\x00", "").strip().strip("\ufeff")
    return None if text.casefold() in NOTHING else text


_MARKDOWN = (
    (re.compile(r"!?\[([^\]\n]{1,300})\]\((https?://[^)\s]{1,500})\)"), r"\1 (\2)"),
    (re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}[*+]\s+", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__)(?=\S)([^\n]{1,500}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,500}?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"`([^`\n]{1,300})`"), r"\1"),
)
_TAG = re.compile(r"<\s*/?\s*[a-zA-Z!][^>]{0,2000}>|&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});")


def _settled(change: Callable[[str], str], given: str) -> str:
    """Apply ``change`` until it finds no more: what was escaped twice shows its tags only after the first pass."""
    for _ in range(6):
        after = change(given)
        if after == given:
            break
        given = after
    return given


def _without_html(given: str) -> str:
    return _settled(plain_text, given)


def _without_markdown(given: str) -> str:
    def once(text: str) -> str:
        for pattern, replacement in _MARKDOWN:
            text = pattern.sub(replacement, text)
        return text

    # Lists and headings are known by their lines, so before those are joined; taking out one mark may show another.
    return _settled(lambda text: _without_html(once(text)), once(given))


def text(value: Any, longest: int = LONGEST_TEXT) -> Mended:
    """Return plain text in one line, without HTML and Markdown."""
    given = written(value)
    # Without signs that nobody sees it may say no more than a lone dash does.
    given = given and written("".join(sign if sign.isprintable() or sign.isspace() else " " for sign in given))
    if not given:
        return None, None
    remark: Said | None = None
    plain = _without_html(given)
    if _TAG.search(given):
        remark = said("html")
    unmarked = _without_markdown(plain if _TAG.search(given) else given)
    if unmarked != plain:
        plain = unmarked
        remark = _both(remark, said("markdown"))
    if len(plain) > longest:
        plain = plain[: longest - 1].rstrip() + "…"
        remark = _both(remark, said("cut", most=f"{longest:,}"))
    return (plain or None), remark


def _both(one: Said | None, other: Said) -> Said:
    return other if one is None else said("together", one=one, other=other)


_ISO_DAY = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ].*)?")
_COMPACT_DAY = re.compile(r"(20\d{2})(\d{2})(\d{2})")
_UK_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T].*)?")
_NAMED_DAY = re.compile(r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})(?:st|nd|rd|th)?[\s-]+([A-Za-z]{3,9}),?[\s-]+(\d{4})")
_MONTH_FIRST = re.compile(r"(?:[A-Za-z]{6,9},?\s+)?([A-Za-z]{3,9})\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _day_parts(given: str) -> tuple[str, str, str] | None:
    """Return year, month and day as written, or ``None``."""
    if match := _ISO_DAY.fullmatch(given):
        return match[1], match[3], match[4]
    if match := _COMPACT_DAY.fullmatch(given):
        return match[1], match[2], match[3]
    if match := _UK_DAY.fullmatch(given):
        return match[3], match[2], match[1]
    for pattern, day_at, month_at in ((_NAMED_DAY, 1, 2), (_MONTH_FIRST, 2, 1)):
        match = pattern.fullmatch(given)
        if match and match[month_at][:3].casefold() in _MONTHS:
            return match[3], str(_MONTHS.index(match[month_at][:3].casefold()) + 1), match[day_at]
    return None


def day(value: Any) -> Mended:
    """Return a date. Day and month stand as Britain writes them; ``0001-01-01`` and the like mean nothing."""
    given = written(value)
    if given is None:
        return None, None
    found = _day_parts(given)
    try:
        result = date(*map(int, found)) if found else None
    except ValueError:
        result = None
    if result is None:
        return None, said("left_out.date", value=shortened(given))
    if not 1990 <= result.year <= 2200:
        return None, said("left_out.date_meant", value=shortened(given))
    iso = result.isoformat()
    plain = given == iso or given.startswith(f"{iso}T00:00:00")
    return result, None if plain else said("read_as", value=shortened(given), read=iso)


_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?::\d{2}(?:\.\d+)?)?\s*([ap])?\.?m?\.?\s*(?:Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)


def clock(value: Any) -> Mended:
    """Return a time of day as it is on the wall; a zone that a feed adds says nothing that the wall does not."""
    given = written(value)
    if given is None:
        return None, None
    if "T" in given and re.match(r"\d{4}-", given):
        given = given.partition("T")[2]
    if given.casefold() in ("noon", "midday", "12 noon"):
        return time(12), said("read_as", value=shortened(given), read="12:00")
    # Four digits are a time where they are written as one: 0930, 1400.
    compact = re.fullmatch(r"\d{4}", given) is not None
    match = _CLOCK.fullmatch(f"{given[:2]}:{given[2:]}" if compact else given)
    half = match[3].casefold() if match and match[3] else ""
    if match is None or (match[2] is None and not half):
        return None, said("left_out.time", value=shortened(given))
    hour, minute = int(match[1]), int(match[2] or 0)
    if half:
        if not 1 <= hour <= 12:
            return None, said("left_out.time", value=shortened(given))
        hour = hour % 12 + (12 if half == "p" else 0)
    if (hour, minute) == (24, 0):
        hour, minute = 23, 59
    try:
        result = time(hour, minute)
    except ValueError:
        return None, said("left_out.time", value=shortened(given))
    return result, said("read_as", value=shortened(given), read=f"{result:%H:%M}") if half or compact else None


def postcode(value: Any) -> Mended:
    """Return a whole UK postcode in capitals with its space; ``O`` for ``0`` is mended only where no letter can stand."""
    given = written(value)
    if given is None:
        return None, None
    compact = re.sub(r"[^A-Z0-9]", "", given.upper())
    found = read_postcode(compact)
    if (found is None or found.full is None) and 5 <= len(compact) <= 7 and compact[-3] == "O":
        found = read_postcode(compact[:-3] + "0" + compact[-2:])
    if found is None or found.full is None:
        return None, said("left_out.postcode", value=shortened(given))
    return found.full, None if found.full == given else said("read_as", value=shortened(given), read=found.full)


def email(value: Any) -> Mended:
    """Return an e-mail address without what stands around it."""
    given = written(value)
    if given is None:
        return None, None
    bare = re.sub(r"^\s*mailto:", "", plain_text(given), flags=re.IGNORECASE)
    close = re.sub(r"\s*([@.])\s*", r"\1", bare).strip(" .,;:<>\"'")
    pattern = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+"
    found = close if re.fullmatch(pattern, close) else None
    if found is None and (several := re.findall(pattern, bare)):
        found = several[0]
    if found is None or len(found) > 254 or ".." in found:
        return None, said("left_out.email", value=shortened(given))
    return found, None if found == given else said("read_as", value=shortened(given), read=found)


def web(value: Any) -> Mended:
    """Return a web address; ``https://`` is put before what can only be one."""
    given = written(value)
    if given is None:
        return None, None
    bare = re.sub(r"[\x00-\x20]", "", given)
    if re.fullmatch(r"(?:www\.)?[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,24}(?:[/?#]\S*)?", bare):
        bare = f"https://{bare}"
    if not bare.isascii() or len(bare) > 2000 or re.search(r"[<>\"'`{}|\\^]", bare):
        return None, said("left_out.web", value=shortened(given))
    found = safe_url(bare)
    if found is None or "." not in found.split("/")[2]:
        return None, said("left_out.web", value=shortened(given))
    return found, None if found == given else said("read_as", value=shortened(given), read=shortened(found))


_NUMBER = re.compile(r"(?:\+|00)?\(?\d(?:[\d\s().\-]|/(?! )){1,24}\d")


def phones(value: Any) -> tuple[list[tuple[str, int | None, str | None]], Said | None]:
    """Return the numbers in a text as ``(number, extension, what else the text says)``."""
    given = written(value)
    if given is None:
        return [], None
    # The 0 in brackets after +44 is not dialled with it; of two numbers with a stroke between, each is one.
    plain = re.sub(r"(\+\s?44\s?)\(0\)\s?", r"\1", plain_text(given))
    plain = re.sub(r"(?<=\d{6})/(?=\d)", " / ", plain)
    if re.fullmatch(r"[1-37]\d{9}", plain):
        plain = f"0{plain}"  # A spreadsheet took it for a number.
    found, rest = [], plain
    for match in _NUMBER.finditer(plain):
        digits = re.sub(r"\D", "", match[0])
        national = re.sub(r"^(?:0044|44)0?", "0", digits) if re.match(r"\+|00", match[0]) else digits
        if not (
            (national.startswith("0") and len(national) in (10, 11))
            or (national.startswith("08") and len(national) == 8)
            or (3 <= len(digits) <= 6 and match[0] == plain)
        ):
            continue
        number = " ".join(re.sub(r"[().\-/]", " ", match[0]).split())
        after = re.match(r"\W*(?:ext(?:ension)?|x)\.?\W*(\d{1,6})", plain[match.end() :], re.IGNORECASE)
        found.append((number, int(after[1]) if after else None))
        rest = rest.replace(match[0], " ").replace(after[0] if after else "\0", " ")
    if not found:
        return [], said("left_out.phone", value=shortened(given))
    words = " ".join(re.sub(r"[\s,;:/()-]+", " ", rest).split())
    words = "" if words.casefold() in ("", "or", "and", "tel", "telephone", "phone", "t", "'", '"', '""', "''") else words
    same = len(found) == 1 and found[0][0] == given
    remark = None if same else said("read_as", value=shortened(given), read=", ".join(number for number, _ in found))
    return [(number, extension, words[:200] or None) for number, extension in found], remark


def amount(value: Any) -> Mended:
    """Return pounds from ``3.5``, ``"3.50"`` or ``"£3.50 per session"``; nothing certain in ``"£3 to £5"``."""
    given = written(value)
    if given is None:
        return None, None
    if given.casefold().strip(" .!") in ("free", "no cost", "no charge", "free of charge", "nil"):
        return Decimal("0.00"), said("read_as", value=shortened(given), read="0")
    if re.search(r"\d,\d{1,2}(?!\d)", given):
        # 3,50 is three and a half to one reader, and three hundred and fifty to another.
        return None, said("left_out.not_one_amount", value=shortened(given))
    numbers = re.findall(r"(?<![\w.])£?\s?(\d{1,7}(?:\.\d{1,6})?)(p\b)?(?![\d.]*\d)", given.replace(",", ""))
    pounds = re.findall(r"£\s?(\d{1,7}(?:\.\d{1,6})?)", given.replace(",", ""))
    chosen = pounds if pounds else [number for number, pence in numbers if not pence]
    if len(chosen) != 1 or "-" in given[: given.find(chosen[0])] or re.search(r"\d\s*(?:-|–|to)\s*£?\s*\d", given):
        return None, said("left_out.not_one_amount", value=shortened(given))
    try:
        result = Decimal(chosen[0]).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None, said("left_out.amount", value=shortened(given))
    plain = re.fullmatch(r"\d+(?:\.\d+)?", given) is not None
    return result, None if plain else said("read_as_pounds", value=shortened(given), read=str(result))


def number(value: Any) -> float | None:
    """Return a finite number from a number or a text, or ``None``."""
    given = written(value)
    try:
        result = float(given) if given is not None and len(given) < 40 else None
    except ValueError:
        return None
    return result if result is not None and math.isfinite(result) else None


def whole(value: Any, low: int, high: int) -> int | None:
    """Return a whole number within bounds, or ``None``."""
    found = number(value)
    return int(found) if found is not None and found == int(found) and low <= found <= high else None


_AGE = r"(?:birth|newborn|\d{1,3}(?:\.\d+)?)(?:\s*-?\s*(?:years?|yrs?|months?|mths?)(?:\s+old)?)?"
_UNDER = re.compile(rf"(?:under|up to)\s+(?:age\s+)?({_AGE})")


def _span(value: Any) -> tuple[str, str] | None:
    """Return both ends of ``0 to 5 years``, ``6-12 months`` and ``under 5``, as texts that ``_years`` reads."""
    given = fold(written(value) or "")
    if match := re.fullmatch(rf"(?:ages?\s+)?({_AGE})\s*(?:-|–|to)\s*({_AGE})", given):
        unit = re.search(r"(years?|yrs?|months?|mths?)", match[2])
        bare = re.fullmatch(r"\d+(?:\.\d+)?", match[1].strip())
        return (f"{match[1]} {unit[0]}" if bare and unit else match[1]), match[2]
    return ("0", given) if _UNDER.fullmatch(given) else None


def _years(value: Any, *, oldest: bool = False) -> float | None:
    """Return an age in years, from a number or from words of which only one reading is possible, or ``None``.

    ``oldest``: the last age that is meant: ``under 5`` lasts until the day before the fifth birthday.
    """
    plain = number(value)
    given = fold(written(value) or "")
    if plain is not None or not given:
        return plain
    under = _UNDER.fullmatch(given) if oldest else None
    match = re.fullmatch(
        r"(?:from\s+)?(birth|newborn|\d{1,3}(?:\.\d+)?)\s*-?\s*(years?|yrs?|months?|mths?)?(?:\s+old)?\s*\+?",
        under[1] if under else given,
    )
    if match is None:
        return None
    count = 0.0 if match[1] in ("birth", "newborn") else float(match[1])
    years = count / 12 if _is_months(given) else count
    return years - 1 / 12 if under and given.startswith("under") else years


def _is_months(value: Any) -> bool:
    return re.search(r"months?|mths?", fold(written(value) or "")) is not None


def ages(low: Any, high: Any) -> tuple[int | None, int | None, Said | None]:
    """Return months from years, both ends included: 0 to 4 is 0 to 59 months, for four lasts until the fifth birthday."""
    words = [text for one in (low, high) if (text := written(one)) and number(text) is None]
    if written(high) is None and (span := _span(low)):
        low, high = span
    least, most = _years(low), _years(high, oldest=True)
    unread = [written(one) for one, read in ((low, least), (high, most)) if written(one) is not None and read is None]
    remark = said("left_out.years", value=shortened(unread[0] or "")) if unread else None
    if (least is not None and not 0 <= least <= 150) or (most is not None and not 0 <= most <= 150):
        return None, None, said("left_out.ages")
    if least is not None and most is not None and least > most:
        return None, None, said("left_out.ages_backwards", low=f"{least:g}", high=f"{most:g}")
    if most == 0 and not least:
        return None, None, said("left_out.ages_nothing")
    if most is not None and most >= NO_UPPER_AGE:
        most, remark = None, remark or said("no_upper_age", age=f"{most:g}")
    if least == 0 and most is None:
        least = None
    from_months = None if least is None else round(least * 12)
    to_months = None if most is None else round(most * 12)
    if most is not None and most == int(most) and not _is_months(high):
        to_months = int(most) * 12 + 11
    if words and not remark:
        value, low_end = shortened(" – ".join(words)), from_months or 0
        upper = to_months is not None
        remark = (
            said("read_as_months", value=value, low=low_end, high=to_months or 0)
            if upper
            else said("read_as_months_on", value=value, low=low_end)
        )
    return from_months, to_months, remark


def shortened(text: str, longest: int = 60) -> str:
    """Return text for a message: in quotes, one line, not long."""
    line = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())
    return f"“{line if len(line) <= longest else line[: longest - 1] + '…'}”"


def flag(value: Any) -> bool | None:
    """Return yes or no from a value or a word, or ``None``."""
    word = str(value).strip().casefold() if isinstance(value, bool | str | int) else ""
    return True if word in ("true", "yes", "y", "1") else False if word in ("false", "no", "n", "0") else None
