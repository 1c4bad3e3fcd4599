"""Services in a YAML file that a person can write: what may be in it, what is wrong with it, and loading it.

The form is shown by ``data/demonstration.yml``. A file is checked whole before anything is loaded.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.database import writing
from services_directory.directory import whole_service
from services_directory.places import read_postcode
from services_directory.records import plain_text, safe_url
from services_directory.terms import vocabulary
from services_directory.timetables import parse_byday, parse_bymonthday

# Our own ids for records that come from files: always the same for the same source and id.
NAMESPACE = uuid.UUID("7f0c6a52-3a52-5d0e-9b1a-6d1f0c7f9a31")
OLDEST_MONTHS = 25 * 12
EVENING = "17:00"
KINDS = ("organisations", "locations", "services", "places")


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file. ``line`` counts from 1; ``record`` is for example ``services 3 (rhyme-time)``."""

    file: str
    line: int
    record: str
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        """Return the problem in one line."""
        where = ", ".join(part for part in (self.record, self.field) if part)
        return f"{self.file}, line {self.line}: {where + ': ' if where else ''}{self.what} {self.mend}"


class FileHasProblems(ValueError):
    """A file was not loaded. ``problems`` says why."""

    def __init__(self, found: list[Problem]) -> None:
        """Keep the problems and show the first of them."""
        self.problems = found
        super().__init__(f"{len(found)} problems; the first: {found[0]}")


@dataclass(frozen=True)
class Rule:
    """A field's rule: does a value fit, and what to say if not (a sentence of what is wrong, and one of how to mend it)."""

    fits: Callable[[Any], bool]
    what: str
    mend: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_plain(value: Any) -> bool:
    return _is_text(value) and not re.search(r"<\s*/?\s*[a-zA-Z!]", value)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is not None


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_past(value: Any) -> bool:
    return _is_day(value) and value <= date.today()


def _is_phone(value: Any) -> bool:
    """Look at the shape only: the numbers kept for fiction are not valid, and must not be refused."""
    if not isinstance(value, str) or re.search(r"[^0-9 +()-]", value):
        return False
    digits = re.sub(r"\D", "", value)
    national = "0" + digits[2:] if value.strip().startswith("+44") else digits
    return (national.startswith("0") and len(national) in (10, 11)) or 3 <= len(national) <= 6


def _parses(read: Callable[[str], object]) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            read(str(value))
        except ValueError:
            return False
        return True

    return fits


def _choice(values: Iterable[str]) -> Rule:
    allowed = tuple(values)
    return Rule(lambda value: value in allowed, "This is not one of the choices.", f"Choose from: {', '.join(allowed)}.")


def _each(rule: Rule) -> Rule:
    return Rule(
        lambda value: isinstance(value, list) and bool(value) and all(rule.fits(item) for item in value),
        f"This must be a list, and each item must be right. {rule.what}",
        f"Write it as [one, two]. {rule.mend}",
    )


