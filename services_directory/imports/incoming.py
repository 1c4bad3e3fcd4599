"""One document, however hostile, read into our own fields. Nothing here touches a database.

A *form* is a record as plain JSON values (dates as ISO text, amounts as ``"2.50"``), so that what came, what came last time and
what is stored can be compared field by field. ``None`` and ``[]`` mean that the source does not say.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from babel import Locale

from services_directory import models
from services_directory.imports import mend
from services_directory.imports.mend import Mended, shortened
from services_directory.imports.notes import Note, Said, said
from services_directory.imports.readers import Document
from services_directory.places import nations_of_postcode, read_postcode
from services_directory.sheet import LANGUAGE
from services_directory.single_dates import joined
from services_directory.terms import vocabulary
from services_directory.text import fold
from services_directory.timetables import DAYS, parse_byday, parse_bymonthday

Form = dict[str, Any]
MOST_PARTS = 200
LONGEST_ID = 200


@dataclass(frozen=True)
class Entity:
    """An organisation or a location, with the id it has at its source."""

    source_id: str
    form: Form
    derived: frozenset[str] = frozenset()


@dataclass
class Incoming:
    """One service as it will be compared. ``refused`` says why it cannot be taken; ``notes`` what was mended or left out.

    ``derived`` are fields that the source does not give itself: they fill a new record, and change no old one.
    """

    where: Said | str
    source_id: str = ""
    name: str = ""
    form: Form = field(default_factory=dict)
    organisation: Entity | None = None
    locations: list[Entity] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    derived: set[str] = field(default_factory=set)


def encode(value: Any) -> Any:
    """Return a value of a table as plain JSON, the same however it was stored."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value


def rule_of(schedule: Form) -> str:
    """Return what tells the schedules of one service apart, in a form as in the tables: an exception names its schedule so."""
    return " ".join(str(schedule[key] or "-") for key in ("freq", "interval", "byday", "bymonthday", "dtstart", "opens_at"))


def read_service(document: Document, *, today: date) -> Incoming:
    """Read one document. Never raises for what is in it."""
    return _Reader(document, today).read()


def _text_id(value: Any) -> str:
    return str(value).encode("utf-8", "ignore").decode().replace("\x00", "").strip() if isinstance(value, str | int) else ""


def _slug(*parts: str | None) -> str:
    return hashlib.sha256("\n".join(fold(part or "") for part in parts).encode()).hexdigest()[:32]


@cache
def _language_codes() -> Mapping[str, str]:
    codes = {fold(name): code for code, name in Locale("en").languages.items() if "_" not in code}
    names = {fold(own): code for code in ("cy", "pl", "ro", "ur", "ar", "bn", "uk") if (own := Locale(code).languages.get(code))}
    three = {"eng": "en", "cym": "cy", "wel": "cy", "pol": "pl", "ron": "ro", "urd": "ur", "ara": "ar", "ben": "bn", "ukr": "uk"}
    return {**codes, **names, **three}


@cache
def _known_codes() -> frozenset[str]:
    return frozenset(Locale("en").languages)


