"""Queueing what is due for many people at once: one transaction a batch, with the same answer for each as `bot.series.work` gives.

A batch holds those for whom nothing is out of the ordinary: no hold, no case, no second series today, a message that somebody else
fetches for them. Whoever is not of that kind is left to `bot.series.work`, one by one. What comes to somebody depends on little (the
series, the child's month, the days chosen, what has come), so it is worked out once for all who are alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Boolean, FromClause, LargeBinary, Row, String, func, insert, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from bot.delivery.can_send import Standing, can_send, window_until
from bot.delivery.outbox import keep_version
from bot.delivery.templates import standing_of
from bot.library.series import Step
from bot.messages import MessageClass, Reply
from bot.people.people import to_come
from bot.series import store
from bot.series.plan import Choices, Sent, Whom, choose, next_slot, on_time, start_of
from bot.series.usual import due
from bot.series.words import TEMPLATE, Sending, step_reply, template_reply
from bot.storage.given import given
from bot.storage.incidents import note_incident
from bot.storage.tables import Outbox, Person, SeriesStep, SeriesSubscription, UtcDateTime, now

if TYPE_CHECKING:
    from bot.conversation.render import Rendering

AT_ONCE = {"postgresql": 2_000, "sqlite": 250}
"""Subscriptions in a batch. On SQLite nobody else can write until it is over."""

PLAIN = {"synchronize_session": False}
"""For updates of rows that the session has not read as objects."""

Columns = Mapping[str, TypeEngine[Any]]
STEP: Columns = {
    "id": BigInteger(),
    "step": String(),
    "version": String(),
    "message": String(),
    "state": String(),
    "told": Boolean(),
    "day": String(),
    "until": String(),
    "step_key": String(),
}
MESSAGE: Columns = {"id": BigInteger(), "address": BigInteger(), "channel": String(), "key": String(), "words": BigInteger()}
WORDS: Columns = {
    "number": BigInteger(),
    "ref": String(),
    "content_id": String(),
    "content_version": String(),
    "language": String(),
    "sealed": LargeBinary(),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes to all who are alike: `step` with `message` on `day`, if anything, and the next moment after it. `left` is for
    `bot.series.work`."""

    day: date
    next_at: datetime | None = None
    step: Step | None = None
    version: str = ""
    message: str = ""
    until: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of one batch: how many messages were queued, who is left to look at alone, and whether there may be more."""

    queued: int
    left: tuple[int, ...]
    full: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """Words sealed once for all who read the same: their row for the statement, and the rendering that they are from."""

    row: Mapping[str, Any]
    rendering: Rendering


@dataclass(slots=True, kw_only=True)
class Bulk:
    """One run over all who are due at `moment`; what it works out is kept for the run."""

    sending: Sending
    moment: datetime
    plans: dict[tuple[Any, ...], Plan] = field(default_factory=dict)
    zones: dict[str | None, ZoneInfo] = field(default_factory=dict)
    words: dict[tuple[str, ...], Sealed] = field(default_factory=dict)

    def batch(self, session: Session) -> Batch:
        """Queue one batch. An IntegrityError says that another process has sent some of it: nothing of the batch is then written."""
        at_once = AT_ONCE[session.get_bind().dialect.name]
        rows = session.execute(due(self.moment, self.sending.all_series.settings.hold_days, at_once)).all()
        plans = [(row, self._plan(row)) for row in rows if row.usual]
        # Of several series of one person the one that came longest ago has its turn.
        unusual = sorted((row for row in rows if not row.usual), key=lambda row: (row.next_at, row.last or ""))
        left = [row.id for row in unusual] + [row.id for row, plan in plans if plan.left]
        queue = Queue(self.sending, session, self.moment, self.words)
        left += [row.id for row, plan in plans if plan.step is not None and not queue.put(row, plan, plan.step)]
        queue.write()
        self._set_next(session, plans, set(left))
        return Batch(queued=len(queue.messages), left=tuple(left), full=len(rows) == at_once)

    def _plan(self, row: Row[Any]) -> Plan:
        unborn = row.born_or_due is not None and to_come(row.born_or_due, row.told_at, row.arrived_at)
        alike = (row.series, row.month, row.early, row.days, row.hour, row.pace, row.next_at, row.ask_from, row.nation, row.role,
                 row.zone, row.born_or_due, unborn, row.last, row.history)  # fmt: skip
        plan = self.plans.get(alike)
        if plan is None:
            plan = self.plans[alike] = self._worked_out(row, unborn)
        return plan

    def _worked_out(self, row: Row[Any], unborn: bool) -> Plan:
        """The same steps as in `bot.series.work`, for one whom nothing holds."""
        sending, zone = self.sending, self._zone(row.zone)
        settings, series = sending.all_series.settings, sending.all_series.by_id.get(row.series)
        day = row.next_at.astimezone(zone).date()
        choices = Choices(days=frozenset(map(int, row.days)), hour=row.hour, pace=row.pace)
        sent = _sent(row)
        later = Plan(day, next_slot(choices, sent.last, self.moment, zone, settings))
        if series is None or not on_time(row.next_at, self.moment, zone, settings):
            return later
        month = row.born_or_due if series.by_age and row.born_or_due is not None else row.month
        if month is None:
            return replace(later, left=True)
        whom = Whom(
            month=month,
            due=series.by_age and unborn,
            early=row.early,
            child=row.born_or_due,
            nation=row.nation,
            audience=store.audience_of(row.role, series),
            ask_from=row.ask_from.astimezone(zone).date() if row.ask_from else None,
        )
        found = choose(series, whom, sent, day, sending.renderer.library.messages)
        if found is None:
            return later
        if found.step is None:
            return replace(later, left=True)
        until = found.step.at.on(start_of(series, whom)) + timedelta(days=found.step.for_days)
        return Plan(
            day,
            next_slot(choices, day, self.moment, zone, settings),
            found.step,
            found.step.version,
            found.message,
            until.isoformat(),
        )

    def _zone(self, name: str | None) -> ZoneInfo:
        if name not in self.zones:
            self.zones[name] = ZoneInfo(name or store.DEFAULT_ZONE)
        return self.zones[name]

    @staticmethod
    def _set_next(session: Session, plans: Sequence[tuple[Row[Any], Plan]], left: set[int]) -> None:
        ids: dict[datetime | None, list[int]] = defaultdict(list)
        for row, plan in plans:
            if row.id not in left:
                ids[plan.next_at].append(row.id)
        for next_at, some in ids.items():
            mine = update(SeriesSubscription).where(SeriesSubscription.id.in_(some))
            session.execute(mine.values(next_at=next_at), execution_options=PLAIN)


def _sent(row: Row[Any]) -> Sent:
    """What has come, from the lines of `usual`."""
    pairs = [line.split("\t") for line in (row.history or "").splitlines()]
    last = date.fromisoformat(row.last) if row.last else None
    return Sent(steps=frozenset(step for step, _ in pairs), messages=frozenset(message for _, message in pairs), last=last)


@dataclass(slots=True)
class Queue:
    """The rows of one batch, gathered and then written by a handful of statements."""

    sending: Sending
    session: Session
    moment: datetime
    words: dict[tuple[str, ...], Sealed]
    steps: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    used: dict[int, Sealed] = field(default_factory=dict)
    templates: dict[tuple[str, str], bool | None] = field(default_factory=dict)

    def put(self, row: Row[Any], plan: Plan, step: Step) -> bool:
        """Take up what one person gets; False if they had better be looked at alone."""
        key = f"series:{row.id}:{step.id}"
        until = window_until(row.channel, row.last_seen_at, row.window_until)
        waits = until is not None and until < self.moment
        tell = waits and not row.unread and self._may_tell(row.channel, row.language)
        if tell is None:
            return False
        self.steps.append({
            "id": row.id, "step": step.id, "version": plan.version, "message": plan.message, "day": plan.day.isoformat(),
            "state": "waiting" if waits else "sent", "told": tell, "until": plan.until,
            "step_key": None if waits else key,
        })  # fmt: skip
        if tell or not waits:
            reply = template_reply(self.sending, row.area_id) if waits else step_reply(f"message:{plan.message}", row.id)
            number = self._words(reply, row)
            message = {"id": row.id, "address": row.address_id, "channel": row.channel, "key": f"{key}:t" if waits else key}
            self.messages.append({**message, "words": number})
        return True

    def _may_tell(self, channel: str, language: str) -> bool | None:
        """Whether the template may go to those who read `language`; None if that hangs on the person."""
        if (channel, language) not in self.templates:
            self.templates[channel, language] = self._told_by_template(channel, language)
        return self.templates[channel, language]

    def _told_by_template(self, channel: str, language: str) -> bool | None:
        template = self.sending.renderer.library.templates.by_id.get(TEMPLATE)
        if template is None or language not in template.words:
            return False
        standing = standing_of(self.session, channel, template.name(language), language)
        if standing.marketing:
            return None
        verdict = can_send(Standing(window_closed=True, template=standing, consented=True), MessageClass.SERIES)
        if verdict.decision != "send":
            note_incident(self.session, "series-template", f"{language}: {verdict.reason}")
        return verdict.decision == "send"

    def _words(self, reply: Reply, row: Row[Any]) -> int:
        alike = (reply.ref, row.language, row.nation or "", str(reply.args.get("team", "")))
        sealed = self.words.get(alike)
        if sealed is None:
            rendering = self.sending.renderer.render(reply, row.language, row.nation)
            bare = replace(rendering.outbound, buttons=(), rows=())
            sealed = self.words[alike] = Sealed({
                "number": len(self.words), "ref": reply.ref, "language": bare.language,
                "content_id": rendering.content_id if rendering.template else None,
                "content_version": rendering.version if rendering.template else None,
                "sealed": self.sending.keyring.seal_json(asdict(bare)).decode("ascii"),
            }, rendering)  # fmt: skip
        number = int(sealed.row["number"])
        self.used[number] = sealed
        return number

    def write(self) -> None:
        """Everything that was taken up."""
        if not self.steps:
            return
        waits = [step["id"] for step in self.steps if step["state"] == "waiting"]
        if waits:  # the new one takes the place of what waited
            old = (SeriesStep.state == "waiting", SeriesStep.subscription_id.in_(waits))
            self.session.execute(update(SeriesStep).where(*old).values(state="missed"), execution_options=PLAIN)
        self._insert(SeriesStep, *self._step_columns())
        if self.messages:
            for sealed in self.used.values():
                keep_version(self.session, sealed.rendering)
            self._insert(Outbox, *self._message_columns())

    def _step_columns(self) -> tuple[dict[str, Any], FromClause]:
        new, row = given(self.session, "new", self.steps, STEP), SeriesSubscription.__table__.c
        columns: dict[str, Any] = {name: new.c[name] for name in ("step", "version", "message", "state", "told", "day", "until")}
        columns |= {"subscription_id": row.id, "person_id": row.person_id, "series": row.series, "outbox_key": new.c.step_key}
        columns |= {"child_id": func.coalesce(row.child_id, 0), "at": literal(self.moment, UtcDateTime())}
        return columns, new.join(SeriesSubscription.__table__, row.id == new.c.id)

    def _message_columns(self) -> tuple[dict[str, Any], FromClause]:
        new, words = (
            given(self.session, "new", self.messages, MESSAGE),
            given(self.session, "words", [sealed.row for sealed in self.used.values()], WORDS),
        )
        row, person, moment = SeriesSubscription.__table__.c, Person.__table__.c, literal(now(), UtcDateTime())
        columns: dict[str, Any] = {name: words.c[name] for name in ("ref", "content_id", "content_version", "language", "sealed")}
        columns |= {"key": new.c.key, "address_id": new.c.address, "channel": new.c.channel, "person_id": row.person_id}
        columns |= {"nation": person.nation, "campaign": person.campaign, "message_class": literal(MessageClass.SERIES.value)}
        columns |= {"state": literal("queued"), "open": literal(1), "attempts": literal(0)}
        columns |= {"due_at": moment, "created_at": moment}
        source = new.join(SeriesSubscription.__table__, row.id == new.c.id).join(Person.__table__, person.id == row.person_id)
        return columns, source.join(words, words.c.number == new.c.words)

    def _insert(self, table: type[SeriesStep] | type[Outbox], columns: Mapping[str, Any], source: FromClause) -> None:
        query = select(*columns.values()).select_from(source).order_by(SeriesSubscription.__table__.c.id)
        self.session.execute(insert(table).from_select(list(columns), query, include_defaults=False))
