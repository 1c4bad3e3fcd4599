"""What staff do with a case. Each act is one transaction, audited, and safe to repeat.

The pages and every other caller go through here, so that the parent, the history and the audit always agree. Blocking: call from
a thread. Every act raises `NoSuchCase` for a case that the member of staff may not see.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.delivery.hub import Hub
from bot.delivery.outbox import PULLED, enqueue_for_case
from bot.handoff import cases, marks
from bot.handoff.hours import Teams
from bot.languages import detect, direction, supported
from bot.library.dates import say_hours
from bot.library.strings import placeholders
from bot.messages import MessageClass, Reply
from bot.series import store
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.tables import Case, CaseEvent, Inbox, Outbox, Person, PersonAddress, SeriesSubscription, Staff, StaffAudit, now

if TYPE_CHECKING:
    from bot.conversation.render import Renderer

MAX_WORDS = 3_000
"""Characters of a reply or a note."""

JOINED, LEFT = "safety:person-joined", "safety:person-left"
"""The approved words for who has come and who has gone."""

FORM_ID = re.compile(r"[A-Za-z0-9_-]{8,32}")


class NoSuchCase(LookupError):
    """There is no such case, or it belongs to another area's team."""


class Refused(ValueError):
    """What was given cannot be taken. `code` is `empty` or `too_long` for words, `colleague` for somebody who cannot have a case,
    `ready` for a ready reply that is not there, `another_open` and `forgotten` for a case that cannot be opened again, `mark`
    for a level or message that is none, `no_address` where there is no number or id to show,
    `series…` for a series that cannot be stopped or taken back."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class OtherLanguage(Exception):
    """A reply is in `language`, not in the parent's, and its writer has not yet said that this is meant."""

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__(language)


class Services(Protocol):
    """The parts of a process that acts need."""

    @property
    def database(self) -> Database: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def renderer(self) -> Renderer: ...
    @property
    def hub(self) -> Hub: ...
    @property
    def teams(self) -> Teams: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAddress:
    """An address in plain words: `kind` is what it is on its channel (`phone`, say)."""

    channel: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Act:
    """An open transaction on one case, whose row is locked, by one member of staff."""

    services: Services
    session: Session
    case: Case
    staff: Staff


def claim_case(services: Services, case_id: int, staff_id: int) -> None:
    """Give the case to `staff_id` and tell the parent who is there, once a practitioner. Raises `cases.NotClaimed`."""
    with _act(services, case_id, staff_id) as act:
        cases.claim(act.session, case_id, staff_id)
        _say_hello(act, act.staff)
        _audit(act, "claim")


def acknowledge_case(services: Services, case_id: int, staff_id: int) -> None:
    """Say that somebody has seen the case's alarm, so that no more go out for now; whoever holds it. Repeating it changes nothing."""
    with _act(services, case_id, staff_id) as act:
        if cases.acknowledge(act.session, act.case, staff_id):
            _audit(act, "acknowledge")


def send_reply(
    services: Services, case_id: int, staff_id: int, text: str, *, form_id: str | None = None, any_language: bool = False
) -> str:
    """Queue a practitioner's words for the parent, on the channel they wrote from; returns the outbox key.

    Nothing is translated: words in another language than the parent's raise `OtherLanguage` until `any_language` says that they
    are meant. That is asked once of each member of staff in a case, and kept in its history.

    The same `form_id` twice sends once; without one each call sends. Raises `Refused` for words that cannot be sent,
    `cases.NotClaimed` if `staff_id` does not hold the case.
    """
    words = checked(text)
    return _send(services, case_id, staff_id, form_id, lambda act: _own_words(act, words, any_language=any_language))


def send_ready(services: Services, case_id: int, staff_id: int, ready_id: str, *, form_id: str | None = None) -> str:
    """Queue a ready reply in the language of the case, as approved words signed by `staff_id`; returns the outbox key.

    As `send_reply` otherwise; `Refused` for a reply that is not there.
    """

    def approved(act: Act) -> Reply:
        args = ready_args(services, act.staff.first_name, act.staff.job_title, act.case.area_id, act.case.language)
        if ready_id not in ready_ids(services, act.case.area_id):
            raise Refused("ready")
        return Reply(ref=f"reply:{ready_id}", args=args, message_class=MessageClass.PRACTITIONER)

    return _send(services, case_id, staff_id, form_id, approved)


