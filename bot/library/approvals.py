"""Who approved which version of a safety file: `content/safety/approvals.yml`, its checker, and finding an approved version again.

An approval names a person, their role, the day, the languages they vouch for, what they looked at, and the SHA-256 of each file
as it was. A file whose hash is not that of its latest approval has been changed since. Nothing here stops an unapproved file
from being used: `bot content check` warns and `bot doctor` lists it.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.library.check_files import Tree
from bot.library.yamlfile import DataError, Problem, read_yaml
from bot.triage.rules import APPROVALS, DataFile

NAME = f"content/safety/{APPROVALS}"
FOLDER = "content/safety"
_FIELDS = ("date", "name", "role", "languages", "what", "files")
_HASH = re.compile(r"[0-9a-f]{64}")
_HOW = "Record approvals with `bot content approve`."


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval. `files` are SHA-256 hashes by file name below content/safety, such as "en.yml"."""

    day: date
    name: str
    role: str
    languages: tuple[str, ...]
    what: str
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}, {self.role}, {self.day.day} {self.day:%B %Y}"


@dataclass(frozen=True, slots=True)
class Version:
    """The words of a safety file as they once were, and which version that is, in plain words."""

    text: str
    said: str


def safety_files(root: Path) -> list[str]:
    """The files that decide what triage catches and that want an approval, by name below content/safety."""
    safety = root / FOLDER
    found = [path for path in safety.glob("*.yml") if path.name != APPROVALS]
    return sorted(path.relative_to(safety).as_posix() for path in [*found, *safety.glob("never_miss/*.txt")])


def language_of(file: str) -> str | None:
    """The language of a safety file; None for one that is for all."""
    return None if file == "thresholds.yml" else Path(file).stem


