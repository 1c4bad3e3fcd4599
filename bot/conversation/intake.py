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
from bot.storage.upsert import insert_new
from bot.triage import Assessment, Level, Triage

log = logging.getLogger(__name__)
RECENT_MESSAGES = 4
RECENT_WITHIN = timedelta(minutes=10)
LONGEST_FRAGMENT = 80
"""Characters up to which a message may be a piece of a sentence sent in several: longer ones are judged alone."""


# Built once: these run for every message, and putting a statement together takes longer than running it.
_KNOWN = (
    select(Inbox)
    .join(RawEvent, RawEvent.id == Inbox.raw_event_id)
    .where(RawEvent.channel == bindparam("channel"), RawEvent.external_id == bindparam("external"))
)
_TEXTS = (
    select(Inbox.sealed, Inbox.level)
    .where(Inbox.received_at > bindparam("since"), Inbox.kind == literal(Kind.TEXT.value))
    .order_by(Inbox.id.desc())
    .limit(RECENT_MESSAGES - 1)
)
_RECENT = _TEXTS.where(Inbox.person_id == bindparam("person"))
_WHO = select(PersonAddress.person_id).where(PersonAddress.lookup == bindparam("lookup"))
_RECENT_OF_ADDRESS = _TEXTS.where(Inbox.person_id == _WHO.scalar_subquery())
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


