"""Writing what is published back into `content/` and `locales/`, as files. Doing it twice changes nothing more, byte for byte."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import catalogs, checks, interface, listing
from bot.desk.store import written_of
from bot.library import Library
from bot.library.written import as_file
from bot.library.yamlfile import read_front_matter
from bot.storage.tables import TextVersion

REVIEWER = "clinical lead"
OWN_FIELDS = frozenset({"translation", "source_hash", "get_help_if"})
_REVIEWED = re.compile(r"^reviewed: .*$", re.MULTILINE)
_STATUS = re.compile(r"^status: .*$", re.MULTILINE)
_FIXED_TIME = (2000, 1, 1, 0, 0, 0)
"""Of every file in a zip, so that the same files always give the same zip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file that is not yet as published. `path` is below the root. `is_overtaken` says that somebody has changed the file since the
    desk last saw it, so that what they wrote would be lost."""

    path: str
    text: str
    is_overtaken: bool = False


def files(session: Session, library: Library, root: Path) -> list[File]:
    """The files that would have to change for `content/` and `locales/` to say what parents read, by path. A message that is no more in
    `content/` has none."""
    return sorted(_files(session, library, root), key=lambda file: file.path)


def write(root: Path, found: Iterable[File]) -> None:
    """Write the files, each whole or not at all."""
    for file in found:
        path = root / file.path
        new = path.with_name(f"{path.name}.new")
        new.write_text(file.text, encoding="utf-8", newline="\n")
        os.replace(new, path)


def as_zip(found: Iterable[File]) -> bytes:
    """The same files as one."""
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for file in found:
            archive.writestr(ZipInfo(file.path, _FIXED_TIME), file.text.encode("utf-8"), ZIP_DEFLATED)
    return content.getvalue()


def _files(session: Session, library: Library, root: Path) -> Iterator[File]:
    rows = session.scalars(select(TextVersion).where(TextVersion.state.in_(("file", "published")))).all()
    seen = {(row.content_id, row.language, row.hash) for row in rows}
    published = [row for row in rows if row.state == "published" and interface.is_string(row.content_id)]
    for one in catalogs.changed(published, seen, library, root):
        yield File(path=one.path, text=one.text, is_overtaken=one.is_overtaken)
    for version in rows:
        folder = Path("content") / "messages" / version.content_id
        if version.state != "published" or not (root / folder / "message.yml").is_file():
            continue
        path = folder / f"{version.language}.md"
        held, text = _read(root / path, root)
        more = {name: str(value) for name, value in held.items() if name not in OWN_FIELDS}
        after = as_file(written_of(version), more)
        if after != text:
            now = checks.in_file(library, version.content_id, version.language)
            is_overtaken = now is not None and (version.content_id, version.language, now.hash) not in seen
            yield File(path=path.as_posix(), text=after, is_overtaken=is_overtaken)
    for content_id, day in listing.reviewed_here(session).items():
        path = Path("content") / "messages" / content_id / "message.yml"
        if (root / path).is_file():
            before = (root / path).read_text(encoding="utf-8")
            after = _STATUS.sub("status: approved", _REVIEWED.sub(f"reviewed: {{date: {day}, role: {REVIEWER}}}", before))
            if after != before:
                yield File(path=path.as_posix(), text=after)


def _read(path: Path, root: Path) -> tuple[dict[str, Any], str]:
    """Front matter and whole text of a file; nothing where there is none."""
    if not path.is_file():
        return {}, ""
    return read_front_matter(path, root)[0], path.read_text(encoding="utf-8")
