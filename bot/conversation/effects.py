"""What a turn may change, applied inside its commit. Handlers and actions only propose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.conversation.identifiers import without_identifiers
from bot.conversation.turn import Effect, Turn
from bot.handoff import cases
from bot.insight.searches import count_search
from bot.library import Library
from bot.people import forget
from bot.people.forgotten import FORGET, ForgottenList
from bot.people.tombstones import bury, clear
from bot.series import store
from bot.series.plan import SLOWER, Choices
from bot.storage.crypto import Keyring
from bot.storage.incidents import note_incident
from bot.storage.tables import (
    Case,
    CaseEvent,
    Child,
    Consent,
    Feedback,
    Inbox,
    Outbox,
    Person,
    SeriesStep,
    SeriesSubscription,
    UnansweredQuestion,
    now,
)
from bot.triage import Level
from services_directory.directory import london_now
from services_directory.freshness import reports

LONGEST_QUESTION = 500
"""Characters of a question without an answer that are kept."""


@dataclass(frozen=True, slots=True)
class Committing:
    """The open transaction and the turn it belongs to."""

    session: Session
    keyring: Keyring
    turn: Turn
    address_id: int
    channel: str
    library: Library
    tombstones_end: Callable[[datetime], datetime]
    """Until when a tombstone lies that is put at a moment."""
    forgotten: ForgottenList

    @property
    def person(self) -> Person:
        return self.session.get_one(Person, self.turn.person.id)


def apply(effect: Effect, commit: Committing) -> None:
    """Apply one effect. Raises KeyError for an unknown kind."""
    APPLY[effect.kind](commit, effect.args)


def _set_language(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.person.language = args["language"]
    commit.person.language_chosen = True


def _set_profile(commit: Committing, args: Mapping[str, Any]) -> None:
    for name in ("role", "nation", "district"):
        if name in args:
            setattr(commit.person, name, args[name])


def _add_child(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.session.add(Child(person_id=commit.turn.person.id, born_or_due=args["month"]))


def _stop(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.person.stopped_at = now()
    _consent(commit, {"category": "unasked", "given": False})
    store.end_all(commit.session, commit.turn.person.id, "stop")


def _start(commit: Committing, args: Mapping[str, Any]) -> None:
    _asked_anew(commit)


def _asked_anew(commit: Committing) -> None:
    """They want to hear from us: neither an earlier stop nor a tombstone stands in the way any more."""
    commit.person.stopped_at = None
    clear(commit.session, commit.keyring, commit.person)


def _consent(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.session.add(
        Consent(
            person_id=commit.turn.person.id,
            category=args["category"],
            given=args["given"],
            method=commit.channel,
            inbox_id=commit.turn.inbox_id,
            wording_version=args.get("version"),
        )
    )


def _open_case(commit: Committing, args: Mapping[str, Any]) -> None:
    turn = commit.turn
    case = cases.open_or_raise(
        commit.session,
        commit.keyring,
        person_id=turn.person.id,
        area_id=turn.team.area_id if turn.team else turn.person.area_id,
        address_id=commit.address_id,
        channel=commit.channel,
        language=turn.language,
        level=args["level"],
        reasons=args.get("reasons", ()),
        inbox_id=turn.inbox_id,
        team=turn.team,
        topic=args.get("topic"),
    )
    if args.get("consent"):
        _consent(commit, {"category": "contact", "given": True})
    if args.get("withhold"):
        commit.session.add(CaseEvent(case_id=case.id, kind="withheld", inbox_id=args["withhold"]))
    _join(commit, {"case_id": case.id})


def _join(commit: Committing, args: Mapping[str, Any]) -> None:
    row = commit.session.get_one(Inbox, commit.turn.inbox_id)
    if row.case_id != args["case_id"]:
        row.case_id = args["case_id"]
        cases.join(commit.session, commit.session.get_one(Case, args["case_id"]), row.id)


def _not_meant(commit: Committing, args: Mapping[str, Any]) -> None:
    case = cases.current(commit.session, commit.turn.person.id)
    if case is not None:
        cases.not_meant(commit.session, case, commit.turn.inbox_id)


def _late_told(commit: Committing, args: Mapping[str, Any]) -> None:
    case = cases.current(commit.session, commit.turn.person.id)
    if case is not None and case.late_told_at is None:
        case.late_told_at = now()


def _tell_case(commit: Committing, args: Mapping[str, Any]) -> None:
    """Note in the open case, if there is one, what the writer said for it; with `once` only the first time a case."""
    case = cases.current(commit.session, commit.turn.person.id)
    if case is not None:
        detail = commit.keyring.seal_json(dict(args.get("detail") or {}))
        cases.tell(commit.session, case, args["kind"], detail, commit.turn.inbox_id, once=bool(args.get("once")))


def _share(commit: Committing, args: Mapping[str, Any]) -> None:
    """Give the open case the words of one of the parent's own messages."""
    row = commit.session.get(Inbox, args["inbox_id"])
    case = cases.current(commit.session, commit.turn.person.id)
    if case is None or row is None or row.person_id != commit.turn.person.id:
        return
    words = commit.keyring.open_json(row.sealed)["text"]
    cases.tell(commit.session, case, "shared", commit.keyring.seal_json({"words": words}), row.id)


