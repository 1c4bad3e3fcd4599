"""Comparing a file with what is stored, to make a plan of what an import would do. Reads only."""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from services_directory.imports.forms import Entity, Form, Incoming
from services_directory.imports.incoming import read_service
from services_directory.imports.mend import shortened
from services_directory.imports.notes import Note, Said, said
from services_directory.imports.one_sheet import COLUMNS
from services_directory.imports.plan import Alike, Change, Gone, Options, Plan, Progress, Row, Suggestion
from services_directory.imports.readers import Reading
from services_directory.imports.stored import ALWAYS, Record, Stored, Trace, digits, read_stored, read_traces
from services_directory.imports.suggest import suggest
from services_directory.imports.tables import MergeQuestion, TermQuestion
from services_directory.sheet import _id as minted
from services_directory.terms import vocabulary
from services_directory.text import words

# A feed that has lost this much is more likely broken than true.
MOST_GONE = 0.5
FEW = 10


def same(one: Any, other: Any) -> bool:
    """Compare two values of a form; the order of a list says nothing."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(_key, one)) == sorted(map(_key, other))
    return bool(one == other)


def _key(row: Any) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False)


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == ""


def make_plan(
    session: Session, reading: Reading, options: Options, *, today: date | None = None, progress: Progress | None = None
) -> Plan:
    """Compare a file with what is stored. Reads only."""
    return _Planner(session, reading, options, today or date.today(), progress).plan()


class _Planner:
    def __init__(self, session: Session, reading: Reading, options: Options, today: date, progress: Progress | None) -> None:
        self.session, self.reading, self.options, self.today = session, reading, options, today
        self.progress = progress or (lambda done, total: None)
        self.out = Plan(options, reading.form, short=reading.short)
        self.stored: dict[str, Stored] = {}

    def plan(self) -> Plan:
        taken = self._read_all()
        self._read_stored(taken)
        self._entities("organisation", (item.organisation for item in taken))
        self._entities("location", (place for item in taken for place in item.locations))
        for item in taken:
            self._service(item)
        self._gone()
        self._alike()
        self._suggest()
        return self.out

    # ---- reading ----

    def _read_all(self) -> list[Incoming]:
        """Read every document; of those that carry the same id, the first that can be taken is."""
        taken: dict[str, Incoming] = {}
        total = len(self.reading.documents)
        for number, document in enumerate(self.reading.documents, start=1):
            if number % 200 == 0 or number == total:
                self.progress(number, total)
            item = read_service(document, today=self.today)
            first = taken.get(item.source_id)
            if item.refused:
                self._refuse(item, item.refused)
            elif first is None:
                taken[item.source_id] = item
            elif first.form == item.form:
                note = Note(item.where, item.name, "id", said("there_twice", first=first.where))
                row = Row("service", "leave", item.where, self._mint("service", item.source_id), item.source_id, item.name)
                self.out.rows.append(row)
                row.notes.append(note)
            else:
                fields = sorted(key for key in item.form if not same(item.form[key], first.form.get(key)))
                named = [said(f"field.{name}") for name in fields]
                why = said("id_twice", id=shortened(item.source_id), first=first.where, fields=named)
                self._refuse(item, [Note(item.where, item.name, "id", why)])
        return list(taken.values())

    def _refuse(self, item: Incoming, notes: Sequence[Note]) -> None:
        self.out.rows.append(
            Row("service", "refuse", item.where, "", item.source_id, item.name, notes=[*notes, *item.notes])
        )  # fmt: skip

    def _read_stored(self, taken: list[Incoming]) -> None:
        ids: dict[str, set[str]] = {"service": {item.source_id for item in taken}, "organisation": set(), "location": set()}
        for item in taken:
            if item.organisation:
                ids["organisation"].add(item.organisation.source_id)
            ids["location"] |= {place.source_id for place in item.locations}
        for kind, some in ids.items():
            ours = {value.casefold() for value in some if _is_uuid(value)}
            self.stored[kind] = read_stored(self.session, kind, self.options.source, ours)

    def _mint(self, kind: str, source_id: str) -> str:
        return minted(kind, self.options.source, source_id)

    def _find(self, kind: str, source_id: str) -> Record | None:
        stored = self.stored[kind]
        return (
            stored.by_source.get(source_id)
            or (stored.by_id.get(source_id.casefold()) if _is_uuid(source_id) else None)
            or stored.by_id.get(self._mint(kind, source_id))
        )

    def _ours(self, kind: str, source_id: str) -> str:
        found = self._find(kind, source_id)
        return found.id if found else self._mint(kind, source_id)

    # ---- comparing ----

    def _entities(self, kind: str, found: Iterable[Entity | None]) -> None:
        """Compare organisations or places, each once. Where services tell differently of one, the first to say is taken."""
        merged: dict[str, Form] = {}
        derived: dict[str, frozenset[str]] = {}
        for entity in found:
            if entity is None:
                continue
            form = merged.setdefault(entity.source_id, dict(entity.form))
            derived.setdefault(entity.source_id, entity.derived)
            for name, value in entity.form.items():
                if _empty(form[name]):
                    form[name] = value
        for source_id, form in merged.items():
            self._compare(kind, source_id, form["name"], "", form, [], derived[source_id])

    def _service(self, item: Incoming) -> None:
        form = dict(item.form)
        terms = form.pop("terms")
        ours = vocabulary().name
        form["needs"] = [{"code": row["code"]} for row in terms if row["taxonomy"] == ours]
        form["terms"] = []
        for row in terms:
            if row["taxonomy"] != ours:
                taxonomy = row["taxonomy"] or f"terms of {self.options.source}"
                self.out.terms.setdefault((taxonomy, row["code"]), row)
                form["terms"].append({"taxonomy": taxonomy, "code": row["code"]})
        form["organisation"] = self._ours("organisation", item.organisation.source_id) if item.organisation else None
        places = {place.source_id: self._ours("location", place.source_id) for place in item.locations}
        form["locations"] = [row | {"location": places[row["location"]]} for row in form["locations"]]
        form["schedules"] = [
            row | {"location": places[row["location"]] if row["location"] else None} for row in form["schedules"]
        ]  # fmt: skip
        self._compare("service", item.source_id, item.name, item.where, form, item.notes, item.derived)

    def _compare(
        self, kind: str, source_id: str, name: str, where: Said | str, form: Form, notes: list[Note], derived: Collection[str]
    ) -> None:
        stored = self._find(kind, source_id)
        if stored is None:
            row = Row(kind, "add", where, self._mint(kind, source_id), source_id, name, notes=notes, form=form)
            self.out.rows.append(row)
            return
        foreign = stored.source != self.options.source
        row = Row(kind, "leave", where, stored.id, source_id, name, notes=notes, form=form, foreign=foreign)
        if not self._may_change(stored):
            # Another area's record is not this person's to change.
            row.foreign = True
        row.ours = source_id != stored.source_id
        said = None if row.ours else stored.said
        if said is not None and said.get("gone") and _empty(form.get("status")):
            form["status"] = "active"
        for field_name, new in form.items():
            if kind == "location" and stored.form["private"] and field_name != "name":
                continue  # What goes out of a private place is only its town: it must not come back as the truth.
            if said is None and field_name in derived:
                continue
            self._compare_field(row, field_name, stored.form.get(field_name), said, new)
        if row.changes:
            row.action = "change"
        self.out.rows.append(row)

    def _compare_field(self, row: Row, name: str, old: Any, said: Form | None, new: Any) -> None:
        if same(old, new) or (self.reading.form == "csv" and same(_in_sheet(name, old), _in_sheet(name, new))):
            return
        before = said.get(name) if said else None
        unsaid = self.reading.form == "csv" and name not in _SHEET_FIELDS
        if _empty(new) and (name in ALWAYS or _empty(before) or unsaid):
            return
        if said is not None and same(new, before):
            return  # The source says what it said: the difference is staff's.
        ours = not _empty(old) if said is None else not same(old, before)
        change = Change(name, old, new)
        if row.foreign or ours:
            row.conflicts.append(change)
        else:
            row.changes.append(change)

    # ---- what else there is to say ----

    def _gone(self) -> None:
        if self.reading.short:
            return
        stored = self.stored["service"]
        seen = {row.source_id for row in self.out.rows if row.kind == "service"}
        mine = [record for record in stored.by_source.values() if self._may_change(record)]
        present = [record for record in mine if record.form["status"] == "active"]
        for record in sorted(present, key=lambda record: str(record.form["name"])):
            if record.source_id not in seen:
                self.out.gone.append(Gone(record.id, record.source_id or "", str(record.form["name"])))
        self.out.too_many_gone = len(self.out.gone) > max(FEW, MOST_GONE * len(present))

    def _may_change(self, record: Record) -> bool:
        return self.options.area_id is None or record.area_id in (None, self.options.area_id)

    def _alike(self) -> None:
        added = self.out.services("add")
        if not added:
            return
        by_name: defaultdict[str, list[Trace]] = defaultdict(list)
        for trace in read_traces(self.session):
            by_name[_name_key(trace.name)].append(trace)
        places = {row.id: row.form for row in self.out.rows if row.kind == "location"}
        asked = {tuple(pair) for pair in self.session.query(MergeQuestion.service_id, MergeQuestion.other_id)}
        for row in added:
            trace = self._trace(row, places)
            others = by_name[_name_key(row.name)]
            for other in others[:50]:
                why = _alike_because(trace, other)
                if why and (row.id, other.id) not in asked:
                    source = other.source or said("source.ours")
                    self.out.alike.append(Alike(row.id, row.name, other.id, other.name, source, why))
                    break
            others.append(trace)

    def _trace(self, row: Row, places: dict[str, Form]) -> Trace:
        addresses = [one for link in row.form["locations"] for one in places.get(link["location"], {}).get("addresses", [])]
        postcodes = frozenset(one["postal_code"] for one in addresses if one["postal_code"])
        numbers = frozenset(digits(phone["number"]) for phone in row.form["phones"])
        return Trace(row.id, self.options.source, row.source_id, row.name, postcodes, numbers)

    def _suggest(self) -> None:
        asked = {service_id for (service_id,) in self.session.query(TermQuestion.service_id).distinct()}
        for row in self.out.rows:
            if row.kind != "service" or row.action == "refuse" or row.foreign or not row.form or row.id in asked:
                continue
            stored = self.stored["service"].by_id.get(row.id)
            if row.form["needs"] or (stored and stored.form["needs"]):
                continue
            names = [self.out.terms[term["taxonomy"], term["code"]]["name"] for term in row.form["terms"]]
            for code, why in suggest(row.name, row.form["description"] or "", names):
                self.out.suggestions.append(Suggestion(row.id, row.name, code, why))


# What one sheet can say of a list: a number has no type there, a price one text instead of two.
_SHEET_COLUMNS = {
    "schedules": ("byday", "interval", "dtstart", "opens_at", "closes_at", "valid_from", "valid_to", "description", "location"),
    "languages": ("code",),
    "service_areas": ("name",),
    "addresses": ("address_1", "city", "state_province", "postal_code"),
    "locations": ("location",),
}


# Fields that one sheet has a column for: only these can be emptied by it.
_SHEET_FIELDS = {column.key for column in COLUMNS} | {"locations", "schedules", "phones", "cost_options", "service_areas"}


def _in_sheet(name: str, value: Any) -> Any:
    """Return a value as one sheet would say it, so that what a sheet cannot say does not count as changed."""
    if not isinstance(value, list):
        return value
    if name == "phones":
        return [{"number": row["number"], "extension": row["extension"], "words": row["description"]} for row in value]
    if name == "cost_options":
        words = [" ".join(filter(None, (row["option"], row["amount_description"]))) for row in value]
        return [{"amount": row["amount"], "words": text} for row, text in zip(value, words, strict=True)]
    columns = _SHEET_COLUMNS.get(name)
    return [{column: row[column] for column in columns} for row in value] if columns else value


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and str(uuid.UUID(text)) == text.casefold()
    except ValueError:
        return False


def _name_key(name: str) -> str:
    return " ".join(sorted(set(words(name)) - {"the", "a", "and", "at", "in", "of"}))


def _alike_because(one: Trace, other: Trace) -> Said | None:
    if shared := one.postcodes & other.postcodes:
        return said("alike.postcode", postcode=min(shared))
    if one.numbers & other.numbers and not (one.postcodes and other.postcodes):
        return said("alike.phone")
    return None