TEXT = Rule(_is_text, "This must be some text.", "Write it in words, in quotes if it begins with a digit.")
PLAIN = Rule(_is_plain, "This must be plain text, without HTML.", "Take out everything in < >.")
FLAG = Rule(lambda value: isinstance(value, bool), "This must be true or false.", "Write true or false, without quotes.")
WEB = Rule(lambda v: isinstance(v, str) and safe_url(v) == v, "This is not a web address.", "Begin it with https://.")
MAIL = Rule(
    lambda value: isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None,
    "This is not an e-mail address.",
    "Write it as name@example.org.",
)
DAY = Rule(_is_day, "This is not a date.", "Write it as 2026-11-30, without quotes.")
PAST = Rule(_is_past, "This is not a date, or it is still to come.", "Write the day of the last check, as 2026-11-30.")
CLOCK = Rule(_is_time, "This is not a time of day.", 'Write it with 24 hours, in quotes, as "09:30".')
COUNT = Rule(lambda v: _is_whole(v) and v >= 1, "This must be a whole number from 1.", "Write for example 2.")
DAYS_AGO = Rule(lambda v: _is_whole(v) and v >= 0, "This must be a whole number from 0.", "Write for example 30.")
MONTHS = Rule(
    lambda v: _is_whole(v) and -10 <= v <= OLDEST_MONTHS,
    "This is not an age in months.",
    "Write whole months since birth, negative before it: -9 for early pregnancy, 12 for one year.",
)
LATITUDE = Rule(lambda v: _is_number(v) and 49 <= v <= 61, "This is no latitude in the UK.", "It is between 49 and 61.")
LONGITUDE = Rule(lambda v: _is_number(v) and -9 <= v <= 4, "This is no longitude near the UK.", "It is between -9 and 4.")
POSTCODE = Rule(
    lambda v: isinstance(v, str) and getattr(read_postcode(v), "full", None) == v,
    "This is not a whole postcode.",
    "Write it in capitals with one space, as ZZ1 2AB.",
)
NUMBER = Rule(_is_phone, "This is not a phone number.", 'Write it in quotes with its 0, as "01632 960123".')
AMOUNT = Rule(lambda v: _is_number(v) and v >= 0, "This is not an amount in pounds.", "Write for example 2.50; 0 is free.")
TERM = Rule(lambda v: v in vocabulary().terms, "This need is not in the vocabulary.", "Take a code from data/terms.yml.")
LANGUAGE = Rule(
    lambda v: isinstance(v, str) and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", v) is not None,
    "This is not the code of a language.",
    "Write two or three small letters, as ur, in quotes if they are no.",
)
BYDAY = Rule(_parses(parse_byday), "These are not days.", "Write MO,TU,WE,TH,FR,SA,SU; 2MO is the second Monday.")
BYMONTHDAY = Rule(_parses(parse_bymonthday), "These are not days of a month.", 'Write for example "1,15".')

Fields = Mapping[str, Rule]
TIME_FIELDS: Fields = {
    "at": TEXT,
    "freq": _choice(models.FREQUENCIES),
    "interval": COUNT,
    "byday": BYDAY,
    "bymonthday": BYMONTHDAY,
    "opens": CLOCK,
    "closes": CLOCK,
    "dtstart": DAY,
    "until": DAY,
    "valid_from": DAY,
    "valid_to": DAY,
    "text": PLAIN,
}
PHONE_FIELDS: Fields = {"number": NUMBER, "text": PLAIN, "type": _choice(("voice", "text", "textphone"))}
COST_FIELDS: Fields = {"amount": AMOUNT, "text": PLAIN, "valid_from": DAY, "valid_to": DAY}
AGE_FIELDS: Fields = {"from": MONTHS, "to": MONTHS}
EXCEPTION_FIELDS: Fields = {
    "date": DAY,
    "kind": _choice(models.EXCEPTIONS),
    "time": COUNT,
    "opens": CLOCK,
    "closes": CLOCK,
    "note": PLAIN,
}
CONTACT_FIELDS: Fields = {"title": PLAIN, "name": PLAIN, "department": PLAIN, "email": MAIL}
# Fields whose value is a record of its own, or a list of such records; (fields, needed, is it a list).
NESTED: Mapping[str, tuple[Fields, tuple[str, ...], bool]] = {
    "times": (TIME_FIELDS, (), True),
    "exceptions": (EXCEPTION_FIELDS, ("date", "kind"), True),
    "phones": (PHONE_FIELDS, ("number",), True),
    "costs": (COST_FIELDS, (), True),
    "contacts": (CONTACT_FIELDS, (), True),
    "ages": (AGE_FIELDS, (), False),
}
SERVICE_FIELDS: Fields = {
    "id": TEXT,
    "organisation": TEXT,
    "name": PLAIN,
    "alternate_name": PLAIN,
    "description": PLAIN,
    "url": WEB,
    "email": MAIL,
    "status": _choice(models.STATUSES),
    "approval": _choice(models.APPROVALS),
    "level": _choice(models.LEVELS),
    "modes": _each(_choice(models.MODES)),
    "needs": _each(TERM),
    "eligibility": PLAIN,
    "route": _choice(models.ROUTES),
    "join": PLAIN,
    "fees": PLAIN,
    "wait": PLAIN,
    "wait_date": DAY,
    "interpreter": FLAG,
    "open_on_bank_holidays": FLAG,
    "term_time_only": FLAG,
    "languages": _each(LANGUAGE),
    "areas": _each(PLAIN),
    "alert": PLAIN,
    "locations": _each(TEXT),
    "funding": _each(PLAIN),
    "visible_from": DAY,
    "visible_to": DAY,
    "checked": PAST,
    "checked_days_ago": DAYS_AGO,
    "checked_by": MAIL,
    "area_id": TEXT,
}
KIND_FIELDS: Mapping[str, tuple[Fields, tuple[str, ...]]] = {
    "organisations": (
        {"id": TEXT, "name": PLAIN, "description": PLAIN, "website": WEB, "email": MAIL, "area_id": TEXT},
        ("id", "name", "description"),
    ),
    "locations": (
        {
            "id": TEXT,
            "name": PLAIN,
            "address": PLAIN,
            "town": PLAIN,
            "district": PLAIN,
            "postcode": POSTCODE,
            "nation": _choice(models.NATIONS),
            "latitude": LATITUDE,
            "longitude": LONGITUDE,
            "family_hub": FLAG,
            "private": FLAG,
            "access": _each(PLAIN),
            "transport": PLAIN,
            "area_id": TEXT,
        },
        ("id", "name", "address", "town", "district", "postcode"),
    ),
    "services": (SERVICE_FIELDS, ("id", "organisation", "name", "description", "modes", "needs")),
    "places": ({"alias": PLAIN, "place": PLAIN}, ("alias", "place")),
}


