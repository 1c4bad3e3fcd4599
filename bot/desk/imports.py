"""Bringing a translator's file in: first what would become of each text, in words; then drafts. Nothing is published by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bot.desk import checks, store
from bot.desk.exchange import Row
from bot.desk.rules import Person
from bot.desk.store import Edit, Texts
from bot.desk.tidy import tidied
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.written import MACHINE_DRAFT, NATIVE_REVIEWED, Written
from bot.library.yamlfile import Problem

BECOMES = ("draft", "draft_to_mend", "draft_stale")
LEFT = ("unchanged", "unknown", "language", "role", "busy", "no_english", "long")
OUTCOMES = (*BECOMES, *LEFT)
"""What becomes of a text: a draft (with something to mend, or of English that has changed since), or nothing, and why."""

SAID = {
    "draft": "becomes a draft.",
    "draft_to_mend": "becomes a draft with something to mend:",
    "draft_stale": "becomes a draft, but the English has changed since the file was made.",
    "unchanged": "is left: nothing is different.",
    "unknown": "is left: there is no such text at the desk.",
    "language": "is left: its language is not one that Wren translates into.",
    "role": "is left: you may not write in this language.",
    "busy": "is left: somebody is already at work on it.",
    "long": "is left: it is far too long.",
    "no_english": "is left: the file does not say which English it translates. Export it anew.",
}
"""The same for the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What becomes of one text of a file."""

    row: Row
    outcome: str
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        where = f"line {self.row.line}: {self.row.content_id} in {self.row.language} {SAID[self.outcome]}"
        return " ".join([where, *(f"{problem.message} {problem.mend}".strip() for problem in self.problems)])


def plan(session: Session, texts: Texts, person: Person, rows: Sequence[Row], *, native: bool) -> list[Line]:
    """What `bring` would make of each text, in the order of the file. Writes nothing."""
    return list(_lines(session, texts, person, rows, native=native))


def bring(session: Session, texts: Texts, person: Person, rows: Sequence[Row], *, native: bool) -> list[Line]:
    """Make the drafts, within `store.changing`. With `native` the bringer says that a native reader has checked what the file marks as
    checked; else every draft counts as unchecked."""
    lines = plan(session, texts, person, rows, native=native)
    for line in lines:
        if line.outcome not in BECOMES:
            continue
        row, one = line.row, _as_written(line.row, native=native)
        seen = store.mark(None, checks.live(texts.library, row.content_id, row.language))
        edit = Edit(
            body=one.body,
            help_if=one.help_if or "",
            seen=seen,
            english=one.source_hash,
            translation=one.translation,
            kind="imported",
        )
        store.save(session, texts, person, row.content_id, row.language, edit)
    return lines


def _lines(session: Session, texts: Texts, person: Person, rows: Sequence[Row], *, native: bool) -> Iterator[Line]:
    for row in rows:
        one = _as_written(row, native=native)
        outcome = _hindrance(session, texts, person, row, one)
        if outcome is not None:
            yield Line(row=row, outcome=outcome)
            continue
        problems = checks.own_problems(texts.library, texts.tree, row.content_id, row.language, one)
        if checks.is_stale(texts.library, row.content_id, one):
            yield Line(row=row, outcome="draft_stale", problems=tuple(p for p in problems if p.field != checks.STALE))
        else:
            yield Line(row=row, outcome="draft_to_mend" if problems else "draft", problems=tuple(problems))


def _hindrance(session: Session, texts: Texts, person: Person, row: Row, one: Written) -> str | None:
    """Why a text is left as it is; None if it is not."""
    if not checks.editable(texts.library, row.content_id):
        return "unknown"
    if row.language == SOURCE_LANGUAGE or row.language not in checks.tongues():
        return "language"
    if not person.may_write(row.language):
        return "role"
    if not row.english_hash:
        return "no_english"
    if len(one.whole) > store.LONGEST:
        return "long"
    live = checks.live(texts.library, row.content_id, row.language)
    if live is not None and store.says_the_same(one, live):
        return "unchanged"
    return "busy" if store.open_version(session, row.content_id, row.language) is not None else None


def _as_written(row: Row, *, native: bool) -> Written:
    body, help_if = tidied(row.body, row.help_if)
    return Written(body, help_if, NATIVE_REVIEWED if native and row.is_native else MACHINE_DRAFT, row.english_hash)
