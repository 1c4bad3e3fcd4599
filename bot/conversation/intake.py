"""Intake: read out a campaign's code, triage, store, acknowledge. The first step of the journey, and the only one a channel calls.

`Intake.receive` judges the message in memory, then stores the raw event and the parsed message with its level in one transaction.
An `emergency` is answered in that same transaction, ahead of anything queued, and a worry opens its case there, so that neither
waits for a worker. If the store fails, the fixed safety words still go back to the channel, the event goes to an encrypted spool
file, and the caller is told to answer the provider with 5xx.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from sqlalchemy import bindparam, exists, func, literal, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from bot.campaigns import codes, store
from bot.conversation.render import Renderer
from bot.conversation.safety import ABUSE, emergency_replies, kind_of
from bot.conversation.spool import Spool
from bot.delivery.can_send import window_until
from bot.delivery.held import release
from bot.delivery.outbox import enqueue
from bot.delivery.receipts import open_window
from bot.handoff import cases
from bot.handoff.hours import Teams
from bot.library.campaigns import Campaigns
from bot.logs import about
from bot.messages import MAX_TEXT, Inbound, Kind, Outbound, Reply
from bot.people import find_or_create
from bot.signals import metrics
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Area, Dialogue, Inbox, Person, PersonAddress, RawEvent, now
from bot.triage import Assessment, Level, Triage

log = logging.getLogger(__name__)
RECENT_MESSAGES = 4
RECENT_WITHIN = timedelta(minutes=10)
LONGEST_FRAGMENT = 80
"""Characters up to which a message may be a piece of a sentence sent in several: longer ones are judged alone."""


# Built once: these run for every message, and putting a statement together takes longer than running it.
_KNOWN = select(RawEvent.id).where(RawEvent.channel == bindparam("channel"), RawEvent.external_id == bindparam("external"))
_RECENT = (
    select(Inbox.sealed, Inbox.level)
    .where(Inbox.person_id == bindparam("person"), Inbox.received_at > bindparam("since"), Inbox.kind == literal(Kind.TEXT.value))
    .order_by(Inbox.id.desc())
    .limit(RECENT_MESSAGES - 1)
)
_HAS_WRITTEN = select(exists().where(Inbox.person_id == bindparam("person")))
_COUNT = select(func.count()).where(Inbox.person_id == bindparam("person"), Inbox.received_at > bindparam("since"))


class LanguageGuess(Protocol):
    """Guesses the language of a new person from what the channel and the message say."""

    def __call__(self, inbound: Inbound) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one event. `stored` is false only if the store failed: answer the provider 5xx and show `safety`."""

    stored: bool
    duplicate: bool = False
    person_id: int | None = None
    inbox_id: int | None = None
    level: Level = Level.NONE
    language: str = ""
    """The person's, of a message that is new."""
    refused: bool = False
    """Whether it was stored without being read, because they wrote too much in a minute."""
    safety: tuple[Outbound, ...] = ()


