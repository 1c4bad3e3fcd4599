"""What was asked: the query string, read strictly. Pure functions; a mistake is a ``Refused`` with plain words for the caller."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from services_directory.places import read_postcode
from services_directory.timetables import DAYS

PER_PAGE, MOST_PER_PAGE = 50, 500
# A minimal list is meant to come in one piece.
MINIMAL_PER_PAGE = 50_000
# Whole organisations with all their services are large; more than this many do not go into one page.
MOST_WITH_SERVICES = 20
LONGEST = 500
HIGHEST_PAGE = 999_999_999
EARTH_HALFWAY_METRES = 20_040_000
OLDEST_YEARS = 150
WEEKDAYS = dict(zip(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), DAYS, strict=True))


class Refused(Exception):
    """A request that cannot be answered. ``status`` is HTTP's; ``code`` is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.parameter = status, code, message, parameter


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A list as it was asked for. ``None``: not asked. Ages are years, ``proximity`` is metres, times are local."""

    search: str | None = None
    page: int = 1
    per_page: int | None = None
    format: str = "json"
    taxonomy_term_id: str | None = None
    taxonomy_id: str | None = None
    organization_id: str | None = None
    modified_after: datetime | None = None
    minimal: bool = False
    full: bool = False
    full_service: bool = False
    minimum_age: float | None = None
    maximum_age: float | None = None
    day: str | None = None
    start_time: time | None = None
    end_time: time | None = None
    top_only: bool = False
    parent_id: str | None = None
    postcode: str | None = None
    proximity: float | None = None

    @property
    def size(self) -> int:
        """How many records go into one page."""
        if self.minimal:
            return self.per_page or MINIMAL_PER_PAGE
        size = self.per_page or PER_PAGE
        return min(size, MOST_WITH_SERVICES) if self.full_service else size


def _whole(text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise ValueError
    return int(text)


def _page(text: str) -> int:
    return _whole(text, HIGHEST_PAGE)


def _per_page(text: str) -> int:
    return _whole(text, MINIMAL_PER_PAGE)


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def _number(text: str, most: float) -> float:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?", text) or float(text) > most:
        raise ValueError
    # PostgreSQL refuses numbers nearer to nothing than it can hold.
    return round(float(text), 9)


def _years(text: str) -> float:
    return _number(text, OLDEST_YEARS)


def _metres(text: str) -> float:
    return _number(text, EARTH_HALFWAY_METRES)


def _moment(text: str) -> datetime:
    # A plus sign that was not escaped arrives as a space.
    mended = re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if text.count(":") > 1 else text
    moment = datetime.fromisoformat(mended)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(text: str) -> str:
    upper = text.upper()
    return upper if upper in DAYS else WEEKDAYS[text.lower()]


def _clock(text: str) -> time:
    if not re.fullmatch(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", text):
        raise ValueError
    return time.fromisoformat(text)


def _format(text: str) -> str:
    return {"json": "json", "ndjson": "ndjson"}[text.lower()]


def _postcode(text: str) -> str:
    postcode = read_postcode(text) if len(text) <= len("ZZ1A  2AB") else None
    if postcode is None:
        raise ValueError
    return postcode.full or postcode.outcode


@dataclass(frozen=True)
class Parameter:
    """How one parameter is read, the words for when it cannot be, and its schema and description in the OpenAPI document."""

    read: Callable[[str], Any]
    mend: str
    schema: Mapping[str, Any]
    description: str


TEXT = {"type": "string", "maxLength": LONGEST}
TRUTH = {"type": "boolean", "default": False}
CLOCK_SCHEMA = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}
SAY_TRUTH = "Write true or false."
SAY_CLOCK = "Write a time of day such as 09:30."
SAY_YEARS = f"Write years as a number from 0 to {OLDEST_YEARS}; half a year is 0.5."

PARAMETERS: Mapping[str, Parameter] = {
    "search": Parameter(str, "", TEXT, "Words that must all be in the record's names or description."),
    "page": Parameter(
        _page,
        "Write a whole number; the first page is 1.",
        {"type": "integer", "minimum": 1, "maximum": HIGHEST_PAGE, "default": 1},
        "Which page.",
    ),
    "per_page": Parameter(
        _per_page,
        f"Write a whole number from 1 to {MOST_PER_PAGE}.",
        {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PER_PAGE},
        f"Records in a page. With minimal=true up to {MINIMAL_PER_PAGE}, which is then the default too; "
        f"with full_service=true never more than {MOST_WITH_SERVICES}.",
    ),
    "format": Parameter(
        _format,
        "Write json or ndjson.",
        {"type": "string", "enum": ["json", "ndjson"], "default": "json"},
        "ndjson streams all records, one JSON object a line, without pages.",
    ),
    "taxonomy_term_id": Parameter(str, "", TEXT, "Only what carries this very term."),
    "taxonomy_id": Parameter(str, "", TEXT, "Only what carries, or is, a term of this taxonomy."),
    "organization_id": Parameter(str, "", TEXT, "Only what this organisation provides."),
    "modified_after": Parameter(
        _moment,
        "Write a moment such as 2026-11-01T00:00:00Z; a date alone means its first minute, and no zone means UTC.",
        {"type": "string", "format": "date-time"},
        "Only what was changed at or after this moment.",
    ),
    "minimal": Parameter(_truth, SAY_TRUTH, TRUTH, "Only ids, names, states and moments of change, all in one page."),
    "full": Parameter(_truth, SAY_TRUTH, TRUTH, "Whole records, with all that hangs on them."),
    "full_service": Parameter(_truth, SAY_TRUTH, TRUTH, "Organisations with their services in full."),
    "minimum_age": Parameter(
        _years,
        SAY_YEARS,
        {"type": "number", "minimum": 0, "maximum": OLDEST_YEARS},
        "Services whose lowest age is at least this.",
    ),
    "maximum_age": Parameter(
        _years,
        SAY_YEARS,
        {"type": "number", "minimum": 0, "maximum": OLDEST_YEARS},
        "Services whose highest age is at most this.",
    ),
    "day": Parameter(
        _day,
        "Write a day as MO, TU, WE, TH, FR, SA or SU, or by its English name.",
        {"type": "string", "enum": [*DAYS, *(name.capitalize() for name in WEEKDAYS)]},
        "Services with a session on this day of the week.",
    ),
    "start_time": Parameter(_clock, SAY_CLOCK, CLOCK_SCHEMA, "Services with a session that starts at this local time or later."),
    "end_time": Parameter(_clock, SAY_CLOCK, CLOCK_SCHEMA, "Services with a session that ends at this local time or earlier."),
    "top_only": Parameter(_truth, SAY_TRUTH, TRUTH, "Only terms that have no parent."),
    "parent_id": Parameter(str, "", TEXT, "Only terms whose parent this is."),
    "postcode": Parameter(
        _postcode,
        "Write a postcode such as ZZ1 2AB, or its first half.",
        {"type": "string", "pattern": "^[A-Z]{1,2}[0-9]( ?[0-9][A-Z]{2})?$"},
        "Only services that serve this postcode: those that name areas must name one that takes it in.",
    ),
    "proximity": Parameter(
        _metres,
        "Write metres as a number, for example 5000, and a postcode beside it.",
        {"type": "number", "minimum": 0, "maximum": EARTH_HALFWAY_METRES},
        "Only within so many metres, in a straight line, of the middle of the postcode, nearest first.",
    ),
}
PAGING = ("search", "page", "per_page", "format")
ABOUT_SERVICES = ("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "full")
FITTING = ("minimum_age", "maximum_age", "day", "start_time", "end_time", "postcode", "proximity")
ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "services": (*PAGING, *ABOUT_SERVICES, "minimal", *FITTING),
    "service_at_locations": (*PAGING, *ABOUT_SERVICES, *FITTING),
    "organizations": (*PAGING, "full", "full_service"),
    "taxonomies": PAGING,
    "taxonomy_terms": (*PAGING, "taxonomy_id", "top_only", "parent_id"),
}


def read_parameters(given: Iterable[tuple[str, str]], known: Iterable[str]) -> Asked:
    """Read the parameters that an endpoint knows; others are left alone. Raises ``Refused``."""
    names = frozenset(known)
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in names:
            continue
        if name in values:
            raise Refused(400, "repeated_parameter", f"{name} is given twice. Give it once.", name)
        if len(text) > LONGEST:
            raise Refused(400, "bad_parameter", f"{name} is longer than {LONGEST} characters.", name)
        parameter = PARAMETERS[name]
        try:
            values[name] = parameter.read(text.strip())
        except (ValueError, KeyError, OverflowError):
            raise Refused(400, "bad_parameter", f"{name} cannot be read. {parameter.mend}", name) from None
    asked = Asked(**{name: value for name, value in values.items() if value != ""})
    if asked.proximity is not None and asked.postcode is None:
        raise Refused(400, "bad_parameter", "proximity needs a postcode to measure from. Add postcode.", "postcode")
    if (asked.per_page or 0) > MOST_PER_PAGE and not asked.minimal:
        mend = PARAMETERS["per_page"].mend
        raise Refused(400, "bad_parameter", f"per_page cannot be read. {mend}", "per_page")
    return asked
