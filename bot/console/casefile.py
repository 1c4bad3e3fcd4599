"""Reading one case: who it is about, why it is here, what was said on both sides, and what has happened to it.

Everything is found through the case's own person, so that nobody else's words can come along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.console.told import withheld
from bot.delivery.outbox import PULLED
from bot.delivery.reach import Reach, reach
from bot.handoff import desk, marks
from bot.handoff.desk import may_see
from bot.handoff.marks import Mark
from bot.languages import direction
from bot.people import PersonView, view
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.tables import ButtonToken, Case, CaseEvent, Consent, Inbox, Outbox, Person, PersonAddress, Staff, now

PAGE = 100
"""Messages shown at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in what belongs to a case: ids in the inbox, the outbox and the events, written "12.40.7"."""

    inbox: int = 0
    outbox: int = 0
    event: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Place | None:
        """The place that `text` names, or None if it names none."""
        match = re.fullmatch(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", text or "")
        return cls(int(match[1]), int(match[2]), int(match[3])) if match else None

    def __str__(self) -> str:
        return f"{self.inbox}.{self.outbox}.{self.event}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message. `voice` is parent, wren, practitioner or directory; `kind` what it was if not words."""

    id: int
    at: datetime
    voice: str
    text: str
    language: str
    direction: str
    name: str = ""
    kind: str = "text"
    cut: bool = False
    level: str = "none"
    mark: Mark | None = None
    reasons: Sequence[Mapping[str, Any]] = ()
    state: str = ""
    why_not: str = ""
    safety: bool = False
    ready: bool = False
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of the case; `detail` is the event's own (reasons of a level, words of a note); `to` who a case was given to."""

    at: datetime
    kind: str
    staff: str | None
    to: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """Somebody the case can be handed over to."""

    id: int
    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """All that a case page shows. `older` is where the messages before these end, None if there are none."""

    id: int
    area_id: str | None
    level: str
    not_meant: bool
    interpreter: bool
    paused: bool
    state: str
    outcome: str | None
    language: str
    channel: str
    opened_at: datetime
    reply_due_at: datetime | None
    first_reply_at: datetime | None
    last_reply_at: datetime | None
    closed_at: datetime | None
    holder_id: int | None
    holder: str | None
    holder_title: str | None
    knows_id: int | None
    knows: str | None
    """Who held this parent's last case, if they could hold this one."""
    colleagues: tuple[Colleague, ...]
    person: PersonView
    forgotten: bool
    contact_unsafe: bool
    unreachable: bool
    reach: Reach
    topic: str | None
    """What the parent last wrote about in this case, where that was understood."""
    consents: Mapping[str, bool]
    """The latest word on each thing they were asked to agree to."""
    has_address: bool
    """Whether there is a phone number or the like that could be shown for a reason."""
    said: tuple[Said, ...]
    older: Place | None
    happenings: tuple[Happening, ...]
    place: Place

    @property
    def why(self) -> tuple[Happening, ...]:
        """The events that gave the case its level, newest first."""
        return tuple(event for event in reversed(self.happenings) if event.kind in ("opened", "raised"))

    @property
    def unanswered(self) -> bool:
        """Whether the parent has written since the last reply."""
        last = max((said.at for said in self.said if said.voice == "parent"), default=None)
        return self.last_reply_at is not None and last is not None and last > self.last_reply_at


def read_case(
    session: Session, keyring: Keyring, *, case_id: int, area_id: str | None, before: Place | None = None
) -> CaseFile | None:
    """The case, or None if there is none or staff of `area_id` may not see it."""
    case = session.get(Case, case_id)
    if case is None or not may_see(area_id, case.area_id):
        return None
    person = session.get_one(Person, case.person_id)
    holder = session.get(Staff, case.staff_id) if case.staff_id else None
    others = desk.colleagues(session, case, case.staff_id or 0)
    knows = next((one for one in others if one.id == case.knows_staff_id), None)
    address = session.get_one(PersonAddress, case.address_id)
    place = latest(session, case.id, person.id)
    said, older = _conversation(session, keyring, person.id, before)
    hidden = withheld(session, case)
    said = [
        replace(one, text="", kind="withheld", reasons=()) if one.voice == "parent" and one.id in hidden else one for one in said
    ]
    return CaseFile(
        id=case.id,
        area_id=case.area_id,
        level=case.level,
        not_meant=case.not_meant,
        interpreter=case.interpreter_at is not None,
        paused=case.paused_at is not None,
        state=case.state,
        outcome=case.outcome,
        language=case.language,
        channel=case.channel,
        opened_at=case.opened_at,
        reply_due_at=case.reply_due_at,
        first_reply_at=case.first_reply_at,
        last_reply_at=case.last_reply_at,
        closed_at=case.closed_at,
        holder_id=case.staff_id,
        holder=holder.first_name if holder else None,
        holder_title=holder.job_title if holder else None,
        knows_id=case.knows_staff_id,
        knows=knows.first_name if knows else None,
        colleagues=tuple(Colleague(id=one.id, name=one.first_name, title=one.job_title) for one in others),
        person=view(session, person),
        forgotten=person.forgotten_at is not None,
        contact_unsafe=person.contact_unsafe,
        unreachable=address.unreachable_at is not None,
        reach=reach(session, person.id, address),
        topic=_topic(session, case.id),
        consents=_consents(session, person.id),
        has_address=session.scalar(
            select(PersonAddress.id).where(PersonAddress.person_id == person.id, PersonAddress.channel.not_in(PULLED)).limit(1)
        )
        is not None,
        said=tuple(said),
        older=older,
        happenings=tuple(_happenings(session, keyring, case.id)),
        place=place,
    )