# ---- Checking ---------------------------------------------------------------------------------------------------------


def problems(path: Path) -> list[Problem]:
    """Return all that is wrong with a file, in the order of its lines; an empty list if nothing is."""
    data, unreadable = _read(path)
    return unreadable or _check(path, data)


def _check(path: Path, data: Any) -> list[Problem]:
    return sorted(_Checker(path.name, data).check(), key=lambda problem: problem.line)


def _read(path: Path) -> tuple[Any, list[Problem]]:
    try:
        data = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None, [Problem(path.name, 1, "", "", "The file is not in UTF-8.", "Save it again as UTF-8.")]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = f"The file cannot be read as YAML ({error.problem})."
        return None, [Problem(path.name, line, "", "", what, "Look at the indents, colons and quotes here.")]
    except YAMLError as error:
        return None, [Problem(path.name, 1, "", "", f"The file cannot be read ({error}).", "Save it as plain text.")]
    except OSError as error:
        return None, [Problem(path.name, 1, "", "", f"The file cannot be opened ({error.strerror}).", "Check its name.")]
    if not isinstance(data, dict):
        return None, [Problem(path.name, 1, "", "", "The file has no sections.", f"Give it {', '.join(KINDS)}.")]
    return data, []


def _line(holder: Any, field: object = None) -> int:
    """Return the line of a field, or of the record that holds it."""
    position = getattr(holder, "lc", None)
    if position is None:
        return 1
    try:
        line: int = position.key(field)[0] if isinstance(holder, dict) else position.item(field)[0]
    except (KeyError, TypeError, AttributeError):
        line = position.line or 0
    return line + 1