def _bereaved(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.person.bereaved_at = commit.person.bereaved_at or now()
    store.end_all(commit.session, commit.turn.person.id, "bereaved")


def _series_join(commit: Committing, args: Mapping[str, Any]) -> None:
    """They asked for a series and agreed to its words. Whoever had stopped everything has asked for something again."""
    child = _child(commit, args["child"]) if args["child"] else None
    wanted = store.Wanted(
        series=args["series"],
        child_id=child.id if child is not None else None,
        choices=Choices(days=frozenset(map(int, args["days"])), hour=args["hour"], pace=args["pace"]),
        month=args.get("month"),
        early=args.get("early", 0),
    )
    agreed = store.Agreed(by=commit.channel, inbox_id=commit.turn.inbox_id, version=args["version"])
    _asked_anew(commit)
    store.join(commit.session, commit.library.series, commit.person, wanted, agreed, now())


def _child(commit: Committing, month: str) -> Child:
    """Their child of that month; kept now if it is not known yet."""
    person_id = commit.turn.person.id
    query = select(Child).where(Child.person_id == person_id, Child.born_or_due == month, Child.apart_at.is_(None))
    child = commit.session.scalar(query.order_by(Child.id).limit(1))
    if child is None:
        child = Child(person_id=person_id, born_or_due=month)
        commit.session.add(child)
        commit.session.flush()
    return child


def _series_set(commit: Committing, args: Mapping[str, Any]) -> None:
    """Change, pause or stop a series, or say what has become of the child it is about."""
    session, series, moment = commit.session, commit.library.series, now()
    row = session.get(SeriesSubscription, args["id"])
    if row is None or row.person_id != commit.turn.person.id or row.state == "ended":
        return
    child = session.get(Child, row.child_id) if row.child_id else None
    chosen = store.choices_of(row)
    match args["what"]:
        case "less":
            store.change(session, series, row, replace(chosen, pace=SLOWER.get(chosen.pace, chosen.pace)), moment)
        case "when":
            days = frozenset(map(int, args["days"]))
            store.change(session, series, row, replace(chosen, days=days, hour=args["hour"]), moment)
        case "pause":
            store.pause(row)
        case "resume":
            store.resume(session, series, row, moment)
        case "stop":
            store.end(session, row, "asked", moment)
        case "apart" | "child" if child is not None:
            store.apart(session, child, moment, reason=args["what"])
        case "born" if child is not None:
            store.born(session, series, child, args["month"], moment)
        case "not_yet" if child is not None:
            store.not_yet(session, series, child, moment)


def _series_given(commit: Committing, args: Mapping[str, Any]) -> None:
    """What waited for them has been given now, unless the sweep was first: then it is not said twice."""
    step = commit.session.get(SeriesStep, args["step"], with_for_update=True)
    if step is None or step.state != "waiting":
        turn = commit.turn
        turn.replies = [reply for reply in turn.replies if step is None or reply.ref != f"message:{step.message}"]
        return
    step.state = "sent"


def _contact_unsafe(commit: Committing, args: Mapping[str, Any]) -> None:
    commit.person.contact_unsafe = bool(args["unsafe"])


def _feedback(commit: Committing, args: Mapping[str, Any]) -> None:
    session, person_id = commit.session, commit.turn.person.id
    sent = session.scalar(
        select(Outbox)
        .where(Outbox.person_id == person_id, Outbox.content_id == args["content_id"])
        .order_by(Outbox.id.desc())
        .limit(1)
    )
    key = sent.key if sent else args["content_id"]
    row = session.scalar(select(Feedback).where(Feedback.person_id == person_id, Feedback.outbox_key == key))
    if row is None:
        row = Feedback(person_id=person_id, outbox_key=key, content_id=args["content_id"])
        session.add(row)
    row.content_version = sent.content_version if sent else None
    row.useful = args["useful"]


def _forget(commit: Committing, args: Mapping[str, Any]) -> None:
    until = commit.tombstones_end(now())
    bury(commit.session, commit.keyring, commit.person, until=until, receipt=args["receipt"])
    commit.forgotten.add(FORGET, commit.person, until)
    forget(commit.session, commit.turn.person.id, except_inbox=commit.turn.inbox_id)


def _report_service(commit: Committing, args: Mapping[str, Any]) -> None:
    """A parent says that a service's record is wrong. Nothing of theirs goes with it; the directory shares our database."""
    today = london_now().date()
    if args.get("reason"):
        reports.give_reason(commit.session, args["service_id"], args["reason"], today)
    else:
        reports.report(commit.session, args["service_id"], today)


def _searched(commit: Committing, args: Mapping[str, Any]) -> None:
    """Somebody looked for services: a number goes up by one, and nothing of theirs goes with it."""
    turn = commit.turn
    count_search(
        commit.session,
        moment=turn.moment,
        area_id=turn.person.area_id,
        language=turn.language,
        outcome=args["outcome"],
        need=args["need"],
        place=args["place"],
    )


def _incident(commit: Committing, args: Mapping[str, Any]) -> None:
    note_incident(commit.session, args["kind"], args["detail"])


def _unanswered(commit: Committing, args: Mapping[str, Any]) -> None:
    """Keep the question for those who write content, unless it was a worry or belongs to a case."""
    turn = commit.turn
    if turn.level != Level.NONE or turn.case is not None:
        return
    commit.session.add(
        UnansweredQuestion(
            area_id=turn.person.area_id,
            language=turn.language,
            outcome=args["outcome"],
            topics=list(args["topics"]),
            sealed=commit.keyring.seal_json(without_identifiers(turn.text[:LONGEST_QUESTION])),
        )
    )


APPLY: dict[str, Callable[[Committing, Mapping[str, Any]], None]] = {
    "set_language": _set_language,
    "set_profile": _set_profile,
    "add_child": _add_child,
    "stop": _stop,
    "start": _start,
    "consent": _consent,
    "open_case": _open_case,
    "join_case": _join,
    "not_meant": _not_meant,
    "late_told": _late_told,
    "tell_case": _tell_case,
    "contact_unsafe": _contact_unsafe,
    "bereaved": _bereaved,
    "share": _share,
    "series_join": _series_join,
    "series_set": _series_set,
    "series_given": _series_given,
    "feedback": _feedback,
    "forget": _forget,
    "report_service": _report_service,
    "searched": _searched,
    "incident": _incident,
    "unanswered": _unanswered,
}
