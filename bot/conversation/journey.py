"""The journey of one claimed message: load, decide what to say, commit. The steps of docs/architecture.md, in order."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, exists, select
from sqlalchemy.orm import Session, aliased

from bot.conversation import effects, services
from bot.conversation.compose import Composer
from bot.conversation.handlers import LOSS_TOPIC, Handlers
from bot.conversation.rasa import RasaClient, RasaUnavailable
from bot.conversation.registry import TurnRegistry
from bot.conversation.render import Renderer
from bot.conversation.router import Pressed, Router
from bot.conversation.safety import ABUSE, WRITER_CHILD, deciding_kind, urgent_reply, waiting_reply
from bot.conversation.spool import unpack_inbound
from bot.conversation.state import ANY, DialogueState
from bot.conversation.turn import HELP_NOW, MENU, PERSON, Turn
from bot.delivery.outbox import enqueue
from bot.handoff import cases
from bot.handoff.hours import Teams
from bot.languages import Detector
from bot.messages import MAX_TEXT, Kind, MessageClass
from bot.people import view
from bot.people.forgotten import ForgottenList
from bot.signals import metrics
from bot.storage.claims import Lease, claim, finish, let_go, more_of
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import ButtonToken, Case, CaseEvent, Dialogue, Inbox, Person, now
from bot.storage.upsert import insert_or_update
from bot.triage import Level
from services_directory import Directory

log = logging.getLogger(__name__)
TRIES = 5
"""Times a message is taken up before it is answered without understanding and marked as failed."""

ALWAYS = frozenset(
    {
        "help_now",
        "stop_messages",
        "delete_my_data",
        "change_language",
        "set_language",
        "not_meant",
        "forget",
        "privacy",
        "what_data",
        "read_now",
        "not_now",
        "contact",
        "series_change",
        "series_set",
        "series_less",
        "series_apart",
    }
)
"""What works whoever is talking: a parent's rights, the numbers, and what keeps them safe."""

ANSWERED_ALWAYS = frozenset({"forget", "read_now"})
"""Questions of ours whose plain yes or no works whoever is talking."""

_EARLIER = aliased(Inbox)
# Built once, and one look instead of six: it runs for every message.
_FOR_A_TURN = (
    select(
        Inbox,
        Person,
        Dialogue,
        Case,
        exists().where(_EARLIER.person_id == Inbox.person_id, _EARLIER.id < Inbox.id),
        exists().where(CaseEvent.inbox_id == Inbox.id, CaseEvent.kind.in_(("opened", "raised"))),
    )
    .join(Person, Person.id == Inbox.person_id)
    .outerjoin(Dialogue, Dialogue.person_id == Inbox.person_id)
    .outerjoin(Case, and_(Case.person_id == Inbox.person_id, Case.state != "closed"))
    .where(Inbox.id.in_(bindparam("rows", expanding=True)))
)

_EMERGENCY_SINCE = (
    select(Inbox.case_id)
    .where(
        Inbox.person_id == bindparam("person"),
        Inbox.open == 1,
        Inbox.id > bindparam("inbox"),
        Inbox.level == Level.EMERGENCY.value,
    )
    .limit(1)
)

ALWAYS_SHOW_HELP = frozenset({"webchat"})
"""Channels whose page has the way to the numbers on it all the time."""

SURE = 0.9
"""How sure the language of a message must be before it is answered in it."""


@dataclass(slots=True)
class Work:
    """A claimed message and all that is needed to answer it."""

    lease: Lease
    turn: Turn
    pressed: Pressed | None
    answered_at_intake: bool
    opened_case: bool
    """Whether this very message opened or raised the person's case."""
    address_id: int
    channel: str
    attempts: int
    received_at: datetime
    saved: Mapping[str, Any] | None
    """The dialogue as it was kept before this turn; None if nothing was."""


