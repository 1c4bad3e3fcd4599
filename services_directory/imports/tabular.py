"""HSDS 3.0 tables in a zip: a CSV file a table, joined into one nested document a service."""

import csv
import io
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from services_directory.imports.notes import CannotRead, Said, said
from services_directory.imports.readers import MAX_SERVICES, Document

MAX_MEMBERS = 200
MAX_UNPACKED = 300 * 1024 * 1024
MAX_ROWS = 1_000_000
LONGEST_CELL = 200_000

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def read_zip(content: bytes, name: str) -> Iterator[Document]:
    """Give the services of a zip. Raises ``CannotRead``; no more than ``MAX_UNPACKED`` bytes are ever unpacked."""
    tables = _tables(content, name)
    if "services" not in tables:
        raise CannotRead(name, said("zip.no_services"))
    if len(tables["services"]) > MAX_SERVICES:
        raise CannotRead(name, said("file.services", most=f"{MAX_SERVICES:,}"))
    joined = _Joined(tables)
    for number, row in enumerate(tables["services"], start=2):
        yield Document(said("where.row", name=name, table="services", number=number), joined.service(row))


def _tables(content: bytes, name: str) -> Tables:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = [member for member in archive.infolist() if member.filename.casefold().endswith(".csv")]
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CannotRead(name, said("zip.damaged")) from error
    if len(archive.infolist()) > MAX_MEMBERS:
        raise CannotRead(name, said("zip.files", most=MAX_MEMBERS))
    tables: Tables = {}
    left = MAX_UNPACKED
    for member in members:
        table = member.filename.replace("\\", "/").rsplit("/", 1)[-1].casefold().removesuffix(".csv")
        try:
            with archive.open(member) as file:
                raw = file.read(left + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
            raise CannotRead(name, said("zip.member", table=table)) from error
        left -= len(raw)
        if left < 0:
            most = MAX_UNPACKED // 1024 // 1024
            raise CannotRead(name, said("zip.large", most=most))
        tables[table] = _rows(raw, said("where.table", name=name, table=table))
    return tables


def _rows(raw: bytes, where: Said) -> list[Row]:
    from services_directory.imports.readers import decode

    try:
        text = decode(raw)
    except UnicodeDecodeError as error:
        raise CannotRead(where, said("zip.encoding")) from error
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.DictReader(io.StringIO(text.replace("\x00", ""), newline=""))
    rows: list[Row] = []
    try:
        for row in reader:
            rows.append({(key or "").strip().casefold(): unescaped(value) for key, value in row.items() if isinstance(key, str)})
            if len(rows) > MAX_ROWS:
                raise CannotRead(where, said("zip.rows", most=f"{MAX_ROWS:,}"))
    except csv.Error as error:
        raise CannotRead(where, said("zip.unreadable", why=str(error))) from error
    return rows


def unescaped(value: Any) -> Any:
    """Take off the apostrophe that is put before a cell which a spreadsheet would take for a formula."""
    return value[1:] if isinstance(value, str) and len(value) > 1 and value[0] == "'" and value[1] in "=+-@\t\r" else value


class _Joined:
    """The tables by the ids that they are joined on."""

    def __init__(self, tables: Tables) -> None:
        self._by: dict[tuple[str, str], defaultdict[str, list[Row]]] = {}
        self._tables = tables

    def _of(self, table: str, column: str, value: Any) -> list[Row]:
        found = self._by.get((table, column))
        if found is None:
            found = self._by[table, column] = defaultdict(list)
            for row in self._tables.get(table, ()):
                if row.get(column):
                    found[str(row[column])].append(row)
        return found[str(value)] if value else []

    def _one(self, table: str, value: Any) -> Row:
        rows = self._of(table, "id", value)
        return rows[0] if rows else {}

    def service(self, row: Row) -> Row:
        own = row.get("id")
        result: Row = {**row}
        for table in (
            "phones",
            "schedules",
            "schedule_exceptions",
            "service_areas",
            "languages",
            "funding",
            "cost_options",
            "contacts",
        ):
            result[table] = [dict(item) for item in self._of(table, "service_id", own)]
        result["capacities"] = self._of("service_capacity", "service_id", own)
        organisation = self._one("organizations", row.get("organization_id"))
        if organisation:
            identifiers = self._of("organization_identifiers", "organization_id", organisation.get("id"))
            result["organization"] = {**organisation, "organization_identifiers": identifiers}
        links = self._of("service_at_location", "service_id", own) or self._of("service_at_locations", "service_id", own)
        result["service_at_locations"] = [{**link, "location": self._location(link.get("location_id"))} for link in links]
        for link in links:
            result["phones"] += self._of("phones", "service_at_location_id", link.get("id"))
            known = {item.get("id") for item in result["schedules"]}
            more = self._of("schedules", "service_at_location_id", link.get("id"))
            result["schedules"] += [dict(item) for item in more if item.get("id") not in known]
        attributes = [item for item in self._of("attributes", "link_id", own) if item.get("link_entity") in ("service", "", None)]
        result["attributes"] = [{**item, "taxonomy_term": self._term(item.get("taxonomy_term_id"))} for item in attributes]
        if isinstance(result.get("modes"), str):
            result["modes"] = [mode.strip() for mode in result["modes"].split(",") if mode.strip()]
        return result

    def _location(self, value: Any) -> Row:
        location = self._one("locations", value)
        own = location.get("id")
        return {
            **location,
            "addresses": self._of("addresses", "location_id", own),
            "accessibility": self._of("accessibility", "location_id", own),
        }

    def _term(self, value: Any) -> Row:
        term = self._one("taxonomy_terms", value)
        taxonomy = self._one("taxonomies", term.get("taxonomy_id"))
        return {**term, "taxonomy": term.get("taxonomy") or taxonomy.get("name")} if term else {}
