"""The work on the directory: draft, send, approve, refuse. Every call takes a session and commits nothing.

Who may: whoever calls has seen to the role; areas are seen to here. An account of one area works on the records of that
area. A record without an area belongs to all of them: every account may read it, and only an account of all areas (its
own area is ``None``) may change it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from services_directory import models
from services_directory.directory import whole_service
from services_directory.editing import doubles
from services_directory.editing.answers import FIELDS, Answers, Wrong, answers_of, new_wrongs, tidy
from services_directory.editing.apply import write
from services_directory.editing.tables import Change, Step
from services_directory.models import now

OPEN = ("draft", "pending", "refused")
LONGEST_REASON = 1000


class Refusal(Exception):
    """Something was not done, and nothing was changed. ``code`` names the sentence that says why."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is at work. ``area_id`` is ``None`` for somebody who looks after every area."""

    id: int
    name: str
    area_id: str | None


@dataclass(frozen=True)
class Difference:
    """One field that a change sets: its text before and after, empty where there was or will be none.

    ``meanwhile``: what somebody else has made of it since the change was begun, or ``None``.
    """

    field: str
    before: str
    after: str
    meanwhile: str | None = None


# ---- Who and what -----------------------------------------------------------------------------------------------------


def may_see(person: Person, area_id: str | None) -> bool:
    """Tell whether a record of that area is theirs to read."""
    return person.area_id is None or area_id in (None, person.area_id)


def may_change(person: Person, area_id: str | None) -> bool:
    """Tell whether a record of that area is theirs to change."""
    return person.area_id is None or area_id == person.area_id


def in_sight(column: InstrumentedAttribute[str | None], person: Person) -> ColumnElement[bool]:
    """Return the condition of ``may_see``."""
    return true() if person.area_id is None else or_(column.is_(None), column == person.area_id)


def get_service(session: Session, person: Person, service_id: str) -> models.Service:
    """Return a service with all that hangs on it. Raises ``Refusal("missing")``."""
    service = _whole(session, service_id)
    if service is None or not may_see(person, service.area_id):
        raise Refusal("missing")
    return service


def _whole(session: Session, service_id: str) -> models.Service | None:
    """Return a service as the database has it now, with all that hangs on it."""
    query = select(models.Service).where(models.Service.id == service_id).options(*whole_service())
    return session.scalars(query.execution_options(populate_existing=True)).unique().one_or_none()


def get_change(session: Session, person: Person, change_id: str) -> Change:
    """Return a change of somebody's area; a draft only to its author. Raises ``Refusal("missing")``."""
    change = session.get(Change, change_id)
    if change is None or not may_see(person, change.area_id):
        raise Refusal("missing")
    if change.state not in ("pending", "applied") and change.author_id != person.id:
        raise Refusal("missing")
    return change


# ---- Drafts -----------------------------------------------------------------------------------------------------------


def begin(session: Session, person: Person, service_id: str | None = None) -> Change:
    """Return a draft: for a service the one that the person has already, if any; without one, a new service's."""
    if service_id is None:
        change = Change(
            service_id=models.new_id(),
            area_id=person.area_id,
            new=True,
            base={},
            answers={"level": "universal", "route": "self", "checked": now().date().isoformat()},
            author_id=person.id,
            author=person.name,
        )
    else:
        service = get_service(session, person, service_id)
        if not may_change(person, service.area_id):
            raise Refusal("not_yours")
        mine = select(Change).where(
            Change.service_id == service_id, Change.author_id == person.id, Change.state.in_(("draft", "refused"))
        )
        found = session.scalars(mine.order_by(Change.saved_at.desc())).first()
        if found is not None:
            return found
        answers = answers_of(service)
        change = Change(
            service_id=service.id,
            area_id=service.area_id,
            base=answers,
            answers=answers,
            author_id=person.id,
            author=person.name,
        )
    session.add(change)
    session.flush()
    return change


def save(session: Session, person: Person, change_id: str, given: Mapping[str, str], *, step: str | None = None) -> Change:
    """Store what was typed, right or wrong, for the fields that ``given`` has. Raises ``Refusal`` unless it is theirs to write."""
    change = _own(session, person, change_id)
    kept = {field: text for field, text in change.answers.items() if field not in given}
    answers = tidy({**kept, **given})
    if answers != change.answers:
        change.answers, change.saved_at = answers, now()
        change.state = "draft"
    change.step = step or change.step
    return change