class _Checker:
    def __init__(self, file: str, data: Any) -> None:
        self.file = file
        self.data = data
        self.ids = {kind: {row.get("id") for _, row in self._rows(kind)} for kind in ("organisations", "locations")}

    def _rows(self, kind: str) -> Iterator[tuple[int, Any]]:
        rows = self.data.get(kind) or []
        for number, row in enumerate(rows if isinstance(rows, list) else [], start=1):
            if isinstance(row, dict):
                yield number, row

    def check(self) -> Iterator[Problem]:
        yield from self._check_top()
        for kind, (fields, needed) in KIND_FIELDS.items():
            seen: dict[str, int] = {}
            for number, row in self._rows(kind):
                record = f"{kind} {number} ({row.get('id') or row.get('alias') or 'no id'})"
                yield from self._check_fields(row, record, "", fields, needed, nested=kind == "services")
                yield from self._check_repeated(row, record, seen)
                if kind == "locations":
                    yield from self._check_location(row, record)
                if kind == "services":
                    yield from self._check_service(row, record)

    def _problem(self, holder: Any, field: str, record: str, what: str, mend: str, *, prefix: str = "") -> Problem:
        return Problem(self.file, _line(holder, field), record, prefix + field, what, mend)

    def _check_top(self) -> Iterator[Problem]:
        for name, value in self.data.items():
            if name not in (*KINDS, "source", "defaults"):
                known = ", ".join((*KINDS, "source", "defaults"))
                yield self._problem(self.data, name, "", "There is no such section.", f"The sections are: {known}.")
            elif name in KINDS and not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
                mend = "Begin each record with a dash."
                yield self._problem(self.data, name, "", "This section must be a list of records.", mend)
        if not _is_text(self.data.get("source")):
            yield Problem(self.file, 1, "", "source", "The source is missing.", "Write who this came from in one word.")
        defaults = self.data.get("defaults") or {}
        if not isinstance(defaults, dict):
            mend = "Write it as {approval: approved}."
            yield self._problem(self.data, "defaults", "", "The defaults must be fields with values.", mend)
            return
        yield from self._check_fields(defaults, "defaults", "", SERVICE_FIELDS, (), nested=True)

    def _check_repeated(self, row: Any, record: str, seen: dict[str, int]) -> Iterator[Problem]:
        name = row.get("id")
        if isinstance(name, str):
            if name in seen:
                what = f"This id was used before, in line {seen[name]}."
                yield self._problem(row, "id", record, what, "Give each record an id of its own.")
            seen.setdefault(name, _line(row, "id"))

    def _check_fields(
        self, row: Any, record: str, prefix: str, fields: Fields, needed: tuple[str, ...], *, nested: bool = False
    ) -> Iterator[Problem]:
        for name in needed:
            if row.get(name) is None:
                mend = f"Add a line that begins with {name}:."
                yield self._problem(row, name, record, "This is missing.", mend, prefix=prefix)
        for name, value in row.items():
            if nested and name in NESTED:
                yield from self._check_nested(row, record, name, value)
            elif name not in fields:
                known = ", ".join((*fields, *(NESTED if nested else ())))
                yield self._problem(row, name, record, "There is no such field.", f"The fields are: {known}.")
            elif value is not None and not fields[name].fits(value):
                rule = fields[name]
                what = f"{rule.what} It is {_shortened(value)}."
                yield self._problem(row, name, record, what, rule.mend, prefix=prefix)

    def _check_nested(self, row: Any, record: str, name: str, value: Any) -> Iterator[Problem]:
        fields, needed, several = NESTED[name]
        items = value if several else [value]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            mend = "Write it as - {field: value}." if several else "Write it as {field: value}."
            yield self._problem(row, name, record, "This must be made of fields with values.", mend)
            return
        for number, item in enumerate(items, start=1):
            prefix = f"{name} {number}: " if several else f"{name}: "
            yield from self._check_fields(item, record, prefix, fields, needed)

    def _check_location(self, row: Any, record: str) -> Iterator[Problem]:
        if (row.get("latitude") is None) != (row.get("longitude") is None):
            mend = "Give both, or neither."
            yield self._problem(row, "latitude", record, "Latitude and longitude belong together.", mend)

    def _check_service(self, row: Any, record: str) -> Iterator[Problem]:
        if isinstance(row.get("organisation"), str) and row["organisation"] not in self.ids["organisations"]:
            mend = "Take an id from the section organisations, or add it there."
            yield self._problem(row, "organisation", record, "There is no organisation of this id.", mend)
        locations = row.get("locations") if isinstance(row.get("locations"), list) else []
        for name in locations:
            if name not in self.ids["locations"]:
                mend = "Take an id from the section locations, or add it there."
                yield self._problem(row, "locations", record, f"There is no location {name}.", mend)
        yield from self._check_modes(row, record, locations)
        yield from self._check_ages(row, record)
        times = row.get("times") if isinstance(row.get("times"), list) else []
        for number, item in enumerate(times, start=1):
            if isinstance(item, dict):
                yield from self._check_time(item, record, f"times {number}: ", locations)
        exceptions = row.get("exceptions") if isinstance(row.get("exceptions"), list) else []
        for number, item in enumerate(exceptions, start=1):
            if isinstance(item, dict) and _is_whole(item.get("time")) and item["time"] > len(times):
                mend = "Count the service's times from 1, or leave time out for all of them."
                yield self._problem(
                    item, "time", record, "There is no such line of times.", mend, prefix=f"exceptions {number}: "
                )

    def _check_modes(self, row: Any, record: str, locations: list[Any]) -> Iterator[Problem]:
        modes = row.get("modes") if isinstance(row.get("modes"), list) else []
        has_phone, has_web = bool(row.get("phones")), bool(row.get("url"))
        if "go" in modes and not locations:
            mend = "Add its locations, or take go out of modes."
            yield self._problem(row, "modes", record, "People go there, but it has no location.", mend)
        if "phone" in modes and not has_phone:
            mend = "Add phones, or take phone out of modes."
            yield self._problem(row, "modes", record, "It works by phone, but has no number.", mend)
        if "online" in modes and not has_web:
            mend = "Add url, or take online out of modes."
            yield self._problem(row, "modes", record, "It works online, but has no web address.", mend)
        if {"phone", "online", "home"} & set(map(str, modes)) and not row.get("areas"):
            mend = "Add areas, for example [UK] or the districts."
            yield self._problem(row, "modes", record, "It comes to people, but does not say where they live.", mend)

    def _check_ages(self, row: Any, record: str) -> Iterator[Problem]:
        ages = row.get("ages")
        both = isinstance(ages, dict) and _is_whole(ages.get("from")) and _is_whole(ages.get("to"))
        if both and ages["from"] > ages["to"]:
            yield self._problem(row, "ages", record, "The ages run backwards.", "Put the younger age in from.")

    def _check_time(self, item: Any, record: str, prefix: str, locations: list[Any]) -> Iterator[Problem]:
        def wrong(field: str, what: str, mend: str) -> Problem:
            return self._problem(item, field, record, what, mend, prefix=prefix)

        if item.get("at") is not None and item["at"] not in locations:
            yield wrong("at", "The service has no such location.", "Take one of its own locations.")
        if _is_time(item.get("opens")) and _is_time(item.get("closes")) and _is_backwards(item["opens"], item["closes"]):
            yield wrong("closes", "It closes before it opens.", "Put opens and closes right.")
        for begin, end in (("valid_from", "valid_to"), ("dtstart", "until")):
            if _is_day(item.get(begin)) and _is_day(item.get(end)) and item[end] < item[begin]:
                yield wrong(end, f"It ends before {begin}.", f"Put {begin} and {end} right.")
        if item.get("freq") is None:
            if item.get("dtstart") is None:
                yield wrong("dtstart", "Nothing says on what day it is.", "Add freq and byday, or dtstart.")
            return
        if item.get("dtstart") is None:
            if _is_whole(item.get("interval")) and item["interval"] > 1:
                yield wrong("interval", "Nobody can tell in which week it begins.", "Add dtstart: the first date.")
            elif not item.get("byday") and not item.get("bymonthday"):
                yield wrong("byday", "Nothing says on what day it is.", "Add byday, for example TU.")