Earlier = tuple[tuple[bytes, str], ...]
"""Somebody's last few messages, the latest first: each as it is kept, and its level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event with all that can be done about it before the database is written to, whose writers wait for each other."""

    inbound: Inbound
    mark: codes.Mark | None
    """Whose campaign's link it came by."""
    alone: Assessment
    piece: bool
    """Whether it may be a part of what somebody is saying in several messages."""
    raw: bytes
    """The provider's JSON, sealed."""
    message: bytes
    """The parsed message, sealed."""
    together: tuple[Earlier, Assessment] | None = None
    """What it says with the messages before it, if those are the ones that it will find."""


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
        arrival = self._read(inbound, raw)
        try:
            receipt = self._store(self._with_earlier([arrival])[0])
        except SQLAlchemyError as error:
            log.error("intake: the store failed (%s)", type(error).__name__)
            return self._without_store(arrival.inbound, raw, arrival.alone)
        _note(arrival.inbound, receipt)
        if not receipt.duplicate:
            self.wake()
        return receipt

    def receive_all(self, events: Sequence[tuple[Inbound, Any]]) -> list[Receipt]:
        """`receive` for several events in one transaction: all are stored, or none. Raises SQLAlchemyError; then give each to `receive`,
        which answers an emergency even so."""
        arrivals = self.read_all(events)
        with self._database.write() as session:
            receipts = [self._store_in(session, arrival) for arrival in arrivals]
        _note_all(arrivals, receipts)
        if not all(receipt.duplicate for receipt in receipts):
            self.wake()
        return receipts

    def read_all(self, events: Sequence[tuple[Inbound, Any]]) -> list[Arrival]:
        """Do all about several events that can be done before they are stored. Raises SQLAlchemyError."""
        return self._with_earlier([self._read(*event) for event in events])

    def store_all(self, session: Session, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Store what `read_all` gave, inside the caller's transaction (a poller moves its offset in the same one)."""
        receipts = [self._store_in(session, arrival) for arrival in arrivals]
        _note_all(arrivals, receipts)
        return receipts

    def import_spooled(self) -> int:
        """Store what was spooled while the store was failing; returns how many events were taken up."""
        taken = 0
        for path, spooled, raw in self._spool.read():
            arrival = self._read(spooled, raw)
            try:
                # What was an emergency by itself has had its answer; one that shows only with earlier messages has not.
                receipt = self._store(arrival, answered=arrival.alone.level is Level.EMERGENCY)
            except SQLAlchemyError:
                break
            with about(spooled=path.stem):
                _note(arrival.inbound, receipt)
            self._spool.remove(path)
            taken += 1
        if taken:
            self.wake()
        return taken

    def _read(self, said: Inbound, raw: Any) -> Arrival:
        """An event as it is to be stored, with the level that it has alone."""
        inbound = codes.opened(self._campaigns, said)
        alone = self._judge(inbound)
        mark = codes.read_payload(self._campaigns, inbound.start_payload)
        # Whose link it was is counted, and kept with nobody.
        kept = inbound if mark is None else replace(inbound, start_payload=mark.code)
        return Arrival(
            inbound=inbound,
            mark=mark,
            alone=alone,
            piece=self._may_be_a_piece(inbound, alone),
            raw=self._keyring.seal_json(raw),
            message=self._keyring.seal_json(pack(kept)),
        )

    def _with_earlier(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Each read together with what its writer has stored here lately. Should that have changed by the time it is stored, it is
        read once more then."""
        if not any(arrival.piece for arrival in arrivals):
            return list(arrivals)
        with self._database.read() as session:
            found = [self._earlier_of(session, arrival) for arrival in arrivals]
        return [
            replace(arrival, together=(earlier, self._read_together(arrival, earlier))) if earlier else arrival
            for arrival, earlier in zip(arrivals, found, strict=True)
        ]

    def _earlier_of(self, session: Session, arrival: Arrival) -> Earlier:
        if not arrival.piece:
            return ()
        address = arrival.inbound.addresses[0]
        lookup = self._keyring.lookup(address.channel, address.kind, address.value)
        return _earlier(session.execute(_RECENT_OF_ADDRESS, {"lookup": lookup, "since": now() - RECENT_WITHIN}).all())

    @property
    def _campaigns(self) -> Campaigns:
        return self._renderer.library.campaigns

    def _judge(self, inbound: Inbound) -> Assessment:
        """The level of one message. The exact words of a command ("forget me", "stop") are that and nothing else, and so is the first
        sentence that a campaign's link wrote."""
        ours = self._is_command(inbound.text) or codes.is_opening(self._campaigns, inbound)
        text = "" if ours else inbound.text
        return self._triage.assess(text, inbound.language)

    def _store(self, arrival: Arrival, answered: bool = False) -> Receipt:
        try:
            with self._database.write() as session:
                return self._store_in(session, arrival, answered)
        except IntegrityError:
            # Another worker stored the same event, or made the same person, a moment ago: look again.
            with self._database.write() as session:
                return self._store_in(session, arrival, answered)

    def _store_in(self, session: Session, arrival: Arrival, answered: bool = False) -> Receipt:
        inbound, mark = arrival.inbound, arrival.mark
        event = {
            "channel": inbound.channel,
            "external_id": inbound.external_id,
            "sealed": arrival.raw,
            "received_at": now(),
            "expires_at": now() + timedelta(days=self._raw_days),
        }
        made = insert_new(session, RawEvent.id, "channel", "external_id")
        event_id = session.connection().execute(made, event).scalar_one_or_none()
        if event_id is None:
            earlier = session.scalars(_KNOWN, {"channel": inbound.channel, "external": inbound.external_id}).one_or_none()
            return Receipt(
                stored=True,
                duplicate=True,
                person_id=earlier.person_id if earlier else None,
                inbox_id=earlier.id if earlier else None,
            )
        person, address = find_or_create(
            session,
            self._keyring,
            inbound.addresses,
            area_id=self._area_of(session, mark),
            language=inbound.language or partial(self._guess_language, inbound),
            language_chosen=inbound.language is not None,
            campaign=mark.code if mark is not None else inbound.start_payload,
        )
        with session.no_autoflush:  # what has changed of the person goes out with the message, in one
            self._open_window(session, person.id, inbound)
        if mark is not None and not session.scalar(_HAS_WRITTEN, {"person": person.id}):
            store.count_arrival(session, mark.code, mark.link, moment=self._clock())
        with session.no_autoflush:
            assessment = self._with_recent(session, person.id, arrival)
        row = Inbox(
            raw_event_id=event_id,
            person_id=person.id,
            address_id=address.id,
            channel=inbound.channel,
            kind=inbound.kind.value,
            sealed=arrival.message,
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

    def _with_recent(self, session: Session, person_id: int, arrival: Arrival) -> Assessment:
        """The message read together with the person's last few, which can only raise its level."""
        if not arrival.piece:
            return arrival.alone
        earlier = _earlier(session.execute(_RECENT, {"person": person_id, "since": now() - RECENT_WITHIN}).all())
        if arrival.together is not None and arrival.together[0] == earlier:
            return arrival.together[1]
        return self._read_together(arrival, earlier)

    def _may_be_a_piece(self, inbound: Inbound, alone: Assessment) -> bool:
        if inbound.kind not in (Kind.TEXT, Kind.EDIT) or len(inbound.text) > LONGEST_FRAGMENT:
            return False
        return alone.level is not Level.EMERGENCY and not self._is_command(inbound.text)

    def _read_together(self, arrival: Arrival, earlier: Earlier) -> Assessment:
        alone, inbound = arrival.alone, arrival.inbound
        seen = Level.highest(*(Level(level) for _, level in earlier))
        if not earlier or seen is Level.EMERGENCY:
            return alone
        texts = [self._keyring.open_json(sealed)["text"] for sealed, _ in reversed(earlier)]
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


def _note_all(arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
    for arrival, receipt in zip(arrivals, receipts, strict=True):
        _note(arrival.inbound, receipt)


def _note(inbound: Inbound, receipt: Receipt) -> None:
    """Count one message that is stored, and begin its story in the log."""
    outcome = "duplicate" if receipt.duplicate else "refused" if receipt.refused else "stored"
    metrics.RECEIVED.labels(inbound.channel, outcome).inc()
    with about(message=receipt.inbox_id, channel=inbound.channel, outcome=outcome):
        log.info("received")
    if not receipt.duplicate:
        metrics.TRIAGED.labels(receipt.level.value, receipt.language).inc()


def _earlier(rows: Sequence[Any]) -> Earlier:
    return tuple((bytes(sealed), level) for sealed, level in rows)


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
