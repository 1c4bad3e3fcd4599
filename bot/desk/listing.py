"""Finding texts: by words, topic and language, and by what there is to do about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.desk import checks, interface
from bot.desk.rules import Person
from bot.desk.store import OPEN, writers
from bot.library import Library
from bot.library.check_messages import REVIEW_EVERY_DAYS
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.written import MACHINE_DRAFT, Written
from bot.storage.tables import TextEvent, TextVersion

SHOWS = ("all", "waiting", "open", "stale", "missing", "machine-draft", "overdue", "file-changed", "published")
"""What a list may be narrowed to."""

KINDS = ("messages", "strings")
"""What is listed at a time."""

PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One text in one language, with all that is to be said of it: some of `SHOWS`, and the state of its open version. `topic` is a
    message's, or the part of the product that a string belongs to."""

    content_id: str
    topic: str
    language: str
    begins: str
    marks: frozenset[str] = frozenset()
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody looks for. `language` "" is every language, `topic` "" every topic; strings have none."""

    kind: str = "messages"

    words: str = ""
    topic: str = ""
    language: str = SOURCE_LANGUAGE
    show: str = "all"


@dataclass(slots=True)
class _Known:
    """What the database knows of all texts, read at once."""

    open: dict[tuple[str, str], TextVersion] = field(default_factory=dict)
    published: dict[tuple[str, str], TextVersion] = field(default_factory=dict)
    files: set[tuple[str, str, str]] = field(default_factory=set)
    reviewed: dict[str, datetime] = field(default_factory=dict)


def find(session: Session, library: Library, person: Person, asked: Asked) -> list[Found]:
    """The texts that fit, by topic and id. Every word must stand in the id, the English or the words themselves."""
    known, wanted = _known(session), asked.words.casefold().split()
    languages = [asked.language] if asked.language else list(checks.tongues())
    return [
        found
        for content_id in _ids(library, asked)
        for language in languages
        if (found := _found(session, library, known, person, content_id, language, wanted)) is not None
        and (asked.show == "all" or asked.show in found.marks)
    ]


def _ids(library: Library, asked: Asked) -> Iterable[str]:
    if asked.kind == "strings":
        return interface.ids(library)
    return (id_ for id_ in checks.message_ids(library) if not asked.topic or library.messages[id_].topic == asked.topic)


def waiting(session: Session, library: Library, person: Person) -> dict[str, int]:
    """How many texts of each kind, in all languages, wait for somebody."""
    found = dict.fromkeys(KINDS, 0)
    for (id_, _), version in _known(session).open.items():
        if checks.editable(library, id_) and _waits(session, person, version):
            found["strings" if interface.is_string(id_) else "messages"] += 1
    return found


def reviewed_on(session: Session, library: Library, content_id: str) -> date | None:
    """When a clinical lead's approval of a message's English was last published, or they said that it is still right; None for never."""
    return _last_review(library, content_id, _reviews(session, content_id).get(content_id))


def reviewed_here(session: Session) -> dict[str, date]:
    """The messages whose English was reviewed at the desk, and the last day of it."""
    return {content_id: at.date() for content_id, at in _reviews(session).items()}


def is_overdue(day: date | None) -> bool:
    """Whether a review is too long ago; False for what was never reviewed, as in `bot content check`."""
    return day is not None and (date.today() - day).days > REVIEW_EVERY_DAYS


def _last_review(library: Library, content_id: str, at: datetime | None) -> date | None:
    """The later of the desk's review and the one that the file names; None for strings, which nobody reviews by a calendar."""
    if interface.is_string(content_id):
        return None
    in_file = library.messages[content_id].reviewed
    days = [at.date()] if at is not None else []
    return max([*days, *([date.fromisoformat(in_file)] if in_file else [])], default=None)


def _known(session: Session) -> _Known:
    known = _Known(reviewed=_reviews(session))
    for version in session.scalars(select(TextVersion).where(TextVersion.state.in_((*OPEN, "published", "file")))):
        key = (version.content_id, version.language)
        if version.state == "file":
            known.files.add((*key, version.hash))
        else:
            (known.published if version.state == "published" else known.open)[key] = version
    return known


def _reviews(session: Session, content_id: str | None = None) -> dict[str, datetime]:
    query = select(TextEvent.content_id, func.max(TextEvent.at)).where(
        TextEvent.language == SOURCE_LANGUAGE, TextEvent.kind.in_(("published", "reviewed"))
    )
    if content_id is not None:
        query = query.where(TextEvent.content_id == content_id)
    return dict(session.execute(query.group_by(TextEvent.content_id)).tuples().all())


def _found(
    session: Session, library: Library, known: _Known, person: Person, content_id: str, language: str, wanted: list[str]
) -> Found | None:
    key = (content_id, language)
    live, english = checks.live(library, content_id, language), checks.live(library, content_id, SOURCE_LANGUAGE)
    assert english is not None  # no message is loaded without its English
    version = known.open.get(key)
    if wanted:
        told = [content_id, english.whole, live.whole if live else "", version.body if version else ""]
        text = " ".join(told).casefold()
        if not all(word in text for word in wanted):
            return None
    marks = set(_marks(library, known, content_id, language, live))
    if version is not None and _waits(session, person, version):
        marks.add("waiting")
    shown = version.body if version is not None else live.body if live is not None else english.body
    return Found(
        content_id=content_id,
        topic=interface.part(library, content_id) if interface.is_string(content_id) else library.messages[content_id].topic,
        language=language,
        begins=shown.split("\n")[0][:120],
        marks=frozenset(marks),
        state=version.state if version is not None else "",
    )


def _marks(library: Library, known: _Known, content_id: str, language: str, live: Written | None) -> Iterator[str]:
    key = (content_id, language)
    if key in known.open:
        yield "open"
    if key in known.published:
        yield "published"
        file = checks.in_file(library, content_id, language)
        if file is not None and file.hash != known.published[key].hash and (*key, file.hash) not in known.files:
            yield "file-changed"
    if live is None:
        yield "missing"
        return
    if live.translation == MACHINE_DRAFT:
        yield "machine-draft"
    if language != SOURCE_LANGUAGE and checks.is_stale(library, content_id, live):
        yield "stale"
    if language == SOURCE_LANGUAGE and is_overdue(_last_review(library, content_id, known.reviewed.get(content_id))):
        yield "overdue"


def _waits(session: Session, person: Person, version: TextVersion) -> bool:
    """Whether it is this person's turn: to approve what others wrote, to publish, or to go on with what came back to them."""
    if version.state == "review":
        return person.may_approve(version.language) and person.id not in writers(session, version)
    if version.state == "approved":
        return person.may_publish()
    return version.staff_id == person.id and _last_kind(session, version) == "given_back"


def _last_kind(session: Session, version: TextVersion) -> str | None:
    query = select(TextEvent.kind).where(TextEvent.version_id == version.id).order_by(TextEvent.id.desc()).limit(1)
    return session.scalar(query)
