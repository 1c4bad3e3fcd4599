"""What staff do with a case: claim, reply, note, release, close. Each act is one transaction, audited, and safe to repeat.

The pages and every other caller go through here, so that the parent, the history and the audit always agree. Blocking: call from
a thread. Every act raises `NoSuchCase` for a case that the member of staff may not see.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.delivery.hub import Hub
from bot.delivery.outbox import enqueue
from bot.handoff import cases
from bot.languages import detect, direction
from bot.messages import MessageClass, Reply
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Case, CaseEvent, Outbox, Person, Staff, StaffAudit, now

if TYPE_CHECKING:
    from bot.conversation.render import Renderer

MAX_WORDS = 3_000
"""Characters of a reply or a note."""

FORM_ID = re.compile(r"[A-Za-z0-9_-]{8,32}")


class NoSuchCase(LookupError):
    """There is no such case, or it belongs to another area's team."""


class Refused(ValueError):
    """The words cannot be taken. `code` is `empty` or `too_long`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


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
        _tell(act, "person-joined", key=f"case{case_id}:joined:{staff_id}")
        _audit(act, "claim")


def send_reply(services: Services, case_id: int, staff_id: int, text: str, *, form_id: str | None = None) -> str:
    """Queue a practitioner's words for the parent, on the channel they wrote from; returns the outbox key.

    The same `form_id` twice sends once; without one each call sends. Raises `Refused` for words that cannot be sent,
    `cases.NotClaimed` if `staff_id` does not hold the case.
    """
    words = checked(text)
    key = f"case{case_id}:reply:{staff_id}:{_form(form_id)}"
    try:
        with _act(services, case_id, staff_id) as act:
            if not _queued(act.session, key):
                _reply(act, words, key)
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


def release_case(services: Services, case_id: int, staff_id: int) -> None:
    """Put the case back in the queue. Raises `cases.NotClaimed` if `staff_id` does not hold it."""
    with _act(services, case_id, staff_id) as act:
        cases.release(act.session, case_id, staff_id)
        _say_goodbye(act)
        _audit(act, "release")


def close_case(services: Services, case_id: int, staff_id: int, outcome: str) -> None:
    """End the case; a parent who was told that the practitioner is there is told that they left. Repeating it changes nothing.

    Raises `cases.NotClaimed` if `staff_id` does not hold the case, ValueError for something that is not an outcome.
    """
    with _act(services, case_id, staff_id) as act:
        if act.case.state == "closed" and act.case.staff_id == staff_id:
            return
        cases.close(act.session, case_id, staff_id, outcome)
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
        kind = "bereaved" if bereaved else "not_bereaved"
        act.session.add(CaseEvent(case_id=case_id, kind=kind, staff_id=staff_id))
        _audit(act, kind)


def may_see(staff_area: str | None, case_area: str | None) -> bool:
    """Whether staff of an area see a case: their own area's and nobody's; staff without an area see all."""
    return staff_area is None or case_area is None or staff_area == case_area


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


def _reply(act: Act, words: str, key: str) -> None:
    """A practitioner's own words, signed with their name and job."""
    cases.held(act.session, act.case.id, act.staff.id)
    args = {
        "text": words,
        "name": act.staff.first_name,
        "role": act.staff.job_title,
        "language": _language_of(words, act.case.language),
    }
    _enqueue(act, Reply(ref="person:reply", args=args, message_class=MessageClass.PRACTITIONER), key)
    cases.replied(act.session, act.case, act.staff.id, key)
    _audit(act, "reply")


def _say_goodbye(act: Act) -> None:
    """Whoever was told that a practitioner is there is told when they go, once for each coming."""
    if _queued(act.session, f"case{act.case.id}:joined:{act.staff.id}"):
        _tell(act, "person-left", key=f"case{act.case.id}:left:{act.staff.id}")


def _tell(act: Act, slug: str, *, key: str) -> None:
    """Say in approved words who has come or gone, unless that was said before."""
    if _queued(act.session, key):
        return
    # Whether anybody is there is a safety message, as it is at intake: someone who wrote STOP must not wait for nobody.
    args = {"name": act.staff.first_name, "role": act.staff.job_title}
    _enqueue(act, Reply(ref=f"safety:{slug}", args=args, message_class=MessageClass.SAFETY), key)


def _enqueue(act: Act, reply: Reply, key: str) -> None:
    person = act.session.get_one(Person, act.case.person_id)
    enqueue(
        act.session,
        act.services.keyring,
        act.services.renderer,
        reply,
        key=key,
        person_id=person.id,
        address_id=act.case.address_id,
        channel=act.case.channel,
        language=act.case.language,
        nation=person.nation,
        campaign=person.campaign,
        case_id=act.case.id,
        staff_id=act.staff.id,
    )
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
    found = detect(words, parents)
    # Latin letters must not be laid out from right to left, whatever language a few words are taken for.
    return "en" if found.script == "Latin" and direction(found.lang) == "rtl" else found.lang
