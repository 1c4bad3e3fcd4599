"""Versions of texts in the database: saving, review, approval, publishing, going back. Every step is recorded with who and when.

Functions that change something are called within `changing`, in which nobody else changes any text, so that two people who act at once
act one after the other. What may not be done is a `Refusal`; nothing is then changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bot.desk import checks, interface
from bot.desk.rules import REVIEWS, Person
from bot.desk.tidy import tidied, tidy
from bot.library import Library
from bot.library.check_files import Tree
from bot.library.strings import SOURCE_LANGUAGE, placeholders
from bot.library.written import MACHINE_DRAFT, NATIVE_REVIEWED, ORIGINAL, Written
from bot.library.yamlfile import Problem
from bot.storage.engine import Database
from bot.storage.tables import TextEvent, TextRevision, TextVersion, now

OPEN = ("draft", "review", "approved")
LONGEST = 4_000
"""Characters of one text that are kept at all; what is too long for a parent is far shorter, and the checks say so."""


class Refusal(Exception):
    """Why something is not done: missing, role, own, state, clash, long, unchanged, reason, meaning, or checks (then `problems` says what)."""

    def __init__(self, code: str, problems: Sequence[Problem] = ()) -> None:
        self.code, self.problems = code, list(problems)
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Texts:
    """What the functions here need beside a session: the library that serves parents, and the tree of its files as the checks read it."""

    library: Library
    tree: Tree

    def problems(self, version: TextVersion) -> list[Problem]:
        """What is wrong with a version as things are now."""
        return checks.problems(self.library, self.tree, version.content_id, version.language, written_of(version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What somebody typed. `seen` names the version that they had before them (`mark`), `english` the hash of the English beside it."""

    body: str
    help_if: str
    seen: str
    english: str | None = None
    translation: str = MACHINE_DRAFT
    kind: str = "saved"
    """What the history calls it: saved or imported."""


def written_of(version: TextVersion) -> Written:
    """The words of a row."""
    return Written(version.body, version.help_if, version.translation, version.source_hash)


def mark(version: TextVersion | None, live: Written | None) -> str:
    """What names the words that somebody sees when they begin to edit: the open version, else what is live."""
    return str(version.id) if version is not None else live.hash if live is not None else ""


def says_the_same(new: Written, old: Written) -> bool:
    """Whether nothing is new: neither a word, nor the English that is translated, nor that a native reader has checked it."""
    checked = new.translation == NATIVE_REVIEWED != old.translation
    return (new.body, new.help_if, new.source_hash) == (old.body, old.help_if, old.source_hash) and not checked


# Looking


def open_version(session: Session, content_id: str, language: str) -> TextVersion | None:
    """The version that is on its way."""
    return session.scalar(_of(content_id, language).where(TextVersion.state.in_(OPEN)))


def published(session: Session, content_id: str, language: str) -> TextVersion | None:
    """The version that parents read, if it is not the file's."""
    return session.scalar(_of(content_id, language).where(TextVersion.state == "published"))


def get(session: Session, version_id: int) -> TextVersion:
    """One version. Raises `Refusal` where there is none."""
    version = session.get(TextVersion, version_id)
    if version is None:
        raise Refusal("missing")
    return version


def history(session: Session, content_id: str, language: str) -> list[tuple[TextEvent, TextVersion | None]]:
    """What was done with a text, newest first, with the version it was done to."""
    query = select(TextEvent, TextVersion).outerjoin(TextVersion, TextVersion.id == TextEvent.version_id)
    query = query.where(TextEvent.content_id == content_id, TextEvent.language == language).order_by(TextEvent.id.desc())
    return [(event, version) for event, version in session.execute(query)]


def file_rows(session: Session, content_id: str, language: str) -> list[TextVersion]:
    """What the file has said, newest first, as far as the desk has seen it."""
    return list(session.scalars(_of(content_id, language).where(TextVersion.state == "file").order_by(TextVersion.id.desc())))


def english_of(session: Session, library: Library, content_id: str, source_hash: str | None) -> Written | None:
    """The English words of that hash, wherever they are still known: live, in the file, or in a version; None if nowhere."""
    if source_hash is None:
        return None
    query = _of(content_id, SOURCE_LANGUAGE).where(TextVersion.hash == source_hash).limit(1)
    row = session.scalar(query)
    file = checks.in_file(library, content_id, SOURCE_LANGUAGE)
    for words in (checks.live(library, content_id, SOURCE_LANGUAGE), file, written_of(row) if row is not None else None):
        if words is not None and words.hash == source_hash:
            return words
    return None


def base_of(session: Session, version: TextVersion) -> TextVersion | None:
    """What parents read, or the file said, when the words of a version were begun."""
    base = session.get(TextVersion, version.base_id) if version.base_id is not None else None
    while base is not None and base.published_at is None and base.state != "file":
        base = session.get(TextVersion, base.base_id) if base.base_id is not None else None
    return base


