"""What the pages of one text show: read here, written by their templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from bot.console.desk.preview import Screen, screens
from bot.console.services import ConsoleServices
from bot.desk import checks, interface, listing, store
from bot.desk.difference import Piece, difference
from bot.desk.rules import Person
from bot.desk.store import Edit, Texts, written_of
from bot.desk.tidy import tidied
from bot.languages import direction
from bot.library import style
from bot.library.check_messages import LONGEST
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.written import Written
from bot.library.yamlfile import Problem
from bot.storage.tables import TextEvent, TextVersion

Pieces = list[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the history. `changed` is what its version changed; `to_go_back` says whether one may go back to that version here."""

    event: TextEvent
    version: TextVersion | None
    changed: Pieces | None
    to_go_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class English:
    """The English beside a translation: the words now, and what has changed in them since it was translated (None: nothing, or not
    known any more; then `is_lost`)."""

    words: Written
    changed: Pieces | None
    is_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPage:
    """All that the page of a text shows. `part` is where a string stands, "" for messages; `most` how long a title may be."""

    content_id: str
    language: str
    direction: str
    live: Written | None
    open: TextVersion | None
    changed: Pieces
    problems: list[Problem]
    screens: tuple[Screen, ...]
    part: str
    length: int
    most: int | None
    english: English | None
    history: list[Step]
    files: list[TextVersion]
    published: TextVersion | None
    reviewed: date | None
    is_overdue: bool
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPage:
    """All that the page to edit a text shows. `theirs` is what somebody else has saved meanwhile, `forms` the number of a plural string's
    lines, 0 for all others."""

    content_id: str
    language: str
    direction: str
    body: str
    help_if: str
    seen: str
    english: English | None
    problems: dict[str, list[Problem]]
    theirs: Written | None
    against_theirs: Pieces
    length: int
    most: int
    grade: float | None
    placeholders: tuple[str, ...]
    forms: int


def text_page(
    session: Session,
    services: ConsoleServices,
    texts: Texts,
    person: Person,
    content_id: str,
    language: str,
    nation: str | None,
) -> TextPage:
    """Read the page of a text."""
    live, version = checks.live(texts.library, content_id, language), store.open_version(session, content_id, language)
    now_shown = written_of(version) if version is not None else live
    on_air, is_string = store.published(session, content_id, language), interface.is_string(content_id)
    day = listing.reviewed_on(session, texts.library, content_id)
    return TextPage(
        content_id=content_id,
        language=language,
        direction=direction(language),
        live=live,
        open=version,
        changed=difference(live.whole if live else "", now_shown.whole) if version is not None and now_shown else [],
        problems=texts.problems(version) if version is not None else [],
        screens=() if is_string else _screens(services, content_id, language, now_shown, nation),
        part=interface.part(texts.library, content_id) if is_string else "",
        length=len(now_shown.body) if now_shown else 0,
        most=interface.most(content_id),
        english=english_beside(session, texts, content_id, language, now_shown),
        history=_history(session, content_id, language, on_air, may=person.may_publish()),
        files=store.file_rows(session, content_id, language),
        published=on_air,
        reviewed=day,
        is_overdue=listing.is_overdue(day),
        is_own=version is not None and person.id in store.writers(session, version),
    )


def edit_page(session: Session, texts: Texts, content_id: str, language: str, typed: Edit | None) -> EditPage:
    """Read the page to edit a text; `typed` are words that could not be saved over what somebody else did."""
    live, version = checks.live(texts.library, content_id, language), store.open_version(session, content_id, language)
    held = written_of(version) if version is not None else live
    body, help_if = (typed.body, typed.help_if) if typed else (held.body, held.help_if or "") if held else ("", "")
    draft = Written(*tidied(body, help_if), "", None)
    is_string = interface.is_string(content_id)
    names = interface.names(texts.library, content_id) if is_string else tuple(sorted(texts.library.helplines.placeholders))
    return EditPage(
        content_id=content_id,
        language=language,
        direction=direction(language),
        body=body,
        help_if=help_if,
        seen=store.mark(version, live),
        english=english_beside(session, texts, content_id, language, held),
        problems=_by_box(texts.problems(version) if version is not None and typed is None else []),
        theirs=held if typed else None,
        against_theirs=difference(held.whole if held else "", draft.whole) if typed else [],
        length=len(draft.body) + len(draft.help_if or ""),
        most=(interface.most(content_id) or store.LONGEST) if is_string else LONGEST,
        grade=style.reading(draft.whole).grade if language == SOURCE_LANGUAGE and not is_string else None,
        placeholders=names,
        forms=interface.forms(texts.library, content_id, language) if is_string else 0,
    )


def english_beside(session: Session, texts: Texts, content_id: str, language: str, one: Written | None) -> English | None:
    """The English beside a translation, with what changed in it since `one` was made; None for English itself."""
    if language == SOURCE_LANGUAGE:
        return None
    words = checks.live(texts.library, content_id, SOURCE_LANGUAGE)
    assert words is not None  # no message is loaded without its English
    if one is None or one.source_hash in (None, words.hash):
        return English(words=words, changed=None, is_lost=False)
    before = store.english_of(session, texts.library, content_id, one.source_hash)
    return English(words=words, changed=difference(before.whole, words.whole) if before else None, is_lost=before is None)


def _screens(
    services: ConsoleServices, content_id: str, language: str, one: Written | None, nation: str | None
) -> tuple[Screen, ...]:
    """None where there are no words, or none that can be rendered: the checks say why."""
    try:
        return screens(services, content_id, language, one, nation) if one is not None and one.body else ()
    except (KeyError, ValueError):
        return ()


def _history(session: Session, content_id: str, language: str, on_air: TextVersion | None, *, may: bool) -> list[Step]:
    steps, offered = [], {on_air.id if on_air is not None else None}
    for event, version in store.history(session, content_id, language):
        first = event.kind in ("saved", "imported", "went_back", "carried_over") and version is not None
        changed = None
        if first and version is not None:
            base = store.base_of(session, version)
            changed = difference(written_of(base).whole if base is not None else "", written_of(version).whole)
        was_live = version is not None and version.published_at is not None and version.id not in offered
        if was_live and version is not None:
            offered.add(version.id)
        steps.append(Step(event=event, version=version, changed=changed, to_go_back=may and was_live))
    return steps


def _by_box(problems: list[Problem]) -> dict[str, list[Problem]]:
    """Problems by the box that they are said beside."""
    found: dict[str, list[Problem]] = {"text": [], "help_if": []}
    for problem in problems:
        found["help_if" if problem.field == "get_help_if" else "text"].append(problem)
    return {box: those for box, those in found.items() if those}
