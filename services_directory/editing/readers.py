"""Reading what a person types, forgivingly: an age, a time of day, a date, money, a phone number, languages.

Each reader takes text that is not empty and raises ``Unreadable`` with the code of a sentence that says what to write.
The rules of what fits are those of ``sheet``.
"""

import re
from datetime import date, time
from decimal import Decimal
from functools import cache

from babel import Locale

from services_directory.places import read_postcode
from services_directory.records import safe_url
from services_directory.sheet import LANGUAGE, MAIL, NUMBER, OLDEST_MONTHS
from services_directory.text import ascii_digits, fold

MOST_POUNDS = Decimal(99999)
EXPECTING = ("expecting", "pregnancy", "pregnant", "before birth", "antenatal")
BIRTH = ("birth", "newborn", "new born", "born")
_AGE = re.compile(r"(under )?([0-9]{1,3})(?: ?(?:and a |1/)?(half|½))? ?(weeks?|wks?|w|months?|mths?|m|years?|yrs?|y)?(?: old)?")
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.]?([0-5][0-9]))? ?(am|pm)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Unreadable(ValueError):
    """Text that cannot be read. ``code`` names the sentence for it."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        self.code = code
        super().__init__(code)


def age(text: str, *, oldest: bool = False) -> int:
    """Return whole months, -9 for "expecting" (0 as an ``oldest`` age: until birth). "under 5" is up to 59 months."""
    words = fold(text).strip()
    if words in EXPECTING:
        return 0 if oldest else -9
    if words in BIRTH:
        return 0
    match = _AGE.fullmatch(words)
    if match is None:
        raise Unreadable("age")
    unit = (match[4] or "y")[0]
    if match[4] is None and not match[1] and match[2] != "0":
        raise Unreadable("age_unit")
    number = int(match[2])
    months = number * 12 if unit == "y" else number * 7 // 30 if unit == "w" else number
    months += 6 if match[3] and unit == "y" else 0
    months -= 1 if match[1] else 0
    if not 0 <= months <= OLDEST_MONTHS:
        raise Unreadable("age")
    return months


def say_age(months: int, *, oldest: bool = False) -> str:
    """Return an age as ``age`` reads it."""
    if months < 0 or (oldest and months == 0):
        return "expecting"
    if months == 0:
        return "birth"
    if months % 12 == 0:
        return f"{months // 12} year{'s' if months > 12 else ''}"
    if oldest and months % 12 == 11:
        return f"under {(months + 1) // 12} years"
    return f"{months} month{'s' if months > 1 else ''}"


def clock(text: str) -> time:
    """Return a time of day from 9:30, 09.30, 930, 9am, 2.30pm."""
    compact = fold(text).strip().replace("a.m.", "am").replace("p.m.", "pm")
    compact = {"noon": "12:00", "midday": "12:00"}.get(compact, compact)
    match = _CLOCK.fullmatch(compact)
    if match is None:
        raise Unreadable("clock")
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            raise Unreadable("clock")
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    if hour > 23:
        raise Unreadable("clock")
    return time(hour, minute)


def day(text: str) -> date:
    """Return a date from 2026-11-30, 30/11/2026, 30.11.2026 or 30 November 2026: the day first, as in the UK."""
    words = fold(text).strip()
    match = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", words)
    parts: tuple[str, str, str] | None = (match[1], match[2], match[3]) if match else None
    if parts is None and (match := re.fullmatch(r"([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})", words)):
        parts = (match[3], match[2], match[1])
    if parts is None and (match := re.fullmatch(r"([0-9]{1,2})(?:st|nd|rd|th)? ([a-z]{3})[a-z]*\.?,? ([0-9]{4})", words)):
        month = _MONTHS.index(match[2]) + 1 if match[2] in _MONTHS else 0
        parts = (match[3], str(month), match[1])
    try:
        found = date(*(int(part) for part in parts or ("0", "0", "0")))
    except ValueError:
        raise Unreadable("day") from None
    if not 2000 <= found.year <= 2100:
        raise Unreadable("day")
    return found


def pounds(text: str) -> Decimal:
    """Return an amount in pounds from 2, 2.5, £2.50, 50p or free."""
    words = fold(text).strip().replace(" ", "").replace(",", "")
    if words in ("free", "nothing"):
        return Decimal("0.00")
    match = re.fullmatch(r"£?([0-9]{1,6}(?:\.[0-9]{1,2})?)|([0-9]{1,3})p", words)
    if match is None:
        raise Unreadable("pounds")
    amount = Decimal(match[1]) if match[1] else Decimal(match[2]) / 100
    if amount > MOST_POUNDS:
        raise Unreadable("pounds")
    return amount.quantize(Decimal("0.01"))


def phone(text: str) -> str:
    """Return a phone number as typed, with single spaces."""
    number = " ".join(ascii_digits(text).split())
    if len(number) > 40 or not NUMBER.fits(number):
        raise Unreadable("phone")
    return number


def email(text: str) -> str:
    """Return an e-mail address."""
    if len(text) > 254 or not MAIL.fits(text.strip()):
        raise Unreadable("email")
    return text.strip()


def web(text: str) -> str:
    """Return a web address; https:// is put before one that lacks it."""
    address = text.strip()
    if re.fullmatch(r"[\w.-]+\.[a-zA-Z]{2,}(/\S*)?", address):
        address = f"https://{address}"
    if len(address) > 500 or re.search(r"\s", address) or safe_url(address) != address:
        raise Unreadable("web")
    return address


def postcode(text: str) -> str:
    """Return a whole postcode in capitals with one space."""
    found = read_postcode(ascii_digits(text))
    if found is None or found.full is None:
        raise Unreadable("postcode")
    return found.full


@cache
def _codes() -> dict[str, str]:
    names = Locale("en").languages
    # Short codes win where two share a name.
    ordered = sorted(names.items(), key=lambda item: len(item[0]), reverse=True)
    codes = {fold(name): code.replace("_", "-") for code, name in ordered if "_" not in code}
    return codes | {"bengali": "bn", "sylheti": "syl", "farsi": "fa", "mandarin": "zh", "chinese": "zh", "bsl": "bfi"}


def languages(text: str) -> tuple[str, ...]:
    """Return codes from names or codes parted by commas or lines: "English, Urdu, pl"."""
    found = []
    for part in filter(None, (fold(part).strip() for part in re.split(r"[,;\n،]", text))):
        code = _codes().get(part) or (part if part in Locale("en").languages and LANGUAGE.fits(part) else None)
        if code is None or not LANGUAGE.fits(code):
            raise Unreadable("languages")
        found.append(code)
    return tuple(dict.fromkeys(found))


def say_language(code: str) -> str:
    """Return a language's English name."""
    return str(Locale("en").languages.get(code, {"bfi": "BSL", "syl": "Sylheti"}.get(code, code)))