class Intake:
    """One per process; `receive` is blocking and may be called from many threads."""

    def __init__(
        self,
        *,
        database: Database,
        keyring: Keyring,
        triage: Triage,
        renderer: Renderer,
        teams: Teams,
        guess_language: LanguageGuess,
        spool: Spool,
        area_id: str,
        raw_days: int,
        per_minute: int,
        wake: Callable[[], None] = lambda: None,
        is_command: Callable[[str], bool] = lambda text: False,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._triage = triage
        self._renderer = renderer
        self._teams = teams
        self._guess_language = guess_language
        self._spool = spool
        self._area_id = area_id
        self._raw_days = raw_days
        self._per_minute = per_minute
        self.wake = wake
        self._is_command = is_command
        self._clock = clock

    def receive(self, inbound: Inbound, raw: Any) -> Receipt:
        """Judge and store one event. `raw` is the provider's JSON as it came. Never raises for a failing store."""
        inbound = codes.opened(self._campaigns, inbound)
        assessment = self._judge(inbound)
        try:
            receipt = self._store(inbound, raw, assessment)
        except SQLAlchemyError as error:
            log.error("intake: the store failed (%s)", type(error).__name__)
            return self._without_store(inbound, raw, assessment)
        _note(inbound, receipt)
        if not receipt.duplicate:
            self.wake()
        return receipt

    def receive_all(self, events: Sequence[tuple[Inbound, Any]]) -> list[Receipt]:
        """`receive` for several events in one transaction: all are stored, or none. Raises SQLAlchemyError; then give each to `receive`,
        which answers an emergency even so."""
        read = self._read(events)
        with self._database.write() as session:
            receipts = [self._store_in(session, *one) for one in read]
        for (inbound, _, _), receipt in zip(read, receipts, strict=True):
            _note(inbound, receipt)
        if not all(receipt.duplicate for receipt in receipts):
            self.wake()
        return receipts

    def store_many(self, session: Session, events: Sequence[tuple[Inbound, Any]]) -> list[Receipt]:
        """Store several events inside the caller's transaction (a poller that moves its offset in the same one)."""
        read = self._read(events)
        receipts = [self._store_in(session, *one) for one in read]
        for (inbound, _, _), receipt in zip(read, receipts, strict=True):
            _note(inbound, receipt)
        return receipts

    def _read(self, events: Sequence[tuple[Inbound, Any]]) -> list[tuple[Inbound, Any, Assessment]]:
        """Events as they are to be stored, each with its level."""
        opened = [(codes.opened(self._campaigns, inbound), raw) for inbound, raw in events]
        return [(inbound, raw, self._judge(inbound)) for inbound, raw in opened]

    def import_spooled(self) -> int:
        """Store what was spooled while the store was failing; returns how many events were taken up."""
        taken = 0
        for path, spooled, raw in self._spool.read():
            inbound = codes.opened(self._campaigns, spooled)
            assessment = self._judge(inbound)
            try:
                # What was an emergency by itself has had its answer; one that shows only with earlier messages has not.
                receipt = self._store(inbound, raw, assessment, answered=assessment.level is Level.EMERGENCY)
            except SQLAlchemyError:
                break
            with about(spooled=path.stem):
                _note(inbound, receipt)
            self._spool.remove(path)
            taken += 1
        if taken:
            self.wake()
        return taken

    @property
    def _campaigns(self) -> Campaigns:
        return self._renderer.library.campaigns

    def _judge(self, inbound: Inbound) -> Assessment:
        """The level of one message. The exact words of a command ("forget me", "stop") are that and nothing else, and so is the first
        sentence that a campaign's link wrote."""
        ours = self._is_command(inbound.text) or codes.is_opening(self._campaigns, inbound)
        text = "" if ours else inbound.text
        return self._triage.assess(text, inbound.language)

    def _store(self, inbound: Inbound, raw: Any, assessment: Assessment, answered: bool = False) -> Receipt:
        try:
            with self._database.write() as session:
                return self._store_in(session, inbound, raw, assessment, answered)
        except IntegrityError:
            # Another worker stored the same event, or made the same person, a moment ago: look again.
            with self._database.write() as session:
                return self._store_in(session, inbound, raw, assessment, answered)

    def _store_in(self, session: Session, inbound: Inbound, raw: Any, assessment: Assessment, answered: bool = False) -> Receipt:
        known = session.scalar(_KNOWN, {"channel": inbound.channel, "external": inbound.external_id})
        if known is not None:
            earlier = session.scalar(select(Inbox).where(Inbox.raw_event_id == known))
            return Receipt(
                stored=True,
                duplicate=True,
                person_id=earlier.person_id if earlier else None,
                inbox_id=earlier.id if earlier else None,
            )
        mark = codes.read_payload(self._campaigns, inbound.start_payload)
        if mark is not None:  # whose link it was is counted, and kept with nobody
            inbound = replace(inbound, start_payload=mark.code)
        person, address = find_or_create(
            session,
            self._keyring,
            inbound.addresses,
            area_id=self._area_of(session, mark),
            language=inbound.language or partial(self._guess_language, inbound),
            language_chosen=inbound.language is not None,
            campaign=inbound.start_payload,
        )
        with session.no_autoflush:  # what has changed of the person goes out with the event, in one
            self._open_window(session, person.id, inbound)
        if mark is not None and not session.scalar(_HAS_WRITTEN, {"person": person.id}):
            store.count_arrival(session, mark.code, mark.link, moment=self._clock())
        with session.no_autoflush:
            assessment = self._with_recent(session, person.id, inbound, assessment)
        event = RawEvent(
            channel=inbound.channel,
            external_id=inbound.external_id,
            sealed=self._keyring.seal_json(raw),
            expires_at=now() + timedelta(days=self._raw_days),
        )
        session.add(event)
        session.flush()
        row = Inbox(
            raw_event_id=event.id,
            person_id=person.id,
            address_id=address.id,
            channel=inbound.channel,
            kind=inbound.kind.value,
            sealed=self._keyring.seal_json(pack(inbound)),
            level=assessment.level.value,
            triage=self._keyring.seal_json([asdict(reason) for reason in assessment.reasons]) if assessment.reasons else None,
            language=person.language,
            nation=person.nation,
            campaign=person.campaign,
        )
        if not assessment.level.at_least(Level.URGENT) and self._too_many(session, person.id):
            row.state, row.open, row.reason, row.done_at = "refused", 0, "too many messages in a minute", now()
        session.add(row)
        session.flush()
        if assessment.level in (Level.EMERGENCY, Level.URGENT):
            self._open_case(session, person, address, row, assessment, answered)
        return Receipt(
            stored=True,
            person_id=person.id,
            inbox_id=row.id,
            level=assessment.level,
            language=person.language,
            refused=row.state == "refused",
        )

    @staticmethod
    def _open_window(session: Session, person_id: int, inbound: Inbound) -> None:
        """They have written, so that the provider takes free words for a while, and what was held for them may go."""
        until = window_until(inbound.channel, min(inbound.sent_at, now()))
        if until is not None:
            open_window(session, person_id, inbound.channel, until)
            if until > now():
                release(session, person_id, inbound.channel)

    def _area_of(self, session: Session, mark: codes.Mark | None) -> str:
        """The area that a new person belongs to: their campaign's, if it has one that is known here."""
        area = self._campaigns.by_code[mark.code].area if mark is not None else None
        return area if area is not None and session.get(Area, area) is not None else self._area_id

    def _open_case(
        self,
        session: Session,
        person: Person,
        address: PersonAddress,
        row: Inbox,
        assessment: Assessment,
        answered: bool,
    ) -> None:
        team = self._teams.of(person.area_id)
        case = cases.open_or_raise(
            session,
            self._keyring,
            person_id=person.id,
            area_id=team.area_id,
            address_id=address.id,
            channel=address.channel,
            language=person.language,
            level=assessment.level.value,
            reasons=[{"level": str(r.level), "by": r.by, "words": r.words, "kind": r.kind} for r in assessment.reasons],
            inbox_id=row.id,
            team=team,
        )
        cases.join(session, case, row.id)
        row.case_id = case.id
        if kind_of(assessment) == ABUSE:
            person.contact_unsafe = True  # until they say when it is safe
        if assessment.level is Level.EMERGENCY and not answered:
            saved = session.get(Dialogue, person.id)
            child = bool(saved and saved.state.get("writer_child"))
            for position, reply in enumerate(emergency_replies(assessment, team, self._clock(), child=child)):
                enqueue(
                    session,
                    self._keyring,
                    self._renderer,
                    reply,
                    key=f"{row.id}:e{position}",
                    person_id=person.id,
                    address_id=address.id,
                    channel=address.channel,
                    language=person.language,
                    nation=person.nation,
                    campaign=person.campaign,
                    inbox_id=row.id,
                    case_id=case.id,
                )

    def _with_recent(self, session: Session, person_id: int, inbound: Inbound, alone: Assessment) -> Assessment:
        """The message read together with the person's last few, which can only raise its level."""
        if inbound.kind not in (Kind.TEXT, Kind.EDIT) or alone.level is Level.EMERGENCY or len(inbound.text) > LONGEST_FRAGMENT:
            return alone
        if self._is_command(inbound.text):
            return alone
        rows = session.execute(_RECENT, {"person": person_id, "since": now() - RECENT_WITHIN}).all()
        seen = Level.highest(*(Level(level) for _, level in rows))
        if not rows or seen is Level.EMERGENCY:
            return alone
        texts = [self._keyring.open_json(sealed)["text"] for sealed, _ in reversed(rows)]
        together = self._triage.assess_recent([*texts, inbound.text], inbound.language, alone=alone, seen=seen)
        return together if rank(together.level) > rank(alone.level) else alone

    def _too_many(self, session: Session, person_id: int) -> bool:
        count = session.scalar(_COUNT, {"person": person_id, "since": now() - timedelta(minutes=1)})
        return (count or 0) >= self._per_minute

    def _without_store(self, inbound: Inbound, raw: Any, assessment: Assessment) -> Receipt:
        safety: tuple[Outbound, ...] = ()
        if assessment.level is Level.EMERGENCY:
            language = inbound.language or self._guess_language(inbound)
            replies = emergency_replies(assessment, None, self._clock())
            safety = tuple(self._renderer.render(_plain(reply), language, None).outbound for reply in replies)
        outcome = "spooled"
        try:
            log.warning("intake: kept in a file (%s)", self._spool.write(inbound, raw).stem)
        except OSError as error:  # a full disk takes both: the words still go out
            outcome = "not_stored"
            log.error("intake: the spool failed too (%s)", type(error).__name__)
        metrics.RECEIVED.labels(inbound.channel, outcome).inc()
        return Receipt(stored=False, level=assessment.level, safety=safety)


def _note(inbound: Inbound, receipt: Receipt) -> None:
    """Count one message that is stored, and begin its story in the log."""
    outcome = "duplicate" if receipt.duplicate else "refused" if receipt.refused else "stored"
    metrics.RECEIVED.labels(inbound.channel, outcome).inc()
    with about(message=receipt.inbox_id, channel=inbound.channel, outcome=outcome):
        log.info("received")
    if not receipt.duplicate:
        metrics.TRIAGED.labels(receipt.level.value, receipt.language).inc()


def rank(level: Level) -> int:
    """Levels in order of seriousness, none lowest."""
    return list(Level).index(level)


def pack(inbound: Inbound) -> dict[str, Any]:
    """The parsed message as stored: everything but its addresses; text beyond `MAX_TEXT` characters is cut."""
    data = asdict(replace(inbound, text=inbound.text[:MAX_TEXT]))
    data.pop("addresses")
    data["sent_at"] = inbound.sent_at.isoformat()
    data["cut"] = len(inbound.text) > MAX_TEXT
    return json.loads(json.dumps(data))  # type: ignore[no-any-return]


def _plain(reply: Reply) -> Reply:
    """Without buttons: there is no row to keep their tokens in."""
    return replace(reply, buttons=(), rows=())