def _own(session: Session, person: Person, change_id: str) -> Change:
    change = get_change(session, person, change_id)
    if change.author_id != person.id:
        raise Refusal("missing")
    if change.state not in ("draft", "refused"):
        raise Refusal("sent_already")
    return change


def wrongs_of(session: Session, change: Change) -> list[Wrong]:
    """Return what must be mended before the change can be sent. What an undo puts back stood there once, and may again."""
    found = new_wrongs(session, change.answers, change.base)
    step = session.get(Step, change.undoes) if change.undoes else None
    if step is None:
        return found
    return [wrong for wrong in found if change.answers.get(wrong.field, "") != step.before.get(wrong.field, "")]


def send(session: Session, person: Person, change_id: str) -> list[Wrong]:
    """Put a draft before those who approve. Returns what is wrong with it; then it stays a draft."""
    change = _own(session, person, change_id)
    if wrong := wrongs_of(session, change):
        return wrong
    if not change.new and change.answers == change.base:
        service = session.get(models.Service, change.service_id)
        if service is None or service.approval == "approved":
            raise Refusal("unchanged")
    change.state, change.sent_at, change.reason = "pending", now(), None
    return []


def take_back(session: Session, person: Person, change_id: str) -> Change:
    """Make a sent change one's own draft again."""
    change = get_change(session, person, change_id)
    if change.author_id != person.id or change.state != "pending":
        raise Refusal("not_pending")
    change.state = "draft"
    return change


def throw_away(session: Session, person: Person, change_id: str) -> None:
    """Put a draft out of sight."""
    _own(session, person, change_id).state = "thrown away"


def drafts(session: Session, person: Person) -> list[Change]:
    """Return the person's own drafts and what was refused them, the latest first."""
    mine = select(Change).where(Change.author_id == person.id, Change.state.in_(("draft", "refused")))
    return list(session.scalars(mine.order_by(Change.saved_at.desc()).limit(100)))


def pending(session: Session, person: Person) -> list[Change]:
    """Return what waits for approval in the person's area, the oldest first."""
    waiting = select(Change).where(Change.state == "pending", in_sight(Change.area_id, person))
    return list(session.scalars(waiting.order_by(Change.sent_at).limit(200)))


def open_changes(session: Session, person: Person, service_id: str) -> list[Change]:
    """Return what waits for approval for one service."""
    waiting = select(Change).where(Change.service_id == service_id, Change.state == "pending", in_sight(Change.area_id, person))
    return list(session.scalars(waiting.order_by(Change.sent_at)))


# ---- Deciding ---------------------------------------------------------------------------------------------------------


def differences(change: Change, current: Answers) -> list[Difference]:
    """Return, field by field, what the change sets, against the record as it was when it was begun."""
    base, answers = change.base, change.answers
    return [
        Difference(
            field,
            base.get(field, ""),
            answers.get(field, ""),
            None if change.new or current.get(field, "") == base.get(field, "") else current.get(field, ""),
        )
        for field in FIELDS
        if base.get(field, "") != answers.get(field, "")
    ]


def current_answers(session: Session, change: Change) -> dict[str, str]:
    """Return the record's answers now; none if there is no record."""
    service = _whole(session, change.service_id)
    return answers_of(service) if service else {}


def double_of(session: Session, change: Change) -> models.Service | None:
    """Return the double that a change withdraws, if any."""
    return _whole(session, change.withdraws) if change.withdraws else None


def makes_live(session: Session, change: Change) -> bool:
    """Tell whether approving the change shows parents a service that they do not see now."""
    service = session.get(models.Service, change.service_id)
    return service is None or service.approval != "approved"


def is_outrun(change: Change, current: Answers) -> bool:
    """Tell whether the record has changed since the change was begun."""
    return dict(current) != change.base