def writers(session: Session, version: TextVersion) -> set[int | None]:
    """Everybody who had a hand in a version since the words it began with."""
    found: set[int | None] = set()
    one: TextVersion | None = version
    while one is not None and (one is version or (one.published_at is None and one.state != "file")):
        found.add(one.staff_id)
        one = session.get(TextVersion, one.base_id) if one.base_id is not None else None
    return found


# Writing


@contextmanager
def changing(database: Database, texts: Texts) -> Iterator[Session]:
    """A transaction in which nobody else changes texts. What it publishes, this process serves when it ends; the others at their next
    look."""
    with database.write() as session:
        session.scalars(select(TextRevision).with_for_update()).one()
        texts.library.refresh()
        yield session
    texts.library.refresh()


def save(session: Session, texts: Texts, person: Person, content_id: str, language: str, edit: Edit) -> TextVersion:
    """Keep what somebody typed as a new draft. Raises `Refusal` (clash: somebody else has saved since they began)."""
    if not checks.editable(texts.library, content_id) or language not in checks.tongues():
        raise Refusal("missing")
    if not person.may_write(language):
        raise Refusal("role")
    before, live = open_version(session, content_id, language), checks.live(texts.library, content_id, language)
    if before is not None and before.state != "draft":
        raise Refusal("state")
    if edit.seen != mark(before, live):
        raise Refusal("clash")
    new = _typed(language, edit)
    if len(new.whole) > LONGEST:
        raise Refusal("long")
    old = written_of(before) if before is not None else live
    if old is not None and says_the_same(new, old):
        if before is None:
            raise Refusal("unchanged")
        return before
    base = before or published(session, content_id, language) or _file_row(session, texts.library, content_id, language)
    if before is not None:
        before.state = "replaced"
        session.flush()
    version = _add(session, person, content_id, language, new, state="draft", base=base)
    _record(session, person, version, edit.kind)
    return version


def send(session: Session, texts: Texts, person: Person, version_id: int) -> None:
    """Put a draft before those who approve. Raises `Refusal`, with problems where the checks find any."""
    version = _take(session, version_id, ("draft",), person.may_write)
    _must_pass(texts, version)
    _move(session, person, version, "review", "sent")


def take_back(session: Session, person: Person, version_id: int) -> None:
    """Make what was sent or approved a draft again, to change it."""
    version = _take(session, version_id, ("review", "approved"), person.may_write)
    _move(session, person, version, "draft", "taken_back")


def throw_away(session: Session, person: Person, version_id: int) -> None:
    """End a draft; the history keeps its words."""
    version = _take(session, version_id, ("draft",), person.may_write)
    _move(session, person, version, "withdrawn", "thrown_away")


def approve(session: Session, texts: Texts, person: Person, version_id: int, *, native: bool = False) -> None:
    """Say that the words are right; with `native`, as somebody who reads the language as their own. Raises `Refusal` (own: theirs)."""
    version = _take(session, version_id, ("review",), person.may_approve)
    if person.id in writers(session, version):
        raise Refusal("own")
    _must_pass(texts, version)
    if native and version.language != SOURCE_LANGUAGE:
        version.translation = NATIVE_REVIEWED
    _move(session, person, version, "approved", "approved")


def give_back(session: Session, person: Person, version_id: int, reason: str) -> None:
    """Make what was sent a draft again, with a reason."""
    version = _take(session, version_id, ("review",), person.may_approve)
    if not tidy(reason):
        raise Refusal("reason")
    _move(session, person, version, "draft", "given_back", tidy(reason))


def publish(session: Session, texts: Texts, person: Person, version_id: int, *, same_meaning: bool = False) -> None:
    """Let parents read an approved version. With `same_meaning` the translations of the English before are taken to hold still.

    Raises `Refusal`, with problems where the checks find any as things are now.
    """
    version = _take(session, version_id, ("approved",), lambda _: person.may_publish())
    _must_pass(texts, version)
    before = checks.live(texts.library, version.content_id, version.language)
    if same_meaning and version.language == SOURCE_LANGUAGE and before is not None:
        _carry_over(session, texts, person, before, written_of(version), version.content_id)
    # What the file says today, to tell if it changes.
    _file_row(session, texts.library, version.content_id, version.language)
    _put_live(session, version)
    _record(session, person, version, "published")


def go_back(session: Session, texts: Texts, person: Person, version_id: int) -> TextVersion:
    """Publish again what was published, or stood in the file, before. Raises `Refusal`.

    That a translation is older than today's English is no hindrance: the list shows it as out of date.
    """
    old = get(session, version_id)
    if not person.may_publish():
        raise Refusal("role")
    if old.state == "published" or (old.published_at is None and old.state != "file"):
        raise Refusal("state")
    wrong = [problem for problem in texts.problems(old) if problem.field != checks.STALE]
    if wrong:
        raise Refusal("checks", wrong)
    version = _add(session, person, old.content_id, old.language, written_of(old), state="replaced", base=old)
    _put_live(session, version)
    _record(session, person, version, "went_back")
    return version


