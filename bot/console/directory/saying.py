"""Answers in plain words, for the difference, the history and the service's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bot.console.directory.common import need_name
from bot.console.words import StaffWords
from bot.library.needs import Needs
from services_directory import models
from services_directory.editing.answers import FIELDS, ROW_PARTS, ROWS, TIME_FIELDS, Wrong, lines
from services_directory.editing.desk import Difference


@dataclass(frozen=True, slots=True)
class SaidWrong:
    """A field to mend and the sentence for it."""

    field: str
    words: str


@dataclass(frozen=True, slots=True)
class Said:
    """One field, or all times as one: its name, and its value before, after, and as somebody else has made it (or None)."""

    label: str
    before: str
    after: str
    meanwhile: str | None = None


class Saying:
    """Says answers in the console's words."""

    def __init__(self, words: StaffWords, needs: Needs) -> None:
        self._words, self._needs = words, needs

    def wrongs(self, wrong: Sequence[Wrong]) -> list[SaidWrong]:
        """What is wrong, in words."""
        return [SaidWrong(one.field, self._words(f"dir.error.{one.code}")) for one in wrong]

    def label(self, field: str) -> str:
        return self._words(f"dir.field.{field}")

    def parts(self, session: Session, answers: Mapping[str, str]) -> list[tuple[str, str]]:
        """All that a record says, as (name, value in words)."""
        said = [
            (self.label(field), self.value(session, field, answers[field]))
            for field in FIELDS
            if field in answers and field not in TIME_FIELDS
        ]
        times = self.times(answers)
        return [*said, (self._words("dir.field.times"), times)] if times else said

    def changed(self, session: Session, before: Mapping[str, str], after: Mapping[str, str]) -> list[Said]:
        """What a step of the history did."""
        return self.differences(
            session,
            [
                Difference(field, before.get(field, ""), after.get(field, ""))
                for field in FIELDS
                if field in before or field in after
            ],
        )

    def differences(self, session: Session, found: Sequence[Difference]) -> list[Said]:
        """A change field by field; a row of times is said as one."""
        said = [
            Said(
                self.label(one.field),
                self.value(session, one.field, one.before),
                self.value(session, one.field, one.after),
                None if one.meanwhile is None else self.value(session, one.field, one.meanwhile),
            )
            for one in found
            if one.field not in TIME_FIELDS
        ]
        for row in range(1, ROWS + 1):
            mine = [one for one in found if one.field.startswith(f"t{row}_")]
            said += [
                Said(
                    self._words("dir.field.row_part", row=row, part=self._words(f"dir.row.{one.field[3:]}")),
                    self._row_part(one.field[3:], one.before),
                    self._row_part(one.field[3:], one.after),
                    None if one.meanwhile is None else self._row_part(one.field[3:], one.meanwhile),
                )
                for one in mine
                if one.field[3:] != "at"
            ]
        return said

    def value(self, session: Session, field: str, text: str) -> str:
        """One answer in words."""
        if not text:
            return ""
        if field == "needs":
            return ", ".join(need_name(self._words, self._needs, code) for code in text.split())
        if field == "modes":
            return ", ".join(self._words.either(f"dir.mode.{mode}", mode) for mode in text.split())
        if field in ("level", "route"):
            return self._words.either(f"dir.{field}.{text}", text)
        if field in ("interpreter", "place_private"):
            return self._words.either(f"dir.{text}", text)
        if field == "organisation" and text != "new":
            found = session.get(models.Organisation, text[:36])
            return found.name if found else text
        if field == "venue" and text != "new":
            place = session.get(models.Location, text[:36])
            return place.name if place else text
        if text == "new" and field in ("organisation", "venue"):
            return self._words(f"dir.new.{field}")
        return ", ".join(lines(text)) if field in ("areas", "access") else text

    def times(self, answers: Mapping[str, str]) -> str:
        """All rows of times, one after the other."""
        rows = []
        for row in range(1, ROWS + 1):
            parts = [
                self._row_part(part, answers.get(f"t{row}_{part}", "")) for part in ROW_PARTS if part not in ("at", "closes")
            ]
            closes = answers.get(f"t{row}_closes", "")
            if closes:
                parts[2] = f"{parts[2]}–{closes}"
            if any(parts):
                rows.append(" ".join(filter(None, parts)))
        return "; ".join(rows)

    def _row_part(self, part: str, text: str) -> str:
        if part == "day" and text:
            return self._words.either(f"dir.day.{text}", text)
        return self._words.either(f"dir.every.{text}", text) if part == "every" and text else text