def fingerprint(change: Change, current: Answers, double: models.Service | None = None) -> str:
    """Return a short name for what an approver was shown, so that they approve that and nothing else."""
    shown = json.dumps([change.base, change.answers, dict(current), answers_of(double) if double else {}], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def approve(session: Session, person: Person, change_id: str, shown: str, *, own_too: bool = False) -> models.Service:
    """Write a change into its record and its history. Raises ``Refusal``, and then nothing is changed.

    ``shown``: the ``fingerprint`` of what the approver saw. ``own_too``: whether one may approve one's own.
    """
    change = _waiting(session, person, change_id)
    if change.author_id == person.id and not own_too:
        raise Refusal("own")
    current = current_answers(session, change)
    if is_outrun(change, current):
        raise Refusal("outrun")
    double = double_of(session, change)
    if change.withdraws and double is None:
        raise Refusal("gone")
    if double is not None and not may_change(person, double.area_id):
        raise Refusal("not_yours")
    if fingerprint(change, current, double) != shown:
        raise Refusal("not_as_shown")
    if wrongs_of(session, change):
        raise Refusal("wrong")
    service = record(session, change)
    kind = "undone" if change.undoes else "added" if change.new else "merged" if double else "changed"
    step = _step(service.id, kind, current, answers_of(service), author_id=change.author_id, author=change.author)
    step.change_id, step.approver = change.id, person.name
    if double is not None:
        step.after |= {"other": double.name, "other_id": double.id}
        doubles.withdraw(session, double, service, author_id=change.author_id, author=change.author, approver=person.name)
    session.add(step)
    change.state, change.decided_at, change.decider_id, change.decider = "applied", now(), person.id, person.name
    return service


def _step(service_id: str, kind: str, before: Answers, after: Answers, *, author_id: int, author: str) -> Step:
    """Return a step of a history with the fields that differ."""
    changed = [field for field in FIELDS if before.get(field, "") != after.get(field, "")]
    return Step(
        service_id=service_id,
        kind=kind,
        before={field: before[field] for field in changed if field in before},
        after={field: after[field] for field in changed if field in after},
        author_id=author_id,
        author=author,
    )


def propose(session: Session, person: Person, service: models.Service, answers: Answers, double: str | None = None) -> Change:
    """Put a change of a record before those who approve, without a draft; with ``double``, it withdraws that one too."""
    change = Change(
        service_id=service.id,
        area_id=service.area_id,
        base=answers_of(service),
        answers=tidy(answers),
        author_id=person.id,
        author=person.name,
        withdraws=double,
        state="pending",
        sent_at=now(),
    )
    session.add(change)
    session.flush()
    return change


def settle(session: Session, person: Person, service: models.Service, answers: Answers) -> None:
    """Write answers into a record that no parent sees yet, and into its history: whoever approves it sees them there."""
    before = answers_of(service)
    write(session, service, answers, {field for field in FIELDS if before.get(field, "") != answers.get(field, "")})
    session.expire_all()
    after = answers_of(session.get_one(models.Service, service.id))
    session.add(_step(service.id, "answered", before, after, author_id=person.id, author=person.name))


def record(session: Session, change: Change) -> models.Service:
    """Write a change's answers into its record, without a history: to approve it, or to look at it and roll back."""
    if change.new:
        service = models.Service(id=change.service_id, area_id=change.area_id, status="active", name="", description="")
        changed = set(FIELDS)
    else:
        found = session.scalars(
            select(models.Service).where(models.Service.id == change.service_id).options(*whole_service())
        ).unique()
        service = found.one()
        changed = {one.field for one in differences(change, change.base)}
    service.approval = "approved"
    write(session, service, change.answers, changed)
    session.expire_all()
    return session.scalars(select(models.Service).where(models.Service.id == service.id).options(*whole_service())).unique().one()


def refuse(session: Session, person: Person, change_id: str, reason: str) -> None:
    """Give a change back to its author with a reason. Raises ``Refusal``."""
    change = _waiting(session, person, change_id)
    if not reason.strip():
        raise Refusal("reason_missing")
    if len(reason) > LONGEST_REASON:
        raise Refusal("reason_long")
    change.state, change.decided_at, change.decider_id, change.decider = "refused", now(), person.id, person.name
    change.reason = reason.strip()


def catch_up(session: Session, person: Person, change_id: str) -> Change:
    """Put a change on top of what the record has become: its own fields stay as its author wrote them."""
    change = get_change(session, person, change_id)
    if not may_change(person, change.area_id):
        raise Refusal("not_yours")
    if change.state not in OPEN:
        raise Refusal("not_pending")
    current = current_answers(session, change)
    if not current:
        raise Refusal("gone")
    answers = dict(current)
    for one in differences(change, current):
        answers[one.field] = one.after
    change.base, change.answers, change.saved_at = current, tidy(answers), now()
    return change


def _waiting(session: Session, person: Person, change_id: str) -> Change:
    change = get_change(session, person, change_id)
    if not may_change(person, change.area_id):
        raise Refusal("not_yours")
    if change.state != "pending":
        raise Refusal("not_pending")
    return change
