"""Which cases call for staff, when the next alarm of each is due, and whom it goes to.

A case calls while it is an emergency or urgent and nobody holds it, or while its first reply is past its target, until somebody
acknowledges: by the button, or by claiming it. What happens after that (a higher level, back in the queue, the target passed) lets
it call anew. All functions take an open session; the caller commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from bot.alarms.ways import Notice
from bot.handoff import rota
from bot.handoff.cases import late_since
from bot.handoff.desk import in_area
from bot.handoff.hours import Team, Teams
from bot.storage.tables import Alarm, Case, CaseEvent
from bot.storage.upsert import insert

SERIOUS = ("emergency", "urgent")
PORTION = 1_000
TURNS = ("opened", "raised", "released", "claimed", "acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A case that calls. `cause` is unclaimed or late; `since` when it began to; `answered_at` the last acknowledgement before."""

    case_id: int
    area_id: str | None
    level: str
    cause: str
    since: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next alarm of a case."""

    case_id: int
    number: int
    cause: str
    level: str
    audience: str
    began_at: datetime


class CaseCalls:
    """Alarms about cases. `url` is the public address of the console."""

    table = Alarm

    def __init__(self, teams: Teams, url: str) -> None:
        self._teams, self._url = teams, url

    def is_due(self, session: Session, moment: datetime) -> bool:
        return bool(due(session, self._teams, moment))

    def write_due(self, session: Session, ways: Sequence[str], moment: datetime) -> None:
        write(session, due(session, self._teams, moment), ways, moment)

    def notice(self, session: Session, row_id: int, moment: datetime) -> Notice | str:
        row = session.get_one(Alarm, row_id)
        if not calling(session, moment, [row.case_id]):
            return "somebody has taken it up"
        if row.step < newest_step(session, row.case_id):
            return "a later one goes out instead"
        case = session.get_one(Case, row.case_id)
        team = self._teams.of(case.area_id)
        return Notice(
            key=f"case{case.id}-step{row.step}-{row.way}",
            cause=row.cause,
            level=case.level,
            team=team.name,
            age_minutes=int((moment - case.opened_at).total_seconds() // 60),
            audience=row.audience,
            step=row.step,
            link=f"{self._url}/staff/cases/{case.id}",
            to=recipients(session, team, row.audience, moment),
        )


def calling(session: Session, moment: datetime, case_ids: Iterable[int] | None = None) -> list[Call]:
    """The cases that call at `moment`, of all or of `case_ids`."""
    late = and_(Case.first_reply_at.is_(None), Case.reply_due_at <= moment)
    waits = and_(Case.state == "open", Case.level.in_(SERIOUS))
    query = select(Case).where(Case.state.in_(("open", "claimed")), or_(late, waits)).order_by(Case.rank, Case.id)
    found = session.scalars(query if case_ids is None else query.where(Case.id.in_(list(case_ids)))).all()
    turns = _turns(session, [case.id for case in found])
    calls = [_call(case, turns.get(case.id, {}), moment) for case in found]
    return [call for call in calls if call.answered_at is None or call.answered_at < call.since]


def due(session: Session, teams: Teams, moment: datetime) -> list[Step]:
    """The alarms that should go out now and have not been written yet."""
    calls = calling(session, moment)
    last = _last(session, [call.case_id for call in calls])
    there = {area_id: _somebody(session, teams.of(area_id), moment) for area_id in {call.area_id for call in calls}}
    steps = []
    for call in calls:
        plan, before = teams.of(call.area_id).alarms, last.get(call.case_id)
        if not there[call.area_id] and call.level not in plan.outside_hours:
            continue
        if before is not None and before.created_at >= call.since and moment < before.created_at + plan.repeat:
            continue
        goes_on = before is not None and (call.answered_at is None or before.created_at > call.answered_at)
        began = before.began_at if before is not None and goes_on else moment
        steps.append(
            Step(
                case_id=call.case_id,
                number=before.step + 1 if before is not None else 1,
                cause=call.cause,
                level=call.level,
                audience="supervisor" if moment - began >= plan.climb else "team",
                began_at=began,
            )
        )
    return steps


def write(session: Session, steps: Sequence[Step], ways: Sequence[str], moment: datetime) -> None:
    """One row a step and way; a row that another process has written stays as it is."""
    for step in steps:
        for way in ways:
            values = {
                "case_id": step.case_id, "step": step.number, "way": way, "cause": step.cause, "level": step.level,
                "audience": step.audience, "began_at": step.began_at, "created_at": moment, "due_at": moment,
            }  # fmt: skip
            session.execute(insert(session, Alarm).values(**values).on_conflict_do_nothing())


def recipients(session: Session, team: Team, audience: str, moment: datetime) -> tuple[str, ...]:
    """E-mail addresses: whoever is on duty, else every practitioner of the area; the team's own; the supervisor's once it has climbed."""
    people = rota.on_duty(session, team.area_id, moment) or rota.practitioners(session, team.area_id)
    own = [person.email for person in people if person.email]
    return tuple(dict.fromkeys([*own, *team.alarms.email, *(team.alarms.supervisor if audience == "supervisor" else ())]))


def newest_step(session: Session, case_id: int) -> int:
    return session.scalar(select(func.max(Alarm.step)).where(Alarm.case_id == case_id)) or 0


def of_case(session: Session, case_id: int, limit: int) -> Sequence[Alarm]:
    """A case's alarms, newest first."""
    query = select(Alarm).where(Alarm.case_id == case_id).order_by(Alarm.step.desc(), Alarm.way).limit(limit)
    return session.scalars(query).all()