def ready_ids(services: Services, area_id: str | None) -> list[str]:
    """The ready replies that can be sent in a case of an area: those that tell the hours only where hours are known."""
    replies = services.renderer.library.replies.by_id
    timeless = not any(services.teams.of(area_id).spells)
    return [id_ for id_, ready in replies.items() if not (timeless and "hours" in placeholders(ready.words["en"]))]


def ready_args(services: Services, name: str, role: str, area_id: str | None, language: str) -> dict[str, str]:
    """What the placeholders of a ready reply stand for."""
    week = [[(spell.opens, spell.closes) for spell in day] for day in services.teams.of(area_id).spells]
    return {"name": name, "role": role, "hours": say_hours(week, language)}


def _send(services: Services, case_id: int, staff_id: int, form_id: str | None, compose: Callable[[Act], Reply]) -> str:
    """Queue what `compose` makes, once a form; returns its outbox key."""
    key = f"case{case_id}:reply:{staff_id}:{_form(form_id)}"
    try:
        with _act(services, case_id, staff_id) as act:
            if not _queued(act.session, key):
                cases.held(act.session, case_id, staff_id)
                _enqueue(act, compose(act), key)
                cases.replied(act.session, act.case, staff_id, key)
                _audit(act, "reply")
    except IntegrityError:
        # The same form, posted twice at the same moment to two processes: the other one has sent it.
        with services.database.read() as session:
            if not _queued(session, key):
                raise
    return key


def add_note(services: Services, case_id: int, staff_id: int, text: str, *, form_id: str | None = None) -> None:
    """Write a note for colleagues into the history, whoever holds the case. The same `form_id` twice writes once.

    Raises `Refused` for words that cannot be kept.
    """
    words, form = checked(text), f"{staff_id}:{_form(form_id)}"
    with _act(services, case_id, staff_id) as act:
        if form in _notes(act):
            return
        detail = services.keyring.seal_json({"text": words, "form": form})
        act.session.add(CaseEvent(case_id=case_id, kind="note", staff_id=staff_id, detail=detail))
        _audit(act, "note")


def set_interpreter(services: Services, case_id: int, staff_id: int, needed: bool) -> None:
    """Say, for everybody in the team to see, that the case needs an interpreter or no longer does. Repeating it changes nothing.

    Raises `cases.NotClaimed` if the case is closed.
    """
    with _act(services, case_id, staff_id) as act:
        if cases.interpreter(act.session, act.case, staff_id, needed):
            _audit(act, "interpreter")


def release_case(services: Services, case_id: int, staff_id: int, note: str = "") -> None:
    """Put the case back in the queue, with a note for whoever takes it. Raises `cases.NotClaimed` if `staff_id` does not hold it,
    `Refused` for a note that is too long."""
    words = checked(note) if note.strip() else ""
    with _act(services, case_id, staff_id) as act:
        detail = services.keyring.seal_json({"text": words}) if words else None
        cases.release(act.session, case_id, staff_id, services.teams.of(act.case.area_id), detail=detail)
        _say_goodbye(act)
        _audit(act, "release")


def hand_over_case(services: Services, case_id: int, staff_id: int, to_staff_id: int, note: str = "") -> None:
    """Give the case to a colleague, with a note for them, and tell the parent who is there now. Repeating it changes nothing.

    Raises `cases.NotClaimed` if `staff_id` does not hold the case, `Refused` for somebody who cannot have it or a note that is too
    long.
    """
    words = checked(note) if note.strip() else ""
    with _act(services, case_id, staff_id) as act:
        if act.case.staff_id == to_staff_id and _handed_over_by(act):
            return
        colleague = next((one for one in colleagues(act.session, act.case, staff_id) if one.id == to_staff_id), None)
        if colleague is None:
            raise Refused("colleague")
        detail = services.keyring.seal_json({"to": colleague.id, "text": words})
        cases.hand_over(act.session, case_id, staff_id, colleague, detail=detail)
        _say_hello(act, colleague)
        _audit(act, "hand_over")


