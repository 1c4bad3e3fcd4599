"""Bytes of any form that services come in, read into documents shaped like HSDS 3.0: one nested object a service.

Known by what is in them, not by their name: JSON (a list, a page of Open Referral UK 1.0 or 3.0, one service, or one object
a line), a zip of HSDS 3.0 tables, or the one-sheet CSV. Sizes are bounded before anything is unpacked or parsed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services_directory.imports.notes import CannotRead, Said, said
from services_directory.imports.version_one import from_version_one, is_version_one

MAX_BYTES = 200 * 1024 * 1024
MAX_SERVICES = 50_000
LISTS = ("contents", "content", "services", "items", "data", "results")

Json = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """One service as it came, with where it was found. ``data`` may still be anything at all."""

    where: Said | str
    data: Any


@dataclass(frozen=True)
class Reading:
    """All documents of a file, and its ``form``: oruk-1, oruk-3 (also HSDS JSON), hsds-zip or csv.

    ``short``: why services may be missing that the source has, for staff; then none counts as gone.
    """

    form: str
    documents: tuple[Document, ...]
    short: Said | None = None


def read_bytes(content: bytes, name: str) -> Reading:
    """Read a file. Raises ``CannotRead``."""
    if len(content) > MAX_BYTES:
        most = MAX_BYTES // 1024 // 1024
        raise CannotRead(name, said("file.large", most=most))
    if not content.strip(b"\x00 \r\n\t\xef\xbb\xbf"):
        raise CannotRead(name, said("file.empty"))
    if content[:4] == b"PK\x03\x04":
        from services_directory.imports.tabular import read_zip

        return _bounded(Reading("hsds-zip", tuple(read_zip(content, name))), name)
    if _looks_like_json(content):
        return _bounded(_read_json(content, name), name)
    if content[:4] in (b"PK\x05\x06", b"%PDF", b"\xd0\xcf\x11\xe0") or content[:2] == b"\x1f\x8b":
        raise CannotRead(name, said("file.kind"))
    from services_directory.imports.one_sheet import read_sheet

    return _bounded(Reading("csv", tuple(read_sheet(content, name))), name)


def _bounded(reading: Reading, name: str) -> Reading:
    if len(reading.documents) > MAX_SERVICES:
        raise CannotRead(name, said("file.services", most=f"{MAX_SERVICES:,}"))
    return reading


def _looks_like_json(content: bytes) -> bool:
    start = content[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t\x00")
    return start[:1] in (b"{", b"[")


def _read_json(content: bytes, name: str) -> Reading:
    data = parse_json(content, name)
    found = services_in(data)
    if found is None:
        raise CannotRead(name, said("json.no_list"))
    return reading_of([(said("where.service", name=name, number=number), item) for number, item in enumerate(found, start=1)])


def reading_of(found: list[tuple[Said | str, Any]], short: Said | None = None) -> Reading:
    """Return documents in one shape, whichever version of the standard they are in."""
    old = any(is_version_one(item) for _, item in found)
    documents = tuple(Document(where, from_version_one(item) if is_version_one(item) else item) for where, item in found)
    return Reading("oruk-1" if old else "oruk-3", documents, short)


def parse_json(content: bytes, name: Said | str) -> Any:
    """Parse JSON, or one object a line. Raises ``CannotRead``."""
    try:
        text = decode(content)
    except UnicodeDecodeError as error:
        raise CannotRead(name, said("json.encoding")) from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise CannotRead(name, said("json.deep")) from error
    except json.JSONDecodeError as error:
        lines = _lines(text) if error.msg == "Extra data" else None
        if lines is not None:
            return lines
        what = said("json.invalid", why=error.msg, line=error.lineno, column=error.colno)
        raise CannotRead(name, what) from error
    except ValueError as error:
        raise CannotRead(name, said("json.number")) from error


def _lines(text: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def decode(content: bytes) -> str:
    """Return text in UTF-8 or UTF-16, with or without its mark. Raises ``UnicodeDecodeError``."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def services_in(data: Any) -> list[Any] | None:
    """Return the services of a list, a page, HSDS organisations with services inside, or one service; else ``None``."""
    if isinstance(data, list):
        return list(_unwrapped(data))
    if not isinstance(data, dict):
        return None
    for key in LISTS:
        if isinstance(data.get(key), list):
            return list(_unwrapped(data[key]))
    if isinstance(data.get("organizations"), list):
        return list(_unwrapped(data["organizations"]))
    if isinstance(data.get("service"), dict):
        return [data["service"]]
    return list(_unwrapped([data])) if "name" in data else None


def _unwrapped(items: list[Any]) -> Iterator[Any]:
    """Give services; of an organisation with services inside, each of them with its organisation."""
    for item in items:
        inside = item.get("services") if isinstance(item, dict) and "organization" not in item else None
        if not isinstance(inside, list):
            yield item
            continue
        outer: Mapping[str, Any] = {key: value for key, value in item.items() if key != "services"}
        for service in inside:
            yield {"organization": outer, **service} if isinstance(service, dict) else service