def hash_of(data: bytes) -> str:
    """The SHA-256 of a file, with line ends as git keeps them, so that it is the same on every machine."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def load(root: Path) -> list[Approval]:
    """Every approval, oldest first; none where there is no file. Raises `DataError`."""
    if not (root / NAME).is_file():
        return []
    found = list(problems(Tree(root)))
    if found:
        raise DataError(found)
    entries = (read_yaml(root / NAME, root) or {}).get("approvals") or []
    approvals = [
        Approval(e["date"], e["name"], e["role"], tuple(e["languages"]), e["what"], {str(k): v for k, v in e["files"].items()})
        for e in entries
    ]
    return sorted(approvals, key=lambda approval: approval.day)


def latest(approvals: Sequence[Approval], file: str) -> Approval | None:
    """The last approval of a file; of two on one day, the one that stands further down."""
    return next((approval for approval in reversed(approvals) if file in approval.files), None)


def standing(root: Path) -> Iterator[tuple[str, Approval | None]]:
    """Each safety file that is not as its latest approval says, with that approval; None where there has never been one."""
    approvals = load(root)
    for file in safety_files(root):
        approval = latest(approvals, file)
        if approval is None or approval.files[file] != hash_of((root / FOLDER / file).read_bytes()):
            yield file, approval


def warnings(root: Path) -> Iterator[str]:
    """What `bot content check` says of approvals, in plain words; nothing where every safety file is as approved."""
    try:
        found = list(standing(root))
    except DataError:
        return  # the mistakes are told as problems
    for file, approval in found:
        if approval is not None:
            yield (
                f"Warning: {FOLDER}/{file} has been changed since it was approved ({approval}). "
                f"See what changed, have it approved again, and record that with `bot content approve`."
            )
    never = [file for file, approval in found if approval is None]
    if never:
        yield f"Warning: nobody has approved {len(never)} of {len(safety_files(root))} safety files: {', '.join(never)}. {_HOW}"


# Mistakes in the file


def problems(tree: Tree) -> Iterator[Problem]:
    """Everything wrong in approvals.yml."""
    path = tree.root / NAME
    if not path.is_file():
        return
    file = DataFile(path)
    if file.problems:
        yield from (Problem(NAME, one.line, one.field, f"{one.message}.", f"{one.mend}.") for one in file.problems)
        return
    entries = file.data.get("approvals") if hasattr(file.data, "items") else 0
    if entries is not None and not isinstance(entries, list):
        yield Problem(NAME, 1, "approvals", "it must be a list of approvals.", f"Begin it with `approvals:`. {_HOW}")
        return
    for place, entry in enumerate(entries or ()):
        line = file.line(entries, place)
        if not hasattr(entry, "items"):
            yield Problem(NAME, line, "approvals", "this is no approval.", _HOW)
            continue
        for field, message in _entry_problems(tree, entry):
            yield Problem(NAME, file.line(entry, field) if field in entry else line, field, message, _HOW)


def _entry_problems(tree: Tree, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in _FIELDS:
        if not entry.get(field):
            yield field, "this field is missing."
    for field in entry:
        if field not in _FIELDS:
            yield str(field), f"there is no field of this name; the fields are {', '.join(_FIELDS)}."
    for field in ("name", "role", "what"):
        if entry.get(field) and not isinstance(entry[field], str):
            yield field, "it must be words."
    day = entry.get("date")
    if day and (type(day) is not date or day > date.today()):
        yield "date", f"“{day}” is not a day in the past, written as 2026-03-31."
    languages = entry.get("languages") or []
    if not isinstance(languages, list):
        yield "languages", "it must be a list of language codes."
        return
    for language in languages:
        if language not in tree.languages:
            yield "languages", f"the language “{language}” is not in content/languages.yml."
    yield from _file_problems(tree, entry.get("files") or {}, languages)


def _file_problems(tree: Tree, files: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not hasattr(files, "items"):
        yield "files", "it must give each file's name and its SHA-256."
        return
    known = safety_files(tree.root)
    for name, digest in files.items():
        language = language_of(str(name))
        if name not in known:
            yield "files", f"there is no safety file “{name}”."
        elif language is not None and language not in languages:
            yield "files", f"{name} is approved, but its language is not among the languages vouched for."
        if not isinstance(digest, str) or not _HASH.fullmatch(digest):
            yield "files", f"what stands after {name} is not a SHA-256 (64 digits and letters a to f)."


# Recording one


def record(root: Path, languages: Sequence[str], *, name: str, role: str, what: str, thresholds: bool, day: date) -> list[str]:
    """Add an approval of the safety files of `languages` as they are now; returns the files. Raises `DataError`, writing nothing."""
    given = {"name": name, "role": role, "what": what}
    found = [Problem(NAME, None, field, "it is empty.") for field, text in given.items() if not text.strip()]
    files = [file for file in safety_files(root) if language_of(file) in languages or (thresholds and language_of(file) is None)]
    known = {language_of(file) for file in files}
    found += [
        Problem(NAME, None, "languages", f"there is no safety file in “{lang}”.") for lang in languages if lang not in known
    ]
    found += problems(Tree(root))
    if found or not files:
        raise DataError(found or [Problem(NAME, None, "files", "no file is named.", "Name a language, or --thresholds.")])
    quoted = {field: json.dumps(text.strip(), ensure_ascii=False) for field, text in given.items()}
    lines = [f"  - date: {day:%Y-%m-%d}", *(f"    {field}: {quoted[field]}" for field in ("name", "role"))]
    lines += [f"    languages: [{', '.join(languages or Tree(root).languages)}]", f"    what: {quoted['what']}", "    files:"]
    lines += [f"      {file}: {hash_of((root / FOLDER / file).read_bytes())}" for file in files]
    path = root / NAME
    before = path.read_text(encoding="utf-8") if path.is_file() else "approvals:\n"
    path.write_text(before.rstrip("\n") + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return files


# Finding an earlier version


def earlier_version(root: Path, file: str) -> Version | None:
    """The version of a safety file to compare its present words with: the last approved one, else the last committed one that
    differs. None where git knows none. Raises `DataError` for approvals that cannot be read."""
    approval = latest(load(root), file)
    here = hash_of((root / FOLDER / file).read_bytes())
    if approval is not None:
        for revision, text in _committed(root, file):
            if hash_of(text) == approval.files[file]:
                return Version(text.decode("utf-8"), f"its last approved version ({approval}; commit {revision[:8]})")
    why = "nobody has approved it yet" if approval is None else "the version approved last is in no commit"
    for revision, text in _committed(root, file):
        if hash_of(text) != here:
            return Version(text.decode("utf-8"), f"the last committed version that differs (commit {revision[:8]}; {why})")
    return None


def committed_version(root: Path, file: str, revision: str) -> Version | None:
    """A safety file as it was in a git revision; None where there is none."""
    text = _git(root, "show", f"{revision}:./{FOLDER}/{file}") if not revision.startswith("-") else None
    return None if text is None else Version(text.decode("utf-8"), f"its version in {revision}")


def _committed(root: Path, file: str) -> Iterator[tuple[str, bytes]]:
    """Every committed version of a safety file with its revision, newest first."""
    listed = _git(root, "log", "--format=%H", "--", f"{FOLDER}/{file}") or b""
    for revision in listed.decode("ascii").split():
        text = _git(root, "show", f"{revision}:./{FOLDER}/{file}")
        if text is not None:
            yield revision, text


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