def colleagues(session: Session, case: Case, staff_id: int) -> list[Staff]:
    """Who else may have the case, by name: staff of its area and of all areas whose accounts are in use."""
    query = select(Staff).where(Staff.disabled_at.is_(None), Staff.id != staff_id).order_by(Staff.first_name, Staff.id)
    return [one for one in session.scalars(query) if may_see(one.area_id, case.area_id)]


def close_case(services: Services, case_id: int, staff_id: int, outcome: str) -> None:
    """End the case; a parent who was told that the practitioner is there is told that they left. Repeating it changes nothing.

    Raises `cases.NotClaimed` if `staff_id` does not hold the case, ValueError for something that is not an outcome.
    """
    with _act(services, case_id, staff_id) as act:
        if act.case.state == "closed" and act.case.staff_id == staff_id:
            return
        cases.close(act.session, case_id, staff_id, outcome, detail=services.keyring.seal_json({"outcome": outcome}))
        _say_goodbye(act)
        _audit(act, "close")


def mark_bereaved(services: Services, case_id: int, staff_id: int, *, bereaved: bool) -> None:
    """Mark that the parent of the case has lost a baby, or take the mark away; whoever holds the case. Nothing is sent.

    Repeating it changes nothing.
    """
    with _act(services, case_id, staff_id) as act:
        person = act.session.get_one(Person, act.case.person_id)
        if (person.bereaved_at is not None) == bereaved:
            return
        person.bereaved_at = now() if bereaved else None
        if bereaved:
            store.end_all(act.session, person.id, "bereaved")
        kind = "bereaved" if bereaved else "not_bereaved"
        act.session.add(CaseEvent(case_id=case_id, kind=kind, staff_id=staff_id))
        _audit(act, kind)


def stop_series(services: Services, case_id: int, staff_id: int, subscription_id: int) -> None:
    """End a series that the parent of the case gets; whoever holds the case. Repeating it changes nothing.

    Raises `Refused` (`series`) for one of somebody else.
    """
    with _act(services, case_id, staff_id) as act:
        row = _series(act, subscription_id)
        if row.state not in store.LIVE:
            return
        store.end(act.session, row, "staff")
        act.session.add(CaseEvent(case_id=case_id, kind="series_stopped", staff_id=staff_id))
        _audit(act, "series_stop")


def undo_series(services: Services, case_id: int, staff_id: int, subscription_id: int, reason: str) -> None:
    """Take back a wrong end of a series, for a reason that goes into the history. A parent's stop is taken back with it.

    Raises `Refused` for no reason, and (`series`) for an end that cannot be taken back.
    """
    words = checked(reason)
    with _act(services, case_id, staff_id) as act:
        row = _series(act, subscription_id)
        try:
            store.undo_end(act.session, services.renderer.library.series, row, now())
        except store.CannotUndo as error:
            raise Refused(f"series_{error.code}") from error
        detail = services.keyring.seal_json({"text": words})
        act.session.add(CaseEvent(case_id=case_id, kind="series_undone", staff_id=staff_id, detail=detail))
        _audit(act, "series_undo")


def _series(act: Act, subscription_id: int) -> SeriesSubscription:
    row = act.session.get(SeriesSubscription, subscription_id, with_for_update=True)
    if row is None or row.person_id != act.case.person_id:
        raise Refused("series")
    return row


def reopen_case(services: Services, case_id: int, staff_id: int, reason: str) -> None:
    """Take up a closed case again, with a reason, and tell the parent who is there. Repeating it changes nothing.

    Raises `cases.NotClaimed` if somebody else has it by now, `Refused` for no reason, or if the parent has another open case or
    asked to be forgotten.
    """
    words = checked(reason)
    try:
        with _act(services, case_id, staff_id) as act:
            if act.case.state != "closed":
                cases.held(act.session, case_id, staff_id)
                return
            if cases.current(act.session, act.case.person_id) is not None:
                raise Refused("another_open")
            if act.session.get_one(Person, act.case.person_id).forgotten_at is not None:
                raise Refused("forgotten")
            cases.reopen(act.session, act.case, staff_id, detail=services.keyring.seal_json({"text": words}))
            _say_hello(act, act.staff)
            _audit(act, "reopen")
    except IntegrityError:
        # The parent's next worry opened a case at this very moment: the database allows one.
        raise Refused("another_open") from None


