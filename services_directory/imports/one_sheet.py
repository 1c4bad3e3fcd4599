"""The one-sheet CSV: one row a service, in words that a Family Hub worker knows. Reading it, its template, and writing it.

A row with the id of a service above and no name adds a place, a time, a number or a price to that service.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services_directory.imports.notes import CannotRead, Said, said
from services_directory.imports.tabular import LONGEST_CELL, unescaped
from services_directory.imports.weekdays import days
from services_directory.terms import vocabulary
from services_directory.text import fold

Json = dict[str, Any]
Remark = tuple[str, Said]
"""The key of a column (empty: of the file; ``!``: the row is refused) and what there is to say of it."""


@dataclass(frozen=True)
class Column:
    """One column: ``key`` in our own words, its ``header``, an ``example`` for the template, other headers that mean it."""

    key: str
    header: str
    example: str
    others: tuple[str, ...] = ()


COLUMNS = (
    Column("id", "Id", "rhymes-1", ("reference", "service id")),
    Column("name", "Name", "Rhyme time (example)", ("service", "service name", "title")),
    Column("organisation", "Organisation", "Larkmoor Council (example)", ("organization", "provider", "run by")),
    Column("description", "Description", "Songs and rhymes for babies and their grown-ups.", ("about",)),
    Column("needs", "Needs", "baby-and-toddler-groups", ("tags", "categories")),
    Column("modes", "How to take part", "go", ("modes", "mode")),
    Column("level_of_need", "Level of need", "universal", ("level",)),
    Column("minimum_age_months", "Youngest age in months", "0", ("from months",)),
    Column("maximum_age_months", "Oldest age in months", "23", ("to months",)),
    Column("eligibility_description", "Who can come", "Anybody with a baby", ("eligibility",)),
    Column("place", "Place", "Larkmoor Library (example)", ("venue", "location")),
    Column("address", "Address", "12 Example Square", ("street", "address 1")),
    Column("town", "Town", "Larkmoor", ("city",)),
    Column("district", "District", "Larkmoor", ("council", "county")),
    Column("postcode", "Postcode", "ZZ1 1AB", ("post code",)),
    Column("family_hub", "Family Hub", "no"),
    Column("private", "Private address", "no"),
    Column("days", "Days", "TU", ("day", "weekday")),
    Column("interval", "Every how many weeks", "1", ("interval",)),
    Column("dtstart", "First date", "2026-09-01", ("date",)),
    Column("opens_at", "Starts", "10:00", ("start", "start time", "opens")),
    Column("closes_at", "Ends", "11:00", ("end", "end time", "closes")),
    Column("valid_from", "Runs from", ""),
    Column("valid_to", "Runs until", ""),
    Column("time_note", "Note on times", "Not in the school holidays"),
    Column("phone", "Phone", "01632 960123", ("telephone", "phone number", "tel")),
    Column("email", "E-mail", "rhymes@example.org", ("email", "e mail")),
    Column("url", "Web address", "https://www.example.org/rhymes", ("website", "url", "web")),
    Column("cost", "Cost in pounds", "0", ("cost", "price")),
    Column("cost_note", "Note on cost", "", ("fees",)),
    Column("languages", "Languages", "en; ur", ("language",)),
    Column("areas", "Areas served", "Larkmoor", ("area",)),
    Column("referral_route", "Referral", "self", ("referral route",)),
    Column("application_process", "How to join", "Just come along", ("joining",)),
    Column("wait_time", "Waiting time", ""),
    Column("status", "Status", "active"),
    Column("alert", "Alert", ""),
    Column("assured_date", "Last checked", "2026-11-01", ("assured date", "checked")),
    Column("assurer_email", "Checked by", "directory@example.org"),
    # Exports fill these, so that a sheet that comes back is known again; whoever writes one leaves them empty.
    Column("organisation_id", "Organisation id", ""),
    Column("place_id", "Place id", ""),
)
NEEDED = ("name", "organisation")
# What a second row of a service may hold.
_REPEATED = ("place_id", "place", "address", "town", "district", "postcode", "family_hub", "private", "days", "interval", "dtstart",
             "opens_at", "closes_at", "valid_from", "valid_to", "time_note", "phone", "cost", "cost_note")  # fmt: skip
MAX_ROWS = 50_000


def template() -> str:
    """Return the empty sheet with one example row, for a spreadsheet (with a byte order mark, so that Excel reads UTF-8)."""
    return "\ufeff" + write_sheet([{column.key: column.example for column in COLUMNS}])


def write_sheet(rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(column.header for column in COLUMNS)
    for row in rows:
        writer.writerow(safe_cell(row.get(column.key) or "") for column in COLUMNS)
    return out.getvalue()


def safe_cell(value: str) -> str:
    """Return a cell that no spreadsheet runs as a formula."""
    return f"'{value}" if value.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r") and value else value


# ---- Reading ----------------------------------------------------------------------------------------------------------


def read_sheet(content: bytes, name: str) -> Iterator[Any]:
    """Give the services of a sheet. Raises ``CannotRead``."""
    from services_directory.imports.readers import Document

    text, remarks = _text(content, name)
    rows = _table(text, name)
    header = next(rows, None)
    if header is None:
        raise CannotRead(name, said("sheet.no_rows"))
    columns, unknown = _columns(header[1], name)
    if unknown:
        remarks.append(("", said("sheet.unknown_columns", columns=", ".join(unknown))))
    for where, data in _services(rows, columns, name):
        data["_remarks"] = [*data.get("_remarks", []), *remarks]
        remarks = []  # Said once, with the first service.
        yield Document(where, data)


def _text(content: bytes, name: str) -> tuple[str, list[Remark]]:
    from services_directory.imports.readers import decode

    remarks: list[Remark] = []
    try:
        text = decode(content)
    except UnicodeDecodeError as error:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise CannotRead(name, said("sheet.utf_16")) from error
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise CannotRead(name, said("sheet.encoding")) from error
        remarks.append(("", said("sheet.windows")))
    if "\x00" in text:
        if text.count("\x00") > len(text) // 4:
            raise CannotRead(name, said("sheet.not_text"))
        text = text.replace("\x00", "")
        remarks.append(("", said("sheet.nul")))
    return text, remarks


def _table(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Give rows that are not empty, with their line; ``sep=;`` in the first line says what stands between cells."""
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"\"?sep=(.|\\t)\"?\s*", first, re.IGNORECASE)
    lines = 1 if told else 0
    if told:
        text, first = rest, rest.partition("\n")[0]
    counts = Counter({mark: first.count(mark) for mark in ",;\t"})
    delimiter = told[1].replace("\\t", "\t") if told else counts.most_common(1)[0][0]
    csv.field_size_limit(LONGEST_CELL)
    if delimiter in '"\r\n':
        raise CannotRead(name, said("sheet.separator"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found += 1
                if found > MAX_ROWS + 1:
                    raise CannotRead(name, said("sheet.rows", most=f"{MAX_ROWS:,}"))
                yield reader.line_num + lines, row
    except csv.Error as error:
        line = reader.line_num + lines
        where = said("where.line", name=name, number=line)
        raise CannotRead(where, said("sheet.unreadable", why=str(error))) from error


def _folded(header: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", fold(header)).split())


_BY_HEADER = {
    _folded(header): column.key for column in COLUMNS for header in (column.header, column.key, *column.others)
}  # fmt: skip


def _columns(header: list[str], name: str) -> tuple[list[str | None], list[str]]:
    keys = [_BY_HEADER.get(_folded(cell)) for cell in header]
    twice = sorted({header[n].strip() for n, key in enumerate(keys) if key is not None and keys.count(key) > 1})
    if twice:
        raise CannotRead(name, said("sheet.columns_twice", columns=", ".join(twice)))
    missing = [column.header for column in COLUMNS if column.key in NEEDED and column.key not in keys]
    if missing:
        raise CannotRead(name, said("sheet.no_column", columns=missing))
    unknown = [" ".join(cell.split())[:40] for cell, key in zip(header, keys, strict=True) if key is None and cell.strip()]
    return keys, unknown[:20]


def _services(rows: Iterator[tuple[int, list[str]]], columns: list[str | None], name: str) -> Iterator[tuple[Said, Json]]:
    """Give each service with the rows that add to it. The rows of one service need not stand together."""
    found: dict[str, tuple[Said, Json]] = {}
    for line, row in rows:
        where = said("where.line", name=name, number=line)
        cells, remarks = _cells(row, columns)
        own = cells.get("id", "")
        if not cells.get("name") and own in found:
            _add_row(found[own][1], cells)
            found[own][1]["_remarks"] += remarks
            continue
        data = _service(cells)
        data["_remarks"] = remarks
        # A second service with the same id is told of later: here it only must not vanish.
        found[own if own and own not in found else f"\n{line}"] = (where, data)
    yield from found.values()


def _cells(row: list[str], columns: list[str | None]) -> tuple[dict[str, str], list[Remark]]:
    cells: dict[str, str] = {}
    remarks: list[Remark] = []
    if any(cell.strip() for cell in row[len(columns) :]):
        remarks.append(("!", said("sheet.more_cells")))
    for key, cell in zip(columns, row, strict=False):
        value = cell.strip()
        if key is None or not value:
            continue
        if value.startswith("=") or value in ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!"):
            remarks.append((key, said("left_out.formula")))
            continue
        cells[key] = str(unescaped(value))
    return cells, remarks


def _listed(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;,|]", text) if part.strip()]


def _yes(text: str | None) -> bool | None:
    word = (text or "").casefold()
    return True if word in ("yes", "y", "true", "1") else False if word in ("no", "n", "false", "0") else None


_SAME = ("name", "description", "level_of_need", "eligibility_description", "email", "url", "referral_route", "wait_time",
         "application_process", "status", "alert", "assured_date", "assurer_email", "minimum_age_months", "maximum_age_months")  # fmt: skip


def _service(cells: dict[str, str]) -> Json:
    data: Json = {key: cells.get(key) for key in _SAME}
    parts = (cells.get("name", ""), cells.get("organisation", ""), cells.get("postcode", ""))
    data["id"] = cells.get("id") or ("|".join(_folded(part) for part in parts) if cells.get("name") else None)
    organisation, known = cells.get("organisation"), cells.get("organisation_id")
    data["organization"] = {"id": known or _folded(organisation) or organisation, "name": organisation} if organisation else None
    if cells.get("modes"):
        data["modes"] = _listed(cells["modes"].casefold())
    words = vocabulary()
    terms = [code.casefold() for code in _listed(cells.get("needs", ""))]
    data["attributes"] = [{"taxonomy_term": {"taxonomy": words.name, "code": code, "name": code}} for code in terms]
    data["languages"] = [{"code": item} if len(item) <= 3 else {"name": item} for item in _listed(cells.get("languages", ""))]
    data["service_areas"] = [{"name": item} for item in _listed(cells.get("areas", ""))]
    data |= {"service_at_locations": [], "schedules": [], "phones": [], "cost_options": []}
    _add_row(data, cells)
    return data


def _add_row(data: Json, cells: Mapping[str, str]) -> None:
    """Add the place, time, number and price of a row."""
    given = {key: cells.get(key) for key in _REPEATED}
    at = None
    if any(given[key] for key in ("place", "address", "postcode", "town")):
        at = given["place_id"] or "|".join(_folded(given[key] or "") for key in ("place", "address", "postcode", "town"))
        if all(link["id"] != at for link in data["service_at_locations"]):
            data["service_at_locations"].append({"id": at, "location": _location(at, given)})
    if any(given[key] for key in ("days", "dtstart", "opens_at", "time_note")):
        data["schedules"].append(_schedule(given) | {"service_at_location_id": at})
    if given["phone"]:
        data["phones"].append({"number": given["phone"]})
    if given["cost"] or given["cost_note"]:
        data["cost_options"].append({"amount": given["cost"], "amount_description": given["cost_note"]})


def _location(at: str, given: Mapping[str, str | None]) -> Json:
    return {
        "id": at,
        "name": given["place"] or given["address"] or given["town"] or given["postcode"],
        "family_hub": _yes(given["family_hub"]),
        "private": _yes(given["private"]),
        "addresses": [
            {
                "address_1": given["address"],
                "city": given["town"],
                "state_province": given["district"],
                "postal_code": given["postcode"],
            }
        ],
    }


def _schedule(given: Mapping[str, str | None]) -> Json:
    same = ("interval", "dtstart", "opens_at", "closes_at", "valid_from", "valid_to")
    byday = days(given["days"]) if given["days"] else None
    freq = ("MONTHLY" if re.search(r"\d", byday) else "WEEKLY") if byday else None
    return {key: given[key] for key in same} | {"byday": byday, "freq": freq, "description": given["time_note"]}