def withdraw(session: Session, person: Person, content_id: str, language: str) -> None:
    """Let the file's words stand again."""
    version = published(session, content_id, language)
    if version is None:
        raise Refusal("missing")
    if not person.may_publish():
        raise Refusal("role")
    _move(session, person, version, "withdrawn", "withdrawn")
    _grow(session)


def reviewed(session: Session, texts: Texts, person: Person, content_id: str) -> None:
    """Say that a message as parents read it in English is still right."""
    if not checks.editable(texts.library, content_id) or interface.is_string(content_id):
        raise Refusal("missing")
    if not person.roles & REVIEWS:
        raise Refusal("role")
    _event(session, person, content_id, SOURCE_LANGUAGE, "reviewed")


# Parts


def _of(content_id: str, language: str) -> Select[TextVersion]:
    return select(TextVersion).where(TextVersion.content_id == content_id, TextVersion.language == language)


def _grow(session: Session) -> None:
    """Tell every process that what is published has changed."""
    session.scalars(select(TextRevision)).one().number += 1


def _take(session: Session, version_id: int, states: tuple[str, ...], may: Callable[[str], bool]) -> TextVersion:
    """A version to move on. Raises `Refusal` (missing, role, state)."""
    version = get(session, version_id)
    if not may(version.language):
        raise Refusal("role")
    if version.state not in states:
        raise Refusal("state")
    return version


def _must_pass(texts: Texts, version: TextVersion) -> None:
    wrong = texts.problems(version)
    if wrong:
        raise Refusal("checks", wrong)


def _move(session: Session, person: Person, version: TextVersion, state: str, kind: str, note: str | None = None) -> None:
    version.state = state
    _record(session, person, version, kind, note)


def _put_live(session: Session, version: TextVersion) -> None:
    current = published(session, version.content_id, version.language)
    if current is not None:
        current.state = "replaced"
        session.flush()  # the database itself lets one version of a text be published
    version.state, version.published_at = "published", now()
    session.flush()
    _grow(session)


def _carry_over(session: Session, texts: Texts, person: Person, before: Written, new: Written, content_id: str) -> None:
    """Let the translations of `before` count as translations of `new`. Raises `Refusal` where a check would then fail."""
    if bool(before.help_if) != bool(new.help_if) or placeholders(before.whole) != placeholders(new.whole):
        raise Refusal("meaning")
    for language in checks.tongues():
        live = checks.live(texts.library, content_id, language)
        if language == SOURCE_LANGUAGE or live is None or live.source_hash != before.hash:
            continue
        base = published(session, content_id, language) or _file_row(session, texts.library, content_id, language)
        held = replace(live, source_hash=new.hash)
        version = _add(session, person, content_id, language, held, state="replaced", base=base)
        _put_live(session, version)
        _record(session, person, version, "carried_over")
    for row in session.scalars(
        select(TextVersion).where(
            TextVersion.content_id == content_id, TextVersion.source_hash == before.hash, TextVersion.state.in_(OPEN)
        )
    ):
        row.source_hash = new.hash


def _typed(language: str, edit: Edit) -> Written:
    body, help_if = tidied(edit.body, edit.help_if)
    if language == SOURCE_LANGUAGE:
        return Written(body, help_if, ORIGINAL, None)
    return Written(body, help_if, edit.translation, edit.english)


def _file_row(session: Session, library: Library, content_id: str, language: str) -> TextVersion | None:
    """The file's words as a row, so that they can be compared with and gone back to when the file has changed."""
    words = checks.in_file(library, content_id, language)
    if words is None:
        return None
    query = _of(content_id, language).where(TextVersion.state == "file", TextVersion.hash == words.hash)
    row = session.scalar(query)
    return row or _add(session, Person(None, "", frozenset()), content_id, language, words, state="file", base=None)


def _add(
    session: Session, person: Person, content_id: str, language: str, words: Written, *, state: str, base: TextVersion | None
) -> TextVersion:
    version = TextVersion(
        content_id=content_id,
        language=language,
        body=words.body,
        help_if=words.help_if,
        translation=words.translation,
        source_hash=words.source_hash,
        hash=words.hash,
        state=state,
        base_id=base.id if base is not None else None,
        staff_id=person.id,
        author=person.name,
    )
    session.add(version)
    session.flush()
    return version


def _record(session: Session, person: Person, version: TextVersion, kind: str, note: str | None = None) -> None:
    _event(session, person, version.content_id, version.language, kind, version, note)


def _event(
    session: Session,
    person: Person,
    content_id: str,
    language: str,
    kind: str,
    version: TextVersion | None = None,
    note: str | None = None,
) -> None:
    version_id = version.id if version is not None else None
    named = {"staff_id": person.id, "author": person.name, "note": note}
    session.add(TextEvent(version_id=version_id, content_id=content_id, language=language, kind=kind, **named))