def pause_bot(services: Services, case_id: int, staff_id: int, paused: bool) -> None:
    """Pause the bot for this conversation, or let it answer again. Raises `cases.NotClaimed` if `staff_id` does not hold the case."""
    with _act(services, case_id, staff_id) as act:
        if cases.pause(act.session, case_id, staff_id, paused):
            _audit(act, "pause" if paused else "resume")


def mark_triage(services: Services, case_id: int, staff_id: int, inbox_id: int, should_be: str) -> None:
    """Say which level a message of the case's parent should have had. A later mark takes the place of an earlier one.

    Raises `Refused` (`mark`) for a message of somebody else or something that is no level.
    """
    with _act(services, case_id, staff_id) as act:
        message = act.session.get(Inbox, inbox_id)
        if message is None or message.person_id != act.case.person_id or should_be not in marks.LEVELS:
            raise Refused("mark")
        marks.put(
            act.session,
            message,
            should_be=should_be,
            language=act.case.language,
            area_id=act.case.area_id,
            staff_id=staff_id,
        )
        _audit(act, "mark")


def see_addresses(services: Services, case_id: int, staff_id: int, reason: str) -> list[SeenAddress]:
    """The parent's phone number, Telegram id and the like, for a reason that goes into the history. Each look is recorded.

    A web chat's key is never shown: whoever holds it could write in the parent's name. Raises `Refused` for no reason or no address.
    """
    words = checked(reason)
    with _act(services, case_id, staff_id) as act:
        query = select(PersonAddress).where(PersonAddress.person_id == act.case.person_id, PersonAddress.channel.not_in(PULLED))
        rows = act.session.scalars(query.order_by(PersonAddress.id)).all()
        if not rows:
            raise Refused("no_address")
        try:
            found = [SeenAddress(channel=row.channel, kind=row.kind, value=services.keyring.open(row.sealed)) for row in rows]
        except KeyMissing:
            raise Refused("no_address") from None
        detail = services.keyring.seal_json({"text": words})
        act.session.add(CaseEvent(case_id=case_id, kind="address_seen", staff_id=staff_id, detail=detail))
        _audit(act, "address")
    return found


def may_see(staff_area: str | None, case_area: str | None) -> bool:
    """Whether staff of an area see a case: their own area's and nobody's; staff without an area see all."""
    return staff_area is None or case_area is None or staff_area == case_area


def in_area(column: InstrumentedAttribute[str | None], area_id: str | None) -> ColumnElement[bool]:
    """The condition of `may_see` for a query: `column` is a row's area, `area_id` that of the staff."""
    return true() if area_id is None else or_(column == area_id, column.is_(None))


def checked(text: str) -> str:
    """A reply or note without the space around it. Raises `Refused`."""
    words = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if not words:
        raise Refused("empty")
    if len(words) > MAX_WORDS:
        raise Refused("too_long")
    return words


@contextmanager
def _act(services: Services, case_id: int, staff_id: int) -> Iterator[Act]:
    """One transaction with the case's row locked; then whoever waits for this case is woken."""
    with services.database.write() as session:
        staff = session.get_one(Staff, staff_id)
        case = session.get(Case, case_id, with_for_update=True)
        if case is None or not may_see(staff.area_id, case.area_id):
            raise NoSuchCase(case_id)
        person_id = case.person_id
        yield Act(services, session, case, staff)
    services.hub.publish(f"person:{person_id}", "queue", "outbox")


def _own_words(act: Act, words: str, *, any_language: bool) -> Reply:
    """A practitioner's own words, signed with their name and job. Raises `OtherLanguage`."""
    other = other_language(words, act.case.language)
    if other is not None and not _asked_of_language(act):
        if not any_language:
            raise OtherLanguage(other)
        detail = act.services.keyring.seal_json({"language": other})
        act.session.add(CaseEvent(case_id=act.case.id, kind="other_language", staff_id=act.staff.id, detail=detail))
    args = {
        "text": words,
        "name": act.staff.first_name,
        "role": act.staff.job_title,
        "language": _language_of(words, act.case.language),
    }
    return Reply(ref="person:reply", args=args, message_class=MessageClass.PRACTITIONER)


def _asked_of_language(act: Act) -> bool:
    """Whether this member of staff has already said, in this case, that another language is meant."""
    query = select(CaseEvent.id).where(
        CaseEvent.case_id == act.case.id, CaseEvent.kind == "other_language", CaseEvent.staff_id == act.staff.id
    )
    return act.session.scalar(query.limit(1)) is not None


