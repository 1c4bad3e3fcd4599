"""`bot whatsapp templates`: hand templates in to Meta, and learn how each stands, language by language."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from sqlalchemy.orm import Session

from bot.channels import words
from bot.channels.whatsapp import GraphError, WhatsAppChannel
from bot.channels.whatsapp.parse import CHANNEL
from bot.delivery.templates import known, note_news
from bot.library.templates import Template, Templates
from bot.storage.engine import Database
from bot.storage.tables import MessageTemplate

COLUMNS = ("template", "language", "name at Meta", "status", "category", "written as", "reason")
NOT_THERE = "not handed in"
NO_TEMPLATES = "no templates in this language at Meta"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One template in one language, as content has it now. `code` is None where Meta takes no templates in the language."""

    template: Template
    language: str
    code: str | None

    @property
    def name(self) -> str:
        return self.template.name(self.language)


def wanted(templates: Templates) -> list[Wanted]:
    """Every template in every language that it has words in."""
    return [
        Wanted(template, language, templates.codes.get(language))
        for template in templates.by_id.values()
        for language in template.words
    ]


async def sync(channel: WhatsAppChannel, database: Database, templates: Templates) -> None:
    """Ask Meta how the templates of today's words stand, and keep it. Raises `GraphError`."""
    answers = {(words(one.get("name")), words(one.get("language"))): one for one in await channel.templates()}
    await asyncio.to_thread(_keep, database, [(one, answers.get((one.name, one.code or ""))) for one in wanted(templates)])


def _keep(database: Database, found: list[tuple[Wanted, Mapping[str, Any] | None]]) -> None:
    with database.write() as session:
        for one, answer in found:
            if answer is not None:
                _note(session, one, answer)
            elif (row := session.get(MessageTemplate, (CHANNEL, one.name, one.language))) is not None:
                note_news(session, CHANNEL, one.name, one.language, authored=one.template.category, status="deleted")
                row.provider_id = None


def _note(session: Session, one: Wanted, answer: Mapping[str, Any]) -> None:
    reason = words(answer.get("rejected_reason"))
    note_news(
        session,
        CHANNEL,
        one.name,
        one.language,
        authored=one.template.category,
        status=words(answer.get("status")).lower() or None,
        category=words(answer.get("category")).lower() or None,
        provider_id=str(answer.get("id") or "") or None,
        reason="" if reason == "NONE" else reason,
    )


async def submit(channel: WhatsAppChannel, database: Database, templates: Templates) -> list[str]:
    """Hand in what Meta does not have yet; gives what it refused, in plain sentences. Raises `GraphError` if it cannot be asked."""
    await sync(channel, database, templates)
    have = await asyncio.to_thread(_handed_in, database)
    problems = []
    for one in wanted(templates):
        if one.code is None or (one.name, one.language) in have:
            continue
        try:
            answer = await channel.submit_template(one.template.submission(one.language, one.code))
        except GraphError as error:
            problems.append(f"{one.template.id} in {one.language} was not taken: {error}.")
            continue
        await asyncio.to_thread(_keep, database, [(one, answer)])
    return problems


def _handed_in(database: Database) -> set[tuple[str, str]]:
    with database.read() as session:
        return {(row.name, row.language) for row in known(session, CHANNEL) if row.status != "deleted"}


def as_lines(session: Session, templates: Templates) -> list[tuple[str, ...]]:
    """How each template stands, as rows of `COLUMNS`."""
    rows = {(row.name, row.language): row for row in known(session, CHANNEL)}
    lines: list[tuple[str, ...]] = []
    for one in wanted(templates):
        row = rows.get((one.name, one.language))
        written, category = one.template.category, row.category if row else ""
        status = row.status if row else NO_TEMPLATES if one.code is None else NOT_THERE
        lines.append((one.template.id, one.language, one.name, status, category, written, (row.reason if row else "") or ""))
    return lines


def missing(session: Session, templates: Templates) -> dict[str, list[str]]:
    """What is in the way of sending each template: what it is → "template language" of each."""
    found: dict[str, list[str]] = {}
    for template, language, _, status, category, written, _ in as_lines(session, templates):
        if status != "approved":
            found.setdefault(status, []).append(f"{template} {language}")
        elif category != written:
            found.setdefault(f"{written} became {category}", []).append(f"{template} {language}")
    return found


def write_lines(lines: list[tuple[str, ...]], out: TextIO) -> None:
    """The table as CSV."""
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *lines])