def failed_since(session: Session, moment: datetime, area_id: str | None = None) -> int:
    """How many alarms written since `moment` could not be sent, of all areas or of one and of none."""
    query = select(func.count()).select_from(Alarm).where(Alarm.state == "failed", Alarm.created_at > moment)
    if area_id is not None:
        query = query.join(Case, Case.id == Alarm.case_id).where(in_area(Case.area_id, area_id))
    return session.scalar(query) or 0


def _call(case: Case, turns: Mapping[str, datetime], moment: datetime) -> Call:
    late_at = late_since(case, moment)
    begun = [turns[kind] for kind in ("opened", "raised", "released") if kind in turns] or [case.opened_at]
    if late_at is not None:
        begun = [late_at, *(turns[kind] for kind in ("raised", "released") if kind in turns)]
    answers = [turns[kind] for kind in ("claimed", "acknowledged") if kind in turns]
    return Call(
        case_id=case.id,
        area_id=case.area_id,
        level=case.level,
        cause="late" if late_at is not None else "unclaimed",
        since=max(begun),
        answered_at=max(answers, default=None),
    )


def _turns(session: Session, case_ids: Sequence[int]) -> dict[int, dict[str, datetime]]:
    """When each kind of event that matters happened last, by case."""
    found: dict[int, dict[str, datetime]] = {}
    for some in _portions(case_ids):
        query = (
            select(CaseEvent.case_id, CaseEvent.kind, func.max(CaseEvent.at))
            .where(CaseEvent.case_id.in_(some), CaseEvent.kind.in_(TURNS))
            .group_by(CaseEvent.case_id, CaseEvent.kind)
        )
        for case_id, kind, at in session.execute(query):
            found.setdefault(case_id, {})[kind] = at
    return found


def _last(session: Session, case_ids: Sequence[int]) -> dict[int, Alarm]:
    """The newest alarm of each case, on any of its ways."""
    found: dict[int, Alarm] = {}
    for some in _portions(case_ids):
        newest = select(Alarm.case_id, func.max(Alarm.step)).where(Alarm.case_id.in_(some)).group_by(Alarm.case_id)
        rows = session.scalars(select(Alarm).where(tuple_(Alarm.case_id, Alarm.step).in_(newest)))
        found.update((row.case_id, row) for row in rows)
    return found


def _portions(case_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The ids, so many at a time as one statement takes on every database."""
    return (case_ids[start : start + PORTION] for start in range(0, len(case_ids), PORTION))


def _somebody(session: Session, team: Team, moment: datetime) -> bool:
    """Whether somebody can be expected to look: the team is open, or somebody is on duty."""
    return team.open_until(moment) is not None or bool(rota.on_duty(session, team.area_id, moment))