def _topic(session: Session, case_id: int) -> str | None:
    query = select(Inbox.topic).where(Inbox.case_id == case_id, Inbox.topic.is_not(None))
    return session.scalar(query.order_by(Inbox.id.desc()).limit(1))


def _consents(session: Session, person_id: int) -> dict[str, bool]:
    query = select(Consent.category, Consent.given).where(Consent.person_id == person_id).order_by(Consent.id)
    return {row.category: row.given for row in session.execute(query)}


def latest(session: Session, case_id: int, person_id: int) -> Place:
    """The newest of everything that belongs to the case."""
    return Place(
        session.scalar(select(func.max(Inbox.id)).where(Inbox.person_id == person_id)) or 0,
        session.scalar(select(func.max(Outbox.id)).where(Outbox.person_id == person_id)) or 0,
        session.scalar(select(func.max(CaseEvent.id)).where(CaseEvent.case_id == case_id)) or 0,
    )


def _conversation(session: Session, keyring: Keyring, person_id: int, before: Place | None) -> tuple[list[Said], Place | None]:
    inbox = select(Inbox).where(Inbox.person_id == person_id)
    outbox = select(Outbox).where(Outbox.person_id == person_id, Outbox.due_at <= now())
    if before is not None:
        inbox, outbox = inbox.where(Inbox.id < before.inbox), outbox.where(Outbox.id < before.outbox)
    written = session.scalars(inbox.order_by(Inbox.id.desc()).limit(PAGE + 1)).all()
    sent = session.scalars(outbox.order_by(Outbox.id.desc()).limit(PAGE + 1)).all()
    said = _of_parent(session, keyring, person_id, written) + [_of_us(row, _opened(keyring, row.sealed)) for row in sent]
    said.sort(key=lambda one: (one.at, one.voice != "parent", one.id))
    shown = said[-PAGE:]
    return shown, _first(shown, written, sent) if len(said) > PAGE else None


def _first(shown: Sequence[Said], written: Sequence[Inbox], sent: Sequence[Outbox]) -> Place:
    """Where the messages before `shown` end, in the inbox and in the outbox."""
    own = min((one.id for one in shown if one.voice == "parent"), default=max((row.id for row in written), default=0) + 1)
    ours = min((one.id for one in shown if one.voice != "parent"), default=max((row.id for row in sent), default=0) + 1)
    return Place(own, ours)


def _of_parent(session: Session, keyring: Keyring, person_id: int, rows: Iterable[Inbox]) -> list[Said]:
    opened = [(row, _opened(keyring, row.sealed)) for row in rows]
    tokens = [data["token"] for _, data in opened if data.get("token")]
    query = select(ButtonToken.token, ButtonToken.title).where(ButtonToken.person_id == person_id, ButtonToken.token.in_(tokens))
    said_of = marks.of_messages(session, [row.id for row, _ in opened])
    titles = {row.token: row.title for row in session.execute(query)} if tokens else {}
    return [
        Said(
            id=row.id,
            at=row.received_at,
            voice="parent",
            text=titles.get(str(data.get("token")), str(data.get("text") or "")),
            language=row.language or "en",
            direction="auto",
            kind=str(data.get("media") or "other") if row.kind == "unsupported" else row.kind if data else "unreadable",
            cut=bool(data.get("cut")),
            level=row.level,
            reasons=_opened_list(keyring, row.triage),
            mark=said_of.get(row.id),
        )
        for row, data in opened
    ]


def _of_us(row: Outbox, outbound: Mapping[str, Any]) -> Said:
    language = str(outbound.get("language") or row.language)
    titles = [str(item["title"]) for part in ("buttons", "rows") for item in outbound.get(part, ())]
    return Said(
        id=row.id,
        at=row.created_at,
        voice=str(outbound.get("voice") or "wren"),
        name=str(outbound.get("voice_name") or ""),
        text=str(outbound.get("text") or ""),
        language=language,
        direction=str(outbound.get("direction") or direction(language)),
        kind="text" if outbound else "unreadable",
        state=row.state,
        why_not=row.reason or "",
        safety=row.message_class == "safety",
        ready=row.ref.startswith("reply:"),
        buttons=tuple(titles),
    )


def _happenings(session: Session, keyring: Keyring, case_id: int) -> list[Happening]:
    rows = session.execute(
        select(CaseEvent, Staff.first_name)
        .outerjoin(Staff, Staff.id == CaseEvent.staff_id)
        .where(CaseEvent.case_id == case_id, CaseEvent.kind != "message")
        .order_by(CaseEvent.id)
    )
    found = [(event, name, _opened(keyring, event.detail)) for event, name in rows]
    ids = {detail["to"] for _, _, detail in found if "to" in detail}
    names = {one.id: one.first_name for one in session.scalars(select(Staff).where(Staff.id.in_(ids)))} if ids else {}
    return [
        Happening(at=event.at, kind=event.kind, staff=name, to=names.get(detail.get("to", 0)), detail=detail)
        for event, name, detail in found
    ]


def _opened(keyring: Keyring, sealed: bytes | None) -> dict[str, Any]:
    """What was sealed; empty if nothing was, or if its key has been dropped: one lost message must not hide the rest."""
    try:
        return dict(keyring.open_json(sealed)) if sealed else {}
    except KeyMissing:
        return {}


def _opened_list(keyring: Keyring, sealed: bytes | None) -> tuple[Mapping[str, Any], ...]:
    try:
        return tuple(keyring.open_json(sealed)) if sealed else ()
    except KeyMissing:
        return ()