def _is_backwards(opens: str, closes: str) -> bool:
    """Tell a slip from a session past midnight, which begins in the evening, and from a whole day, 00:00 to 00:00."""
    return closes <= opens and not (closes < opens and opens >= EVENING) and not opens == closes == "00:00"


def _shortened(value: object) -> str:
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# ---- Loading ----------------------------------------------------------------------------------------------------------


def load_file(engine: Engine, path: Path, *, today: date | None = None, remove_missing: bool = False) -> int:
    """Load a file, all or nothing, and return how many services it has. Loading it again changes nothing.

    ``today`` is what ``checked_days_ago`` counts back from. ``remove_missing`` takes away records of the same source
    that the file no longer has. Raises ``FileHasProblems``.
    """
    data, unreadable = _read(path)
    found = unreadable or _check(path, data)
    if found:
        raise FileHasProblems(found)
    with writing(engine) as session:
        _Loader(session, data, today or date.today()).load(remove_missing=remove_missing)
    return len(data.get("services") or [])


def sync_vocabulary(session: Session) -> dict[str, str]:
    """Write the vocabulary of needs into its tables, and return each code's term id."""
    words = vocabulary()
    taxonomy_id = _id("taxonomy", words.name)
    session.merge(models.Taxonomy(id=taxonomy_id, name=words.name, description=words.description, version=words.version))
    session.flush()
    ids = {code: _id("term", words.name, code) for code in words.terms}
    # Parents first: a row may refer only to one that exists.
    for code, term in sorted(words.terms.items(), key=lambda item: (len(list(words.ancestors(item[0]))), item[0])):
        session.merge(
            models.TaxonomyTerm(
                id=ids[code],
                taxonomy_id=taxonomy_id,
                parent_id=ids[term.parent] if term.parent else None,
                code=code,
                name=term.name,
                description=", ".join(term.words) or term.name,
            )
        )
        session.flush()
    return ids


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))