class Journey:
    """One per process. `claim` and `commit` block (call from a thread); `think` belongs to the event loop."""

    def __init__(
        self,
        *,
        database: Database,
        keyring: Keyring,
        renderer: Renderer,
        router: Router,
        handlers: Handlers,
        composer: Composer,
        registry: TurnRegistry,
        rasa: Callable[[], RasaClient | None],
        directory: Directory,
        detector: Detector,
        teams: Teams,
        lease_seconds: float,
        tombstones_end: Callable[[datetime], datetime],
        forgotten: ForgottenList,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._renderer = renderer
        self._router = router
        self._handlers = handlers
        self._composer = composer
        self._registry = registry
        self._rasa = rasa
        self._directory = directory
        self._detector = detector
        self._teams = teams
        self._lease_seconds = lease_seconds
        self._tombstones_end = tombstones_end
        self._forgotten = forgotten
        self._clock = clock

    # Claim

    def claim(self, limit: int) -> list[Work]:
        """Take up to `limit` people's next messages and read what answering them needs, in one transaction. They are answered in the
        words that are published at this moment."""
        with self._database.write() as session:
            works = []
            leases = claim(session, Inbox, limit, self._lease_seconds)
            rows = [lease.row_id for lease in leases]
            found = {one[0].id: one for one in session.execute(_FOR_A_TURN, {"rows": rows})} if rows else {}
            for lease in leases:
                try:
                    works.append(self._load(session, lease, *found[lease.row_id]))
                except (KeyMissing, ValueError, KeyError, TypeError) as error:
                    # A row that cannot be opened must not hold up everybody else.
                    finish(session, Inbox, lease, state="failed", reason=f"unreadable ({type(error).__name__})", done_at=now())
                    note_incident(session, "message-unreadable", type(error).__name__)
        if works:
            self._renderer.library.refresh()
        return works

    def _load(
        self,
        session: Session,
        lease: Lease,
        row: Inbox,
        person: Person,
        saved: Dialogue | None,
        case: Case | None,
        earlier: bool,
        opened: bool,
    ) -> Work:
        inbound = unpack_inbound(self._keyring.open_json(row.sealed))
        state = DialogueState.from_json(saved.state if saved else None)
        turn = Turn(
            inbox_id=row.id,
            turn_id=secrets.token_urlsafe(16),
            inbound=inbound,
            person=view(session, person),
            state=state,
            language=person.language,
            level=row.level,
            reasons=self._keyring.open_json(row.triage) if row.triage else (),
            case=cases.view(session, case) if case else None,
            team=self._teams.of(person.area_id),
            moment=self._clock(),
            first=not earlier,
        )
        return Work(
            lease=lease,
            turn=turn,
            pressed=self._pressed(session, person.id, inbound.token),
            answered_at_intake=row.level == "emergency",
            opened_case=opened,
            address_id=row.address_id,
            channel=row.channel,
            attempts=row.attempts,
            received_at=row.received_at,
            saved=state.to_json() if saved else None,  # a copy: the turn changes its lists in place
        )

    def _pressed(self, session: Session, person_id: int, token: str | None) -> Pressed | None:
        stored = session.get(ButtonToken, token) if token else None
        if stored is None or stored.person_id != person_id:
            return None
        return Pressed(stored.action, stored.args, stored.expires_at < self._clock())

    # Think

    async def think(self, work: Work) -> None:
        """Decide what to say and do; writes only to the turn."""
        turn = work.turn
        kind = deciding_kind(turn.level, ((reason["level"], reason.get("kind")) for reason in turn.reasons))
        if kind == WRITER_CHILD:
            turn.state.writer_child, turn.state.question = True, None
        await self._decide(work, WRITER_CHILD if turn.state.writer_child else kind)
        self._tell_case(turn)

    def _tell_case(self, turn: Turn) -> None:
        """What whoever answers a case must know of its writer."""
        if turn.level == "concern" and turn.outcome != "person":
            turn.state.worry = {"inbox": turn.inbox_id, "topic": turn.topic, "at": turn.moment.isoformat()}
        if turn.case is not None and turn.state.discreet:
            turn.do("join_case", case_id=turn.case.id)
        if turn.state.writer_child:
            turn.do("tell_case", kind="writer_child", once=True)
        age = self._handlers.facts.writers_age(turn.text) if turn.inbound.kind in (Kind.TEXT, Kind.EDIT) else None
        if age is not None:
            turn.do("tell_case", kind="writer_age", detail={"age": age}, once=True)

    async def _decide(self, work: Work, kind: str | None) -> None:
        """`kind` is that of the danger, or that the writer seems to be a child."""
        turn = work.turn
        if work.answered_at_intake:
            turn.state.watched = turn.state.watched or kind == ABUSE
            turn.outcome = "emergency"
            return
        self._settle_language(turn)
        mode = self.mode(turn)
        if mode == "waiting" and turn.state.discreet:
            # Whoever took the telephone would learn from "our team will see it" that there is a case.
            mode = "bot"
        if mode != "person" and not work.opened_case and self._about_contact(work):
            return
        if turn.level == "urgent" and mode != "person" and (work.opened_case or mode == "bot"):
            self._answer_urgent(turn, kind)
            return
        if mode == "late":
            self._say_late(turn)
        elif mode != "bot" and not self._always(work):
            self._beside_people(turn, mode)
            return
        if turn.level == "concern" and turn.state.writer_child:
            self._handlers.person.comfort_child(turn)
            return
        if turn.level == "concern":
            turn.say("safety:concern", message_class=MessageClass.SAFETY)
        await self._answer(work)
        if len(turn.text) >= MAX_TEXT:
            turn.say("text:too_long")
        if turn.level == "concern" and turn.topic == LOSS_TOPIC:
            turn.replies = [
                replace(reply, ref="safety:concern-loss", buttons=(PERSON, HELP_NOW)) if reply.ref == "safety:concern" else reply
                for reply in turn.replies
            ]
        asked = (turn.state.pending or {}).get("action") in ("bereaved", "read_now")
        if turn.level == "concern" and turn.outcome != "person" and not asked:
            turn.state.pending = {"action": "accept_person", "args": {}}
        self._handlers.afterwards(turn)

    def _answer_urgent(self, turn: Turn, kind: str | None) -> None:
        if kind == ABUSE:
            turn.do("tell_case", kind="contact_asked", once=True)
            self._handlers.reach.ask_if_safe_to_read(turn, "read_urgent", {"kind": kind})
            return
        turn.replies.append(urgent_reply(kind, turn.team, turn.moment))
        turn.outcome = "urgent"
        self._handlers.reach.ask_how(turn)

    def _about_contact(self, work: Work) -> bool:
        """Whether the message answers our question how to reach them; if so it is dealt with."""
        turn = work.turn
        if turn.state.contact is None or turn.case is None or turn.inbound.kind not in (Kind.TEXT, Kind.EDIT):
            return False
        command = self._router.command(turn)
        if command in ("skip", "no"):
            self._handlers.reach.pressed(turn, "skip")
        elif command is not None or not self._handlers.reach.answered(turn):
            return False
        turn.do("join_case", case_id=turn.case.id)
        return True

    @staticmethod
    def mode(turn: Turn) -> str:
        """`bot`, `waiting` (a serious case nobody has claimed) or `person` (a practitioner holds it, in hours and in time,
        or has paused the bot)."""
        case = turn.case
        if case is not None and case.state == "claimed" and case.paused:
            return "person"
        if case is None or case.not_meant:
            return "bot"
        if case.state == "claimed":
            return (
                "person" if Journey._holder_is_there(turn, case) else "late" if case.level in ("emergency", "urgent") else "bot"
            )
        return "waiting" if case.level in ("emergency", "urgent") else "bot"

    @staticmethod
    def _holder_is_there(turn: Turn, case: cases.CaseView) -> bool:
        """Within hours, and within the reply target since they claimed or last wrote."""
        since = max((moment for moment in (case.claimed_at, case.last_reply_at) if moment), default=None)
        if turn.team is None or since is None:
            return True
        minutes = max(turn.team.reply_minutes.get(case.level, 480), 60)
        within = turn.moment < since + timedelta(minutes=minutes)
        # Somebody who claims and writes outside the hours is there, whatever the plan says.
        return within and (turn.team.open_until(turn.moment) is not None or turn.moment < since + timedelta(minutes=30))

    def _always(self, work: Work) -> bool:
        """Whether the message is something that works in every mode."""
        name = work.pressed.action if work.pressed else self._router.command(work.turn)
        pending = work.turn.state.pending
        return name in ALWAYS or (name in ("yes", "no") and pending is not None and pending["action"] in ANSWERED_ALWAYS)

    def _beside_people(self, turn: Turn, mode: str) -> None:
        """Waiting: true hours, nothing else. Person: quiet."""
        assert turn.case is not None
        turn.do("join_case", case_id=turn.case.id)
        turn.quiet = True
        if mode == "person":
            turn.outcome = "person"
            return
        if turn.state.held is not None:  # whether it is safe to read is not known yet
            self._handlers.reach.ask_again(turn)
            return
        due = turn.case.reply_due_at
        late = due is not None and turn.moment > due
        turn.replies.append(waiting_reply(turn.team, due, late=late))
        if late:
            turn.do("late_told")
        if turn.state.watched:
            self._handlers.reach.ask_when_safe(turn)
        turn.outcome = "waiting"

    @staticmethod
    def _say_late(turn: Turn) -> None:
        """Whoever holds the case is past their hours or their time: say so once, with the numbers; the bot helps again."""
        assert turn.case is not None
        turn.do("join_case", case_id=turn.case.id)
        if not turn.case.late_told:
            turn.replies.append(waiting_reply(turn.team, turn.case.reply_due_at, late=True))
            turn.do("late_told")

    async def _answer(self, work: Work) -> None:
        turn = work.turn
        routed = self._router.route(turn, work.pressed, self._renderer.library.strings.get("find.words", turn.language))
        if routed.handled:
            await self._finish_routed(turn)
            return
        turn.given = dict(routed.given)
        try:
            await self._ask_rasa(turn, routed.text)
        except RasaUnavailable as error:
            metrics.RASA_FAILURES.labels(error.kind).inc()
            log.warning("answered without understanding (%s)", error.kind)
            turn.replies = [reply for reply in turn.replies if reply.message_class is MessageClass.SAFETY]
            turn.effects = []
            turn.do("incident", kind="rasa-unavailable", detail=str(error)[:200])
            self._handlers.unavailable(turn)
        await self._finish_routed(turn)

    async def _finish_routed(self, turn: Turn) -> None:
        if turn.outcome == "find_more":
            turn.outcome = None
            await self._find_more(turn)

    async def _ask_rasa(self, turn: Turn, text: str) -> None:
        client = self._rasa()
        if client is None:
            raise RasaUnavailable("not running", "away")
        state = turn.state
        before = (state.form, state.requested_slot, dict(state.slots))
        if turn.person.bereaved:
            turn.given.setdefault("age", ANY)  # the search for a service never asks a bereaved parent how old the child is
        with self._registry.during(turn):
            answer = await client.turn(
                turn.turn_id, text, slots=state.slots, form=state.form, requested_slot=state.requested_slot
            )
        try:
            self._composer.apply(turn, answer)
        except (RasaUnavailable, KeyError, TypeError) as error:
            state.form, state.requested_slot, state.slots = before
            raise RasaUnavailable(f"its answer could not be used ({type(error).__name__})") from error

    async def _find_more(self, turn: Turn) -> None:
        search = turn.state.search
        if search is None:
            self._handlers.run("more", turn)
            return
        try:
            items, more = await services.look(services.search, self._directory, search["wanted"], turn.language, search["offset"])
        except TimeoutError:
            log.warning("answered without the directory (timeout)")
            turn.do("incident", kind="directory-slow", detail=f"{services.LOOK_SECONDS:.0f} s")
            self._handlers.unavailable(turn)
            return
        self._composer.services(turn, items, more, search["wanted"], search["offset"])

    def _settle_language(self, turn: Turn) -> None:
        """The language of this turn: the person's, or the message's own where that is certain. Asked, never switched silently."""
        if turn.inbound.kind not in (Kind.TEXT, Kind.EDIT) or len(turn.text.split()) < 3:
            return
        found = self._detector.detect(turn.text, turn.person.language)
        if found.lang == turn.person.language or found.confidence < SURE:
            return
        turn.language = found.lang
        asked = f"switch:{found.lang}"
        if asked not in turn.state.asked:
            turn.state.asked.append(asked)
            turn.offer_language = True

    # Commit

    def commit(self, work: Work) -> bool:
        """Write everything the turn decided, in one transaction; then say whether the person has written more in the meantime.

        Raises `claims.Fenced` if another worker took over.
        """
        turn = work.turn
        with self._database.write() as session:
            self._give_way(session, turn)
            finish(
                session,
                Inbox,
                work.lease,
                state="done",
                done_at=now(),
                language=turn.language,
                topic=turn.topic,
                outcome=turn.outcome,
            )
            committing = effects.Committing(
                session,
                self._keyring,
                turn,
                work.address_id,
                work.channel,
                self._renderer.library,
                self._tombstones_end,
                self._forgotten,
            )
            for effect in turn.effects:
                effects.apply(effect, committing)
            self._save_state(session, work)
            self._write_replies(session, work, mark="")
        # Looked at afterwards: what comes in meanwhile finds this message still open, and its own wake-up finds nothing to take.
        with self._database.read() as session:
            return more_of(session, turn.person.id)

    @staticmethod
    def _give_way(session: Session, turn: Turn) -> None:
        """An emergency that came while this message was being answered has had its words already: no menu, tip or apology comes
        after them. The message joins the case instead, for whoever reads it."""
        if turn.outcome == "forgotten":
            return
        case_id = session.scalar(_EMERGENCY_SINCE, {"person": turn.person.id, "inbox": turn.inbox_id})
        if case_id is not None:
            turn.replies = [reply for reply in turn.replies if reply.message_class is MessageClass.SAFETY]
            turn.outcome = "overtaken"
            session.get_one(Inbox, turn.inbox_id).case_id = case_id
            cases.join(session, session.get_one(Case, case_id), turn.inbox_id)

    @staticmethod
    def _save_state(session: Session, work: Work) -> None:
        """Keep the dialogue, if this turn has changed it. Nobody else writes it while the lease is ours."""
        turn = work.turn
        if turn.outcome == "forgotten":
            return
        if turn.useful:
            turn.state.useful += 1
        state = turn.state.to_json()
        if state == work.saved:
            return
        kept = {"person_id": turn.person.id, "state": state, "updated_at": now()}
        session.connection().execute(insert_or_update(session, Dialogue.person_id, "state", "updated_at"), kept)

    def hand_back(self, work: Work) -> None:
        """Give the message back untried: this process is stopping. Does nothing if it is no longer ours."""
        with self._database.write() as session:
            let_go(session, Inbox, work.lease, attempts=work.attempts - 1)

    def give_up(self, work: Work, error: BaseException) -> None:
        """The turn failed: give the message back, or after `TRIES` answer it honestly and end it as failed."""
        if work.attempts < TRIES:
            with self._database.write() as session:
                let_go(session, Inbox, work.lease)
            return
        turn = work.turn
        turn.replies, turn.effects = [], []
        turn.say("text:unavailable", buttons=(HELP_NOW, PERSON, MENU))
        with self._database.write() as session:
            self._give_way(session, turn)
            finish(session, Inbox, work.lease, state="failed", reason=type(error).__name__, done_at=now())
            note_incident(session, "message-failed", type(error).__name__)
            self._write_replies(session, work, mark="f")

    def _write_replies(self, session: Session, work: Work, mark: str) -> None:
        """The turn's replies into the outbox. `mark` keeps an apology's keys apart from the answer's it stands in for."""
        turn = work.turn
        replies = list(turn.replies)
        if replies and work.channel not in ALWAYS_SHOW_HELP:
            replies[-1] = self._renderer.with_help(replies[-1], turn.language)
        for position, reply in enumerate(replies):
            enqueue(
                session,
                self._keyring,
                self._renderer,
                reply,
                key=f"{turn.inbox_id}:{mark}{position}",
                person_id=turn.person.id,
                address_id=work.address_id,
                channel=work.channel,
                language=turn.language,
                nation=turn.person.nation,
                campaign=turn.person.campaign,
                inbox_id=turn.inbox_id,
                case_id=turn.case.id if turn.case else None,
            )