class _Reader:
    def __init__(self, document: Document, today: date) -> None:
        self.out = Incoming(document.where)
        self.data: Mapping[str, Any] = document.data if isinstance(document.data, dict) else {}
        self.today = today
        self.is_object = isinstance(document.data, dict)
        self.at: dict[str, str] = {}
        self.rules: dict[str, str] = {}

    # ---- saying ----

    def refuse(self, name: str, why: Said) -> None:
        self.out.refused.append(Note(self.out.where, self.record, name, why))

    def remark(self, name: str, what: Said | None) -> None:
        if what and len(self.out.notes) < MOST_PARTS:
            self.out.notes.append(Note(self.out.where, self.record, name, what))

    @property
    def record(self) -> str:
        return shortened(self.out.name) if self.out.name else self.out.source_id[:60]

    # ---- single values ----

    def _take(self, name: str, mended: Mended) -> Any:
        self.remark(name, mended[1])
        return mended[0]

    def text(self, holder: Mapping[str, Any], key: str, longest: int = mend.LONGEST_TEXT, *, name: str = "") -> str | None:
        value = holder.get(key)
        if isinstance(value, dict | list) and value:
            self.remark(name or key, said("left_out.text"))
        found: str | None = self._take(name or key, mend.text(value, longest))
        return found

    def valued(self, holder: Mapping[str, Any], key: str, read: Callable[[Any], Mended], *, name: str = "") -> Any:
        return encode(self._take(name or key, read(holder.get(key))))

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        given = mend.written(self.data.get(key))
        if given is None:
            return None
        word = given.casefold().replace("_", " ")
        if word in choices:
            return word
        self.remark(key, said("left_out.choice", value=shortened(given), choices=", ".join(choices)))
        return None

    def rows(self, holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        value = holder.get(key)
        if value is None or value == "":
            return []
        listed = value if isinstance(value, list) else [value]
        found: list[Mapping[str, Any]] = [row for row in listed if isinstance(row, dict)]
        if len(found) < len([row for row in listed if row is not None]):
            self.remark(key, said("left_out.records"))
        if len(found) > MOST_PARTS:
            self.remark(key, said("left_out.too_many", most=MOST_PARTS))
        return found[:MOST_PARTS]

    # ---- the service ----

    def read(self) -> Incoming:
        if not self.is_object:
            self.refuse("", said("not_a_record"))
            return self.out
        for key, what in self._own_remarks():
            if key == "!":
                self.refuse("", what)
            else:
                self.remark(key, what)
        self.out.source_id = _text_id(self.data.get("id"))
        self.out.name = self.text(self.data, "name", 500) or ""
        if not self.out.source_id:
            self.refuse("id", said("no_id"))
        elif len(self.out.source_id) > LONGEST_ID:
            self.out.source_id = self.out.source_id[:LONGEST_ID]
            self.refuse("id", said("long_id", most=LONGEST_ID))
        if not self.out.name:
            self.refuse("name", said("no_name"))
        if self.out.refused:
            return self.out
        self._organisation()
        self._locations()
        self._fields()
        return self.out

    def _own_remarks(self) -> list[tuple[str, Said]]:
        """Return what our readers had to say of the document. Nothing that came from outside is a tuple."""
        found = self.data.get("_remarks")
        return [one for one in found if isinstance(one, tuple)] if isinstance(found, list) else []

    def _fields(self) -> None:
        data, form = self.data, self.out.form
        form["name"] = self.out.name
        for key in ("alternate_name", "description", "eligibility_description", "application_process", "wait_time"):
            form[key] = self.text(data, key)
        form["accreditations"], form["alert"] = self.text(data, "accreditations"), self.text(data, "alert")
        form["fees_description"] = self.text(data, "fees_description") or self.text(data, "fees")
        form["url"] = self.valued(data, "url", mend.web)
        form["email"] = self.valued(data, "email", mend.email)
        form["assurer_email"] = self.valued(data, "assurer_email", mend.email)
        form["status"] = self.choice("status", models.STATUSES)
        form["level_of_need"] = self.choice("level_of_need", models.LEVELS)
        form["referral_route"] = self.choice("referral_route", models.ROUTES)
        for key in ("visible_from", "visible_to", "wait_time_date"):
            form[key] = self.valued(data, key, mend.day)
        checked = self._take("assured_date", mend.day(data.get("assured_date")))
        if checked is not None and checked > self.today:
            self.remark("assured_date", said("left_out.to_come", value=str(checked)))
            checked = None
        form["assured_date"] = encode(checked)
        form["interpreter"] = self._interpreter()
        self._ages()
        form["schedules"] = self._schedules()
        form["exceptions"] = _unique([row for one in self.rows(data, "schedule_exceptions") if (row := self._exception(one))])
        form["full_since"] = self._full_since()
        form["phones"] = self._phones()
        form["contacts"] = _unique([row for item in self.rows(data, "contacts") if (row := self._contact(item))])
        form["languages"] = _unique([row for item in self._named(data.get("languages")) if (row := self._language(item))])
        form["cost_options"] = self._costs()
        form["service_areas"] = _unique([row for item in self.rows(data, "service_areas") if (row := self._area(item))])
        sources = [self.text(item, "source", name="funding") for item in self.rows(data, "funding")]
        form["funding"] = _unique([{"source": source} for source in sources if source])
        form["terms"] = self._terms()
        form["modes"] = self._modes()

    def _interpreter(self) -> bool | None:
        stated = mend.flag(self.data.get("interpreter"))
        if stated is not None:
            return stated
        said = fold(self.text(self.data, "interpretation_services") or "")
        if not said:
            return None
        return re.match(r"(no|none|not|false)\b", said) is None

    def _ages(self) -> None:
        data, form = self.data, self.out.form
        given = [data.get("minimum_age_months"), data.get("maximum_age_months")]
        if any(mend.written(value) for value in given):
            low, high = (mend.whole(value, -10, 1200) for value in given)
            for name, value, read in zip(("minimum_age_months", "maximum_age_months"), given, (low, high), strict=True):
                if mend.written(value) and read is None:
                    self.remark(name, said("left_out.months", value=shortened(str(value))))
            if low is not None and high is not None and low > high:
                self.remark("minimum_age_months", said("left_out.ages_backwards", low=low, high=high))
                low = high = None
        else:
            low, high, remark = mend.ages(data.get("minimum_age"), data.get("maximum_age"))
            self.remark("minimum_age", remark)
        form["minimum_age_months"], form["maximum_age_months"] = low, high

    def _modes(self) -> list[Form]:
        given = self.data.get("modes")
        listed = [str(mode).casefold() for mode in given if isinstance(mode, str)] if isinstance(given, list) else []
        known = [mode for mode in models.MODES if mode in listed]
        if wrong := [mode for mode in listed if mode not in models.MODES]:
            self.remark("modes", said("left_out.mode", value=shortened(wrong[0]), choices=", ".join(models.MODES)))
        if not known:
            self.out.derived.add("modes")
            if any(place.form["location_type"] == "physical" for place in self.out.locations):
                known = ["go"]
            elif self.out.form["phones"]:
                known = ["phone"]
            elif self.out.form["url"]:
                known = ["online"]
        return [{"mode": mode} for mode in known]

    def _named(self, value: Any) -> list[Mapping[str, Any]]:
        """Return records from a list in which a text stands for a record with that name."""
        listed = value if isinstance(value, list) else [value]
        texts = [{"name": part.strip()} for one in listed if isinstance(one, str) for part in one.split(",") if part.strip()]
        return [*texts, *self.rows({"languages": [one for one in listed if not isinstance(one, str)]}, "languages")]

    def _schedules(self) -> list[Form]:
        found = []
        for item in joined(self.rows(self.data, "schedules")):
            row = self._schedule(item)
            if row:
                found.append(row)
                self.rules[_text_id(item.get("id"))] = rule_of(row)
        return _unique(found)

    def _exception(self, item: Mapping[str, Any]) -> Form | None:
        """Read one of our own single dates, as an export has them: no standard has any."""
        row: Form = {"date": self.valued(item, "date", mend.day, name="schedules"), "kind": mend.written(item.get("kind"))}
        if row["date"] is None or row["kind"] not in models.EXCEPTIONS:
            self.remark("schedules", said("left_out.single_date"))
            return None
        for key in ("opens_at", "closes_at"):
            row[key] = self.valued(item, key, mend.clock, name="schedules")
        row["note"] = self.text(item, "note", 2000, name="schedules")
        row["rule"] = self.rules.get(_text_id(item.get("schedule_id")))
        return row

    def _full_since(self) -> str | None:
        """Return since when no place is left, if HSDS's capacities say so of all that they count."""
        rows = self.rows(self.data, "capacities")
        left = [mend.number(row.get("available")) for row in rows]
        if not rows or any(number is None or number > 0 for number in left):
            return None
        days = [day for row in rows if (day := encode(self._take("capacities", mend.day(row.get("updated")))))]
        return max(days, default=None)

    def _schedule(self, item: Mapping[str, Any]) -> Form | None:
        def say(what: Said | None) -> None:
            self.remark("schedules", what)

        row: Form = {}
        for key in ("valid_from", "valid_to", "dtstart", "until"):
            row[key] = self.valued(item, key, mend.day, name="schedules")
        for begin, end in (("valid_from", "valid_to"), ("dtstart", "until")):
            if row[begin] and row[end] and row[end] < row[begin]:
                say(said("left_out.end_first", end=row[end], begin=row[begin]))
                row[end] = None
        for key in ("opens_at", "closes_at"):
            row[key] = self.valued(item, key, mend.clock, name="schedules")
        if row["opens_at"] and row["opens_at"] == row["closes_at"]:
            row["closes_at"] = None
        freq = (mend.written(item.get("freq")) or "").upper()
        given = item.get("byday")
        byday = mend.days(given).upper().replace(" ", "")[:100] if given and not isinstance(given, dict | bool) else None
        if isinstance(given, str) and byday != given.upper().replace(" ", "")[:100]:
            say(said("read_as", value=shortened(given), read=byday or ""))
        if freq == "DAILY" and not byday:
            freq, byday = "WEEKLY", ",".join(DAYS)
            say(said("every_day"))
        row["freq"] = freq if freq in models.FREQUENCIES else None
        if freq and row["freq"] is None:
            say(said("left_out.frequency", value=shortened(freq)))
        row["interval"] = mend.whole(item.get("interval"), 1, 520) or 1
        row["byday"] = self._days(byday, parse_byday, str(given))
        if row["freq"] == "WEEKLY" and row["byday"] and re.search(r"\d", row["byday"]):
            say(said("weekly_days", value=row["byday"]))
            row["byday"] = re.sub(r"[+-]?\d", "", row["byday"])
        month_days = (mend.written(item.get("bymonthday")) or "").replace(" ", "")[:100] or None
        # The standard's own example gives days of the month to a weekly rule, where they mean nothing.
        row["bymonthday"] = self._days(month_days, parse_bymonthday) if row["freq"] == "MONTHLY" else None
        if row["interval"] > 1 and not row["dtstart"]:
            say(said("no_beginning"))
        row["description"] = self.text(item, "description", 2000, name="schedules")
        row["notes"] = self.text(item, "notes", 2000, name="schedules")
        row["attending_type"] = self.text(item, "attending_type", 500, name="schedules")
        row["schedule_link"] = self.valued(item, "schedule_link", mend.web, name="schedules")
        row["location"] = self.at.get(_text_id(item.get("service_at_location_id"))) or None
        tells = any(row[key] for key in ("freq", "dtstart", "opens_at", "description", "notes", "valid_from", "schedule_link"))
        return row if tells else None

    def _days(self, text: str | None, parse: Callable[[str], object], given: str = "") -> str | None:
        """Return ``text`` if it can be parsed; ``given`` is what was written, to speak of."""
        if text is None:
            return None
        try:
            parse(text)
        except ValueError:
            self.remark("schedules", said("left_out.days", value=shortened(given or text)))
            return None
        return text

    def _phones(self) -> list[Form]:
        groups = [self.rows(self.data, "phones")]
        groups += [self.rows(contact, "phones") for contact in self.rows(self.data, "contacts")]
        for link in self.rows(self.data, "service_at_locations"):
            groups.append(self.rows(link, "phones"))
        if not any(groups):
            location = [link["location"] for link in self.rows(self.data, "service_at_locations") if _is_object(link, "location")]
            groups += [self.rows(place, "phones") for place in location]
        organisation = self.data.get("organization")
        if not any(groups) and isinstance(organisation, dict):
            groups.append(self.rows(organisation, "phones"))
        found: list[Form] = []
        for item in (item for group in groups for item in group):
            numbers, remark = mend.phones(item.get("number"))
            self.remark("phones", remark)
            words = self.text(item, "description", 500, name="phones")
            for number, extension, rest in numbers:
                found.append(
                    {
                        "number": number[:50],
                        "extension": mend.whole(item.get("extension"), 0, 999_999) or extension,
                        "type": self.text(item, "type", 20, name="phones"),
                        "description": words or rest,
                    }
                )
        return _unique(found)

    def _contact(self, item: Mapping[str, Any]) -> Form | None:
        row = {key: self.text(item, key, 500, name="contacts") for key in ("name", "title", "department")}
        row["email"] = self.valued(item, "email", mend.email, name="contacts")
        return row if any(row.values()) else None

    def _language(self, item: Mapping[str, Any]) -> Form | None:
        name = self.text(item, "name", 100, name="languages")
        code = (mend.written(item.get("code")) or "").casefold()
        code = _language_codes().get(code, code)
        if not (LANGUAGE.fits(code) and code.split("-")[0] in _known_codes()):
            code = _language_codes().get(fold(name or code), "")
        if not code:
            if name or item.get("code"):
                self.remark("languages", said("left_out.language", value=shortened(str(name or item.get("code")))))
            return None
        note = self.text(item, "note", 1000, name="languages")
        return {"code": code, "name": name, "note": note}

    def _costs(self) -> list[Form]:
        found: list[Form] = []
        for item in self.rows(self.data, "cost_options"):
            row: Form = {"valid_from": self.valued(item, "valid_from", mend.day, name="cost_options")}
            row["valid_to"] = self.valued(item, "valid_to", mend.day, name="cost_options")
            row["option"] = self.text(item, "option", 500, name="cost_options")
            row["amount_description"] = self.text(item, "amount_description", 1000, name="cost_options")
            given = item.get("amount")
            negative = (mend.number(given) or 0) < 0
            amount, remark = (None, said("left_out.price_below_nothing")) if negative else mend.amount(given)
            self.remark("cost_options", remark)
            words = mend.text(given, 500)[0] if isinstance(given, str) and mend.number(given) is None else None
            if words and words not in (row["amount_description"] or ""):
                row["amount_description"] = " ".join(filter(None, (row["amount_description"], words)))
            row["amount"] = encode(amount)
            currency = (mend.written(item.get("currency")) or "GBP").upper()
            row["currency"] = currency if re.fullmatch(r"[A-Z]{3}", currency) else "GBP"
            if row["amount"] is not None or row["option"] or row["amount_description"]:
                found.append(row)
        fees = fold(self.out.form["fees_description"] or "").strip(" .!")
        if not found and fees in ("free", "no charge", "no cost", "free of charge"):
            found.append({"valid_from": None, "valid_to": None, "option": None, "amount_description": None, "amount": "0.00",
                          "currency": "GBP"})  # fmt: skip
            self.out.derived.add("cost_options")
            self.remark("fees", said("free_kept"))
        return _unique(found)

    def _area(self, item: Mapping[str, Any]) -> Form | None:
        name = self.text(item, "name", 500, name="service_areas")
        words = self.text(item, "service_area", 2000, name="service_areas")
        words = words or self.text(item, "description", 2000, name="service_areas")
        if not (name or words):
            return None
        extent = item.get("extent")
        kind = mend.written(item.get("extent_type"))
        return {
            "name": name or words,
            "description": words if words != name and name else None,
            "extent": mend.written(extent) if isinstance(extent, str) else None,
            "extent_type": kind[:20] if kind and kind.casefold() in ("geojson", "topojson", "kml", "text") else None,
            "uri": self.valued(item, "uri", mend.web, name="service_areas"),
        }

    def _terms(self) -> list[Form]:
        words, found = vocabulary(), []
        for item in self.rows(self.data, "attributes"):
            term = item["taxonomy_term"] if _is_object(item, "taxonomy_term") else {}
            name = self.text(term, "name", 500, name="attributes")
            taxonomy = self.text(term, "taxonomy", 200, name="attributes")
            code = (mend.written(term.get("code")) or _text_id(term.get("id")) or fold(name or ""))[:200]
            if not code or not (name or mend.written(term.get("code"))):
                continue
            if taxonomy == words.name:
                if code not in words.terms:
                    self.remark("needs", said("left_out.need", value=shortened(code)))
                    continue
                name = words.terms[code].name
            uri = self.valued(term, "term_uri", mend.web, name="attributes")
            about = self.text(term, "description", 2000, name="attributes")
            found.append({"taxonomy": taxonomy, "code": code, "name": name or code, "uri": uri, "description": about})
        return list({(row["taxonomy"], row["code"]): row for row in found}.values())

    # ---- who and where ----

    def _organisation(self) -> None:
        item = self.data.get("organization")
        item = item[0] if isinstance(item, list) and len(item) == 1 else item
        item = {"name": item} if isinstance(item, str) else item if isinstance(item, dict) else {}
        name = self.text(item, "name", 500, name="organization")
        own = _text_id(item.get("id")) or _text_id(self.data.get("organization_id"))
        if not name and not own:
            self.refuse("organization", said("no_organisation"))
            return
        if not name:
            self.remark("organization", said("organisation_unnamed"))
        identifiers = []
        for row in self.rows(item, "organization_identifiers"):
            kind = self.text(row, "identifier_type", 100, name="organization")
            value = self.text(row, "identifier", 200, name="organization")
            scheme = self.text(row, "identifier_scheme", 50, name="organization")
            if value:
                kind = kind or scheme or "Identifier"
                identifiers.append({"identifier_scheme": scheme, "identifier_type": kind, "identifier": value})
        form: Form = {
            "name": name or own[:200],
            "alternate_name": self.text(item, "alternate_name", 500, name="organization"),
            "description": self.text(item, "description", name="organization"),
            "email": self.valued(item, "email", mend.email, name="organization"),
            "website": self.valued(item, "website", mend.web, name="organization"),
            "logo": self.valued(item, "logo", mend.web, name="organization"),
            "uri": self.valued(item, "uri", mend.web, name="organization"),
            "identifiers": _unique(identifiers),
        }
        source_id = own if 0 < len(own) <= LONGEST_ID else _slug(name or own)
        self.out.organisation = Entity(source_id, form)

    def _locations(self) -> None:
        links: list[Form] = []
        for link in self.rows(self.data, "service_at_locations"):
            found = self.rows(link, "location")
            item = found[0] if found else {}
            own = _text_id(item.get("id")) or _text_id(link.get("location_id"))
            entity = self._location(item, own)
            if entity is None:
                continue
            self.at[_text_id(link.get("id"))] = entity.source_id
            if all(known.source_id != entity.source_id for known in self.out.locations):
                self.out.locations.append(entity)
                description = self.text(link, "description", 2000, name="service_at_locations")
                links.append({"location": entity.source_id, "description": description})
        self.at.pop("", None)
        self.out.form["locations"] = links

    def _location(self, item: Mapping[str, Any], own: str) -> Entity | None:
        kind = (mend.written(item.get("location_type")) or "physical").casefold()
        kind = kind if kind in models.LOCATION_TYPES else "physical"
        name = self.text(item, "name", 500, name="location")
        rows = self.rows(item, "addresses")
        named = name or next((text for row in rows if (text := mend.text(row.get("address_1"), 500)[0])), None)
        addresses = _unique([row for one in rows if (row := self._address(one, named))])
        latitude, longitude = self._point(item)
        if not (named or addresses or latitude is not None):
            if own or item:
                self.remark("location", said("left_out.place"))
            return None
        postcode = read_postcode(addresses[0]["postal_code"]) if addresses else None
        nations = nations_of_postcode(postcode) if postcode else frozenset()
        nation = mend.written(item.get("nation"))
        form: Form = {
            "location_type": kind,
            "name": named
            or (addresses[0]["postal_code"] or addresses[0]["city"] if addresses else None)
            or "Place without a name",
            "description": self.text(item, "description", 2000, name="location"),
            "transportation": self.text(item, "transportation", 1000, name="location"),
            "latitude": latitude,
            "longitude": longitude,
            "external_identifier": self.text(item, "external_identifier", 100, name="location"),
            "external_identifier_type": self.text(item, "external_identifier_type", 50, name="location"),
            "nation": nation if nation in models.NATIONS else next(iter(nations)) if len(nations) == 1 else None,
            "family_hub": mend.flag(item.get("family_hub")),
            "private": mend.flag(item.get("private")),
            "addresses": addresses,
            "accessibility": _unique([row for one in self.rows(item, "accessibility") if (row := self._access(one))]),
        }
        short = 0 < len(own) <= LONGEST_ID
        first = addresses[0] if addresses else {}
        source_id = own if short else _slug(own, form["name"], first.get("address_1"), first.get("postal_code"))
        return Entity(source_id, form, frozenset() if nation in models.NATIONS else frozenset({"nation"}))

    def _point(self, item: Mapping[str, Any]) -> tuple[float | None, float | None]:
        latitude, longitude = mend.number(item.get("latitude")), mend.number(item.get("longitude"))
        if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
            return None, None
        if _in_uk(longitude, latitude) and not _in_uk(latitude, longitude):
            latitude, longitude = longitude, latitude
            self.remark("location", said("swapped"))
        if not _in_uk(latitude, longitude):
            self.remark("location", said("left_out.coordinates", latitude=f"{latitude:g}", longitude=f"{longitude:g}"))
            return None, None
        return round(latitude, 6), round(longitude, 6)

    def _address(self, item: Mapping[str, Any], name: str | None) -> Form | None:
        texts = {
            key: self.text(item, key, 500, name="address")
            for key in ("attention", "address_1", "address_2", "city", "region", "state_province")
        }
        key = "postal_code" if item.get("postal_code") else "postcode"
        postcode = self.valued(item, key, mend.postcode, name="postal_code")
        lines = [texts["address_1"], texts["address_2"]]
        district = texts["state_province"] or texts["region"]
        town = texts["city"] or district or (postcode.split()[0] if postcode else None)
        if not (postcode or any(lines) or texts["city"]):
            return None
        kind = (mend.written(item.get("address_type")) or "physical").casefold()
        country = (mend.written(item.get("country")) or "GB").upper()
        return {
            "attention": texts["attention"],
            "address_1": ", ".join(line for line in lines if line) or name or town or "",
            "city": town or "",
            "region": texts["region"],
            "state_province": district or town or "",
            "postal_code": postcode or "",
            "country": country if re.fullmatch(r"[A-Z]{2}", country) and country != "UK" else "GB",
            "address_type": kind if kind in models.LOCATION_TYPES else "physical",
        }

    def _access(self, item: Mapping[str, Any]) -> Form | None:
        row = {
            "description": self.text(item, "description", 1000, name="accessibility")
            or self.text(item, "accessibility", 1000, name="accessibility"),
            "details": self.text(item, "details", 2000, name="accessibility"),
            "url": self.valued(item, "url", mend.web, name="accessibility"),
        }
        return row if any(row.values()) else None


def _is_object(holder: Mapping[str, Any], key: str) -> bool:
    return isinstance(holder.get(key), dict)


def _in_uk(latitude: float, longitude: float) -> bool:
    return 49 <= latitude <= 61.5 and -9 <= longitude <= 4


def _unique(rows: list[Form]) -> list[Form]:
    return list({repr(sorted(row.items(), key=lambda item: item[0])): row for row in rows}.values())