def _clock(value: str | None) -> time | None:
    return time.fromisoformat(value) if value else None


class _Loader:
    def __init__(self, session: Session, data: Any, today: date) -> None:
        self.session = session
        self.data = data
        self.today = today
        self.source: str = data["source"]
        self.terms: dict[str, str] = {}

    def load(self, *, remove_missing: bool) -> None:
        self.terms = sync_vocabulary(self.session)
        self._keep = self._existing()
        kept: set[str] = set()
        for kind, build in (
            ("organisations", self._organisation),
            ("locations", self._location),
            ("services", self._service),
            ("places", self._alias),
        ):
            for row in self.data.get(kind) or []:
                built = build(row)
                kept.add(built.id)
                self.session.merge(built)
            self.session.flush()
        if remove_missing:
            for row in self._keep:
                if row.id not in kept:
                    self.session.delete(row)

    def _existing(self) -> list[Any]:
        """Load what this source brought before, in one go, so that merging compares instead of asking row by row."""
        rows: list[Any] = []
        services = select(models.Service).where(models.Service.source == self.source).options(*whole_service())
        rows += self.session.scalars(services).unique()
        for table in (models.PlaceAlias, models.Location, models.Organisation):
            rows += self.session.scalars(select(table).where(table.source == self.source))
        return rows

    def _ours(self, kind: str, source_id: str) -> str:
        return _id(kind, self.source, source_id)

    def _organisation(self, row: Any) -> models.Organisation:
        return models.Organisation(
            id=self._ours("organisation", row["id"]),
            source=self.source,
            source_id=row["id"],
            area_id=row.get("area_id"),
            name=row["name"],
            description=row["description"],
            website=row.get("website"),
            email=row.get("email"),
        )

    def _alias(self, row: Any) -> models.PlaceAlias:
        return models.PlaceAlias(
            id=self._ours("alias", row["alias"]),
            source=self.source,
            source_id=row["alias"],
            alias=row["alias"],
            place=row["place"],
        )

    def _location(self, row: Any) -> models.Location:
        location_id = self._ours("location", row["id"])
        return models.Location(
            id=location_id,
            source=self.source,
            source_id=row["id"],
            area_id=row.get("area_id"),
            location_type="physical",
            name=row["name"],
            latitude=row.get("latitude"),
            longitude=row.get("longitude"),
            nation=row.get("nation"),
            family_hub=row.get("family_hub", False),
            private=row.get("private", False),
            transportation=row.get("transport"),
            addresses=[
                models.Address(
                    id=_id("address", location_id),
                    location_id=location_id,
                    address_1=row["address"],
                    city=row["town"],
                    state_province=row["district"],
                    postal_code=row["postcode"],
                    country="GB",
                    address_type="physical",
                )
            ],
            accessibility=[
                models.Accessibility(id=_id("access", location_id, text), location_id=location_id, description=text)
                for text in row.get("access") or []
            ],
        )

    def _service(self, own: Any) -> models.Service:
        row = {**(self.data.get("defaults") or {}), **own}
        service_id = self._ours("service", row["id"])
        ages = row.get("ages") or {}
        checked = row.get("checked")
        if checked is None and row.get("checked_days_ago") is not None:
            checked = self.today - timedelta(days=row["checked_days_ago"])
        service = models.Service(
            id=service_id,
            source=self.source,
            source_id=row["id"],
            organisation_id=self._ours("organisation", row["organisation"]),
            area_id=row.get("area_id"),
            name=row["name"],
            alternate_name=row.get("alternate_name"),
            description=plain_text(row["description"]),
            url=row.get("url"),
            email=row.get("email"),
            status=row.get("status", "active"),
            # What a file brings waits for a person, unless the file says that one has approved it.
            approval=row.get("approval", "pending"),
            level_of_need=row.get("level", "universal"),
            minimum_age_months=ages.get("from"),
            maximum_age_months=ages.get("to"),
            eligibility_description=row.get("eligibility"),
            referral_route=row.get("route", "self"),
            application_process=row.get("join"),
            fees_description=row.get("fees"),
            wait_time=row.get("wait"),
            wait_time_date=row.get("wait_date"),
            interpreter=row.get("interpreter"),
            alert=row.get("alert"),
            visible_from=row.get("visible_from"),
            visible_to=row.get("visible_to"),
            assured_date=checked,
            assurer_email=row.get("checked_by"),
            open_on_bank_holidays=row.get("open_on_bank_holidays", False),
            term_time_only=row.get("term_time_only", False),
        )
        self._add_parts(service, row)
        return service

    def _add_parts(self, service: models.Service, row: Mapping[str, Any]) -> None:
        owner = service.id
        service.modes = [models.ServiceMode(service_id=owner, mode=mode) for mode in dict.fromkeys(row["modes"])]
        service.service_at_locations = [
            models.ServiceAtLocation(id=self._at(owner, place), service_id=owner, location_id=self._ours("location", place))
            for place in dict.fromkeys(row.get("locations") or [])
        ]
        service.schedules = [self._schedule(owner, n, item) for n, item in enumerate(row.get("times") or [])]
        service.exceptions = [self._exception(owner, n, item) for n, item in enumerate(row.get("exceptions") or [])]
        service.phones = [
            models.Phone(
                id=_id("phone", owner, str(n)),
                service_id=owner,
                number=item["number"],
                type=item.get("type", "voice"),
                description=item.get("text"),
            )
            for n, item in enumerate(row.get("phones") or [])
        ]
        service.contacts = [
            models.Contact(
                id=_id("contact", owner, str(n)),
                service_id=owner,
                **{name: item.get(name) for name in CONTACT_FIELDS},
            )
            for n, item in enumerate(row.get("contacts") or [])
        ]
        service.cost_options = [self._cost(owner, n, item) for n, item in enumerate(row.get("costs") or [])]
        self._add_names(service, row)

    def _add_names(self, service: models.Service, row: Mapping[str, Any]) -> None:
        owner = service.id
        service.languages = [
            models.Language(id=_id("language", owner, code), service_id=owner, code=code)
            for code in dict.fromkeys(row.get("languages") or [])
        ]
        service.service_areas = [
            models.ServiceArea(id=_id("service area", owner, name), service_id=owner, name=name)
            for name in dict.fromkeys(row.get("areas") or [])
        ]
        service.funding = [
            models.Funding(id=_id("funding", owner, name), service_id=owner, source=name)
            for name in dict.fromkeys(row.get("funding") or [])
        ]
        service.attributes = [
            models.Attribute(
                id=_id("attribute", owner, code),
                link_id=owner,
                link_entity="service",
                taxonomy_term_id=self.terms[code],
            )
            for code in dict.fromkeys(row["needs"])
        ]

    def _at(self, owner: str, place: str) -> str:
        return _id("service at location", owner, place)

    def _schedule(self, owner: str, number: int, item: Mapping[str, Any]) -> models.Schedule:
        return models.Schedule(
            id=_id("schedule", owner, str(number)),
            service_id=owner,
            service_at_location_id=self._at(owner, item["at"]) if item.get("at") else None,
            freq=item.get("freq"),
            interval=item.get("interval", 1),
            byday=item.get("byday"),
            bymonthday=str(item["bymonthday"]) if item.get("bymonthday") else None,
            dtstart=item.get("dtstart"),
            until=item.get("until"),
            valid_from=item.get("valid_from"),
            valid_to=item.get("valid_to"),
            opens_at=_clock(item.get("opens")),
            closes_at=_clock(item.get("closes")),
            description=item.get("text"),
        )

    def _exception(self, owner: str, number: int, item: Mapping[str, Any]) -> models.ServiceException:
        return models.ServiceException(
            id=_id("exception", owner, str(number)),
            service_id=owner,
            schedule_id=_id("schedule", owner, str(item["time"] - 1)) if item.get("time") else None,
            date=item["date"],
            kind=item["kind"],
            opens_at=_clock(item.get("opens")),
            closes_at=_clock(item.get("closes")),
            note=item.get("note"),
        )

    def _cost(self, owner: str, number: int, item: Mapping[str, Any]) -> models.CostOption:
        amount = item.get("amount")
        return models.CostOption(
            id=_id("cost", owner, str(number)),
            service_id=owner,
            amount=None if amount is None else Decimal(str(amount)).quantize(Decimal("0.01")),
            currency="GBP",
            amount_description=item.get("text"),
            valid_from=item.get("valid_from"),
            valid_to=item.get("valid_to"),
        )
