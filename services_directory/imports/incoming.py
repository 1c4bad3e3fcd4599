"""One document, however hostile, read into our own fields (``forms``). Nothing here touches a database.

The service itself is read here; its times in ``times``, who runs it and where it is in ``whereabouts``; all by way of ``values``.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from babel import Locale

from services_directory import models
from services_directory.imports import mend
from services_directory.imports.forms import Form, Incoming, encode, unique
from services_directory.imports.mend import shortened
from services_directory.imports.notes import Said, said
from services_directory.imports.readers import Document
from services_directory.imports.times import Times
from services_directory.imports.values import LONGEST_ID, Values, is_object, text_id
from services_directory.imports.whereabouts import read_locations, read_organisation
from services_directory.sheet import LANGUAGE
from services_directory.terms import vocabulary
from services_directory.text import fold


def read_service(document: Document, *, today: date) -> Incoming:
    """Read one document. Never raises for what is in it."""
    return _Reader(document, today).read()


@cache
def _language_codes() -> Mapping[str, str]:
    codes = {fold(name): code for code, name in Locale("en").languages.items() if "_" not in code}
    names = {fold(own): code for code in ("cy", "pl", "ro", "ur", "ar", "bn", "uk") if (own := Locale(code).languages.get(code))}
    three = {"eng": "en", "cym": "cy", "wel": "cy", "pol": "pl", "ron": "ro", "urd": "ur", "ara": "ar", "ben": "bn", "ukr": "uk"}
    return {**codes, **names, **three}


@cache
def _known_codes() -> frozenset[str]:
    return frozenset(Locale("en").languages)


class _Reader(Values):
    def __init__(self, document: Document, today: date) -> None:
        super().__init__(document)
        self.today = today

    def read(self) -> Incoming:
        if not self.is_object:
            self.refuse("", said("not_a_record"))
            return self.out
        for key, what in self._own_remarks():
            if key == "!":
                self.refuse("", what)
            else:
                self.remark(key, what)
        self.out.source_id = text_id(self.data.get("id"))
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
        self.out.organisation = read_organisation(self)
        self.out.locations, self.out.form["locations"], at = read_locations(self)
        self._fields(Times(self, at))
        return self.out

    def _own_remarks(self) -> list[tuple[str, Said]]:
        """Return what our readers had to say of the document. Nothing that came from outside is a tuple."""
        found = self.data.get("_remarks")
        return [one for one in found if isinstance(one, tuple)] if isinstance(found, list) else []

    def _fields(self, times: Times) -> None:
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
        checked = self.take("assured_date", mend.day(data.get("assured_date")))
        if checked is not None and checked > self.today:
            self.remark("assured_date", said("left_out.to_come", value=str(checked)))
            checked = None
        form["assured_date"] = encode(checked)
        form["interpreter"] = self._interpreter()
        self._ages()
        form["schedules"] = times.schedules()
        form["exceptions"] = times.exceptions()
        form["full_since"] = self._full_since()
        form["phones"] = self._phones()
        form["contacts"] = unique([row for item in self.rows(data, "contacts") if (row := self._contact(item))])
        form["languages"] = unique([row for item in self._named(data.get("languages")) if (row := self._language(item))])
        form["cost_options"] = self._costs()
        form["service_areas"] = unique([row for item in self.rows(data, "service_areas") if (row := self._area(item))])
        sources = [self.text(item, "source", name="funding") for item in self.rows(data, "funding")]
        form["funding"] = unique([{"source": source} for source in sources if source])
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

    def _full_since(self) -> str | None:
        """Return since when no place is left, if HSDS's capacities say so of all that they count."""
        rows = self.rows(self.data, "capacities")
        left = [mend.number(row.get("available")) for row in rows]
        if not rows or any(number is None or number > 0 for number in left):
            return None
        days = [day for row in rows if (day := encode(self.take("capacities", mend.day(row.get("updated")))))]
        return max(days, default=None)

    def _phones(self) -> list[Form]:
        groups = [self.rows(self.data, "phones")]
        groups += [self.rows(contact, "phones") for contact in self.rows(self.data, "contacts")]
        for link in self.rows(self.data, "service_at_locations"):
            groups.append(self.rows(link, "phones"))
        if not any(groups):
            location = [link["location"] for link in self.rows(self.data, "service_at_locations") if is_object(link, "location")]
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
        return unique(found)

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
        return unique(found)

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
            term = item["taxonomy_term"] if is_object(item, "taxonomy_term") else {}
            name = self.text(term, "name", 500, name="attributes")
            taxonomy = self.text(term, "taxonomy", 200, name="attributes")
            code = (mend.written(term.get("code")) or text_id(term.get("id")) or fold(name or ""))[:200]
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
