"""What a turn may change, applied inside its commit. Handlers and actions only propose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.conversation.identifiers import without_identifiers
from bot.conversation.turn import Effect, Turn
from bot.handoff import cases
from bot.people import forget
from bot.series import store
from bot.storage.crypto import Keyring
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, CaseEvent, Child, Consent, Feedback, Inbox, Outbox, Person, UnansweredQuestion, now
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
    commit.person.stopped_at = None


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
    forget(commit.session, commit.turn.person.id, except_inbox=commit.turn.inbox_id)


def _report_service(commit: Committing, args: Mapping[str, Any]) -> None:
    """A parent says that a service's record is wrong. Nothing of theirs goes with it; the directory shares our database."""
    today = london_now().date()
    if args.get("reason"):
        reports.give_reason(commit.session, args["service_id"], args["reason"], today)
    else:
        reports.report(commit.session, args["service_id"], today)


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
    "feedback": _feedback,
    "forget": _forget,
    "report_service": _report_service,
    "incident": _incident,
    "unanswered": _unanswered,
}