def _handed_over_by(act: Act) -> bool:
    """Whether the latest change of hands was this member of staff giving the case away."""
    query = select(CaseEvent.kind, CaseEvent.staff_id).where(
        CaseEvent.case_id == act.case.id, CaseEvent.kind.in_(("claimed", "handed_over", "released", "closed"))
    )
    last = act.session.execute(query.order_by(CaseEvent.id.desc()).limit(1)).first()
    return last is not None and tuple(last) == ("handed_over", act.staff.id)


def _say_hello(act: Act, staff: Staff) -> None:
    """The parent is told who is there now, unless that is what they were told last."""
    if _told_last(act) != (JOINED, staff.id):
        _tell(act, JOINED, staff)


def _say_goodbye(act: Act) -> None:
    """Whoever was told that a practitioner is there is told when they go, once for each coming."""
    if _told_last(act) == (JOINED, act.staff.id):
        _tell(act, LEFT, act.staff)


def _told_last(act: Act) -> tuple[str, int | None] | None:
    """What the parent was last told of who is there in this case: who came or went."""
    row = act.session.execute(_presence(act).order_by(Outbox.id.desc()).limit(1)).first()
    return (row.ref, row.staff_id) if row else None


def _presence(act: Act) -> Select[str, int | None]:
    return select(Outbox.ref, Outbox.staff_id).where(Outbox.case_id == act.case.id, Outbox.ref.in_((JOINED, LEFT)))


def _tell(act: Act, ref: str, staff: Staff) -> None:
    """Say in approved words who has come or gone."""
    # Whether anybody is there is a safety message, as it is at intake: someone who wrote STOP must not wait for nobody.
    args = {"name": staff.first_name, "role": staff.job_title}
    told = len(act.session.execute(_presence(act)).all())
    key = f"case{act.case.id}:presence:{told}"
    _enqueue(act, Reply(ref=ref, args=args, message_class=MessageClass.SAFETY), key, staff)


def _enqueue(act: Act, reply: Reply, key: str, staff: Staff | None = None) -> None:
    person = act.session.get_one(Person, act.case.person_id)
    services, sender = act.services, (staff or act.staff).id
    enqueue_for_case(act.session, services.keyring, services.renderer, reply, act.case, person, key=key, staff_id=sender)
    act.session.flush()


def _audit(act: Act, action: str) -> None:
    act.session.add(StaffAudit(staff_id=act.staff.id, action=f"case.{action}", subject=f"case:{act.case.id}"))


def _notes(act: Act) -> set[str]:
    """The forms that the case's notes came from."""
    sealed = act.session.scalars(select(CaseEvent.detail).where(CaseEvent.case_id == act.case.id, CaseEvent.kind == "note"))
    return {str(act.services.keyring.open_json(detail).get("form")) for detail in sealed if detail is not None}


def _form(form_id: str | None) -> str:
    """The id of a form, a new one if there is none. Raises ValueError for something that is none."""
    if form_id is None:
        return secrets.token_urlsafe(12)
    if not FORM_ID.fullmatch(form_id):
        raise ValueError("a form needs an id of 8 to 32 letters, digits, - or _")
    return form_id


def _queued(session: Session, key: str) -> bool:
    return session.scalar(select(Outbox.id).where(Outbox.key == key)) is not None


def _language_of(words: str, parents: str) -> str:
    """The language a reply is in, for the parent's screen reader and for its direction."""
    found = other_language(words, parents) or parents
    # Latin letters must not be laid out from right to left, whatever language a few words are taken for.
    return "en" if detect(words, parents).script == "Latin" and direction(found) == "rtl" else found


def other_language(words: str, parents: str) -> str | None:
    """The language that words are in, if it is very likely not the parent's; None where it is, or where a few words leave it open."""
    found = detect(words, parents)
    # Where the words are too few to be sure, only a single other language they could be counts.
    likely = (found.lang,) if found.lang != parents else found.others if len(found.others) == 1 else ()
    # Few type a language in letters that are not its own; what looks like that is mostly something else.
    written = (one.code for one in supported() if one.code in likely and one.script == found.script)
    return next((code for code in written if code != parents), None)
